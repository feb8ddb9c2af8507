"""A home with one POP3 account, for the tests of collecting."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from eilbote.clock import Clock
from eilbote.config import Config
from eilbote.engine.app import App, open_app
from eilbote.engine.owner import sync_accounts
from eilbote.engine.progress import SyncReport
from eilbote.engine.verify import VerifyReport, verify_accounts
from eilbote.secret import Secret
from eilbote.store.values import Account, AuthKind, NewAccount, Server
from eilbote.sync.values import OnServer

KEEP = OnServer()
AT_ONCE = OnServer(days=0)
MIRROR = OnServer(when_deleted=True)


@dataclass(slots=True)
class Pop3World:
    """One account that collects."""

    app: App
    account_id: int

    @property
    def account(self) -> Account:
        return self.app.store.accounts.get(self.account_id)

    def report(self) -> SyncReport:
        """One pass, whatever comes of it."""
        (report,) = asyncio.run(sync_accounts(self.app, [self.account.address]))
        return report

    def sync(self) -> SyncReport:
        """One pass that must succeed."""
        report = self.report()
        assert report.failed is None, report.failed
        assert not report.problems, report.problems
        return report

    def quiet(self) -> None:
        """A pass that finds nothing to do."""
        report = self.sync()
        assert (report.new, report.pushed) == (0, 0), report

    def verify(self, *, content: bool = True) -> dict[str, VerifyReport]:
        async def run() -> dict[str, VerifyReport]:
            reports = verify_accounts(self.app, [self.account], content=content)
            return {one.mailbox: one async for one in reports}

        return asyncio.run(run())

    def choose(self, policy: OnServer) -> None:
        self.app.store.accounts.update(self.account_id, on_server=policy)

    def held(self, mailbox: str = "INBOX") -> list[bytes]:
        """The mails of a mailbox in the order of their numbers."""
        return [self.app.store.messages.raw(id_) for id_ in self.ids(mailbox)]

    def ids(self, mailbox: str = "INBOX") -> list[int]:
        box = self.app.store.mailboxes.find(self.account_id, mailbox)
        assert box is not None
        places = self.app.store.messages.list_placements(mailbox=box.id, limit=100_000)
        return [place.id for place in sorted(places, key=lambda place: place.uid)]


def add_pop3_account(
    app: App, server: Server, user: str, password: str, policy: OnServer = KEEP, address: str = ""
) -> Account:
    """An account without a login being tried."""
    named = address or f"{user}@example.de"
    made = app.store.accounts.add(
        NewAccount(
            address=named,
            name="",
            user=user,
            auth=AuthKind.PASSWORD,
            sealed=app.vault.seal(Secret(password), f"account:{named}"),
            pop3=server,
        )
    )
    return app.store.accounts.update(made.id, on_server=policy)


@contextmanager
def pop3_world(
    server: Server,
    user: str,
    password: str,
    home: Path,
    store_url: str = "",
    policy: OnServer = KEEP,
    clock: Clock | None = None,
) -> Iterator[Pop3World]:
    """Opens a home at `home`, with an account if it has none."""
    config = Config(home=home, store=store_url, key_file=str(home.parent / "key"))
    with open_app(config, clock=clock) as app:
        if not app.store.accounts.all():
            add_pop3_account(app, server, user, password, policy)
        yield Pop3World(app, app.store.accounts.all()[0].id)


def _lines(size: int) -> str:
    return ("x" * 60 + "\r\n") * (size // 60) + "x" * (size % 60)


def letters(numbers: Sequence[int], size: int = 0) -> list[bytes]:
    """Mails that differ from every other, each with the date of its arrival."""
    return [
        (
            f"Received: from a by b; Mon, 02 Nov 2026 10:{number % 60:02d}:00 +0100\r\n"
            f"From: Anna <anna@example.org>\r\nMessage-ID: <p{number}@example.org>\r\n"
            f"Subject: Brief {number}\r\n\r\n.Text {number}\r\n{_lines(size)}\r\n"
        ).encode()
        for number in numbers
    ]
