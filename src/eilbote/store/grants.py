"""What authorization servers granted, a row for each account that signed in; and the user's own registrations
there. Tokens and secrets are sealed already; nothing here opens or shows them."""

from __future__ import annotations

from contextlib import AbstractContextManager

from msgspec import Struct

from eilbote.errors import Problem
from eilbote.store.database import Database, blob, integer, real, text
from eilbote.store.problems import problem_from_text, problem_to_text


class Grant(Struct, frozen=True):
    """`server` is JSON of where tokens are asked for. `obtained`, `expires`: of the access token, in seconds
    since 1970. `problem` without `again`: only signing in again helps."""

    account: int
    number: int
    server: str
    sealed: bytes
    obtained: float
    expires: float
    signed_in: float
    problem: Problem | None = None
    again: float | None = None


class StoredClient(Struct, frozen=True):
    """A registration at an authorization server; `sealed`: its secret, None where it has none."""

    id: str
    sealed: bytes | None


class Grants:
    """Kept, renewed and looked up. Never under the lease of an account: a token that was renewed is the only
    one that is still good, whoever holds the account by now."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def of(self, account: int) -> Grant | None:
        """None where nobody has signed in."""
        with self._database.read() as session:
            row = session.one(
                "SELECT account, number, server, sealed, obtained, expires, signed_in, problem, again"
                " FROM oauth_grant WHERE account = ?",
                (account,),
            )
        if row is None:
            return None
        return Grant(
            integer(row[0]),
            integer(row[1]),
            text(row[2]),
            blob(row[3]),
            real(row[4]),
            real(row[5]),
            real(row[6]),
            problem_from_text(row[7]),
            None if row[8] is None else real(row[8]),
        )

    def signed_in(self, account: int, server: str, sealed: bytes, now: float, expires: float) -> None:
        """Somebody has signed in; whatever was granted before is forgotten."""
        with self._database.write() as session:
            session.run(
                "INSERT INTO oauth_grant (account, number, server, sealed, obtained, expires, signed_in)"
                " VALUES (?, 1, ?, ?, ?, ?, ?) ON CONFLICT (account) DO UPDATE SET"
                " number = oauth_grant.number + 1, server = excluded.server, sealed = excluded.sealed,"
                " obtained = excluded.obtained, expires = excluded.expires,"
                " signed_in = excluded.signed_in, problem = NULL, again = NULL",
                (account, server, sealed, now, expires, now),
            )

    def renewed(self, grant: Grant, sealed: bytes, now: float, expires: float) -> bool:
        """The grant has other tokens now; False where somebody has signed in anew meanwhile."""
        with self._database.write() as session:
            changed = session.run(
                "UPDATE oauth_grant SET sealed = ?, obtained = ?, expires = ?, problem = NULL, again = NULL"
                " WHERE account = ? AND number = ?",
                (sealed, now, expires, grant.account, grant.number),
            )
        return changed == 1

    def failed(self, grant: Grant, problem: Problem, again: float | None) -> None:
        """Why it was not renewed; nothing where somebody has signed in anew meanwhile."""
        with self._database.write() as session:
            session.run(
                "UPDATE oauth_grant SET problem = ?, again = ? WHERE account = ? AND number = ?",
                (problem_to_text(problem), again, grant.account, grant.number),
            )

    def forget(self, account: int) -> None:
        """The account has another kind of secret now."""
        with self._database.write() as session:
            session.run("DELETE FROM oauth_grant WHERE account = ?", (account,))

    def alone(self, account: int) -> AbstractContextManager[None]:
        """One process and one thread at a time, whoever they are; see `Database.alone`."""
        return self._database.alone(account)

    def client(self, server: str) -> StoredClient | None:
        """The registration at this server, None where none was given yet."""
        with self._database.read() as session:
            row = session.one("SELECT client_id, sealed FROM oauth_client WHERE server = ?", (server,))
        if row is None:
            return None
        return StoredClient(text(row[0]), None if row[1] is None else blob(row[1]))

    def keep_client(self, server: str, client: StoredClient) -> None:
        """The registration for the next sign-in there; grants keep the one that they were made with."""
        with self._database.write() as session:
            session.run(
                "INSERT INTO oauth_client (server, client_id, sealed) VALUES (?, ?, ?)"
                " ON CONFLICT (server) DO UPDATE SET client_id = excluded.client_id,"
                " sealed = excluded.sealed",
                (server, client.id, client.sealed),
            )
