"""Our ManageSieve session against servers that mean harm, and on lines that break."""

from __future__ import annotations

import io
import ssl
from base64 import b64decode, b64encode
from collections.abc import Awaitable, Callable, Sequence

import pytest
import trustme

from eilbote.clock import SystemClock
from eilbote.errors import EilboteError, Garbled, NotAllowed, Refused, Unreachable
from eilbote.net.managesieve import ManageSieveSession
from eilbote.net.trace import Trace
from eilbote.protocols.managesieve.values import ScriptListing
from eilbote.store.values import Security, Server
from tests.net.scripted import Line, Script, Scripted
from tests.net.test_managesieve_session import (
    PASSWORD,
    A,
    code_of,
    opened,
)

HELLO = (b'"IMPLEMENTATION" "Test"', b'"SASL" "PLAIN"', b'"SIEVE" "fileinto"', b'"VERSION" "1.0"', b"OK")


async def let_in(line: Line) -> None:
    """Greeting, login and the first two questions as an ordinary server answers them; no tags repeated."""
    await line.say(*HELLO)
    assert (await line.reader.readline()).startswith(b'AUTHENTICATE "PLAIN"')
    await line.say(b"OK")
    await line.hear()
    await line.say(*HELLO)
    await line.hear()
    await line.say(b"OK")


async def served(script: Script, step: Callable[[ManageSieveSession], Awaitable[object]]) -> None:
    """One step with a server that goes on with `script` after the login."""

    async def whole(line: Line) -> None:
        await let_in(line)
        await script(line)

    async with Scripted(whole).listening() as scripted:
        session = await opened(scripted.server)
        try:
            await step(session)
        finally:
            session.abort()


async def fails(
    script: Script, step: Callable[[ManageSieveSession], Awaitable[object]], kind: type[EilboteError]
) -> str:
    with pytest.raises(kind) as failed:
        await served(script, step)
    assert failed.value.problem.parameters.get("host") == "127.0.0.1"
    return failed.value.problem.code


def saying(*pieces: bytes, after: int = 1) -> Script:
    """Hears a command, then says this again and again."""

    async def script(line: Line) -> None:
        await line.hear()
        for _ in range(after):
            line.writer.write(b"".join(pieces))
            await line.writer.drain()

    return script


@pytest.mark.parametrize(
    ("pieces", "times", "kind", "code"),
    [
        ((b'"script"\r\n',), 20_000, Garbled, "managesieve.answer_too_long"),
        ((b'"' + b"x" * 10_000 + b'"\r\n',), 2_000, Garbled, "managesieve.answer_too_long"),
        ((b"x" * 60_000,), 2_000, Garbled, "managesieve.line_too_long"),
        ((b"{1000000000}\r\n",), 1, Garbled, "managesieve.literal_too_long"),
        (
            (b"{4000000}\r\n" + b"x" * 4_000_000 + b" {4000000}\r\n",),
            1,
            Garbled,
            "managesieve.literal_too_long",
        ),
        ((b"OK (" + b"(" * 5_000 + b"\r\n",), 1, Garbled, "managesieve.no_answer"),
        ((b"* LIST () NIL x\r\n",), 1, Garbled, "managesieve.no_answer"),
        ((b'BYE "maintenance"\r\n',), 1, Unreachable, "managesieve.bye"),
        ((b'BYE (REFERRAL "sieve://evil.example")\r\n',), 1, Refused, "managesieve.referral"),
        ((b'NO (REFERRAL "sieve://evil.example")\r\n',), 1, Refused, "managesieve.referral"),
    ],
)
async def test_hostile_answers(
    pieces: tuple[bytes, ...], times: int, kind: type[EilboteError], code: str
) -> None:
    assert await fails(saying(*pieces, after=times), lambda session: session.list(), kind) == code


@pytest.mark.parametrize("wire", [b"\r\n", b'"x" "y" "z"\r\n', b"OK (\r\n", b"()\r\n", b'"a"b"\r\nOK\r\n'])
async def test_a_trace_bears_whatever_comes(wire: bytes) -> None:
    async def script(line: Line) -> None:
        await let_in(line)
        await line.hear()
        line.writer.write(wire)
        line.writer.close()

    out = io.StringIO()
    async with Scripted(script).listening() as scripted:
        session = await opened(scripted.server, trace=Trace(out, SystemClock()))
        with pytest.raises((Garbled, Unreachable)):
            await session.fetch(A)
        session.abort()
    assert 'GETSCRIPT "a"' in out.getvalue() and PASSWORD not in out.getvalue()


async def test_a_good_bye_that_nobody_asked_for() -> None:
    async def script(line: Line) -> None:
        await line.hear()
        await line.say(b"OK", b'BYE "idle"')

    async def step(session: ManageSieveSession) -> None:
        assert (await session.list()).scripts == ()
        await session.list()

    assert await fails(script, step, Unreachable) == "managesieve.bye"


async def test_an_answer_that_nobody_asked_for() -> None:
    async def script(line: Line) -> None:
        await line.hear()
        await line.say(b"OK", b'"forged" ACTIVE', b"OK")

    async def step(session: ManageSieveSession) -> None:
        await session.list()
        await session.list()

    assert await fails(script, step, Garbled) == "managesieve.unasked"


async def test_silence_ends() -> None:
    async def script(line: Line) -> None:
        await line.hear()

    async def whole(line: Line) -> None:
        await let_in(line)
        await script(line)

    async with Scripted(whole).listening() as scripted:
        session = await opened(scripted.server, read_timeout=0.3)
        assert await code_of(session.list(), Unreachable) == "net.timeout"
        session.abort()


@pytest.mark.parametrize("after", range(5))
async def test_a_line_that_breaks_is_named(after: int) -> None:
    async def script(line: Line) -> None:
        said = [HELLO, (b"OK",), HELLO, (b"OK",), (b'"a"', b'"b')]
        for at, lines in enumerate(said):
            if at == after:
                line.writer.write(lines[0][:-1])
                await line.writer.drain()
                line.writer.close()
                return
            await line.say(*lines)
            await line.hear()

    async with Scripted(script).listening() as scripted:
        with pytest.raises(Unreachable) as broken:
            session = await opened(scripted.server)
            try:
                await session.list()
            finally:
                session.abort()
    assert broken.value.problem.code == "net.closed"
    assert broken.value.problem.parameters["host"] == "127.0.0.1"


TOLD = (
    b"\r\n".join(HELLO) + b"\r\n",
    b'OK "in"\r\n',
    b"\r\n".join(HELLO) + b"\r\n",
    b'OK (TAG "1") "Done"\r\n',
    b"OK\r\nOK (TAG {1}\r\n2)\r\n",
    b'"a" ACTIVE\r\n{1}\r\nb\r\nOK\r\nOK (TAG "3")\r\n',
    b'{5}\r\nkeep;\r\nOK\r\nOK (TAG "4")\r\n',
)


async def test_a_line_that_is_cut_at_any_byte_never_looks_like_a_success() -> None:
    cut = 0

    async def script(line: Line) -> None:
        left = cut
        for told in TOLD:
            line.writer.write(told[:left])
            await line.writer.drain()
            left -= len(told)
            if left <= 0:
                line.writer.close()
                return
            await line.reader.read(4096)

    async def work(server: Server) -> tuple[ScriptListing, bytes]:
        session = await opened(server)
        try:
            await session.put(A, b"keep;")
            return await session.list(), await session.fetch(A)
        finally:
            session.abort()

    total = sum(map(len, TOLD))
    async with Scripted(script).listening() as scripted:
        for cut in range(total):  # the script reads it
            with pytest.raises(Unreachable) as broken:
                await work(scripted.server)
            assert broken.value.problem.code == "net.closed", cut
        cut = total
        listing, script_a = await work(scripted.server)
    assert ([one.name for one in listing.scripts], listing.active, script_a) == (["a", "b"], "a", b"keep;")


# --- TLS ---------------------------------------------------------------------------------------------------


@pytest.fixture
def tls() -> ssl.SSLContext:
    """A server's context whose certificate no authority of this machine vouches for."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    trustme.CA().issue_cert("127.0.0.1").configure_cert(context)
    return context


def plain(*lines: bytes, then: Sequence[bytes] = ()) -> Script:
    """Greets with these lines, hears STARTTLS and answers with the others."""

    async def script(line: Line) -> None:
        await line.say(*lines)
        if then:
            await line.hear()
            await line.say(*then)

    return script


OFFERS = (b'"SIEVE" "x"', b'"SASL" "PLAIN"', b'"STARTTLS"', b"OK")


@pytest.mark.parametrize(
    ("script", "kind", "code", "heard"),
    [
        (plain(b'"SIEVE" "x"', b'"SASL" "PLAIN"', b"OK"), NotAllowed, "managesieve.no_starttls", []),
        (plain(*OFFERS, then=[b'NO "not today"']), NotAllowed, "managesieve.no_starttls", [b"STARTTLS\r\n"]),
        (plain(*OFFERS, then=[b"OK", b'"SASL" "PLAIN"', b"OK"]), Garbled, "net.injected", [b"STARTTLS\r\n"]),
        (plain(*OFFERS, then=[b"OK", b'"SA']), Garbled, "net.injected", [b"STARTTLS\r\n"]),
        (plain(*OFFERS, then=[b'BYE (REFERRAL "x")']), Refused, "managesieve.referral", [b"STARTTLS\r\n"]),
        (plain(b'BYE "full"'), Unreachable, "managesieve.bye", []),
        (plain(b'NO "full"'), Unreachable, "managesieve.unavailable", []),
        (plain(b"OK"), Garbled, "managesieve.no_greeting", []),
        (plain(b"* OK IMAP4rev1 ready"), Garbled, "managesieve.no_greeting", []),
    ],
)  # fmt: skip
async def test_nothing_secret_is_said_in_plain_text(
    script: Script, kind: type[EilboteError], code: str, heard: list[bytes]
) -> None:
    async with Scripted(script).listening() as scripted:
        assert await code_of(opened(Server("127.0.0.1", scripted.port, Security.STARTTLS)), kind) == code
        assert scripted.lines[0].received == heard


async def test_what_is_promised_before_tls_is_forgotten(tls: ssl.SSLContext) -> None:
    """A server that says behind TLS that only LOGIN works gets no PLAIN, whatever it said before."""

    async def script(line: Line) -> None:
        await line.say(*OFFERS)
        await line.hear()
        await line.say(b"OK")
        await line.writer.start_tls(tls)
        await line.say(b'"SIEVE" "x"', b'"SASL" "LOGIN"', b"OK")
        assert (await line.reader.readline()) == b'AUTHENTICATE "LOGIN"\r\n'
        for prompt in (b"User", b"Password"):
            await line.say(b'"' + b64encode(prompt) + b'"')
            line.received.append(b64decode((await line.reader.readline()).strip(b'"\r\n')))
        await line.say(b'NO "no"')

    async with Scripted(script).listening() as scripted:
        server = Server("127.0.0.1", scripted.port, Security.STARTTLS)
        with pytest.raises(Unreachable) as unknown:
            await opened(server)
        assert unknown.value.problem.code == "net.certificate"
        assert all(line.received == [b"STARTTLS\r\n"] for line in scripted.lines)
        pin = unknown.value.problem.parameters["fingerprint"]
        assert await code_of(opened(server, trusted=[pin]), Refused) == "managesieve.login_refused"
        assert scripted.lines[-1].received[-2:] == [b"anna", PASSWORD.encode()]


async def test_tls_from_the_first_byte(tls: ssl.SSLContext) -> None:
    async with Scripted(let_in, tls).listening() as scripted:
        with pytest.raises(Unreachable) as unknown:
            await opened(scripted.server)
        assert all(line.received == [] for line in scripted.lines)
        pin = unknown.value.problem.parameters["fingerprint"]
        session = await opened(scripted.server, trusted=[pin])
        session.abort()
    assert len(scripted.lines[-1].received) == 2


async def test_no_plain_text_to_another_machine() -> None:
    assert await code_of(opened(Server("192.0.2.1", 4190, Security.NONE)), NotAllowed) == "net.insecure"
