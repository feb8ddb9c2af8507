"""Sending as it is: Postfix takes the mail, Dovecot keeps the copy in Sent, the program serves in between.
What arrived, and what lies on the server, is asked of them and not of us."""

from __future__ import annotations

import asyncio
import re
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.hashes import SHA256, Hash
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from eilbote.config import Config
from eilbote.delivery.values import Outgoing, RecipientState, SendState
from eilbote.engine.app import App, open_app
from eilbote.engine.connect import HostBudget
from eilbote.engine.deliver_direct import DirectDelivery
from eilbote.engine.route import Surroundings
from eilbote.engine.send import Envelope, Handling, queue_mail, queue_mails, resolve
from eilbote.engine.serve import serve
from eilbote.engine.setup import trust_certificate
from eilbote.mail.mailbox import ANSWERED
from eilbote.net.dns import Resolver
from eilbote.store.values import Account, AccountState, AuthKind, NewAccount, Security, Server
from tests.engine.processes import serve as serving_process
from tests.engine.processes import within
from tests.engine.world import World, mail, until, world
from tests.servers.dovecot import Dovecot
from tests.servers.names import Names, Signing
from tests.servers.ports import LOOPBACK
from tests.servers.postfix import BOUNCING, DOMAIN, Postfix

FreshStore = Callable[[str], AbstractContextManager[str]]
MAILS = 200
KILLS = (20, 90, 150)
"""After so many mails are settled the process is killed."""
STORES = ["sqlite", "postgres"]


def letter(number: int, to: str) -> bytes:
    return (
        f"From: kim@{DOMAIN}\r\nTo: {to}\r\nSubject: Brief {number}\r\nMessage-ID: <b{number}@{DOMAIN}>\r\n"
        f"Date: Mon, 02 Nov 2026 10:00:00 +0100\r\n\r\nGuten Tag {number}.\r\n"
    ).encode()


def numbers(raws: list[bytes]) -> Counter[int]:
    """Which letters are among these mails, how often each."""
    found = (re.search(rb"^Message-ID: <b(\d+)@", raw, re.MULTILINE) for raw in raws)
    return Counter(int(one[1]) for one in found if one is not None)


@contextmanager
def sending_world(
    dovecot: Dovecot, postfix: Postfix, home: Path, store_url: str, security: Security
) -> Iterator[World]:
    """A user whose mail lies on Dovecot and leaves through Postfix, whose certificate was looked at."""
    with world(dovecot, home, store_url) as here:
        port = postfix.tls_port if security is Security.TLS else postfix.port
        here.app.store.accounts.update(here.account.id, smtp=Server(postfix.host, port, security))
        trust_certificate(here.app, here.account.address, postfix.fingerprint)
        here.account = here.app.store.accounts.get(here.account.id)
        yield here


@pytest.mark.parametrize("security", [Security.STARTTLS, Security.TLS])
@pytest.mark.parametrize("store", STORES)
async def test_a_reply_and_a_bounce(
    store: str,
    security: Security,
    dovecot: Dovecot,
    postfix: Postfix,
    fresh_store: FreshStore,
    tmp_path: Path,
) -> None:
    """The answer arrives, its copy lies in Sent once, what it answers is marked; a report is matched."""
    anna, kim = postfix.new_address(), postfix.new_address()
    with (
        fresh_store(store) as url,
        sending_world(dovecot, postfix, tmp_path / "home", url, security) as here,
    ):
        await asyncio.to_thread(dovecot.append, here.user, [mail(1)])
        stop = asyncio.Event()
        served = asyncio.create_task(serve(here.app, stop=stop))
        await until(lambda: here.app.store.mailboxes.find(here.account.id, "INBOX") is not None)
        await until(lambda: bool(here.ids()))
        (original,) = here.ids().values()
        answer = Handling(answers=original, marks=ANSWERED)
        sent = _queued(here, 1, anna, kim, answer)
        lost = _queued(here, 2, f"nobody@{BOUNCING}", kim)
        await until(lambda: {_state(here, one) for one in (sent, lost)} == {SendState.DONE})

        (report,) = await asyncio.to_thread(postfix.wait_for, kim, 1)
        await asyncio.to_thread(dovecot.append, here.user, [report.replace(b"\n", b"\r\n")])
        await until(lambda: here.app.store.outbox.get(lost.id).recipients[0].state is RecipientState.FAILED)
        stop.set()
        await served

        problem = here.app.store.outbox.get(lost.id).recipients[0].problem
        assert problem is not None
        assert problem.code == "send.bounced"
        assert "unknown user" in problem.parameters["text"]
        (got,) = await asyncio.to_thread(postfix.wait_for, anna, 1)
        assert got.replace(b"\n", b"\r\n").endswith(letter(1, anna))
        assert b"with ESMTPSA" in got, "encrypted, and logged in"
        truth = await asyncio.to_thread(here.truth)
        assert sorted(raw for _, raw in truth["Sent"].values()) == sorted(
            [
                letter(1, anna),
                letter(2, f"nobody@{BOUNCING}"),
            ]
        )
        assert {flags for flags, _ in truth["Sent"].values()} == {frozenset({"\\Seen"})}
        flags = [flags for flags, raw in truth["INBOX"].values() if raw == mail(1)]
        assert flags == [frozenset({"\\Answered"})]


def _queued(here: World, number: int, to: str, sender: str, handling: Handling | None = None) -> Outgoing:
    raw = letter(number, to)
    return queue_mail(here.app, here.account, raw, Envelope(sender, (to,)), handling or Handling())


def _state(here: World, one: Outgoing) -> SendState:
    return here.app.store.outbox.get(one.id).state


@pytest.mark.timeout(300)
@pytest.mark.parametrize("store", STORES)
async def test_the_program_is_killed_in_the_middle(
    store: str, dovecot: Dovecot, postfix: Postfix, fresh_store: FreshStore, tmp_path: Path
) -> None:
    """`eilbote serve` is killed three times while it sends 200 mails. Each arrives once or is in doubt, and
    when a person has said what is true, each has arrived once and lies in Sent once."""
    anna, kim = postfix.new_address(), postfix.new_address()
    home = tmp_path / "home"
    with (
        fresh_store(store) as url,
        sending_world(dovecot, postfix, home, url, Security.TLS) as here,
    ):
        outbox, account = here.app.store.outbox, here.account.id
        envelope = Envelope(kim, (anna,))
        queue_mails(here.app, here.account, [(letter(one, anna), envelope) for one in range(MAILS)])

        def settled() -> int:
            return MAILS - _left(here.app, account)

        killed = 0
        for after in KILLS:
            with serving_process(home, url) as process:
                await within(60, lambda least=after: settled() >= least)  # type: ignore[misc]
                killed += settled() < MAILS
                process.kill()
        assert killed, "one of the kills met mails on their way"
        with serving_process(home, url) as process:
            await within(60, lambda: settled() == MAILS)
            await asyncio.to_thread(postfix.wait_until_idle)
            arrived = numbers(postfix.delivered(anna))
            assert max(arrived.values()) == 1, "somebody got a mail twice"
            for one in outbox.all(account, limit=1000):
                number = int(one.message_id[1:].partition("@")[0])
                if one.state is SendState.UNCERTAIN:
                    resolve(here.app, one.id, sent=bool(arrived[number]))
                else:
                    assert one.state in (SendState.SENT, SendState.DONE), one
                    assert arrived[number], "called sent, and it never arrived"
            await within(60, lambda: outbox.counts(account) == {SendState.DONE: MAILS})
            await within(60, lambda: not here.app.store.journal.open_debts(account))
            process.terminate()
            assert process.wait(20) == 0, (tmp_path / "serve.log").read_text()
        await asyncio.to_thread(postfix.wait_until_idle)
        assert numbers(postfix.delivered(anna)) == Counter(range(MAILS))
        copies = [raw for _, raw in (await asyncio.to_thread(here.truth))["Sent"].values()]
        assert numbers(copies) == Counter(range(MAILS)), "one copy of each"


def _left(app: App, account: int) -> int:
    """Mails that are neither sent nor in doubt."""
    over = (SendState.SENT, SendState.DONE, SendState.UNCERTAIN)
    return sum(count for state, count in app.store.outbox.counts(account).items() if state not in over)


def key_hash(certificate: str) -> str:
    """SHA-256 of the public key of a certificate in PEM, as TLSA 3 1 1 has it."""
    key = x509.load_pem_x509_certificate(certificate.encode()).public_key()
    digest = Hash(SHA256())
    digest.update(key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo))
    return digest.finalize().hex()


@pytest.mark.parametrize("store", STORES)
@pytest.mark.parametrize("proof", ["none", "right", "wrong"])
async def test_straight_to_the_mx(
    proof: str, store: str, postfix: Postfix, fresh_store: FreshStore, tmp_path: Path
) -> None:
    """By names that NSD and Unbound give: encrypted as well as it goes, or with a certificate that the zone
    vouches for; to another nothing is said."""
    records = f"@ 300 IN MX 10 mx\nmx 300 IN A {LOOPBACK}\n"
    if proof != "none":
        digest = key_hash(postfix.certificate) if proof == "right" else "ab" * 32
        records += f"_{postfix.mx_port}._tcp.mx 300 IN TLSA 3 1 1 {digest}\n"
    names = Names()
    names.zone(DOMAIN, records, Signing.NONE if proof == "none" else Signing.GOOD)
    to, unknown = postfix.new_address(), f"nobody@{DOMAIN}"
    try:
        with fresh_store(store) as url, _direct(tmp_path, url) as (app, account):
            around = Surroundings(Resolver(names.servers), smtp_port=postfix.mx_port, local_allowed=True)
            one = queue_mail(app, account, letter(1, to), Envelope(account.address, (to, unknown)))
            await DirectDelivery(app, account, HostBudget(5), around).run()
            found = app.store.outbox.get(one.id)
    finally:
        names.remove()
    if proof == "wrong":
        assert found.state is SendState.DEFERRED
        assert found.problem is not None and found.problem.code == "route.not_dane"
        assert postfix.delivered(to) == []
    else:
        assert [one.state for one in found.recipients] == [RecipientState.SENT, RecipientState.FAILED]
        assert found.recipients[1].answer is not None and found.recipients[1].answer.enhanced == "5.1.1"
        (got,) = postfix.wait_for(to, 1)
        assert b"with ESMTPS" in got
        assert got.replace(b"\n", b"\r\n").endswith(letter(1, to))


@contextmanager
def _direct(folder: Path, store_url: str) -> Iterator[tuple[App, Account]]:
    config = Config(
        home=folder / "home", store=store_url, key_file=str(folder / "key"), host_name="mx.example.de"
    )
    with open_app(config) as app:
        account = NewAccount(
            address="kim@example.de",
            name="",
            user="kim@example.de",
            auth=AuthKind.PASSWORD,
            sealed=b"",
            state=AccountState.READY,
            direct=True,
        )
        yield app, app.store.accounts.add(account)
