"""Attempts to hand mails over: when, to whom, with what dialogue. The outbox writes them as it settles."""

from __future__ import annotations

from msgspec import Struct

from eilbote.delivery.values import Phase
from eilbote.store.database import Database, Session, integer, real, text
from eilbote.store.envelopes import clean

KEPT_ATTEMPTS = 20
"""Dialogues that are kept of one mail, the newest."""


class Attempt(Struct, frozen=True):
    """One attempt to hand a mail over: when, to whom, how far it came, how many recipients the server
    took it for, and the redacted dialogue."""

    began: float
    ended: float
    server: str
    phase: Phase
    taken: int
    transcript: str


class OutgoingAttempts:
    """What is kept of them."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def of(self, mail: int) -> list[Attempt]:
        """The dialogues that are kept of a mail, oldest first."""
        with self._database.read() as session:
            found = session.rows(
                "SELECT began, ended, server, phase, taken, transcript FROM outgoing_attempt"
                " WHERE outgoing = ? ORDER BY id",
                (mail,),
            )
        return [
            Attempt(
                real(began), real(ended), text(server), Phase(text(phase)), integer(taken), text(transcript)
            )
            for began, ended, server, phase, taken, transcript in found
        ]

    def sends(self, account: int, since: float, limit: int = 20_000) -> list[tuple[float, int]]:
        """When a server took a mail of the account since that time, and for how many recipients; the
        newest first."""
        with self._database.read() as session:
            found = session.rows(
                "SELECT a.ended, a.taken FROM outgoing_attempt a JOIN outgoing o ON o.id = a.outgoing"
                " WHERE o.account = ? AND a.ended >= ? AND a.taken > 0 ORDER BY a.ended DESC LIMIT ?",
                (account, since, limit),
            )
        return [(real(ended), integer(taken)) for ended, taken in found]


def keep(session: Session, mail: int, attempt: Attempt) -> None:
    session.run(
        "INSERT INTO outgoing_attempt (outgoing, began, ended, server, phase, taken, transcript)"
        " VALUES (?, ?, ?, ?, ?, ?, ?)",
        (
            mail,
            attempt.began,
            attempt.ended,
            clean(attempt.server),
            attempt.phase.value,
            attempt.taken,
            clean(attempt.transcript),
        ),
    )


def trim(session: Session, mail: int) -> None:
    session.run(
        "DELETE FROM outgoing_attempt WHERE outgoing = ? AND id NOT IN"
        " (SELECT id FROM outgoing_attempt WHERE outgoing = ? ORDER BY id DESC LIMIT ?)",
        (mail, mail, KEPT_ATTEMPTS),
    )
