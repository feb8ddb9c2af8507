"""One scenario of the fault corpus: who is broken how, and the first words that its cause may have."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import NamedTuple

from eilbote.engine.diagnose import Diagnosed
from eilbote.store.values import AuthKind
from tests.diagnosis.clinic import Clinic
from tests.diagnosis.peers import Peer
from tests.diagnosis.worlds import World

Run = Callable[[Clinic], Awaitable[Diagnosed]]


class Scenario(NamedTuple):
    """`words`: first words that the cause may have; `group`: `answer`, `network`, `certificate`, `dns`,
    `tls`, `starttls`, `other`."""

    name: str
    group: str
    words: tuple[str, ...]
    run: Run


@dataclass
class _At:
    """A new account at these peers."""

    peers: tuple[Peer, ...]
    address: str = "anna@example.org"
    auth: AuthKind = AuthKind.PASSWORD

    async def __call__(self, clinic: Clinic) -> Diagnosed:
        return await clinic.report_on(*self.peers, address=self.address, auth=self.auth)


def at(*peers: Peer, address: str = "anna@example.org", auth: AuthKind = AuthKind.PASSWORD) -> Run:
    return _At(peers, address, auth)


def peers_of(scenario: Scenario) -> tuple[Peer, ...]:
    """The servers of a scenario that has some."""
    return scenario.run.peers if isinstance(scenario.run, _At) else ()


def within(name: str, group: str, words: tuple[str, ...], world: World) -> Scenario:
    async def run(clinic: Clinic) -> Diagnosed:
        return world.diagnose()

    return Scenario(name, group, words, run)
