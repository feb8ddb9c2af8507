"""One real mail to oneself, through a real Postfix into a real Dovecot: timed, compared, removed."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from msgspec.structs import replace

from eilbote.diagnosis.probe_mail import damaged_parts, write_probe
from eilbote.diagnosis.trips import SecondTrip, Trip
from eilbote.diagnosis.values import Report, Verdict
from eilbote.engine import diagnose, probing
from eilbote.mail.mailbox import UidSet
from eilbote.net.imap import ImapSession
from eilbote.store.values import AuthKind, NewAccount, Security, Server
from tests.diagnosis.clinic import Clinic, opened_clinic
from tests.servers.dovecot import Dovecot
from tests.servers.postfix import Postfix

Change = Callable[[bytes], bytes]


def untouched(raw: bytes) -> bytes:
    return raw


@contextmanager
def carried(
    postfix: Postfix, dovecot: Dovecot, address: str, user: str, change: Change, copies: int, mailbox: str
) -> Iterator[None]:
    """Carries what Postfix delivers into the mailbox of Dovecot, as the last leg between both."""
    done, stop = len(postfix.delivered(address)), threading.Event()

    def carry() -> None:
        seen = done
        while not stop.wait(0.05):
            mails = postfix.delivered(address)
            for raw in mails[seen:]:
                mail = change(raw.replace(b"\n", b"\r\n"))
                dovecot.append(user, [mail] * copies, mailbox)
            seen = len(mails)

    thread = threading.Thread(target=carry)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join()


class Ward:
    """An account at both servers."""

    def __init__(self, clinic: Clinic, dovecot: Dovecot, postfix: Postfix) -> None:
        self.clinic, self.dovecot, self.postfix = clinic, dovecot, postfix
        self.user, password = dovecot.new_user()
        self.address = postfix.new_address()
        planned = NewAccount(
            address=self.address,
            name="",
            user=self.user,
            auth=AuthKind.PASSWORD,
            sealed=b"",
            imap=Server(dovecot.host, dovecot.tls_port, Security.TLS),
            smtp=Server(postfix.host, postfix.tls_port, Security.TLS),
        )
        from eilbote.engine import setup
        from eilbote.secret import Secret

        account = setup.store_account(clinic.app, planned, Secret(password))
        trusted = (dovecot.fingerprint, postfix.fingerprint)
        clinic.app.store.accounts.update(account.id, trusted=trusted)

    def trip(
        self, change: Change = untouched, copies: int = 1, mailbox: str = "INBOX"
    ) -> tuple[Report, Trip]:
        with carried(self.postfix, self.dovecot, self.address, self.user, change, copies, mailbox):
            told = diagnose.diagnose_account(self.clinic.app, self.address, lambda _: None, round_trip=True)
            diagnosed = asyncio.run(told)
        (trip,) = [one.evidence for one in diagnosed.transcript.steps if isinstance(one.evidence, Trip)]
        return diagnosed.report, trip

    def mails(self) -> int:
        """How many mails lie in all mailboxes, as the server itself counts them."""
        told = self.dovecot.doveadm("mailbox", "status", "-u", self.user, "-t", "messages", "*")
        return int(told.split("=")[-1])


@pytest.fixture
def ward(tmp_path: Path, dovecot: Dovecot, postfix: Postfix) -> Iterator[Ward]:
    with opened_clinic(tmp_path) as clinic:
        yield Ward(clinic, dovecot, postfix)


def verdicts(report: Report) -> dict[str, Verdict]:
    return {one.id: one.verdict for one in report.findings}


def test_a7_15_ten_legs_unharmed_and_none_left_after_20_runs(ward: Ward) -> None:
    for _ in range(20):
        report, trip = ward.trip()
        assert len(trip.legs) == 10, trip.legs
        assert not trip.damaged and trip.found == ("INBOX",) and trip.left == 0
        found = verdicts(report)
        for check in ("TRIP01", "TRIP02", "TRIP06", "TRIP07", "TRIP10", "SMTP07", "SMTP15"):
            assert found[check] is Verdict.PASS, (check, report)
    assert ward.mails() == 0


def test_a_mail_that_was_changed_is_noticed(ward: Ward) -> None:
    report, trip = ward.trip(
        lambda raw: raw.replace("äöü".encode(), b"aou").replace(b"\r\n..\r\n", b"\r\n.\r\n")
    )
    assert set(trip.damaged) >= {"umlauts", "dots"}
    assert report.cause.code == "server.content_changed"


def test_no_other_mail_is_removed_by_a_server_that_finds_every_mail(
    ward: Ward, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def everything(session: ImapSession, *_: object, **__: object) -> UidSet:
        return UidSet.range(1, 49)

    ward.dovecot.append(ward.user, [f"Message-ID: <{n}@example.org>\r\n\r\nmine".encode() for n in range(3)])
    monkeypatch.setattr(ImapSession, "search_uids", everything)
    report, trip = ward.trip()
    assert (trip.found, trip.left) == (("INBOX",), 0)
    assert verdicts(report)["TRIP07"] is Verdict.PASS
    assert ward.mails() == 3


def test_a_mail_that_comes_twice_is_noticed_and_both_are_removed(ward: Ward) -> None:
    report, trip = ward.trip(copies=2)
    assert (trip.found, report.cause.code) == (("INBOX", "INBOX"), "server.doubled")
    assert ward.mails() == 0


def test_a_mail_in_the_spam_folder_is_found_there(ward: Ward) -> None:
    report, trip = ward.trip(mailbox="Junk")
    assert (trip.found, report.cause.code) == (("Junk",), "spam.sorted_away")
    assert ward.mails() == 0


def test_a_mail_that_never_comes_is_given_up(ward: Ward, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(probing, "TRIP_SECONDS", 1.0)
    told = diagnose.diagnose_account(ward.clinic.app, ward.address, lambda _: None, round_trip=True)
    report = asyncio.run(told).report
    assert report.cause.code == "server.mail_lost"


def test_a_mail_to_a_second_account_and_its_answer_come_and_are_removed(ward: Ward) -> None:
    other = Ward(ward.clinic, ward.dovecot, ward.postfix)
    with (
        carried(ward.postfix, ward.dovecot, ward.address, ward.user, untouched, 1, "INBOX"),
        carried(ward.postfix, ward.dovecot, other.address, other.user, untouched, 1, "INBOX"),
    ):
        told = diagnose.diagnose_account(
            ward.clinic.app, ward.address, lambda _: None, round_trip=True, second=other.address
        )
        diagnosed = asyncio.run(told)
    found = verdicts(diagnosed.report)
    assert (found["SMTP10"], found["TRIP01"], found["TRIP09"]) == (Verdict.PASS,) * 3
    assert ward.mails() == other.mails() == 0
    (trip,) = [one.evidence for one in diagnosed.transcript.steps if isinstance(one.evidence, SecondTrip)]
    assert trip.back is not None and not trip.back.damaged and not trip.there.damaged


def test_a_second_account_that_is_refused_is_not_tried_again(ward: Ward) -> None:
    other = Ward(ward.clinic, ward.dovecot, ward.postfix)
    app = ward.clinic.app
    account = app.store.accounts.get(other.address)
    app.store.accounts.update(account.id, user="nobody")
    with carried(ward.postfix, ward.dovecot, ward.address, ward.user, untouched, 1, "INBOX"):
        for verdict in (Verdict.WARN, Verdict.SKIP):
            told = diagnose.diagnose_account(
                app, ward.address, lambda _: None, round_trip=True, second=other.address
            )
            assert verdicts(asyncio.run(told).report)["TRIP09"] is verdict
    assert app.store.refused_logins.count(account.id, 0.0, app.clock.now()) == 1


@pytest.mark.parametrize("eight_bit", [True, False])
def test_the_probe_is_the_same_in_both_encodings(eight_bit: bool) -> None:
    raw = write_probe("anna@example.org", "<x@example.org>", 0.0, bytes(range(256)), eight_bit=eight_bit)
    assert damaged_parts(raw, bytes(range(256))) == ()
    assert raw.isascii() is not eight_bit
    assert max(map(len, raw.split(b"\r\n"))) <= 998 and b"\n" not in raw.replace(b"\r\n", b"")


def test_nothing_is_sent_unless_it_is_asked_for(ward: Ward) -> None:
    told = diagnose.diagnose_account(ward.clinic.app, ward.address, lambda _: None)
    diagnosed = asyncio.run(told)
    assert not [one for one in diagnosed.transcript.steps if isinstance(one.evidence, Trip)]
    assert replace(diagnosed.transcript.target, round_trip=True) != diagnosed.transcript.target
    assert not ward.postfix.delivered(ward.address)
