"""A served account is current: by IDLE, by NOTIFY, by polls, on Dovecot and with other clients about."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import replace as replace_config
from pathlib import Path

import pytest
from msgspec.structs import replace

from eilbote.clock import local_day_and_hour
from eilbote.engine.app import App
from eilbote.engine.connect import HostBudget
from eilbote.engine.events import Checked, Passed, Watching, WatchState
from eilbote.engine.serve import serve
from eilbote.engine.watch_imap import ImapWatch
from eilbote.mail.mailbox import SEEN
from eilbote.net.idle import Listening
from eilbote.secret import Secret
from eilbote.store.values import Account
from eilbote.testing.imap.behaviour import Behaviour
from eilbote.testing.imap.personalities import BY_NAME
from tests.engine.watched import Log, at_rest, served
from tests.engine.world import World, mail, until, world
from tests.faults.embedded import NOW, Embedded, add_account, embedded
from tests.servers.dovecot import Dovecot
from tests.servers.dovecot_settings import DovecotOptions


async def settled(here: Embedded, log: Log, done: Callable[[], bool] | None = None) -> None:
    await until(lambda: (done or (lambda: here.held() == here.there()))() and at_rest(log))


async def test_new_mail_and_flags_of_others_come_by_idle(tmp_path: Path) -> None:
    async with embedded(tmp_path / "home") as here:
        here.inbox.append(mail(1))
        async with served(here.app) as log:
            assert log.states[-1] is WatchState.IDLE
            for number in range(2, 6):
                here.inbox.append(mail(number))
                await settled(here, log)
            here.inbox.set_flags(1, {SEEN})
            await settled(here, log)


async def test_changes_of_other_mailboxes_come_by_notify(dovecot: Dovecot, tmp_path: Path) -> None:
    """Without a poll: the interval is a day."""
    with world(dovecot, tmp_path / "home") as here:
        dovecot.append(here.user, [mail(1)])
        dovecot.append(here.user, [mail(2)], "Archive")
        async with served(with_interval(here.app)) as log:
            assert log.states[-1] is WatchState.NOTIFY
            for mailbox in ("Archive", "INBOX", "Sent"):
                await asyncio.to_thread(dovecot.append, here.user, [mail(3), mail(4)], mailbox)
                await in_step(here, log)
            await asyncio.to_thread(change_flags, here, "Archive")
            await in_step(here, log)
            await asyncio.to_thread(expunge, here, "Archive")
            await in_step(here, log)
            await asyncio.to_thread(make, here, "Neu")
            await asyncio.to_thread(dovecot.append, here.user, [mail(5)], "Neu")
            await in_step(here, log)


async def test_without_notify_the_others_are_polled(
    dovecot_like: Callable[[DovecotOptions], Dovecot], tmp_path: Path
) -> None:
    server = dovecot_like(DovecotOptions(hidden=frozenset({"NOTIFY", "QRESYNC", "CONDSTORE"})))
    with world(server, tmp_path / "home") as here:
        server.append(here.user, [mail(1)], "Archive")
        async with served(with_interval(here.app, 0.3)) as log:
            assert log.states[-1] is WatchState.IDLE
            await asyncio.to_thread(server.append, here.user, [mail(2)], "Archive")
            await in_step(here, log)


@pytest.mark.parametrize("missing", [("IDLE", "IMAP4rev2"), ("IDLE",)], ids=["not told", "told and refused"])
async def test_without_idle_everything_is_polled(tmp_path: Path, missing: tuple[str, ...]) -> None:
    async with embedded(tmp_path / "home", Behaviour().without(*missing)) as here:
        here.inbox.append(mail(1))
        async with served(with_interval(here.app, 0.3)) as log:
            await until(lambda: log.states[-1] is WatchState.POLLING)
            here.inbox.append(mail(2))
            await settled(here, log)


async def test_an_idle_that_keeps_silent_is_found_out_and_the_inbox_polled(tmp_path: Path) -> None:
    """mailbox.org was seen so (chatmail/core#5093)."""
    kind = BY_NAME["mailbox-org"]
    async with embedded(tmp_path / "home", kind.behaviour, mails=kind.store(lambda: NOW)) as here:
        here.inbox.append(mail(1))
        async with served(with_interval(here.app, 0.3)) as log:
            assert log.states[-1] is WatchState.IDLE
            for number in range(2, 6):
                here.inbox.append(mail(number))
                await settled(here, log)
            assert log.states[-1:] == [WatchState.POLLING]


async def test_what_happens_between_the_pass_and_idle_is_not_missed(tmp_path: Path) -> None:
    async with embedded(tmp_path / "home", lying=True) as here:
        here.inbox.append(mail(1))
        late = iter([mail(2)])

        def arrives(answer: bytes, command: bytes) -> bytes:
            if command.startswith(b"SELECT") and b"QRESYNC" not in command and len(here.inbox.messages) == 1:
                for one in late:
                    here.inbox.append(one)
            return answer

        here.lie(arrives)
        async with served(with_interval(here.app)) as log:
            await settled(here, log, lambda: set(here.held()) == {1, 2})


async def test_a_server_that_restarts_is_found_again(tmp_path: Path) -> None:
    async with embedded(tmp_path / "home") as here:
        here.inbox.append(mail(1))
        async with served(with_interval(here.app)) as log:
            await here.server.stop()
            await until(lambda: log.states[-1] is WatchState.WAITING)
            here.inbox.append(mail(2))
            await here.server.__aenter__()
            await settled(here, log)


async def test_a_line_that_died_without_a_word_is_noticed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Museum M13. After IDLE has been quiet for its time, its end has to be answered."""
    monkeypatch.setattr(Listening.idle, "__kwdefaults__", {"quiet": 0.2, "most": 60.0})
    async with embedded(tmp_path / "home", read_timeout=0.5) as here:
        here.inbox.append(mail(1))
        async with served(with_interval(here.app)) as log:
            here.server.faults.mute_at = "IDLE"
            await until(lambda: WatchState.WAITING in log.states)
            here.server.faults.mute_at = ""
            here.inbox.append(mail(2))
            await settled(here, log)


async def test_a_refused_password_is_not_tried_again_until_it_is_changed(tmp_path: Path) -> None:
    async with embedded(tmp_path / "home") as here:
        here.inbox.append(mail(1))
        app = here.app
        right = here.account.sealed
        wrong = app.vault.seal(Secret("falsch"), f"account:{here.account.address}")
        app.store.accounts.update(here.account.id, sealed=wrong)
        stop, log = asyncio.Event(), Log()
        task = asyncio.create_task(serve(app, told=log.events.append, stop=stop))
        await until(lambda: WatchState.WAITING in log.states)
        (waiting,) = [event for event in log.events if isinstance(event, Watching) and event.until]
        assert waiting.until is not None
        assert waiting.until - waiting.since > 3_000
        logins = len(here.server.sessions)
        app.store.accounts.update(here.account.id, sealed=right)
        await until(lambda: any(one.report.new == 1 for one in log.passes))
        assert logins == 1
        stop.set()
        await task


async def test_more_accounts_than_the_host_grants_connections_all_stay_current(tmp_path: Path) -> None:
    """Two keep theirs to wait, the others take turns with the third."""
    async with embedded(tmp_path / "home") as here:
        app = replace(here.app, config=replace_config(here.app.config, connections_per_host=3))
        for number in range(5):
            add_account(app, here.server.port, f"n{number}@example.de")
        here.inbox.append(mail(1))
        async with served(with_interval(app, 0.3)) as log:
            here.inbox.append(mail(2))
            accounts = app.store.accounts.all()
            await until(lambda: all(count(app, one) == 2 for one in accounts))
            assert here.server.connected <= 3
            assert {WatchState.IDLE, WatchState.POLLING} <= set(log.states)


def idling(here: Embedded) -> int:
    """Connections that wait in IDLE now."""
    return sum(one.commands[-1] == "IDLE" for one in here.server.sessions if one.commands)


def count(app: App, account: Account) -> int:
    return sum(one.messages for one in app.store.mailboxes.all(account.id))


def with_interval(app: App, seconds: float = 86_400.0) -> App:
    return replace(app, config=replace_config(app.config, sync_interval=seconds))


async def in_step(here: World, log: Log) -> None:
    """Waits until the store holds what the server has."""

    async def same() -> bool:
        return here.held() == await asyncio.to_thread(here.truth)

    async with asyncio.timeout(30):
        while not (at_rest(log) and await same()):  # noqa: ASYNC110
            await asyncio.sleep(0.02)


def change_flags(here: World, mailbox: str) -> None:
    with here.server.imap(here.user) as client:
        client.select(mailbox)
        client.uid("STORE", "1:*", "+FLAGS", "(\\Flagged)")


def expunge(here: World, mailbox: str) -> None:
    with here.server.imap(here.user) as client:
        client.select(mailbox)
        client.uid("STORE", "1", "+FLAGS", "(\\Deleted)")
        client.expunge()


def make(here: World, mailbox: str) -> None:
    with here.server.imap(here.user) as client:
        client.create(mailbox)


async def test_what_a_watch_does_is_seen_by_other_processes_until_the_end(tmp_path: Path) -> None:
    async with embedded(tmp_path / "home") as here:
        async with served(with_interval(here.app)) as log:
            await until(lambda: bool(here.app.store.watches.all()))
            (watched,) = here.app.store.watches.all().values()
            assert watched.state == "idle"
            await here.server.stop()
            await until(lambda: here.app.store.watches.all()[here.account.id].state == "waiting")
            (watched,) = here.app.store.watches.all().values()
            assert watched.until is not None
            assert watched.problem is not None
            await here.server.__aenter__()
            await until(lambda: at_rest(log))
        assert here.app.store.watches.all() == {}


async def test_mailboxes_that_get_mail_are_listened_to_as_well(tmp_path: Path) -> None:
    async with embedded(tmp_path / "home", Behaviour()) as here:
        lists = here.server.store.create("Listen")
        now = here.app.clock.now()
        for number in range(3):
            lists.append(mail(number), internal_date=now)
        app = with_interval(here.app)
        async with served(app) as log:
            await until(lambda: idling(here) == 2)
            lists.append(mail(9), internal_date=now)
            await until(lambda: len(here.held("Listen")) == 4 and at_rest(log))
            here.inbox.append(mail(10))
            await settled(here, log)
            assert len(here.server.sessions) == 2  # the connections were kept


async def test_at_night_everything_is_compared_and_put_right(tmp_path: Path) -> None:
    """Museum M6: a mail that is missing among newer ones is found by comparing, not by luck."""
    async with embedded(tmp_path / "home") as here:
        for number in range(1, 4):
            here.inbox.append(mail(number))
        hour = local_day_and_hour(here.app.clock.now())[1]
        app = replace(here.app, config=replace_config(here.app.config, check_hour=-1, sync_interval=86_400.0))
        async with served(app):
            pass
        with here.app.store.database.write() as session:
            session.run("DELETE FROM placement WHERE uid = 2")
        app = replace(app, config=replace_config(app.config, check_hour=hour))
        async with served(app) as log:
            await until(lambda: any(isinstance(event, Checked) for event in log.events))
            (checked,) = [event for event in log.events if isinstance(event, Checked)]
            assert all(one.ok for one in checked.reports)
            assert sum(one.healed.missing for one in checked.reports if one.healed) == 1
            assert here.held() == here.there()


async def test_who_is_to_retire_does_so_however_busy_the_account_is(tmp_path: Path) -> None:
    """Else another process would wait for ever for its part of the accounts (found by F15)."""
    async with embedded(tmp_path / "home") as here:
        passes = 0

        def told(event: object) -> None:
            nonlocal passes
            if isinstance(event, Passed):
                passes += 1
                watch.changed_here(passes)  # there is always more to do
                if passes == 3:
                    watch.retire()

        watch = ImapWatch(
            here.app, here.account, HostBudget(5), asyncio.Semaphore(1), lambda progress: None, told
        )
        await asyncio.wait_for(watch.run(), 30)
        assert passes == 3
