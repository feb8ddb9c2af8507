"""Faults under `serve`: black holes in IDLE and NOTIFY (F7), a server that restarts, news in the gaps
between two ways of listening, attempts that respect the back-off (I17), and other accounts that go
on meanwhile (I18).
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import replace as replace_config
from pathlib import Path

import pytest
from msgspec.structs import replace

from eilbote.clock import SystemClock
from eilbote.config import Config
from eilbote.engine import backoff, watch_imap
from eilbote.engine.app import App
from eilbote.engine.events import Watching, WatchState
from eilbote.mail.mailbox import MailboxName
from eilbote.net.credential import Credential
from eilbote.net.idle import QUIET_SECONDS, Listening
from eilbote.net.imap import ImapSession
from eilbote.net.terms import Terms
from eilbote.protocols.imap.types import MailboxStatus
from eilbote.secret import Secret
from eilbote.store.values import Account, AuthKind, NewAccount, Security, Server
from tests.engine.watched import Log, at_rest, served
from tests.engine.world import Options, RealServer, mail, until
from tests.faults.behind import Behind, behind
from tests.faults.invariants import i17_attempts_respect_the_back_off, i18_others_go_on
from tests.faults.proxy import WELL, End, Trouble
from tests.faults.replay import ALL, replayable, trials
from tests.servers.cyrus import Cyrus, CyrusOptions
from tests.servers.dovecot import Dovecot
from tests.servers.dovecot_settings import DovecotOptions

PATIENCE = 360.0
"""Within so many seconds a line that died without a word is noticed (issue: half-open connections)."""
NOTIFY = DovecotOptions()
IDLE = DovecotOptions(hidden=frozenset({"NOTIFY"}))
KINDS: dict[str, tuple[Options, str]] = {
    "notify": (NOTIFY, "sqlite"),
    "idle": (IDLE, "sqlite"),
    "postgres": (NOTIFY, "postgres"),
    "cyrus": (CyrusOptions(), "sqlite"),
    "cyrus-postgres": (CyrusOptions(), "postgres"),
}
kinds = pytest.mark.parametrize("kind", list(KINDS) if ALL else ["notify", "idle", "cyrus-postgres"])
all_kinds = pytest.mark.parametrize("kind", list(KINDS) if ALL else ["notify"])

Like = Callable[[Options], RealServer]
Store = Callable[[str], AbstractContextManager[str]]


def hasty(app: App) -> App:
    """No poll for a day; a silent server is given half a second."""
    return replace(app, config=replace_config(app.config, read_timeout=0.5, sync_interval=86_400.0))


@pytest.fixture
def quickly(monkeypatch: pytest.MonkeyPatch) -> None:
    """IDLE is begun anew after a fifth of a second of silence, and failures are waited out shortly."""
    monkeypatch.setattr(Listening.idle, "__kwdefaults__", {"quiet": 0.2, "most": 60.0})
    monkeypatch.setattr(backoff, "FIRST_SECONDS", 0.05)


async def current(here: Behind, log: Log) -> None:
    """Waits until the store holds what the server has."""

    async def same() -> bool:
        return here.world.held() == await here.truth()

    async with asyncio.timeout(60):
        while not (at_rest(log) and await same()):  # noqa: ASYNC110
            await asyncio.sleep(0.02)


def test_silence_is_noticed_within_six_minutes() -> None:
    """As it is set by default: IDLE is asked for a sign of life after the quiet time, and the answer has
    to come within the read timeout."""
    assert QUIET_SECONDS + Config(Path("home")).read_timeout <= PATIENCE


@kinds
@pytest.mark.usefixtures("quickly")
async def test_a_black_hole_while_listening(
    kind: str, server_like: Like, fresh_store: Store, tmp_path: Path
) -> None:
    """F7, museum M13: the line stays open and carries nothing; mail that came meanwhile is here soon."""
    options, store = KINDS[kind]
    server = server_like(options)
    with fresh_store(store) as url:
        async with behind(server, tmp_path / "home", url) as here, served(hasty(here.app)) as log:
            for number in range(1, 3):
                before = len(log.states)
                began = time.monotonic()
                here.proxy.silence_all()
                await asyncio.to_thread(server.append, here.world.user, [mail(number)])
                await until(lambda at=before: WatchState.WAITING in log.states[at:])  # type: ignore[misc]
                assert time.monotonic() - began < 10
                await current(here, log)


@all_kinds
@pytest.mark.timeout(600)
@pytest.mark.usefixtures("quickly")
async def test_a_black_hole_at_every_command_of_serve(
    kind: str, server_like: Like, fresh_store: Store, tmp_path: Path
) -> None:
    """F7: from the login to IDLE. The seed is the command."""
    options, store = KINDS[kind]
    server = server_like(options)
    for command in trials(range(1, 16 if kind in ("notify", "postgres") else 13), [5, 14]):
        with replayable(command), fresh_store(store) as url:
            async with behind(server, tmp_path / str(command), url) as here:
                await asyncio.to_thread(server.append, here.world.user, [mail(1)])
                here.proxy.trouble = Trouble(end_at=command, end=End.SILENCE)
                async with served(hasty(here.app)) as log:
                    await until(lambda seen=log: WatchState.WAITING in seen.states)  # type: ignore[misc]
                    await current(here, log)


RESTARTED: dict[str, tuple[Callable[[], RealServer], str]] = {
    "dovecot": (lambda: Dovecot(IDLE), "sqlite"),
    "dovecot-postgres": (lambda: Dovecot(IDLE), "postgres"),
    "cyrus": (Cyrus, "sqlite"),
    "cyrus-postgres": (Cyrus, "postgres"),
}


@pytest.mark.skipif(not ALL, reason="a server of its own is restarted: `make faults`")
@pytest.mark.parametrize("kind", list(RESTARTED) if ALL else ["dovecot"])
@pytest.mark.usefixtures("quickly")
async def test_the_server_is_restarted(kind: str, fresh_store: Store, tmp_path: Path) -> None:
    """F11 with a real end and a real beginning."""
    start, store = RESTARTED[kind]
    server = await asyncio.to_thread(start)
    try:
        with fresh_store(store) as url:
            async with behind(server, tmp_path / "home", url) as here, served(hasty(here.app)) as log:
                for number in range(1, 4):
                    await asyncio.to_thread(server.restart)
                    await asyncio.to_thread(server.append, here.world.user, [mail(number)])
                    await current(here, log)
    finally:
        await asyncio.to_thread(server.remove)


# --- news in the gaps ---------------------------------------------------------------------------


async def test_what_comes_before_notify_into_the_mailbox_that_a_pass_left_open(
    dovecot: Dovecot, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """NOTIFY does not tell how the open mailbox is (found by F15)."""
    monkeypatch.setattr(watch_imap, "CONNECTIONS_PER_ACCOUNT", 1)
    original = Listening.notify
    late = iter([mail(3)])

    async def notify(self: Listening) -> dict[MailboxName, MailboxStatus] | None:
        for one in late:
            await asyncio.to_thread(dovecot.append, user, [one], "Junk")
        return await original(self)

    monkeypatch.setattr(Listening, "notify", notify)
    async with behind(dovecot, tmp_path / "home") as here:
        user = here.world.user
        for box in ("Archive", "Drafts", "INBOX", "Junk"):
            await asyncio.to_thread(dovecot.append, user, [mail(1)], box)
        async with served(hasty(here.app)) as log:
            await current(here, log)


async def test_what_changed_in_a_mailbox_while_it_was_open_is_told_when_it_was_left(
    dovecot: Dovecot,
) -> None:
    """Of the open mailbox NOTIFY tells once, and not by its name."""
    user, _ = dovecot.new_user()
    server = Server(dovecot.host, dovecot.port, Security.NONE)
    session = await ImapSession.open(server, Credential(user, Secret("geheim-1")), Terms(SystemClock()))
    try:
        await session.select(MailboxName("Junk"))
        assert await session.news.notify() is not None
        assert not await session.news.idle(most=0.1)
        await asyncio.to_thread(dovecot.append, user, [mail(1)], "Junk")
        await session.noop()
        await session.select(MailboxName("INBOX"))
        assert "Junk" in (await session.news.idle(most=5.0)).mailboxes
        assert not await session.news.idle(most=0.1), "and only once"
    finally:
        session.abort()


# --- attempts, and the others -------------------------------------------------------------------


async def test_attempts_respect_the_back_off(dovecot: Dovecot, tmp_path: Path) -> None:
    """I17: a server that hangs up at once is asked again no sooner than was said, and ever later."""
    tries = 6 if ALL else 3
    async with behind(dovecot, tmp_path / "home") as here, served(hasty(here.app)) as log:
        began = time.monotonic()
        here.proxy.trouble = Trouble(cut_down=1)
        here.proxy.cut_all()
        waits: list[float] = []

        def waited() -> bool:
            told = [one for one in log.events if isinstance(one, Watching) and one.until is not None]
            waits[:] = [one.until for one in told if one.until is not None]
            here.proxy.trouble = Trouble(cut_down=1)  # counts anew: every connection is cut
            return len(waits) > tries

        async with asyncio.timeout(120):
            while not waited():  # noqa: ASYNC110
                await asyncio.sleep(0.01)
        here.proxy.trouble = WELL
        now, wall = time.monotonic(), here.app.clock.now()
        allowed = [one - wall + now for one in waits]
        attempts = [one.at for one in here.proxy.connections if one.at > began]
        i17_attempts_respect_the_back_off(attempts, allowed)
        assert len(attempts) >= tries


async def test_others_go_on_beside_a_broken_account(dovecot: Dovecot, tmp_path: Path) -> None:
    """I18: one account's server falls silent, at rest and in the middle of its passes; news of another
    account come as soon as before."""
    lags: dict[bool, list[float]] = {False: [], True: []}
    async with behind(dovecot, tmp_path / "home") as here:
        user, other = _second_account(here.app, dovecot)
        async with served(hasty(here.app)):
            number = 0
            for broken in (False, True):
                if broken:
                    here.proxy.silence_all()
                    here.proxy.trouble = Trouble(end_at=1, end=End.SILENCE)
                for _ in range(8 if ALL else 4):
                    number += 1
                    began = time.monotonic()
                    await asyncio.to_thread(dovecot.append, user, [mail(number)])
                    await until(lambda count=number: _count(here.app, other) == count)  # type: ignore[misc]
                    lags[broken].append(time.monotonic() - began)
    i18_others_go_on(lags[True], lags[False])


def _second_account(app: App, server: Dovecot) -> tuple[str, Account]:
    user, password = server.new_user()
    address = f"{user}@example.de"
    sealed = app.vault.seal(Secret(password), f"account:{address}")
    place = Server(server.host, server.port, Security.NONE)
    made = NewAccount(address=address, name="", user=user, auth=AuthKind.PASSWORD, sealed=sealed, imap=place)
    return user, app.store.accounts.add(made)


def _count(app: App, account: Account) -> int:
    return sum(one.messages for one in app.store.mailboxes.all(account.id))
