"""What TLS came to with the servers of recipients, counted by day."""

from __future__ import annotations

from collections.abc import Sequence

from eilbote.delivery.tls_report import TlsResult
from eilbote.store.database import Database, integer, text
from eilbote.store.envelopes import clean


class TlsResults:
    """Counting, reading, forgetting."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def count(self, results: Sequence[TlsResult]) -> None:
        """Adds sessions to those of their day."""
        with self._database.write() as session:
            for one in results:
                session.run(
                    "INSERT INTO tls_result (day, domain, policy, host, result, sessions)"
                    " VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT (day, domain, policy, host, result)"
                    " DO UPDATE SET sessions = tls_result.sessions + excluded.sessions",
                    (one.day, clean(one.domain), one.policy, clean(one.host), one.result, one.sessions),
                )

    def of_day(self, day: str) -> list[TlsResult]:
        """Everything of one day (`2026-11-27`), by domain."""
        with self._database.read() as session:
            found = session.rows(
                "SELECT day, domain, policy, host, result, sessions FROM tls_result WHERE day = ?"
                " ORDER BY domain, policy, host, result",
                (day,),
            )
        return [
            TlsResult(text(day), text(domain), text(policy), text(host), text(result), integer(sessions))
            for day, domain, policy, host, result, sessions in found
        ]

    def forget(self, before: str) -> int:
        """Days before that one; returns how many rows went."""
        with self._database.write() as session:
            return session.run("DELETE FROM tls_result WHERE day < ?", (before,))
