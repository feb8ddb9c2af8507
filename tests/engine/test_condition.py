"""How accounts are doing, told from the store: what is under way, how far, and what stands in the way."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from msgspec.structs import replace

from eilbote.engine.app import App
from eilbote.engine.condition import DAYS, Doing, Trouble, condition_of, doing_now, mails_by_day, troubles
from eilbote.errors import Problem
from eilbote.mail.mailbox import UidSet
from eilbote.store.values import AccountState, Role, User, Watched
from tests.store.given import ANNA, Home, arrival
from tests.web.browser import HandClock, opened


@pytest.fixture(params=["sqlite", "postgres"])
def home(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[tuple[App, HandClock, Home]]:
    url = request.getfixturevalue("postgres_url") if request.param == "postgres" else ""
    with opened(tmp_path, url) as (app, clock):
        yield app, clock, Home(app.store)


def test_the_first_sync_says_how_far_it_is_and_how_long_it_takes(home: tuple[App, HandClock, Home]) -> None:
    app, clock, here = home
    account = app.store.accounts.get(here.account)
    box = app.store.mailboxes.all(here.account)[0]
    here.arrive(*(arrival(uid) for uid in range(201, 401)), mailbox=box.id)
    marks = app.store.mailboxes.get(box.id).watermarks
    app.store.mailboxes.set_watermarks(box.id, replace(marks, backfill=UidSet.range(1, 200)))
    with app.store.ownership.join(clock, "serve") as tenure:
        tenure.claim([account.id])
        app.store.watches.tell(account.id, Watched("syncing", clock.at))
        clock.at += 60
        found = condition_of(app, account)
        assert (found.doing, found.here, found.coming) == (Doing.FIRST, 200, 200)
        assert found.seconds_left == pytest.approx(60)
        app.store.accounts.synced(account.id, clock.at)
        assert condition_of(app, app.store.accounts.get(account.id)).doing is Doing.SYNCING
        refused = Problem("imap.login_refused")
        app.store.watches.tell(account.id, Watched("stopped", clock.at, problem=refused))
        found = condition_of(app, app.store.accounts.get(account.id))
        assert (found.doing, found.problem) == (Doing.STOPPED, refused)


def test_what_a_process_left_behind_that_is_gone_is_not_believed(home: tuple[App, HandClock, Home]) -> None:
    app, clock, here = home
    account = app.store.accounts.get(here.account)
    app.store.watches.tell(account.id, Watched("notify", clock.at))
    assert condition_of(app, account).doing is Doing.RESTING


def test_a_pause_before_the_first_mail_is_a_start_that_is_owed(home: tuple[App, HandClock, Home]) -> None:
    app, clock, here = home
    paused = app.store.accounts.set_state(here.account, AccountState.PAUSED)
    assert condition_of(app, paused).doing is Doing.NOT_BEGUN
    app.store.accounts.update(here.account, synced=clock.at)
    assert condition_of(app, app.store.accounts.get(here.account)).doing is Doing.PAUSED
    local = app.store.accounts.add(
        replace(ANNA, address="hier@example.org", imap=None, state=AccountState.READY)
    )
    assert condition_of(app, local).doing is Doing.LOCAL


def test_mails_are_counted_by_the_day_of_their_arrival(home: tuple[App, HandClock, Home]) -> None:
    app, clock, here = home
    box = app.store.mailboxes.all(here.account)[0]
    days = [0, 0, 1, DAYS - 1, DAYS]
    mails = [arrival(uid + 1)._replace(internal_date=clock.at - day * 86_400) for uid, day in enumerate(days)]
    here.arrive(*mails, mailbox=box.id)
    counted = mails_by_day(app, here.account)
    assert (len(counted), counted[-1], counted[-2], counted[0], sum(counted)) == (DAYS, 2, 1, 1, 4)


def test_another_state_is_seen_by_those_alone_who_may(
    home: tuple[App, HandClock, Home],
) -> None:
    app, clock, here = home
    owner, other = User(1, "Anna", Role.OWNER, ""), User(2, "Ben", Role.MEMBER, "")
    before = doing_now(app, owner), doing_now(app, other)
    app.store.watches.tell(here.account, Watched("idle", clock.at))
    assert (doing_now(app, owner) == before[0], doing_now(app, other) == before[1]) == (False, True)


def test_what_keeps_mail_from_coming_in(home: tuple[App, HandClock, Home]) -> None:
    app, clock, here = home
    kim = User(1, "Kim", Role.OWNER, "")
    nobody = User(2, "Noah", Role.MEMBER, "")
    refused, down = Problem("imap.login_refused"), Problem("net.refused", {"host": "imap.example.org"})
    app.store.watches.tell(here.account, Watched("waiting", clock.at, clock.at + 60, down))
    assert troubles(app, kim) == {}  # left behind by a process that is gone
    with app.store.ownership.join(clock, "serve") as tenure:
        tenure.claim([here.account])
        assert troubles(app, kim) == {here.account: Trouble(down, clock.at + 60)}
        assert troubles(app, nobody) == {}
        app.store.watches.tell(here.account, Watched("idle", clock.at))
        assert troubles(app, kim) == {}
        app.store.accounts.update(here.account, problem=refused)
        assert troubles(app, kim) == {here.account: Trouble(refused)}
