"""Files and folders that are not what they seem: pipes, links, folders without end. What can be read is,
the rest is named, nothing hangs and nothing leaves the folder that was named."""

from __future__ import annotations

import asyncio
import errno
import os
import resource
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from eilbote.engine.export_mail import ExportReport, Format, export_mail
from eilbote.engine.import_mail import ImportReport, import_mail
from eilbote.errors import Misused, Unreachable
from eilbote.files import disk
from tests.engine.moving import Told, contents, home, local_account, put

MAIL = b"Subject: a\r\n\r\ntext\r\n"


def exported(folder: Path, wanted: Format, out: Path, told: Told) -> list[ExportReport]:
    """What an account with a mail with a keyword, in its inbox and below, gives."""
    with home(folder) as app:
        account = local_account(app)
        put(app, account, "INBOX", [(MAIL, ["wichtig"], 1e9)])
        put(app, account, "Archiv", [(MAIL, [], 1e9)])
        return asyncio.run(export_mail(app, account, wanted, out, tell=told))


def imported(
    folder: Path, wanted: Format, source: Path, told: Told, into: str | None = None
) -> list[ImportReport]:
    with home(folder) as app:
        accounts = app.store.accounts.all()
        account = accounts[0] if accounts else local_account(app)
        return asyncio.run(import_mail(app, account, wanted, source, mailbox=into, tell=told))


@pytest.mark.timeout(60)
@pytest.mark.parametrize(
    ("wanted", "name"),
    [
        (Format.MBOX, "INBOX.mbox"),
        (Format.MBOX, "INBOX.mbox.index"),
        (Format.EML, "INBOX/index.jsonl"),
        (Format.MAILDIR, "dovecot-keywords"),
    ],
)
@pytest.mark.parametrize("kind", ["pipe", "link"])
def test_an_export_writes_into_no_pipe_and_through_no_link(
    wanted: Format, name: str, kind: str, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    (out / name).parent.mkdir(parents=True)
    if kind == "pipe":
        os.mkfifo(out / name)
    else:
        (out / name).symlink_to(tmp_path / "elsewhere")
    told = Told()
    reports = exported(tmp_path, wanted, out, told)
    assert told.codes == ["files.not_regular"]
    assert {one.mailbox: (one.exported, one.failed) for one in reports} == {"INBOX": (0, 1), "Archiv": (1, 0)}
    assert not (tmp_path / "elsewhere").exists()


def too_long(folder: Path) -> None:
    """Makes folders inside each other whose path is longer than the system takes."""
    above = os.open(folder, os.O_RDONLY)
    for _ in range(20):
        os.mkdir("x" * 250, dir_fd=above)
        inside = os.open("x" * 250, os.O_RDONLY, dir_fd=above)
        os.close(above)
        above = inside
    os.close(above)


@pytest.mark.parametrize("wanted", [Format.MAILDIR, Format.MBOX, Format.EML])
def test_a_folder_that_cannot_be_read_is_named_and_the_rest_goes_on(wanted: Format, tmp_path: Path) -> None:
    exported(tmp_path, wanted, tmp_path / "out", Told())
    too_long(tmp_path / "out")
    told = Told()
    reports = imported(tmp_path / "other", wanted, tmp_path / "out", told)
    assert told.codes == ["files.refused"]
    assert {one.mailbox: one.imported for one in reports} == {"INBOX": 1, "Archiv": 1}


@pytest.mark.parametrize("wanted", [Format.MAILDIR, Format.MBOX, Format.EML])
def test_folders_below_too_many_others_are_named(wanted: Format, tmp_path: Path) -> None:
    exported(tmp_path, wanted, tmp_path / "out", Told())
    (tmp_path / "out" / "/".join(["a"] * 60)).mkdir(parents=True)
    told = Told()
    reports = imported(tmp_path / "other", wanted, tmp_path / "out", told)
    assert told.codes == ["files.too_deep"]
    assert {one.mailbox: one.imported for one in reports} == {"INBOX": 1, "Archiv": 1}


@pytest.mark.parametrize("wanted", [Format.MAILDIR, Format.MBOX, Format.EML])
def test_folders_that_a_link_leads_to_are_named(wanted: Format, tmp_path: Path) -> None:
    exported(tmp_path, wanted, tmp_path / "out", Told())
    exported(tmp_path / "second", wanted, tmp_path / "elsewhere", Told())
    (tmp_path / "out" / ".Linked").symlink_to(tmp_path / "elsewhere")
    (tmp_path / "out" / "loop").symlink_to("loop")
    told = Told()
    reports = imported(tmp_path / "other", wanted, tmp_path / "out", told)
    assert [(Path(where).name, problem.code) for where, problem in told.said] == [
        (".Linked", "files.not_regular")
    ]
    assert {one.mailbox: (one.found, one.imported) for one in reports} == {"INBOX": (1, 1), "Archiv": (1, 1)}


def test_odd_names_of_folders_lose_no_mail(tmp_path: Path) -> None:
    smile = "\U0001f642".encode()
    names = (b".Caf\xe9", b".Gr\xfc\xdfe." + smile, b"...", b".&broken", b".A..b", b".new\nline", b"\x81")
    for number, name in enumerate(names):
        folder = tmp_path / "in" / os.fsdecode(name) / "cur"
        folder.mkdir(parents=True)
        (folder / os.fsdecode(b"\xff%d\n:2,S" % number)).write_bytes(b"Subject: %d\r\n\r\n" % number)
    told = Told()
    reports = imported(tmp_path, Format.MAILDIR, tmp_path / "in", told)
    assert {one.mailbox for one in reports if one.imported == 1} == {
        "Café", "Grüße/\U0001f642", "...", "&broken", "A/b", "new_line", "\N{REPLACEMENT CHARACTER}",
    }  # fmt: skip
    assert set(told.codes) == {"import.renamed"}


@pytest.mark.parametrize("kind", ["pipe", "link"])
def test_a_maildir_whose_list_of_keywords_cannot_be_read_is_named(kind: str, tmp_path: Path) -> None:
    (tmp_path / "in" / "cur").mkdir(parents=True)
    (tmp_path / "in" / "cur" / "1.a:2,Sa").write_bytes(MAIL)
    listed = tmp_path / "in" / "dovecot-keywords"
    os.mkfifo(listed) if kind == "pipe" else listed.symlink_to("/etc/hostname")
    told = Told()
    imported(tmp_path, Format.MAILDIR, tmp_path / "in", told)
    assert told.codes == ["files.not_regular"]
    with home(tmp_path) as app:
        assert contents(app, app.store.accounts.all()[0])["INBOX"][0][1] == ("\\Seen",)


def test_a_folder_whose_mailbox_cannot_be_is_counted_as_failed(tmp_path: Path) -> None:
    for name in ("a", "b ", "x" * 200):
        (tmp_path / "in" / name).mkdir(parents=True)
        (tmp_path / "in" / name / "1.eml").write_bytes(MAIL)
    deep = tmp_path / "in" / "/".join(["y" * 200] * 6)  # a name of more than a thousand signs
    deep.mkdir(parents=True)
    (deep / "1.eml").write_bytes(MAIL)
    (deep / "2.eml").symlink_to("1.eml")
    told = Told()
    reports = imported(tmp_path, Format.EML, tmp_path / "in", told)
    assert told.codes == ["mailbox.bad_name", "files.not_regular"]
    by_name = {one.mailbox: (one.found, one.imported, one.failed) for one in reports}
    assert by_name["/".join(["y" * 200] * 6)] == (2, 0, 2)
    assert by_name["a"] == by_name["b "] == (1, 1, 0)


@pytest.mark.parametrize("name", ["", "a//b", "\x01", "x" * 1001])
def test_a_mailbox_that_cannot_be_ends_the_import_at_once(name: str, tmp_path: Path) -> None:
    (tmp_path / "1.eml").write_bytes(MAIL)
    with pytest.raises(Misused) as caught:
        imported(tmp_path / "home", Format.EML, tmp_path / "1.eml", Told(), into=name)
    assert caught.value.problem.code == "mailbox.bad_name"


def test_equal_mails_of_two_folders_are_two_in_one_mailbox(tmp_path: Path) -> None:
    for name in ("a", "b"):
        (tmp_path / "in" / name).mkdir(parents=True)
        (tmp_path / "in" / name / "1.eml").write_bytes(MAIL)
    for found, present in ((2, 0), (2, 2)):
        (report,) = imported(tmp_path, Format.EML, tmp_path / "in", Told(), into="Alles")
        assert (report.mailbox, report.found, report.present) == ("Alles", found, present)


@contextmanager
def limited_files(size: int) -> Iterator[None]:
    """No file can grow beyond `size` bytes: what is written then fails, at a close too."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


@pytest.mark.parametrize("full", [False, True])
@pytest.mark.parametrize("wanted", [Format.MAILDIR, Format.MBOX, Format.EML])
def test_a_disk_that_takes_no_more(
    wanted: Format, full: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A full one ends the export; where only one file can grow no more, the other mailboxes go on. The
    next run brings what is missing."""
    large = b"Subject: large\r\n\r\n" + b"x" * 400_000
    with home(tmp_path) as app:
        account = local_account(app)
        put(app, account, "INBOX", [(MAIL, ["wichtig"], 1e9), (large, [], 1e9)])
        put(app, account, "Zuletzt", [(MAIL, [], 1e9)])
        before = contents(app, account)

        def export(told: Told) -> dict[str, tuple[int, int]]:
            done = asyncio.run(export_mail(app, account, wanted, tmp_path / "out", tell=told))
            return {one.mailbox: (one.exported + one.present, one.failed) for one in done}

        told = Told()
        with limited_files(200_000):
            if full:
                monkeypatch.setattr(disk, "_FULL", {errno.EFBIG})
                with pytest.raises(Unreachable) as caught:
                    export(told)
                assert caught.value.problem.code == "files.full"
            else:
                assert export(told) == {"INBOX": (0, 2), "Zuletzt": (1, 0)}
                assert told.codes == ["files.refused"]
        assert export(Told()) == {"INBOX": (2, 0), "Zuletzt": (1, 0)}
        target = local_account(app, "ziel@example.de")
        asyncio.run(import_mail(app, target, wanted, tmp_path / "out", tell=Told()))
        assert contents(app, target) == before
