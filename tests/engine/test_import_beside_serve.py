"""Mail is imported while another process serves the home, and that one is killed meanwhile: each mail
arrives once."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import Callable
from pathlib import Path

import pytest

from eilbote.engine.export_mail import Format
from eilbote.engine.import_mail import import_mail
from eilbote.engine.serve import serve
from tests.engine.moving import Told, contents, home, killed_at, local_account, on_server, server_account
from tests.engine.test_import_to_server import expected, made_maildir
from tests.servers.dovecot import Dovecot


def serving(folder: Path, observer: Callable[[str], None]) -> int:
    """A process that serves the home until it is killed; returns when it holds it."""
    reading, writing = os.pipe()
    number = os.fork()
    if number == 0:
        try:
            with home(folder, observer) as app:

                async def run() -> None:
                    served = asyncio.create_task(serve(app, stop=asyncio.Event()))
                    while app.store.ownership.holder() is None:  # noqa: ASYNC110
                        await asyncio.sleep(0.01)
                    os.write(writing, b"!")
                    await served

                asyncio.run(run())
        finally:
            os._exit(1)
    os.close(writing)
    os.read(reading, 1)  # also when it was killed before
    os.close(reading)
    return number


@pytest.mark.timeout(300)
@pytest.mark.parametrize("step", [5, 40, 60, 80, 110])
def test_each_mail_arrives_once(step: int, dovecot: Dovecot, tmp_path: Path) -> None:
    user = dovecot.new_user()[0]
    made_maildir(tmp_path / "in")
    with home(tmp_path) as app:
        server_account(app, dovecot, user)
    number = serving(tmp_path, killed_at(step))
    try:
        with home(tmp_path) as app:
            account = server_account(app, dovecot, user)
            work = import_mail(app, account, Format.MAILDIR, tmp_path / "in", to_server=True, tell=Told())
            asyncio.run(work)
    finally:
        killed_before = os.waitpid(number, os.WNOHANG)[0] == number
        if not killed_before:
            os.kill(number, signal.SIGKILL)
            os.waitpid(number, 0)
    assert killed_before
    assert on_server(dovecot, user) == expected()


def test_a_local_account_takes_mail_in_beside_the_one_that_serves(tmp_path: Path) -> None:
    made_maildir(tmp_path / "in")
    with home(tmp_path) as app:
        local_account(app)
    number = serving(tmp_path, lambda _: None)
    try:
        with home(tmp_path) as app:
            (account,) = app.store.accounts.all()
            told = Told()
            asyncio.run(import_mail(app, account, Format.MAILDIR, tmp_path / "in", tell=told))
            assert told.codes == ["import.no_header"]
            assert {name: len(mails) for name, mails in contents(app, account).items()} == {
                "INBOX": 5,
                "Projekte/2026": 1,
            }
    finally:
        os.kill(number, signal.SIGKILL)
        os.waitpid(number, 0)
