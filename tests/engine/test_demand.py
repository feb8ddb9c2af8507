"""What a mode left out comes when it is asked for: from this process, through one that serves, or not
at all, and then it is said why."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from eilbote.engine import read
from eilbote.engine.demand import fetch_whole
from eilbote.engine.serve import serve
from eilbote.engine.setup import pause_account, set_keep
from eilbote.errors import Gone
from eilbote.mail.keep import read_keep
from eilbote.store.values import Security, Server
from tests.engine.test_modes import with_attachment
from tests.engine.world import World, mail, world
from tests.servers.dovecot import Dovecot
from tests.servers.dovecot_settings import DovecotOptions


@pytest.fixture(params=["headers", "days:30", "size:20000"])
def here(
    request: pytest.FixtureRequest, dovecot_like: Callable[[DovecotOptions], Dovecot], tmp_path: Path
) -> Iterator[World]:
    """Two mails here in part: the first of 1970, both with an attachment."""
    with world(dovecot_like(DovecotOptions()), tmp_path / "home") as made:
        with made.server.imap(made.user) as client:
            for number in (1, 2):
                client.append("INBOX", "", '"01-Jan-2020 10:00:00 +0000"', with_attachment(number))
        set_keep(made.app, made.account.address, read_keep(request.param))
        made.sync()
        yield made


def first(here: World) -> str:
    return str(here.ids()[1])


def test_it_comes_at_once_and_stays(here: World) -> None:
    assert asyncio.run(fetch_whole(here.app, first(here))) is None
    assert read.raw_mail(here.app, first(here)) == with_attachment(1)
    assert not read.is_whole(here.app, str(here.ids()[2])), "nobody asked for the other one"
    here.sync()
    assert read.raw_mail(here.app, first(here)) == with_attachment(1)
    assert asyncio.run(fetch_whole(here.app, first(here))) is None
    (inbox,) = [one for one in here.verify() if one.mailbox == "INBOX"]
    assert (inbox.ok, inbox.left_out) == (True, 1)


def test_the_attachments_can_be_saved(here: World, tmp_path: Path) -> None:
    with pytest.raises(Gone, match="headers_only"):
        list(read.save_attachments(here.app, first(here), tmp_path / "out"))
    assert asyncio.run(fetch_whole(here.app, first(here))) is None
    files = [file for _, file in read.save_attachments(here.app, first(here), tmp_path / "out")]
    assert files[0].read_bytes() == bytes(range(256)) * 200


def test_the_one_that_serves_is_asked(here: World, tmp_path: Path) -> None:
    async def run() -> None:
        stop = asyncio.Event()
        serving = asyncio.create_task(serve(here.app, stop=stop))
        while here.app.store.ownership.holder() is None:  # noqa: ASYNC110
            await asyncio.sleep(0.01)
        assert await fetch_whole(here.app, first(here)) is None
        stop.set()
        await serving

    asyncio.run(run())
    assert read.raw_mail(here.app, first(here)) == with_attachment(1)


def test_without_the_server_it_says_why_and_wants_nothing_later(here: World) -> None:
    server = Server("127.0.0.1", 1, Security.NONE)
    here.app.store.accounts.update(here.account.id, imap=server)
    problem = asyncio.run(fetch_whole(here.app, first(here)))
    assert problem is not None
    assert problem.code == "net.refused"
    box = here.app.store.mailboxes.find(here.account.id, "INBOX")
    assert box is not None
    assert not here.app.store.findings.of(box.id)


def test_a_paused_account_is_not_asked(here: World) -> None:
    pause_account(here.app, here.account.address)
    problem = asyncio.run(fetch_whole(here.app, first(here)))
    assert problem is not None
    assert problem.code == "demand.paused"


def test_a_mail_that_is_gone_from_the_server_is_said_to_be(here: World) -> None:
    with here.server.imap(here.user) as client:
        client.select("INBOX")
        client.uid("STORE", "1", "+FLAGS", "(\\Deleted)")
        client.expunge()
    wanted = first(here)
    problem = asyncio.run(fetch_whole(here.app, wanted))
    assert problem is not None
    assert problem.code == "store.no_message"


def test_what_is_whole_costs_no_connection(here: World) -> None:
    here.server.append(here.user, [mail(7)])
    set_keep(here.app, here.account.address, read_keep("everything"))
    here.sync()
    here.app.store.accounts.update(here.account.id, imap=Server("127.0.0.1", 1, Security.NONE))
    assert asyncio.run(fetch_whole(here.app, first(here))) is None
