"""Accounts as rows. The secret inside is sealed already; nothing here opens or shows it."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from msgspec.structs import asdict, replace

from eilbote.errors import Gone, Misused, Problem
from eilbote.mail.keep import read_keep
from eilbote.mail.mailbox import SpecialUse
from eilbote.store import mailboxes
from eilbote.store.database import Database, Row, Session, Value, blob, integer, real, text
from eilbote.store.local import DELIMITER, ROLE_NAMES
from eilbote.store.problems import problem_from_text, problem_to_text
from eilbote.store.values import (
    Account,
    AccountState,
    AuthKind,
    ListedMailbox,
    NewAccount,
    Security,
    Server,
)
from eilbote.sync.values import OnServer

_COLUMNS = (
    "id, address, name, state, login, auth, sealed, servers, trusted, problem, change_number, created,"
    " synced, bodies"
)


class Accounts:
    """Adds, finds, changes and removes accounts."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def add(self, account: NewAccount, now: float = 0.0) -> Account:
        """Misused `store.account_exists` where the address (case ignored) is there already. A local
        account has its inbox from the first moment."""
        with self._database.write() as session:
            taken = session.one("SELECT 1 FROM account WHERE lower(address) = lower(?)", (account.address,))
            if taken is not None:
                raise Misused("store.account_exists", address=account.address)
            row = session.one(
                "INSERT INTO account (address, name, state, login, auth, sealed, servers, trusted, created)"
                " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?) RETURNING id",
                (*_written(account), now),
            )
            assert row is not None
            if account.imap is None:
                role = SpecialUse.INBOX
                mailboxes.insert(session, integer(row[0]), ListedMailbox(ROLE_NAMES[role], DELIMITER, role))
            return _by_id(session, integer(row[0]))

    def get(self, key: int | str) -> Account:
        """By id, or by address (case ignored). Gone `store.no_account`."""
        with self._database.read() as session:
            if isinstance(key, int):
                return _by_id(session, key)
            sql = f"SELECT {_COLUMNS} FROM account WHERE lower(address) = lower(?)"
            row = session.one(sql, (key,))
        if row is None:
            raise Gone("store.no_account", account=key)
        return _account(row)

    def all(self) -> list[Account]:
        """Every account, in the order of adding."""
        with self._database.read() as session:
            return [_account(row) for row in session.rows(f"SELECT {_COLUMNS} FROM account ORDER BY id")]

    def update(self, account_id: int, **changes: object) -> Account:
        """Changes fields of `Account` by their names, all but `id`, `change` and `created`."""
        with self._database.write() as session:
            account = replace(_by_id(session, account_id), **changes)
            session.run(
                "UPDATE account SET address = ?, name = ?, state = ?, login = ?, auth = ?, sealed = ?,"
                " servers = ?, trusted = ?, problem = ?, synced = ?, bodies = ? WHERE id = ?",
                (
                    *_written(account),
                    problem_to_text(account.problem),
                    account.synced,
                    str(account.keep),
                    account_id,
                ),
            )
        return account

    def set_state(self, account_id: int, state: AccountState, problem: Problem | None = None) -> Account:
        """The account's new state, and why it is in it."""
        return self.update(account_id, state=state, problem=problem)

    def synced(self, account_id: int, now: float) -> Account:
        """A complete pass ended: the account is ready and has no problem."""
        return self.update(account_id, state=AccountState.READY, problem=None, synced=now)

    def remove(self, account_id: int) -> None:
        """Forgets the account and everything stored of it but its bodies, which lie unused until
        the packs are compacted. Gone `store.no_account`."""
        with self._database.write() as session:
            _by_id(session, account_id)
            mine = (account_id,)
            boxes = "SELECT id FROM mailbox WHERE account = ?"
            session.run(f"DELETE FROM placement WHERE mailbox IN ({boxes})", mine)
            session.run(f"DELETE FROM quarantine WHERE mailbox IN ({boxes})", mine)
            session.run(f"DELETE FROM finding WHERE mailbox IN ({boxes})", mine)
            session.run("DELETE FROM label WHERE message IN (SELECT id FROM message WHERE account = ?)", mine)
            for table in (
                *("tombstone", "change", "journal", "conflict"),
                *("message", "mailbox", "collected", "maildrop"),
            ):
                session.run(f"DELETE FROM {table} WHERE account = ?", mine)
            session.run("DELETE FROM account WHERE id = ?", mine)


def _by_id(session: Session, account_id: int) -> Account:
    row = session.one(f"SELECT {_COLUMNS} FROM account WHERE id = ?", (account_id,))
    if row is None:
        raise Gone("store.no_account", account=account_id)
    return _account(row)


def _written(account: NewAccount | Account) -> tuple[Value, ...]:
    """What a row begins with: address, name, state, login, auth, sealed, servers, trusted."""
    return (
        account.address,
        account.name,
        account.state.value,
        account.user,
        account.auth.value,
        account.sealed,
        _servers_to_text(account),
        "\n".join(account.trusted),
    )


def _account(row: Row | Sequence[Value]) -> Account:
    servers = json.loads(text(row[7]))
    return Account(
        id=integer(row[0]),
        address=text(row[1]),
        name=text(row[2]),
        state=AccountState(text(row[3])),
        user=text(row[4]),
        auth=AuthKind(text(row[5])),
        sealed=blob(row[6]),
        imap=_server(servers["imap"]),
        smtp=_server(servers["smtp"]),
        pop3=_server(servers["pop3"]),
        trusted=tuple(text(row[8]).split("\n")) if row[8] else (),
        problem=problem_from_text(row[9]),
        change=integer(row[10]),
        created=real(row[11]),
        synced=None if row[12] is None else real(row[12]),
        keep=read_keep(text(row[13])),
        on_server=_on_server(servers.get("on_server")),
        direct=bool(servers.get("direct")),
        sieve=_server(servers.get("sieve")),
    )


def _server(kept: Mapping[str, Any] | None) -> Server | None:
    return Server(kept["host"], kept["port"], Security(kept["security"])) if kept else None


def _on_server(kept: Mapping[str, Any] | None) -> OnServer:
    return OnServer(kept["days"], kept["when_deleted"]) if kept else OnServer()


def _servers_to_text(account: NewAccount | Account) -> str:
    servers = {"imap": account.imap, "smtp": account.smtp, "pop3": account.pop3}
    kept: dict[str, object] = {protocol: asdict(one) if one else None for protocol, one in servers.items()}
    if account.on_server != OnServer():
        kept["on_server"] = asdict(account.on_server)
    if account.direct:
        kept["direct"] = True
    if account.sieve is not None:
        kept["sieve"] = asdict(account.sieve)
    return json.dumps(kept)
