"""Checks that rest on one small piece of evidence each: the best and the worst that they may say."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from eilbote.clock import SystemClock
from eilbote.diagnosis.checks.box import judge_box
from eilbote.diagnosis.checks.oauth import judge_token_clock
from eilbote.diagnosis.checks.smtp import judge_form
from eilbote.diagnosis.checks.tls import judge_closer
from eilbote.diagnosis.closer import Closer, Handshake
from eilbote.diagnosis.evidence import Box, Conversed, LoggedIn, OddMails, Outcome, OwnDomain, Place, Protocol
from eilbote.diagnosis.finding import found
from eilbote.diagnosis.probes import LogIn, LookCloser
from eilbote.diagnosis.transcript import judge_again, read_transcript, shared, written
from eilbote.diagnosis.values import Finding, Verdict
from eilbote.engine.odd_mails import odd_among
from eilbote.engine.this_machine import misshapen_parts
from eilbote.mail.mailbox import MailboxName, Uid
from eilbote.mail.message import parse_message
from eilbote.net.closer import look_closer
from eilbote.store.values import Placement
from tests.diagnosis.clinic import SHORT, opened_clinic
from tests.diagnosis.peers import Peer, self_signed
from tests.diagnosis.worlds import GOOD_TLS, IMAP, LEAF, MACHINE, NOW, World, good_talk

NO_ENVELOPE = parse_message(b"\r\n").envelope
SOA = {("firma.de", "SOA"): ("x",), ("firma.de", "MX"): ("10 mx.firma.de.",)}
SERVERS = (Place(Protocol.IMAP, "imap.firma.de", 993, "tls"),)


def one(findings: Sequence[Finding], check: str, about: str = "") -> Finding:
    (found_one,) = [it for it in findings if it.id == check and (not about or it.about == about)]
    return found_one


# --- TLS ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("version", "cipher", "verdict"),
    [
        ("TLSv1.3", "TLS_AES_256_GCM_SHA384", Verdict.PASS),
        ("TLSv1.2", "ECDHE-RSA-AES256-GCM-SHA384", Verdict.PASS),
        ("TLSv1.2", "AES256-GCM-SHA384", Verdict.INFO),
    ],
)
def test_tls04_a_key_is_made_anew_or_it_is_told(version: str, cipher: str, verdict: Verdict) -> None:
    talk = good_talk(IMAP, replace(GOOD_TLS, version=version, cipher=cipher))
    report = World(talks={IMAP: talk}).diagnose().report
    assert one(report.findings, "TLS04", str(IMAP)).verdict is verdict


class TwoAddresses(World):
    """A server with two addresses; the second shows what `second` says."""

    second: Conversed

    def see(self, probe):  # type: ignore[no-untyped-def]
        if getattr(probe, "address", "") and type(probe).__name__ == "Converse":
            return replace(self.second, address=probe.address)
        seen = super().see(probe)
        return replace(seen, address="192.0.2.10") if isinstance(seen, Conversed) else seen


OTHER_LEAF = replace(LEAF, fingerprint="cd" * 32)
SELF_SIGNED = replace(GOOD_TLS, verified=False, error="self-signed certificate", chain=(OTHER_LEAF,))


@pytest.mark.parametrize(
    ("second", "verdict"),
    [
        (good_talk(IMAP), Verdict.PASS),
        (good_talk(IMAP, replace(GOOD_TLS, chain=(OTHER_LEAF,))), Verdict.INFO),
        (good_talk(IMAP, SELF_SIGNED), Verdict.WARN),
        (Conversed(IMAP, Outcome.TIMEOUT), None),
    ],
)
def test_tls23_every_address_shows_a_certificate_that_holds(
    second: Conversed, verdict: Verdict | None
) -> None:
    world = TwoAddresses(places=(IMAP,), addresses={IMAP.host: ("192.0.2.10", "2001:db8::10")})
    world.second = second
    diagnosed = world.diagnose()
    told = [it.verdict for it in diagnosed.report.findings if it.id == "TLS23"]
    assert told == ([] if verdict is None else [verdict])
    login = one(diagnosed.report.findings, "AUTH03")
    assert login.verdict is Verdict.PASS  # the first address is good, and so is the login there
    again = judge_again(read_transcript(written(diagnosed.transcript)))
    assert again == diagnosed.report
    assert judge_again(shared(diagnosed.transcript)).cause.code == diagnosed.report.cause.code


SAME, OTHER, REFUSED = Handshake(LEAF.fingerprint, "imap"), Handshake("cd" * 32), Handshake(error="alert")


@pytest.mark.parametrize(
    ("closer", "told"),
    [
        (Closer(SAME, SAME, REFUSED), [("TLS18", "not_needed", Verdict.INFO), ("TLS17", "", Verdict.PASS)]),
        (Closer(OTHER, SAME, SAME), [("TLS18", "needed", Verdict.INFO), ("TLS17", "ignored", Verdict.INFO)]),
        (
            Closer(REFUSED, REFUSED, REFUSED),
            [("TLS18", "needed", Verdict.INFO), ("TLS17", "refused", Verdict.INFO)],
        ),
        (Closer(smuggled=False), [("TLS21", "", Verdict.PASS)]),
        (Closer(smuggled=True), [("TLS21", "smuggled", Verdict.FAIL)]),
        (Closer(), []),
    ],
)
def test_tls17_tls18_tls21_a_closer_look(closer: Closer, told: list[tuple[str, str, Verdict]]) -> None:
    findings = judge_closer(good_talk(IMAP), closer)
    assert [(it.id, it.text.rpartition(".")[2], it.verdict) for it in findings] == told


class Looked(World):
    """A server that was looked at closer."""

    closer: Closer

    def see(self, probe):  # type: ignore[no-untyped-def]
        if isinstance(probe, LookCloser):
            return self.closer
        seen = super().see(probe)
        return replace(seen, address="192.0.2.10") if isinstance(seen, Conversed) else seen


def test_tls21_no_login_follows_where_commands_are_smuggled_in() -> None:
    world = Looked(places=(IMAP,), tune=lambda target: replace(target, deep=True))
    world.closer = Closer(smuggled=True)
    diagnosed = world.diagnose()
    assert diagnosed.report.cause.code == "tls.starttls_smuggled"
    assert not [it for it in world.asked_for if isinstance(it, LogIn)]
    assert judge_again(read_transcript(written(diagnosed.transcript))) == diagnosed.report
    assert judge_again(shared(diagnosed.transcript)).cause.code == diagnosed.report.cause.code
    world = Looked(places=(IMAP,))
    world.diagnose()
    assert not [it for it in world.asked_for if isinstance(it, LookCloser)]  # nobody has asked for it


async def test_a_real_handshake_is_looked_at_closer(tmp_path: Path) -> None:
    peer = Peer(context=self_signed(tmp_path), implicit=True)
    async with peer.listening():
        place = Place(Protocol.IMAP, "localhost", peer.port, "tls")
        closer = await look_closer(place, "127.0.0.1", SHORT, SystemClock())
    assert closer.unnamed is not None and closer.right is not None and closer.wrong is not None
    assert closer.unnamed.fingerprint == closer.right.fingerprint == closer.wrong.fingerprint != ""
    assert closer.smuggled is None and not peer.logins


@pytest.mark.parametrize("careless", [True, False])
async def test_a_command_behind_starttls_is_answered_by_a_careless_server_only(
    careless: bool, tmp_path: Path
) -> None:
    context = self_signed(tmp_path)

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            writer.write(b"* OK ready\r\n")
            await reader.readline()
            smuggled = await reader.readline()  # a sound server throws this away
            writer.write(b"a1 OK begin\r\n")
            await writer.start_tls(context)
            if careless:
                writer.write(smuggled.split()[0] + b" OK done\r\n")
            await reader.read(1)
        except OSError:
            pass
        finally:
            writer.transport.abort()

    async with await asyncio.start_server(serve, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        place = Place(Protocol.IMAP, "localhost", port, "starttls")
        assert (await look_closer(place, "127.0.0.1", SHORT, SystemClock())).smuggled is careless


# --- sending -----------------------------------------------------------------------------------------


def test_smtp16_our_own_form_holds_and_a_careless_one_is_named() -> None:
    assert misshapen_parts() == ()
    assert set(misshapen_parts(lambda content: content)) >= {"dots", "line ends"}
    assert "dots" in misshapen_parts(lambda content: content.replace(b"\n", b"\r\n"))
    assert judge_form(None) == []
    good = World(machine=replace(MACHINE, misshapen=())).diagnose().report
    assert one(good.findings, "SMTP16").verdict is Verdict.PASS
    bad = World(machine=replace(MACHINE, misshapen=("dots",))).diagnose().report
    assert (one(bad.findings, "SMTP16").verdict, bad.cause.code) == (Verdict.FAIL, "server.own_form")


@pytest.mark.parametrize(
    ("direct", "outcome", "verdict"),
    [
        (True, Outcome.OK, Verdict.PASS),
        (True, Outcome.REFUSED, Verdict.PASS),
        (True, Outcome.TIMEOUT, Verdict.WARN),
        (False, Outcome.TIMEOUT, None),
    ],
)
def test_net06_the_way_out_counts_where_mail_goes_directly(
    direct: bool, outcome: Outcome, verdict: Verdict | None
) -> None:
    from eilbote.diagnosis.domain.outbound import judge_way_out

    place = Place(Protocol.SMTP, "mx.firma.de", 25, "starttls")
    findings = judge_way_out(OwnDomain("firma.de", direct=direct), {place.host: Conversed(place, outcome)})
    assert [it.verdict for it in findings] == ([] if verdict is None else [verdict])


# --- signing in --------------------------------------------------------------------------------------


def test_oa08_a_token_needs_a_clock() -> None:
    good = found("ENV01", Verdict.PASS)
    bad = found("ENV01", Verdict.FAIL, "ahead", cause="clock.wrong", length="3 h")
    assert [it.verdict for it in judge_token_clock([good])] == [Verdict.PASS]
    (wrong,) = judge_token_clock([good, bad])
    assert (wrong.verdict, wrong.cause, wrong.parameters["length"]) == (Verdict.FAIL, "clock.wrong", "3 h")
    assert judge_token_clock([]) == []


def test_oa08_is_asked_of_tokens_only() -> None:
    banner = "* OK ready at Mon, 23 Nov 2020 10:00:00 +0000"
    world = World(places=(IMAP,), talks={IMAP: replace(good_talk(IMAP), banner=banner)})
    assert not [it for it in world.diagnose().report.findings if it.id == "OA08"]
    world.tune = lambda target: replace(target, oauth=True)
    report = world.diagnose().report
    assert one(report.findings, "OA08").verdict is Verdict.FAIL
    assert (report.cause.code, report.cause.finding) == ("clock.wrong", "ENV01")


@pytest.mark.parametrize(
    ("user", "oauth", "verdict"),
    [
        ("anna@gmx.de", True, Verdict.PASS),
        ("ANNA@gmx.de", True, Verdict.PASS),
        ("berta@gmx.de", True, Verdict.WARN),
        ("berta@gmx.de", False, None),
    ],
)
def test_auth15_a_token_of_somebody_else_is_named(user: str, oauth: bool, verdict: Verdict | None) -> None:
    able = ("IMAP4REV1", "AUTH=PLAIN", "AUTH=XOAUTH2")
    world = World(places=(IMAP,), tune=lambda target: replace(target, user=user, oauth=oauth))
    world.talks = {IMAP: replace(good_talk(IMAP), before=able, after=able)}
    diagnosed = world.diagnose()
    told = [it.verdict for it in diagnosed.report.findings if it.id == "AUTH15"]
    assert told == ([] if verdict is None else [verdict])
    given = shared(diagnosed.transcript)
    assert b"berta" not in written(given)
    assert judge_again(given).cause.code == diagnosed.report.cause.code


# --- the store ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("told", "case", "verdict"),
    [
        ({"store_read": "whole", "store_schema": 24}, "", Verdict.PASS),
        ({"store_read": "catalogue", "store_schema": 24}, "", Verdict.PASS),
        ({"store_read": "part", "store_schema": 24}, "part", Verdict.INFO),
        ({"store_read": "whole", "store_faults": ("Page 7: bad",)}, "damaged", Verdict.FAIL),
        ({"store_read": "catalogue", "store_faults": ("placement_date",)}, "index", Verdict.FAIL),
        ({"store": "store.damaged"}, "broken", Verdict.FAIL),
    ],
)
def test_env12_the_store_is_told_of_as_far_as_it_was_read(
    told: dict[str, Any], case: str, verdict: Verdict
) -> None:
    report = World(machine=replace(MACHINE, **told)).diagnose().report
    finding = one(report.findings, "ENV12")
    assert (finding.text.removeprefix("doctor.env12").lstrip("."), finding.verdict) == (case, verdict)
    assert (report.cause.code == "server.own_store") is (verdict is Verdict.FAIL)


async def test_env12_reads_the_home_it_runs_in(tmp_path: Path) -> None:
    with opened_clinic(tmp_path) as clinic:
        diagnosed = await clinic.report_on(Peer())
    finding = one(diagnosed.report.findings, "ENV12")
    assert finding.verdict is Verdict.PASS and finding.seen.startswith("whole, schema ")


# --- the mailbox -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("box", "text"),
    [
        (Box(separator="/"), "doctor.imap11.plain"),
        (Box(separator=".", prefix="INBOX."), "doctor.imap11.prefix"),
        (Box(separator=""), "doctor.imap11.flat"),
        (Box(), ""),
    ],
)
def test_imap11_how_mailboxes_are_named(box: Box, text: str) -> None:
    told = [it for it in judge_box(IMAP, box) if it.id == "IMAP11"]
    assert [(it.verdict, it.text) for it in told] == ([(Verdict.INFO, text)] if text else [])


def lying(size: int, date: float) -> Placement:
    return Placement(
        1, 1, "anna@gmx.de", MailboxName("INBOX"), Uid(1), frozenset(), NO_ENVELOPE, date, size, "", 1
    )


def test_box09_odd_mails_are_counted() -> None:
    usual, huge, undated = lying(5_000, NOW), lying(150_000_000, NOW), lying(5_000, 0.0)
    assert odd_among([usual]) == OddMails(1)
    odd = odd_among([usual, huge, undated])
    assert odd == OddMails(3, huge=1, undated=1)
    assert one(judge_box(IMAP, Box(odd=OddMails(1))), "BOX09").verdict is Verdict.PASS
    told = one(judge_box(IMAP, Box(odd=odd)), "BOX09")
    assert (told.verdict, told.text) == (Verdict.INFO, "doctor.box09.some")
    assert not [it for it in judge_box(IMAP, Box(odd=OddMails(0))) if it.id == "BOX09"]


async def test_the_mails_that_are_kept_here_are_looked_at(tmp_path: Path) -> None:
    with opened_clinic(tmp_path) as clinic:
        diagnosed = await clinic.report_on(Peer())
    (login,) = [it.evidence for it in diagnosed.transcript.steps if isinstance(it.evidence, LoggedIn)]
    assert login.box is not None and login.box.odd == OddMails(0)
