"""The plan of one mailbox's round, case by case, and as a property over random histories."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from eilbote.mail.mailbox import FLAGGED, SEEN, Flags, MailboxName, UidSet
from eilbote.sync.plan import plan
from eilbote.sync.state import (
    Advance,
    ApplyFlags,
    ApplyLabels,
    Compare,
    Confirm,
    Fetch,
    FlagsNow,
    FlagWish,
    Held,
    LabelsNow,
    Limits,
    Owed,
    Push,
    Rematch,
    Remove,
    Shown,
    Step,
)

INBOX = MailboxName("INBOX")
NONE: Flags = frozenset()


def held_after(shown: Shown, uids: UidSet, flags: dict[int, Flags] | None = None) -> Held:
    """What we hold once a round that showed `shown` is complete."""
    return Held(
        shown.uidvalidity,
        max(shown.uidnext - 1, uids.highest),
        shown.modseq,
        uids,
        uidnext=shown.uidnext,
        exists=shown.exists,
        flags=flags or {},
    )


def planned(shown: Shown, held: Held, owed: Owed | None = None) -> tuple[Step, ...]:
    return plan(INBOX, shown, held, owed or Owed(), Limits())


def test_first_round_fetches_everything_listed_and_remembers_it_as_owed() -> None:
    shown = Shown(7, 11, 10, modseq=5, present=UidSet.range(1, 10))
    fetch, advance = planned(shown, Held(0, 0, 0, UidSet()))
    assert isinstance(fetch, Fetch) and fetch.uids == UidSet.range(1, 10)
    assert isinstance(advance, Advance)
    assert (advance.cursor, advance.modseq, advance.backfill) == (10, 5, UidSet.range(1, 10))


def test_labels_that_differ_are_taken_over_and_those_of_mails_not_held_are_not() -> None:
    here, there = LabelsNow(3, frozenset({"a"}), -9), LabelsNow(3, frozenset({"b"}), -9)
    same, moved = LabelsNow(4, frozenset(), -9), LabelsNow(5, frozenset(), -8)
    shown = Shown(7, 11, 10, modseq=6, labelled=(there, same, moved, LabelsNow(11, frozenset(), -9)))
    held = held_after(Shown(7, 11, 10, modseq=6), UidSet.range(1, 10))
    held = replace(held, labels={3: here, 4: same, 5: LabelsNow(5, frozenset(), -9)})
    (step,) = planned(shown, held)
    assert step == ApplyLabels(INBOX, "labels-on-server", (there, moved))
    assert planned(shown, replace(held, labels={3: there, 4: same, 5: moved})) == ()


def test_nothing_new_plans_nothing() -> None:
    held = held_after(Shown(7, 11, 10, modseq=5), UidSet.range(1, 10))
    assert planned(Shown(7, 11, 10, modseq=5), held) == ()
    assert planned(Shown(7, 11, 10, modseq=5, present=UidSet.range(1, 10)), held) == ()


def test_changed_uidvalidity_rematches_and_does_nothing_else() -> None:
    held = Held(7, 10, 5, UidSet.range(1, 10))
    assert planned(Shown(8, 4, 3, present=UidSet.range(1, 3)), held) == (
        Rematch(INBOX, "uidvalidity-changed", 8),
    )


def test_uids_that_do_not_stick_are_matched_by_content_every_time() -> None:
    held = Held(7, 10, 5, UidSet.range(1, 10))
    (step,) = planned(Shown(7, 11, 10, present=UidSet.range(1, 10), sticky=False), held)
    assert isinstance(step, Rematch)


def test_a_count_that_does_not_add_up_is_compared_not_believed() -> None:
    held = Held(7, 10, 5, UidSet.range(1, 10))
    hostile = Shown(7, 11, 10, modseq=9, vanished=UidSet.parse("1:4294967295"))
    assert planned(hostile, held) == (Compare(INBOX, "count-differs"),)


def test_vanished_among_unknown_uids_removes_only_what_is_held() -> None:
    held = Held(7, 10, 5, UidSet.of([2, 4, 6, 8]))
    vanished = UidSet.parse("1:4,100:4000000000")
    remove, advance = planned(Shown(7, 11, 2, modseq=9, vanished=vanished), held)
    assert isinstance(remove, Remove) and remove.uids == UidSet.of([2, 4])
    assert isinstance(advance, Advance) and advance.modseq == 9


def test_absence_from_a_listing_is_confirmed_before_removal() -> None:
    held = held_after(Shown(7, 11, 10), UidSet.range(1, 10))
    steps = planned(Shown(7, 11, 9, present=UidSet.range(2, 10)), held)
    assert [type(step) for step in steps] == [Confirm, Advance]
    assert isinstance(steps[0], Confirm) and steps[0].uids == UidSet.of([1]) and not steps[0].anew


def test_everything_gone_asks_on_a_new_connection() -> None:
    held = Held(7, 30, 5, UidSet.range(1, 30))
    for shown in (
        Shown(7, 31, 0, modseq=6, vanished=UidSet.range(1, 30)),
        Shown(7, 31, 0, modseq=6, present=UidSet()),
    ):
        first = planned(shown, held)[0]
        assert isinstance(first, Confirm) and first.anew and first.uids == UidSet.range(1, 30)


def test_retired_uids_lift_the_cursor_only_by_uidnext_of_this_select() -> None:
    held = Held(7, 10, 5, UidSet.range(1, 10))
    (advance,) = planned(Shown(7, 21, 10, modseq=5), held)
    assert isinstance(advance, Advance) and advance.cursor == 20


def test_a_message_that_becomes_visible_late_is_still_fetched() -> None:
    held = Held(7, 56, 5, UidSet.of([54, 56]))
    assert planned(Shown(7, 57, 3, modseq=5), held) == (Compare(INBOX, "count-differs"),)
    fetch, _ = planned(Shown(7, 57, 3, modseq=5, present=UidSet.of([54, 55, 56])), held)
    assert isinstance(fetch, Fetch) and fetch.uids == UidSet.of([55])


def test_an_interrupted_fetch_goes_on() -> None:
    held = Held(7, 10, 5, UidSet.range(6, 10), uidnext=11, exists=10, backfill=UidSet.range(1, 5))
    (fetch,) = planned(Shown(7, 11, 10, modseq=5), held)
    assert isinstance(fetch, Fetch) and (fetch.reason, fetch.uids) == ("interrupted", UidSet.range(1, 5))


def test_quarantined_messages_count_as_known() -> None:
    held = Held(7, 10, 5, UidSet.range(1, 9), uidnext=11, exists=10, quarantined=UidSet.of([10]))
    assert planned(Shown(7, 11, 10, modseq=5), held) == ()


def test_unsent_flag_changes_win_and_the_rest_is_the_servers() -> None:
    held = Held(7, 1, 5, UidSet.of([1]), flags={1: frozenset({SEEN})})
    owed = Owed(flags=(FlagWish(1, frozenset({SEEN}), NONE),))
    steps = planned(Shown(7, 2, 1, modseq=6, changed=(FlagsNow(1, frozenset({FLAGGED}), 6),)), held, owed)
    assert isinstance(steps[0], ApplyFlags)
    assert steps[0].changes == (FlagsNow(1, frozenset({SEEN, FLAGGED}), 6),)


def test_a_later_wish_overrides_an_earlier_one() -> None:
    held = Held(7, 1, 5, UidSet.of([1]), flags={1: NONE})
    wishes = (FlagWish(1, frozenset({SEEN}), NONE), FlagWish(1, NONE, frozenset({SEEN})))
    shown = Shown(7, 2, 1, modseq=6, changed=(FlagsNow(1, frozenset({SEEN}), 6),))
    assert not any(isinstance(step, ApplyFlags) for step in planned(shown, held, Owed(flags=wishes)))


def test_what_was_moved_away_here_does_not_come_back() -> None:
    held = Held(7, 10, 5, UidSet.range(1, 9), uidnext=11, exists=9)
    owed = Owed(leaving=UidSet.of([10]))
    assert planned(Shown(7, 11, 10, modseq=5), held, owed) == ()
    assert planned(Shown(7, 11, 10, modseq=5, present=UidSet.range(1, 10)), held, owed) == ()


uids = st.sets(st.integers(1, 40)).map(UidSet.of)


@given(held_uids=uids, present=uids, server_lies=uids)
def test_performing_a_plan_leaves_nothing_to_plan(
    held_uids: UidSet, present: UidSet, server_lies: UidSet
) -> None:
    """Whatever the server claims vanished, a complete listing decides, and a second round is idle."""
    uidnext = max(held_uids.highest, present.highest) + 1
    held = Held(7, held_uids.highest, 3, held_uids)
    shown = Shown(7, uidnext, len(present), modseq=4, present=present, vanished=server_lies)
    now = held_uids
    reached = held
    for step in planned(shown, held):
        match step:
            case Fetch(uids=wanted):
                now = now | wanted
            case Remove(uids=gone):
                assert not gone & present, "never remove what the server lists"
                now = now - gone
            case Confirm(uids=asked):
                now = now - (asked - present)
            case Advance():
                reached = Held(7, step.cursor, step.modseq, now, uidnext=step.uidnext, exists=step.exists)
            case Rematch() | Compare() | ApplyFlags() | Push():
                raise AssertionError(step)
    assert now == present
    again = replace(reached, uids=now)
    assert planned(Shown(7, uidnext, len(present), modseq=4), again) == ()
    assert planned(Shown(7, uidnext, len(present), modseq=4, present=present), again) == ()
