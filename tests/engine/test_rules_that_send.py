"""What rules send, over a real Postfix: redirects, answers, rejections and notes, each once and to nobody who
must not be answered. Answers to a person are held back by memory, everything by a cap.
"""

from __future__ import annotations

import asyncio
import imaplib
from collections.abc import Iterator
from email import message_from_bytes
from email.message import Message
from pathlib import Path

import pytest

from eilbote.config import Config
from eilbote.delivery.values import SendState
from eilbote.engine.app import open_app
from eilbote.engine.owner import sync_accounts
from eilbote.engine.rule_mails import Mailing
from eilbote.engine.stored_mail import StoredMail
from eilbote.mail.mailbox import Flags
from eilbote.secret import Secret
from eilbote.sieve.values import Notify, Position, Reject, Vacation
from eilbote.store.rule_values import LOOK, Send
from eilbote.store.values import AuthKind, NewAccount, Security, Server
from tests.engine.watched import served
from tests.engine.world import World
from tests.servers.dovecot import Dovecot
from tests.servers.postfix import Postfix

AT = Position(1, 1)
SCRIPT = """
require ["vacation", "reject", "enotify", "copy", "fileinto"];
if header :contains "subject" "weiter" { redirect :copy "CHEF"; fileinto "Fort"; }
elsif header :contains "subject" "nur" { redirect "CHEF"; }
elsif header :contains "subject" "nein" { reject "Das nehmen wir hier nicht an."; }
elsif header :contains "subject" "sag" { notify "mailto:CHEF"; }
elsif header :contains "subject" "frei" { vacation :days 7 "Ich bin bis Montag nicht da."; }
"""


@pytest.fixture
def kim(dovecot: Dovecot, postfix: Postfix, tmp_path: Path) -> Iterator[World]:
    """A user with mail on Dovecot who sends through Postfix; rules send to `chef`."""
    user, password = dovecot.new_user()
    config = Config(tmp_path / "home", key_file=str(tmp_path / "key"), check_hour=-1, rule_daily_cap=2)
    with open_app(config) as app:
        address = f"{user}@example.de"
        account = app.store.accounts.add(
            NewAccount(
                address=address,
                name="Kim",
                user=user,
                auth=AuthKind.PASSWORD,
                sealed=app.vault.seal(Secret(password), f"account:{address}"),
                imap=Server(dovecot.host, dovecot.port, Security.NONE),
                smtp=Server(postfix.host, postfix.port, Security.STARTTLS),
                trusted=(postfix.fingerprint,),
            )
        )
        made = World(app, account, dovecot, user)
        made.sync()
        yield made


def rules(kim: World, chef: str) -> None:
    script = SCRIPT.replace("CHEF", chef)
    text = f"[[script]]\nname = \"alles\"\nsieve = '''{script}'''\n"
    kim.app.store.rule_book.save(text, kim.app.store.rule_book.revision(), kim.app.clock.now())


def deliver(
    kim: World, subject: str, sender: str, more: str = "", number: int = 1, arrived: float | None = None
) -> None:
    raw = (
        f"Return-Path: <{sender}>\r\nFrom: Max Muster <{sender}>\r\nTo: {kim.account.address}\r\n{more}"
        f"Subject: {subject}\r\nMessage-ID: <{subject.replace(' ', '')}-{number}@example.com>\r\n"
        "\r\nHallo.\r\n"
    )
    with kim.server.imap(kim.user) as client:
        date = None if arrived is None else imaplib.Time2Internaldate(arrived)
        client.append("INBOX", None, date, raw.encode())


def flags_of(kim: World) -> dict[str, list[Flags]]:
    return {name: [flags for flags, _ in mails.values()] for name, mails in kim.truth().items()}


def refused(kim: World) -> list[str]:
    """What was not done and why, oldest first."""
    runs = kim.app.store.rule_runs.history()
    return [deed.refused for run in reversed(runs) for deed in run.deeds if deed.refused]


def received(postfix: Postfix, address: str, mails: int = 1) -> list[Message]:
    return [message_from_bytes(raw) for raw in postfix.wait_for(address, mails)]


def test_redirects_go_on_as_they_are(kim: World, postfix: Postfix) -> None:
    chef, max_ = postfix.new_address(), postfix.new_address()
    rules(kim, chef)
    deliver(kim, "weiter 1", max_)
    deliver(kim, "nur 1", max_)
    kim.sync()
    got = {str(one["Subject"]): one for one in received(postfix, chef, 2)}
    assert set(got) == {"weiter 1", "nur 1"}
    assert kim.account.address in str(got["nur 1"]["Resent-From"])
    assert got["nur 1"]["X-Eilbote-Forwarded-By"] == kim.account.address
    assert got["nur 1"]["Return-Path"] == f"<{kim.account.address}>"
    # Copied: it lies in Fort. Without: it is thrown away, and can be taken back.
    assert sorted(kim.truth()) == ["Fort", "Trash"]
    kim.sync()
    assert postfix.queued() == []
    assert len(postfix.delivered(chef)) == 2


def test_what_is_redirected_while_it_is_served_leaves_at_once(kim: World, postfix: Postfix) -> None:
    chef = postfix.new_address()
    rules(kim, chef)

    async def serve() -> None:
        async with served(kim.app):
            await asyncio.to_thread(deliver, kim, "nur 1", postfix.new_address())
            await asyncio.to_thread(received, postfix, chef)

    asyncio.run(serve())
    assert len(postfix.delivered(chef)) == 1


def test_loops_end_and_the_mail_stays(kim: World, postfix: Postfix) -> None:
    chef, max_ = postfix.new_address(), postfix.new_address()
    rules(kim, chef)
    deliver(kim, "nur 1", max_, f"X-Eilbote-Forwarded-By: {kim.account.address}\r\n")
    deliver(kim, "nur 2", max_, "Received: by x.example; Mon, 2 Nov 2026 10:00:00 +0100\r\n" * 60)
    deliver(kim, "nur 3", max_, "Auto-Submitted: auto-replied\r\n")
    kim.sync()
    assert refused(kim) == ["seen-before", "too-many-hops", "automatic"]
    assert sorted(kim.truth()) == ["INBOX"]
    rules(kim, kim.account.address)
    deliver(kim, "nur 4", max_)
    kim.sync()
    assert refused(kim)[3:] == ["own"]
    assert len(kim.truth()["INBOX"]) == 4
    assert kim.app.store.outbox.all(kim.account.id) == []


def test_somebody_is_answered_once_and_programs_never(kim: World, postfix: Postfix) -> None:
    max_ = postfix.new_address()
    rules(kim, postfix.new_address())
    for number in (1, 2):
        deliver(kim, "frei", max_, number=number)
        kim.sync()
    deliver(kim, "frei list", max_, "List-Id: <x.example.org>\r\n")
    deliver(kim, "frei bulk", max_, "Precedence: bulk\r\n")
    deliver(kim, "frei auto", max_, "Auto-Submitted: auto-generated\r\n")
    deliver(kim, "frei nobody", "noreply@example.org")
    kim.sync()
    (answer,) = received(postfix, max_)
    assert (answer["Subject"], answer["In-Reply-To"]) == ("Auto: frei", "<frei-1@example.com>")
    assert answer["Auto-Submitted"] == "auto-replied (vacation)"
    # Submission servers of providers refuse the null path.
    assert answer["Return-Path"] == f"<{kim.account.address}>"
    assert "bis Montag nicht da" in str(answer.get_payload(decode=False)) + str(
        answer.get_payload(decode=True)
    )
    assert refused(kim) == ["answered-before", "list", "list", "automatic", "nobody-reads"]
    assert len(kim.truth()["INBOX"]) == 6


def test_rejections_and_notes(kim: World, postfix: Postfix) -> None:
    chef, max_ = postfix.new_address(), postfix.new_address()
    rules(kim, chef)
    deliver(kim, "nein 1", max_)
    deliver(kim, "sag 1", max_)
    kim.sync()
    (notice,) = received(postfix, max_)
    assert notice.get_content_type() == "multipart/report"
    assert "Das nehmen wir hier nicht an." in notice.as_string()
    (note,) = received(postfix, chef)
    assert note["Auto-Submitted"].startswith("auto-notified")
    assert "sag 1" in str(note["Subject"])
    assert {name: len(mails) for name, mails in kim.truth().items()} == {"INBOX": 1, "Trash": 1}


def test_what_did_not_go_on_comes_back_and_is_marked(kim: World, postfix: Postfix) -> None:
    """Nobody has the mail where the server refuses its new recipient for good."""
    nobody = f"nobody@{postfix.new_address().rpartition('@')[2]}"
    rules(kim, nobody)
    deliver(kim, "nur 1", postfix.new_address())
    deliver(kim, "weiter 1", postfix.new_address())
    deliver(kim, "nur 2", nobody, "Auto-Submitted: auto-replied\r\n")
    asyncio.run(sync_accounts(kim.app))
    kim.sync()
    kim.sync()
    lie = {name: sorted(LOOK in flags for flags in found) for name, found in flags_of(kim).items()}
    assert lie == {"INBOX": [False, True], "Fort": [True]}
    runs = kim.app.store.rule_runs.history()
    codes = [run.problem and run.problem.code for run in runs]
    assert codes == [None, "send.refused_recipient", "send.refused_recipient"]
    assert {mail.state for mail in kim.app.store.outbox.all(kim.account.id)} == {SendState.FAILED}


@pytest.mark.parametrize(
    "action",
    [
        Vacation(AT, "h", 86_400, "Bin fort."),
        Reject(AT, "Nein."),
        Notify(AT, "mailto:chef@example.net"),
    ],
    ids=lambda action: type(action).__name__,
)
def test_who_delivers_straight_needs_no_sender(kim: World, action: Vacation | Reject | Notify) -> None:
    """RFC 3834 section 3.3. With a provider between, its server takes nothing without a sender."""
    raw = f"From: max@example.com\r\nTo: {kim.account.address}\r\nSubject: x\r\n\r\nHallo\r\n".encode()
    for direct, sender in ((True, ""), (False, kim.account.address)):
        account = kim.app.store.accounts.update(kim.account.id, direct=direct)
        made = Mailing(kim.app, account).made_by(action, "", StoredMail(1, len(raw), lambda: raw), None)
        assert isinstance(made, Send)
        assert made.mail.sender == sender


def test_a_cap_of_the_day_stops_a_flood_and_the_mail_stays(kim: World, postfix: Postfix) -> None:
    chef, max_ = postfix.new_address(), postfix.new_address()
    rules(kim, chef)
    for number in range(3):
        deliver(kim, f"nur {number}", max_)
    (report,) = asyncio.run(sync_accounts(kim.app))
    assert [problem.code for _, problem in report.problems] == ["rules.sent_enough"]
    received(postfix, chef, 2)
    kim.sync()
    assert [LOOK in flags for flags in flags_of(kim)["INBOX"]] == [True]
    assert len(postfix.delivered(chef)) == 2


def test_nobody_is_written_to_because_of_old_mail(kim: World, postfix: Postfix) -> None:
    """Another program copies old mail into the inbox: it is sorted, and that is all."""
    rules(kim, postfix.new_address())
    for number, days in enumerate((3, 400)):
        arrived = kim.app.clock.now() - days * 86_400
        for subject in ("weiter", "nur", "frei", "nein", "sag"):
            deliver(kim, f"{subject} {number}", postfix.new_address(), number=number, arrived=arrived)
    kim.sync()
    assert kim.app.store.outbox.all(kim.account.id) == []
    assert set(refused(kim)) == {"old"}
    assert {name: len(mails) for name, mails in kim.truth().items()} == {"INBOX": 6, "Fort": 2, "Trash": 2}
