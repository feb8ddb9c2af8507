"""The servers that must behave alike: our embedded one and a real Dovecot."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Iterator
from itertools import count

import pytest

from eilbote.mail.mailbox import SpecialUse
from eilbote.testing.imap.behaviour import Behaviour
from eilbote.testing.imap.mailstore import Mailstore
from eilbote.testing.imap.server import ImapServer
from tests.contract.place import PASSWORD, Place
from tests.contract.raw_client import RawClient
from tests.servers.dovecot import Dovecot

_users = count(1)


def sample_store() -> Mailstore:
    """What Dovecot creates for a new user, with the same roles."""
    store = Mailstore(now=lambda: 1_790_000_000.0)
    for role in (SpecialUse.ARCHIVE, SpecialUse.DRAFTS, SpecialUse.JUNK, SpecialUse.SENT, SpecialUse.TRASH):
        name = role.value.title()
        store.create(name, role)
        store.subscribed.add(name)
    return store


@pytest.fixture
def fake_place() -> Iterator[Place]:
    """Our server in a thread with an event loop of its own, since these clients block."""
    user = f"u{next(_users)}"
    started: list[ImapServer] = []
    ready = threading.Event()
    loop = asyncio.new_event_loop()
    stop = asyncio.Event()

    async def serve() -> None:
        async with ImapServer(sample_store(), {user: PASSWORD}, _like_dovecot()) as server:
            started.append(server)
            ready.set()
            await stop.wait()

    thread = threading.Thread(target=lambda: loop.run_until_complete(serve()))
    thread.start()
    assert ready.wait(10)
    yield Place("fake", started[0].host, started[0].port, user)
    loop.call_soon_threadsafe(stop.set)
    thread.join()
    loop.close()


@pytest.fixture
def dovecot_place(dovecot: Dovecot) -> Place:
    user, password = dovecot.new_user()
    return Place("dovecot", dovecot.host, dovecot.port, user, password)


@pytest.fixture(params=["fake", "dovecot"])
def place(request: pytest.FixtureRequest) -> Place:
    """Each test runs against both."""
    made = request.getfixturevalue(f"{request.param}_place")
    assert isinstance(made, Place)
    return made


@pytest.fixture
def login(place: Place) -> Iterator[Callable[[], RawClient]]:
    """Opens logged-in clients and closes them at the end."""
    opened: list[RawClient] = []

    def open_one() -> RawClient:
        opened.append(place.login())
        return opened[-1]

    yield open_one
    for client in opened:
        client.__exit__(None, None, None)


def _like_dovecot() -> Behaviour:
    """What Dovecot 2.3 lacks is off, so that both are asked the same."""
    return Behaviour().without("IMAP4rev2", "OBJECTID", "UTF8=ACCEPT", "APPENDLIMIT", "QUOTA")
