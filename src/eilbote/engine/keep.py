"""Brings the mail of a mailbox to its mode: what the mode wants and is not here is fetched, what it
leaves out becomes a part of itself.

Costs nothing while the mode stays the same; of a window of days, one look a day. It never removes a
mail, here or on the server, and never makes less of one that a change made here still has to carry.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import assert_never

from eilbote.engine.app import App
from eilbote.engine.round import Round
from eilbote.errors import Gone
from eilbote.mail.keep import Keep, KeepKind, Share, Window, window
from eilbote.mail.mailbox import UidSet
from eilbote.mail.skeleton import has_only_header, header_of, skeleton_of
from eilbote.store.values import Account, InPart, Mailbox

UNDER_WAY = "?"
"""What a mailbox is said to be brought to while it is brought to another mode."""

_BATCH = 200


def keep_of(account: Account, mailbox: Mailbox) -> Keep:
    """The mode of a mailbox: its own, else the account's."""
    return account.keep if mailbox.keep is None else mailbox.keep


def window_of(app: App, account: Account, mailbox: Mailbox) -> Window:
    """The mode of a mailbox as it is meant now."""
    return window(keep_of(account, mailbox), app.clock.now())


def is_due(app: App, account: Account, mailbox: Mailbox) -> bool:
    """Whether the mailbox has still to be brought to its mode."""
    return mailbox.applied != str(window_of(app, account, mailbox))


def ask_for_more(round_: Round, mailbox: Mailbox) -> Mailbox:
    """Before a round: what the mode wants and is not here joins what is to be fetched."""
    app = round_.app
    if not is_due(app, round_.account, mailbox):
        return mailbox
    if not mailbox.messages:
        return mailbox
    app.store.mailboxes.set_applied(mailbox.id, UNDER_WAY, lacking(app, round_.account, mailbox))
    return app.store.mailboxes.get(mailbox.id)


def lacking(app: App, account: Account, mailbox: Mailbox) -> UidSet:
    """Mails of which less is here than the mode wants."""
    wanted = window_of(app, account, mailbox)
    return UidSet.of(
        one.uid
        for one in app.store.keeping.in_part(mailbox.id)
        if wanted.share(one.size, one.arrived) > _present(app, one, wanted)
    )


def make_less(round_: Round, mailbox: Mailbox) -> None:
    """After a round, when the server has just shown what it has: what the mode leaves out goes."""
    app = round_.app
    if not is_due(app, round_.account, mailbox):
        return
    wanted = window_of(app, round_.account, mailbox)
    outside = [
        one for one in _candidates(app, mailbox, wanted) if wanted.share(one.size, one.arrived) < Share.WHOLE
    ]
    alike = {
        one.id
        for one in app.store.mailboxes.all(round_.account.id)
        if keep_of(round_.account, one) == wanted.keep
    }
    free = app.store.keeping.movable([one.message for one in outside], alike)
    for batch in _batches([one for one in outside if one.message in free]):
        parts = list(_lessened(app, batch, wanted))
        if parts:
            round_.left_out += app.store.keeping.lessen(parts)
    app.store.mailboxes.set_applied(mailbox.id, str(wanted))


def _present(app: App, one: InPart, wanted: Window) -> Share:
    """What is here of a mail that is not here whole. Only a mode that wants texts needs to know more
    than that."""
    if wanted.share(one.size, one.arrived) is not Share.TEXT:
        return Share.HEADER
    try:
        return Share.HEADER if has_only_header(app.store.messages.raw(one.message)) else Share.TEXT
    except Gone:
        return Share.HEADER


def _candidates(app: App, mailbox: Mailbox, wanted: Window) -> Iterable[InPart]:
    """Mails of which more may be here than is wanted."""
    keeping = app.store.keeping
    match wanted.keep.kind:
        case KeepKind.EVERYTHING:
            return ()
        case KeepKind.HEADERS:
            return keeping.larger_than(mailbox.id, 0)
        case KeepKind.DAYS:
            older = keeping.older_than(mailbox.id, wanted.since)
            return [*older, *(one for one in keeping.in_part(mailbox.id) if one.arrived < wanted.since)]
        case KeepKind.SIZE:
            return keeping.larger_than(mailbox.id, wanted.keep.amount)
        case _:
            assert_never(wanted.keep.kind)


def _lessened(app: App, batch: Sequence[InPart], wanted: Window) -> Iterator[tuple[int, bytes]]:
    """Each mail's part that stays, where that is less than what is here. A body that is damaged is
    left for `verify` to find."""
    for one in batch:
        try:
            raw = app.store.messages.raw(one.message)
        except Gone:
            continue
        if wanted.share(one.size, one.arrived) is Share.HEADER:
            part: bytes | None = header_of(raw)
        else:
            part = skeleton_of(raw, wanted.keep.amount)
        if part is not None and len(part) < len(raw):
            yield one.message, part


def _batches(parts: Sequence[InPart]) -> Iterator[Sequence[InPart]]:
    for start in range(0, len(parts), _BATCH):
        yield parts[start : start + _BATCH]
