"""Whether mail will arrive encrypted, for who is still typing addresses: each domain is asked once and kept
for a while, and nobody can have it ask without end.
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Sequence
from enum import StrEnum

from msgspec import Struct

from eilbote.delivery.foresight import Forecast
from eilbote.delivery.values import Foreseen
from eilbote.engine.app import App
from eilbote.engine.foresee import foresee
from eilbote.engine.route import surroundings_of
from eilbote.errors import Problem

MOST_AT_ONCE = 20
"""Domains of one question."""

_KEEP_SECONDS = 3600.0
_KEEP_UNKNOWN_SECONDS = 120.0
_MOST_KEPT = 2000
_MOST_UNDER_WAY = 20
_MOST_AN_HOUR = 300
"""Domains that are asked for one user."""


class Outlook(StrEnum):
    """What is said of a domain, in plain words."""

    PROVEN = "proven"
    ENCRYPTED = "encrypted"
    MAYBE = "maybe"
    PLAIN = "plain"
    NEVER = "never"
    UNKNOWN = "unknown"


class _Spent(Struct):
    """How many domains a user has had asked since an hour began."""

    since: float
    count: int = 0


class Foresight:
    """The forecasts of one running page. To be called inside of its loop."""

    def __init__(self) -> None:
        self._kept: OrderedDict[str, tuple[float, Forecast]] = OrderedDict()
        self._asked: dict[str, asyncio.Task[Forecast]] = {}
        self._spent: dict[int, _Spent] = {}

    async def of(self, app: App, user: int, domains: Sequence[str]) -> list[Forecast]:
        """In their order, each once; what a user asks for beyond the bounds is unknown."""
        wanted = list(dict.fromkeys(one.strip().lower()[:255] for one in domains if one.strip()))
        return list(await asyncio.gather(*(self._one(app, user, one) for one in wanted[:MOST_AT_ONCE])))

    async def _one(self, app: App, user: int, domain: str) -> Forecast:
        now = app.clock.now()
        until, kept = self._kept.get(domain, (0.0, None))
        if kept is not None and now < until:
            return kept
        task = self._asked.get(domain)
        if task is None:
            if len(self._asked) >= _MOST_UNDER_WAY or not self._may_ask(user, now):
                return Forecast(domain, Foreseen.UNKNOWN, Problem("foresee.too_many"))
            task = self._asked[domain] = asyncio.create_task(self._ask(app, domain))
        return await asyncio.shield(task)  # others may wait for the same answer

    async def _ask(self, app: App, domain: str) -> Forecast:
        try:
            (found,) = await foresee(app, surroundings_of(app), [f"postmaster@{domain}"])
        finally:
            del self._asked[domain]
        unknown = found.foreseen is Foreseen.UNKNOWN
        self._kept[domain] = (
            app.clock.now() + (_KEEP_UNKNOWN_SECONDS if unknown else _KEEP_SECONDS),
            found,
        )
        self._kept.move_to_end(domain)
        while len(self._kept) > _MOST_KEPT:
            self._kept.popitem(last=False)
        return found

    def _may_ask(self, user: int, now: float) -> bool:
        spent = self._spent.get(user)
        if spent is None or now - spent.since >= _KEEP_SECONDS:
            spent = self._spent[user] = _Spent(now)
        spent.count += 1
        return spent.count <= _MOST_AN_HOUR


def outlook(forecast: Forecast) -> Outlook:
    """Plain words for a forecast."""
    match forecast.foreseen:
        case Foreseen.ENCRYPTED:
            return Outlook.PROVEN
        case Foreseen.IMPOSSIBLE:
            return Outlook.NEVER
        case Foreseen.UNKNOWN:
            return Outlook.UNKNOWN
        case Foreseen.MAYBE_PLAIN:
            words = {
                "route.starttls_unproven": Outlook.ENCRYPTED,
                "route.no_starttls": Outlook.PLAIN,
            }
            return words.get(forecast.reason.code, Outlook.MAYBE)
