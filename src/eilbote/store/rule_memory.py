"""What rules remember between mails: who was answered, which mails were seen, how much was sent to whom."""

from __future__ import annotations

from collections.abc import Sequence

from eilbote.store.database import Session, integer, real, text
from eilbote.store.envelopes import clean
from eilbote.store.rule_values import Cap, Memory, MemoryKind

_LONGEST = 1000
"""Characters of a handle or an item that count."""


def is_remembered(session: Session, account: int, memory: Memory, now: float) -> bool:
    """Whether it is, and not forgotten yet."""
    row = session.one(
        "SELECT expires FROM rule_memory WHERE account = ? AND kind = ? AND handle = ? AND item = ?",
        (account, memory.kind.value, _short(memory.handle), _short(memory.item)),
    )
    return row is not None and real(row[0]) > now


def remember(session: Session, account: int, memory: Memory) -> None:
    """From now on, in place of an earlier time."""
    session.run(
        "INSERT INTO rule_memory (account, kind, handle, item, expires) VALUES (?, ?, ?, ?, ?)"
        " ON CONFLICT (account, kind, handle, item) DO UPDATE SET expires = excluded.expires",
        (account, memory.kind.value, _short(memory.handle), _short(memory.item), memory.expires),
    )


def among(
    session: Session, account: int, kind: MemoryKind, pairs: Sequence[tuple[str, str]], now: float
) -> set[tuple[str, str]]:
    """Those of some (handle, item) that are remembered."""
    return {
        (handle, item)
        for handle, item in pairs
        if is_remembered(session, account, Memory(kind, handle, item, 0.0), now)
    }


def count_sent(session: Session, account: int, cap: Cap) -> bool:
    """Counts one more mail; False where the day's are sent, and then it does not count."""
    row = session.one(
        "INSERT INTO rule_sent (account, day, rule, recipient, mails) VALUES (?, ?, ?, ?, 1)"
        " ON CONFLICT (account, day, rule, recipient) DO UPDATE SET mails = rule_sent.mails + 1"
        " RETURNING mails",
        (account, cap.day, clean(cap.rule), clean(cap.recipient)),
    )
    return row is None or integer(row[0]) <= cap.most


def sent_on(session: Session, account: int, day: int) -> dict[tuple[str, str], int]:
    """How much was sent on a day, by rule and recipient."""
    rows = session.rows(
        "SELECT rule, recipient, mails FROM rule_sent WHERE account = ? AND day = ?", (account, day)
    )
    return {(text(rule), text(recipient)): integer(mails) for rule, recipient, mails in rows}


def prune(session: Session, now: float, day: int) -> None:
    """Forgets what has expired, and counts of days before `day`."""
    session.run("DELETE FROM rule_memory WHERE expires < ?", (now,))
    session.run("DELETE FROM rule_sent WHERE day < ?", (day,))


def _short(words: str) -> str:
    return clean(words[:_LONGEST])
