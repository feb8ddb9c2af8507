"""A list with one row for each conversation: its newest mail there stands for all.

No table is kept for it. A page of placements is read as for a list of mails, and one question more tells
which of them are the newest of theirs. Reads the local copy only.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence

from msgspec import Struct

from eilbote.engine.app import App
from eilbote.engine.browse import PAGE, Listed
from eilbote.store.values import Member, Narrowed, PageMark, Placement

_READ_AT_ONCE = 100
_MOST_READ = 20
"""So many times for one page: where a conversation has thousands of mails, the page is a short one."""

_MOST_MEMBERS = 20_000
"""Mails of the conversations of one reading that are looked at."""


class _Together(Struct, frozen=True):
    """What the mails of one conversation say together: the place of the newest in the list, how many they
    are, whether any is unread."""

    newest: tuple[int, int, int]
    mails: int
    unread: bool


def page(app: App, mailboxes: Sequence[int], after: PageMark | None) -> Listed:
    """The conversations of these mailboxes, those with the newest mail first; `together` counts the mails
    of each there."""
    shown: list[tuple[Placement, PageMark]] = []
    together: dict[int, int] = {}
    unread: set[int] = set()
    known: dict[tuple[int, int], _Together] = {}
    for _ in range(_MOST_READ):
        found = app.store.messages.page(mailboxes, after, _READ_AT_ONCE, Narrowed())
        # A long conversation comes again in every reading: its mails are asked for once.
        known |= _together(app, mailboxes, {_key(mail) for mail, _ in found} - known.keys())
        for mail, mark in found:
            after = mark
            thread = known.get(_key(mail))
            if thread is not None and thread.newest < _order(mark):
                continue
            shown.append((mail, mark))
            together[mail.id] = thread.mails if thread is not None else 1
            unread |= {mail.id} if thread is not None and thread.unread else set()
            if len(shown) == PAGE:
                break
        if len(shown) == PAGE or len(found) < _READ_AT_ONCE:
            break
    more = after is not None and bool(app.store.messages.page(mailboxes, after, 1, Narrowed()))
    mails, marks = tuple(mail for mail, _ in shown), tuple(mark for _, mark in shown)
    return Listed(mails, after if more else None, marks, together=together, unread=frozenset(unread))


def _together(
    app: App, mailboxes: Sequence[int], wanted: Collection[tuple[int, int]]
) -> dict[tuple[int, int], _Together]:
    """By account and conversation."""
    found: dict[tuple[int, int], list[Member]] = {}
    threads = list(dict.fromkeys(thread for _, thread in wanted))
    for one in app.store.messages.members(mailboxes, threads, _MOST_MEMBERS):
        found.setdefault((one.account, one.thread), []).append(one)
    return {
        key: _Together(
            min(_order(one.mark) for one in members),
            len({one.message for one in members}),
            any(one.unread for one in members),
        )
        for key, members in found.items()
    }


def _key(mail: Placement) -> tuple[int, int]:
    return mail.account, mail.thread


def _order(mark: PageMark) -> tuple[int, int, int]:
    """Smaller for what stands higher in a list."""
    return (-mark.date, mark.mailbox, -mark.uid)
