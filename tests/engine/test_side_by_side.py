"""Accounts side by side: a fault of our own in one pass ends the others before it is shown, and dead
servers keep no other account waiting."""

from __future__ import annotations

import asyncio
from dataclasses import replace as replace_config
from pathlib import Path

import pytest
from msgspec.structs import replace

from eilbote.engine import sync
from eilbote.engine.owner import sync_accounts
from eilbote.engine.progress import SyncReport
from eilbote.engine.round import Round
from eilbote.engine.serve import serve
from eilbote.store.values import AccountState, Security, Server
from tests.engine.world import mail, until
from tests.faults.embedded import add_account, embedded


async def test_a_foreign_error_leaves_no_other_pass_at_work(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with embedded(tmp_path / "home", read_timeout=60) as here:
        here.inbox.append(mail(1))
        here.server.faults.mute_at = "UID FETCH"
        add_account(here.app, here.server.port, "other@example.de")
        pass_over = sync.pass_over

        async def broken(round_: Round, errand: sync.Errand = sync.EVERYTHING) -> SyncReport:
            if round_.account.id == here.account.id:
                return await pass_over(round_, errand)
            await until(lambda: any("UID FETCH" in one.commands for one in here.server.sessions))
            raise RuntimeError("a fault of our own")

        monkeypatch.setattr(sync, "pass_over", broken)
        before = asyncio.all_tasks()
        with pytest.raises(RuntimeError, match="a fault of our own"):
            await sync_accounts(here.app)
        await until(lambda: not here.server._connections)
        assert not {one for one in asyncio.all_tasks() - before if not one.done()}
        monkeypatch.undo()
        here.server.faults.mute_at = ""
        assert (await here.sync()).new == 1


async def test_servers_that_do_not_answer_keep_no_other_account_waiting(tmp_path: Path) -> None:
    """More of them than passes at the same time, and none of them ever times out."""

    async def silent(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read()
        writer.close()

    async with (
        embedded(tmp_path / "home", read_timeout=600) as here,
        await asyncio.start_server(silent, "127.0.0.2", 0) as hole,
    ):
        port = hole.sockets[0].getsockname()[1]
        app = replace(here.app, config=replace_config(here.app.config, connections_per_host=100))
        app.store.accounts.remove(here.account.id)
        for number in range(10):
            account = add_account(app, port, f"dead{number}@example.de")
            app.store.accounts.update(account.id, imap=Server("127.0.0.2", port, Security.NONE))
        alive = add_account(app, here.server.port, "alive@example.de")
        here.inbox.append(mail(1))
        stop = asyncio.Event()
        serving = asyncio.create_task(serve(app, stop=stop))
        try:
            await until(lambda: app.store.accounts.get(alive.id).state is AccountState.READY)
            began = asyncio.get_running_loop().time()
        finally:
            stop.set()
            await serving
        assert asyncio.get_running_loop().time() - began < 5, "and it stops at once"
        assert len(app.store.messages.list_placements()) == 1
