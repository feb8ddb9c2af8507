"""What open pages are told: that something of theirs has changed, and nothing of what is others'."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

from fastapi import Request
from msgspec.structs import replace

from eilbote.catalogue import Language
from eilbote.engine.app import App
from eilbote.engine.page_work import PageWork
from eilbote.engine.pictures import Pictures
from eilbote.engine.preferences import Preferences
from eilbote.engine.send import Envelope, Handling, queue_mail
from eilbote.engine.sign_in import SignIns
from eilbote.engine.users import set_rights
from eilbote.secret import Secret
from eilbote.store.values import Right, Role
from eilbote.web.live import MOST_STREAMS, live
from eilbote.web.rendering import Rendering
from eilbote.web.visit import Site, Visit
from tests.store.given import ANNA, Home, arrival, raw_mail
from tests.web.browser import PASSWORD, HandClock, given_user, opened

GERMAN: Language = "de"


class QuickClock(HandClock):
    """Waits for nothing."""

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(0)


async def _still_there() -> dict[str, str]:
    await asyncio.Event().wait()
    raise AssertionError


def listening(app: App, user: str) -> tuple[Visit, Request]:
    sign_ins = SignIns(app)
    session = sign_ins.sign_in(user, Secret(PASSWORD), "")
    rendering, work = Rendering({}, app.clock), PageWork(app)
    site = Site(app, sign_ins, rendering, 8425, GERMAN, work, Pictures(app), asyncio.Event())
    visit = Visit(site, sign_ins.visitor(session), Preferences(), session, GERMAN, {}, "/live", {}, True)
    return visit, Request({"type": "http", "headers": []}, _still_there)


async def stream_of(app: App, user: str) -> tuple[Visit, AsyncIterator[str]]:
    visit, request = listening(app, user)
    response = await live(visit, request)
    return visit, response.body_iterator  # type: ignore[attr-defined]


async def test_only_changes_of_ones_own_accounts_are_told(tmp_path: Path) -> None:
    with opened(tmp_path) as (real, _):
        app = replace(real, clock=QuickClock())
        home = Home(app.store)
        other = app.store.accounts.add(replace(ANNA, address="other@example.org")).id
        for name, account in (("Ben", home.account), ("Eve", other)):
            set_rights(app, given_user(app, name, Role.MEMBER), {account: Right.READ})
        _, ben = await stream_of(app, "Ben")
        _, eve = await stream_of(app, "Eve")
        assert await anext(ben) == await anext(eve) == "retry: 3000\n\n"
        home.arrive(arrival(1))
        assert await anext(ben) == "event: changed\ndata:\n\n"
        assert (await anext(ben), await anext(eve)) == (":\n\n", ":\n\n")


async def test_changes_of_the_outbox_are_told_to_who_may_read_it(tmp_path: Path) -> None:
    with opened(tmp_path) as (real, _):
        app = replace(real, clock=QuickClock())
        home = Home(app.store)
        other = app.store.accounts.add(replace(ANNA, address="other@example.org")).id
        for name, account in (("Ben", home.account), ("Eve", other)):
            set_rights(app, given_user(app, name, Role.MEMBER), {account: Right.READ})
        (anna,) = (one for one in app.store.accounts.all() if one.id == home.account)
        sent = queue_mail(app, anna, raw_mail(1), Envelope(anna.address, ("max@example.org",)), Handling())
        _, ben = await stream_of(app, "Ben")
        _, eve = await stream_of(app, "Eve")
        assert await anext(ben) == await anext(eve) == "retry: 3000\n\n"
        with app.store.database.write() as session:
            session.run("UPDATE outgoing SET state = 'held' WHERE id = ?", (sent.id,))
        assert await anext(ben) == "event: changed\ndata:\n\n"
        assert await anext(eve) == ":\n\n"


async def test_the_stream_ends_with_the_session_and_with_the_page(tmp_path: Path) -> None:
    with opened(tmp_path) as (real, _):
        app = replace(real, clock=QuickClock())
        given_user(app, "Anna")
        for act in ("signs out", "page closes"):
            visit, stream = await stream_of(app, "Anna")
            await anext(stream)
            if act == "signs out":
                visit.site.sign_ins.sign_out(visit.session)
            else:
                visit.site.closing.set()
            assert [word async for word in stream] == []


async def test_one_user_does_not_take_all_connections(tmp_path: Path) -> None:
    with opened(tmp_path) as (app, _):
        given_user(app, "Kim")
        visit, request = listening(app, "Kim")
        streams = [(await live(visit, request)).body_iterator for _ in range(MOST_STREAMS)]  # type: ignore[attr-defined]
        for one in streams:
            await anext(one)
        assert (await live(visit, request)).status_code == 204
        await streams.pop().aclose()
        assert (await live(visit, request)).status_code == 200
        for one in streams:
            await one.aclose()
