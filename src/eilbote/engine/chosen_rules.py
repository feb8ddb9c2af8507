"""Which rules are meant, and over which mail, as a person names them for a try or a run; and going through
that mail page by page, whatever its amount.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import partial

from msgspec import Struct

from eilbote.engine.accounts import find_account
from eilbote.engine.act import mailbox_named
from eilbote.engine.app import App
from eilbote.engine.filter import Decider
from eilbote.engine.read import search_mail
from eilbote.engine.rule_scripts import decider_for, entries_of, is_active, script_decider, switched_on
from eilbote.engine.stored_mail import StoredMail
from eilbote.errors import Gone
from eilbote.mail.mailbox import Flags, SpecialUse, Uid
from eilbote.sieve.rule import Where
from eilbote.store.values import Account, Mailbox

_PAGE = 200
_MOST_FOUND = 1_000_000
_NOT_RECEIVED = frozenset({SpecialUse.SENT, SpecialUse.DRAFTS, SpecialUse.TRASH, SpecialUse.JUNK})
_VIEWS = frozenset({SpecialUse.FLAGGED, SpecialUse.IMPORTANT})


class Wanted(Struct, frozen=True):
    """`rule`: the only rule or script of the book; `script`: the text of one that stands in no book; neither:
    all that are carried out. `mailbox`, `query`: the mail; neither: all that was received, so nothing that
    was sent, is being written, or was thrown away."""

    rule: str = ""
    script: str | None = None
    account: str | None = None
    mailbox: str | None = None
    query: str | None = None

    @property
    def said(self) -> str:
        """In a word, for the list of runs."""
        return self.query or self.mailbox or ""


class Lies(Struct, frozen=True):
    """A mail where it lies."""

    message: int
    mailbox: Mailbox
    uid: Uid
    flags: Flags
    internal_date: float
    mail: StoredMail


def chosen_accounts(app: App, wanted: Wanted) -> list[Account]:
    """The named account, or all. Gone `account.unknown`."""
    return app.store.accounts.all() if wanted.account is None else [find_account(app, wanted.account)]


def chosen_decider(app: App, account: Account, wanted: Wanted, *, trace: bool) -> Decider | None:
    """What judges the mail of an account; None where no rule is for it. A rule that is named counts although
    it is switched off. Misused where the book or the script is wrong; Gone `rules.unknown`."""
    if wanted.script is not None:
        return script_decider(wanted.script, trace=trace)
    entries = entries_of(app, account)
    revision = app.store.rule_book.revision()
    if wanted.rule:
        chosen = [one for one in entries if one.name.lower() == wanted.rule.lower()]
        return decider_for(app, map(switched_on, chosen), entries, revision, trace=trace) if chosen else None
    chosen = [one for one in entries if is_active(one) and one.where is Where.HERE]
    return decider_for(app, chosen, entries, revision, trace=trace) if chosen else None


def check_named(app: App, wanted: Wanted) -> None:
    """Gone `rules.unknown` where no account has the rule that is named."""
    if not wanted.rule or wanted.script is not None:
        return
    names = {one.name.lower() for account in app.store.accounts.all() for one in entries_of(app, account)}
    if wanted.rule.lower() not in names:
        raise Gone("rules.unknown", name=wanted.rule)


def how_many(app: App, wanted: Wanted) -> int:
    """Mails to go through, about; 0 where only a search knows. Gone `account.unknown`, `mailbox.unknown`."""
    if wanted.query is not None:
        return 0
    boxes = (box for account in chosen_accounts(app, wanted) for box in _mailboxes(app, account, wanted))
    return sum(box.messages for box in boxes)


def chosen_mail(app: App, account: Account, wanted: Wanted) -> Iterator[Lies]:
    """The mail that is meant, each once, mailbox by mailbox. Gone `mailbox.unknown`, Misused `search.*`."""
    boxes = _mailboxes(app, account, wanted)
    if wanted.query is not None:
        yield from _found(app, account, wanted.query, {box.name: box for box in boxes})
        return
    # On Gmail the mailboxes show the same mails.
    seen: set[int] | None = set() if any(box.role is SpecialUse.ALL for box in boxes) else None
    for box in boxes:
        page: list[tuple[int, Uid, Flags, float, int, bool]] = []
        for one in app.store.messages.lying(box.id):
            if seen is not None:
                if one.message in seen:
                    continue
                seen.add(one.message)
            page.append((one.message, one.uid, one.flags, one.internal_date, one.size, one.whole))
            if len(page) == _PAGE:
                yield from _read(app, box, page)
                page = []
        yield from _read(app, box, page)


def _mailboxes(app: App, account: Account, wanted: Wanted) -> list[Mailbox]:
    if wanted.mailbox is not None:
        return [mailbox_named(app, account.id, wanted.mailbox)]
    boxes = [one for one in app.store.mailboxes.all(account.id) if one.selectable and one.role not in _VIEWS]
    return boxes if wanted.query is not None else [one for one in boxes if one.role not in _NOT_RECEIVED]


def _found(app: App, account: Account, query: str, boxes: dict[str, Mailbox]) -> Iterator[Lies]:
    seen: set[int] = set()
    for one in search_mail(app, query, account.address, _MOST_FOUND):
        box = boxes.get(one.mailbox)
        if box is not None and one.id not in seen:
            seen.add(one.id)
            row = (one.id, one.uid, one.flags, one.internal_date, one.size, one.whole)
            yield from _read(app, box, [row])


def _read(app: App, box: Mailbox, page: Sequence[tuple[int, Uid, Flags, float, int, bool]]) -> Iterator[Lies]:
    """The rows of a page with their bytes. Whether those are whole on disk, `verify` asks."""
    rows = {row[0]: row for row in page}
    for message, raw in app.store.messages.stream_raw(rows, checked=False):
        _, uid, flags, date, size, whole = rows[message]
        mail = StoredMail(message, size, partial(bytes, raw), whole=whole)
        yield Lies(message, box, uid, flags, date, mail)
