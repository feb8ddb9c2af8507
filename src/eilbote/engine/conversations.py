"""A list with one row for each conversation: its newest mail there stands for all.

No table is kept for it. A page of placements is read as for a list of mails, and one question more tells
which of them are the newest of theirs. Reads the local copy only.
"""

from __future__ import annotations

from collections.abc import Sequence

from eilbote.engine.app import App
from eilbote.engine.browse import PAGE, Listed
from eilbote.store.values import Member, Narrowed, PageMark, Placement

_READ_AT_ONCE = 100
_MOST_READ = 20
"""So many times for one page: where a conversation has thousands of mails, the page is a short one."""

_MOST_MEMBERS = 20_000
"""Mails of the conversations of one reading that are looked at."""


def page(app: App, mailboxes: Sequence[int], after: PageMark | None) -> Listed:
    """The conversations of these mailboxes, those with the newest mail first; `together` counts the mails
    of each there."""
    shown: list[tuple[Placement, PageMark]] = []
    together: dict[int, int] = {}
    unread: set[int] = set()
    for _ in range(_MOST_READ):
        found = app.store.messages.page(mailboxes, after, _READ_AT_ONCE, Narrowed())
        members = _members(app, mailboxes, [mail for mail, _ in found])
        for mail, mark in found:
            after = mark
            of_thread = members.get((mail.account, mail.thread), [])
            if any(_order(one.mark) < _order(mark) for one in of_thread):
                continue
            shown.append((mail, mark))
            together[mail.id] = len({one.message for one in of_thread})
            unread |= {mail.id} if any(one.unread for one in of_thread) else set()
            if len(shown) == PAGE:
                break
        if len(shown) == PAGE or len(found) < _READ_AT_ONCE:
            break
    more = after is not None and bool(app.store.messages.page(mailboxes, after, 1, Narrowed()))
    mails, marks = tuple(mail for mail, _ in shown), tuple(mark for _, mark in shown)
    return Listed(mails, after if more else None, marks, together=together, unread=frozenset(unread))


def _members(
    app: App, mailboxes: Sequence[int], mails: Sequence[Placement]
) -> dict[tuple[int, int], list[Member]]:
    threads = list(dict.fromkeys(mail.thread for mail in mails))
    found: dict[tuple[int, int], list[Member]] = {}
    for one in app.store.messages.members(mailboxes, threads, _MOST_MEMBERS):
        found.setdefault((one.account, one.thread), []).append(one)
    return found


def _order(mark: PageMark) -> tuple[int, int, int]:
    return (-mark.date, mark.mailbox, -mark.uid)
