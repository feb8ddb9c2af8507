"""As whom the mail of an account is written: what was said about it, kept by address. Decides nothing."""

from __future__ import annotations

import msgspec

from eilbote.mail.identity import Identity, same_address
from eilbote.store.database import Database, integer, text
from eilbote.store.envelopes import clean

_decoder = msgspec.json.Decoder(Identity)


class Identities:
    """One row for each address that something was said about."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def all(self, account: int) -> list[tuple[Identity, bool]]:
        """In the order in which they were added; with each, whether it is the usual one."""
        with self._database.read() as session:
            rows = session.rows(
                "SELECT content, usual FROM identity WHERE account = ? ORDER BY id", (account,)
            )
        return [(_decoder.decode(text(content)), bool(integer(usual))) for content, usual in rows]

    def put(self, account: int, identity: Identity, *, usual: bool) -> None:
        """Adds an identity, or changes that of its address. One that is `usual` ends that of the others."""
        content = clean(msgspec.json.encode(identity).decode())
        with self._database.write() as session:
            if usual:
                session.run("UPDATE identity SET usual = 0 WHERE account = ?", (account,))
            session.run(
                "INSERT INTO identity (account, address, usual, content) VALUES (?, ?, ?, ?)"
                " ON CONFLICT (account, address) DO UPDATE SET content = excluded.content,"
                " usual = excluded.usual",
                (account, same_address(identity.address), int(usual), content),
            )

    def remove(self, account: int, address: str) -> bool:
        """False where nothing was said about this address."""
        with self._database.write() as session:
            return (
                session.run(
                    "DELETE FROM identity WHERE account = ? AND address = ?", (account, same_address(address))
                )
                > 0
            )
