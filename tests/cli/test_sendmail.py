"""`eilbote send` as programs call `sendmail`: cron, mutt, git, msmtp; what they pass, what they rely on."""

from __future__ import annotations

import os
import subprocess
import sys
from email import message_from_bytes, policy
from email.message import EmailMessage
from pathlib import Path

import pytest

from eilbote.config import Config
from eilbote.engine.app import open_app
from tests.cli.running import Result, Runner

KIM, LEA = "kim@example.de", "lea@example.net"
ANNA = "anna@example.org"


def add_account(run: Runner, address: str, name: str = "") -> None:
    added = run(
        *("account", "add", address, "--local", "--smtp", "127.0.0.1:9", "--security", "none"),
        *("--name", name, "--password-stdin"),
        stdin="geheim\n",
    )
    assert added.code == 0, added.err


@pytest.fixture
def run(tmp_path: Path) -> Runner:
    run = Runner(tmp_path / "home")
    add_account(run, KIM, "Kim Beispiel")
    return run


def queued(run: Runner) -> list[tuple[str, list[str], EmailMessage]]:
    """Sender, recipients and content of all in the outbox, oldest first."""
    with open_app(Config(home=run.home, key_file=str(run.home / "key"))) as app:
        mails = app.store.outbox.all()[::-1]
        found = []
        for mail in mails:
            content = message_from_bytes(app.store.outbox.raw(mail.id), policy=policy.default)
            assert isinstance(content, EmailMessage)
            found.append((mail.sender, [one.address for one in mail.recipients], content))
        return found


def body(content: EmailMessage) -> str:
    return str(content.get_content()).replace("\r\n", "\n")


def one(run: Runner) -> tuple[str, list[str], EmailMessage]:
    (found,) = queued(run)
    return found


LETTER = "From: Kim <kim@example.de>\nTo: anna@example.org\nSubject: Hallo\n\nText\n"


@pytest.mark.parametrize(
    ("arguments", "recipients"),
    [
        (("-t",), [ANNA]),
        (("-oi", "-t"), [ANNA]),
        (("-i", "ben@example.com"), ["ben@example.com"]),
        (("-oem", "-oi", "-f", KIM, "--", "ben@example.com"), ["ben@example.com"]),  # mutt
        (("-oi", "-oem", "-N", "failure", "-R", "hdrs", "-f", KIM, "-t"), [ANNA]),
        (("-i", f"-f{KIM}", ANNA, "ben@example.com"), [ANNA, "ben@example.com"]),  # git send-email
        (("-ti",), [ANNA]),
        (("-B8BITMIME", "-odi", "-oem", "-v", "-G", "-t", "ben@example.com"), ["ben@example.com", ANNA]),
        (("-a", "kim", "-t"), [ANNA]),  # msmtp
    ],
)
def test_what_programs_pass(run: Runner, arguments: tuple[str, ...], recipients: list[str]) -> None:
    done = run("send", *arguments, stdin=LETTER)
    assert (done.code, done.err) == (0, "")
    sender, to, content = one(run)
    assert (sender, to) == (KIM, recipients)
    assert content["Subject"] == "Hallo"
    assert body(content) == "Text\n"


def test_cron(tmp_path: Path) -> None:
    """Debian's: `sendmail -FCronDaemon -i -B8BITMIME -oem root`."""
    run = Runner(tmp_path / "home")
    add_account(run, KIM)
    letter = (
        "From: root (Cron Daemon)\nTo: root\nSubject: Cron <root@host> backup\nMIME-Version: 1.0\n"
        "Content-Type: text/plain; charset=UTF-8\nContent-Transfer-Encoding: 8bit\n"
        "X-Cron-Env: <SHELL=/bin/sh>\n"
        "\nfertig: größer\n.\nnoch mehr\n"
    )
    assert (
        run("send", "--as-sendmail", "-FCronDaemon", "-i", "-B8BITMIME", "-oem", "root", stdin=letter).out
        == ""
    )
    sender, to, content = one(run)
    assert (sender, to, content["From"].addresses[0].addr_spec) == (KIM, [KIM], KIM)
    assert content["To"] == f"root <{KIM}>"
    assert content["Date"] and content["Message-ID"].endswith("@example.de>")
    assert body(content) == "fertig: größer\n.\nnoch mehr\n"
    assert content["X-Cron-Env"] == "<SHELL=/bin/sh>"


def test_what_is_missing_is_added_and_what_is_there_stays(run: Runner) -> None:
    run("send", ANNA, stdin="Subject: knapp\n\nText")
    run("send", ANNA, stdin="nur Text\n")
    run(
        "send",
        ANNA,
        stdin="Date: Mon, 02 Nov 2026 10:00:00 +0100\nMessage-ID: <x@y>\nFrom: kim@example.de\n\na\n",
    )
    short, bare, whole = [content for _, _, content in queued(run)]
    for content in (short, bare):
        assert content["Date"] and content["Message-ID"] and content["From"] == f"Kim Beispiel <{KIM}>"
    assert (body(short), body(bare)) == ("Text\n", "nur Text\n")
    assert (whole["Date"], whole["Message-ID"]) == ("Mon, 02 Nov 2026 10:00:00 +0100", "<x@y>")
    assert whole["From"] == KIM


def test_bcc_gets_it_and_is_not_seen(run: Runner) -> None:
    fields = "To: anna@example.org\nBcc: ben@example.com,\n cleo@example.net\nReturn-Path: <z@z.de>\n"
    letter = fields + "Subject: s\n\nText\n"
    run("send", "-t", stdin=letter)
    _, to, content = one(run)
    assert to == [ANNA, "ben@example.com", "cleo@example.net"]
    assert content["Bcc"] is None and content["Return-Path"] is None
    assert (content["Subject"], content["To"]) == ("s", ANNA)


def test_resent_fields_decide_where_there_are_some(run: Runner) -> None:
    run("send", "-t", stdin=f"Resent-To: ben@example.com\nResent-Bcc: cleo@example.net\n{LETTER}")
    assert one(run)[1] == ["ben@example.com", "cleo@example.net"]


def test_a_dot_ends_the_mail(run: Runner) -> None:
    run("send", "-t", stdin=LETTER + ".\nSubject: nicht mehr\n")
    run("send", "-t", stdin=LETTER.replace("\n", "\r\n") + ".\r\nweg")
    run("send", "-t", stdin=LETTER + ".")
    run("send", "-ti", stdin=LETTER + ".\nja\n")
    run("send", "-t", stdin=LETTER + "..\n. \n")
    assert [body(content) for _, _, content in queued(run)] == [
        "Text\n",
        "Text\n",
        "Text\n",
        "Text\n.\nja\n",
        "Text\n..\n. \n",
    ]


def test_the_mail_says_which_account_sends(run: Runner) -> None:
    add_account(run, LEA)
    run("send", "-t", stdin=LETTER)
    run("send", "-t", "-f", LEA, stdin=LETTER)
    run("send", "-t", stdin=LETTER.replace(KIM, LEA))
    run("send", "-t", "-a", LEA, stdin=LETTER.replace(KIM, "fremd@example.com"))
    assert [sender for sender, _, _ in queued(run)] == [KIM, LEA, LEA, LEA]
    lost = run("send", "-t", "--json", stdin=LETTER.replace(KIM, "fremd@example.com"))
    assert (lost.code, lost.error["code"]) == (78, "send.which_account")
    chosen = Runner(run.home, {"EILBOTE_SEND_FROM": LEA})
    told = chosen("send", "-t", stdin=LETTER.replace(KIM, "fremd@example.com"))
    assert told.code == 0
    assert "fremd@example.com" in told.err
    assert queued(run)[-1][0] == LEA


def test_reports_may_be_unwanted(run: Runner) -> None:
    run("send", "-t", "-f", "<>", stdin=LETTER)
    run("send", "-t", "-f", "bounces@example.de", stdin=LETTER)
    assert [sender for sender, _, _ in queued(run)] == ["", "bounces@example.de"]


@pytest.mark.parametrize(
    ("arguments", "stdin", "code", "error"),
    [
        (("-bs",), "", 69, "send.mode_refused"),
        (("-bd",), "", 69, "send.mode_refused"),
        ((), LETTER, 64, "send.nobody"),
        (("-t",), "Subject: niemand\n\nText\n", 65, "compose.no_recipients"),
        (("a b c",), LETTER, 65, "compose.bad_address"),
        (("a@b@c",), LETTER, 65, "compose.bad_address"),
        (("anna@example.org\nRCPT TO:<x@example.org>",), LETTER, 65, "compose.character"),
        (("-t", "-F", "Kim\nBcc: x@example.org"), "To: anna@example.org\n\na\n", 65, "compose.character"),
        (("-t", "-f", "kim@example.de>\nDATA"), LETTER, 65, "compose.character"),
        (("-t", "-a", "niemand"), LETTER, 78, "account.unknown"),
        (("-t", "--nonsense"), LETTER, 64, "cli.no_such_option"),
    ],
)
def test_codes_of_sysexits(
    run: Runner, arguments: tuple[str, ...], stdin: str, code: int, error: str
) -> None:
    done = run("send", "--as-sendmail", *arguments, "--json", stdin=stdin)
    assert (done.code, done.error["code"]) == (code, error)
    assert queued(run) == []


def test_from_names_the_identity_of_a_mail_that_is_handed_over(run: Runner) -> None:
    add_account(run, LEA)
    assert run("send", ANNA, "--json", stdin="Text\n").error["code"] == "send.which_account"
    assert run("send", ANNA, "--from", LEA, stdin="Text\n").code == 0
    assert one(run)[0] == LEA


def test_without_anything_to_read_no_empty_mail_is_sent(run: Runner, tmp_path: Path) -> None:
    call = [sys.executable, "-m", "eilbote.cli.main", "--home", str(run.home), "--json", "send"]
    environ = {"PATH": os.environ["PATH"], "EILBOTE_KEY_FILE": str(tmp_path / "key")}
    for arguments, code in (((ANNA,), 66), (("--to", ANNA), 64)):
        done = subprocess.run(
            ["/bin/sh", "-c", '"$@" <&-', "sh", *call, *arguments],
            env=environ,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        assert (done.returncode, "send.no_input" in done.stderr) == (code, True), done.stderr
    with (tmp_path / "out").open("w") as unreadable:
        done = subprocess.run(
            [*call, ANNA],
            env=environ,
            stdin=unreadable,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
    assert (done.returncode, "send.no_input" in done.stderr) == (66, True), done.stderr
    assert queued(run) == []


def test_without_a_home_none_is_made(tmp_path: Path) -> None:
    run = Runner(tmp_path / "home")
    done = run("send", "-t", "--json", stdin=LETTER)
    assert (done.code, done.error["code"]) == (78, "account.none")
    assert not run.home.exists()


def test_a_mail_that_is_too_large(run: Runner, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("eilbote.engine.send.LARGEST", 1000)
    monkeypatch.setattr("eilbote.engine.submit.LARGEST", 1000)
    done = run("send", "-t", "--json", stdin=LETTER + "x" * 2000)
    assert (done.code, done.error["code"]) == (69, "send.too_large")
    assert queued(run) == []


def test_linked_as_sendmail(run: Runner, tmp_path: Path) -> None:
    link = tmp_path / "sendmail"
    link.symlink_to(Path(sys.executable).with_name("eilbote"))
    environ = {
        **os.environ,
        "EILBOTE_HOME": str(run.home),
        "XDG_CONFIG_HOME": str(run.home.parent / "config"),
    }

    def call(*arguments: str, text: str = LETTER) -> Result:
        done = subprocess.run(
            [link, *arguments], check=False, env=environ, input=text.encode(), capture_output=True
        )
        return Result(done.returncode, done.stdout.decode(), done.stderr.decode(), done.stdout)

    quiet = call("-oi", "-t")
    assert (quiet.code, quiet.out, quiet.err) == (0, "", "")
    assert call("-bs").code == 69
    assert call("root").code == 0
    assert len(queued(run)) == 2


@pytest.mark.parametrize(
    ("arguments", "unwanted"),
    [
        (("send", "-t"), "{'asyncio', 'ssl', 'rich', 'eilbote.net.imap'}"),
        # Whether a domain takes mail is asked of name servers, and of nobody else.
        (("send", "--to", ANNA, "--subject", "s"), "{'rich', 'eilbote.net.imap', 'eilbote.net.smtp'}"),
    ],
)
def test_queueing_loads_little(run: Runner, arguments: tuple[str, ...], unwanted: str) -> None:
    """Cron and scripts call it often; what delivers is loaded by those that deliver."""
    script = (
        "import sys; from eilbote.cli.main import main; code = main(sys.argv[1:]);"
        f"print(code, sorted({unwanted} & set(sys.modules)))"
    )
    environ = {
        **os.environ,
        "EILBOTE_HOME": str(run.home),
        "XDG_CONFIG_HOME": str(run.home.parent / "config"),
        "EILBOTE_DNS_SERVERS": "127.0.0.1:9",
    }
    done = subprocess.run(
        [sys.executable, "-c", script, *arguments],
        check=False,
        env=environ,
        input=LETTER.encode(),
        capture_output=True,
    )
    assert done.stdout.decode().splitlines()[-1] == "0 []", done.stderr
