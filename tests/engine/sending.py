"""A home with one account that sends through the embedded submission server, for the tests of sending."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from pathlib import Path

from eilbote.clock import Clock
from eilbote.config import Config
from eilbote.delivery.values import Outgoing, SendState
from eilbote.engine.app import App, open_app
from eilbote.engine.connect import HostBudget
from eilbote.engine.deliver import send_now
from eilbote.engine.progress import Delivered
from eilbote.engine.send import Envelope, Handling, queue_mail
from eilbote.secret import Secret
from eilbote.store.values import Account, AuthKind, NewAccount, Security, Server
from eilbote.testing.smtp.server import SmtpServer
from eilbote.testing.smtp.sink import Sink

ADDRESS, PASSWORD = "kim@example.de", "geheim-1"
ANNA, BEN = "anna@example.org", "ben@example.com"


def raw_mail(number: int, words: str = "Guten Tag.") -> bytes:
    """A mail as it is queued, different for each number."""
    return (
        f"From: {ADDRESS}\r\nTo: {ANNA}\r\nSubject: Brief {number}\r\n"
        f"Message-ID: <s{number}@example.de>\r\nDate: Mon, 02 Nov 2026 10:00:00 +0100\r\n\r\n{words}\r\n"
    ).encode()


@dataclass(slots=True)
class Office:
    """The account, and the server that takes its mail."""

    app: App
    account: Account
    sink: Sink

    def queue(
        self,
        number: int = 1,
        *recipients: str,
        handling: Handling | None = None,
        words: str = "Guten Tag.",
        account: Account | None = None,
    ) -> Outgoing:
        sender = account or self.account
        envelope = Envelope(sender.address, recipients or (ANNA,))
        return queue_mail(self.app, sender, raw_mail(number, words), envelope, handling or Handling())

    def another_account(self, address: str) -> Account:
        """One more account that logs in to the same server."""
        assert self.account.smtp is not None
        self.sink.accounts = {**self.sink.accounts, address: PASSWORD}
        return added(self.app, address, self.account.smtp)

    async def deliver(self) -> Delivered:
        return await send_now(self.app, self.app.store.accounts.get(self.account.id), HostBudget(5))

    def state(self, mail: Outgoing) -> SendState:
        return self.app.store.outbox.get(mail.id).state

    def sent_copies(self) -> list[str]:
        """The subjects in the mailbox of sent mail."""
        box = self.app.store.mailboxes.find(self.account.id, "Sent")
        if box is None:
            return []
        found = self.app.store.messages.list_placements(mailbox=box.id, limit=100_000)
        return sorted(one.envelope.subject for one in found)


def added(app: App, address: str, smtp: Server) -> Account:
    return app.store.accounts.add(
        NewAccount(
            address=address,
            name="Kim",
            user=address,
            auth=AuthKind.PASSWORD,
            sealed=app.vault.seal(Secret(PASSWORD), f"account:{address}"),
            smtp=smtp,
        )
    )


@contextmanager
def opened_office(
    home: Path,
    port: int,
    sink: Sink,
    store_url: str = "",
    security: Security = Security.NONE,
    observer: Callable[[str], None] | None = None,
    clock: Clock | None = None,
) -> Iterator[Office]:
    """Opens a home whose one account sends through a server on that port, made where it is new."""
    config = Config(home=home, store=store_url, key_file=str(home.parent / "key"), check_hour=-1)
    with open_app(config, observer=observer, clock=clock) as app:
        if not app.store.accounts.all():
            added(app, ADDRESS, Server("127.0.0.1", port, security))
        account = app.store.accounts.get(ADDRESS)
        app.store.accounts.update(account.id, smtp=Server("127.0.0.1", port, security))
        yield Office(app, app.store.accounts.get(account.id), sink)


@asynccontextmanager
async def office(home: Path, store_url: str = "", sink: Sink | None = None) -> AsyncIterator[Office]:
    """The server runs, the home is open."""
    async with SmtpServer(sink or Sink(accounts={ADDRESS: PASSWORD})) as server:
        with opened_office(home, server.port, server.sink, store_url) as opened:
            yield opened
            await asyncio.sleep(0)
