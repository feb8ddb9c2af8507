"""Accounts side by side: a fault of our own in one pass ends the others before it is shown."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from eilbote.engine import sync
from eilbote.engine.owner import sync_accounts
from eilbote.engine.progress import SyncReport
from eilbote.engine.round import Round
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
