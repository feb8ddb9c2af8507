"""The keys with which accounts sign their mail. A key inside is sealed already; nothing here opens one."""

from __future__ import annotations

from msgspec import Struct

from eilbote.store.database import Database, blob, real, text


class DkimKey(Struct, frozen=True):
    """A signing key (RFC 6376): where its public half is published, and itself as the vault wrote it."""

    domain: str
    selector: str
    sealed: bytes
    created: float


class DkimKeys:
    """One key for each account that has one."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def get(self, account: int) -> DkimKey | None:
        with self._database.read() as session:
            row = session.one(
                "SELECT domain, selector, sealed, created FROM dkim_key WHERE account = ?", (account,)
            )
        return None if row is None else DkimKey(text(row[0]), text(row[1]), blob(row[2]), real(row[3]))

    def put(self, account: int, key: DkimKey) -> None:
        """In place of the one before."""
        with self._database.write() as session:
            session.run(
                "INSERT INTO dkim_key (account, domain, selector, sealed, created) VALUES (?, ?, ?, ?, ?)"
                " ON CONFLICT (account) DO UPDATE SET domain = excluded.domain,"
                " selector = excluded.selector, sealed = excluded.sealed, created = excluded.created",
                (account, key.domain, key.selector, key.sealed, key.created),
            )
