"""Servers that show only the newest mails: older ones are neither gone nor counted."""

from __future__ import annotations

from eilbote.mail.mailbox import UidSet
from eilbote.sync.state import Advance, Confirm, Fetch, Held, Limits, Owed, Shown
from eilbote.sync.window import out_of_sight
from tests.sync.test_plan import INBOX, held_after, planned

STOPS = frozenset({5, 10})


def test_out_of_sight_is_what_is_older_than_all_that_is_listed() -> None:
    held = UidSet.range(1, 12)
    assert out_of_sight(held, UidSet.parse("4:8"), STOPS) == UidSet.range(1, 3)
    assert out_of_sight(held, UidSet.parse("4:9"), STOPS) == UidSet(), "it shows six: it did not stop"
    assert out_of_sight(held, UidSet.range(1, 5), STOPS) == UidSet()
    assert out_of_sight(held, UidSet(), frozenset({0})) == UidSet()
    assert out_of_sight(held, UidSet.parse("4:8"), frozenset()) == UidSet()


def test_what_slides_out_of_sight_is_not_asked_for_nor_removed() -> None:
    held = held_after(Shown(7, 6, 5), UidSet.range(1, 5))
    shown = Shown(7, 8, 5, present=UidSet.range(3, 7), shows_at_most=STOPS)
    fetch, advance = planned(shown, held)
    assert isinstance(fetch, Fetch) and fetch.uids == UidSet.range(6, 7)
    assert isinstance(advance, Advance) and advance.exists == 5, "counted as the server counts"
    after = held_after(shown, UidSet.range(1, 7))
    assert planned(shown, after) == ()


def test_a_mail_missing_among_those_shown_is_still_asked_for() -> None:
    held = held_after(Shown(7, 8, 5), UidSet.range(1, 7))
    shown = Shown(7, 8, 5, present=UidSet.parse("2:5,7"), shows_at_most=STOPS)
    confirm = planned(shown, held)[0]
    assert isinstance(confirm, Confirm) and confirm.uids == UidSet.of([6])


def test_a_mail_that_slid_out_before_it_was_fetched_is_waited_for_no_longer() -> None:
    held = Held(7, 5, 0, UidSet.range(3, 5), uidnext=6, exists=5, backfill=UidSet.range(1, 2))
    shown = Shown(7, 8, 5, present=UidSet.range(3, 7), shows_at_most=STOPS)
    (fetch,) = (step for step in planned(shown, held) if isinstance(step, Fetch))
    assert fetch.uids == UidSet.range(6, 7)


def test_when_fewer_are_shown_than_that_all_are_shown() -> None:
    held = held_after(Shown(7, 8, 5), UidSet.range(1, 7))
    shown = Shown(7, 8, 4, present=UidSet.range(4, 7), shows_at_most=STOPS)
    confirm = planned(shown, held, Owed())[0]
    assert isinstance(confirm, Confirm) and confirm.uids == UidSet.range(1, 3)
    assert Limits().suspicious_loss > 3
    assert confirm.mailbox == INBOX
