"""A home with accounts at scripted servers, and the doctor's report on one of them."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import AsyncExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from eilbote.clock import SystemClock
from eilbote.config import Config
from eilbote.diagnosis.evidence import Protocol
from eilbote.engine import diagnose, setup
from eilbote.engine.app import App, open_app
from eilbote.engine.diagnose import Diagnosed, Looking
from eilbote.net.looking import Patience
from eilbote.secret import Secret
from eilbote.store.values import Account, AuthKind, NewAccount, Server
from tests.diagnosis.peers import SECRET, Peer

SHORT = Patience(connect=2.0, tls=1.0, greeting=1.0, command=1.0)


@dataclass
class Clinic:
    """One home."""

    app: App

    def admit(
        self,
        address: str = "anna@example.org",
        *,
        imap: Server | None = None,
        smtp: Server | None = None,
        pop3: Server | None = None,
        secret: str = SECRET,
        auth: AuthKind = AuthKind.PASSWORD,
        user: str = "",
    ) -> Account:
        """An account; no login is tried."""
        planned = NewAccount(
            address=address,
            name="",
            user=user or address,
            auth=auth,
            sealed=b"",
            imap=imap,
            smtp=smtp,
            pop3=pop3,
        )
        return setup.store_account(self.app, planned, Secret(secret))

    async def examine(
        self,
        name: str,
        patience: Patience = SHORT,
        looks: list[Looking] | None = None,
        *,
        second: str = "",
    ) -> Diagnosed:
        tell = looks.append if looks is not None else lambda looking: None
        return await diagnose.diagnose_account(self.app, name, tell, patience, second=second)

    async def report_on(
        self,
        *peers: Peer,
        address: str = "anna@example.org",
        secret: str = SECRET,
        auth: AuthKind = AuthKind.PASSWORD,
        second: str = "",
    ) -> Diagnosed:
        """The diagnosis of a new account at these servers."""
        async with AsyncExitStack() as stack:
            servers: dict[Protocol, Server] = {}
            for peer in peers:
                await stack.enter_async_context(peer.listening())
                servers[peer.protocol] = peer.server
            account = await asyncio.to_thread(
                lambda: self.admit(
                    address,
                    imap=servers.get(Protocol.IMAP),
                    smtp=servers.get(Protocol.SMTP),
                    pop3=servers.get(Protocol.POP3),
                    secret=secret,
                    auth=auth,
                )
            )
            try:
                return await self.examine(account.address, second=second)
            finally:
                await asyncio.to_thread(self.app.store.accounts.remove, account.id)


@contextmanager
def opened_clinic(folder: Path, dns_servers: str = "127.0.0.1:9") -> Iterator[Clinic]:
    config = Config(
        home=folder / "home", key_file=str(folder / "key"), dns_servers=dns_servers, connect_timeout=5.0
    )
    with open_app(config, clock=SystemClock()) as app:
        yield Clinic(app)
