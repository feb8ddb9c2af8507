"""Import, migrate to and from Cyrus, in both of its ways of naming: what it refuses is named, the rest
arrives once."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Callable
from pathlib import Path

import pytest

from eilbote.engine.export_mail import Format
from eilbote.engine.import_mail import ImportReport, import_mail
from eilbote.engine.migrate import MigrateReport, migrate
from eilbote.errors import Refused
from tests.engine.moving import (
    Kept,
    Told,
    child,
    home,
    killed_at,
    local_account,
    on_server,
    put,
    server_account,
)
from tests.engine.test_import_to_server import expected, made_maildir
from tests.engine.test_migrate import elsewhere, filled
from tests.engine.world import RealServer, mail
from tests.servers.cyrus import Cyrus, CyrusOptions
from tests.servers.dovecot import Dovecot

Place = tuple[RealServer, str]


@pytest.fixture(scope="module")
def classic(cyrus_like: Callable[[CyrusOptions], Cyrus]) -> Cyrus:
    """Mailboxes below `INBOX.`, with dots."""
    return cyrus_like(CyrusOptions(classic=True))


def imported(
    folder: Path, place: Place, source: Path, told: Told, observer: Callable[[str], None] | None = None
) -> list[ImportReport]:
    with home(folder, observer) as app:
        account = server_account(app, *place)
        return asyncio.run(import_mail(app, account, Format.MAILDIR, source, to_server=True, tell=told))


def migrated(
    folder: Path,
    source: Place,
    target: Place,
    told: Told,
    observer: Callable[[str], None] | None = None,
) -> list[MigrateReport]:
    with home(folder, observer) as app:
        accounts = [server_account(app, *one) for one in (source, target)]
        return asyncio.run(migrate(app, *accounts, content=True, tell=told))


def taken(mails: int = 4) -> dict[str, list[Kept]]:
    """What Cyrus takes of `made_maildir`."""
    return {"INBOX": expected(mails)["INBOX"]}


def test_import_arrives_once_with_flags_dates_and_folders(cyrus: Cyrus, tmp_path: Path) -> None:
    place = (cyrus, cyrus.new_user()[0])
    made_maildir(tmp_path / "in")
    for copied in (5, 0):
        told = Told()
        reports = imported(tmp_path, place, tmp_path / "in", told)
        assert {one.mailbox: (one.imported, one.failed) for one in reports} == {
            "INBOX": (copied, 0),
            "Projekte/2026": (0, 1),
        }
        assert told.codes == ["import.no_header", "imap.refused"], "Cyrus takes no mail without a header"
        assert on_server(*place) == taken()


@pytest.mark.timeout(900)
def test_import_killed_on_the_way_arrives_once(cyrus: Cyrus, tmp_path: Path) -> None:
    made_maildir(tmp_path / "in", mails=2)
    step = 2
    while True:
        place = (cyrus, cyrus.new_user()[0])
        folder = tmp_path / str(step)
        folder.mkdir()
        ended = child(lambda: imported(folder, place, tmp_path / "in", Told(), killed_at(step)))  # noqa: B023
        if ended == 0:
            break
        assert ended == -signal.SIGKILL
        assert child(lambda: imported(folder, place, tmp_path / "in", Told())) == 0  # noqa: B023
        assert on_server(*place) == taken(2), f"killed at step {step}"
        step += 3
    assert step > 40


def test_from_dovecot_to_cyrus_and_on(dovecot: Dovecot, cyrus: Cyrus, classic: Cyrus, tmp_path: Path) -> None:
    """Dovecot, Cyrus, Cyrus as of old, and back to Dovecot: the same mail everywhere."""
    first, last = (dovecot, dovecot.new_user()[0]), (dovecot, dovecot.new_user()[0])
    plain, dotted = (cyrus, cyrus.new_user()[0]), (classic, classic.new_user()[0])
    before = filled(*first)
    for source, target, there in (
        (first, plain, before),
        (plain, dotted, elsewhere(before)),
        (dotted, last, before),
    ):
        told = Told()
        reports = migrated(tmp_path, source, target, told)
        assert told.said == []
        assert [one for one in reports if not (one.ok and one.verified)] == []
        assert on_server(*target) == there
        again = migrated(tmp_path, source, target, Told())
        assert sum(one.copied for one in again) == 0
        assert on_server(*target) == there
    assert on_server(*first) == before


@pytest.mark.timeout(900)
def test_migrate_killed_on_the_way_goes_on(dovecot: Dovecot, cyrus: Cyrus, tmp_path: Path) -> None:
    source = (dovecot, dovecot.new_user()[0])
    before = filled(*source)
    step = 3
    while True:
        target = (cyrus, cyrus.new_user()[0])
        folder = tmp_path / str(step)
        folder.mkdir()
        ended = child(lambda: migrated(folder, source, target, Told(), killed_at(step)))  # noqa: B023
        if ended == 0:
            break
        assert ended == -signal.SIGKILL
        assert child(lambda: migrated(folder, source, target, Told())) == 0  # noqa: B023
        assert on_server(*target) == before, f"killed at step {step}"
        step += 17
    assert step > 60


ODD = (
    "a%b", 'a"b', "a`b|c", "&ZeVnLIqe-", "Uml&AOQ-ute", "#hash", "x" * 200, " blank ", "a.b", "a&-b", "user",
)  # fmt: skip


def test_names_that_the_target_forbids_become_others(
    dovecot: Dovecot, cyrus: Cyrus, classic: Cyrus, tmp_path: Path
) -> None:
    """Cyrus takes no `%`, `"`, `|` and backtick. Nothing lands in the inbox instead, and a second run
    finds all again."""
    source = (dovecot, dovecot.new_user()[0])
    with dovecot.imap(source[1]) as client:
        for number, name in enumerate(ODD):
            quoted = name.replace('"', '\\"')
            assert client.create(f'"{quoted}"')[0] == "OK"
            assert client.append(f'"{quoted}"', "", None, mail(number))[0] == "OK"
    renamed = {"a%b": "a_b", 'a"b': "a_b", "a`b|c": "a_b_c"}
    for server, prefix, delimiter in ((cyrus, "", "/"), (classic, "INBOX.", ".")):
        target = (server, server.new_user()[0])
        there: dict[str, list[bytes]] = {}
        for number, name in enumerate(ODD):
            called = prefix + renamed.get(name, name.replace(delimiter, "_"))
            there.setdefault(called, []).append(mail(number))
        for copied in (len(ODD), 0):
            told = Told()
            reports = migrated(tmp_path, source, target, told)
            assert sorted(set(told.codes)) == ["imap.refused", "import.renamed"]
            assert [one for one in reports if not (one.ok and one.verified)] == []
            assert sum(one.copied for one in reports) == copied
            held = on_server(*target)
            assert {name: [raw for raw, _, _ in mails] for name, mails in held.items()} == there


def test_an_imported_folder_whose_name_is_refused_gets_another(cyrus: Cyrus, tmp_path: Path) -> None:
    (tmp_path / "in" / "a%b").mkdir(parents=True)
    (tmp_path / "in" / "a%b" / "1.eml").write_bytes(mail(1))
    place = (cyrus, cyrus.new_user()[0])
    with home(tmp_path) as app:
        account = server_account(app, *place)
        for imported_now in (1, 0):
            told = Told()
            work = import_mail(app, account, Format.EML, tmp_path / "in", to_server=True, tell=told)
            (report,) = asyncio.run(work)
            assert (report.mailbox, report.imported, report.failed) == ("a_b", imported_now, 0)
            assert told.codes == ["imap.refused", "import.renamed"]
        with pytest.raises(Refused) as caught:
            work = import_mail(
                app, account, Format.EML, tmp_path / "in", mailbox="a%c", to_server=True, tell=Told()
            )
            asyncio.run(work)
        assert caught.value.problem.code == "mailbox.not_made"
    assert {name: len(mails) for name, mails in on_server(*place).items()} == {"a_b": 1}


def test_more_keywords_than_a_mailbox_takes_cost_no_mail(cyrus: Cyrus, tmp_path: Path) -> None:
    """Cyrus has room for a hundred in a mailbox."""
    place = (cyrus, cyrus.new_user()[0])
    mails = [
        (mail(number), ["\\Seen", *(f"wort{number * 30 + at}" for at in range(30))], 1e9)
        for number in range(5)
    ]
    with home(tmp_path) as app:
        here, there = local_account(app), server_account(app, *place)
        put(app, here, "INBOX", mails)
        for copied in (5, 0):
            told = Told()
            reports = asyncio.run(migrate(app, here, there, content=True, tell=told))
            (inbox,) = [one for one in reports if one.mailbox == "INBOX"]
            assert (inbox.copied, inbox.missing, inbox.verified) == (copied, 0, True)
            assert told.codes == ["sync.flags_not_kept"] * (2 if copied else 0)
    held = on_server(*place)["INBOX"]
    assert [len(flags) for _, flags, _ in held] == [31, 31, 31, 1, 1]


@pytest.mark.parametrize("kind", ["cyrus", "dovecot"])
def test_dates_that_no_server_keeps_are_changed_and_told(
    kind: str, cyrus: Cyrus, dovecot: Dovecot, tmp_path: Path
) -> None:
    server = cyrus if kind == "cyrus" else dovecot
    place = (server, server.new_user()[0])
    dates = (-62_135_596_800.0, -1.0, 0.0, 1.0, 2.0**32, 253_402_300_799.0)
    with home(tmp_path) as app:
        here, there = local_account(app), server_account(app, *place)
        put(app, here, "INBOX", [(mail(number), [], date) for number, date in enumerate(dates)])
        began = app.clock.now()
        for copied in (6, 0):
            told = Told()
            reports = asyncio.run(migrate(app, here, there, tell=told))
            assert (sum(one.copied for one in reports), all(one.ok for one in reports)) == (copied, True)
            assert told.codes == ["import.date_changed"] * (5 if copied else 0)
    kept = [date for _, _, date in on_server(*place)["INBOX"]]
    assert kept[:4] == [1] * 4
    assert all(int(began) <= date <= began + 60 for date in kept[4:])
    assert len(kept) == 6


def test_mails_that_the_target_refuses_are_counted_once(cyrus: Cyrus, tmp_path: Path) -> None:
    """Cyrus takes no empty mail and none without a header; a second run names them again."""
    place = (cyrus, cyrus.new_user()[0])
    with home(tmp_path) as app:
        here, there = local_account(app), server_account(app, *place)
        put(app, here, "INBOX", [(b"", [], 1e9), (b"nothing but text\r\n", [], 1e9), (mail(1), [], 1e9)])
        for copied in (1, 0):
            told = Told()
            reports = asyncio.run(migrate(app, here, there, content=True, tell=told))
            (inbox,) = [one for one in reports if one.mailbox == "INBOX"]
            assert (inbox.copied, inbox.present, inbox.failed, inbox.missing) == (copied, 1 - copied, 2, 2)
            assert told.codes == ["imap.refused"] * 2
            assert all(where.startswith("INBOX, ") for where, _ in told.said)
