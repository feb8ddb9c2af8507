"""How invitations were answered from here. Decides nothing."""

from __future__ import annotations

from hashlib import blake2b

from msgspec import Struct

from eilbote.store.database import Database, integer, text


class GivenAnswer(Struct, frozen=True):
    """`outgoing` is the mail in the outbox that says so; `sequence` that of the event as it was then."""

    answer: str
    sequence: int
    outgoing: int


class InvitationAnswers:
    """One row for each event of an account: the last answer."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def of(self, account: int, event: str) -> GivenAnswer | None:
        """None where there was none."""
        with self._database.read() as session:
            row = session.one(
                "SELECT answer, sequence, outgoing FROM invitation_answer WHERE account = ? AND event = ?",
                (account, _key(event)),
            )
        return None if row is None else GivenAnswer(text(row[0]), integer(row[1]), integer(row[2]))

    def put(self, account: int, event: str, given: GivenAnswer) -> None:
        """In place of the one before."""
        with self._database.write() as session:
            session.run(
                "INSERT INTO invitation_answer (account, event, sequence, answer, outgoing)"
                " VALUES (?, ?, ?, ?, ?) ON CONFLICT (account, event) DO UPDATE SET"
                " sequence = excluded.sequence, answer = excluded.answer, outgoing = excluded.outgoing",
                (account, _key(event), given.sequence, given.answer, given.outgoing),
            )


def _key(event: str) -> str:
    return blake2b(event.encode("utf-8", "replace"), digest_size=16).hexdigest()
