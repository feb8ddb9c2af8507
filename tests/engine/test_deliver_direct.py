"""Mail delivered straight to the servers of its recipients: routes, proofs, several domains, signatures."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import dkim  # type: ignore[import-untyped]
import pytest

from eilbote.config import Config
from eilbote.delivery.mta_sts import Mode
from eilbote.delivery.tls_report import SUCCESS
from eilbote.delivery.values import Outgoing, RecipientState, SendState
from eilbote.engine.app import App, open_app
from eilbote.engine.connect import HostBudget
from eilbote.engine.deliver_direct import DirectDelivery
from eilbote.engine.dkim import make_key, published
from eilbote.engine.progress import Delivered
from eilbote.engine.route import Surroundings
from eilbote.engine.send import Envelope, Handling, queue_mail
from eilbote.errors import Misused
from eilbote.store.values import Account, AccountState, AuthKind, NewAccount
from eilbote.testing.smtp.server import SmtpServer
from eilbote.testing.smtp.sink import Sink
from tests.engine.sending import ADDRESS, raw_mail
from tests.engine.test_foresee import AUTHORITY, Internet, server_context


@pytest.fixture(scope="module")
def internet() -> Iterator[Internet]:
    made = Internet()
    yield made
    made.names.remove()


class House:
    """A home that delivers by itself, and the one server of that internet."""

    def __init__(self, app: App, account: Account, sink: Sink, around: Surroundings) -> None:
        self.app = app
        self.account = account
        self.sink = sink
        self.around = around

    def queue(self, number: int, *recipients: str, key: str = "") -> Outgoing:
        envelope = Envelope(ADDRESS, recipients)
        return queue_mail(self.app, self.account, raw_mail(number), envelope, Handling(key=key))

    async def deliver(self) -> Delivered:
        return await DirectDelivery(self.app, self.account, HostBudget(5), self.around).run()

    def found(self, mail: Outgoing) -> Outgoing:
        return self.app.store.outbox.get(mail.id)

    def states(self, mail: Outgoing) -> list[RecipientState]:
        return [one.state for one in self.found(mail).recipients]


@pytest.fixture
def app(fresh_authorities: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[App]:
    authority = tmp_path / "ca.pem"
    authority.write_bytes(AUTHORITY.cert_pem.bytes())
    monkeypatch.setenv("SSL_CERT_FILE", str(authority))
    config = Config(home=tmp_path / "home", key_file=str(tmp_path / "key"), host_name="mx.example.de")
    with open_app(config) as opened:
        opened.store.accounts.add(
            NewAccount(
                address=ADDRESS,
                name="",
                user=ADDRESS,
                auth=AuthKind.PASSWORD,
                sealed=b"",
                state=AccountState.READY,
                direct=True,
            )
        )
        yield opened


@asynccontextmanager
async def house(app: App, internet: Internet, *, starttls: bool = True) -> AsyncIterator[House]:
    sink = Sink(login_needed=False, starttls=starttls)
    async with SmtpServer(sink, server_context() if starttls else None, port=internet.smtp_port):
        yield House(app, app.store.accounts.get(ADDRESS), sink, internet.around())


async def test_each_domain_gets_its_copy_by_its_own_route(app: App, internet: Internet) -> None:
    async with house(app, internet) as here:
        assert here.account.direct
        mail = here.queue(1, "anna@dane.test", "ben@plain.test", "carla@dane.test")
        result = await here.deliver()
        assert (result.sent, result.problem) == (1, None)
        got = sorted(one.recipients for one in here.sink.received)
        assert got == [("anna@dane.test", "carla@dane.test"), ("ben@plain.test",)]
        assert {one.data for one in here.sink.received} == {raw_mail(1)}
        assert here.states(mail) == [RecipientState.SENT] * 3
        assert here.found(mail).attempts == 1, "one try, whatever the number of domains"
        assert b"EHLO mx.example.de" in here.sink.heard


@pytest.mark.parametrize(
    ("address", "state", "code"),
    [
        ("anna@wrong.test", SendState.DEFERRED, "route.not_dane"),
        ("anna@broken.test", SendState.DEFERRED, "dns.failed"),
        ("anna@nomail.test", SendState.FAILED, "route.null_mx"),
        ("anna@nobody.plain.test", SendState.FAILED, "route.no_domain"),
    ],
)
async def test_where_no_mail_may_go(
    app: App, internet: Internet, address: str, state: SendState, code: str
) -> None:
    async with house(app, internet) as here:
        mail = here.queue(1, address, "ben@plain.test")
        await here.deliver()
        assert [one.recipients for one in here.sink.received] == [("ben@plain.test",)]
        found = here.found(mail)
        assert found.recipients[0].problem is not None
        assert found.recipients[0].problem.code == code
        assert found.recipients[1].state is RecipientState.SENT
        assert found.state is (SendState.SENT if state is SendState.FAILED else state)


async def test_what_must_be_encrypted_never_leaves_in_plain_text(app: App, internet: Internet) -> None:
    async with house(app, internet, starttls=False) as here:
        demanded = here.queue(1, "anna@dane.test")
        free = here.queue(2, "ben@plain.test")
        await here.deliver()
        assert here.found(demanded).state is SendState.DEFERRED
        assert here.found(free).state is SendState.SENT
        assert [one.data for one in here.sink.received] == [raw_mail(2)]


async def test_a_policy_on_the_web_is_enforced(app: App, internet: Internet) -> None:
    internet.policy(Mode.ENFORCE, mx="mx.elsewhere.test")
    async with internet.running() as around:
        account = app.store.accounts.get(ADDRESS)
        here = House(app, account, Sink(), around)
        mail = here.queue(1, "anna@sts.test")
        await here.deliver()
    found = here.found(mail)
    assert found.state is SendState.DEFERRED
    assert found.problem is not None
    assert found.problem.code == "route.not_in_policy"


async def test_who_was_put_off_is_tried_with_the_others_next_time(app: App, internet: Internet) -> None:
    async with house(app, internet) as here:
        here.sink.replies["RCPT anna@dane.test"] = "450 4.2.0 Greylisted"
        here.sink.replies["RCPT ben@plain.test"] = "450 4.2.0 Greylisted"
        mail = here.queue(1, "anna@dane.test", "ben@plain.test")
        await here.deliver()
        assert here.states(mail) == [RecipientState.DEFERRED] * 2
        assert here.found(mail).not_before > app.clock.now()
        here.sink.replies.clear()
        with app.store.database.write() as session:
            session.run("UPDATE outgoing SET not_before = 0")
        await here.deliver()
        assert here.states(mail) == [RecipientState.SENT] * 2
        assert [one.attempts for one in here.found(mail).recipients] == [2, 2]


async def test_a_server_that_wants_a_login_stops_nobody_elses_mail(app: App, internet: Internet) -> None:
    async with house(app, internet) as here:
        here.sink.replies["RCPT anna@dane.test"] = "530 5.7.0 Authentication required"
        mail = here.queue(1, "anna@dane.test")
        other = here.queue(2, "ben@plain.test")
        assert not (await here.deliver()).paused
        assert here.found(mail).state is SendState.FAILED
        assert here.found(other).state is SendState.SENT
        assert app.store.sending_pauses.of(here.account.id) is None


async def test_how_tls_went_is_counted(app: App, internet: Internet) -> None:
    async with house(app, internet) as here:
        here.queue(1, "anna@dane.test", "ben@wrong.test", "carla@plain.test")
        await here.deliver()
    with app.store.database.read() as session:
        (day,) = {str(row[0]) for row in session.rows("SELECT day FROM tls_result")}
    found = [(one.domain, one.policy, one.result) for one in app.store.tls_results.of_day(day)]
    assert found == [
        ("dane.test", "tlsa", SUCCESS),
        ("plain.test", "no-policy-found", SUCCESS),
        ("wrong.test", "tlsa", "validation-failure"),
    ]


async def test_mail_is_signed_and_the_signature_holds(app: App, internet: Internet) -> None:
    account = app.store.accounts.get(ADDRESS)
    assert published(app, account) is None
    with pytest.raises(Misused):
        make_key(app, account, "no selector")
    record = make_key(app, account, "mail2026")
    assert record.name == "mail2026._domainkey.example.de"
    assert published(app, account) == record
    async with house(app, internet) as here:
        first = here.queue(1, "anna@plain.test", key="k")
        assert here.queue(1, "anna@plain.test", key="k").id == first.id, "signed again, it is the same mail"
        await here.deliver()
        (got,) = here.sink.received
    assert got.data.endswith(raw_mail(1))
    asked: list[bytes] = []

    def answer(name: bytes, timeout: int = 5) -> bytes:
        asked.append(name)
        return record.text.encode()

    assert dkim.verify(got.data, dnsfunc=answer)
    assert asked == [b"mail2026._domainkey.example.de."]
    assert not dkim.verify(got.data.replace(b"Brief 1", b"Brief 2"), dnsfunc=answer)
    assert not dkim.verify(got.data.replace(b"Subject:", b"From: x@example.com\r\nSubject:"), dnsfunc=answer)
