"""The mails of a conversation around the one that is open: one line each, the unread ones open as text.

To show an unread mail here, from our own page, marks it read as opening it does; nothing else is changed.
"""

from __future__ import annotations

from collections.abc import Sequence

from msgspec import Struct

from eilbote.engine import read
from eilbote.engine.act import change_flags
from eilbote.mail.letter import Letter, letter_of
from eilbote.mail.mailbox import SEEN
from eilbote.store.values import Placement
from eilbote.web.visit import Visit

MOST_LINES = 100
MOST_OPEN = 10
_LONGEST_OPEN = 60_000
"""Characters of the text of a mail that is shown beside the one that was asked for."""


class Line(Struct, frozen=True):
    """One mail: how its text begins, or all of it where it is open."""

    mail: Placement
    beginning: str
    letter: Letter | None = None


class Chain(Struct, frozen=True):
    """Oldest first, before and after the mail that is open. `earlier` and `later`: how many lines are not
    shown, and the mail from which to go on there."""

    before: tuple[Line, ...] = ()
    after: tuple[Line, ...] = ()
    earlier: int = 0
    later: int = 0
    earlier_mail: int = 0
    later_mail: int = 0


def chain_of(visit: Visit, conversation: Sequence[Placement], mail: int, *, marks: bool) -> Chain:
    """Of mails that the user may read. `marks`: what is shown open counts as read."""
    at = next((place for place, one in enumerate(conversation) if one.id == mail), 0)
    begin = max(0, min(at - MOST_LINES // 2, len(conversation) - MOST_LINES))
    end = min(len(conversation), begin + MOST_LINES)
    shown = [one for one in conversation[begin:end] if one.id != mail]
    unread = [one for one in shown if SEEN not in one.flags][:MOST_OPEN]
    beginnings = visit.site.beginnings.of(visit.app, shown)
    opened = {one.id: _letter(visit, one) for one in unread}
    if marks and unread:
        change_flags(visit.app, [one.id for one in unread], [SEEN])
    lines = [Line(one, beginnings.get(one.id, ""), opened.get(one.id)) for one in shown]
    return Chain(
        before=tuple(lines[: at - begin]),
        after=tuple(lines[at - begin :]),
        earlier=begin,
        later=len(conversation) - end,
        earlier_mail=conversation[begin - 1].id if begin else 0,
        later_mail=conversation[end].id if end < len(conversation) else 0,
    )


def _letter(visit: Visit, mail: Placement) -> Letter:
    return letter_of(read.show_mail(visit.app, str(mail.id)).text[:_LONGEST_OPEN])
