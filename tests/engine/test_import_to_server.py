"""Import with upload: on a real server, each mail once, whatever is killed when."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import Callable
from pathlib import Path

import pytest
from msgspec.structs import replace

from eilbote.engine.export_mail import Format
from eilbote.engine.import_mail import ImportReport, import_mail
from eilbote.errors import Misused, Unreachable
from tests.engine.moving import (
    Told,
    child,
    contents,
    home,
    killed_at,
    local_account,
    on_server,
    server_account,
    sync,
)
from tests.engine.world import mail
from tests.servers.dovecot import Dovecot
from tests.servers.dovecot_settings import DovecotOptions

DATE = 1_600_000_000


def made_maildir(root: Path, mails: int = 4) -> None:
    """Mail as a Maildir keeps it: bare line feeds, one mail twice, one without a Message-ID, flags."""
    for folder in ("", ".Projekte.2026"):
        for part in ("cur", "new", "tmp"):
            (root / folder / part).mkdir(parents=True)
    (root / "dovecot-keywords").write_text("0 wichtig\n")
    for at in range(mails):
        raw = mail(at, message_id="" if at == 1 else None).replace(b"\r\n", b"\n")
        write(root / "cur" / f"{DATE + at}.M{at}.host:2,{'FSa' if at % 2 else ''}", raw, at)
    write(root / "new" / f"{DATE}.M0.again", mail(0).replace(b"\r\n", b"\n"), 0)
    write(root / ".Projekte.2026" / "cur" / f"{DATE}.x:2,S", b"no header\nbut text", 0)


def write(path: Path, raw: bytes, at: int) -> None:
    path.write_bytes(raw)
    os.utime(path, (DATE + at, DATE + at))


def expected(mails: int = 4) -> dict[str, list[tuple[bytes, tuple[str, ...], int]]]:
    def wire(at: int) -> bytes:
        return mail(at, message_id="" if at == 1 else None)

    inbox = [
        (wire(at), ("\\Flagged", "\\Seen", "wichtig") if at % 2 else (), DATE + at) for at in range(mails)
    ]
    return {
        "INBOX": sorted([*inbox, (wire(0), (), DATE)]),
        "Projekte/2026": [(b"no header\r\nbut text", ("\\Seen",), DATE)],
    }


def run(
    folder: Path,
    server: Dovecot,
    user: str,
    source: Path,
    observer: Callable[[str], None] | None = None,
    told: Told | None = None,
) -> list[ImportReport]:
    with home(folder, observer) as app:
        account = server_account(app, server, user)
        return asyncio.run(
            import_mail(app, account, Format.MAILDIR, source, to_server=True, tell=told or Told())
        )


def test_all_arrives_with_flags_dates_and_folders(dovecot: Dovecot, tmp_path: Path) -> None:
    user = dovecot.new_user()[0]
    made_maildir(tmp_path / "in")
    told = Told()
    reports = run(tmp_path, dovecot, user, tmp_path / "in", told=told)
    assert told.codes == ["import.no_header"]
    assert {one.mailbox: (one.found, one.imported, one.present, one.failed) for one in reports} == {
        "INBOX": (5, 5, 0, 0),
        "Projekte/2026": (1, 1, 0, 0),
    }
    assert on_server(dovecot, user) == expected()
    again = run(tmp_path, dovecot, user, tmp_path / "in")
    assert [(one.imported, one.present) for one in again] == [(0, 5), (0, 1)]
    assert on_server(dovecot, user) == expected()
    with home(tmp_path) as app:
        account = server_account(app, dovecot, user)
        sync(app, account)
        assert not app.store.journal.open_debts(account.id)
        assert sum(map(len, contents(app, account).values())) == 6


def test_what_the_server_has_already_is_recognised(dovecot: Dovecot, tmp_path: Path) -> None:
    """Also by a home that has never seen this server, such as a new one after a loss."""
    user = dovecot.new_user()[0]
    made_maildir(tmp_path / "in")
    run(tmp_path, dovecot, user, tmp_path / "in")
    (tmp_path / "other").mkdir()
    again = run(tmp_path / "other", dovecot, user, tmp_path / "in")
    assert [(one.imported, one.present) for one in again] == [(0, 5), (0, 1)]
    assert on_server(dovecot, user) == expected()


@pytest.mark.timeout(900)
@pytest.mark.parametrize(
    ("hidden", "stride"), [((), 1), (("QRESYNC", "CONDSTORE", "UIDPLUS"), 3)], ids=["all", "bare"]
)
def test_killed_at_every_step_each_mail_arrives_once(
    hidden: tuple[str, ...], stride: int, dovecot_like: Callable[[DovecotOptions], Dovecot], tmp_path: Path
) -> None:
    server = dovecot_like(DovecotOptions(hidden=frozenset(hidden)))
    made_maildir(tmp_path / "in", mails=2)
    step = 1
    while True:
        user = server.new_user()[0]
        folder = tmp_path / str(step)
        folder.mkdir()
        ended = child(lambda: run(folder, server, user, tmp_path / "in", killed_at(step)))  # noqa: B023
        if ended == 0:
            break
        assert ended == -signal.SIGKILL
        assert child(lambda: run(folder, server, user, tmp_path / "in")) == 0  # noqa: B023
        assert on_server(server, user) == expected(2), f"killed at step {step}"
        step += stride
    assert step > 40


def test_a_mail_that_the_server_refuses_is_named_and_the_rest_goes_on(
    dovecot_like: Callable[[DovecotOptions], Dovecot], tmp_path: Path
) -> None:
    """A full account; with room made, the next run brings what was left."""
    server = dovecot_like(DovecotOptions(quota_mib=1))
    user = server.new_user()[0]
    source = tmp_path / "in"
    source.mkdir()
    (source / "1.eml").write_bytes(mail(1))
    (source / "2.eml").write_bytes(mail(2, size=2 << 20))
    (source / "3.eml").write_bytes(mail(3))

    def once(told: Told) -> list[ImportReport]:
        with home(tmp_path) as app:
            account = server_account(app, server, user)
            return asyncio.run(import_mail(app, account, Format.EML, source, to_server=True, tell=told))

    told = Told()
    (report,) = once(told)
    assert (report.found, report.imported, report.present, report.failed) == (3, 2, 0, 1)
    ((where, problem),) = told.said
    assert where.endswith("2.eml")
    assert (problem.code, problem.parameters["code"]) == ("imap.refused", "OVERQUOTA")
    assert [raw for raw, _, _ in on_server(server, user)["INBOX"]] == [mail(1), mail(3)]
    told = Told()
    (report,) = once(told)
    assert told.codes == ["imap.refused"], "tried again, and named again"
    assert (report.imported, report.present, report.failed) == (0, 2, 1)
    assert len(on_server(server, user)["INBOX"]) == 2


def test_a_server_that_is_away_ends_it_before_anything_is_stored(dovecot: Dovecot, tmp_path: Path) -> None:
    made_maildir(tmp_path / "in")
    with home(tmp_path) as app:
        account = server_account(app, dovecot, dovecot.new_user()[0])
        assert account.imap is not None
        account = app.store.accounts.update(account.id, imap=replace(account.imap, port=1))
        with pytest.raises(Unreachable):
            asyncio.run(
                import_mail(app, account, Format.MAILDIR, tmp_path / "in", to_server=True, tell=Told())
            )
        assert not any(contents(app, account).values())


def test_server_or_not_must_be_said(dovecot: Dovecot, tmp_path: Path) -> None:
    made_maildir(tmp_path / "in")
    with home(tmp_path) as app:
        there = server_account(app, dovecot, dovecot.new_user()[0])
        here = local_account(app)
        for account, to_server, code in (
            (there, False, "import.to_server"),
            (here, True, "import.no_server"),
        ):
            with pytest.raises(Misused) as caught:
                asyncio.run(
                    import_mail(
                        app, account, Format.MAILDIR, tmp_path / "in", to_server=to_server, tell=Told()
                    )
                )
            assert caught.value.problem.code == code
