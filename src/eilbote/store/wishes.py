"""The holders' letter box: other processes leave a wish ("sync this account now") and poll for its
answer.

A wish is about an account, so whoever holds that account finds it, even where the account changes
hands meanwhile. Each wish is claimed once, by one conditional change. It must never carry a secret.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping

from eilbote.store.database import Database, in_list, integer, real, text
from eilbote.store.values import Wish

_STALE_SECONDS = 24 * 3600.0


class Wishes:
    """Asking, claiming, answering."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def ask(self, kind: str, payload: str, now: float, account: int = 0) -> int:
        """Leaves a wish; returns its id. Without an account, only who holds the whole home finds it."""
        return self.ask_each(kind, {account: payload}, now)[account]

    def ask_each(self, kind: str, payloads: Mapping[int, str], now: float) -> dict[int, int]:
        """Leaves a wish for each account, all at once; returns their ids. Wishes of yesterday are
        cleared away."""
        asked: dict[int, int] = {}
        with self._database.write() as session:
            session.run("DELETE FROM wish WHERE created < ?", (now - _STALE_SECONDS,))
            for account, payload in payloads.items():
                row = session.one(
                    "INSERT INTO wish (kind, payload, created, account) VALUES (?, ?, ?, ?) RETURNING id",
                    (kind, payload, now, account),
                )
                assert row is not None
                asked[account] = integer(row[0])
        return asked

    def claim(self, now: float, accounts: Collection[int] | None = None) -> list[Wish]:
        """Takes every wish that nobody took, oldest first, or those about `accounts`. Cheap when
        there is none."""
        where, mine = "claimed IS NULL", tuple(accounts or ())
        if accounts is not None:
            where += f" AND account IN {in_list(len(mine))}"
        with self._database.read() as session:
            if session.one(f"SELECT 1 FROM wish WHERE {where}", mine) is None:
                return []
        with self._database.write() as session:
            rows = session.rows(
                f"UPDATE wish SET claimed = ? WHERE {where} RETURNING id, kind, payload, created, account",
                (now, *mine),
            )
        found = [
            Wish(integer(row[0]), text(row[1]), text(row[2]), real(row[3]), integer(row[4])) for row in rows
        ]
        return sorted(found, key=lambda wish: wish.id)

    def unclaim(self, accounts: Collection[int] | None = None) -> int:
        """A new holder (of all, or of `accounts`) takes over what its dead predecessor claimed and
        never answered."""
        where, theirs = "answer IS NULL", tuple(accounts or ())
        if accounts is not None:
            where += f" AND claimed IS NOT NULL AND account IN {in_list(len(theirs))}"
            with self._database.read() as session:
                if session.one(f"SELECT 1 FROM wish WHERE {where}", theirs) is None:
                    return 0
        with self._database.write() as session:
            return session.run(f"UPDATE wish SET claimed = NULL WHERE {where}", theirs)

    def put_back(self, wish: int) -> None:
        """Its account has changed hands: another may claim the wish."""
        with self._database.write() as session:
            session.run("UPDATE wish SET claimed = NULL WHERE id = ? AND answer IS NULL", (wish,))

    def answer(self, wish: int, words: str) -> bool:
        """Answers a wish; False if it was withdrawn, or is answered already."""
        with self._database.write() as session:
            return (
                session.run("UPDATE wish SET answer = ? WHERE id = ? AND answer IS NULL", (words, wish)) == 1
            )

    def answered(self, wish: int) -> str | None:
        """The answer, None while there is none."""
        return self.all_answered([wish]).get(wish)

    def all_answered(self, wishes: Collection[int]) -> dict[int, str]:
        """The answers that there are, by wish."""
        with self._database.read() as session:
            rows = session.rows(
                f"SELECT id, answer FROM wish WHERE answer IS NOT NULL AND id IN {in_list(len(wishes))}",
                tuple(wishes),
            )
        return {integer(wish): text(answer) for wish, answer in rows}

    def withdraw(self, *wishes: int) -> None:
        """The asker waits no longer, or has read the answers."""
        with self._database.write() as session:
            session.run(f"DELETE FROM wish WHERE id IN {in_list(len(wishes))}", wishes)
