"""A home whose account lives on a real server behind the fault proxy, and the story told there."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from dataclasses import replace as replace_config
from pathlib import Path

from msgspec.structs import replace

from eilbote.engine.app import App
from eilbote.engine.owner import sync_accounts
from eilbote.engine.progress import SyncReport
from eilbote.store.values import Account, Security, Server
from tests.engine.world import RealServer, World, world
from tests.faults.invariants import Evidence, check_at_rest, check_meanwhile, i12_another_pass_changes_nothing
from tests.faults.proxy import WELL, Proxy, Trouble, proxied
from tests.faults.story import ARRIVED, EXPECTED, Mails, act_here, act_there, lay_out, other_client

SHORT = 0.4
"""Seconds that a silent server is given while it is disturbed."""
_RECOVERIES = 4


@dataclass(slots=True)
class Behind:
    """The account, and the proxy before its server."""

    world: World
    proxy: Proxy
    account: Account

    @property
    def app(self) -> App:
        return self.world.app

    @property
    def impatient(self) -> App:
        """The same home, for passes in which the server may fall silent."""
        return replace(self.app, config=replace_config(self.app.config, read_timeout=SHORT))

    async def sync(self, app: App | None = None) -> SyncReport:
        (report,) = await sync_accounts(app or self.app)
        return report

    async def truth(self) -> Mails:
        return await asyncio.to_thread(self.world.truth)

    async def begin(self) -> None:
        """The mail that is there comes here; then changes on both sides."""

        def there(first: bool) -> None:
            with other_client(self.world.server, self.world.user) as client:
                if first:
                    lay_out(client)
                else:
                    act_there(client)

        await asyncio.to_thread(there, True)
        report = await self.sync()
        assert report.failed is None and not report.problems, report
        await asyncio.to_thread(there, False)
        act_here(self.app, self.account)

    async def disturbed(self, trouble: Trouble) -> SyncReport:
        """One pass with that trouble, and what must hold after it."""
        self.proxy.forget()
        self.proxy.trouble = trouble
        report = await self.sync(self.impatient)
        check_meanwhile(Evidence(self.app, self.account, await self.truth(), commands=self.proxy.said))
        return report

    async def recover(self) -> None:
        """Passes without trouble, and what must hold in the end."""
        self.proxy.trouble = WELL
        self.proxy.forget()
        for _ in range(_RECOVERIES):
            report = await self.sync()
            assert report.failed is None and not report.problems, report
            if not (report.new or report.changed or report.deleted or report.pushed):
                break
        await self.check()
        i12_another_pass_changes_nothing(await self.sync())

    async def check(self) -> None:
        truth = await self.truth()
        check_at_rest(Evidence(self.app, self.account, truth, EXPECTED, ARRIVED, self.proxy.said))


@asynccontextmanager
async def behind(server: RealServer, home: Path, store_url: str = "") -> AsyncIterator[Behind]:
    """A fresh user of `server`, whose account goes through a proxy."""
    async with proxied(server.host, server.port) as proxy:
        with world(server, home, store_url) as here:
            place = Server("127.0.0.1", proxy.port, Security.NONE)
            here.app.store.accounts.update(here.account.id, imap=place)
            yield Behind(here, proxy, here.app.store.accounts.get(here.account.id))
