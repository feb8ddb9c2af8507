"""Accounts with and without a server in one home, for the tests of import, export and migrate."""

from __future__ import annotations

import asyncio
import imaplib
import os
import re
import signal
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from eilbote.config import Config
from eilbote.engine.app import App, open_app
from eilbote.engine.owner import sync_accounts
from eilbote.errors import Problem
from eilbote.mail.mailbox import MailboxName
from eilbote.mail.message import read_source
from eilbote.secret import Secret
from eilbote.store.prepare import prepared_mail
from eilbote.store.update_values import Arrival
from eilbote.store.values import Account, AuthKind, Mailbox, NewAccount, Security, Server
from tests.servers.cyrus import Cyrus
from tests.servers.dovecot import Dovecot

PASSWORD = "geheim-1"
Kept = tuple[bytes, tuple[str, ...], int]
"""A mail as a test compares it: hash (or bytes), flags, internal date."""


@contextmanager
def home(folder: Path, observer: Callable[[str], None] | None = None) -> Iterator[App]:
    config = Config(home=folder / "home", key_file=str(folder / "key"))
    with open_app(config, observer=observer) as app:
        yield app


def local_account(app: App, address: str = "lokal@example.de") -> Account:
    return app.store.accounts.add(
        NewAccount(address=address, name="", user="", auth=AuthKind.PASSWORD, sealed=b"")
    )


def server_account(app: App, server: Dovecot | Cyrus, user: str) -> Account:
    """The account of a user, added if it is not there yet. Users of two servers may have one name."""
    address = f"{user}@s{server.port}.example.de"
    for account in app.store.accounts.all():
        if account.address == address:
            return account
    return app.store.accounts.add(
        NewAccount(
            address=address,
            name="",
            user=user,
            auth=AuthKind.PASSWORD,
            sealed=app.vault.seal(Secret(PASSWORD), f"account:{address}"),
            imap=Server(server.host, server.port, Security.NONE),
        )
    )


def sync(app: App, account: Account) -> None:
    (report,) = asyncio.run(sync_accounts(app, [account.address]))
    assert report.failed is None and not report.problems, report


def mailbox(app: App, account: Account, name: str) -> Mailbox:
    """The mailbox of this name, made if need be."""
    found = app.store.mailboxes.find(account.id, name)
    if found is None:
        found, _ = app.store.journal.create_mailbox(account.id, MailboxName(name), "user", 0.0)
    return found


def put(app: App, account: Account, name: str, mails: Sequence[tuple[bytes, Sequence[str], float]]) -> None:
    """Puts mails into a mailbox of an account without a server."""
    arrivals = [
        Arrival(0, frozenset(flags), date, 0, raw, prepared_mail(raw, read_source(raw)))
        for raw, flags, date in mails
    ]
    app.store.messages.take_in(mailbox(app, account, name).id, arrivals, 0.0)


def contents(app: App, account: Account) -> dict[str, list[Kept]]:
    """All that an account holds here, mailbox by mailbox."""
    return {
        box.name: sorted(
            (one.sha256, tuple(sorted(one.flags)), int(one.internal_date))
            for one in app.store.messages.lying(box.id)
        )
        for box in app.store.mailboxes.all(account.id)
    }


def on_server(server: Dovecot | Cyrus, user: str) -> dict[str, list[Kept]]:
    """All that a user's server holds (bytes, flags, internal date), by the standard library's client;
    empty mailboxes left out."""
    found: dict[str, list[Kept]] = {}
    with server.imap(user) as client:
        for row in client.list()[1]:
            assert isinstance(row, bytes)
            listed = re.match(rb'\(([^)]*)\) (?:"[^"]*"|NIL) (.*)$', row)
            assert listed is not None
            name = listed[2].strip(b'"').decode()
            if b"\\Noselect" in listed[1] or client.select(f'"{name}"', readonly=True)[0] != "OK":
                continue
            for item in client.uid("FETCH", "1:*", "(FLAGS INTERNALDATE BODY.PEEK[])")[1]:
                if isinstance(item, tuple):
                    flags = re.search(rb"FLAGS \(([^)]*)\)", item[0])
                    date = re.search(rb'INTERNALDATE "[^"]*"', item[0])
                    assert flags is not None and date is not None
                    when = imaplib.Internaldate2tuple(date[0])
                    assert when is not None
                    kept = tuple(sorted(set(flags[1].decode().split()) - {"\\Recent"}))
                    found.setdefault(name, []).append((item[1], kept, int(time.mktime(when))))
    return {name: sorted(mails) for name, mails in found.items()}


@dataclass(slots=True)
class Told:
    """Remembers what was told of single mails."""

    said: list[tuple[str, Problem]] = field(default_factory=list)

    def __call__(self, where: str, problem: Problem) -> None:
        self.said.append((where, problem))

    @property
    def codes(self) -> list[str]:
        return [problem.code for _, problem in self.said]


def killed_at(step: int) -> Callable[[str], None]:
    """An observer that ends its process the hard way at the given step."""
    seen = 0

    def observe(_name: str) -> None:
        nonlocal seen
        seen += 1
        if seen == step:
            os.kill(os.getpid(), signal.SIGKILL)

    return observe


def child(work: Callable[[], object]) -> int:
    """Runs `work` in a process of its own; its exit status, negative for a signal."""
    number = os.fork()
    if number == 0:
        status = 1
        try:
            work()
            status = 0
        finally:
            os._exit(status)
    return os.waitstatus_to_exitcode(os.waitpid(number, 0)[1])
