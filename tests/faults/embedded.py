"""A home with one account on the embedded server, whose faults a test switches on and off."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from dataclasses import replace as replace_config
from pathlib import Path

from msgspec.structs import replace

from eilbote.clock import Clock, SystemClock
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
from tests.faults.lying import GoBetween, Lie, go_between, truth

NOW = 1_795_000_000.0
PASSWORD = "geheim-1"


class LateClock(SystemClock):
    """The system's clock, some seconds ahead."""

    ahead = 0.0

    def now(self) -> float:
        return super().now() + self.ahead


@dataclass(slots=True)
class Embedded:
    """The account, its server, and the server's INBOX as the oracle reads it."""

    app: App
    account: Account
    server: ImapServer
    between: GoBetween | None = None

    @property
    def inbox(self) -> Mailbox:
        return self.server.store["INBOX"]

    def lie(self, lie: Lie = truth) -> None:
        """From now on the server's answers are changed so; without an argument they are true again."""
        assert self.between is not None
        self.between.lie = lie

    async def sync(self) -> SyncReport:
        (report,) = await sync_accounts(self.app, [self.account.address])
        return report

    async def verify(self) -> list[VerifyReport]:
        return [one async for one in verify_accounts(self.app, [self.account], content=True)]

    def impatient(self) -> App:
        """The same home, for a pass in which the server may fall silent."""
        return replace(self.app, config=replace_config(self.app.config, read_timeout=0.3))

    def bodies_asked_for(self) -> list[bytes]:
        """The commands that asked for whole mails."""
        assert self.between is not None
        return [line for line in self.between.commands if b"BODY.PEEK[]" in line]

    def quick_verify(self) -> AsyncIterator[VerifyReport]:
        """Without the contents."""
        return verify_accounts(self.app, [self.account])

    def all_ids(self, name: str = "INBOX") -> dict[int, int]:
        """UID -> message id, however many there are."""
        mailbox = self.app.store.mailboxes.find(self.account.id, name)
        assert mailbox is not None
        return {one.uid: one.message for one in self.app.store.messages.held_identities(mailbox.id)}

    def held(self, name: str = "INBOX") -> dict[int, bytes]:
        """UID -> bytes in the store."""
        mailbox = self.app.store.mailboxes.find(self.account.id, name)
        assert mailbox is not None
        places = self.app.store.messages.list_placements(mailbox=mailbox.id, limit=10_000)
        return {place.uid: self.app.store.messages.raw(place.id) for place in places}

    def ids(self, name: str = "INBOX") -> dict[int, int]:
        """UID -> message id."""
        mailbox = self.app.store.mailboxes.find(self.account.id, name)
        assert mailbox is not None
        places = self.app.store.messages.list_placements(mailbox=mailbox.id, limit=10_000)
        return {place.uid: place.id for place in places}

    def there(self, name: str = "INBOX") -> dict[int, bytes]:
        """The same on the server."""
        return {uid: message.raw for uid, message in self.server.store[name].messages.items()}


def add_account(app: App, port: int, address: str = "kim@example.de", *, user: str = "kim") -> Account:
    """An account whose IMAP server listens on that port of loopback."""
    return app.store.accounts.add(
        NewAccount(
            address=address,
            name="",
            user=user,
            auth=AuthKind.PASSWORD,
            sealed=app.vault.seal(Secret(PASSWORD), f"account:{address}"),
            imap=Server("127.0.0.1", port, Security.NONE),
        )
    )


@contextmanager
def open_home(
    home: Path,
    *,
    store_url: str = "",
    clock: Clock | None = None,
    read_timeout: float = 5.0,
    lease_seconds: float = 24.0,
) -> Iterator[App]:
    """A home of its own beside its key."""
    config = Config(
        home=home,
        store=store_url,
        key_file=str(home.parent / "key"),
        read_timeout=read_timeout,
        lease_seconds=lease_seconds,
        check_hour=-1,  # no test depends on the hour
    )
    with open_app(config, clock=clock) as app:
        yield app


@asynccontextmanager
async def embedded(
    home: Path,
    behaviour: Behaviour | None = None,
    *,
    lying: bool = False,
    store_url: str = "",
    clock: Clock | None = None,
    read_timeout: float = 5.0,
    mails: Mailstore | None = None,
) -> AsyncIterator[Embedded]:
    """Starts the server (with `lying`, behind a go-between), opens the home, adds the account."""
    store = Mailstore(lambda: NOW) if mails is None else mails
    async with ImapServer(store, {"kim": PASSWORD}, behaviour or Behaviour()) as server:
        with open_home(home, store_url=store_url, clock=clock, read_timeout=read_timeout) as app:
            if not lying:
                yield Embedded(app, add_account(app, server.port), server)
                return
            async with go_between(server.port) as between:
                yield Embedded(app, add_account(app, between.port), server, between)
