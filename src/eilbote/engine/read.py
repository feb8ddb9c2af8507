"""Mail and mailboxes as faces show them. Reads the local copy only: never the network, never a change."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from itertools import count
from pathlib import Path

from msgspec import Struct

from eilbote.engine.accounts import find_account
from eilbote.engine.act import mailbox_named
from eilbote.engine.app import App
from eilbote.engine.gmail import stands_for
from eilbote.errors import Gone, Misused
from eilbote.mail.message import Message, parse_message
from eilbote.mail.part import Part
from eilbote.mail.skeleton import has_only_header, left_out_of
from eilbote.mail.text import readable_text
from eilbote.search.parse import parse_query
from eilbote.store.rule_values import Run
from eilbote.store.values import Account, Conflict, Mailbox, Placement, Quarantined

_MOST_CHOSEN = 1_000_000


class Attachment(Struct, frozen=True):
    """A part that a reader would call an attachment; `size` is that of its decoded content, about
    that where it is not `here` because the mode of its mailbox leaves it out."""

    number: str
    name: str
    type: str
    size: int
    here: bool = True


class Shown(Struct, frozen=True):
    """One mail to be read: where it lies, what it says as text, what hangs on it, and what was
    wrong with its form. `headers_only`: nothing but its header is here; `in_part`: its large parts
    are not."""

    placements: tuple[Placement, ...]
    text: str
    attachments: tuple[Attachment, ...]
    defects: tuple[str, ...]
    headers_only: bool = False
    in_part: bool = False
    labels: tuple[str, ...] = ()
    """Those of Gmail that are no mailbox here: the others are seen by where it lies."""
    ruled: tuple[Run, ...] = ()
    """What rules did with it, the newest first."""


class DecidedConflict(Struct, frozen=True):
    """A conflict with the names of its account and mailbox."""

    conflict: Conflict
    account: str
    mailbox: str


def list_mailboxes(app: App, account: str | None = None) -> list[tuple[str, Mailbox]]:
    """Every mailbox with its account's address: the inbox first, then the ones with a role."""
    found = []
    for owner in _accounts(app, account):
        mailboxes = app.store.mailboxes.all(owner.id)
        found += [(owner.address, mailbox) for mailbox in sorted(mailboxes, key=_mailbox_order)]
    return found


def list_mail(app: App, mailbox: str | None, account: str | None, limit: int) -> list[Placement]:
    """The newest `limit` mails of a mailbox (by name or role), or without one of all mailboxes.

    Raises Gone `mailbox.unknown`, `account.unknown`.
    """
    owners = _accounts(app, account)
    if mailbox is None:
        owner = owners[0].id if account is not None else None
        return app.store.messages.list_placements(account=owner, limit=limit)
    places: list[Mailbox] = []
    missing: Gone | None = None
    for each in owners:
        try:
            places.append(mailbox_named(app, each.id, mailbox))
        except Gone as error:
            missing = error
    if missing is not None and not places:
        raise missing
    found = [
        mail for place in places for mail in app.store.messages.list_placements(mailbox=place.id, limit=limit)
    ]
    return sorted(found, key=lambda each: each.internal_date, reverse=True)[:limit]


def search_mail(app: App, query: str, account: str | None, limit: int) -> list[Placement]:
    """The newest `limit` mails that the query finds. Dates in it are those of the
    machine's time zone. Raises Misused `search.*` for a query that makes no sense."""
    owner = find_account(app, account).id if account is not None else None
    tree = parse_query(query, datetime.fromtimestamp(app.clock.now(), UTC).astimezone())
    ids = app.store.search.find(tree, account=owner, limit=limit)
    return app.store.messages.placements(ids)


def search_is_behind(app: App) -> int:
    """How many mails a search cannot find yet, because the index has not read them."""
    return app.store.search.behind(app.store.search.covered())


def thread_of(app: App, mail_id: str) -> list[Placement]:
    """The conversation that the mail belongs to. Raises Misused `mail.bad_id`, Gone `store.no_message`."""
    first = app.store.messages.get(checked_id(mail_id))[0]
    return app.store.messages.thread(first.account, first.thread)


def show_mail(app: App, mail_id: str, message: Message | None = None) -> Shown:
    """One mail to be read, `message` if it has been parsed. Raises Misused `mail.bad_id`, Gone
    `store.no_message`."""
    number = checked_id(mail_id)
    placements = tuple(app.store.messages.get(number))
    message = message or parse_message(app.store.messages.raw(number))
    in_part = not placements[0].whole
    labels = _labels_beside(app, number, placements)
    ruled = tuple(app.store.rule_runs.of_messages([number]).get(number, ()))
    if in_part and has_only_header(message.raw):
        return Shown(placements, "", (), (), headers_only=True, in_part=True, labels=labels, ruled=ruled)
    attachments = tuple(_attachment(part, in_part=in_part) for part in message.attachments)
    return Shown(
        placements,
        readable_text(message),
        attachments,
        message.defects,
        in_part=in_part,
        labels=labels,
        ruled=ruled,
    )


def _labels_beside(app: App, message: int, placements: Sequence[Placement]) -> tuple[str, ...]:
    """Gmail's labels of a mail that no mailbox of the account stands for."""
    told = app.store.messages.labels(message)
    if not told:
        return ()
    mailboxes = app.store.mailboxes.all(placements[0].account)
    return tuple(label for label in told if not any(stands_for(one, label) for one in mailboxes))


def save_attachments(app: App, mail_id: str, folder: Path) -> Iterator[tuple[Attachment, Path]]:
    """Writes every attachment into `folder`, which is made if need be, and gives each with its file.

    A file that is there already is never overwritten: the new one gets a number. Raises Misused
    `attachment.unwritable`, Gone `store.headers_only` where not all of the mail is here.
    """
    message = parse_message(app.store.messages.whole(checked_id(mail_id)))
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as problem:
        raise Misused("attachment.unwritable", file=folder, reason=problem.strerror) from None
    for part in message.attachments:
        yield _attachment(part), _write_new(folder, _file_name(part), part.content())


def _attachment(part: Part, *, in_part: bool = False) -> Attachment:
    left_out = left_out_of(part) if in_part else 0
    if left_out:
        size = left_out * 57 // 78 if part.encoding == "base64" else left_out
        return Attachment(part.number, part.file_name, part.content_type, size, here=False)
    return Attachment(part.number, part.file_name, part.content_type, len(part.content()))


def _file_name(part: Part) -> str:
    if part.file_name:
        return part.file_name
    ending = ".eml" if part.content_type.startswith("message/") else ".bin"
    return f"part-{part.number}{ending}"


def _write_new(folder: Path, name: str, data: bytes) -> Path:
    stem, suffix = Path(name).stem, Path(name).suffix
    for number in count(1):
        file = folder / (name if number == 1 else f"{stem} ({number}){suffix}")
        try:
            with file.open("xb") as stream:
                stream.write(data)
        except FileExistsError:
            continue
        except OSError as problem:
            raise Misused("attachment.unwritable", file=file, reason=problem.strerror) from None
        return file
    raise AssertionError("count() never ends")


def is_whole(app: App, mail_id: str) -> bool:
    """Whether all of a mail is here. Raises Misused `mail.bad_id`, Gone `store.no_message`."""
    return all(one.whole for one in app.store.messages.get(checked_id(mail_id)))


def raw_mail(app: App, mail_id: str) -> bytes:
    """The exact bytes received. Raises Misused `mail.bad_id`, Gone `store.no_message`,
    `store.headers_only` where not all of them are here."""
    return app.store.messages.whole(checked_id(mail_id))


def list_quarantine(app: App, account: str | None) -> list[Quarantined]:
    """Mails that a server lists and that could not be taken in, and why."""
    return app.store.messages.in_quarantine(find_account(app, account).id if account is not None else None)


def list_conflicts(app: App, account: str | None, limit: int) -> list[DecidedConflict]:
    """The latest `limit` conflicts, newest first."""
    owner = find_account(app, account).id if account is not None else None
    addresses = {each.id: each.address for each in app.store.accounts.all()}
    names = {mailbox.id: mailbox.name for number in addresses for mailbox in app.store.mailboxes.all(number)}
    return [
        DecidedConflict(each, addresses.get(each.account, ""), names.get(each.mailbox, ""))
        for each in app.store.journal.conflicts(owner, limit)
    ]


def chosen_mail(
    app: App, ids: Sequence[str], query: str | None, account: str | None, *, removed: bool = False
) -> list[int]:
    """The ids of the mail that a command names: each by its id, or all that a search finds. With
    `removed` an id may also name a mail that was deleted and can be brought back.

    Raises Misused `mail.none_chosen`, `mail.bad_id`, Gone `store.no_message`.
    """
    if query is not None:
        found = search_mail(app, query, account, _MOST_CHOSEN)
        chosen = [each.id for each in found]
    elif ids:
        chosen = []
    else:
        raise Misused("mail.none_chosen")
    for each in ids:
        number = checked_id(each)
        if removed:
            app.store.messages.identity(number)
        else:
            app.store.messages.get(number)
        chosen.append(number)
    return list(dict.fromkeys(chosen))


def checked_id(text: str) -> int:
    """A mail's id. Raises Misused `mail.bad_id`."""
    if not text.isascii() or not text.isdigit() or len(text) > 18 or int(text) == 0:
        raise Misused("mail.bad_id", id=text)
    return int(text)


def _accounts(app: App, name: str | None) -> list[Account]:
    return app.store.accounts.all() if name is None else [find_account(app, name)]


def _mailbox_order(mailbox: Mailbox) -> tuple[int, str]:
    order = ("inbox", "drafts", "sent", "archive", "junk", "trash")
    role = mailbox.role.value if mailbox.role else ""
    place = order.index(role) if role in order else len(order)
    return (place, mailbox.name.casefold())
