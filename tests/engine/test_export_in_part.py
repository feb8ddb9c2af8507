"""Mail that a mode keeps here only in part goes into files whole, or is named."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from eilbote.engine.export_mail import ExportReport, Format, export_mail
from eilbote.engine.serve import serve
from eilbote.engine.setup import pause_account, set_keep
from eilbote.mail.keep import read_keep
from eilbote.store.values import Security, Server
from tests.engine.moving import Told
from tests.engine.test_modes import with_attachment
from tests.engine.world import World, mail, world
from tests.servers.dovecot import Dovecot
from tests.servers.dovecot_settings import DovecotOptions


@pytest.fixture(params=["headers", "days:30", "size:20000"])
def here(
    request: pytest.FixtureRequest, dovecot_like: Callable[[DovecotOptions], Dovecot], tmp_path: Path
) -> Iterator[World]:
    """Three mails in two mailboxes, all old and large, all here in part."""
    with world(dovecot_like(DovecotOptions()), tmp_path / "home") as made:
        with made.server.imap(made.user) as client:
            client.create("Alt")
            for number, name in ((1, "INBOX"), (2, "INBOX"), (3, "Alt")):
                client.append(name, "(\\Seen)", '"01-Jan-2020 10:00:00 +0000"', with_attachment(number))
        set_keep(made.app, made.account.address, read_keep(request.param))
        made.sync()
        yield made


def run(here: World, folder: Path, told: Told, *, offline: bool = False) -> dict[str, ExportReport]:
    account = here.app.store.accounts.get(here.account.id)
    done = asyncio.run(
        export_mail(
            here.app, account, Format.EML, folder, mailboxes=["INBOX", "Alt"], offline=offline, tell=told
        )
    )
    return {one.mailbox: one for one in done}


def written(folder: Path) -> list[bytes]:
    return [path.read_bytes() for path in sorted(folder.rglob("*.eml"))]


WHOLE = [with_attachment(number) for number in (3, 1, 2)]


def test_the_rest_is_fetched_first(here: World, tmp_path: Path) -> None:
    told = Told()
    reports = run(here, tmp_path / "out", told)
    assert told.said == []
    assert {name: (one.exported, one.failed) for name, one in reports.items()} == {
        "INBOX": (2, 0),
        "Alt": (1, 0),
    }
    assert written(tmp_path / "out") == WHOLE
    reports = run(here, tmp_path / "out", Told())
    assert [(one.exported, one.present) for one in reports.values()] == [(0, 2), (0, 1)]
    assert not any(
        here.app.store.findings.of(box.id) for box in here.app.store.mailboxes.all(here.account.id)
    )


def test_mail_that_comes_meanwhile_is_fetched_too(here: World, tmp_path: Path) -> None:
    here.server.append(here.user, [mail(7)])
    told = Told()
    reports = run(here, tmp_path / "out", told)
    assert told.said == []
    assert (reports["INBOX"].mails, reports["INBOX"].exported) == (3, 3)


def test_without_the_server_each_mail_is_named(here: World, tmp_path: Path) -> None:
    here.app.store.accounts.update(here.account.id, imap=Server("127.0.0.1", 1, Security.NONE))
    told = Told()
    reports = run(here, tmp_path / "out", told)
    assert told.codes == ["net.refused", *["store.headers_only"] * 3]
    assert [one.failed for one in reports.values()] == [2, 1]
    assert written(tmp_path / "out") == []


def test_a_paused_account_is_not_asked(here: World, tmp_path: Path) -> None:
    pause_account(here.app, here.account.address)
    told = Told()
    run(here, tmp_path / "out", told)
    assert told.codes == ["demand.paused", *["store.headers_only"] * 3]


def test_offline_asks_nobody(here: World, tmp_path: Path) -> None:
    told = Told()
    run(here, tmp_path / "out", told, offline=True)
    assert told.codes == ["store.headers_only"] * 3


def test_the_one_that_serves_is_asked(here: World, tmp_path: Path) -> None:
    told = Told()

    async def both() -> None:
        stop = asyncio.Event()
        serving = asyncio.create_task(serve(here.app, stop=stop))
        while here.app.store.ownership.holder() is None:  # noqa: ASYNC110
            await asyncio.sleep(0.01)
        await export_mail(
            here.app, here.account, Format.EML, tmp_path / "out", mailboxes=["INBOX", "Alt"], tell=told
        )
        stop.set()
        await serving

    asyncio.run(both())
    assert told.said == []
    assert written(tmp_path / "out") == WHOLE
