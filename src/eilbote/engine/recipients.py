"""Whether the domains of recipients take mail at all: a word before it is too late. Asks name servers
alone, and not for long.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from eilbote.delivery.foresight import NEVER
from eilbote.engine.route import Surroundings, servers_of
from eilbote.errors import Problem
from eilbote.mail.identity import same_address

_MOMENT = 2.0
_MOST_LOOKED_UP = 50


async def without_servers(around: Surroundings, addresses: Sequence[str]) -> list[Problem]:
    """Why domains among the addresses take no mail, of those of which DNS says so within a moment."""
    domains = list(dict.fromkeys(same_address(one).rpartition("@")[2] for one in addresses))[:_MOST_LOOKED_UP]

    async def one(domain: str) -> Problem | None:
        try:
            async with asyncio.timeout(_MOMENT):
                return (await servers_of(around, domain)).problem
        except TimeoutError:
            return None

    found = await asyncio.gather(*map(one, domains))
    return [problem for problem in found if problem is not None and problem.code in NEVER]
