"""Sending from the command line, end to end: into the outbox, out to a server, and what is told of it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from email import message_from_bytes, policy
from email.message import EmailMessage
from pathlib import Path

import pytest

from eilbote.testing.demo import DEMO_PASSWORD, DemoServers
from eilbote.testing.smtp.sink import Play, Received, Then
from tests.cli import schema
from tests.cli.running import Runner
from tests.cli.serving import Serving, serving

ANNA, BEN = "anna@example.org", "ben@example.com"


@pytest.fixture(scope="module")
def mail() -> Iterator[Serving]:
    with serving() as servers:
        yield servers


@pytest.fixture
def run(tmp_path: Path, mail: Serving) -> Iterator[Runner]:
    run = Runner(tmp_path / "home")
    servers = mail.servers
    added = run(
        *("account", "add", servers.user, "--imap", mail.imap, "--name", "Kim Beispiel"),
        *("--smtp", f"{servers.smtp_host}:{servers.smtp_port}", "--security", "none", "--password-stdin"),
        stdin=DEMO_PASSWORD + "\n",
    )
    assert added.code == 0, added.err
    yield run
    mail.on_server(forget)


def forget(servers: DemoServers) -> None:
    servers.sink.received.clear()
    servers.sink.replies.clear()


def received(mail: Serving) -> list[Received]:
    return mail.on_server(lambda servers: list(servers.sink.received))


def read(one: Received) -> EmailMessage:
    found = message_from_bytes(one.data, policy=policy.default)
    assert isinstance(found, EmailMessage)
    return found


def answer_with(mail: Serving, **replies: str | Play) -> None:
    mail.on_server(lambda servers: servers.sink.replies.update(replies))


def test_written_queued_delivered_and_filed(run: Runner, mail: Serving, tmp_path: Path) -> None:
    plan = tmp_path / "Plan für März.pdf"
    plan.write_bytes(b"%PDF-1.4 plan")
    queued = run(
        *("send", "--to", f"Anna Groß <{ANNA}>", "--cc", BEN, "--bcc", "cleo@example.net", "--json"),
        *("--subject", "Grüße aus Köln", "--text", "Im Anhang der Plan.", "--attach", str(plan)),
        *("--priority", "high"),
    )
    assert (queued.code, queued.err) == (0, "")
    schema.fits("queued", queued.record)
    assert queued.record["state"] == "queued"
    (listed,) = run("outbox", "list", "--json").records
    schema.fits("outgoing", listed)
    assert [one["address"] for one in listed["recipients"]] == [ANNA, BEN, "cleo@example.net"]
    assert received(mail) == []
    done = run("outbox", "run", "--json")
    assert (done.code, done.record["sent"]) == (0, 1)
    schema.fits("delivered", done.record)
    (one,) = received(mail)
    assert one.recipients == (ANNA, BEN, "cleo@example.net")
    message = read(one)
    assert (message["Subject"], message["To"], message["Bcc"]) == (
        "Grüße aus Köln",
        f"Anna Groß <{ANNA}>",
        None,
    )
    assert message["From"] == f"Kim Beispiel <{mail.servers.user}>"
    assert message["Message-ID"] == f"<{queued.record['message_id']}>"
    assert message["X-Priority"] == "1"
    (file,) = message.iter_attachments()
    assert (file.get_filename(), file.get_content_type(), file.get_content()) == (
        "Plan für März.pdf",
        "application/pdf",
        b"%PDF-1.4 plan",
    )
    synced = run("sync", "--json")
    assert synced.code == 0, synced.err
    assert run("outbox", "show", "1", "--json").record["state"] == "done"
    copies = mail.on_server(
        lambda servers: [
            box for name, box in servers.store.mailboxes.items() if name == "Sent" for _ in box.uids
        ]
    )
    assert copies
    (found,) = run("search", "Köln", "in:Sent", "--json").records
    assert found["message_id"] == queued.record["message_id"]


def test_sync_sends_what_is_due_and_says_so(run: Runner, mail: Serving) -> None:
    run("send", "--to", ANNA, "--subject", "Eins", "--text", "Hallo")
    later = run("send", "--to", ANNA, "--subject", "Zwei", "--text", "Hallo", "--delay", "3600", "--json")
    synced = run("sync", "--lang", "de")
    assert synced.code == 0, synced.err
    assert "Postausgang: 1 gesendet." in synced.out
    assert len(received(mail)) == 1
    shown = run("outbox", "show", later.record["id"])
    assert "It is sent on" in shown.out and "outbox cancel 2" in shown.out
    assert run("outbox", "cancel", "2", "--json").record["state"] == "cancelled"
    again = run("outbox", "cancel", "2", "--json")
    assert (again.code, again.error["code"]) == (2, "send.wrong_state")
    assert "is not sent" in run("outbox", "show", "2").out


def test_one_refused_recipient(run: Runner, mail: Serving) -> None:
    answer_with(mail, **{f"RCPT {BEN}": "550 5.1.1 No such user"})
    run("send", "--to", ANNA, "--to", BEN, "--subject", "Teils", "--text", "Hallo")
    done = run("outbox", "run", "--lang", "de")
    assert done.code == 1
    shown = run("outbox", "show", "1", "--transcript", "--json").record
    schema.fits("outgoing", shown)
    by_address = {one["address"]: one for one in shown["recipients"]}
    assert (by_address[BEN]["state"], by_address[BEN]["code"]) == ("failed", 550)
    assert by_address[BEN]["reply"] == "5.1.1 No such user"
    assert by_address[ANNA]["state"] == "sent"
    (attempt,) = shown["transcript"]
    assert any("RCPT TO" in line for line in attempt["lines"])
    assert not any(DEMO_PASSWORD in line for line in attempt["lines"])
    german = run("outbox", "show", "1", "--lang", "de", "--transcript").out
    assert "abgelehnt" in german and "550 5.1.1 No such user" in german
    kept = run.home.parent / "dialogue.txt"
    kept.write_text(german, encoding="utf-8")
    explained = run("logs", "explain", str(kept), "--json").record
    assert [one["cause"] for one in explained["groups"]] == ["recipient.unknown"]


def test_refused_and_tried_again(run: Runner, mail: Serving) -> None:
    answer_with(mail, **{".": "554 5.7.1 Not today"})
    run("send", "--to", ANNA, "--subject", "Nein", "--text", "Hallo")
    assert run("outbox", "run").code == 1
    (listed,) = run("outbox", "list", "--json").records
    assert (listed["state"], listed["problem"]["code"]) == ("failed", "send.refused_recipient")
    assert "Not today" in run("outbox", "show", "1").err
    mail.on_server(lambda servers: servers.sink.replies.clear())
    assert run("outbox", "retry", "1", "--json").record["state"] == "queued"
    assert run("outbox", "run", "--wait", "--json").record["sent"] == 1
    assert run("outbox", "list", "--open", "--json").records[0]["state"] == "sent"
    assert run("sync").code == 0
    assert run("outbox", "list", "--open", "--json").records == []


def test_a_refused_login_pauses_and_is_shown(run: Runner, mail: Serving) -> None:
    answer_with(mail, AUTH="535 5.7.8 Wrong")
    run("send", "--to", ANNA, "--subject", "Pause", "--text", "Hallo")
    assert run("outbox", "run").code == 2
    (listed,) = run("outbox", "list", "--json").records
    assert (listed["state"], listed["attempts"]) == ("deferred", 0)
    shown = run("account", "show", mail.servers.user, "--json").record
    schema.fits("account", shown)
    assert shown["sending_paused"]["problem"]["code"] == "smtp.login_refused"
    assert "Der Versand ruht seit" in run("account", "show", mail.servers.user, "--lang", "de").out
    mail.on_server(lambda servers: servers.sink.replies.clear())
    assert run("outbox", "resume", mail.servers.user, "--json").record["resumed"] is True
    assert run("outbox", "resume", mail.servers.user, "--json").record["resumed"] is False
    assert run("account", "show", mail.servers.user, "--json").record["sending_paused"] is None
    assert run("outbox", "retry", "1").code == 0
    assert run("outbox", "run", "--json").record["sent"] == 1


def test_answers_quote_thread_and_mark(run: Runner, mail: Serving) -> None:
    assert run("sync").code == 0
    original = run("list", "INBOX", "--limit", "1", "--json").record
    run("send", "--reply", original["id"], "--text", "Danke!")
    run("send", "--forward", original["id"], "--to", BEN, "--text", "Zur Kenntnis.")
    run("send", "--forward", original["id"], "--as-attachment", "--to", BEN, "--text", "Ganz.")
    run("send", "--redirect", original["id"], "--to", BEN)
    done = run("outbox", "run", "--json")
    assert (done.code, done.record["sent"]) == (0, 4)
    answer, inline, attached, resent = sorted(received(mail), key=lambda one: order(read(one)))
    assert read(answer)["In-Reply-To"] == f"<{original['message_id']}>"
    body = read(answer).get_body()
    assert body is not None and "Danke!" in body.get_content() and "\n>" in body.get_content()
    assert read(inline)["Subject"].startswith(("Fwd:", "WG:"))
    assert [part.get_content_type() for part in read(attached).iter_attachments()] == ["message/rfc822"]
    assert read(resent)["Message-ID"] == f"<{original['message_id']}>"
    assert BEN in read(resent)["Resent-To"]
    flags = run("show", original["id"], "--json").record["flags"]
    assert {"\\Answered", "$Forwarded"} <= set(flags)


def order(message: EmailMessage) -> int:
    if "Resent-To" in message:
        return 3
    if "In-Reply-To" in message:
        return 0
    return 2 if message.is_multipart() and list(message.iter_attachments()) else 1


def test_pictures_in_markdown(run: Runner, mail: Serving, tmp_path: Path) -> None:
    (tmp_path / "logo.png").write_bytes(b"\x89PNG\r\n\x1a\n")
    run(
        *("send", "--to", ANNA, "--subject", "Bild", "--markdown", "--inline", str(tmp_path / "logo.png")),
        stdin="Das **Logo**: ![Logo](logo.png)\n",
    )
    run("outbox", "run")
    message = read(received(mail)[0])
    html = message.get_body(("html",))
    assert html is not None
    source = html.get_content().split('src="cid:')[1].split('"')[0]
    (picture,) = [part for part in message.walk() if part.get_content_type() == "image/png"]
    assert picture["Content-ID"] == f"<{source}>"


def test_a_key_makes_two_calls_one_mail(run: Runner) -> None:
    call = ("send", "--to", ANNA, "--subject", "Rechnung", "--text", "Hallo", "--key", "r-1", "--json")
    first, second = run(*call), run(*call)
    assert first.record == second.record
    other = run(*call[:-1], "--cc", BEN, "--json")
    assert (other.code, other.error["code"]) == (2, "send.key_reused")
    assert len(run("outbox", "list", "--json").records) == 1


def test_warnings_are_shown_and_stop_nothing(run: Runner) -> None:
    told = run("send", "--to", ANNA, "--subject", "Plan", "--text", "Anbei der Plan.", "--json")
    assert (told.code, told.error["code"]) == (0, "compose.attachment_missing")
    assert told.record["state"] == "queued"


@pytest.mark.parametrize(
    ("arguments", "code", "error"),
    [
        (("--to", "anna"), 64, "compose.no_address"),
        (("--to", ANNA, "--subject", "a\r\nBcc: x@example.org"), 64, "compose.character"),
        (("--to", ANNA, "--attach", "/nowhere/plan.pdf"), 64, "send.no_such_file"),
        (("--to", ANNA, "--attach", "/"), 64, "send.not_a_file"),
        (("--to", ANNA, "--all"), 64, "send.only_with"),
        (("--to", ANNA, "--as-attachment", "--redirect", "1"), 64, "send.not_together"),
        (("--to", ANNA, "--redirect", "1"), 64, "send.not_together"),
        (("--to", ANNA, "--draft", "--at", "8:30"), 64, "send.not_together"),
        (("--to", ANNA, "--from-draft", "1", "--reply", "2"), 64, "send.not_together"),
        (("--to", ANNA, "--check", "--reply", "2"), 64, "send.not_together"),
        ((ANNA, "--markdown"), 64, "send.two_ways"),
        ((ANNA, "--priority", "high"), 64, "send.two_ways"),
        (("--to", ANNA, "--at", "gestern"), 64, "send.bad_time"),
        (("--to", ANNA, "--at", "2020-01-01T00:00:00Z"), 64, "send.past"),
        (("--to", ANNA, "--notify", "always"), 64, "send.bad_notify"),
        (("--to", ANNA, "--reply", "1", "--forward", "2"), 64, "send.one_original"),
        (("--to", ANNA, "--reply", "999999"), 2, "store.no_message"),
        (("--to", ANNA, "--from", "fremd@example.org"), 2, "account.unknown"),
        (("--subject", "Niemand"), 64, "compose.no_recipients"),
        (("--to", ANNA, "-t"), 64, "send.two_ways"),
    ],
)
def test_what_cannot_be_sent_is_named(run: Runner, arguments: tuple[str, ...], code: int, error: str) -> None:
    done = (
        run("send", *arguments, "--text", "Hallo", "--json")
        if "-t" not in arguments
        else run("send", *arguments, "--json")
    )
    assert (done.code, done.error["code"]) == (code, error)
    assert run("outbox", "list", "--json").records == []


def test_text_that_is_no_text(run: Runner) -> None:
    done = run("send", "--to", ANNA, "--json", stdin="M\udcfcll")
    assert (done.code, done.error["code"]) == (64, "send.text_not_utf8")


def test_unknown_mail_of_the_outbox(run: Runner) -> None:
    for command in ("show", "retry", "cancel"):
        done = run("outbox", command, "7", "--json")
        assert (done.code, done.error["code"]) == (2, "send.unknown")
    assert run("outbox", "resolve", "7").code == 64
    assert "empty" in run("outbox", "list").out


def test_a_serving_process_is_asked_to_deliver(run: Runner, mail: Serving, tmp_path: Path) -> None:
    environ = {
        **os.environ,
        "EILBOTE_HOME": str(run.home),
        "XDG_CONFIG_HOME": str(tmp_path / "config"),
        "EILBOTE_LANGUAGE": "en",
    }
    program = Path(sys.executable).with_name("eilbote")
    with subprocess.Popen([program, "serve", "--json"], env=environ, stdout=subprocess.PIPE) as serve:
        try:
            assert serve.stdout is not None
            assert json.loads(serve.stdout.readline())["event"]
            run("send", "--to", ANNA, "--subject", "Durch den anderen", "--text", "Hallo")
            done = run("outbox", "run", "--wait", "--json")
            assert done.code == 0, done.err
            assert [read(one)["Subject"] for one in received(mail)] == ["Durch den anderen"]
        finally:
            serve.terminate()
            serve.communicate(timeout=30)


def test_completion_of_addresses(run: Runner, mail: Serving) -> None:
    assert run("sync").code == 0
    everybody = run("complete", "--json").records
    assert everybody
    for one in everybody:
        schema.fits("contact", one)
    name = everybody[0]["name"].split()[0]
    assert everybody[0]["address"] in run("complete", name[:3]).out
    assert "Niemand gefunden" in run("complete", "xyzzy", "--lang", "de").err


@pytest.mark.parametrize("arrived", [True, False])
def test_an_uncertain_mail_is_settled_by_a_person(run: Runner, mail: Serving, arrived: bool) -> None:
    answer_with(mail, **{".": Play(None, Then.RESET, takes=arrived, times=1)})
    queued = run("send", "--to", ANNA, "--subject", "Unklar", "--text", "Hallo", "--json").record
    done = run("outbox", "run", "--json")
    assert (done.code, done.record["uncertain"]) == (1, 1)
    shown = run("outbox", "show", queued["id"], "--lang", "de")
    assert "Vermutlich gesendet; die Bestätigung fehlt." in shown.out
    assert run("outbox", "run", "--wait", "--json").record["sent"] == 0  # it is never sent again by itself
    refused = run("outbox", "cancel", queued["id"], "--json")
    assert (refused.code, refused.error["code"]) == (2, "send.wrong_state")
    word = "--sent" if arrived else "--resend"
    settled = run("outbox", "resolve", queued["id"], word, "--json")
    schema.fits("outgoing", settled.record)
    assert settled.record["state"] == ("sent" if arrived else "queued")
    run("outbox", "run", "--wait")
    assert [read(one)["Message-ID"] for one in received(mail)] == [f"<{queued['message_id']}>"]
    assert run("outbox", "show", queued["id"], "--json").record["state"] in ("sent", "done")
    again = run("outbox", "resolve", queued["id"], word, "--json")
    assert (again.code, again.error["code"]) == (2, "send.wrong_state")


def test_a_forward_as_a_program_does_it_goes_out_under_the_own_address_and_once(
    run: Runner, mail: Serving
) -> None:
    assert run("sync").code == 0
    original = run("list", "INBOX", "--limit", "1", "--json").record
    forward = ("send", "--forward", original["id"], "--automatic", "--text", "", "--json")
    own = mail.servers.user
    assert run(*forward, "--to", own).code == 0
    assert run("outbox", "run").code == 0
    message = read(received(mail)[0])
    assert own in message["From"]
    assert message["Reply-To"]
    assert message["Auto-Submitted"] == "auto-generated"
    assert message["X-Eilbote-Forwarded-By"] == own
    assert run("sync").code == 0
    back = run("search", f"subject:{original['subject'].split()[0]}", "--limit", "1", "--json").record
    refused = run("send", "--forward", back["id"], "--automatic", "--to", BEN, "--text", "", "--json")
    assert (refused.code, refused.error["code"]) == (2, "send.loop")


def test_the_login_for_sending_is_tried_too(run: Runner, mail: Serving) -> None:
    address = mail.servers.user
    assert run("account", "test", address).code == 0
    answer_with(mail, AUTH="535 5.7.8 Not you")
    refused = run("account", "test", address, "--json")
    assert (refused.code, refused.error["code"]) == (1, "smtp.login_refused")
    assert refused.record["state"] in ("new", "ready"), "mail still comes in"
    mail.on_server(forget)
