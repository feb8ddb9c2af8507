"""export, import and migrate from the command line, against the embedded servers."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from eilbote.testing.demo import DEMO_PASSWORD
from tests.cli import schema
from tests.cli.running import Runner
from tests.cli.serving import Serving, serving


@pytest.fixture
def mail() -> Iterator[Serving]:
    with serving() as running:
        yield running


@pytest.fixture
def run(tmp_path: Path) -> Runner:
    """A home with an account that lives only here."""
    runner = Runner(tmp_path / "home")
    assert runner("account", "add", "hier@example.de", "--local").code == 0
    return runner


@pytest.fixture
def files(tmp_path: Path) -> Path:
    """Three mails in two folders; one of them without a header."""
    folder = tmp_path / "post"
    (folder / "Archiv").mkdir(parents=True)
    (folder / "1.eml").write_bytes(b"Subject: eins\r\nMessage-ID: <1@example.org>\r\n\r\nText\r\n")
    (folder / "2.eml").write_bytes(b"no header")
    (folder / "Archiv" / "3.eml").write_bytes(b"Subject: drei\r\n\r\n")
    return folder


def test_import_and_export(run: Runner, files: Path, tmp_path: Path) -> None:
    done = run("import", "eml", str(files), "--account", "hier@example.de", "--json")
    assert done.code == 1, "a mail was named"
    assert done.error["code"] == "import.no_header"
    assert done.error["about"].endswith("2.eml")
    for line in done.records:
        schema.fits("import", line)
    assert [(line["mailbox"], line["imported"]) for line in done.records] == [("INBOX", 2), ("Archiv", 1)]
    out = tmp_path / "out"
    written = run("export", "mbox", str(out), "--json")
    assert written.code == 0
    for line in written.records:
        schema.fits("export", line)
    assert [(line["path"], line["exported"]) for line in written.records] == [
        (str(out / "INBOX.mbox"), 2),
        (str(out / "Archiv.mbox"), 1),
    ]
    again = run("export", "mbox", str(out), "--account", "hier@example.de")
    assert again.code == 0
    assert again.out.endswith("0 mails written.\n")
    back = run("import", "mbox", str(out), "--account", "hier@example.de")
    assert (back.code, back.out.splitlines()[-1]) == (1, "0 mails taken in.")


def test_german_tables(run: Runner, files: Path) -> None:
    done = run(
        "import", "eml", str(files / "Archiv"), "--account", "hier", "--mailbox", "Alt", "--lang", "de"
    )
    assert done.code == 0
    assert done.out.splitlines()[-1] == "1 Mail aufgenommen."
    assert "Alt" in done.out and "Schon da" in done.out


@pytest.mark.parametrize(
    ("arguments", "code", "error"),
    [
        (("import", "eml", "NOTHING", "--account", "hier@example.de"), 64, "files.no_source"),
        (("import", "eml", "FILES", "--account", "hier@example.de", "--to-server"), 64, "import.no_server"),
        (("import", "eml", "FILES", "--account", "hier", "--mailbox", ""), 64, "mailbox.bad_name"),
        (("export", "eml", "OUT", "--mailbox", "Nirgends"), 2, "mailbox.unknown"),
        (("migrate", "hier@example.de", "hier@example.de"), 64, "migrate.same_account"),
        (("migrate", "hier@example.de", "dort@example.de"), 2, "account.unknown"),
    ],
)
def test_what_cannot_be_is_named(
    arguments: tuple[str, ...], code: int, error: str, run: Runner, files: Path, tmp_path: Path
) -> None:
    places = {"FILES": str(files), "OUT": str(tmp_path / "out"), "NOTHING": str(tmp_path / "nothing")}
    done = run(*(places.get(each, each) for each in arguments), "--json")
    assert (done.code, done.error["code"]) == (code, error)


def test_an_empty_path_is_not_the_folder_where_one_stands(run: Runner) -> None:
    """As of a variable that is not set."""
    for command in (("export", "eml", ""), ("import", "eml", "", "--account", "hier@example.de")):
        done = run(*command)
        assert done.code == 64
        assert "PATH is missing" in done.err


def test_an_unknown_format_is_wrong_usage(run: Runner, files: Path) -> None:
    assert run("import", "pst", str(files), "--account", "hier@example.de").code == 64


def test_import_to_a_server_and_migrate_from_it(run: Runner, files: Path, mail: Serving) -> None:
    added = run(
        *("account", "add", mail.servers.user, "--imap", mail.imap, "--security", "none", "--password-stdin"),
        stdin=DEMO_PASSWORD + "\n",
    )
    assert added.code == 0, added.err
    refused = run("import", "eml", str(files), "--account", mail.servers.user, "--json")
    assert (refused.code, refused.error["code"]) == (64, "import.to_server")
    done = run("import", "eml", str(files), "--account", mail.servers.user, "--to-server", "--json")
    assert done.code == 1
    assert sum(line["imported"] for line in done.records) == 3
    counted = mail.on_server(lambda servers: sum(len(box.uids) for box in servers.store.mailboxes.values()))
    planned = run("migrate", mail.servers.user, "hier@example.de", "--dry-run", "--json")
    assert planned.code == 0
    for line in planned.records:
        schema.fits("migrate", line)
    assert sum(line["copied"] for line in planned.records) == counted
    copied = run("migrate", mail.servers.user, "hier@example.de", "--json")
    assert copied.code == 0, copied.err
    for line in copied.records:
        schema.fits("migrate", line)
        assert line["ok"]
    again = run("migrate", mail.servers.user, "hier@example.de")
    assert again.code == 0
    assert again.out.splitlines()[-1] == "All mail is there."
    there = run("mailboxes", "list", "--account", "hier@example.de", "--json").records
    assert sum(box["messages"] for box in there) == counted
