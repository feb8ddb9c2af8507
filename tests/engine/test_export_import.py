"""Export and import again: the same contents, flags, dates and folders, in every format that can."""

from __future__ import annotations

import asyncio
import mailbox as library
import os
import random
import signal
import stat
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from eilbote.engine.app import App
from eilbote.engine.export_mail import ExportReport, Format, export_mail
from eilbote.engine.import_mail import ImportReport, import_mail
from eilbote.errors import Gone, Misused
from eilbote.files.values import Observer, unobserved
from eilbote.store.values import Account
from tests.engine.moving import Kept, Told, child, contents, home, killed_at, local_account, mailbox, put

SEED = 20261127
NAMES = (
    "INBOX", "Archiv", "Archiv/2025.x", "Entwürfe & Co", "cur/new", ".dot/INBOX", "INBOX/unten", "leer",
    "A%2Fb", "x.mbox/y.sbd", "index.jsonl/000001.eml", "日本語 🙂", "a\\b:c*", "mbox",
)  # fmt: skip
FLAGS = ("\\Seen", "\\Flagged", "\\Answered", "\\Draft", "\\Deleted", "$Forwarded", "wichtig", "$label1")
PIECES = (
    b"Subject: a\r\n", b"\r\n", b"\n", b"From me\r\n", b">From you\n", b"\nFrom a Mon Nov 23 19:53:40 2026\n",
    b"Content-Length: 3\r\n", b"Status: RO\r\n", b"\x00", b"\xff\xfe", b"text", b"\r", b"X-Keywords: a\n",
)  # fmt: skip
EXACT = (Format.MAILDIR, Format.MAILDIR_NESTED, Format.MBOX, Format.MBOXRD, Format.EML)
ALL = list(Format)


def filled(app: App, seed: int, mails: int = 8) -> dict[str, list[Kept]]:
    """An account with mail of every kind, the same for the same seed: some of it twice."""
    chance = random.Random(seed)
    account = local_account(app, "quelle@example.de")
    for name in NAMES:
        mailbox(app, account, name)
        if name != "leer":
            made = [
                (
                    b"".join(chance.choices(PIECES, k=chance.randrange(9))),
                    chance.sample(FLAGS, chance.randrange(4)),
                    float(chance.randrange(1, 2**31)),
                )
                for _ in range(mails)
            ]
            put(app, account, name, [*made, made[0]])
    return contents(app, account)


def source(app: App) -> Account:
    return app.store.accounts.get("quelle@example.de")


def exported(
    app: App, wanted: Format, folder: Path, told: Told | None = None, observer: Observer = unobserved
) -> list[ExportReport]:
    return asyncio.run(export_mail(app, source(app), wanted, folder, tell=told or Told(), observer=observer))


def imported(
    app: App,
    account: Account,
    wanted: Format,
    folder: Path,
    told: Told | None = None,
    into: str | None = None,
) -> list[ImportReport]:
    return asyncio.run(import_mail(app, account, wanted, folder, mailbox=into, tell=told or Told()))


@pytest.mark.parametrize("wanted", EXACT)
@pytest.mark.parametrize("seed", range(SEED, SEED + 4))
def test_there_and_back_is_the_same(wanted: Format, seed: int, tmp_path: Path) -> None:
    with home(tmp_path) as app:
        before = filled(app, seed)
        first = exported(app, wanted, tmp_path / "out")
        assert {one.mailbox: one.exported for one in first} == {
            name: len(one) for name, one in before.items()
        }
        target = local_account(app)
        imported(app, target, wanted, tmp_path / "out")
        assert contents(app, target) == before, f"seed {seed}"


@pytest.mark.parametrize("wanted", ALL)
def test_a_second_run_does_nothing(wanted: Format, tmp_path: Path) -> None:
    with home(tmp_path) as app:
        filled(app, SEED)
        exported(app, wanted, tmp_path / "out")
        before = files_in(tmp_path / "out")
        again = exported(app, wanted, tmp_path / "out")
        assert files_in(tmp_path / "out") == before
        assert all((one.exported, one.present) == (0, one.mails) for one in again)
        target = local_account(app)
        first = imported(app, target, wanted, tmp_path / "out")
        held = contents(app, target)
        second = imported(app, target, wanted, tmp_path / "out")
        assert contents(app, target) == held
        assert [(one.found, 0, one.found) for one in first] == [
            (one.found, one.imported, one.present) for one in second
        ]


@pytest.mark.parametrize("wanted", [one for one in ALL if one not in EXACT])
def test_what_a_dialect_cannot_keep_is_named_mail_by_mail(wanted: Format, tmp_path: Path) -> None:
    with home(tmp_path) as app:
        before = filled(app, SEED)
        told = Told()
        exported(app, wanted, tmp_path / "out", told)
        target = local_account(app)
        imported(app, target, wanted, tmp_path / "out")
        after = contents(app, target)
        changed = sum(len(set(before[name]) - set(after[name])) for name in before)
        assert {name: len(one) for name, one in after.items()} == {
            name: len(one) for name, one in before.items()
        }
        assert 0 < changed <= told.codes.count("export.inexact")
        assert set(told.codes) == {"export.inexact"}


def files_in(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


# --- killed ------------------------------------------------------------------------------------------


def small(app: App) -> None:
    account = local_account(app, "quelle@example.de")
    put(
        app,
        account,
        "INBOX",
        [(b"Subject: %d\r\n\r\nFrom\r\n" % at, ["\\Seen"], 1e9 + at) for at in range(3)],
    )
    put(app, account, "Archiv", [(b"Subject: x\r\n\r\n", ["wichtig"], 1e9)] * 2)


@pytest.mark.parametrize("wanted", EXACT)
def test_an_export_killed_at_every_step_goes_on(wanted: Format, tmp_path: Path) -> None:
    with home(tmp_path) as app:
        small(app)
        before = contents(app, source(app))

    def run(folder: Path, observer: Observer) -> None:
        with home(tmp_path) as app:
            exported(app, wanted, folder, observer=observer)

    step = 1
    while True:
        folder = tmp_path / str(step)
        ended = child(lambda folder=folder, at=step: run(folder, killed_at(at)))  # type: ignore[misc]
        if ended == 0:
            break
        assert ended == -signal.SIGKILL
        assert child(lambda folder=folder: run(folder, unobserved)) == 0  # type: ignore[misc]
        with home(tmp_path) as app:
            target = local_account(app, f"ziel-{step}@example.de")
            imported(app, target, wanted, folder)
            assert contents(app, target) == before, f"killed at step {step}"
        step += 1
    assert step > 6


def test_an_mbox_with_a_torn_end_is_mended(tmp_path: Path) -> None:
    """As after a power cut: bytes of the next mail, and half a line in the list."""
    with home(tmp_path) as app:
        small(app)
        exported(app, Format.MBOX, tmp_path / "out")
        whole = (tmp_path / "out" / "INBOX.mbox").read_bytes()
        with (tmp_path / "out" / "INBOX.mbox").open("ab") as file:
            file.write(b"From a@b Mon Nov 23 19:53:40 2026\nStatus: R")
        with (tmp_path / "out" / "INBOX.mbox.index").open("ab") as file:
            file.write(b'{"sha256":"00')
        put(app, source(app), "INBOX", [(b"Subject: new\r\n\r\n", [], 2e9)])
        report = next(one for one in exported(app, Format.MBOX, tmp_path / "out") if one.mailbox == "INBOX")
        assert (report.exported, report.present) == (1, 3)
        now = (tmp_path / "out" / "INBOX.mbox").read_bytes()
        assert now.startswith(whole) and now.count(b"\nFrom ") == 3
        target = local_account(app)
        imported(app, target, Format.MBOX, tmp_path / "out")
        assert contents(app, target) == contents(app, source(app))


@pytest.mark.parametrize("wanted", [Format.MAILDIR, Format.MBOX, Format.EML])
def test_an_import_killed_at_every_step_goes_on(wanted: Format, tmp_path: Path) -> None:
    (tmp_path / "first").mkdir()
    with home(tmp_path / "first") as app:
        small(app)
        before = contents(app, source(app))
        exported(app, wanted, tmp_path / "out")

    def run(folder: Path, observer: Callable[[str], None]) -> None:
        folder.mkdir(exist_ok=True)
        with home(folder, observer) as app:
            if not app.store.accounts.all():
                local_account(app)
            (account,) = app.store.accounts.all()
            imported(app, account, wanted, tmp_path / "out")

    step = 1
    while True:
        folder = tmp_path / str(step)
        ended = child(lambda folder=folder, at=step: run(folder, killed_at(at)))  # type: ignore[misc]
        if ended == 0:
            break
        assert child(lambda folder=folder: run(folder, unobserved)) == 0  # type: ignore[misc]
        with home(folder) as app:
            (account,) = app.store.accounts.all()
            assert contents(app, account) == before, f"killed at step {step}"
        step += 1
    assert step > 20


# --- files of others ---------------------------------------------------------------------------------


def test_maildir_of_dovecot_and_others(tmp_path: Path) -> None:
    root = tmp_path / "Maildir"
    for folder in ("", ".Entw&APw-rfe.2026", "Nested/Deep"):
        for part in ("cur", "new", "tmp"):
            (root / folder / part).mkdir(parents=True)
    (root / "dovecot-keywords").write_text("0 $label1\n1 wichtig\n")

    def mail(name: str, text: str, modified: int) -> None:
        (root / name).write_bytes(text.encode())
        os.utime(root / name, (modified, modified))

    mail("cur/1700000000.M1P2.host,S=9:2,FSb", "Subject: a\n\n", 1_690_000_000)
    mail("cur/1700000000.M2P2.host;2,P", "Subject: b\n\n", 1_800_000_000)
    mail("new/kein-datum", "Subject: c\n\n", 1_600_000_000)
    mail("tmp/1700000000.half", "half", 1_600_000_000)
    mail(".Entw&APw-rfe.2026/cur/1.x:2,D", "Subject: d\n\n", 1_600_000_000)
    mail("Nested/Deep/new/1700000000.y", "Subject: e\n\n", 1_700_000_000)
    os.mkfifo(root / "cur" / "1700000000.pipe:2,")
    (root / "cur" / "1700000000.unreadable:2,S").symlink_to("/etc/hostname")
    (root / "Loop").symlink_to(root)
    with home(tmp_path) as app:
        account = local_account(app)
        told = Told()
        imported(app, account, Format.MAILDIR, root, told)
        assert [(Path(where).name, problem.code) for where, problem in told.said] == [
            ("1700000000.pipe:2,", "files.not_regular"),
            ("1700000000.unreadable:2,S", "files.not_regular"),
            ("Loop", "files.not_regular"),
        ]
        found = {
            name: [
                (app.store.messages.raw(one.message), sorted(one.flags), one.internal_date)
                for one in app.store.messages.lying(app.store.mailboxes.find(account.id, name).id)  # type: ignore[union-attr]
            ]
            for name in ("INBOX", "Entwürfe/2026", "Nested/Deep")
        }
        assert found == {
            "INBOX": [
                (b"Subject: a\n\n", ["\\Flagged", "\\Seen", "wichtig"], 1_690_000_000.0),
                (b"Subject: b\n\n", ["$Forwarded"], 1_700_000_000.0),
                (b"Subject: c\n\n", [], 1_600_000_000.0),
            ],
            "Entwürfe/2026": [(b"Subject: d\n\n", ["\\Draft"], 1.0)],
            "Nested/Deep": [(b"Subject: e\n\n", [], 1_700_000_000.0)],
        }


def test_flags_that_changed_are_brought_up_to_date_in_a_maildir(tmp_path: Path) -> None:
    with home(tmp_path) as app:
        small(app)
        exported(app, Format.MAILDIR, tmp_path / "out")
        inbox = mailbox(app, source(app), "INBOX")
        uid = next(app.store.messages.lying(inbox.id)).uid
        app.store.journal.change_flags([(inbox.id, uid)], frozenset({"\\Flagged"}), frozenset(), "user", 0.0)
        report = next(
            one for one in exported(app, Format.MAILDIR, tmp_path / "out") if one.mailbox == "INBOX"
        )
        assert (report.exported, report.present) == (0, 3)
        target = local_account(app)
        imported(app, target, Format.MAILDIR, tmp_path / "out")
        assert contents(app, target) == contents(app, source(app))


def test_more_keywords_than_a_maildir_has_letters(tmp_path: Path) -> None:
    with home(tmp_path) as app:
        account = local_account(app, "quelle@example.de")
        put(app, account, "INBOX", [(b"A: %d\r\n\r\n" % at, [f"wort{at:02}"], 1e9) for at in range(28)])
        told = Told()
        exported(app, Format.MAILDIR, tmp_path / "out", told)
        assert told.codes == ["export.keywords_lost"] * 2
        exported(app, Format.MBOX, tmp_path / "mbox", told := Told())
        assert told.said == []


def test_the_standard_library_reads_what_we_write(tmp_path: Path) -> None:
    with home(tmp_path) as app:
        small(app)
        exported(app, Format.MAILDIR, tmp_path / "maildir")
        exported(app, Format.MBOX, tmp_path / "mbox")
        read = library.Maildir(tmp_path / "maildir", create=False)
        assert sorted(one["Subject"] for one in read) == ["0", "1", "2"]
        assert {one.get_flags() for one in read} == {"S"}
        assert read.list_folders() == ["Archiv"]
        one_file = library.mbox(tmp_path / "mbox" / "INBOX.mbox", create=False)
        assert [one["Subject"] for one in one_file] == ["0", "1", "2"]
        assert {one.get_flags() for one in one_file} == {"RO"}
        one_file.close()


def test_we_read_what_the_standard_library_writes(tmp_path: Path) -> None:
    made = library.mbox(tmp_path / "Archiv")
    for at in range(3):
        mail = library.mboxMessage(b"Subject: %d\n\nFrom here\n" % at)
        mail.set_flags("RF" if at else "")
        mail.set_from("anna@example.org", (2026, 11, 23, 19, 53, 40 + at, 0, 327, 0))
        made.add(mail)
    made.close()
    with home(tmp_path) as app:
        account = local_account(app)
        imported(app, account, Format.MBOX, tmp_path / "Archiv")
        inside = list(app.store.messages.lying(mailbox(app, account, "Archiv").id))
        assert [int(one.internal_date) for one in inside] == [1_795_463_620 + at for at in range(3)]
        assert [sorted(one.flags) for one in inside] == [[], *[["\\Flagged", "\\Seen"]] * 2]
        assert app.store.messages.raw(inside[0].message).endswith(b"X-Status: \n\nFrom here\n")


def test_folders_of_thunderbird_and_apple(tmp_path: Path) -> None:
    mail = b"From - Mon Nov 23 19:53:40 2026\r\nX-Mozilla-Status: 0001\r\nSubject: %s\r\n\r\n\r\n"
    root = tmp_path / "Mail"
    (root / "Archiv.sbd").mkdir(parents=True)
    (root / "Apfel.mbox").mkdir()
    (root / "Inbox").write_bytes(mail % b"a")
    (root / "Inbox.msf").write_bytes(b"// <!-- <mdb:mork:z")
    (root / "Archiv").write_bytes(b"")
    (root / "Archiv.sbd" / "2025").write_bytes(mail % b"b")
    (root / "Apfel.mbox" / "mbox").write_bytes(mail % b"c")
    with home(tmp_path) as app:
        account = local_account(app)
        imported(app, account, Format.MBOX, root)
        assert {name: len(mails) for name, mails in contents(app, account).items()} == {
            "INBOX": 1,
            "Apfel": 1,
            "Archiv/2025": 1,
        }
        assert contents(app, account)["INBOX"][0][1:] == (("\\Seen",), 1_795_463_620)


def test_broken_mails_are_taken_and_named_and_the_rest_goes_on(tmp_path: Path) -> None:
    root = tmp_path / "eml"
    root.mkdir()
    (root / "1.eml").write_bytes(b"")
    (root / "2.eml").write_bytes(b"no header\n\x00")
    (root / "3.EML").write_bytes(b"Subject: good\nDate: Mon, 23 Nov 2026 19:53:40 +0000\n\ntext\n")
    with (root / "4.eml").open("wb") as file:
        file.truncate(200 << 20)
    (root / "5.eml").symlink_to("/nowhere")
    (root / ".6.eml").write_bytes(b"half written")
    (root / "7.txt").write_bytes(b"no mail")
    with home(tmp_path) as app:
        account = local_account(app)
        told = Told()
        (report,) = imported(app, account, Format.EML, root, told)
        assert [(Path(where).name, problem.code) for where, problem in told.said] == [
            ("1.eml", "import.no_header"),
            ("2.eml", "import.no_header"),
            ("4.eml", "files.too_large"),
            ("5.eml", "files.not_regular"),
        ]
        assert (report.found, report.imported, report.present, report.failed) == (5, 3, 0, 2)
        dates = [one.internal_date for one in app.store.messages.lying(mailbox(app, account, "INBOX").id)]
        assert dates[2] == 1_795_463_620.0
        assert dates[0] == pytest.approx(app.clock.now(), abs=60)
        again = imported(app, account, Format.EML, root)
        assert [(one.imported, one.present) for one in again] == [(0, 3)]


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_a_file_that_may_not_be_read_is_named(tmp_path: Path) -> None:
    root = tmp_path / "eml"
    root.mkdir()
    (root / "1.eml").write_bytes(b"A: b\n\n")
    (root / "1.eml").chmod(stat.S_IWUSR)
    with home(tmp_path) as app:
        told = Told()
        imported(app, local_account(app), Format.EML, root, told)
        assert told.codes == ["files.refused"]


def test_flags_that_imap_has_not_are_named(tmp_path: Path) -> None:
    (tmp_path / "a.mbox").write_bytes(
        b"From x Mon Nov 23 19:53:40 2026\nStatus: R\nX-Keywords: gut sch(lecht \\Recent\nSubject: a\n\n\n"
    )
    with home(tmp_path) as app:
        account = local_account(app)
        told = Told()
        imported(app, account, Format.MBOX, tmp_path / "a.mbox", told)
        assert [str(problem) for _, problem in told.said] == ["import.flags_dropped(flags=sch(lecht)"]
        assert contents(app, account)["a"][0][1] == ("\\Seen", "gut")


def test_everything_into_one_mailbox(tmp_path: Path) -> None:
    with home(tmp_path) as app:
        small(app)
        exported(app, Format.EML, tmp_path / "out")
        account = local_account(app)
        imported(app, account, Format.EML, tmp_path / "out", into="Alt/Import")
        assert {name: len(mails) for name, mails in contents(app, account).items() if mails} == {
            "Alt/Import": 5
        }


@pytest.mark.parametrize(
    ("wanted", "path", "code"),
    [
        (Format.MAILDIR, "nothing", "files.no_source"),
        (Format.MBOX, "nothing", "files.no_source"),
        (Format.EML, "nothing", "files.no_source"),
        (Format.MAILDIR, "", "files.no_maildir"),
        (Format.MBOX, "", "files.no_mbox"),
        (Format.EML, "", "files.no_eml"),
    ],
)
def test_what_is_no_source_is_named(wanted: Format, path: str, code: str, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    with home(tmp_path) as app:
        account = local_account(app)
        with pytest.raises(Misused) as caught:
            imported(app, account, wanted, tmp_path / "empty" / path)
        assert caught.value.problem.code == code


@pytest.mark.parametrize("wanted", [Format.MBOX, Format.EML])
def test_files_of_others_are_never_written_into(wanted: Format, tmp_path: Path) -> None:
    folder = tmp_path / "out"
    (folder / "INBOX").mkdir(parents=True)
    theirs = folder / "INBOX.mbox" if wanted is Format.MBOX else folder / "INBOX" / "1.eml"
    theirs.write_bytes(b"theirs")
    with home(tmp_path) as app:
        small(app)
        told = Told()
        reports = exported(app, wanted, folder, told)
        assert told.codes == ["files.not_ours"]
        assert theirs.read_bytes() == b"theirs"
        assert {one.mailbox: (one.exported, one.failed) for one in reports} == {
            "INBOX": (0, 3),
            "Archiv": (2, 0),
        }


def test_an_mbox_that_was_made_shorter_is_left_alone(tmp_path: Path) -> None:
    with home(tmp_path) as app:
        small(app)
        exported(app, Format.MBOX, tmp_path / "out")
        (tmp_path / "out" / "INBOX.mbox").write_bytes(b"")
        told = Told()
        exported(app, Format.MBOX, tmp_path / "out", told)
        assert told.codes == ["files.changed"]


def test_only_some_mailboxes(tmp_path: Path) -> None:
    with home(tmp_path) as app:
        small(app)

        def run(names: Sequence[str]) -> list[str]:
            done = asyncio.run(
                export_mail(app, source(app), Format.EML, tmp_path / "out", mailboxes=names, tell=Told())
            )
            return [one.mailbox for one in done]

        assert run(["Archiv"]) == ["Archiv"]
        assert run(["inbox"]) == ["INBOX"]
        with pytest.raises(Gone):
            run(["Nirgends"])
