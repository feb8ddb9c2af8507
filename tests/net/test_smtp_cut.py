"""The line to Postfix breaks at any byte, in both directions and every way: what we hold for sent lies
there once, what we hold for not sent lies nowhere, and doubt is only where an end was under way."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress

import pytest

from eilbote.clock import SystemClock
from eilbote.errors import Unreachable
from eilbote.net.smtp import SmtpSession
from eilbote.net.terms import Terms
from eilbote.protocols.smtp.limits import TimeLimits
from eilbote.protocols.smtp.types import Mail, Recipient
from eilbote.store.values import Security, Server
from tests.faults.proxy import End, Trouble, proxied
from tests.net.test_smtp_session import Kept
from tests.servers.postfix import Postfix, PostfixOptions

MAILS = 3
STEP = 23


async def once(postfix: Postfix, address: str, trouble: Trouble, key: int) -> tuple[Kept, int, int]:
    """Sends mails through a line with this trouble; what was kept, and the bytes of both directions."""
    kept = Kept()
    to = (Recipient(address),)
    mails = [
        Mail(key + at, "a@example.net", to, b"X-Key: %d.\r\n\r\ntext\r\n" % (key + at)) for at in range(MAILS)
    ]
    async with proxied(postfix.host, postfix.mx_port) as proxy:
        proxy.trouble = trouble
        server = Server("127.0.0.1", proxy.port, Security.NONE)
        times = TimeLimits(*[5.0] * 7)
        sent = received = 0
        with suppress(Unreachable):
            session = await SmtpSession.open(server, None, Terms(SystemClock()), times=times)
            await session.send(mails, kept)
            sent, received = session.bytes_sent, session.bytes_received
            session.abort()
    return kept, sent, received


@pytest.mark.parametrize("hidden", [(), ("chunking",)])
async def test_a_line_that_breaks_anywhere(
    postfix_like: Callable[..., Postfix], hidden: tuple[str, ...]
) -> None:
    postfix = postfix_like(PostfixOptions(hidden=hidden))
    address = postfix.new_address()
    whole, up, down = await once(postfix, address, Trouble(), 1000)
    assert len(whole.results) == MAILS and all(one.is_sent for one in whole.results.values())
    troubles = [Trouble(cut_up=at, end=end) for at in range(1, up, STEP) for end in (End.FIN, End.RST)]
    troubles += [Trouble(cut_down=at, end=end) for at in range(1, down, STEP) for end in (End.FIN, End.RST)]
    told = [whole]
    for number, trouble in enumerate(troubles, 2):
        told.append((await once(postfix, address, trouble, number * 1000))[0])
    results = {key: one for each in told for key, one in each.results.items()}
    sent = {key for key, one in results.items() if one.is_sent}
    postfix.wait_for(address, len(sent))
    postfix.wait_until_idle()
    arrived = [int(raw.split(b"X-Key: ")[1].split(b".")[0]) for raw in postfix.delivered(address)]
    assert len(arrived) == len(set(arrived))
    doubtful = {key for key, one in results.items() if one.is_uncertain}
    assert sent <= set(arrived) <= sent | doubtful
    assert doubtful and len(doubtful) < len(results)
    per_line = MAILS if not hidden else 1
    assert all(sum(one.is_uncertain for one in each.results.values()) <= per_line for each in told)
