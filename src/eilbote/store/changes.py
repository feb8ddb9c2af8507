"""The change feed: every change to an account's mail gets the account's next number.

Any reader can ask what changed since the number it saw last. It must never cost a row for each of
a hundred thousand arrivals: runs of neighbouring messages share one.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from eilbote.store.database import Database, Row, Session, integer, text
from eilbote.store.values import Change

NEW = "new"
FLAGS = "flags"
REMOVED = "removed"
MAILBOX = "mailbox"
"""Kinds of change: a message came into a mailbox, its flags changed, it went from there; the mailbox
itself changed. A message that lies in a mailbox for a moment twice has come once, and goes once."""


def record(session: Session, account: int, changes: Iterable[tuple[str, int, Iterable[int]]]) -> None:
    """Numbers changes given as (kind, mailbox, messages); a change of a mailbox names message 0."""
    runs = [
        (kind, mailbox, first, span) for kind, mailbox, messages in changes for first, span in _runs(messages)
    ]
    total = sum(span for _, _, _, span in runs)
    if not total:
        return
    row = session.one(
        "UPDATE account SET change_number = change_number + ? WHERE id = ? RETURNING change_number",
        (total, account),
    )
    if row is None:
        return
    number = integer(row[0]) - total
    rows: list[Row] = []
    for kind, mailbox, first, span in runs:
        number += span
        rows.append((account, number, span, kind, mailbox, first))
    session.insert_many("change", ("account", "number", "span", "kind", "mailbox", "message"), rows)


def _runs(messages: Iterable[int]) -> Iterator[tuple[int, int]]:
    first = last = None
    for message in messages:
        if last is not None and message == last + 1:
            last = message
            continue
        if first is not None and last is not None:
            yield first, last - first + 1
        first = last = message
    if first is not None and last is not None:
        yield first, last - first + 1


class Changes:
    """Reads the feed."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def latest(self, account: int) -> int:
        """The number of the account's latest change, 0 if there is none."""
        with self._database.read() as session:
            row = session.one("SELECT change_number FROM account WHERE id = ?", (account,))
        return integer(row[0]) if row else 0

    def since(self, account: int, number: int, limit: int = 1000) -> list[Change]:
        """Changes numbered above `number`, oldest first, at most `limit`."""
        found: list[Change] = []
        with self._database.read() as session:
            rows = session.stream(
                "SELECT number, span, kind, mailbox, message FROM change"
                " WHERE account = ? AND number > ? ORDER BY number LIMIT ?",
                (account, number, limit),
            )
            for last, span, kind, mailbox, message in rows:
                first = integer(last) - integer(span) + 1
                for at in range(max(first, number + 1), integer(last) + 1):
                    if len(found) == limit:
                        return found
                    found.append(
                        Change(at, account, text(kind), integer(message) + at - first, integer(mailbox))
                    )
        return found
