"""Our SMTP session against Postfix and against our fake: logins, TLS, pins, mails, checkpoints, traces."""

from __future__ import annotations

import asyncio
import io
import ssl
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass, field

import pytest
import trustme

from eilbote.clock import SystemClock
from eilbote.errors import EilboteError, Garbled, NotAllowed, Refused, Unreachable
from eilbote.net.credential import Credential
from eilbote.net.smtp import SmtpSession
from eilbote.net.terms import Terms
from eilbote.net.trace import Trace
from eilbote.protocols.smtp.limits import TimeLimits, Window
from eilbote.protocols.smtp.types import Checkpoint, Mail, MailResult, Notify, Phase, Recipient
from eilbote.secret import Secret
from eilbote.store.values import Security, Server
from eilbote.testing.smtp.server import SmtpServer
from eilbote.testing.smtp.sink import Play, Received, Sink, Then
from tests.net.scripted import Line, Scripted
from tests.servers.postfix import Postfix, PostfixOptions

USER, PASSWORD = "anna@example.net", "geheim-1"
BODY = b"Subject: a\r\n\r\n.dot\r\nend\r\n"


@dataclass
class Kept:
    """What was kept, and what it said in the end."""

    checkpoints: list[Checkpoint] = field(default_factory=list)
    results: dict[int, MailResult] = field(default_factory=dict)

    async def __call__(self, checkpoint: Checkpoint) -> None:
        self.checkpoints.append(checkpoint)
        for one in checkpoint.finished:
            assert one.key not in self.results
            self.results[one.key] = one


async def opened(
    server: Server,
    user: str | None = USER,
    password: str = PASSWORD,
    *,
    oauth: bool = False,
    trusted: Sequence[str] = (),
    trace: Trace | None = None,
    times: TimeLimits | None = None,
) -> SmtpSession:
    return await SmtpSession.open(
        server,
        Credential(user, Secret(password), oauth) if user is not None else None,
        Terms(SystemClock(), trusted, trace, connect_timeout=10),
        times=times or TimeLimits(*[10.0] * 7),
    )


def mail(key: int, *to: str, content: bytes = BODY, sender: str = USER) -> Mail:
    return Mail(key, sender, tuple(map(Recipient, to or ("bo@example.org",))), content)


@pytest.fixture
async def fake() -> AsyncIterator[SmtpServer]:
    async with SmtpServer(Sink({USER: PASSWORD}, mechanisms=("SCRAM-SHA-256", "PLAIN"))) as started:
        yield started


def plain(server: SmtpServer) -> Server:
    return Server(server.host, server.port, Security.NONE)


# --- Postfix -------------------------------------------------------------------------------------------


@pytest.fixture
def login(postfix: Postfix) -> tuple[str, str]:
    return postfix.dovecot.new_user()


@pytest.mark.parametrize("security", [Security.TLS, Security.STARTTLS])
async def test_postfix_takes_many_mails_over_tls_with_a_pin(
    postfix: Postfix, login: tuple[str, str], security: Security
) -> None:
    port = postfix.tls_port if security is Security.TLS else postfix.port
    server = Server(postfix.host, port, security)
    with pytest.raises(Unreachable) as unknown:
        await opened(server, *login)
    assert unknown.value.problem.code == "net.certificate"
    session = await opened(server, *login, trusted=[postfix.fingerprint])
    assert {"PIPELINING", "CHUNKING", "SMTPUTF8", "DSN", "AUTH"} <= session.extensions.names
    address, kept = postfix.new_address(), Kept()
    mails = [mail(key, address, content=b"Subject: %d\r\n\r\n.dot\r\n" % key) for key in range(40)]
    assert await session.send(mails, kept) is None
    await session.quit()
    assert all(one.is_sent and "queued as" in one.queue_text for one in kept.results.values())
    arrived = postfix.wait_for(address, 40)
    assert sorted(int(raw.split(b"Subject: ")[1].split(b"\n")[0]) for raw in arrived) == list(range(40))
    assert all(raw.endswith(b"\n\n.dot\n") for raw in arrived)


@pytest.mark.parametrize("hidden", [(), ("chunking",), ("chunking", "pipelining")])
async def test_postfix_whatever_it_offers(
    postfix_like: Callable[..., Postfix], hidden: tuple[str, ...]
) -> None:
    postfix = postfix_like(PostfixOptions(hidden=hidden))
    session = await opened(Server(postfix.host, postfix.mx_port, Security.NONE), None)
    address, kept = postfix.new_address(), Kept()
    large = b"Subject: large\r\n\r\n" + b".line\r\n" * 100_000
    mails = [mail(1, address), mail(2, "nobody@example.org"), mail(3, address, content=large)]
    mails += [mail(4, "nobody@example.org", address), mail(5, "x@elsewhere.example"), mail(6, address)]
    assert await session.send(mails, kept) is None
    await session.quit()
    sent = {key: one.is_sent for key, one in kept.results.items()}
    assert sent == {1: True, 2: False, 3: True, 4: True, 5: False, 6: True}
    replies = [one.reply for one in kept.results[4].recipients]
    assert [(one.code, one.enhanced) for one in replies if one] == [(550, "5.1.1"), (250, "2.1.5")]
    arrived = postfix.wait_for(address, 4)
    assert sorted(len(raw.partition(b"\n\n")[2]) for raw in arrived) == [9, 9, 9, 600_000]


async def test_postfix_knows_what_our_parameters_mean(postfix: Postfix, login: tuple[str, str]) -> None:
    server = Server(postfix.host, postfix.tls_port, Security.TLS)
    session = await opened(server, *login, trusted=[postfix.fingerprint])
    address = postfix.new_address().replace("@", ".jörg@")
    report = Recipient(address, (Notify.SUCCESS, Notify.DELAY), "jörg+x=y@example.com")
    kept = Kept()
    utf8 = Mail(1, USER, (report,), "Subject: ü\r\n\r\nü\r\n".encode(), "a+b=c d", headers_only=True)
    report_free = Mail(2, "", (Recipient(address, (Notify.NEVER,)),), BODY)
    assert await session.send([utf8, report_free], kept) is None
    await session.quit()
    assert all(one.is_sent for one in kept.results.values()), kept.results
    assert len(postfix.wait_for(address, 2)) == 2


async def test_postfix_too_big_is_said_before(postfix: Postfix) -> None:
    session = await opened(Server(postfix.host, postfix.mx_port, Security.NONE), None)
    sent, limit = session.bytes_sent, session.extensions.size
    assert limit == postfix.options.size_limit
    problem = session.refusal_before(mail(1, content=b"x\r\n" * (limit // 3 + 1)))
    assert problem is not None and problem.code == "smtp.too_big" and session.bytes_sent == sent
    await session.quit()


async def test_postfix_refuses_a_wrong_password(postfix: Postfix, login: tuple[str, str]) -> None:
    server = Server(postfix.host, postfix.port, Security.STARTTLS)
    with pytest.raises(Refused) as refused:
        await opened(server, login[0], "falsch", trusted=[postfix.fingerprint])
    assert refused.value.problem.code == "smtp.login_refused"
    assert "falsch" not in str(refused.value)


async def test_postfix_without_starttls_is_not_spoken_to(postfix_like: Callable[..., Postfix]) -> None:
    postfix = postfix_like(PostfixOptions(tls=False))
    with pytest.raises(NotAllowed) as refused:
        await opened(Server(postfix.host, postfix.port, Security.STARTTLS))
    assert refused.value.problem.code == "smtp.no_starttls"


# --- logins --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("mechanism", ["SCRAM-SHA-256", "SCRAM-SHA-1", "PLAIN", "LOGIN"])
async def test_logins(fake: SmtpServer, mechanism: str) -> None:
    fake.sink.mechanisms = (mechanism,)
    session = await opened(plain(fake))
    kept = Kept()
    await session.send([mail(1)], kept)
    await session.quit()
    assert kept.results[1].is_sent and fake.sink.received[0].user == USER
    with pytest.raises(Refused) as refused:
        await opened(plain(fake), password="falsch")
    assert refused.value.problem.code == "smtp.login_refused"
    assert "falsch" not in str(refused.value)


@pytest.mark.parametrize("mechanism", ["XOAUTH2", "OAUTHBEARER"])
@pytest.mark.parametrize("token", [PASSWORD, "long" * 500])
async def test_tokens(fake: SmtpServer, mechanism: str, token: str) -> None:
    fake.sink.mechanisms = (mechanism,)
    fake.sink.accounts = {USER: token}
    session = await opened(plain(fake), password=token, oauth=True)
    await session.quit()
    with pytest.raises(Refused):
        await opened(plain(fake), password="alt", oauth=True)
    fake.sink.mechanisms = ("PLAIN",)
    with pytest.raises(Refused) as refused:
        await opened(plain(fake), oauth=True)
    assert refused.value.problem.code == "smtp.no_mechanism"


@pytest.mark.parametrize(
    ("reply", "kind", "code", "later"),
    [
        ("535 5.7.8 No", Refused, "smtp.login_refused", False),
        ("534-5.7.9 Application-specific\r\n534 5.7.9 password", Refused, "smtp.login_refused", False),
        ("454 4.7.0 Temporary", Unreachable, "smtp.unavailable", True),
        ("432 4.3.2 Too many connections", Unreachable, "smtp.unavailable", True),
        ("421 4.7.0 Too many logins", Unreachable, "smtp.unavailable", True),
    ],
)
async def test_why_a_login_fails(
    fake: SmtpServer, reply: str, kind: type[EilboteError], code: str, later: bool
) -> None:
    fake.sink.replies["AUTH"] = reply
    with pytest.raises(kind) as failed:
        await opened(plain(fake))
    assert failed.value.problem.code == code
    assert (failed.value.problem.retry_after is not None) is later


@pytest.mark.parametrize(
    ("key", "reply", "code"),
    [
        ("GREETING", "554-mx.example.org\r\n554 IP address is block listed", "smtp.refused"),
        ("GREETING", "421 4.3.2 Busy", "smtp.unavailable"),
        ("EHLO", "550 5.7.1 Who are you", "smtp.refused"),
        ("EHLO", "450 4.7.1 Later", "smtp.unavailable"),
    ],
)
async def test_a_no_before_anything(fake: SmtpServer, key: str, reply: str, code: str) -> None:
    fake.sink.replies[key] = reply
    with pytest.raises(EilboteError) as failed:
        await opened(plain(fake))
    assert failed.value.problem.code == code


async def test_helo_is_for_plain_lines_without_a_login(fake: SmtpServer) -> None:
    fake.sink.replies["EHLO"] = "502 5.5.1 Unknown command"
    fake.sink.login_needed = False
    session = await opened(plain(fake), None)
    kept = Kept()
    await session.send([mail(1), mail(2, content="\r\nü\r\n".encode())], kept)
    await session.quit()
    assert kept.results[1].is_sent and not fake.sink.received[0].parameters[0]
    problem = kept.results[2].problem
    assert problem is not None and problem.code == "smtp.no_8bitmime"
    with pytest.raises(Refused):
        await opened(plain(fake))


# --- TLS -----------------------------------------------------------------------------------------------


@pytest.fixture
def tls() -> ssl.SSLContext:
    """A server's context whose certificate no authority of this machine vouches for."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    trustme.CA().issue_cert("localhost").configure_cert(context)
    return context


def secrets_in(sink: Sink) -> list[bytes]:
    return [line for line in sink.heard if line.upper().startswith((b"AUTH", b"MAIL", b"RCPT", b"DATA"))]


@pytest.mark.parametrize("starttls", [True, False])
async def test_the_fake_speaks_tls(tls: ssl.SSLContext, starttls: bool) -> None:
    sink = Sink({USER: PASSWORD}, starttls=starttls)
    async with SmtpServer(sink, tls) as fake:
        security = Security.STARTTLS if starttls else Security.TLS
        server = Server("localhost", fake.port, security)
        with pytest.raises(Unreachable) as unknown:
            await opened(server)
        assert secrets_in(sink) == []
        session = await opened(server, trusted=[unknown.value.problem.parameters["fingerprint"]])
        assert session.is_protected
        await session.quit()


@pytest.mark.parametrize(
    ("replies", "hidden", "garbage"),
    [
        ({}, {"STARTTLS"}, b""),
        ({"STARTTLS": "454 4.7.0 Not now"}, set(), b""),
        ({"STARTTLS": "502 5.5.1 Unknown"}, set(), b""),
        ({"STARTTLS": "250 2.0.0 Ok"}, set(), b""),
        ({"STARTTLS": "220 2.0.0 Go ahead\r\n250 injected"}, set(), b""),
        ({"STARTTLS": "220 Go ahead\r\n235 2.7.0 Authentication successful"}, set(), b""),
        ({"GREETING": "220 hello\r\n235 2.7.0 You are logged in"}, set(), b""),
        ({"EHLO": "250-localhost\r\n250 STARTTLS\r\n235 2.7.0 You are logged in"}, set(), b""),
        ({"EHLO": "250-localhost\r\n250 AUTH PLAIN"}, set(), b""),
        ({"EHLO": "502 5.5.1 Unknown command"}, set(), b""),
        ({}, set(), b"220 this is no TLS\r\n" * 10),
        ({}, set(), b"\x15\x03\x03\x00\x02\x02\x28"),
    ],
)
async def test_the_way_to_tls_is_never_left(
    tls: ssl.SSLContext, replies: dict[str, str | Play], hidden: set[str], garbage: bytes
) -> None:
    sink = Sink({USER: PASSWORD}, starttls=True, replies=replies, hidden=frozenset(hidden))
    async with SmtpServer(sink, tls, garbage=garbage) as fake:
        with pytest.raises(EilboteError) as failed:
            await opened(Server("localhost", fake.port, Security.STARTTLS))
        assert isinstance(failed.value, NotAllowed | Garbled | Unreachable | Refused)
    assert secrets_in(sink) == []


async def test_an_unprotected_line_is_for_this_machine_alone() -> None:
    with pytest.raises(NotAllowed) as refused:
        await opened(Server("192.0.2.1", 587, Security.NONE))
    assert refused.value.problem.code == "net.insecure"


# --- checkpoints ---------------------------------------------------------------------------------------


async def test_the_end_of_a_mail_waits_until_its_checkpoint_is_kept(fake: SmtpServer) -> None:
    session = await opened(plain(fake))
    kept = Kept()

    async def keep(checkpoint: Checkpoint) -> None:
        await kept(checkpoint)
        assert len(fake.sink.received) == len(kept.results)

    await session.send([mail(key) for key in range(50)], keep, Window(mails=5))
    await session.quit()
    assert len(fake.sink.received) == 50
    assert len(kept.checkpoints) <= 22


async def test_a_journal_that_fails_stops_everything(fake: SmtpServer) -> None:
    session = await opened(plain(fake))

    async def full(checkpoint: Checkpoint) -> None:
        raise OSError("disk full")

    with pytest.raises(OSError, match="disk full"):
        await session.send([mail(1)], full)
    assert fake.sink.received == []
    problem = await session.send([mail(2)], Kept())
    assert problem is not None and fake.sink.received == []


@pytest.mark.parametrize(
    ("played", "phase", "there"),
    [
        (Play(None, Then.CLOSE, takes=True), Phase.ENDED, 1),
        (Play(None, Then.CLOSE, takes=False), Phase.ENDED, 0),
        (Play(None, Then.RESET, takes=True), Phase.ENDED, 1),
        (Play(None, Then.SILENCE, takes=True), Phase.ENDED, 1),
        (Play("250-endless", Then.ENDLESS, takes=True), Phase.ENDED, 1),
        (Play("999 what", takes=True), Phase.ENDED, 1),
        (Play("250 2.0.0 Ok", Then.CLOSE), Phase.ANSWERED, 1),
        (Play("451 4.3.0 Later"), Phase.ANSWERED, 0),
        (Play("554 5.7.1 Spam"), Phase.ANSWERED, 0),
        (Play("421 4.3.2 Bye"), Phase.ANSWERED, 0),
    ],
)
async def test_what_can_come_after_the_end(fake: SmtpServer, played: Play, phase: Phase, there: int) -> None:
    fake.sink.replies["."] = played
    session = await opened(plain(fake), times=TimeLimits(*[0.3] * 7))
    kept = Kept()
    problem = await session.send([mail(1)], kept)
    session.abort()
    assert kept.results[1].phase is phase
    assert kept.results[1].is_uncertain is (problem is not None and phase is Phase.ENDED)
    assert len(fake.sink.received) == there


async def test_an_answer_that_takes_long_is_waited_for(fake: SmtpServer) -> None:
    loop = asyncio.get_running_loop()
    fake.sink.replies["."] = Play("250 2.0.0 Ok at last", Then.HOLD, takes=True)

    def deliver(received: Received) -> None:
        loop.call_soon(fake.release.set)

    fake.sink.deliver = deliver
    session = await opened(plain(fake))
    kept = Kept()
    assert await session.send([mail(1)], kept) is None
    assert kept.results[1].queue_text == "Ok at last"
    await session.quit()


async def test_a_session_that_the_server_gave_up_sends_nothing(fake: SmtpServer) -> None:
    fake.sink.extensions = ("PIPELINING",)
    session = await opened(plain(fake))
    fake.sink.replies["."] = Play("250 2.0.0 Ok\r\n421 4.4.2 Idle for too long", Then.CLOSE, takes=True)
    first, second = Kept(), Kept()
    problem = await session.send([mail(1)], first)
    if problem is None:
        problem = await session.send([mail(2)], second)
    assert first.results[1].is_sent and len(fake.sink.received) == 1
    assert problem is not None and problem.code == "smtp.unavailable"
    assert not any(one.is_uncertain for one in second.results.values())
    session.abort()


@pytest.mark.parametrize("key", ["MAIL", "RCPT bo@example.org", "DATA"])
async def test_silence_before_the_end_is_no_doubt(fake: SmtpServer, key: str) -> None:
    fake.sink.extensions = ("PIPELINING",)
    fake.sink.replies[key] = Play(None, Then.SILENCE)
    session = await opened(plain(fake), times=TimeLimits(*[0.2] * 7))
    kept = Kept()
    problem = await session.send([mail(1), mail(2)], kept)
    session.abort()
    assert problem is not None and problem.code == "net.timeout"
    assert {key: one.phase for key, one in kept.results.items()} == {1: Phase.ENVELOPE, 2: Phase.NOT_BEGUN}
    assert fake.sink.received == []


class Striding(SystemClock):
    """Strides on by 100 seconds whenever it is asked, and lets that be known."""

    def __init__(self) -> None:
        self.asked = asyncio.Event()
        self._now = 0.0

    def monotonic(self) -> float:
        self.asked.set()
        self._now += 100
        return self._now


async def test_drops_of_an_answer_do_not_stop_the_clock() -> None:
    clock = Striding()
    drops = 0

    async def script(line: Line) -> None:
        nonlocal drops
        await line.say(b"220 hello")
        await line.hear()
        await line.say(b"250 hello")
        await line.hear()
        while True:
            await clock.asked.wait()
            clock.asked.clear()
            drops += 1
            await line.say(b"250-one more")

    async with Scripted(script).listening() as scripted:
        session = await SmtpSession.open(scripted.server, None, Terms(clock))
        kept = Kept()
        problem = await session.send([mail(1)], kept)
        session.abort()
    assert problem is not None and problem.code == "net.timeout"
    assert problem.parameters["seconds"] == "300" and drops <= 5
    assert kept.results[1].phase is Phase.ENVELOPE


# --- what is shown -------------------------------------------------------------------------------------


@pytest.mark.parametrize("mechanism", ["PLAIN", "LOGIN", "SCRAM-SHA-256"])
async def test_traces_and_transcripts_hold_no_secret_and_no_mail(fake: SmtpServer, mechanism: str) -> None:
    fake.sink.mechanisms = (mechanism,)
    out, kept = io.StringIO(), Kept()
    session = await opened(plain(fake), trace=Trace(out, SystemClock()))
    content = b"Subject: vertraulich\r\n\r\ngeheimer Text\r\n"
    await session.send([mail(1, content=content)], kept)
    await session.quit()
    told = "\n".join(one.text for one in (*session.opening, *kept.results[1].transcript))
    for shown in (out.getvalue(), told):
        assert "(secret)" in shown and "MAIL FROM:<anna@example.net>" in shown and "250" in shown
        for hidden in (PASSWORD, "vertraulich", "geheimer", "AGFubm", "Z2VoZWlt"):
            assert hidden not in shown
    assert [one.text for one in session.opening][:2] == [
        "220 localhost Eilbote demo server ESMTP",
        "EHLO [127.0.0.1]",
    ]
