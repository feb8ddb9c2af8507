"""What the doctor promises whoever asks it: no lock-out, no secret before proof, nobody else asked."""

from __future__ import annotations

import asyncio
import json
import random
import re
import sys
from base64 import b64encode
from collections.abc import Callable, Iterator
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from eilbote.catalogue import Catalogue
from eilbote.diagnosis.evidence import (
    Box,
    Folder,
    LoggedIn,
    Named,
    Outcome,
    Place,
    Protocol,
    Remembered,
    Resolved,
    Searched,
    Target,
)
from eilbote.diagnosis.probes import FetchSettings, LogIn
from eilbote.diagnosis.transcript import judge_again, shared, written
from eilbote.diagnosis.values import Verdict
from eilbote.engine import setup
from eilbote.errors import Problem
from eilbote.net.stream import tls_context
from eilbote.secret import Secret
from eilbote.store.values import AccountState
from tests.diagnosis.clinic import Clinic, opened_clinic
from tests.diagnosis.peers import SECRET, Authority, Peer
from tests.diagnosis.scenario import peers_of
from tests.diagnosis.scenarios_of_tls import certificates, protections
from tests.diagnosis.worlds import IMAP, NOW, SMTP, World, good_talk


@pytest.fixture
def clinic(tmp_path: Path) -> Iterator[Clinic]:
    with opened_clinic(tmp_path) as clinic:
        yield clinic


@pytest.fixture
def trusted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Authority]:
    authority = Authority("Bundesamt für Prüfungen")
    monkeypatch.setenv("SSL_CERT_FILE", str(authority.file(tmp_path)))
    tls_context.cache_clear()
    yield authority
    tls_context.cache_clear()


def office(smtp_only: bool) -> World:
    outlook = Place(Protocol.IMAP, "outlook.office365.com", 993, "tls", "office365")
    sending = Place(Protocol.SMTP, "smtp.office365.com", 587, "starttls", "office365")
    mine = replace(IMAP, host="imap.firma.example", provider="")
    return World(places=(mine if smtp_only else outlook, sending), address="anna@firma.example")


def test_a7_5_a_personal_account_at_microsoft_is_told_of_oauth_without_any_attempt() -> None:
    outlook = Place(Protocol.IMAP, "outlook.office365.com", 993, "tls", "outlook")
    sending = Place(Protocol.SMTP, "smtp-mail.outlook.com", 587, "starttls", "outlook")
    world = World(places=(outlook, sending), address="anna@outlook.com")
    report = world.diagnose().report
    assert report.cause.code == "oauth_only.microsoft" and report.verdict is Verdict.FAIL
    assert not [one for one in world.asked_for if isinstance(one, LogIn)]


def test_a7_5_sending_by_password_at_microsoft_365_is_warned_of_with_its_date() -> None:
    world = office(smtp_only=True)
    world.machine = replace(world.machine, now=1_795_435_200.0)  # 2026-11-23
    report = world.diagnose().report
    assert (report.verdict, report.cause.code) == (Verdict.WARN, "oauth_only.soon")
    assert report.cause.parameters["until"] == "2026-12-31"
    assert [one.place.protocol for one in world.asked_for if isinstance(one, LogIn)] == [
        Protocol.IMAP,
        Protocol.SMTP,
    ]


def test_a7_5_after_that_date_no_password_is_tried_any_more() -> None:
    world = office(smtp_only=True)
    world.machine = replace(world.machine, now=1_800_000_000.0)  # 2027-01-15
    report = world.diagnose().report
    assert (report.verdict, report.cause.code) == (Verdict.FAIL, "oauth_only.microsoft")
    assert [one.place.protocol for one in world.asked_for if isinstance(one, LogIn)] == [Protocol.IMAP]


async def test_a7_6_nobody_is_locked_out_by_ten_runs(clinic: Clinic) -> None:
    imap = Peer(login="NO [AUTHENTICATIONFAILED] Authentication failed.")
    smtp = Peer(Protocol.SMTP, login="535 5.7.8 Error: authentication failed")
    async with imap.listening(), smtp.listening():
        account = await asyncio.to_thread(lambda: clinic.admit(imap=imap.server, smtp=smtp.server))
        before = (0, 0)
        for _ in range(10):
            report = (await clinic.examine(account.address)).report
            assert imap.logins - before[0] <= 1 and smtp.logins - before[1] <= 1
            before = (imap.logins, smtp.logins)
            assert report.cause.code.startswith("password"), report
            assert report.verdict is Verdict.FAIL
    assert 1 <= imap.logins + smtp.logins <= 3


async def test_a7_6_a_login_that_works_may_be_tried_as_often_as_one_likes(clinic: Clinic) -> None:
    imap, smtp = Peer(), Peer(Protocol.SMTP)
    async with imap.listening(), smtp.listening():
        account = await asyncio.to_thread(lambda: clinic.admit(imap=imap.server, smtp=smtp.server))
        for _ in range(10):
            assert (await clinic.examine(account.address)).report.verdict is Verdict.PASS


async def test_a7_6_doctors_at_once_are_counted_together(clinic: Clinic) -> None:
    imap = Peer(login="NO [AUTHENTICATIONFAILED] Authentication failed.")
    smtp = Peer(Protocol.SMTP, login="535 5.7.8 Error: authentication failed")
    async with imap.listening(), smtp.listening():
        account = await asyncio.to_thread(lambda: clinic.admit(imap=imap.server, smtp=smtp.server))
        done = await asyncio.gather(*(clinic.examine(account.address) for _ in range(5)))
    assert imap.logins + smtp.logins == 3
    assert {one.report.verdict for one in done} <= {Verdict.FAIL, Verdict.ERROR}


async def test_a7_6_doctors_at_once_do_not_stop_each_other_where_all_is_well(clinic: Clinic) -> None:
    imap, smtp = Peer(), Peer(Protocol.SMTP)
    async with imap.listening(), smtp.listening():
        account = await asyncio.to_thread(lambda: clinic.admit(imap=imap.server, smtp=smtp.server))
        done = await asyncio.gather(*(clinic.examine(account.address) for _ in range(5)))
    assert {one.report.verdict for one in done} == {Verdict.PASS}


async def test_a7_6_a_login_that_was_cut_off_counts_as_well(clinic: Clinic) -> None:
    """Its answer is not known: the password may have been wrong."""
    imap = Peer(mute=True)
    async with imap.listening():
        account = await asyncio.to_thread(lambda: clinic.admit(imap=imap.server))
        for count in range(1, 4):
            task = asyncio.create_task(clinic.examine(account.address))
            async with asyncio.timeout(20):
                while imap.logins < count:  # noqa: ASYNC110
                    await asyncio.sleep(0.01)
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
        report = (await clinic.examine(account.address)).report
    assert imap.logins == 3
    assert report.cause.code == "rate.own_limit"


async def test_an_answer_that_is_none_does_not_blame_the_password(clinic: Clinic) -> None:
    report = (await clinic.report_on(Peer(untagged="( ( ("))).report
    assert report.cause.code == "server.our_fault"


async def test_a7_6_a_new_password_is_tried_at_once(clinic: Clinic) -> None:
    imap = Peer(login="NO [AUTHENTICATIONFAILED] Authentication failed.")
    async with imap.listening():
        account = await asyncio.to_thread(lambda: clinic.admit(imap=imap.server))
        for _ in range(4):
            await clinic.examine(account.address)
        assert imap.logins == 3
        imap.login = ""
        wanted = setup.Wanted(account.address)
        await asyncio.to_thread(setup.note_change, clinic.app, account.address, wanted, Secret("neu"))
        assert (await clinic.examine(account.address)).report.cause.code == "none.ok"


def secret_forms() -> list[bytes]:
    plain = f"\0anna@example.org\0{SECRET}".encode()
    return [SECRET.encode(), b64encode(plain), b64encode(SECRET.encode())]


async def test_a7_7_no_byte_of_the_secret_leaves_before_a_validated_line(
    clinic: Clinic, trusted: Authority, tmp_path: Path
) -> None:
    tried = 0
    for scenario in (*certificates(tmp_path, trusted), *protections(tmp_path, trusted)):
        if scenario.name == "expires-soon" or not peers_of(scenario):
            continue
        diagnosed = await scenario.run(clinic)
        broken = peers_of(scenario)[-1]
        tried += 1
        assert broken.logins == 0, scenario.name
        for form in secret_forms():
            assert form not in broken.heard, scenario.name
        assert diagnosed.report.verdict is Verdict.FAIL, scenario.name
        # Nor was it asked for: whoever makes the probes need not save the ladder from itself.
        asked = [one.probe.place.port for one in diagnosed.transcript.steps if isinstance(one.probe, LogIn)]
        assert broken.port not in asked, scenario.name
    assert tried >= 24


async def test_a7_8_stripping_injection_and_preauth_are_refused(
    clinic: Clinic, trusted: Authority, tmp_path: Path
) -> None:
    scenarios = [one for one in protections(tmp_path, trusted) if one.group == "starttls"]
    assert len(scenarios) >= 10
    for scenario in scenarios:
        report = (await scenario.run(clinic)).report
        assert report.verdict is Verdict.FAIL, scenario.name
        assert peers_of(scenario)[-1].logins == 0, scenario.name


class Listener:
    """Every connection and every name that is asked for in this process, while it is on."""

    def __init__(self) -> None:
        self.on = False
        self.places: list[Any] = []
        self.names: list[str] = []
        sys.addaudithook(self._hear)

    def _hear(self, event: str, arguments: tuple[Any, ...]) -> None:
        if self.on and event in ("socket.connect", "socket.sendto"):
            self.places.append(arguments[1])
        elif self.on and event == "socket.getaddrinfo":
            self.names.append(str(arguments[0]))


async def test_a7_11_nobody_is_asked_but_dns_and_the_accounts_own_servers(
    clinic: Clinic, trusted: Authority, tmp_path: Path
) -> None:
    listener = Listener()
    stranger = Authority("Fremdes Amt").issue(tmp_path)
    for peers in (
        [Peer(), Peer(Protocol.SMTP)],
        [Peer(login="NO [AUTHENTICATIONFAILED] no")],
        [Peer(context=stranger, implicit=True)],
        [Peer(context=trusted.issue(tmp_path, days=(-90, -3)), implicit=True)],
        [Peer(silent=True)],
    ):
        async with AsyncExitStack() as stack:
            for peer in peers:
                await stack.enter_async_context(peer.listening())
            servers = {peer.protocol: peer.server for peer in peers}
            account = clinic.admit(imap=servers[Protocol.IMAP], smtp=servers.get(Protocol.SMTP))
            listener.on = True
            await clinic.examine(account.address)
            listener.on = False
            await asyncio.to_thread(clinic.app.store.accounts.remove, account.id)
            allowed = {peer.port for peer in peers} | {443, 80}
            assert {place[0] for place in listener.places} == {"127.0.0.1"}
            assert {place[1] for place in listener.places} <= allowed
            listener.places.clear()
    assert set(listener.names) <= {"127.0.0.1"}


def random_word(chance: random.Random) -> str:
    return "".join(chance.choice("abcdefghijkmnpqrstuvwxyz") for _ in range(chance.randint(8, 14)))


def test_a7_12_what_is_shared_names_nobody_in_1000_random_accounts() -> None:
    chance = random.Random(7)
    for _ in range(1000):
        local, user, secret, folder, friend = (random_word(chance) for _ in range(5))
        domain = f"{random_word(chance)}.{chance.choice(('example', 'test', 'firma.example'))}"
        token = b64encode(chance.randbytes(48)).decode()
        number = ".".join(str(chance.randint(11, 120)) for _ in range(4))
        address = f"{local}@{domain}"
        imap = Place(Protocol.IMAP, f"imap.{domain}", 993, "tls")
        smtp = Place(Protocol.SMTP, f"mail.{domain}", 465, "tls")
        said = (
            f"> a1 LOGIN {user} (secret)",
            f"< a1 NO [AUTHENTICATIONFAILED] {user} at {domain} with {token} from {number}",
            f"< a1 NO forwarded to {friend}@{friend}.example",
            f'< * LIST () "/" "{folder}"',
            f"< * 1 FETCH (ENVELOPE (Subject {secret}))",
        )
        login = LoggedIn(
            imap, "imap.login_refused", f"<{address}> refused for {user}", "AUTHENTICATIONFAILED", said
        )
        box = Box(folders=(Folder(folder, "", 3), Folder(f"INBOX/{folder}")))
        world = World(
            places=(imap, smtp),
            address=address,
            logins={imap: login, smtp: LoggedIn(smtp, box=box)},
            talks={smtp: replace(good_talk(smtp), banner=f"220 mx01.rz.{domain} ESMTP, {address}")},
            names={smtp.host: Resolved(smtp.host, Outcome.OK, (number,))},
            tune=lambda target, name=user: replace(target, user=name, trusted=("ab" * 32,)),  # type: ignore[misc]
        )
        told = written(shared(world.diagnose().transcript)).decode()
        hits = [
            word
            for word in (
                local,
                user,
                secret,
                folder,
                friend,
                domain,
                address,
                token,
                number,
                imap.host,
                "ab" * 32,
            )
            if word in told
        ]
        assert not hits, told


def test_a7_12_a_name_that_is_a_word_does_not_change_what_servers_say() -> None:
    login = LoggedIn(SMTP, "smtp.login_refused", "450 Mail send limit exceeded.")
    world = World(address="mail@firma.example", places=(SMTP,), logins={SMTP: login})
    transcript = world.diagnose().transcript
    told = written(shared(transcript)).decode()
    assert "Mail send limit exceeded" in told and "firma.example" not in told


@pytest.mark.parametrize(
    ("domain", "wire"),
    [("kanzlei.example", "kanzlei.example"), ("großkanzlei.example", "xn--grokanzlei-73a.example")],
)
def test_a7_17_a_domain_that_is_a_host_as_well_is_hidden_as_the_domain(domain: str, wire: str) -> None:
    """Its own name is guessed to be a server; what is shared of such a search is judged again."""
    itself = Named("guess", Place(Protocol.IMAP, wire, 993, "tls"), problem="net.refused")
    world = World(
        places=(),
        address=f"anna@{domain}",
        searched=Searched(named=(itself,), problem="account.servers_unknown"),
        tune=lambda target: replace(target, is_account=False),
    )
    diagnosed = world.diagnose()
    # ß is no ss: a name is asked for as it is on the wire, else somebody else is asked.
    assert [one.domain for one in world.asked_for if isinstance(one, FetchSettings)] == [wire]
    told = shared(diagnosed.transcript)
    assert b"kanzlei" not in written(told)
    assert judge_again(told).cause.code == diagnosed.report.cause.code


def test_a7_12_two_sent_mailboxes_are_told_without_the_name_of_a_third() -> None:
    names = ("INBOX.Sent", "Gesendet", "Sent to Berta", "Gesendet an Berta", "Berta/Sent Items")
    box = Box(folders=tuple(Folder(one, "", 3) for one in names))
    world = World(logins={IMAP: LoggedIn(IMAP, box=box)})
    told = shared(world.diagnose().transcript)
    assert b"Berta" not in written(told)
    assert "BOX02" in {one.id for one in judge_again(told).findings if one.verdict is Verdict.WARN}


def test_a7_12_hosts_of_known_providers_stay() -> None:
    told = written(shared(World().diagnose().transcript)).decode()
    assert "imap.gmx.net" in told and "anna" not in told


async def test_a_refused_account_is_judged_by_its_remembered_answer(clinic: Clinic) -> None:
    """`account add` was refused a moment ago in words with one meaning: nothing is gained by another try."""
    imap = Peer(login="NO [ALERT] Application-specific password required: https://x.example/1 (Failure)")
    async with imap.listening():
        account = await asyncio.to_thread(lambda: clinic.admit("anna@gmail.com", imap=imap.server))
        tested = await setup.test_account(clinic.app, account.address)
        assert tested.account.state is AccountState.FAILING and imap.logins == 1
        report = (await clinic.examine(account.address)).report
        assert report.cause.code == "app_password.google"
        assert imap.logins == 1


def test_an_answer_of_long_ago_is_tried_again() -> None:
    old = Remembered("imap.login_refused", "Your password has expired", "EXPIRED", Protocol.IMAP)
    world = World(tune=lambda target: replace(target, remembered=old))
    assert world.diagnose().report.cause.code == "none.ok"
    assert [one for one in world.asked_for if isinstance(one, LogIn)]


async def test_an_account_that_works_again_is_failing_no_longer(clinic: Clinic) -> None:
    imap = Peer(login="NO [AUTHENTICATIONFAILED] Authentication failed.")
    async with imap.listening():
        account = await asyncio.to_thread(lambda: clinic.admit(imap=imap.server))
        await clinic.examine(account.address)
        state = await asyncio.to_thread(lambda: clinic.app.store.accounts.get(account.id).state)
        assert state is AccountState.FAILING
        imap.login = ""
        assert (await clinic.examine(account.address)).report.verdict is Verdict.PASS
        state = await asyncio.to_thread(lambda: clinic.app.store.accounts.get(account.id).state)
        assert state is not AccountState.FAILING


@pytest.mark.parametrize("given", ["login", "listing"])
async def test_m16_authenticated_but_not_connected_is_no_wrong_password(clinic: Clinic, given: str) -> None:
    told = "BAD User is authenticated but not connected."
    peer = Peer(login=told) if given == "login" else Peer(listing=told)
    report = (await clinic.report_on(peer)).report
    assert report.cause.code == "admin.no_mailbox"
    assert "Lizenz" in Catalogue("de").problem(Problem(report.cause.text, report.cause.parameters)).do


async def test_m16_throttling_is_waited_for(clinic: Clinic) -> None:
    peer = Peer(login="BAD Request is throttled. Suggested Backoff Time: 299961 milliseconds")
    report = (await clinic.report_on(peer)).report
    assert (report.verdict, report.cause.code) == (Verdict.ERROR, "rate.backoff")


FLAPS: list[tuple[str, Callable[[], World], str]] = [
    (
        "servfail",
        lambda: World(
            names={IMAP.host: Resolved(IMAP.host, Outcome.SERVER_FAILURE, (), Outcome.SERVER_FAILURE)}
        ),
        "dns.server_failure",
    ),
    (
        "nxdomain-flap",
        lambda: World(names={IMAP.host: Resolved(IMAP.host, Outcome.OK, ("192.0.2.1",), Outcome.OK)}),
        "none.ok",
    ),
    (
        "v6-only",
        lambda: World(addresses={IMAP.host: ("2001:db8::1",), SMTP.host: ("2001:db8::2",)}),
        "none.ok",
    ),
    (
        "address-moved",
        lambda: World(
            addresses={IMAP.host: ("192.0.2.1", "192.0.2.2")}, ports={("192.0.2.1", None): Outcome.TIMEOUT}
        ),
        "none.ok",
    ),
]


@pytest.mark.parametrize(("name", "world", "code"), FLAPS, ids=[one[0] for one in FLAPS])
def test_f18_faults_of_dns_heal_by_themselves_or_are_named(
    name: str, world: Callable[[], World], code: str
) -> None:
    assert world().diagnose().report.cause.code == code


def test_what_receives_comes_before_what_sends() -> None:
    """Two servers fail in two ways: the mailbox is named first, in whatever layer."""
    refused = LoggedIn(IMAP, "imap.login_refused", "authentication failed")
    silent = Resolved(SMTP.host, Outcome.TIMEOUT, (), Outcome.TIMEOUT)
    report = World(logins={IMAP: refused}, names={SMTP.host: silent}).diagnose().report
    assert report.cause.code == "service_off.gmx"
    assert {one.cause for one in report.findings if one.verdict is Verdict.FAIL} >= {"dns.timeout"}


def test_a_target_without_servers_is_no_crash() -> None:
    report = World(places=()).diagnose().report
    assert report.cause.code == "none.ok" and report.findings


def test_every_finding_is_worth_its_place() -> None:
    """No finding twice: the same check about the same thing."""
    report = World().diagnose().report
    keys = [(one.id, one.about) for one in report.findings]
    assert len(keys) == len(set(keys))


def test_the_transcript_is_json_that_a_person_can_read() -> None:
    told = written(World().diagnose().transcript)
    data = json.loads(told)
    assert data["version"] == 1 and re.search(r'"evidence": \{\n', told.decode())
    assert Target("a@b").address == "a@b" and NOW
