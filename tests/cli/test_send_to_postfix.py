"""The command line against a real Postfix (STARTTLS, login) and Dovecot: what arrives, what is filed."""

from __future__ import annotations

from email import message_from_bytes, policy
from email.message import EmailMessage
from pathlib import Path

import pytest

from tests.cli.running import Runner
from tests.servers.dovecot import Dovecot
from tests.servers.postfix import Postfix

PASSWORD = "geheim-1"


@pytest.fixture
def run(tmp_path: Path, dovecot: Dovecot, postfix: Postfix) -> Runner:
    user, password = dovecot.new_user()
    run = Runner(tmp_path / "home", {"EILBOTE_LANGUAGE": "en"})
    address = user if "@" in user else f"{user}@example.net"
    run(
        *("account", "add", address, "--user", user, "--imap", f"{dovecot.host}:{dovecot.port}"),
        *("--smtp", f"{postfix.host}:{postfix.port}", "--security", "starttls", "--password-stdin"),
        stdin=f"{password}\n",
    )
    for server in (dovecot, postfix):
        assert run("account", "trust", address, server.fingerprint).code == 0
    assert run("account", "test", address).code == 0
    assert run("sync").code == 0
    return run


def read(raw: bytes) -> EmailMessage:
    found = message_from_bytes(raw, policy=policy.default)
    assert isinstance(found, EmailMessage)
    return found


def test_a_written_mail_arrives_and_is_filed_once(run: Runner, postfix: Postfix, tmp_path: Path) -> None:
    anna, ben = postfix.new_address(), postfix.new_address()
    (tmp_path / "Übersicht.txt").write_text("Zahlen", encoding="utf-8")
    sent = run(
        *("send", "--to", f"Anna Groß <{anna}>", "--bcc", ben, "--subject", "Grüße aus Köln", "--json"),
        *("--text", "Hallo Anna,\n\n.\nbis bald", "--attach", str(tmp_path / "Übersicht.txt")),
    )
    assert sent.code == 0, sent.err
    synced = run("sync", "--json")
    assert (synced.code, synced.record["delivered"]["sent"]) == (0, 1), synced.err
    (here,), (there,) = postfix.wait_for(anna, 1), postfix.wait_for(ben, 1)
    for raw in (here, there):
        message = read(raw)
        assert message["Subject"] == "Grüße aus Köln"
        assert message["To"] == f"Anna Groß <{anna}>"
        assert message["Bcc"] is None and ben.encode() not in raw.partition(b"Message-ID:")[2]
        assert message["Message-ID"] == f"<{sent.record['message_id']}>"
        (file,) = message.iter_attachments()
        assert (file.get_filename(), file.get_content()) == ("Übersicht.txt", "Zahlen")
        body = message.get_body()
        assert body is not None
        assert body.get_content().replace("\r\n", "\n") == "Hallo Anna,\n\n.\nbis bald\n"
    assert run("sync").code == 0
    assert run("outbox", "show", "1", "--json").record["state"] == "done"
    assert [line["ok"] for line in run("verify", "--content", "--json").records] == [True] * len(
        run("verify", "--json").records
    )
    (copy,) = run("list", "Sent", "--json").records
    assert copy["message_id"] == sent.record["message_id"]
    assert b"Bcc" not in run("raw", copy["id"]).raw


def test_a_mail_handed_over_arrives(run: Runner, postfix: Postfix) -> None:
    anna, ben = postfix.new_address(), postfix.new_address()
    letter = f"To: {anna}\nBcc: {ben}\nSubject: fertig\n\nDie Sicherung: größer\n..\nals gestern\n"
    assert run("send", "--as-sendmail", "-oi", "-t", stdin=letter).code == 0
    assert run("outbox", "run", "--wait").code == 0
    for address in (anna, ben):
        (raw,) = postfix.wait_for(address, 1)
        message = read(raw)
        assert message["Bcc"] is None and message["Subject"] == "fertig"
        text = message.get_content().replace("\r\n", "\n")
        assert text == "Die Sicherung: größer\n..\nals gestern\n"


def test_an_unknown_recipient_is_named_and_the_other_gets_it(run: Runner, postfix: Postfix) -> None:
    anna = postfix.new_address()
    run("send", "--to", f"{anna}, niemand@example.org", "--subject", "Teils", "--text", "Hallo")
    done = run("outbox", "run", "--wait", "--json")
    assert (done.code, done.record["refused"]) == (1, 1)
    assert len(postfix.wait_for(anna, 1)) == 1
    shown = run("outbox", "show", "1", "--transcript", "--json").record
    refused = {one["address"]: one for one in shown["recipients"]}["niemand@example.org"]
    assert (refused["state"], refused["code"]) == ("failed", 550)
    lines = "\n".join(line for attempt in shown["transcript"] for line in attempt["lines"])
    assert "STARTTLS" in lines and PASSWORD not in lines
