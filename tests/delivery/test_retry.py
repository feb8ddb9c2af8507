"""When a mail is tried again, and when its sender is told."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from eilbote.delivery.retry import DAY, HOUR, LIFETIME, MINUTE, next_try, notice_due

NOW = 1_790_000_000.0


def test_the_schedule_without_chance() -> None:
    at, attempts, pauses = NOW, 0, list[float]()
    while True:
        attempts += 1
        then = next_try(attempts, NOW, at, 0.5)
        if then is None:
            break
        pauses.append(then - at)
        at = then
    assert pauses[:5] == [60, 300, 900, 1800, 3600]
    hourly = [pause for pause in pauses[5:] if pause == HOUR]
    four_hourly = [pause for pause in pauses if pause == 4 * HOUR]
    assert len(hourly) == 23
    assert len(four_hourly) == 23
    assert at == NOW + LIFETIME, "the last try falls on the end of the lifetime"


@given(st.integers(1, 100), st.floats(0, LIFETIME - 1), st.floats(0, 1), st.floats(0, 10 * HOUR))
def test_a_next_try_lies_ahead_and_not_beyond_the_end(
    attempts: int, age: float, chance: float, at_least: float
) -> None:
    now = NOW + age
    then = next_try(attempts, NOW, now, chance, at_least)
    assert then is not None
    assert then > now
    assert then <= max(NOW + LIFETIME, now + MINUTE)


def test_chance_moves_a_try_by_a_fifth() -> None:
    assert [next_try(1, NOW, NOW, chance) for chance in (0.0, 1.0)] == [NOW + 48, NOW + 72]


def test_the_sender_is_told_at_a_quarter_of_an_hour_four_hours_and_a_day() -> None:
    told = 0
    stages = []
    for age in (0.0, 14 * MINUTE, 15 * MINUTE, HOUR, 4 * HOUR, DAY, 4 * DAY):
        told = notice_due(told, NOW, NOW + age)
        stages.append(told)
    assert stages == [0, 0, 1, 1, 2, 3, 3]
