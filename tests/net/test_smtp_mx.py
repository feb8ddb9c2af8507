"""An MX spoken to by a stranger: opportunistic and enforced TLS, verified or judged, and HELO."""

from __future__ import annotations

import hashlib
import ssl
from collections.abc import AsyncIterator, Callable

import pytest
import trustme

from eilbote.clock import SystemClock
from eilbote.errors import EilboteError, NotAllowed, Unreachable
from eilbote.net import stream
from eilbote.net.dial import Address
from eilbote.net.smtp import SmtpSession
from eilbote.net.smtp_conversation import Protection, StartTls
from eilbote.net.terms import Terms
from eilbote.protocols.smtp.limits import TimeLimits
from eilbote.protocols.smtp.types import Mail, Recipient
from eilbote.store.values import Security, Server
from eilbote.testing.smtp.server import SmtpServer
from eilbote.testing.smtp.sink import Sink
from tests.net.test_smtp_session import Kept
from tests.servers.postfix import Postfix, PostfixOptions

BODY = b"Subject: a\r\n\r\ntext\r\n"


class Untrusted(EilboteError):
    """What a judge of these tests raises."""


async def opened(
    port: int,
    protection: Protection,
    host: str = "localhost",
    addresses: tuple[Address, ...] | None = None,
) -> SmtpSession:
    return await SmtpSession.open_mx(
        Server(host, port, Security.STARTTLS),
        Terms(SystemClock(), connect_timeout=10),
        protection,
        name="mail.example.net",
        addresses=addresses,
        times=TimeLimits(*[10.0] * 7),
    )


@pytest.fixture(params=["fake", "postfix"])
async def mx(
    request: pytest.FixtureRequest, postfix_like: Callable[..., Postfix], authority: trustme.CA
) -> AsyncIterator[Callable[[bool], int]]:
    """The port of an MX, with or without TLS."""
    if request.param == "postfix":
        yield lambda tls: postfix_like(PostfixOptions(tls=tls)).mx_port
        return
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("localhost").configure_cert(context)
    async with (
        SmtpServer(Sink(login_needed=False, starttls=True), context) as with_tls,
        SmtpServer(Sink(login_needed=False)) as without,
    ):
        yield lambda tls: with_tls.port if tls else without.port


@pytest.fixture
def authority() -> trustme.CA:
    return trustme.CA()


async def send(session: SmtpSession, *, require_tls: bool = False) -> bool:
    kept = Kept()
    to = (Recipient("u1@example.org"),)
    await session.send([Mail(1, "a@example.net", to, BODY, require_tls=require_tls)], kept)
    await session.quit()
    return kept.results[1].is_sent


@pytest.mark.parametrize("tls", [True, False])
async def test_opportunistic_takes_what_there_is(mx: Callable[[bool], int], tls: bool) -> None:
    session = await opened(mx(tls), Protection(StartTls.OFFERED, verified=False))
    assert session.is_protected is tls
    assert await send(session)


async def test_required_never_goes_on_without(mx: Callable[[bool], int]) -> None:
    with pytest.raises(NotAllowed) as refused:
        await opened(mx(False), Protection(StartTls.REQUIRED, verified=False))
    assert refused.value.problem.code == "smtp.no_starttls"
    session = await opened(mx(True), Protection(StartTls.REQUIRED, verified=False))
    assert session.is_protected and await send(session)


async def test_never_is_plain_text(mx: Callable[[bool], int]) -> None:
    session = await opened(mx(True), Protection(StartTls.NEVER, verified=False))
    assert not session.is_protected and await send(session)


async def test_verified_wants_a_certificate_for_the_host(mx: Callable[[bool], int]) -> None:
    with pytest.raises(Unreachable) as unknown:
        await opened(mx(True), Protection())
    assert unknown.value.problem.code == "net.certificate"


async def test_a_judge_sees_the_chain_before_anything_is_said(mx: Callable[[bool], int]) -> None:
    seen: list[tuple[bytes, ...]] = []

    def judge(chain: tuple[bytes, ...]) -> None:
        seen.append(chain)
        raise Untrusted("net.tls", reason="no TLSA record matches")

    with pytest.raises(Untrusted):
        await opened(mx(True), Protection(verified=False, judge=judge))
    with pytest.raises(Untrusted):
        await opened(mx(False), Protection(StartTls.OFFERED, verified=False, judge=judge))
    assert len(hashlib.sha256(seen[0][0]).hexdigest()) == 64 and seen[0][0].startswith(b"\x30\x82")
    assert seen[1] == ()
    session = await opened(mx(True), Protection(verified=False, judge=seen.append))
    assert session.is_protected and len(seen) == 3 and await send(session)


@pytest.mark.parametrize("host", ["mx.example.org", "other.example.org"])
async def test_the_host_is_where_the_caller_says(
    postfix: Postfix, host: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Connected to by address, verified by name."""
    context = ssl.create_default_context(cafile=str(postfix.ca_file))
    whatever = stream.tls_context(verify=False)
    monkeypatch.setattr(stream, "tls_context", lambda verify: context if verify else whatever)
    place = Address(2, 6, (postfix.host, postfix.mx_port))
    if host != "mx.example.org":
        with pytest.raises(Unreachable):
            await opened(postfix.mx_port, Protection(), host, (place,))
        return
    session = await opened(postfix.mx_port, Protection(), host, (place,))
    assert await send(session)


async def test_requiretls_wants_more_than_opportunistic_tls(authority: trustme.CA) -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("localhost").configure_cert(context)
    sink = Sink(login_needed=False, starttls=True)
    sink.extensions = (*sink.extensions, "REQUIRETLS")
    async with SmtpServer(sink, context) as fake:
        loose = await opened(fake.port, Protection(StartTls.OFFERED, verified=False))
        assert not await send(loose, require_tls=True) and sink.received == []
        judged = await opened(fake.port, Protection(verified=False, judge=lambda chain: None))
        assert await send(judged, require_tls=True)
        assert "REQUIRETLS" in sink.received[0].parameters[0]


async def test_helo_for_a_server_of_long_ago() -> None:
    sink = Sink(login_needed=False, replies={"EHLO": "500 5.5.2 Unknown"})
    async with SmtpServer(sink) as fake:
        session = await opened(fake.port, Protection(StartTls.OFFERED, verified=False))
        assert not session.extensions.esmtp and await send(session)
        with pytest.raises(EilboteError):
            await opened(fake.port, Protection())
    assert b"HELO mail.example.net" in sink.heard
