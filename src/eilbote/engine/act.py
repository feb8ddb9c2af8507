"""The one door for every change of mail: what each origin may do, then the local change and its
journal row in one transaction. The server learns of it at the next pass.

A mail's text is never an instruction; nothing here reads one.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from enum import StrEnum
from functools import cache, partial

from eilbote.engine.accounts import is_local
from eilbote.engine.app import App
from eilbote.engine.gmail import all_mail, place_meant
from eilbote.engine.naming import personal_name
from eilbote.errors import Gone, Misused, NotAllowed
from eilbote.mail.mailbox import Flags, MailboxName, SpecialUse, Uid, canonical_flag
from eilbote.mail.message import read_source
from eilbote.mail.uploading import ready_to_upload
from eilbote.store.local import DELIMITER, ROLE_NAMES, role_of
from eilbote.store.values import Account, Mailbox

Place = tuple[int, Uid]
"""Where a message lies: mailbox and UID."""


class Origin(StrEnum):
    """Who wants a change: a person at a face, a Sieve rule, or the assistant."""

    USER = "user"
    RULE = "rule"
    ASSISTANT = "assistant"


class Act(StrEnum):
    FLAG = "flag"
    MOVE = "move"
    COPY = "copy"
    DELETE = "delete"
    APPEND = "append"
    MAILBOX = "mailbox"
    UNDO = "undo"
    SEND = "send"
    SCRIPT = "script"
    """Of what a server itself does with mail."""


ALLOWED: dict[Origin, frozenset[Act]] = {
    Origin.USER: frozenset(Act),
    Origin.RULE: frozenset({Act.FLAG, Act.MOVE, Act.COPY, Act.DELETE, Act.MAILBOX, Act.SEND}),
    # The assistant sorts and labels; it never deletes, and it never sends.
    Origin.ASSISTANT: frozenset({Act.FLAG, Act.MOVE}),
}

_FLAG_CHARACTERS = frozenset('(){ %*"]\\') | {chr(code) for code in (*range(32), 127)}


def check_allowed(origin: Origin, act: Act) -> None:
    """Raises NotAllowed `act.not_allowed` where this origin may not do that."""
    if act not in ALLOWED[origin]:
        raise NotAllowed("act.not_allowed", origin=origin.value, act=act.value)


def check_flag(text: str) -> str:
    """A flag or keyword in canonical form. Misused `flag.invalid` where IMAP has no such atom, and
    for flags that only a server may set."""
    flag = canonical_flag(text)
    name = flag.removeprefix("\\")
    if (
        not name
        or len(name) > 100
        or not name.isascii()
        or any(character in _FLAG_CHARACTERS for character in name)
        or flag.lower() == "\\recent"
    ):
        raise Misused("flag.invalid", flag=text[:100])
    return flag


def change_flags(
    app: App,
    ids: Sequence[int],
    add: Sequence[str] = (),
    remove: Sequence[str] = (),
    *,
    origin: Origin = Origin.USER,
) -> list[int]:
    """Adds and removes flags on every placement of these messages. Returns the journal's numbers."""
    check_allowed(origin, Act.FLAG)
    added: Flags = frozenset(check_flag(flag) for flag in add)
    removed: Flags = frozenset(check_flag(flag) for flag in remove)
    if added & removed or not (added or removed):
        raise Misused("flag.contradiction", flags=" ".join(sorted(added & removed)))
    places = [place for found in _places_of(app, ids).values() for place in found]
    return app.store.journal.change_flags(places, added, removed, origin.value, app.clock.now())


def move(
    app: App,
    ids: Sequence[int],
    target: str,
    *,
    source: str | None = None,
    origin: Origin = Origin.USER,
) -> list[int]:
    """Moves each message to the mailbox `target` of its own account, from `source` where it lies
    in several. A message that lies there already is left alone."""
    check_allowed(origin, Act.MOVE)
    return _relocate(
        app, ids, lambda account: target_named(app, account, target, origin), source, origin, copy=False
    )


def copy(app: App, ids: Sequence[int], target: str, *, origin: Origin = Origin.USER) -> list[int]:
    """Copies each message to the mailbox `target` of its own account: the copy is a new message."""
    check_allowed(origin, Act.COPY)
    return _relocate(
        app, ids, lambda account: target_named(app, account, target, origin), None, origin, copy=True
    )


def archive(app: App, ids: Sequence[int], *, origin: Origin = Origin.USER) -> list[int]:
    """Moves each message to its account's archive mailbox; on Gmail, out of the inbox."""
    check_allowed(origin, Act.MOVE)

    def target_of(account: int) -> Mailbox:
        return all_mail(app, account) or mailbox_for(app, account, SpecialUse.ARCHIVE, origin)

    return _relocate(app, ids, target_of, None, origin)


def junk(app: App, ids: Sequence[int], *, origin: Origin = Origin.USER) -> list[int]:
    """Moves each message to its account's spam mailbox."""
    check_allowed(origin, Act.MOVE)
    return _relocate(
        app, ids, lambda account: mailbox_for(app, account, SpecialUse.JUNK, origin), None, origin
    )


def delete(
    app: App, ids: Sequence[int], *, for_good: bool = False, origin: Origin = Origin.USER
) -> list[int]:
    """Moves each message to the trash; from there, or with `for_good`, deletes it on the server.
    Here it can be brought back until the days of undo are over."""
    check_allowed(origin, Act.DELETE)
    ended: list[Place] = []
    thrown: dict[int, list[Place]] = {}
    labelled: list[int] = []
    mailbox_of = cache(app.store.mailboxes.get)
    is_gmail = cache(lambda account: all_mail(app, account) is not None)
    trash_of = cache(lambda account: _role_mailbox(app, account, SpecialUse.TRASH, origin))
    for id_, places in _places_of(app, ids).items():
        account = mailbox_of(places[0][0]).account
        trash = trash_of(account)
        if trash is not None and is_gmail(account):
            # One move takes every label with it; Gmail deletes from its trash only.
            meant = _meant(mailbox_of, places)
            thrown.setdefault(trash.id, []).extend([meant] if meant[0] != trash.id else [])
            ended += [meant] if meant[0] == trash.id else []
            labelled += [id_] if for_good and meant[0] != trash.id else []
            continue
        for place in places:
            if trash is None or for_good or trash.id == place[0]:
                ended.append(place)
            else:
                thrown.setdefault(trash.id, []).append(place)
    debts = app.store.journal.delete(ended, origin.value, app.clock.now()) if ended else []
    debts += _carry(app, thrown, app.store.journal.move, origin)
    after = _places_of(app, labelled).values()
    there = [place for found in after for place in found if place[0] in thrown]
    return debts + (app.store.journal.delete(there, origin.value, app.clock.now()) if there else [])


def undo(app: App, ids: Sequence[int]) -> list[int]:
    """Takes back the latest change of each message, all that rules did at once as one; one that was
    deleted, here or on the server, is brought back within the days of undo. Raises Gone where nothing is
    to be taken back."""
    check_allowed(Origin.USER, Act.UNDO)
    debts: list[int] = []
    for id_ in ids:
        latest = app.store.journal.latest_of(id_)
        run = app.store.rule_runs.standing(id_, latest.id) if latest is not None else None
        if latest is not None and run is not None:
            app.store.rule_runs.undo(run, app.clock.now())
            debts.append(latest.id)
            continue
        if latest is not None:
            debts += app.store.journal.undo(latest.id, app.clock.now())
            continue
        # Nothing was changed here: perhaps it was removed on the server.
        restored = app.store.journal.restore([id_], Origin.USER.value, app.clock.now())
        if not restored:
            raise Gone("undo.nothing", id=id_)
        debts += restored
    return debts


def append(
    app: App,
    account: Account,
    mailbox: str,
    raw: bytes,
    flags: Sequence[str] = (),
    *,
    internal_date: float | None = None,
    origin: Origin = Origin.USER,
) -> tuple[int, int]:
    """Puts a mail into a mailbox; the server gets it at the next pass. Returns (message, debt).
    Line ends become CRLF, as every server wants them."""
    check_allowed(origin, Act.APPEND)
    checked: Flags = frozenset(check_flag(flag) for flag in flags)
    target = target_named(app, account.id, mailbox, origin)
    raw = ready_to_upload(raw, end_last_line=True)
    now = app.clock.now()
    date = now if internal_date is None else internal_date
    return app.store.journal.append(target.id, raw, read_source(raw), checked, date, origin.value, now)


def mailbox_named(app: App, account: int, name: str) -> Mailbox:
    """The account's mailbox of this name (INBOX in any case), or of this role where no mailbox has
    the name (`archive`, `trash`), or of this name below the server's prefix. Raises Gone
    `mailbox.unknown`."""
    wanted = MailboxName("INBOX" if name.upper() == "INBOX" else name)
    mailbox = app.store.mailboxes.find(account, wanted)
    if mailbox is None and name.lower() in set(SpecialUse):
        mailbox = _find_role(app, account, SpecialUse(name.lower()))
    if mailbox is None:
        mailbox = app.store.mailboxes.find(account, personal_name(app, account, name))
    if mailbox is None:
        raise Gone("mailbox.unknown", mailbox=name)
    if not mailbox.selectable:
        raise Misused("mailbox.not_selectable", mailbox=name)
    return mailbox


def target_named(app: App, account: int, name: str, origin: Origin) -> Mailbox:
    """As `mailbox_named`, for an act that puts mail there: in a local account the mailboxes that have
    a role are made when they are first needed."""
    role = role_of("INBOX" if name.upper() == "INBOX" else name)
    if role is None and name.lower() in set(SpecialUse):
        role = SpecialUse(name.lower())
    if role is not None and app.store.mailboxes.find(account, name) is None:
        _role_mailbox(app, account, role, origin)
    return mailbox_named(app, account, name)


def mailbox_for(app: App, account: int, role: SpecialUse, origin: Origin = Origin.USER) -> Mailbox:
    """The account's mailbox with this role, made where the account is local. Raises Gone
    `mailbox.no_role`."""
    mailbox = _role_mailbox(app, account, role, origin)
    if mailbox is None:
        raise Gone("mailbox.no_role", role=role.value)
    return mailbox


def _find_role(app: App, account: int, role: SpecialUse) -> Mailbox | None:
    return next(
        (one for one in app.store.mailboxes.all(account) if one.role is role and one.selectable), None
    )


def _role_mailbox(app: App, account: int, role: SpecialUse, origin: Origin) -> Mailbox | None:
    """The mailbox with this role; in a local account one is made for the roles that have a name."""
    found = _find_role(app, account, role)
    name = ROLE_NAMES.get(role)
    if found is not None or name is None or not is_local(app.store.accounts.get(account)):
        return found
    named = app.store.mailboxes.find(account, name)
    if named is not None:
        return named
    made, _ = app.store.journal.create_mailbox(
        account, name, origin.value, app.clock.now(), delimiter=DELIMITER
    )
    return made


def _relocate(
    app: App,
    ids: Sequence[int],
    target_of: Callable[[int], Mailbox],
    source: str | None,
    origin: Origin,
    *,
    copy: bool = False,
) -> list[int]:
    chosen_for: dict[int, list[Place]] = {}
    mailbox_of = cache(app.store.mailboxes.get)
    all_mail_of, target_of = cache(partial(all_mail, app)), cache(target_of)
    for id_, places in _places_of(app, ids).items():
        mailboxes = {place: mailbox_of(place[0]) for place in places}
        chosen = [place for place, mailbox in mailboxes.items() if source in (None, mailbox.name)]
        if not chosen:
            raise Gone("message.not_there", id=id_, mailbox=source or "")
        gmail = all_mail_of(mailboxes[chosen[0]].account)
        place = _meant(mailbox_of, chosen) if gmail is not None else chosen[0]
        target = target_of(mailboxes[place].account)
        to_all_mail = gmail is not None and target.id == gmail.id
        if to_all_mail and source is None and mailboxes[place].role is not SpecialUse.INBOX:
            continue  # it lies in All Mail already, and its labels stay
        if copy or target.id != place[0]:
            chosen_for.setdefault(target.id, []).append(place)
    return _carry(app, chosen_for, app.store.journal.copy if copy else app.store.journal.move, origin)


def _carry(
    app: App,
    places: Mapping[int, Sequence[Place]],
    relocate: Callable[[Sequence[Place], int, str, float], list[int]],
    origin: Origin,
) -> list[int]:
    """Moves or copies to each target mailbox what was chosen for it, in one transaction each."""
    now = app.clock.now()
    return [debt for target, chosen in places.items() for debt in relocate(chosen, target, origin.value, now)]


def _meant(mailbox_of: Callable[[int], Mailbox], places: Sequence[Place]) -> Place:
    return place_meant([(place, mailbox_of(place[0])) for place in places])


def _places_of(app: App, messages: Sequence[int]) -> dict[int, list[Place]]:
    """Where each message lies, as (mailbox, UID). Raises Gone `message.unknown`."""
    found: dict[int, list[Place]] = {message: [] for message in messages}
    for mailbox, uid, message in app.store.messages.places(messages):
        found[message].append((mailbox, uid))
    for message, places in found.items():
        if not places:
            raise Gone("message.unknown", id=message)
    return found
