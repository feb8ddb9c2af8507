"""When a draft goes into its mailbox: seldom enough for servers, soon enough for who changes the device."""

from __future__ import annotations

import pytest

from eilbote.engine.show_drafts import is_due
from eilbote.store.writings import Writing


def writing(saved: float, shown_at: float, message: int) -> Writing:
    return Writing(1, 1, "k", "k", 2, "{}", saved, message=message, shown_at=shown_at)


@pytest.mark.parametrize(
    ("paused", "since", "message", "size", "due"),
    [
        (1.0, 10.0, 0, 0, False),
        (6.0, 10.0, 0, 0, True),
        (6.0, 10.0, 5, 0, False),
        (6.0, 31.0, 5, 0, True),
        (1.0, 31.0, 5, 0, False),
        (1.0, 91.0, 5, 0, True),
        (1.0, 91.0, 0, 0, True),
        (6.0, 31.0, 5, 20_000_000, False),
        (1.0, 131.0, 5, 20_000_000, False),
        (6.0, 131.0, 5, 20_000_000, True),
        (6.0, 6.0, 0, 20_000_000, True),
    ],
)
def test_a_draft_is_due(paused: float, since: float, message: int, size: int, due: bool) -> None:
    now = 1000.0
    assert is_due(writing(now - paused, now - since, message), size, now) is due


@pytest.mark.parametrize(("apart", "most"), [(1.0, 2), (4.0, 4), (6.0, 10), (20.0, 34)])
def test_fifty_saves_are_few_drafts(apart: float, most: int) -> None:
    now, shown_at, message, shown = 0.0, 0.0, 0, 0
    saved, behind = 0.0, False
    for _ in range(int(50 * apart) + 200):
        now += 1
        if now % apart == 0 and now <= 50 * apart:
            saved, behind = now, True
        if behind and is_due(writing(saved, shown_at, message), 0, now):
            shown_at, message, behind, shown = now, 1, False, shown + 1
    assert not behind and 1 <= shown <= most
