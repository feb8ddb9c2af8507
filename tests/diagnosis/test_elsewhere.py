"""Mail to others: whether the sending server takes it, whether a server of one's own passes it on for
strangers; and what else stands at the edge of an account: published settings, the answer to a token."""

from __future__ import annotations

import asyncio
import json
from base64 import b64encode
from hashlib import sha256
from pathlib import Path

import pytest
from msgspec.structs import replace

from eilbote.diagnosis.checks.disc import judge_settings
from eilbote.diagnosis.checks.trip import judge_second
from eilbote.diagnosis.domain.relaying import judge_relaying, own_servers
from eilbote.diagnosis.evidence import (
    Evidence,
    Outcome,
    OwnDomain,
    Place,
    Protocol,
    RelayTried,
    SettingsFile,
    Target,
)
from eilbote.diagnosis.ladder import climb
from eilbote.diagnosis.probes import FetchSettings, LookUp, SendToSecond, SendToSelf, TryRelay
from eilbote.diagnosis.transcript import judge_again, read_transcript, shared, written
from eilbote.diagnosis.trips import SecondTrip, Trip
from eilbote.diagnosis.values import Confidence, Verdict
from eilbote.discovery.pacc import fits, read_settings
from eilbote.net.relaying import ask_to_relay
from eilbote.store.values import AuthKind
from tests.diagnosis.clinic import opened_clinic
from tests.diagnosis.peers import Peer
from tests.diagnosis.test_domain_records import answered
from tests.diagnosis.test_judges import SOA, one
from tests.diagnosis.worlds import World

SECOND = "berta@zweitfirma.de"


# --- an address elsewhere ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("reply", "verdict", "cause"),
    [
        ("250 ok", Verdict.PASS, "none.ok"),
        (f"554 5.7.1 <{SECOND}>: Relay access denied", Verdict.FAIL, "relay.denied"),
        ("450 4.7.1 Greylisted, please try again in 300 seconds", Verdict.PASS, "none.ok"),
    ],
)
async def test_smtp10_mail_to_an_address_elsewhere(
    reply: str, verdict: Verdict, cause: str, tmp_path: Path
) -> None:
    smtp = Peer(Protocol.SMTP, elsewhere=reply)
    with opened_clinic(tmp_path) as clinic:
        diagnosed = await clinic.report_on(Peer(), smtp, second=SECOND)
    told = one(diagnosed.report.findings, "SMTP13" if "Greylisted" in reply else "SMTP10")
    assert told.verdict is verdict
    assert diagnosed.report.cause.code == cause
    assert SECOND.encode() in bytes(smtp.heard) and b"DATA" not in bytes(smtp.heard)
    given = written(shared(diagnosed.transcript))
    assert b"berta" not in given and b"zweitfirma" not in given
    assert judge_again(read_transcript(given)).cause.code == cause


async def test_smtp10_nobody_else_is_named_unless_somebody_asks(tmp_path: Path) -> None:
    smtp = Peer(Protocol.SMTP)
    with opened_clinic(tmp_path) as clinic:
        diagnosed = await clinic.report_on(Peer(), smtp)
    assert not [it for it in diagnosed.report.findings if it.id in ("SMTP10", "TRIP09")]
    assert bytes(smtp.heard).count(b"RCPT TO") == 1


COME = Trip(found=("INBOX",), waited=2.0)


@pytest.mark.parametrize(
    ("second", "case", "verdict"),
    [
        (SecondTrip(COME, COME), "", Verdict.PASS),
        (SecondTrip(Trip("imap.login_refused", "no")), "refused", Verdict.WARN),
        (SecondTrip(COME, Trip("smtp.refused", "554 spam")), "refused", Verdict.WARN),
        (SecondTrip(Trip(waited=120.0)), "lost", Verdict.WARN),
        (SecondTrip(COME, replace(COME, damaged=("umlauts",))), "damaged", Verdict.WARN),
        (SecondTrip(COME, replace(COME, found=("Junk",))), "elsewhere", Verdict.WARN),
        (SecondTrip(replace(COME, waited=90.0), COME), "slow", Verdict.WARN),
        (SecondTrip(COME, replace(COME, left=1)), "left", Verdict.WARN),
    ],
)
def test_trip09_a_mail_there_and_one_back(second: SecondTrip, case: str, verdict: Verdict) -> None:
    told = judge_second(second, "anna@firma.de", SECOND)
    assert (told.text.removeprefix("doctor.trip09").lstrip("."), told.verdict) == (case, verdict)


class Sending(World):
    """Mails go out and come; the second one as `second` says."""

    second: Evidence
    first: Trip = COME

    def see(self, probe):  # type: ignore[no-untyped-def]
        if isinstance(probe, SendToSelf):
            return self.first
        return self.second if isinstance(probe, SendToSecond) else super().see(probe)


@pytest.mark.parametrize(("able", "came"), [(True, True), (True, False), (False, True)])
def test_trip09_goes_to_an_account_only_and_after_the_first_has_come(able: bool, came: bool) -> None:
    world = Sending(
        tune=lambda target: replace(target, round_trip=True, second=SECOND, second_is_account=able)
    )
    world.first = COME if came else Trip(waited=9.0)
    world.second = SecondTrip(COME, replace(COME, found=("Junk",)))
    diagnosed = world.diagnose()
    sent = [it for it in world.asked_for if isinstance(it, SendToSelf)]
    told = one(diagnosed.report.findings, "TRIP09")
    assert told.verdict is (Verdict.WARN if able and came else Verdict.SKIP)
    assert not sent  # `Sending` has answered, once each
    again = judge_again(read_transcript(written(diagnosed.transcript)))
    assert again == diagnosed.report
    assert b"berta" not in written(shared(diagnosed.transcript))


# --- a server of one's own ---------------------------------------------------------------------------

TRIED = RelayTried("mx.firma.de", Outcome.OK, "192.0.2.7", "250 ok", "554 5.7.1 Relay access denied", "252 ?")


@pytest.mark.parametrize(
    ("tried", "case", "verdict"),
    [
        (TRIED, "", Verdict.PASS),
        (replace(TRIED, recipient="250 2.1.5 Ok"), "open", Verdict.FAIL),
        (replace(TRIED, recipient="250 2.1.5 Ok", address="192.168.1.7"), "near", Verdict.SKIP),
        (replace(TRIED, recipient="451 4.7.1 later"), "later", Verdict.SKIP),
        (replace(TRIED, verify="250 postmaster"), "verifies", Verdict.WARN),
        (replace(TRIED, outcome=Outcome.TIMEOUT, recipient=""), "not_reached", Verdict.SKIP),
        (replace(TRIED, sender="530 Must issue STARTTLS", recipient=""), "not_reached", Verdict.SKIP),
    ],
)
def test_smtp17_a_server_of_ones_own(tried: RelayTried, case: str, verdict: Verdict) -> None:
    (told,) = judge_relaying({"mx.firma.de": tried})
    assert (told.text.removeprefix("doctor.smtp17").lstrip("."), told.verdict) == (case, verdict)
    assert told.verdict is not Verdict.FAIL or told.confidence is Confidence.LIKELY


def test_smtp17_only_ones_own_servers_and_only_who_asks() -> None:
    hosts = ["mx.firma.de", "mx00.ionos.de"]
    assert own_servers(OwnDomain("firma.de"), hosts) == []
    assert own_servers(OwnDomain("firma.de", relay_to="x@example.com"), hosts) == ["mx.firma.de"]


def test_smtp17_an_open_relay_is_the_cause_from_a_file_and_from_what_is_shared() -> None:
    zone = {**SOA, ("mx.firma.de", "A"): ("93.184.216.34",), ("firma.de", "TXT"): ("v=spf1 mx -all",)}
    target = Target("firma.de", domain=OwnDomain("firma.de", relay_to="x@elsewhere.example.net"))
    world = World(address="firma.de", places=(), tune=lambda _: target)
    see = world.see

    def seen(probe):  # type: ignore[no-untyped-def]
        match probe:
            case LookUp():
                return answered(probe, zone)
            case TryRelay():
                return replace(TRIED, address="93.184.216.34", recipient="250 ok")
            case FetchSettings():
                return SettingsFile("ua-auto-config.firma.de", places=(PLACE,), fits=True)
            case _:
                return see(probe)

    world.see = seen  # type: ignore[method-assign]
    diagnosed = world.diagnose()
    assert one(diagnosed.report.findings, "SMTP17").verdict is Verdict.FAIL
    assert one(diagnosed.report.findings, "DISC05").verdict is Verdict.PASS
    again = judge_again(read_transcript(written(shared(diagnosed.transcript))))
    for check in ("SMTP17", "DISC05"):
        assert one(again.findings, check).verdict is one(diagnosed.report.findings, check).verdict
    assert b"firma" not in written(shared(diagnosed.transcript))


@pytest.mark.parametrize("rcpt", ["", "554 5.7.1 Relay access denied"])
async def test_a_server_is_asked_and_nothing_is_sent(rcpt: str) -> None:
    peer = Peer(Protocol.SMTP, elsewhere=rcpt)
    async with peer.listening():
        place = Place(Protocol.SMTP, "mx.firma.de", peer.port, "none")
        tried = await ask_to_relay(place, "127.0.0.1", "eilbote-test@example.com")
    assert (tried.outcome, tried.sender[:3], tried.recipient[:3]) == (Outcome.OK, "250", rcpt[:3] or "250")
    heard = bytes(peer.heard)
    assert b"MAIL FROM:<>\r\n" in heard and b"RSET" in heard and b"DATA" not in heard


@pytest.mark.parametrize("recipient", ["a@b>\r\nDATA\r\n", "ü@firma.de", "a b@firma.de"])
async def test_no_command_is_smuggled_into_the_question(recipient: str) -> None:
    tried = await ask_to_relay(Place(Protocol.SMTP, "mx", 9, "none"), "127.0.0.1", recipient)
    assert (tried.outcome, tried.sender) == (Outcome.ERROR, "")


async def test_a_server_that_never_ends_its_reply_is_left() -> None:
    ended = asyncio.Event()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            writer.write(b"220-more\r\n" * 500)
            await reader.read()
        except OSError:
            pass
        finally:
            writer.transport.abort()
            ended.set()

    async with await asyncio.start_server(serve, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        tried = await ask_to_relay(Place(Protocol.SMTP, "mx", port, "none"), "127.0.0.1", "x@example.com")
        await asyncio.wait_for(ended.wait(), 5)
    assert tried.outcome is not Outcome.OK


# --- published settings ------------------------------------------------------------------------------

PLACE = Place(Protocol.IMAP, "imap.firma.de", 993, "tls")
FILE = json.dumps(
    {
        "protocols": {
            "imap": {"host": "imap.firma.de"},
            "smtp": {"host": "MAIL.firma.de."},
            "jmap": {"url": "x"},
        }
    }
).encode()


@pytest.mark.parametrize(
    ("settings", "case", "verdict"),
    [
        (SettingsFile("h", "none"), "none", Verdict.INFO),
        (SettingsFile("h", places=(PLACE,), fits=True), "", Verdict.PASS),
        (SettingsFile("h", places=(PLACE,)), "no_digest", Verdict.INFO),
        (SettingsFile("h", places=(PLACE,), fits=False), "differs", Verdict.INFO),
        (SettingsFile("h", "http.refused", reason="404"), "unreadable", Verdict.INFO),
    ],
)
def test_disc05_published_settings(settings: SettingsFile, case: str, verdict: Verdict) -> None:
    (told,) = judge_settings("firma.de", settings)
    assert (told.text.removeprefix("doctor.disc05").lstrip("."), told.verdict) == (case, verdict)
    assert judge_settings("firma.de", None) == []


def test_settings_name_servers_with_tls() -> None:
    named = [(one.protocol.value, one.host, one.port) for one in read_settings(FILE)]
    assert named == [("imap", "imap.firma.de", 993), ("smtp", "mail.firma.de", 465)]
    digest = b64encode(sha256(FILE).digest()).decode()
    assert fits(FILE, [f"v=UAAC1; a=sha256; d={digest}"]) is True
    assert fits(FILE, ["v=spf1 -all", f"v=UAAC1; a=sha256; d={digest[:-2]}A="]) is False
    assert fits(FILE, ["v=UAAC1; a=md5; d=x", ""]) is None


@pytest.mark.parametrize(
    "content", [b"", b"<html>", b"[]", b"{}", b'{"protocols": []}', b"[" * 60_000, b"\xff\xfe"]
)
def test_settings_that_cannot_be_read_name_no_server(content: bytes) -> None:
    with pytest.raises(ValueError, match="no "):
        read_settings(content)


@pytest.mark.parametrize("host", ["../x", "a b", "", 7, None, "[::1]", "x" * 300])
def test_settings_name_no_server_that_is_none(host: object) -> None:
    assert read_settings(json.dumps({"protocols": {"imap": {"host": host}}}).encode()) == ()


def test_disc05_is_asked_for_an_address_of_nobody_here() -> None:
    ladder = climb(Target("anna@firma.de"))
    probes = next(ladder)
    asked = list(probes)
    world = World(address="anna@firma.de", places=())
    while not any(isinstance(it, FetchSettings) for it in asked):
        probes = ladder.send([world.see(it) for it in probes])
        asked += probes
    assert FetchSettings("firma.de") in asked


# --- a token that is refused -------------------------------------------------------------------------


async def test_oa07_the_answer_to_a_token_is_shown_as_it_reads(tmp_path: Path) -> None:
    told = b64encode(b'{"status":"400","schemes":"Bearer","scope":"https://mail.google.com/"}').decode()
    peer = Peer(
        abilities="IMAP4rev1 SASL-IR AUTH=XOAUTH2",
        challenge=told,
        login="NO [AUTHENTICATIONFAILED] Invalid credentials (Failure)",
    )
    with opened_clinic(tmp_path) as clinic:
        diagnosed = await clinic.report_on(peer, auth=AuthKind.OAUTH)
    finding = one(diagnosed.report.findings, "OA07")
    assert finding.verdict is Verdict.INFO
    assert finding.seen == "status=400, schemes=Bearer, scope=https://mail.google.com/"
    assert diagnosed.report.cause.code.startswith("oauth_only.")
    again = judge_again(read_transcript(written(diagnosed.transcript)))
    assert again == diagnosed.report
