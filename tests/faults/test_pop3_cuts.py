"""The line of a POP3 session cut at every byte, in both directions: nothing is lost, nothing comes
twice, and nothing is deleted there that is not stored here."""

from __future__ import annotations

import asyncio
import itertools
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from eilbote.config import Config
from eilbote.engine import collect
from eilbote.engine.app import App, open_app
from eilbote.engine.connect import HostBudget
from eilbote.engine.progress import SyncReport
from eilbote.net.pop3 import Pop3Session
from eilbote.store.values import Account
from eilbote.sync.values import OnServer
from eilbote.testing.pop3 import Behaviour, Maildrop
from tests.engine.pop3_world import AT_ONCE, KEEP, add_pop3_account, letters
from tests.faults.memory_pop3 import PASSWORD, SERVER, USER, MemoryStream, memory_session

MOODS = {
    "ids": Behaviour(mechanisms=("PLAIN",)),
    "no ids": Behaviour(mechanisms=("PLAIN",), absent=frozenset({"UIDL"})),
    "one by one": Behaviour(mechanisms=(), hidden=frozenset({"PIPELINING"})),
}
STRIDES = {"ids": 1, "no ids": 7, "one by one": 7}
"""Every byte where the server has everything, every seventh elsewhere."""

_serial = itertools.count(1)


@pytest.fixture
def in_memory(tmp_path: Path) -> Iterator[Path]:
    """A folder that costs no disk, where there is one: thousands of passes are stored."""
    memory = Path("/dev/shm")
    if not os.access(memory, os.W_OK):
        yield tmp_path
        return
    with tempfile.TemporaryDirectory(prefix="eb-", dir=memory) as folder:
        yield Path(folder)


class Trial:
    """A fresh account with a maildrop of three mails, two of them alike; passes with a cut."""

    def __init__(self, app: App, patch: pytest.MonkeyPatch, mood: Behaviour, policy: OnServer) -> None:
        self.app, self.patch, self.mood = app, patch, mood
        self.maildrop = Maildrop()
        first, second = letters([next(_serial) * 10, next(_serial) * 10 + 1])
        self.mails = [first, second, second]
        self.maildrop.fill(self.mails)
        address = f"u{next(_serial)}@example.de"
        self.account: Account = add_pop3_account(app, SERVER, USER, PASSWORD, policy, address)
        self.stream: MemoryStream | None = None

    def collect(self, *, down: int | None = None, up: int | None = None) -> SyncReport:
        async def opened(app: App, account: Account) -> Pop3Session:
            session, self.stream = await memory_session(self.maildrop, self.mood, down=down, up=up)
            return session

        self.patch.setattr(collect, "open_pop3", opened)
        return asyncio.run(collect.collect_account(self.app, self.account, budget=HostBudget(5)))

    def held(self) -> list[bytes]:
        (inbox,) = self.app.store.mailboxes.all(self.account.id)
        places = self.app.store.messages.list_placements(mailbox=inbox.id, limit=100)
        return sorted(self.app.store.messages.raw(place.id) for place in places)

    def left(self) -> list[bytes]:
        return sorted(mail.raw for mail in self.maildrop.mails)

    def check_nothing_lost(self, where: str) -> None:
        here, there = self.held(), self.left()
        for mail in set(self.mails):
            count = self.mails.count(mail)
            assert here.count(mail) <= count, f"twice, {where}"
            assert there.count(mail) <= count
            gone = count - there.count(mail)
            assert here.count(mail) >= gone, f"deleted there and not stored here, {where}"

    def check_complete(self, where: str, policy: OnServer) -> None:
        assert self.held() == sorted(self.mails), where
        assert self.left() == ([] if policy == AT_ONCE else sorted(self.mails)), where


@pytest.mark.timeout(600)
@pytest.mark.parametrize("direction", ["down", "up"])
@pytest.mark.parametrize("policy", [KEEP, AT_ONCE], ids=["keep", "at once"])
@pytest.mark.parametrize("mood", list(MOODS))
def test_cut_at_every_byte(
    mood: str, policy: OnServer, direction: str, in_memory: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = Config(home=in_memory / "home", key_file=str(in_memory / "key"))
    with open_app(config) as app:
        whole = Trial(app, monkeypatch, MOODS[mood], policy)
        assert whole.collect().failed is None
        whole.check_complete("uncut", policy)
        assert whole.stream is not None
        length = whole.stream.bytes_received if direction == "down" else whole.stream.bytes_sent
        for at in range(0, length, STRIDES[mood]):
            where = f"{mood}, {policy}, cut {direction} at byte {at} of {length}"
            trial = Trial(app, monkeypatch, MOODS[mood], policy)
            report = trial.collect(**{direction: at})
            trial.check_nothing_lost(where)
            assert report.new == len(trial.held()), where
            again = trial.collect()
            assert again.failed is None, where
            trial.check_complete(where, policy)
            quiet = trial.collect()
            assert (quiet.new, quiet.pushed, quiet.failed) == (0, 0, None), where


def test_a_farewell_that_never_comes_deletes_again_and_harms_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """QUIT arrived and its answer did not: the server has deleted, we do not know."""
    config = Config(home=tmp_path / "home", key_file=str(tmp_path / "key"))
    with open_app(config) as app:
        whole = Trial(app, monkeypatch, MOODS["ids"], AT_ONCE)
        whole.collect()
        assert whole.stream is not None
        trial = Trial(app, monkeypatch, MOODS["ids"], AT_ONCE)
        report = trial.collect(down=whole.stream.bytes_received - 1)
        assert report.failed is not None and report.failed.code == "net.closed"
        assert trial.left() == [] and trial.held() == sorted(trial.mails)
        quiet = trial.collect()
        assert (quiet.failed, quiet.new, quiet.pushed) == (None, 0, 0)
