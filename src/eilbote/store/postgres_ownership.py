"""One owner of a home kept in PostgreSQL: a session's advisory lock, and a fencing epoch in a row.

The lock is free the moment the owner's connection dies; the epoch grows with every owner.
"""

from __future__ import annotations

from contextlib import suppress

import psycopg

from eilbote.errors import Misused
from eilbote.store.ownership import UNKNOWN, Owner, holder_from_text, holder_to_text, me, owned
from eilbote.store.postgres import connect, translated_errors
from eilbote.store.values import Holder

_OWNER_LOCK = 0x45494C42_4F574E45  # "EILBOWNE"
_NAME = "home"


class PostgresOwnership:
    """Asks the database who owns the home."""

    def __init__(self, url: str) -> None:
        self._url = url

    def acquire(self, now: float, purpose: str) -> Owner:
        with translated_errors():
            connection = connect(self._url)
            try:
                row = connection.execute("SELECT pg_try_advisory_lock(%s)", (_OWNER_LOCK,)).fetchone()
                if row is None or not row[0]:
                    raise owned(
                        self._written(
                            connection.execute(
                                "SELECT holder FROM lease WHERE name = %s", (_NAME,)
                            ).fetchone()
                        )
                    )
                holder = me(now, purpose)
                kept = connection.execute(
                    "INSERT INTO lease (name, epoch, holder) VALUES (%s, 1, %s) ON CONFLICT (name)"
                    " DO UPDATE SET epoch = lease.epoch + 1, holder = excluded.holder RETURNING epoch",
                    (_NAME, holder_to_text(holder)),
                ).fetchone()
            except BaseException:
                connection.close()
                raise
        if kept is None:
            raise Misused("store.failed", reason="no lease row")

        def release() -> None:
            # Said, and not left to the server, which takes its time to notice that a line has ended.
            with suppress(psycopg.Error):
                connection.execute("SELECT pg_advisory_unlock(%s)", (_OWNER_LOCK,))
            connection.close()

        return Owner(holder, int(kept[0]), release)

    def holder(self) -> Holder | None:
        with translated_errors(), connect(self._url) as connection:
            row = connection.execute(
                "SELECT 1 FROM pg_locks WHERE locktype = 'advisory' AND granted"
                " AND database = (SELECT oid FROM pg_database WHERE datname = current_database())"
                " AND classid = %s AND objid = %s AND objsubid = 1",
                (_OWNER_LOCK >> 32, _OWNER_LOCK & 0xFFFFFFFF),
            ).fetchone()
            if row is None:
                return None
            found = connection.execute("SELECT holder FROM lease WHERE name = %s", (_NAME,)).fetchone()
            return self._written(found)

    @staticmethod
    def _written(row: tuple[object, ...] | None) -> Holder:
        return holder_from_text(str(row[0])) if row else UNKNOWN
