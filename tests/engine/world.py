"""A home with one account on a private Dovecot or Cyrus, for the tests of the engine.

The truth is asked of the server through the standard library's client, never through our own.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from email.message import EmailMessage
from pathlib import Path

from eilbote.config import Config
from eilbote.engine.app import App, open_app
from eilbote.engine.owner import sync_accounts
from eilbote.engine.progress import SyncReport
from eilbote.engine.verify import VerifyReport, verify_accounts
from eilbote.secret import Secret
from eilbote.store.values import Account, AuthKind, NewAccount, Security, Server
from tests.servers.cyrus import Cyrus, CyrusOptions
from tests.servers.dovecot import Dovecot
from tests.servers.dovecot_settings import DovecotOptions

Options = DovecotOptions | CyrusOptions
"""What to start; the kind of options says which server."""
RealServer = Dovecot | Cyrus

QRESYNC = frozenset[str]()
CONDSTORE = frozenset({"QRESYNC"})
NEITHER = frozenset({"QRESYNC", "CONDSTORE"})


def mail(number: int, *, subject: str = "", size: int = 0, message_id: str | None = None) -> bytes:
    """A small mail that differs from every other."""
    made = EmailMessage()
    made["From"] = f"Anna Beispiel <anna{number}@example.org>"
    made["To"] = "kim@example.de"
    made["Subject"] = subject or f"Nachricht {number}"
    made["Date"] = "Mon, 02 Nov 2026 10:00:00 +0100"
    made["Message-ID"] = message_id if message_id is not None else f"<m{number}@example.org>"
    made.set_content(f"Text der Nachricht {number}.\n" + "x" * size)
    return made.as_bytes().replace(b"\n", b"\r\n")


async def until(true: Callable[[], bool]) -> None:
    """Waits until it is true: what another process or task does has no event of ours."""
    async with asyncio.timeout(30):
        while not true():  # noqa: ASYNC110
            await asyncio.sleep(0.01)


@dataclass(slots=True)
class World:
    """One account, its server and its home."""

    app: App
    account: Account
    server: RealServer
    user: str

    def sync(self) -> SyncReport:
        """One pass that must succeed."""
        (report,) = asyncio.run(sync_accounts(self.app))
        assert report.failed is None, report.failed
        assert not report.problems, report.problems
        return report

    def verify(self, *, content: bool = True) -> list[VerifyReport]:
        async def run() -> list[VerifyReport]:
            account = self.app.store.accounts.get(self.account.id)
            return [one async for one in verify_accounts(self.app, [account], content=content)]

        return asyncio.run(run())

    def assert_same(self) -> None:
        """Server and store agree, by our own verify and by the independent look."""
        reports = self.verify()
        assert all(one.ok for one in reports), [one for one in reports if not one.ok]
        assert self.held() == self.truth()

    def truth(self) -> dict[str, dict[int, tuple[frozenset[str], bytes]]]:
        """Mailbox -> UID -> flags and bytes, as the server has them (empty mailboxes left out)."""
        found: dict[str, dict[int, tuple[frozenset[str], bytes]]] = {}
        with self.server.imap(self.user) as client:
            for row in client.list()[1]:
                assert isinstance(row, bytes)
                name = re.split(r' "[/.]" ', row.decode(), maxsplit=1)[1].strip('"')
                status, _ = client.select(f'"{name}"', readonly=True)
                if status != "OK":
                    continue
                for item in client.uid("FETCH", "1:*", "(FLAGS BODY.PEEK[])")[1]:
                    if isinstance(item, tuple):
                        head = item[0].decode()
                        uid = int(re.search(r"UID (\d+)", head)[1])  # type: ignore[index]
                        flags = re.search(r"FLAGS \(([^)]*)\)", head)[1].split()  # type: ignore[index]
                        found.setdefault(name, {})[uid] = (frozenset(flags) - {"\\Recent"}, item[1])
        return found

    def held(self) -> dict[str, dict[int, tuple[frozenset[str], bytes]]]:
        """The same as the store has it."""
        found: dict[str, dict[int, tuple[frozenset[str], bytes]]] = {}
        for mailbox in self.app.store.mailboxes.all(self.account.id):
            for place in self.app.store.messages.list_placements(mailbox=mailbox.id, limit=100_000):
                raw = self.app.store.messages.raw(place.id)
                found.setdefault(mailbox.name, {})[place.uid] = (place.flags, raw)
        return found

    def ids(self, mailbox: str = "INBOX") -> dict[int, int]:
        """UID -> message id."""
        box = self.app.store.mailboxes.find(self.account.id, mailbox)
        assert box is not None
        return {p.uid: p.id for p in self.app.store.messages.list_placements(mailbox=box.id, limit=100_000)}


@contextmanager
def world(server: RealServer, home: Path, store_url: str = "", user: str | None = None) -> Iterator[World]:
    """Opens a home at `home` with an account for a fresh user of `server` (or for `user`)."""
    name = user or server.new_user()[0]
    config = Config(home=home, store=store_url, key_file=str(home.parent / "key"), check_hour=-1)
    with open_app(config) as app:
        accounts = app.store.accounts.all()
        if not accounts:
            address = f"{name}@example.de"
            app.store.accounts.add(
                NewAccount(
                    address=address,
                    name="",
                    user=name,
                    auth=AuthKind.PASSWORD,
                    sealed=app.vault.seal(Secret("geheim-1"), f"account:{address}"),
                    imap=Server(server.host, server.port, Security.NONE),
                )
            )
        (account,) = app.store.accounts.all()
        yield World(app, account, server, name)
