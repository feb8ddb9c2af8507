"""Rules on their way to a server and back, for tests: a home with its server, mail as the server delivers it,
and a kill at every step."""

from __future__ import annotations

import asyncio
import subprocess
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from eilbote.clock import SystemClock
from eilbote.engine.owner import sync_accounts
from eilbote.engine.place_rules import Placed, name_server, push
from eilbote.engine.push_scripts import ServerScripts, open_scripts
from eilbote.engine.rule_scripts import entries_of
from eilbote.engine.settle_rules import SETTLED_AFTER
from eilbote.errors import NotAllowed
from eilbote.store.rule_book import RuleBook
from eilbote.store.values import Security, Server
from tests.engine.test_filter import lying
from tests.engine.world import World, mail, world
from tests.servers.dovecot import Dovecot

BOOK = """
# Rechnungen zuerst
[[rule]]
name = "Rechnungen"
if = [{subject = "Rechnung"}]
then = [{move = "Buchhaltung"}, {label = "$Bezahlen"}]

[[rule]]
name = "Kopie"
if = [{subject = "Kopie"}]
then = [{copy = "Kopien"}]

[[rule]]
name = "Wichtig"
if = [{importance = "high"}]
then = [{move = "Dringend"}]
"""


@contextmanager
def made(dovecot: Dovecot, home: Path, store_url: str = "") -> Iterator[World]:
    with world(dovecot, home, store_url) as kim:
        where = Server(dovecot.host, dovecot.sieve_port, Security.NONE)
        kim.account = name_server(kim.app, kim.account, where)
        kim.sync()
        yield kim


def save(kim: World, text: str) -> None:
    kim.app.store.rule_book.save(text, kim.app.store.rule_book.revision(), kim.app.clock.now())


def places(kim: World) -> dict[str, str]:
    return {one.name: one.where.value for one in entries_of(kim.app, kim.account)}


def deliver(kim: World, *subjects: str) -> None:
    """New mail, as the server's own delivery agent brings it: the active script sees it."""
    assert isinstance(kim.server, Dovecot)
    for subject in subjects:
        lda = ["/usr/lib/dovecot/dovecot-lda", "-c", str(kim.server.folder / "dovecot.conf"), "-d", kim.user]
        command = [*lda, "-o", "mail_plugins=sieve", "-f", "anna@example.org"]
        content = mail(hash(subject) % 10_000, subject=subject)
        done = subprocess.run(command, input=content, capture_output=True, check=False, timeout=60)
        assert done.returncode == 0, (done.stderr, kim.server.log())


def pushed(kim: World, *names: str, replacing: bool = False) -> Placed:
    return asyncio.run(push(kim.app, kim.account, names, replacing=replacing))


def on_server(kim: World) -> tuple[str | None, str]:
    """The active script and its text."""

    async def ask() -> tuple[str | None, str]:
        async with open_scripts(kim.app, kim.account) as scripts:
            active = (await scripts.list()).active
            return active, (await scripts.pull(active)).decode() if active else ""

    return asyncio.run(ask())


class Killed(BaseException):
    """The end of a process, which nothing can catch."""


class Steps:
    """Kills at the step of this number, before or after it was done; steps are what the book and the server
    are asked to change, and what the server is asked."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, at: int, *, after: bool) -> None:
        self.at, self.after, self.done = at, after, list[str]()
        save = RuleBook.save

        def saving(book: RuleBook, *given: object) -> object:
            if given[-1] != "place":
                return save(book, *given)  # type: ignore[arg-type]
            self._step("save", before=True)
            result = save(book, *given)  # type: ignore[arg-type]
            self._step("save", before=False)
            return result

        monkeypatch.setattr(RuleBook, "save", saving)
        for name in ("push", "activate", "deactivate", "delete"):
            monkeypatch.setattr(ServerScripts, name, self._killing(name, getattr(ServerScripts, name)))

    def _killing(self, name: str, step: Callable[..., Awaitable[object]]) -> object:
        async def killing(*given: object, **options: object) -> object:
            self._step(name, before=True)
            result = await step(*given, **options)
            self._step(name, before=False)
            return result

        return killing

    def _step(self, name: str, *, before: bool) -> None:
        if before:
            self.done.append(name)
        if len(self.done) == self.at + 1 and before is not self.after:
            raise Killed


def later(monkeypatch: pytest.MonkeyPatch, seconds: float) -> None:
    """It is so much later."""
    now = SystemClock.now
    monkeypatch.setattr(SystemClock, "now", lambda clock: now(clock) + seconds)


def passes(kim: World) -> list[str]:
    """A pass; the codes of its problems."""
    (report,) = asyncio.run(sync_accounts(kim.app))
    assert report.failed is None
    return [problem.code for _, problem in report.problems]


def sorted_once(kim: World, number: int) -> None:
    """Each of these mails was sorted by exactly one of the two."""
    lies = lying(kim)
    assert [one for box in lies.values() for one in box if f"Rechnung {number}" in one] == [
        f"Rechnung {number} $Bezahlen"
    ]
    assert f"Rechnung {number} $Bezahlen" in lies["Buchhaltung"]
    assert lies["Kopien"].count(f"Kopie {number}") == 1
    assert lies["INBOX"].count(f"Kopie {number}") == 1


def killed(kim: World, monkeypatch: pytest.MonkeyPatch, step: object, at: int, *, after: bool) -> list[str]:
    """Kills there, lets mail come, and looks whether it waits for an answer, is sorted once then, and once
    more after that. Returns the steps."""
    with monkeypatch.context() as patch:
        steps = Steps(patch, at, after=after)
        with pytest.raises(Killed):
            step()  # type: ignore[operator]
    under_way = "pending" in places(kim).values()
    deliver(kim, "Rechnung 1", "Kopie 1")
    assert passes(kim) == (["rules.push_under_way"] if under_way else [])
    if under_way:
        assert kim.app.store.rule_runs.history() == []
        with pytest.raises(NotAllowed) as refused:
            pushed(kim)
        assert refused.value.problem.code == "rules.push_under_way"
    later(monkeypatch, SETTLED_AFTER + 1)
    kim.sync()
    kim.sync()
    assert "pending" not in places(kim).values()
    sorted_once(kim, 1)
    active, text = on_server(kim)
    for name, where in places(kim).items():
        assert (where == "server") == (active is not None and f"rule:[{name}]" in text), (name, where)
    kim.assert_same()
    return steps.done
