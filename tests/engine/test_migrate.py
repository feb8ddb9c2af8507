"""A whole account's mail copied to another account, on real servers: kept, resumed, repeated, checked."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Callable
from pathlib import Path

import pytest

from eilbote.engine.migrate import MigrateReport, migrate
from eilbote.errors import Misused
from tests.engine.moving import (
    Kept,
    Told,
    child,
    contents,
    home,
    killed_at,
    local_account,
    on_server,
    put,
    server_account,
)
from tests.engine.world import mail
from tests.servers.cyrus import Cyrus
from tests.servers.dovecot import Dovecot
from tests.servers.dovecot_settings import DovecotOptions

DATED = '" 1-Oct-2024 10:0{}:00 +0000"'


def filled(server: Dovecot | Cyrus, user: str) -> dict[str, list[Kept]]:
    """Mail in folders with and without a role, with flags, keywords and dates."""
    with server.imap(user) as client:
        for name in ("Projekte", "Projekte/2026", "Sent/2025", "leer"):
            assert client.create(name)[0] == "OK"
        given = (
            ("INBOX", ""),
            ("INBOX", "(\\Seen wichtig)"),
            ("Sent", "(\\Seen)"),
            ("Sent/2025", "(\\Seen \\Answered)"),
            ("Trash", "(\\Deleted)"),
            ("Projekte/2026", "(\\Flagged)"),
        )
        for number, (name, flags) in enumerate(given, 1):
            assert client.append(name, flags, DATED.format(number), mail(number))[0] == "OK"
        client.append("INBOX", "", DATED.format(1), mail(1))  # the same mail once more
    return on_server(server, user)


def run(
    folder: Path,
    source: tuple[Dovecot, str],
    target: tuple[Dovecot, str],
    *,
    told: Told | None = None,
    observer: Callable[[str], None] | None = None,
    dry_run: bool = False,
    content: bool = False,
) -> list[MigrateReport]:
    with home(folder, observer) as app:
        accounts = [server_account(app, *one) for one in (source, target)]
        return asyncio.run(migrate(app, *accounts, dry_run=dry_run, content=content, tell=told or Told()))


@pytest.fixture(scope="module")
def other(dovecot_like: Callable[[DovecotOptions], Dovecot]) -> Dovecot:
    """A server that calls everything otherwise: below `INBOX.`, with dots."""
    return dovecot_like(DovecotOptions(separator=".", prefix="INBOX."))


def elsewhere(mails: dict[str, list[Kept]]) -> dict[str, list[Kept]]:
    names = {name: name if name == "INBOX" else f"INBOX.{name.replace('/', '.')}" for name in mails}
    return {names[name]: kept for name, kept in mails.items()}


def test_everything_arrives_and_a_second_run_copies_nothing(
    dovecot: Dovecot, other: Dovecot, tmp_path: Path
) -> None:
    source, target = dovecot.new_user()[0], other.new_user()[0]
    before = filled(dovecot, source)
    told = Told()
    reports = run(tmp_path, (dovecot, source), (other, target), told=told, content=True)
    assert told.said == []
    assert [one for one in reports if not (one.ok and one.verified)] == []
    assert sum(one.copied for one in reports) == 7
    by_name = {one.mailbox: one for one in reports}
    assert by_name["Sent/2025"].target_mailbox == "INBOX.Sent.2025"
    assert (by_name["INBOX"].source, by_name["INBOX"].target, by_name["INBOX"].missing) == (3, 3, 0)
    assert on_server(other, target) == elsewhere(before)
    assert on_server(dovecot, source) == before, "nothing changes at the source"
    with other.imap(target) as client:
        assert any(b"INBOX.leer" in row for row in client.list()[1] if isinstance(row, bytes))
    again = run(tmp_path, (dovecot, source), (other, target))
    assert sum(one.copied for one in again) == 0
    assert sum(one.present for one in again) == 7
    assert on_server(other, target) == elsewhere(before)
    (tmp_path / "new").mkdir()
    anew = run(tmp_path / "new", (dovecot, source), (other, target))
    assert sum(one.copied for one in anew) == 0, "a home that knows nothing of it recognises all"


def test_a_dry_run_changes_nothing(dovecot: Dovecot, other: Dovecot, tmp_path: Path) -> None:
    source, target = dovecot.new_user()[0], other.new_user()[0]
    filled(dovecot, source)
    assert sum(one.source for one in run(tmp_path, (dovecot, source), (other, target), dry_run=True)) == 0
    run(tmp_path, (dovecot, source), (other, target))
    with dovecot.imap(source) as client:
        client.append("INBOX", "", None, mail(99))
    planned = run(tmp_path, (dovecot, source), (other, target), dry_run=True)
    assert sum(one.copied for one in planned) == 0, "it knows what the last sync knew"
    assert len(on_server(other, target)["INBOX"]) == 3


@pytest.mark.timeout(900)
def test_killed_at_every_seventh_step_it_goes_on(dovecot: Dovecot, tmp_path: Path) -> None:
    source = dovecot.new_user()[0]
    before = filled(dovecot, source)
    step = 3
    while True:
        target = dovecot.new_user()[0]
        folder = tmp_path / str(step)
        folder.mkdir()
        where = ((dovecot, source), (dovecot, target))
        ended = child(lambda: run(folder, *where, observer=killed_at(step)))  # noqa: B023
        if ended == 0:
            break
        assert ended == -signal.SIGKILL
        assert child(lambda: run(folder, *where)) == 0  # noqa: B023
        assert on_server(dovecot, target) == before, f"killed at step {step}"
        step += 7
    assert step > 60


def test_roles_decide_before_names(
    dovecot: Dovecot, dovecot_like: Callable[[DovecotOptions], Dovecot], tmp_path: Path
) -> None:
    """German names on a server without roles; mailboxes below one follow it."""
    german = dovecot_like(DovecotOptions(special_use=False))
    source, target = german.new_user()[0], dovecot.new_user()[0]
    with german.imap(source) as client:
        for name in ("Gesendet", "Gesendet/Alt", "Papierkorb", "Rechnungen"):
            client.create(name)
            client.append(name, "", DATED.format(1), mail(len(name)))
    reports = run(tmp_path, (german, source), (dovecot, target))
    assert {one.mailbox: one.target_mailbox for one in reports} == {
        "INBOX": "INBOX",
        "Gesendet": "Sent",
        "Gesendet/Alt": "Sent/Alt",
        "Papierkorb": "Trash",
        "Rechnungen": "Rechnungen",
    }
    assert set(on_server(dovecot, target)) == {"Sent", "Sent/Alt", "Trash", "Rechnungen"}


def test_mails_that_the_target_refuses_are_named_and_come_later(
    dovecot: Dovecot, dovecot_like: Callable[[DovecotOptions], Dovecot], tmp_path: Path
) -> None:
    small = dovecot_like(DovecotOptions(quota_mib=1))
    source, target = dovecot.new_user()[0], small.new_user()[0]
    dovecot.append(source, [mail(1), mail(2, size=2 << 20), mail(3)])
    told = Told()
    reports = run(tmp_path, (dovecot, source), (small, target), told=told)
    inbox = next(one for one in reports if one.mailbox == "INBOX")
    assert (inbox.source, inbox.target, inbox.copied, inbox.failed, inbox.missing) == (3, 2, 2, 1, 1)
    assert not inbox.ok
    assert [problem.parameters["code"] for _, problem in told.said] == ["OVERQUOTA"]
    assert len(on_server(small, target)["INBOX"]) == 2


def test_mail_that_the_target_has_with_other_bytes_is_known_by_its_id(
    dovecot: Dovecot, tmp_path: Path
) -> None:
    """As of a server that rewrites what it takes; the size is the same."""
    source, target = dovecot.new_user()[0], dovecot.new_user()[0]
    dovecot.append(source, [mail(1), mail(2)])
    dovecot.append(target, [mail(1).replace(b"Text", b"TEXT")])
    reports = run(tmp_path, (dovecot, source), (dovecot, target))
    inbox = next(one for one in reports if one.mailbox == "INBOX")
    assert (inbox.copied, inbox.present, inbox.missing) == (1, 1, 0)


def test_from_an_account_without_a_server_and_to_one(dovecot: Dovecot, tmp_path: Path) -> None:
    user = dovecot.new_user()[0]
    with home(tmp_path) as app:
        here, there = local_account(app), server_account(app, dovecot, user)
        put(app, here, "INBOX", [(b"Subject: lf\nMessage-ID: <a@b>\n\nx\n", ["\\Seen"], 1e9)])
        put(app, here, "Archive/2024", [(b"nul \x00", [], 1e9)])
        for copied in (2, 0):
            reports = asyncio.run(migrate(app, here, there, tell=Told()))
            assert sum(one.copied for one in reports) == copied
            assert all(one.ok for one in reports), reports
        assert on_server(dovecot, user) == {
            "INBOX": [(b"Subject: lf\r\nMessage-ID: <a@b>\r\n\r\nx\r\n", ("\\Seen",), 1_000_000_000)],
            "Archive/2024": [(b"nul \x80", (), 1_000_000_000)],
        }
        back = local_account(app, "zurueck@example.de")
        reports = asyncio.run(migrate(app, there, back, tell=Told()))
        assert all(one.ok and one.verified is None for one in reports)
        held = contents(app, back)
        assert {name: mails for name, mails in held.items() if mails} == {
            name: mails for name, mails in contents(app, there).items() if mails
        }


def test_an_account_is_not_copied_into_itself(tmp_path: Path) -> None:
    with home(tmp_path) as app:
        account = local_account(app)
        with pytest.raises(Misused) as caught:
            asyncio.run(migrate(app, account, account, tell=Told()))
        assert caught.value.problem.code == "migrate.same_account"
