"""A home with one account on the embedded server, whose faults a test switches on and off."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from eilbote.config import Config
from eilbote.engine.app import App, open_app
from eilbote.engine.owner import sync_accounts
from eilbote.engine.progress import SyncReport
from eilbote.engine.verify import VerifyReport, verify_accounts
from eilbote.secret import Secret
from eilbote.store.values import Account, AuthKind, NewAccount, Security, Server
from eilbote.testing.imap.behaviour import Behaviour
from eilbote.testing.imap.mailstore import Mailbox, Mailstore
from eilbote.testing.imap.server import ImapServer

NOW = 1_795_000_000.0


@dataclass(slots=True)
class Embedded:
    """The account, its server, and the server's INBOX as the oracle reads it."""

    app: App
    account: Account
    server: ImapServer

    @property
    def inbox(self) -> Mailbox:
        return self.server.store["INBOX"]

    async def sync(self) -> SyncReport:
        (report,) = await sync_accounts(self.app)
        return report

    async def verify(self) -> list[VerifyReport]:
        return [one async for one in verify_accounts(self.app, [self.account], content=True)]

    def held(self, name: str = "INBOX") -> dict[int, bytes]:
        """UID -> bytes in the store."""
        mailbox = self.app.store.mailboxes.find(self.account.id, name)
        assert mailbox is not None
        places = self.app.store.messages.list_placements(mailbox=mailbox.id, limit=10_000)
        return {place.uid: self.app.store.messages.raw(place.id) for place in places}

    def there(self, name: str = "INBOX") -> dict[int, bytes]:
        """The same on the server."""
        return {uid: message.raw for uid, message in self.server.store[name].messages.items()}


@asynccontextmanager
async def embedded(home: Path, behaviour: Behaviour | None = None) -> AsyncIterator[Embedded]:
    """Starts the server, opens the home, adds the account."""
    store = Mailstore(lambda: NOW)
    async with ImapServer(store, {"kim": "geheim-1"}, behaviour or Behaviour()) as server:
        config = Config(home=home, key_file=str(home.parent / "key"), read_timeout=5.0)
        with open_app(config) as app:
            address = "kim@example.de"
            account = app.store.accounts.add(
                NewAccount(
                    address=address,
                    name="",
                    user="kim",
                    auth=AuthKind.PASSWORD,
                    sealed=app.vault.seal(Secret("geheim-1"), f"account:{address}"),
                    imap=Server(server.host, server.port, Security.NONE),
                )
            )
            yield Embedded(app, account, server)
