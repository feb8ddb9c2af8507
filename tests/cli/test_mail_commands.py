"""Sync, reading and acting from the command line, against the embedded servers."""

from __future__ import annotations

import hashlib
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from eilbote.cli.face import Face
from eilbote.cli.verify import _show as show
from eilbote.engine.verify import VerifyReport
from eilbote.testing.demo import DEMO_PASSWORD
from tests.cli import schema
from tests.cli.running import Runner
from tests.cli.serving import Serving, serving

HOSTILE = (
    b'From: "\x1b]0;pwned\x07Eve" <eve@example.org>\r\n'
    b"To: me@example.org\r\nSubject: =?utf-8?q?=1B[2Jclear=C2=9B?=\r\n"
    b"Message-ID: <hostile@example.org>\r\nDate: Mon, 23 Nov 2026 10:00:00 +0000\r\n"
    b"MIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n"
    b"--b\r\nContent-Type: text/plain\r\n\r\nHello \x1b[31mred\x1b[0m \x9b2J\r\n"
    b'--b\r\nContent-Type: application/pdf; name="../../../etc/passwd"\r\n'
    b'Content-Disposition: attachment; filename="../../../etc/passwd"\r\n\r\n%PDF\r\n--b--\r\n'
)


@pytest.fixture
def mail() -> Iterator[Serving]:
    with serving() as running:
        yield running


@pytest.fixture
def run(tmp_path: Path, mail: Serving) -> Runner:
    """A home with the demo's account, synced."""
    runner = Runner(tmp_path / "home")
    added = runner(
        *("account", "add", mail.servers.user, "--imap", mail.imap, "--security", "none", "--password-stdin"),
        stdin=DEMO_PASSWORD + "\n",
    )
    assert added.code == 0, added.err
    synced = runner("sync", "--json")
    assert synced.code == 0, synced.err
    schema.fits("sync", synced.record)
    return runner


def total(mail: Serving) -> int:
    return mail.on_server(lambda servers: sum(len(box.uids) for box in servers.store.mailboxes.values()))


def test_everything_is_there_after_a_sync(run: Runner, mail: Serving) -> None:
    boxes = run("mailboxes", "--json").records
    for box in boxes:
        schema.fits("mailbox", box)
    assert sum(box["messages"] for box in boxes) == total(mail)
    assert boxes[0]["role"] == "inbox"
    assert {"sent", "drafts", "trash", "junk", "archive"} <= {box["role"] for box in boxes}
    again = run("sync", "--json").record
    assert (again["new"], again["changed"], again["deleted"], again["pushed"]) == (0, 0, 0, 0)
    account = run("account", "list", "--json").record
    assert account["state"] == "ready" and account["synced"]


def test_lists_are_newest_first_and_limited(run: Runner) -> None:
    lines = run("list", "INBOX", "--json", "--limit", "5").records
    for line in lines:
        schema.fits("mail", line)
    assert len(lines) == 5
    received = [line["received"] for line in lines]
    assert received == sorted(received, reverse=True)
    assert len(run("list", "--json").records) == 50
    by_role = run("list", "sent", "--json", "--limit", "3").records
    assert {line["mailbox"] for line in by_role} == {"Gesendet"}


def test_an_unknown_mailbox_is_named(run: Runner) -> None:
    result = run("list", "Nirgends", "--json")
    assert (result.code, result.error["code"]) == (2, "mailbox.unknown")


def test_search_finds_and_limits(run: Runner) -> None:
    found = run("search", "küche", "--json").records
    assert found
    for line in found:
        schema.fits("mail", line)
    assert len(run("search", "küche", "--limit", "1", "--json").records) == 1
    assert run("search", "xyzzyplugh", "--json").records == []


def test_show_raw_thread_and_attachments(run: Runner, tmp_path: Path) -> None:
    line = run("search", "has:attachment", "--limit", "1", "--json").record
    shown = run("show", line["id"], "--json").record
    schema.fits("show", shown)
    raw = run("raw", line["id"])
    assert hashlib.sha256(raw.raw).hexdigest() == line["sha256"]
    assert len(raw.raw) == line["size"]
    assert line["id"] in {each["id"] for each in run("thread", line["id"], "--json").records}
    listed = run("attachments", line["id"], "--json").records
    assert len(listed) == line["attachments"]
    folder = tmp_path / "saved" / "here"
    saved = run("attachments", line["id"], "--save", str(folder), "--json").records
    for each in saved:
        schema.fits("attachment", each)
        assert Path(each["file"]).stat().st_size == each["size"]
    twice = run("attachments", line["id"], "--save", str(folder), "--json").records
    assert not {each["file"] for each in saved} & {each["file"] for each in twice}


@pytest.mark.parametrize(
    ("arguments", "code", "exit_code"),
    [
        (["show", "999999"], "store.no_message", 2),
        (["show", "abc"], "mail.bad_id", 64),
        (["raw", "0"], "mail.bad_id", 64),
        (["archive"], "mail.none_chosen", 64),
        (["move", "1", "--to", "Nirgends"], "mailbox.unknown", 2),
        (["flag", "1", "--add", "two words"], "flag.invalid", 64),
        (["sync", "nobody@example.org"], "account.unknown", 2),
        (["mailboxes", "delete", "Rechnungen"], "mailbox.not_empty", 2),
        (["mailboxes", "delete", "INBOX"], "mailbox.inbox_stays", 64),
    ],
)
def test_mistakes_are_named(run: Runner, arguments: list[str], code: str, exit_code: int) -> None:
    result = run(*arguments, "--json")
    assert (result.error["code"], result.code) == (code, exit_code)


def test_changes_reach_the_server(run: Runner, mail: Serving) -> None:
    line = run("list", "INBOX", "--limit", "1", "--json").record
    changed = run("flag", line["id"], "--flagged", "--add", "$Wichtig", "--json").record
    schema.fits("change", changed)
    steps = run("sync", "--dry-run", "--json").records
    for step in steps:
        schema.fits("step", step)
    assert "push" in {step["step"] for step in steps}
    assert run("sync", "--json").record["pushed"] >= 1
    flags = mail.on_server(lambda servers: servers.store["INBOX"].messages[line["uid"]].flags)
    assert {"\\Flagged", "$Wichtig"} <= flags


def test_a_preview_and_a_conflict_are_told_in_words(run: Runner, mail: Serving) -> None:
    line = run("list", "INBOX", "--limit", "1", "--json").record
    run("flag", line["id"], "--add", "$Wichtig")
    assert "Markierungen +$Wichtig" in run("sync", "--dry-run", "--lang", "de").out
    mail.on_server(lambda servers: servers.store["INBOX"].expunge([line["uid"]]))
    assert run("sync").code == 0
    date, sentence = run("conflicts", terminal=True, columns=80).out.splitlines()
    assert f"mail {line['id']} in INBOX:" in date
    assert sentence == "  Changed here and moved or deleted on the server; there it stays as it is."


def test_a_mailbox_that_is_not_there_says_nothing_of_the_account(run: Runner) -> None:
    assert run("sync", "--mailbox", "Nirgendwo").code == 2
    assert run("account", "list", "--json").record["state"] == "ready"


def test_archive_and_undo(run: Runner) -> None:
    line = run("list", "INBOX", "--limit", "1", "--json").record
    assert run("archive", line["id"]).code == 0
    assert run("show", line["id"], "--json").record["mailbox"] == "Archiv"
    assert run("undo", line["id"]).code == 0
    assert run("show", line["id"], "--json").record["mailbox"] == "INBOX"


def test_mail_chosen_by_a_search(run: Runner) -> None:
    found = run("search", "küche", "--json").records
    changed = run("flag", "--search", "küche", "--add", "kitchen", "--json").record
    assert changed["items"] == len(found)
    assert run("flag", "--search", "xyzzyplugh", "--read").out == "No mail found.\n"


def test_mailboxes_are_made_and_removed(run: Runner, mail: Serving) -> None:
    assert run("mailboxes", "create", "Neu").code == 0
    assert run("mailboxes", "rename", "Neu", "Anders").code == 0
    run("sync")
    assert mail.on_server(lambda servers: "Anders" in servers.store.mailboxes)
    assert run("mailboxes", "delete", "Anders").code == 0
    run("sync")
    assert not mail.on_server(lambda servers: "Anders" in servers.store.mailboxes)


def test_verify_agrees_and_finds_a_difference(run: Runner, mail: Serving) -> None:
    good = run("verify", "--content", "--json")
    assert good.code == 0, good.out + good.err
    for line in good.records:
        schema.fits("verify", line)
        assert line["ok"]
    mail.on_server(lambda servers: servers.store["INBOX"].append(HOSTILE))
    bad = run("verify", "--json")
    assert bad.code == 2
    (inbox,) = [line for line in bad.records if line["mailbox"] == "INBOX"]
    assert (inbox["missing"], inbox["ok"]) == (1, False)
    told = run("verify", "--lang", "de")
    assert "Es gibt Unterschiede" in told.out


def test_verify_tells_of_mail_that_the_server_does_not_give(capsys: pytest.CaptureFixture[str]) -> None:
    show(Face("en"), [VerifyReport("kim@example.de", "INBOX", server=3, store=1, quarantined=2)], False)
    told = capsys.readouterr().out
    assert "2 mails are put aside" in told
    assert "fetches what is missing" not in told


def test_hostile_mail_never_commands_the_terminal(run: Runner, mail: Serving, tmp_path: Path) -> None:
    mail.on_server(lambda servers: servers.store["INBOX"].append(HOSTILE))
    run("sync")
    line = run("search", "from:eve", "--json").record
    for arguments in (["list", "INBOX"], ["show", line["id"]], ["raw", line["id"]], ["thread", line["id"]]):
        shown = run(*arguments, terminal=True).out
        for piece in ("\x1b]0;", "\x1b[2J", "\x9b", "\x07", "\x1b[31mred"):
            assert piece not in shown, (arguments, piece)
    folder = tmp_path / "saved"
    (saved,) = run("attachments", line["id"], "--save", str(folder), "--json").records
    assert Path(saved["file"]).parent == folder


def test_unread_mail_is_bold_on_a_terminal_and_plain_in_a_pipe(run: Runner) -> None:
    run("flag", "--search", "in:INBOX", "--read")
    line = run("list", "INBOX", "--limit", "1", "--json").record
    run("flag", line["id"], "--unread")
    on_terminal = run("list", "INBOX", "--limit", "2", terminal=True, columns=100).out.splitlines()
    assert "\x1b[1" in on_terminal[1] and "\x1b[1" not in on_terminal[2]
    assert "\x1b" not in run("list", "INBOX").out


def test_no_conflicts_yet(run: Runner) -> None:
    assert run("conflicts", "--json").out == ""
    assert run("conflicts", "--lang", "de").out == "Es gab keine Konflikte.\n"


def test_a_server_that_went_away(run: Runner, mail: Serving) -> None:
    mail.on_server(lambda servers: None)
    run("account", "edit", mail.servers.user, "--imap", "127.0.0.1:1", "--security", "none")
    result = run("sync", "--json")
    assert result.code == 3
    assert result.record["failed"]["code"] == "net.refused"
    assert run("list", "--json").records


def test_verify_of_an_account_without_a_connection_is_one_error_and_no_table(
    run: Runner, mail: Serving
) -> None:
    run("account", "edit", mail.servers.user, "--imap", "127.0.0.1:1", "--security", "none")
    result = run("verify")
    assert (result.code, result.out) == (3, "")
    assert result.err.count("Error:") == 1


def test_damaged_mail_is_said_to_come_back_with_a_repair_and_does(run: Runner) -> None:
    (pack,) = (run.home / "packs").glob("*.pack")
    data = pack.read_bytes()
    pack.write_bytes(data[: len(data) // 2])
    result = run("verify", "--content")
    assert result.code == 2
    assert "damaged" in result.out
    assert "eilbote sync" not in result.out
    assert "eilbote verify --repair" in result.out
    healed = run("verify", "--repair")
    assert healed.code == 0, healed.err
    assert "Put right: content: " in healed.out
    for record in run("verify", "--repair", "--content", "--json").records:
        schema.fits("verify", record)
        assert (record["ok"], set(record["healed"].values())) == (True, {0})


def test_modes_of_accounts_and_mailboxes(run: Runner, mail: Serving, tmp_path: Path) -> None:
    user = mail.servers.user
    assert run("account", "settings", user, "--keep", "headers", "--json").record["keep"] == "headers"
    assert run("sync").code == 0
    box = next(one for one in run("mailboxes", "--json").records if one["messages"] > 1)
    listed = run("list", box["name"], "--json").records
    assert not any(one["whole"] for one in listed)
    (inbox,) = [one for one in run("verify", "--json").records if one["mailbox"] == box["name"]]
    assert (inbox["ok"], inbox["left_out"]) == (True, box["messages"])
    assert "in part" in run("verify").out

    first = next(one for one in listed if one["attachments"])
    offline = run("raw", first["id"], "--offline")
    assert (offline.code, offline.out) == (2, "")
    assert "Only a part of mail" in offline.err
    assert "only the headers" in run("show", first["id"], "--offline").out
    parts = run("attachments", first["id"], "--json").records
    for part in parts:
        schema.fits("attachment", part)
    assert parts and all(part["here"] for part in parts), "asked for, and fetched"
    assert run("raw", first["id"]).raw == next(
        message.raw
        for message in mail.servers.store[box["name"]].messages.values()
        if message.uid == first["uid"]
    )
    second = next(one for one in listed if one["id"] != first["id"])
    schema.fits("show", run("show", second["id"], "--json").record)
    assert run("list", box["name"], "--json").records[listed.index(second)]["whole"]

    assert run("account", "settings", user, "--keep", "everything", "--mailbox", box["name"]).code == 0
    assert next(one for one in run("mailboxes", "--json").records if one["keep"])["keep"] == "everything"
    assert "everything" in run("mailboxes").out
    assert "headers, the rest on demand" in run("account", "show", user).out
    assert run("sync").code == 0
    assert all(one["whole"] for one in run("list", box["name"], "--json").records)
    refused = run("account", "settings", user, "--keep", "half", "--json")
    assert (refused.code, refused.error["code"]) == (64, "keep.unknown")
    assert run("account", "settings", user, "--keep", "account", "--json").error["code"] == "keep.unknown"


def test_a_mail_in_part_without_its_server_says_why(run: Runner, mail: Serving) -> None:
    user = mail.servers.user
    run("account", "settings", user, "--keep", "headers")
    run("sync")
    mail_id = run("list", "--json").records[0]["id"]
    run("account", "edit", user, "--imap", "127.0.0.1:1", "--security", "none")
    result = run("raw", mail_id)
    assert result.code == 2
    assert "127.0.0.1" in result.err and "Only a part of mail" in result.err
    shown = run("show", mail_id)
    assert (shown.code, "127.0.0.1" in shown.err) == (1, True)
    assert "only the headers" in shown.out


def test_what_is_in_quarantine_is_shown_with_its_reason(run: Runner) -> None:
    assert "Nothing" in run("quarantine").out
    problem = '{"code": "sync.no_body", "parameters": {"mailbox": "INBOX", "uid": "77"}, "retry_after": null}'
    with closing(sqlite3.connect(run.home / "eilbote.sqlite")) as database, database:
        database.execute(
            "INSERT INTO quarantine SELECT id, 77, ?, 1795000000.0 FROM mailbox WHERE name = 'INBOX'",
            (problem,),
        )
    record = run("quarantine", "--json").record
    schema.fits("quarantine", record)
    assert (record["mailbox"], record["uid"], record["problem"]["code"]) == ("INBOX", 77, "sync.no_body")
    assert "does not give" in " ".join(run("quarantine").out.split())


def test_a_search_over_an_index_that_is_not_complete_says_so(run: Runner) -> None:
    assert run("search", "küche", "--json").err == ""
    (run.home / "search.sqlite").write_bytes(b"no index" * 1000)
    result = run("search", "küche", "--json")
    assert result.error["code"] == "search.behind"
    assert int(result.error["parameters"]["mails"]) > 0
    run("sync")
    again = run("search", "küche", "--json")
    assert again.records and again.err == ""


def test_a_monstrous_head_does_not_fill_the_screen(run: Runner, mail: Serving) -> None:
    people = b", ".join(b"user%d@example.org" % number for number in range(3000))
    monster = b"From: Monster\r\nTo: " + people + b"\r\nSubject: " + b"x" * 100_000 + b"\r\n\r\nSmall.\r\n"
    mail.on_server(lambda servers: servers.store["INBOX"].append(monster))
    run("sync")
    listed = run("list", "INBOX", "--limit", "3")
    assert len(listed.out) < 3000
    line = run("list", "INBOX", "--limit", "1", "--json").record
    assert len(line["to"]) == 3000 and len(line["subject"]) > 5000
    assert line["from"] == "Monster"
    shown = run("show", line["id"])
    assert len(shown.out) < 10_000
    assert "and 2,950 more" in shown.out


def test_a_sync_of_paused_accounts_says_why_nothing_happens(run: Runner, mail: Serving) -> None:
    run("account", "pause", mail.servers.user)
    result = run("sync")
    assert (result.code, result.out) == (0, "")
    assert "paused" in result.err
