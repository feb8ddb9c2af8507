"""How long a watch waits after failures (reliability C5)."""

from __future__ import annotations

import pytest

from eilbote.engine.backoff import LOGIN_SECONDS, LONGEST_SECONDS, MOST_LOGINS, STABLE_SECONDS, Backoff
from eilbote.errors import Problem

GONE = Problem("net.timeout", {}, 60.0)
REFUSED = Problem("imap.login_refused", {})


def after(failures: int, problem: Problem = GONE) -> Backoff:
    backoff = Backoff()
    for _ in range(failures):
        backoff = backoff.failed(problem, 0.0)
    return backoff


def test_waits_grow_and_end_at_ten_minutes() -> None:
    waits = [after(count).seconds(GONE, 1.0) for count in range(1, 40)]
    assert waits[:4] == [1.0, 1.5, 2.25, 3.375]
    assert waits == sorted(waits)
    assert waits[-1] == LONGEST_SECONDS
    assert after(10_000).seconds(GONE, 1.0) == LONGEST_SECONDS


@pytest.mark.parametrize("chance", [0.0, 0.3, 1.0])
def test_chance_spreads_them_and_never_below_a_second(chance: float) -> None:
    assert after(30).seconds(GONE, chance) == max(1.0, LONGEST_SECONDS * chance)
    assert after(1).seconds(GONE, chance) == 1.0


def test_a_connection_that_lived_a_minute_ends_the_row() -> None:
    assert after(20).failed(GONE, STABLE_SECONDS).seconds(GONE, 1.0) == 1.0
    assert after(20).failed(GONE, STABLE_SECONDS - 1).seconds(GONE, 1.0) == LONGEST_SECONDS


def test_a_password_is_tried_once_an_hour_and_three_times_at_most() -> None:
    for count in range(1, MOST_LOGINS):
        assert after(count, REFUSED).seconds(REFUSED, 0.0) == LOGIN_SECONDS
        assert not after(count, REFUSED).has_given_up
    assert after(MOST_LOGINS, REFUSED).has_given_up


def test_other_failures_between_do_not_buy_more_logins() -> None:
    backoff = Backoff()
    for _ in range(MOST_LOGINS):
        backoff = backoff.failed(GONE, 0.0).failed(REFUSED, 0.0).failed(GONE, 0.0)
    assert backoff.has_given_up


@pytest.mark.parametrize(("told", "waited"), [(30.0, 30.0), (299.961, 299.961), (100_000.0, 300.0)])
def test_what_a_server_asks_for_is_obeyed_up_to_five_minutes(told: float, waited: float) -> None:
    assert after(1).seconds(Problem("imap.unavailable", {}, told), 0.0) == waited
