"""Senders whose pictures from elsewhere a user always wants to see, and which server vouched for them.
Decides nothing.
"""

from __future__ import annotations

from eilbote.mail.identity import same_address
from eilbote.store.database import Database, text


class PictureSenders:
    """One row for each user and address."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def all(self, user: int) -> list[str]:
        """Their addresses, in order."""
        with self._database.read() as session:
            rows = session.rows(
                "SELECT address FROM picture_sender WHERE person = ? ORDER BY address", (user,)
            )
        return [text(address) for (address,) in rows]

    def voucher_of(self, user: int, address: str) -> str | None:
        """None where the user never said so."""
        with self._database.read() as session:
            sql = "SELECT voucher FROM picture_sender WHERE person = ? AND address = ?"
            row = session.one(sql, (user, same_address(address)))
        return None if row is None else text(row[0])

    def put(self, user: int, address: str, voucher: str) -> None:
        """Also instead of what was said before."""
        with self._database.write() as session:
            session.run(
                "INSERT INTO picture_sender (person, address, voucher) VALUES (?, ?, ?)"
                " ON CONFLICT (person, address) DO UPDATE SET voucher = excluded.voucher",
                (user, same_address(address), voucher),
            )

    def remove(self, user: int, address: str) -> None:
        with self._database.write() as session:
            session.run(
                "DELETE FROM picture_sender WHERE person = ? AND address = ?", (user, same_address(address))
            )
