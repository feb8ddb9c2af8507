"""Our POP3 session against Dovecot and against our fake: logins, listings, mails, deletions, TLS, pins."""

from __future__ import annotations

import io
import ssl
from collections.abc import Iterator, Sequence
from contextlib import aclosing

import pytest
import trustme

from eilbote.clock import SystemClock
from eilbote.errors import EilboteError, Garbled, NotAllowed, Refused, Unreachable
from eilbote.net.credential import Credential
from eilbote.net.pop3 import Pop3Session
from eilbote.net.terms import Terms
from eilbote.net.trace import Trace
from eilbote.protocols.pop3.limits import Limits
from eilbote.secret import Secret
from eilbote.store.values import Security, Server
from eilbote.testing.pop3 import Behaviour
from tests.contract.pop3_place import PASSWORD, Pop3Place, dovecot_place, fake_place
from tests.net.scripted import Line, Scripted
from tests.servers.dovecot import Dovecot

MAILS = [b"Subject: %d\r\n\r\n.Text %d\r\n" % (number, number) for number in range(1, 121)]


@pytest.fixture(params=["fake", "fake without pipelining", "dovecot"])
def place(request: pytest.FixtureRequest) -> Iterator[Pop3Place]:
    if request.param == "dovecot":
        yield dovecot_place(request.getfixturevalue("dovecot_pop3"))
        return
    hidden = frozenset({"PIPELINING"}) if "without" in request.param else frozenset()
    with fake_place(behaviour=Behaviour(hidden=hidden)) as made:
        yield made


async def opened(
    server: Server,
    user: str = "anna",
    password: str = PASSWORD,
    *,
    oauth: bool = False,
    trusted: Sequence[str] = (),
    trace: Trace | None = None,
    limits: Limits | None = None,
) -> Pop3Session:
    return await Pop3Session.open(
        server,
        Credential(user, Secret(password), oauth),
        Terms(SystemClock(), trusted, trace, connect_timeout=10, read_timeout=10),
        limits=limits,
    )


async def test_everything_there_is_to_do(place: Pop3Place) -> None:
    place.deliver(MAILS)
    session = await opened(place.server, place.user)
    drop = await session.maildrop()
    assert [mail.number for mail in drop.mails] == list(range(1, 121))
    assert (drop.told, drop.has_uidl, drop.unreadable) == (120, True, 0)
    assert [mail.size for mail in drop.mails] == [len(raw) for raw in MAILS]
    numbers = [mail.number for mail in drop.mails]
    async with aclosing(session.mails(numbers)) as answers:
        got = [(number, reply.mail) async for number, reply in answers]
    assert got == list(enumerate(MAILS, 1))
    async with aclosing(session.headers([2, 1])) as answers:
        heads = [(number, reply.mail) async for number, reply in answers]
    assert heads == [(2, b"Subject: 2\r\n\r\n"), (1, b"Subject: 1\r\n\r\n")]
    async with aclosing(session.mails([500])) as answers:
        assert [reply.status.ok async for _, reply in answers] == [False]
    answered = await session.delete(numbers[:100])
    assert all(status.ok for status in answered.values()) and len(answered) == 100
    assert await session.quit()
    assert place.left() == MAILS[100:]


async def test_without_quit_nothing_is_deleted(place: Pop3Place) -> None:
    place.deliver(MAILS[:2])
    session = await opened(place.server, place.user)
    await session.delete([1, 2])
    session.abort()
    assert place.left() == MAILS[:2]


async def test_pipelining_saves_round_trips() -> None:
    counts = {}
    for hidden in (frozenset[str](), frozenset({"PIPELINING"})):
        with fake_place(behaviour=Behaviour(hidden=hidden)) as made:
            made.deliver(MAILS)
            session = await opened(made.server)
            await session.delete([mail.number for mail in (await session.maildrop()).mails])
            await session.quit()
            counts[bool(hidden)] = session.round_trips
    assert counts[False] < 10
    assert counts[True] > len(MAILS)


@pytest.mark.parametrize(
    "mechanisms",
    [("SCRAM-SHA-256",), ("SCRAM-SHA-1",), ("PLAIN",), ("LOGIN",), ("PLAIN", "SCRAM-SHA-256"), ()],
)
async def test_logins(mechanisms: tuple[str, ...]) -> None:
    with fake_place(behaviour=Behaviour(mechanisms=mechanisms)) as made:
        session = await opened(made.server)
        assert "UIDL" in session.capabilities.names
        await session.quit()
        with pytest.raises(Refused) as refused:
            await opened(made.server, password="falsch")
    assert refused.value.problem.code == "pop3.login_refused"
    assert "falsch" not in str(refused.value)


async def test_a_server_without_capa_is_logged_in_to() -> None:
    with fake_place(behaviour=Behaviour(absent=frozenset({"CAPA"}))) as made:
        session = await opened(made.server)
        assert not session.capabilities.known
        await session.quit()


@pytest.mark.parametrize("mechanism", ["XOAUTH2", "OAUTHBEARER"])
async def test_tokens(mechanism: str) -> None:
    with fake_place(behaviour=Behaviour(mechanisms=(mechanism,))) as made:
        session = await opened(made.server, oauth=True)
        await session.quit()
        with pytest.raises(Refused):
            await opened(made.server, password="alt", oauth=True)
        with pytest.raises(Refused) as refused:
            made_plain = made.fake
            assert made_plain is not None
            made_plain.behaviour.mechanisms = ("PLAIN",)
            await opened(made.server, oauth=True)
    assert refused.value.problem.code == "pop3.no_mechanism"


@pytest.mark.parametrize(
    ("reply", "kind", "code", "later"),
    [
        ("-ERR [IN-USE] busy", Unreachable, "pop3.unavailable", True),
        ("-ERR [LOGIN-DELAY] too soon", Unreachable, "pop3.unavailable", True),
        ("-ERR [SYS/TEMP] disk", Unreachable, "pop3.unavailable", True),
        ("-ERR [SYS/PERM] broken", Refused, "pop3.login_refused", False),
        ("-ERR [AUTH] no", Refused, "pop3.login_refused", False),
        ("-ERR", Refused, "pop3.login_refused", False),
    ],
)
async def test_why_a_login_fails(reply: str, kind: type[EilboteError], code: str, later: bool) -> None:
    with (
        fake_place(behaviour=Behaviour(mechanisms=(), replies={"PASS": reply})) as made,
        pytest.raises(kind) as failed,
    ):
        await opened(made.server)
    assert failed.value.problem.code == code
    assert (failed.value.problem.retry_after is not None) is later


async def test_a_greeting_that_says_no() -> None:
    refusing = Behaviour(replies={"GREETING": "-ERR [SYS/TEMP] later"})
    with fake_place(behaviour=refusing) as made, pytest.raises(Unreachable) as failed:
        await opened(made.server)
    assert failed.value.problem.parameters["text"] == "later"


# --- TLS -----------------------------------------------------------------------------------------------


@pytest.fixture
def tls() -> ssl.SSLContext:
    """A server's context whose certificate no authority of this machine vouches for."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    trustme.CA().issue_cert("localhost").configure_cert(context)
    return context


@pytest.mark.parametrize("security", [Security.TLS, Security.STARTTLS])
async def test_dovecot_over_tls_with_a_pin(dovecot_pop3: Dovecot, security: Security) -> None:
    user, password = dovecot_pop3.new_user()
    dovecot_pop3.append(user, MAILS[:1])
    port = dovecot_pop3.pop3s_port if security is Security.TLS else dovecot_pop3.pop3_port
    server = Server(dovecot_pop3.host, port, security)
    with pytest.raises(Unreachable) as unknown:
        await opened(server, user, password)
    assert unknown.value.problem.code == "net.certificate"
    session = await opened(server, user, password, trusted=[dovecot_pop3.fingerprint])
    assert len((await session.maildrop()).mails) == 1
    await session.quit()


async def test_the_fake_speaks_stls(tls: ssl.SSLContext) -> None:
    with fake_place(behaviour=Behaviour(starttls=True), tls=tls) as made:
        server = Server("localhost", made.port, Security.STARTTLS)
        with pytest.raises(Unreachable) as unknown:
            await opened(server)
        pin = unknown.value.problem.parameters["fingerprint"]
        session = await opened(server, trusted=[pin])
        await session.quit()


@pytest.mark.parametrize("hidden", [frozenset[str](), frozenset({"STLS"})])
async def test_stls_is_never_done_without(hidden: frozenset[str]) -> None:
    replies = {} if hidden else {"STLS": "-ERR not now"}
    behaviour = Behaviour(starttls=True, hidden=hidden, replies=replies)
    with fake_place(behaviour=behaviour) as made:
        with pytest.raises(NotAllowed) as refused:
            await opened(Server("localhost", made.port, Security.STARTTLS))
        assert made.fake is not None
        assert not any(word.startswith(("USER", "AUTH")) for word in made.fake.sessions[-1].commands)
    assert refused.value.problem.code == "pop3.no_stls"


async def test_words_slipped_in_before_tls_are_not_believed() -> None:
    async def script(line: Line) -> None:
        await line.say(b"+OK ready")
        await line.hear()
        await line.say(b"+OK", b"STLS", b".")
        await line.hear()
        await line.say(b"+OK go", b"+OK you are logged in")

    async with Scripted(script).listening() as scripted:
        with pytest.raises(Garbled) as garbled:
            await opened(Server("127.0.0.1", scripted.port, Security.STARTTLS))
    assert garbled.value.problem.code == "net.injected"


# --- traces and broken lines -----------------------------------------------------------------------------


@pytest.mark.parametrize("mechanisms", [(), ("PLAIN",), ("SCRAM-SHA-256",)])
async def test_a_trace_holds_no_secret_and_no_mail(mechanisms: tuple[str, ...]) -> None:
    out = io.StringIO()
    with fake_place(behaviour=Behaviour(mechanisms=mechanisms)) as made:
        made.deliver([b"Subject: vertraulich\r\n\r\ngeheimer Text\r\n"])
        session = await opened(made.server, trace=Trace(out, SystemClock()))
        await session.maildrop()
        async with aclosing(session.mails([1])) as answers:
            assert [reply.status.ok async for _, reply in answers] == [True]
        await session.quit()
    shown = out.getvalue()
    assert "RETR 1" in shown and "(secret)" in shown and "UIDL" in shown
    for hidden in (PASSWORD, "vertraulich", "geheimer", "AGFubmE"):
        assert hidden not in shown


@pytest.mark.parametrize("after", [0, 5, 30, 60, 200, 300])
async def test_a_line_that_breaks_is_named(after: int) -> None:
    with fake_place(behaviour=Behaviour(cut_after=after)) as made:
        made.deliver(MAILS)
        with pytest.raises(Unreachable) as broken:
            session = await opened(made.server)
            await session.maildrop()
    assert broken.value.problem.code == "net.closed"
    assert broken.value.problem.parameters["host"] == made.host


async def test_whoever_stops_early_loses_the_connection() -> None:
    with fake_place() as made:
        made.deliver(MAILS)
        session = await opened(made.server)
        async with aclosing(session.mails(range(1, 100))) as answers:
            async for _ in answers:
                break
        with pytest.raises(EilboteError):
            await session.maildrop()
