"""Drafts from the command line: saved, on the server, edited, sent once."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from eilbote.mail.mailbox import DRAFT, SpecialUse
from eilbote.testing.demo import DEMO_PASSWORD, DemoServers
from eilbote.testing.imap.mailstore import Mailbox
from tests.cli import schema
from tests.cli.running import Runner
from tests.cli.serving import Serving, serving
from tests.cli.test_outbox_commands import ANNA, BEN, read, received


@pytest.fixture
def mail() -> Iterator[Serving]:
    with serving() as servers:
        yield servers


@pytest.fixture
def run(tmp_path: Path, mail: Serving) -> Runner:
    run = Runner(tmp_path / "home")
    servers = mail.servers
    added = run(
        *("account", "add", servers.user, "--imap", mail.imap, "--name", "Kim Beispiel"),
        *("--smtp", f"{servers.smtp_host}:{servers.smtp_port}", "--security", "none", "--password-stdin"),
        stdin=DEMO_PASSWORD + "\n",
    )
    assert added.code == 0, added.err
    assert run("sync").code == 0
    return run


def drafts_box(servers: DemoServers) -> Mailbox:
    (box,) = [box for box in servers.store.mailboxes.values() if box.role is SpecialUse.DRAFTS]
    return box


def on_server(mail: Serving, subject: str) -> list[tuple[frozenset[str], bytes]]:
    """Flags and content of the drafts there with this subject."""

    def look(servers: DemoServers) -> list[tuple[frozenset[str], bytes]]:
        found = [(frozenset(one.flags), one.raw) for one in drafts_box(servers).messages.values()]
        return [(flags, data) for flags, data in found if f"Subject: {subject}".encode() in data]

    return mail.on_server(look)


def test_saved_edited_and_sent(run: Runner, mail: Serving, tmp_path: Path) -> None:
    (tmp_path / "plan.txt").write_text("Plan", encoding="utf-8")
    first = run(
        *("send", "--draft", "--to", ANNA, "--bcc", BEN, "--subject", "Entwurf", "--text", "Eins"),
        *("--attach", str(tmp_path / "plan.txt"), "--json"),
    )
    assert first.code == 0, first.err
    schema.fits("queued", first.record)
    assert first.record["state"] == "draft"
    assert run("outbox", "list", "--json").records == []
    assert run("sync").code == 0
    ((flags, data),) = on_server(mail, "Entwurf")
    assert DRAFT in flags
    assert f"Bcc: {BEN}".encode() in data

    second = run(
        *("send", "--draft", "--from-draft", first.record["id"], "--subject", "Entwurf zwei", "--json"),
    )
    assert second.code == 0, second.err
    assert second.record["id"] != first.record["id"]
    assert run("sync").code == 0
    assert on_server(mail, "Entwurf\r") == []
    assert len(on_server(mail, "Entwurf zwei")) == 1

    queued = run("send", "--from-draft", second.record["id"], "--json")
    assert (queued.code, queued.record["state"]) == (0, "queued")
    again = run("send", "--from-draft", second.record["id"], "--json")
    assert (again.code, again.error["code"]) == (2, "store.no_message")
    assert run("sync").code == 0
    assert on_server(mail, "Entwurf zwei") == []
    (sent,) = received(mail)
    assert sent.recipients == (ANNA, BEN)
    message = read(sent)
    assert (message["Subject"], message["Bcc"]) == ("Entwurf zwei", None)
    assert [part.get_content() for part in message.iter_attachments()] == ["Plan"]
    body = message.get_body()
    assert body is not None and body.get_content().replace("\r\n", "\n") == "Eins\n"


def test_killed_between_queueing_and_deleting_it_is_queued_once(
    run: Runner, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = run("send", "--draft", "--to", ANNA, "--subject", "Einmal", "--text", "x", "--json").record

    def killed(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr("eilbote.engine.act.delete", killed)
        assert run("send", "--from-draft", made["id"]).code == 130
    assert len(run("outbox", "list", "--json").records) == 1
    again = run("send", "--from-draft", made["id"], "--json")
    assert again.code == 0
    (only,) = run("outbox", "list", "--json").records
    assert only["id"] == again.record["id"]
    assert run("list", "drafts", "--json").out.count("Einmal") == 0


def test_an_answer_as_a_draft_marks_what_it_answers(run: Runner, mail: Serving) -> None:
    original = run("list", "INBOX", "--limit", "1", "--json").record
    made = run("send", "--draft", "--reply", original["id"], "--text", "Danke", "--json").record
    run("send", "--from-draft", made["id"])
    assert run("sync").code == 0
    assert "\\Answered" in run("show", original["id"], "--json").record["flags"]
    assert read(received(mail)[0])["In-Reply-To"] == f"<{original['message_id']}>"


def test_a_draft_of_another_program_keeps_its_layout(run: Runner, mail: Serving) -> None:
    html = (
        f"From: {mail.servers.user}\r\nTo: {ANNA}\r\nBcc: {BEN}\r\nSubject: Bunt\r\n"
        "Date: Mon, 02 Nov 2026 10:00:00 +0100\r\nMessage-ID: <alt@example.org>\r\nMIME-Version: 1.0\r\n"
        "Content-Type: text/html; charset=utf-8\r\n\r\n<p>Sehr <b>bunt</b></p>\r\n"
    ).encode()
    mail.on_server(lambda servers: drafts_box(servers).append(html))
    assert run("sync").code == 0
    (draft,) = [one for one in run("list", "drafts", "--json").records if one["subject"] == "Bunt"]
    assert run("send", "--from-draft", draft["id"]).code == 0
    assert run("outbox", "run").code == 0
    (sent,) = received(mail)
    message = read(sent)
    assert sent.recipients == (ANNA, BEN)
    assert "<b>bunt</b>" in message.get_content()
    assert (message["Bcc"], len(message.get_all("Date") or ())) == (None, 1)
    assert message["Message-ID"] != "<alt@example.org>"


def test_what_is_no_draft_is_not_sent(run: Runner) -> None:
    original = run("list", "INBOX", "--limit", "1", "--json").record
    done = run("send", "--from-draft", original["id"], "--json")
    assert (done.code, done.error["code"]) == (64, "draft.none")
    done = run("send", "--draft", "--redirect", original["id"], "--to", ANNA, "--json")
    assert (done.code, done.error["code"]) == (64, "draft.redirect")
    nobody = run("send", "--draft", "--subject", "Noch niemand", "--text", "x", "--json")
    assert nobody.code == 0
    refused = run("send", "--from-draft", nobody.record["id"], "--json")
    assert (refused.code, refused.error["code"]) == (64, "compose.no_recipients")
    assert "Noch niemand" in run("list", "drafts").out
