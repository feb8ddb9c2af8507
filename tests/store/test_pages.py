"""Lists page by page: nothing twice, nothing left out, whatever the dates, on both stores."""

from __future__ import annotations

import pytest

from eilbote.store import Store
from eilbote.store.values import PageMark
from tests.store.given import NOW, Home, arrival


@pytest.mark.parametrize("size", [1, 3, 7, 100])
def test_pages_of_two_mailboxes_show_everything_once(store: Store, home: Home, size: int) -> None:
    # Many with the same date: only mailbox and UID tell them apart.
    home.arrive(*(arrival(uid, date=NOW + uid // 4) for uid in range(1, 21)))
    home.arrive(*(arrival(uid, 100 + uid, date=NOW + uid // 5) for uid in range(1, 16)), mailbox=home.archive)
    seen: list[tuple[PageMark, int]] = []
    mark: PageMark | None = None
    while page := store.messages.page([home.inbox, home.archive], mark, size):
        seen += [(found, mail.uid) for mail, found in page]
        mark = page[-1][1]
    order = [(-found.date, found.mailbox, -found.uid) for found, _ in seen]
    assert order == sorted(order) and len(set(order)) == len(order) == 35
    assert all(found.uid == uid for found, uid in seen)


def test_mail_that_comes_meanwhile_moves_nothing(store: Store, home: Home) -> None:
    home.arrive(*(arrival(uid) for uid in range(1, 11)))
    first = store.messages.page([home.inbox], None, 4)
    home.arrive(*(arrival(uid) for uid in range(11, 21)))
    second = store.messages.page([home.inbox], first[-1][1], 4)
    assert [mail.uid for mail, _ in (*first, *second)] == [10, 9, 8, 7, 6, 5, 4, 3]


def test_waiting_mail_is_listed_too(store: Store, home: Home) -> None:
    home.arrive(arrival(1), arrival(2))
    store.journal.copy([(home.inbox, 1)], home.archive, "user", NOW)
    (found,) = store.messages.page([home.archive], None, 10)
    assert found[1].uid < 0
    assert store.messages.page([home.archive], found[1], 10) == []
