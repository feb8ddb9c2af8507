"""Accounts of which a mode keeps only parts here: what is imported or migrated into them arrives once,
and what is migrated from them arrives whole."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from eilbote.engine.app import App
from eilbote.engine.export_mail import Format
from eilbote.engine.import_mail import import_mail
from eilbote.engine.migrate import MigrateReport, migrate
from eilbote.engine.progress import Progress
from eilbote.engine.setup import set_keep
from eilbote.mail.keep import read_keep
from eilbote.store.values import Account, Security, Server
from tests.engine.moving import Kept, Told, home, on_server, server_account, sync
from tests.engine.test_modes import with_attachment
from tests.servers.dovecot import Dovecot

MODES = ("headers", "days:30", "size:20000")
OLD = '"01-Jan-2020 10:00:00 +0000"'


def mails() -> list[bytes]:
    """Large and small, with and without a Message-ID, one twice, one without a header."""
    nameless = with_attachment(2).replace(b"Message-ID:", b"X-Was-ID:")
    return [with_attachment(1), nameless, nameless, b"Subject: klein\r\n\r\ntext\r\n", b"nothing\r\nbut text"]


def kept_in_part(app: App, server: Dovecot, user: str, mode: str) -> Account:
    account = server_account(app, server, user)
    set_keep(app, account.address, read_keep(mode))
    sync(app, account)
    return app.store.accounts.get(account.id)


@pytest.mark.parametrize("mode", MODES)
def test_import_recognises_what_is_here_in_part(mode: str, dovecot: Dovecot, tmp_path: Path) -> None:
    user = dovecot.new_user()[0]
    (tmp_path / "in").mkdir()
    for number, raw in enumerate(mails()):
        (tmp_path / "in" / f"{number}.eml").write_bytes(raw)
    with dovecot.imap(user) as client:
        for raw in mails():
            client.append("INBOX", "", OLD, raw)
    before = on_server(dovecot, user)
    with home(tmp_path) as app:
        account = kept_in_part(app, dovecot, user, mode)
        (report,) = asyncio.run(
            import_mail(app, account, Format.EML, tmp_path / "in", to_server=True, tell=Told())
        )
    assert (report.imported, report.present) == (0, 5)
    assert on_server(dovecot, user) == before


def both(
    folder: Path, server: Dovecot, users: tuple[str, str], modes: tuple[str, str], told: Told
) -> list[MigrateReport]:
    with home(folder) as app:
        accounts = [kept_in_part(app, server, *one) for one in zip(users, modes, strict=True)]
        return asyncio.run(migrate(app, *accounts, tell=told))


def filled(server: Dovecot, user: str) -> dict[str, list[Kept]]:
    with server.imap(user) as client:
        for raw in mails():
            client.append("INBOX", "(\\Seen)", OLD, raw)
    return on_server(server, user)


@pytest.mark.parametrize("mode", MODES)
def test_migrate_carries_whole_mails_from_parts(mode: str, dovecot: Dovecot, tmp_path: Path) -> None:
    users = (dovecot.new_user()[0], dovecot.new_user()[0])
    before = filled(dovecot, users[0])
    told = Told()
    reports = both(tmp_path, dovecot, users, (mode, "everything"), told)
    assert told.said == []
    assert all(one.ok for one in reports)
    assert on_server(dovecot, users[1]) == before
    again = both(tmp_path, dovecot, users, (mode, "everything"), told)
    assert sum(one.copied for one in again) == 0


@pytest.mark.parametrize("mode", MODES)
def test_migrate_recognises_what_the_target_has_here_in_part(
    mode: str, dovecot: Dovecot, tmp_path: Path
) -> None:
    users = (dovecot.new_user()[0], dovecot.new_user()[0])
    before = filled(dovecot, users[0])
    filled(dovecot, users[1])
    reports = both(tmp_path, dovecot, users, ("everything", mode), Told())
    assert all(one.ok for one in reports)
    assert sum(one.copied for one in reports) == 0
    assert on_server(dovecot, users[1]) == before


def test_mails_whose_rest_cannot_be_had_are_named_and_come_later(dovecot: Dovecot, tmp_path: Path) -> None:
    users = (dovecot.new_user()[0], dovecot.new_user()[0])
    before = filled(dovecot, users[0])
    with home(tmp_path) as app:
        source = kept_in_part(app, dovecot, users[0], "headers")
        target = server_account(app, dovecot, users[1])
        told = Told()

        def goes_away(progress: Progress) -> None:
            """The source's server, as soon as the target's turn has come."""
            if progress.account == target.address:
                app.store.accounts.update(source.id, imap=Server("127.0.0.1", 1, Security.NONE))

        (inbox, *_) = asyncio.run(migrate(app, source, target, tell=told, report=goes_away))
        assert (inbox.copied, inbox.failed, inbox.missing) == (1, 4, 4)
        assert set(told.codes) == {"net.refused", "store.headers_only"}
        assert source.imap is not None
        app.store.accounts.update(source.id, imap=source.imap)
        asyncio.run(migrate(app, source, target, tell=Told()))
    assert on_server(dovecot, users[1]) == before
