"""Forecasts for who is still typing: each domain asked once, kept for a while, and never without end."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from eilbote.delivery.foresight import Forecast
from eilbote.delivery.values import Foreseen
from eilbote.engine import foreseeing
from eilbote.engine.app import App
from eilbote.engine.foreseeing import Foresight, Outlook, outlook
from eilbote.errors import Problem
from tests.web.browser import HandClock, opened


class Asked:
    """Stands for the network; `gate` holds answers back."""

    def __init__(self) -> None:
        self.domains: list[str] = []
        self.foreseen = Foreseen.ENCRYPTED
        self.gate = asyncio.Event()
        self.gate.set()

    async def __call__(self, _app: App, _around: object, addresses: Sequence[str]) -> list[Forecast]:
        domain = addresses[0].partition("@")[2]
        self.domains.append(domain)
        await self.gate.wait()
        return [Forecast(domain, self.foreseen, Problem("route.protected", {"domain": domain}))]


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> Asked:
    made = Asked()
    monkeypatch.setattr(foreseeing, "foresee", made)
    return made


@pytest.fixture
def home(tmp_path: Path) -> Iterator[tuple[App, HandClock]]:
    with opened(tmp_path) as (app, clock):
        yield app, clock


async def test_a_domain_is_asked_once_and_again_when_its_answer_is_old(
    home: tuple[App, HandClock], asked: Asked
) -> None:
    (app, clock), foresight = home, Foresight()
    asked.gate.clear()
    both = [asyncio.create_task(foresight.of(app, user, ["A.example", "a.example "])) for user in (1, 2)]
    await asyncio.sleep(0)
    asked.gate.set()
    assert [len(await one) for one in both] == [1, 1]
    await foresight.of(app, 1, ["a.example"])
    assert asked.domains == ["a.example"]
    clock.at += 3601
    await foresight.of(app, 1, ["a.example"])
    assert asked.domains == ["a.example"] * 2


async def test_what_is_not_known_is_asked_again_soon(home: tuple[App, HandClock], asked: Asked) -> None:
    (app, clock), foresight = home, Foresight()
    asked.foreseen = Foreseen.UNKNOWN
    for _ in range(2):
        await foresight.of(app, 1, ["a.example"])
    clock.at += 121
    await foresight.of(app, 1, ["a.example"])
    assert len(asked.domains) == 2


async def test_one_who_leaves_takes_no_answer_from_others(home: tuple[App, HandClock], asked: Asked) -> None:
    (app, _), foresight = home, Foresight()
    asked.gate.clear()
    one, two = [asyncio.create_task(foresight.of(app, user, ["a.example"])) for user in (1, 2)]
    await asyncio.sleep(0.01)
    one.cancel()
    asked.gate.set()
    assert (await two)[0].foreseen is Foreseen.ENCRYPTED


async def test_nobody_has_it_ask_without_end(
    home: tuple[App, HandClock], asked: Asked, monkeypatch: pytest.MonkeyPatch
) -> None:
    (app, clock), foresight = home, Foresight()
    assert len(await foresight.of(app, 1, [f"{n}.example" for n in range(500)])) == foreseeing.MOST_AT_ONCE
    monkeypatch.setattr(foreseeing, "_MOST_AN_HOUR", 30)
    for number in range(40):
        await foresight.of(app, 1, [f"more{number}.example"])
    assert len(asked.domains) == 30
    refused = (await foresight.of(app, 1, ["other.example"]))[0]
    assert (refused.foreseen, refused.reason.code) == (Foreseen.UNKNOWN, "foresee.too_many")
    assert (await foresight.of(app, 2, ["other.example"]))[0].foreseen is Foreseen.ENCRYPTED
    clock.at += 3601
    assert (await foresight.of(app, 1, ["third.example"]))[0].foreseen is Foreseen.ENCRYPTED
    monkeypatch.setattr(foreseeing, "_MOST_UNDER_WAY", 2)
    asked.gate.clear()
    waiting = [asyncio.create_task(foresight.of(app, 2, [f"slow{n}.example"])) for n in range(2)]
    await asyncio.sleep(0.01)
    assert (await foresight.of(app, 2, ["fourth.example"]))[0].foreseen is Foreseen.UNKNOWN
    asked.gate.set()
    await asyncio.gather(*waiting)


@pytest.mark.parametrize(
    ("foreseen", "code", "said"),
    [
        (Foreseen.ENCRYPTED, "route.protected", Outlook.PROVEN),
        (Foreseen.MAYBE_PLAIN, "route.starttls_unproven", Outlook.ENCRYPTED),
        (Foreseen.MAYBE_PLAIN, "route.unprotected", Outlook.MAYBE),
        (Foreseen.MAYBE_PLAIN, "route.no_starttls", Outlook.PLAIN),
        (Foreseen.IMPOSSIBLE, "route.null_mx", Outlook.NEVER),
        (Foreseen.UNKNOWN, "dns.failed", Outlook.UNKNOWN),
    ],
)
def test_each_forecast_has_plain_words(foreseen: Foreseen, code: str, said: Outlook) -> None:
    assert outlook(Forecast("a.example", foreseen, Problem(code))) is said
