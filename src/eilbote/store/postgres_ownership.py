"""Accounts of a home kept in PostgreSQL are shared by leases: each held by one process, for a time.

A lease is a row with an epoch that grows whenever it changes hands. It is claimed by one conditional
change, made longer in time, given back at a clean stop, and taken over when it has run out; all times
are the database's own. What this process may still do it judges by its monotonic clock, and a tenth
of the time earlier, because it cannot know better: see `fencing` for what holds even if it is wrong.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Collection, Iterator
from contextlib import contextmanager, suppress
from types import TracebackType
from typing import NamedTuple

import psycopg
from psycopg import sql as composed

from eilbote.clock import Clock
from eilbote.errors import EilboteError, NotAllowed
from eilbote.store.database import Session
from eilbote.store.ownership import holder_from_text, holder_to_text, me
from eilbote.store.postgres import Connection, connect, translated_errors
from eilbote.store.values import Holder

_CAUTION = 0.9
"""The part of a lease's time in which its holder relies on it."""

_CLOCK = "extract(epoch FROM clock_timestamp())::double precision"

# Any conflict: two that come first may meet in either of the unique indexes.
_KNOWN = "INSERT INTO lease (account, epoch, process, expires) VALUES (%s, 0, 0, 0) ON CONFLICT DO NOTHING"
_CLAIM = f"""
UPDATE lease SET epoch = epoch + 1, process = %(me)s, expires = {_CLOCK} + %(for)s
WHERE account = %(account)s AND (process = 0 OR expires <= {_CLOCK}) RETURNING epoch
"""
_RENEW = f"""
UPDATE lease SET expires = {_CLOCK} + %(for)s
FROM unnest(%(accounts)s::bigint[], %(epochs)s::bigint[]) AS mine (account, epoch)
WHERE lease.account = mine.account AND lease.epoch = mine.epoch RETURNING lease.account
"""
_GIVE_BACK = """
UPDATE lease SET epoch = epoch + 1, process = 0, expires = 0 WHERE account = %s AND epoch = %s
"""
_PRESENT = f"""
INSERT INTO process (id, name, holder, serves, expires)
VALUES (%(me)s, %(name)s, %(holder)s, %(serves)s, {_CLOCK} + %(for)s)
ON CONFLICT (id) DO UPDATE SET expires = excluded.expires
"""


class PostgresOwnership:
    """Asks the database who holds what."""

    def __init__(self, url: str, name: str, seconds: float) -> None:
        """`name` is what this process's connections are called; leases last `seconds`."""
        self._url = url
        self._name = name
        self._seconds = seconds

    def join(self, clock: Clock, purpose: str) -> PostgresTenure:
        """See `Ownership.join`; nobody is refused."""
        return PostgresTenure(self._url, self._name, self._seconds, clock, me(clock.now(), purpose))

    def holder(self, account: int | None = None) -> Holder | None:
        """See `Ownership.holder`."""
        if account is not None:
            return self.holders().get(account)
        with translated_errors(), connect(self._url, self._name) as connection:
            row = connection.execute(
                f"SELECT holder FROM process WHERE expires > {_CLOCK} ORDER BY id LIMIT 1"
            ).fetchone()
        return holder_from_text(row[0]) if row else None

    def holders(self) -> dict[int, Holder]:
        """See `Ownership.holders`."""
        with translated_errors(), connect(self._url, self._name) as connection:
            rows = connection.execute(
                "SELECT l.account, p.holder FROM lease l JOIN process p ON p.id = l.process"
                f" WHERE l.expires > {_CLOCK}"
            ).fetchall()
        return {int(account): holder_from_text(holder) for account, holder in rows}


class _Term(NamedTuple):
    """Under which epoch an account is held, and until when by the monotonic clock."""

    epoch: int
    until: float


class PostgresLease:
    """One account under one epoch: see `Lease`."""

    def __init__(self, tenure: PostgresTenure, account: int, epoch: int) -> None:
        self._tenure = tenure
        self.account = account
        self.epoch = epoch

    def check(self) -> None:
        if self._tenure.epoch_of(self.account) != self.epoch:
            raise NotAllowed("store.fenced")

    def hold(self, session: Session) -> None:
        mine = session.one(
            "SELECT 1 FROM lease WHERE account = ? AND epoch = ? FOR KEY SHARE", (self.account, self.epoch)
        )
        if mine is None:
            raise NotAllowed("store.fenced")


def _is_gone(holder: Holder, here: str) -> bool:
    """Whether a process of our own process table has ended; of another machine's, or another
    container's, nobody knows."""
    if not here or holder.table != here or holder.pid <= 0:
        return False
    try:
        os.kill(holder.pid, 0)
    except ProcessLookupError:
        return True
    except PermissionError:
        return False
    return False


def _answers(connection: Connection) -> bool:
    """False where the database has ended the connection: that is known only when it is used."""
    if not connection.closed:
        with suppress(psycopg.OperationalError):
            connection.execute("SELECT 1")
    return not connection.closed


class PostgresTenure:
    """What this process holds: see `Tenure`. It has a connection of its own, so that nothing else
    that is done can keep it from renewing."""

    whole = False

    def __init__(self, url: str, name: str, seconds: float, clock: Clock, holder: Holder) -> None:
        self.beat: float | None = seconds / 3
        self._url = url
        self._name = name
        self._seconds = seconds
        self._clock = clock
        self._holder = holder
        self._held: dict[int, _Term] = {}
        self._lock = threading.Lock()
        self._connection: Connection | None = None
        self._left = False
        with self._asking() as connection:
            row = connection.execute("SELECT nextval(pg_get_serial_sequence('process', 'id'))").fetchone()
            self._me = int(row[0]) if row else 0
            self._be_present(connection)

    @contextmanager
    def _asking(self) -> Iterator[Connection]:
        """The connection, anew where the database has ended it. One thread at a time."""
        with self._lock, translated_errors():
            if self._connection is None or not _answers(self._connection):
                self._connection = connect(self._url, self._name)
                wait = composed.Literal(f"{int(self._seconds * 1000 / 6)}ms")
                self._connection.execute(composed.SQL("SET lock_timeout = {}").format(wait))
            yield self._connection

    def _be_present(self, connection: Connection) -> None:
        connection.execute(
            _PRESENT,
            {
                "me": self._me,
                "name": self._name,
                "holder": holder_to_text(self._holder),
                "serves": int(self._holder.purpose == "serve"),
                "for": self._seconds,
            },
        )

    def part(self, accounts: Collection[int]) -> int:
        """The accounts divided among those that serve, the eldest taking one more each where they do
        not come out even."""
        with self._asking() as connection:
            rows = connection.execute(
                f"SELECT id FROM process WHERE serves = 1 AND expires > {_CLOCK} ORDER BY id"
            ).fetchall()
        serving = [int(row[0]) for row in rows]
        if self._me not in serving:
            return 0
        each, over = divmod(len(accounts), len(serving))
        return each + (serving.index(self._me) < over)

    def claim(self, accounts: Collection[int], most: int | None = None) -> list[int]:
        """See `Tenure.claim`. One conditional change for each: whoever gets its row back has it."""
        gained: list[int] = []
        with self._asking() as connection:
            self._find_the_killed(connection)
            free = self._free(connection, [one for one in accounts if self._current(one) is None])
            if free:
                self._end_the_dead(connection)
            for account in free:
                if most is not None and len(gained) >= most:
                    break
                until = self._clock.monotonic() + self._seconds * _CAUTION
                try:
                    connection.execute(_KNOWN, (account,))
                    row = connection.execute(
                        _CLAIM, {"account": account, "me": self._me, "for": self._seconds}
                    ).fetchone()
                except psycopg.errors.LockNotAvailable:
                    continue  # its last holder is still writing
                if row is not None:
                    self._held[account] = _Term(int(row[0]), until)
                    gained.append(account)
        return gained

    @staticmethod
    def _free(connection: Connection, accounts: list[int]) -> list[int]:
        if not accounts:
            return []
        rows = connection.execute(
            f"SELECT account FROM lease WHERE account = ANY(%s) AND process <> 0 AND expires > {_CLOCK}",
            (accounts,),
        ).fetchall()
        taken = {int(row[0]) for row in rows}
        return [one for one in accounts if one not in taken]

    def _find_the_killed(self, connection: Connection) -> None:
        """Lets the leases of processes of this machine that are no more run out now: nobody has to
        wait for what cannot come back."""
        rows = connection.execute(
            f"SELECT id, holder FROM process WHERE expires > {_CLOCK} AND id <> %s", (self._me,)
        ).fetchall()
        killed = [int(row[0]) for row in rows if _is_gone(holder_from_text(row[1]), self._holder.table)]
        if killed:
            connection.execute("UPDATE lease SET expires = 0 WHERE process = ANY(%s)", (killed,))
            connection.execute("UPDATE process SET expires = 0 WHERE id = ANY(%s)", (killed,))

    def _end_the_dead(self, connection: Connection) -> None:
        """Ends what processes that did not renew in time still have open in the database: a change
        that they are in the middle of would hold up everybody. One that lives connects anew."""
        rows = connection.execute(
            f"SELECT id, name FROM process WHERE expires <= {_CLOCK} AND id <> %s", (self._me,)
        ).fetchall()
        if not rows:
            return
        connection.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = ANY(%s)"
            " AND application_name <> %s AND datname = current_database() AND usename = current_user",
            ([row[1] for row in rows], self._name),
        )
        connection.execute(
            f"DELETE FROM process WHERE id = ANY(%s) AND expires <= {_CLOCK}", ([row[0] for row in rows],)
        )

    def _current(self, account: int) -> _Term | None:
        term = self._held.get(account)
        return term if term is not None and self._clock.monotonic() < term.until else None

    def epoch_of(self, account: int) -> int | None:
        """Under which epoch the account is held now."""
        term = self._current(account)
        return None if term is None else term.epoch

    def holds(self, account: int) -> bool:
        """See `Tenure.holds`."""
        return self._current(account) is not None

    def lease(self, account: int) -> PostgresLease:
        """See `Tenure.lease`."""
        term = self._current(account)
        if term is None:
            raise NotAllowed("store.fenced")
        return PostgresLease(self, account, term.epoch)

    def renew(self) -> None:
        """See `Tenure.renew`. Where nobody has taken over, even a lease that had run out goes on."""
        with self._asking() as connection:
            until = self._clock.monotonic() + self._seconds * _CAUTION
            self._be_present(connection)
            held = dict(self._held)
            if not held:
                return
            rows = connection.execute(
                _RENEW,
                {
                    "for": self._seconds,
                    "accounts": list(held),
                    "epochs": [term.epoch for term in held.values()],
                },
            ).fetchall()
            kept = {int(row[0]) for row in rows}
            self._held = {
                account: _Term(term.epoch, until) for account, term in held.items() if account in kept
            }

    def give_back(self, accounts: Collection[int]) -> None:
        """See `Tenure.give_back`. What cannot be given back now runs out."""
        with self._lock:
            given = {one: self._held.pop(one) for one in accounts if one in self._held}
        if not given:
            return
        with self._asking() as connection:
            for account, term in given.items():
                with suppress(psycopg.errors.LockNotAvailable):
                    connection.execute(_GIVE_BACK, (account, term.epoch))

    def release(self) -> None:
        """See `Tenure.release`."""
        if self._left:
            return
        self._left = True
        # A database that cannot be told finds out by itself, when the leases run out.
        with suppress(EilboteError):
            self.give_back(list(self._held))
            with self._asking() as connection:
                connection.execute("DELETE FROM process WHERE id = %s", (self._me,))
        if self._connection is not None:
            self._connection.close()

    def __enter__(self) -> PostgresTenure:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.release()
