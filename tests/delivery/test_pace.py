"""What a provider lets an account send, and when the next mail may go."""

from __future__ import annotations

from datetime import date

from eilbote.delivery.pace import DAY, HOUR, MINUTE, may_send_at, room
from eilbote.providers.values import Sending

NOW = 1_790_000_000.0
NONE = Sending("", date(2026, 11, 27))


def limits(**known: int) -> Sending:
    return Sending("", date(2026, 11, 27), **known)  # type: ignore[arg-type]


def test_without_limits_everything_goes_at_once() -> None:
    sends = [(NOW, 100)] * 50
    assert may_send_at(NONE, sends, NOW) == NOW
    assert room(NONE, sends, NOW, 20) == 20


def test_mails_a_minute() -> None:
    sends = [(NOW - 1, 1), (NOW - 20, 1), (NOW - 59, 1)]
    assert may_send_at(limits(messages_per_minute=4), sends, NOW) == NOW
    assert room(limits(messages_per_minute=4), sends, NOW, 20) == 1
    assert may_send_at(limits(messages_per_minute=3), sends, NOW) == NOW - 59 + MINUTE
    assert room(limits(messages_per_minute=3), sends, NOW, 20) == 0
    assert may_send_at(limits(messages_per_minute=2), sends, NOW) == NOW - 20 + MINUTE


def test_recipients_count_where_recipients_are_limited() -> None:
    sends = [(NOW - 10, 30), (NOW - 2 * HOUR, 70)]
    assert room(limits(recipients_per_day=101), sends, NOW, 20) == 1
    assert may_send_at(limits(recipients_per_day=100), sends, NOW) == NOW - 2 * HOUR + DAY
    assert may_send_at(limits(recipients_per_hour=31), sends, NOW) == NOW


def test_the_narrowest_limit_counts() -> None:
    sends = [(NOW - 30, 1)]
    both = limits(messages_per_minute=1, messages_per_day=1)
    assert may_send_at(both, sends, NOW) == NOW - 30 + DAY
