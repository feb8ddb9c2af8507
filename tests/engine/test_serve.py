"""Serving: local changes leave at once, wishes are granted, a stop is obeyed, trouble stays alone."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from eilbote.engine import act
from eilbote.engine.app import App
from eilbote.engine.events import Event, Passed
from eilbote.engine.owner import sync_accounts
from eilbote.engine.progress import SyncReport
from eilbote.engine.serve import serve
from eilbote.engine.wish import SYNC_WISH
from eilbote.errors import NotAllowed
from eilbote.mail.mailbox import FLAGGED
from eilbote.store.values import AccountState
from tests.engine.world import mail, until
from tests.faults.embedded import Embedded, add_account, embedded


@asynccontextmanager
async def serving(app: App) -> AsyncIterator[asyncio.Queue[SyncReport]]:
    """Serves `app`; gives the queue of what each pass reported that did something or failed."""
    passes: asyncio.Queue[SyncReport] = asyncio.Queue()

    def told(event: Event) -> None:
        if isinstance(event, Passed) and worth_telling(event.report):
            passes.put_nowait(event.report)

    stop = asyncio.Event()
    task = asyncio.create_task(serve(app, told=told, stop=stop))
    try:
        yield passes
    finally:
        stop.set()
        await task


def worth_telling(report: SyncReport) -> bool:
    return bool(report.new or report.changed or report.pushed or report.problems or report.failed)


async def taken(passes: asyncio.Queue[SyncReport]) -> SyncReport:
    async with asyncio.timeout(20):
        return await passes.get()


async def filled(here: Embedded) -> Embedded:
    here.inbox.append(mail(1))
    here.inbox.append(mail(2))
    return here


async def test_a_local_change_leaves_without_being_asked(tmp_path: Path) -> None:
    async with embedded(tmp_path / "home") as here:
        await filled(here)
        async with serving(here.app) as passes:
            assert (await taken(passes)).new == 2
            act.change_flags(here.app, [here.ids()[1]], add=[FLAGGED])
            assert (await taken(passes)).pushed == 1
            assert FLAGGED in here.inbox.messages[1].flags


async def test_what_cannot_leave_is_tried_once_and_then_waits_for_its_turn(tmp_path: Path) -> None:
    """Not four times a second for ever."""
    async with embedded(tmp_path / "home") as here:
        await filled(here)
        async with serving(here.app) as passes:
            await taken(passes)
            here.server.faults.refuse["UID STORE"] = "[UNAVAILABLE] later"
            ids = here.ids()
            act.change_flags(here.app, [ids[1]], add=[FLAGGED])
            assert (await taken(passes)).problems
            here.server.faults.refuse.clear()
            await asyncio.sleep(0.6)  # two looks of the server's loop
            assert passes.empty()
            act.change_flags(here.app, [ids[2]], add=[FLAGGED])
            assert (await taken(passes)).pushed == 2


async def test_a_broken_account_does_not_stop_the_others(tmp_path: Path) -> None:
    async with embedded(tmp_path / "home") as here:
        await filled(here)
        add_account(here.app, 1, "zu@example.de")
        async with serving(here.app) as passes:
            by_name = {one.account: one for one in [await taken(passes), await taken(passes)]}
            assert by_name["zu@example.de"].failed is not None
            assert by_name["kim@example.de"].new == 2
            act.change_flags(here.app, [here.ids()[1]], add=[FLAGGED])
            while (report := await taken(passes)).account != "kim@example.de":
                assert report.failed is not None
            assert report.pushed == 1


async def test_it_stops_in_the_middle_of_a_pass(tmp_path: Path) -> None:
    """Even when a server says nothing any more, with a read limit of a minute."""
    async with embedded(tmp_path / "home", read_timeout=60.0) as here:
        await filled(here)
        await here.sync()
        here.inbox.append(mail(3))
        here.server.faults.mute_at = "UID FETCH"
        async with asyncio.timeout(20):
            async with serving(here.app):
                await until(
                    lambda: any("UID FETCH" in one.commands for one in list(here.server.sessions)[1:])
                )
        assert here.app.store.ownership.holder() is None
        here.server.faults.mute_at = ""
        assert (await here.sync()).new == 1
        assert here.held() == here.there()


async def test_it_stops_while_a_mute_server_is_told_good_bye(tmp_path: Path) -> None:
    async with embedded(tmp_path / "home", read_timeout=60.0) as here:
        await filled(here)
        here.server.faults.mute_at = "LOGOUT"
        async with asyncio.timeout(20):
            assert (await here.sync()).new == 2


async def test_a_wish_is_granted_and_answered(tmp_path: Path) -> None:
    async with embedded(tmp_path / "home") as here:
        await filled(here)
        async with serving(here.app) as passes:
            await taken(passes)
            here.inbox.append(mail(3))
            (report,) = await sync_accounts(here.app)
            assert (report.account, report.failed) == ("kim@example.de", None)
            assert here.held() == here.there()
            (failing,) = await sync_accounts(here.app, mailbox="Gibtsnicht")
            assert failing.failed is not None
            assert failing.failed.code == "mailbox.unknown"


async def test_wishes_of_a_dead_owner_are_granted_and_odd_ones_answered(tmp_path: Path) -> None:
    async with embedded(tmp_path / "home") as here:
        await filled(here)
        wishes, now = here.app.store.wishes, here.app.clock.now()
        known = wishes.ask(SYNC_WISH, '{"accounts": [], "mailbox": null}', now)
        unreadable = wishes.ask(SYNC_WISH, "{", now)
        unknown = wishes.ask(SYNC_WISH, '{"accounts": ["wer@example.de"], "mailbox": null}', now)
        assert len(wishes.claim(now)) == 3  # and then its claimer died
        async with serving(here.app) as passes:
            assert (await taken(passes)).new == 2
            await until(lambda: all(wishes.answered(one) for one in (known, unreadable, unknown)))
            assert '"account":"kim@example.de"' in str(wishes.answered(known))
            assert "sync.unreadable_wish" in str(wishes.answered(unreadable))
            assert "store.no_account" in str(wishes.answered(unknown))


async def test_a_second_server_is_refused_by_name(tmp_path: Path) -> None:
    async with embedded(tmp_path / "home") as here, serving((await filled(here)).app) as passes:
        await taken(passes)
        with pytest.raises(NotAllowed) as refused:
            await serve(here.app, stop=asyncio.Event())
        assert refused.value.problem.code == "store.owned"
        assert refused.value.problem.parameters["purpose"] == "serve"


async def test_paused_accounts_rest(tmp_path: Path) -> None:
    async with embedded(tmp_path / "home") as here:
        await filled(here)
        other = add_account(here.app, here.server.port, "zwei@example.de")
        here.app.store.accounts.set_state(other.id, AccountState.PAUSED)
        async with serving(here.app) as passes:
            assert (await taken(passes)).account == "kim@example.de"
            reports = await sync_accounts(here.app)
            assert [one.account for one in reports] == ["kim@example.de"]


async def test_a_paused_account_asked_for_by_name_is_synced_and_stays_paused(tmp_path: Path) -> None:
    async with embedded(tmp_path / "home") as here:
        await filled(here)
        here.app.store.accounts.set_state(here.account.id, AccountState.PAUSED)
        assert (await here.sync()).new == 2
        assert here.app.store.accounts.get(here.account.id).state is AccountState.PAUSED


async def test_an_account_removed_during_its_pass_ends_that_pass_alone(tmp_path: Path) -> None:
    async with embedded(tmp_path / "home", lying=True) as here:
        await filled(here)

        def removed(answer: bytes, command: bytes) -> bytes:
            if command.startswith(b"UID FETCH") and here.app.store.accounts.all():
                here.app.store.accounts.remove(here.account.id)
            return answer

        here.lie(removed)
        report = await here.sync()
        assert report.failed is not None or report.problems
        assert here.app.store.accounts.all() == []
