"""A name server of a domain, asked itself: does it answer over UDP and TCP, and has it the zone?

It must never be believed for anything else: what it says is looked at and not used.
"""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import TYPE_CHECKING

from eilbote.clock import Clock
from eilbote.diagnosis.evidence import NameServerAsked, Outcome
from eilbote.net.failures import outcome_of

if TYPE_CHECKING:
    from dns.message import Message

_SECONDS = 3.0
_NAME_SERVER = 53


async def ask_name_server(
    domain: str, host: str, address: str, clock: Clock, *, port: int = _NAME_SERVER
) -> NameServerAsked:
    """Both questions at once, each waited for three seconds."""
    from dns import asyncquery, flags, message  # noqa: PLC0415  # heavy, and most commands ask nothing
    from dns.exception import DNSException  # noqa: PLC0415

    try:
        question = message.make_query(domain.rstrip(".") + ".", "SOA", flags=0)
    except (DNSException, UnicodeError, ValueError):
        return NameServerAsked(host, address, Outcome.ERROR, Outcome.ERROR)
    begun = clock.monotonic()
    (udp, answer), (tcp, _) = await asyncio.gather(
        _told(asyncquery.udp(question, address, timeout=_SECONDS, port=port)),
        _told(asyncquery.tcp(question, address, timeout=_SECONDS, port=port)),
    )
    knows, serial = False, 0
    if answer is not None and answer.flags & flags.AA:
        for records in answer.answer:
            for record in records:
                knows, serial = True, int(getattr(record, "serial", 0))
    return NameServerAsked(
        host, address, udp, tcp, knows, serial, round((clock.monotonic() - begun) * 1000, 1)
    )


async def _told(asking: Coroutine[object, object, Message]) -> tuple[Outcome, Message | None]:
    from dns.exception import DNSException, Timeout  # noqa: PLC0415  # see above

    try:
        async with asyncio.timeout(_SECONDS + 0.5):
            return Outcome.OK, await asking
    except (Timeout, TimeoutError):
        return Outcome.TIMEOUT, None
    except (OSError, EOFError) as failure:
        return outcome_of(failure) if isinstance(failure, OSError) else Outcome.ENDED, None
    except (DNSException, ValueError):
        return Outcome.ERROR, None
