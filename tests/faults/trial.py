"""The story of `story.py` on a server in memory, prepared once and told many times: each trial gets
copies of the home and of the server, is disturbed in its own way, and must then recover.
"""

from __future__ import annotations

import asyncio
import copy
import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from eilbote.config import Config
from eilbote.engine.app import open_app
from eilbote.engine.owner import sync_accounts
from eilbote.engine.progress import SyncReport
from eilbote.testing.imap.behaviour import Behaviour
from eilbote.testing.imap.mailstore import Mailstore
from tests.faults.embedded import NOW, PASSWORD, add_account
from tests.faults.invariants import Evidence, check_at_rest, check_meanwhile, i12_another_pass_changes_nothing
from tests.faults.memory import Memory, in_memory, one_thing_at_a_time
from tests.faults.story import (
    Stored,
    act_here,
    act_there,
    arrived_at,
    expected_of,
    lay_out,
    stored_mails,
)

_RECOVERIES = 4
"""The last of so many passes without a disturbance, or an earlier one, finds nothing to do."""


def _now() -> float:
    return NOW


@contextmanager
def quick_folder() -> Iterator[Path]:
    """A folder in memory, where there is one: thousands of homes need no disk."""
    place = "/dev/shm" if Path("/dev/shm").is_dir() else None
    folder = Path(tempfile.mkdtemp(prefix="eb-", dir=place))
    try:
        yield folder
    finally:
        shutil.rmtree(folder)


def copied(store: Mailstore) -> Mailstore:
    """The same mail in another Mailstore."""
    fresh = Mailstore(store.now)
    fresh.mailboxes = copy.deepcopy(store.mailboxes, {id(store): fresh})
    fresh._made = store._made
    return fresh


@dataclass(slots=True)
class Prepared:
    """A home and its server as they are before the pass that is disturbed."""

    folder: Path
    behaviour: Behaviour
    store: Mailstore = field(default_factory=lambda: Mailstore(_now))
    _trials: int = 0

    def begin(self) -> None:
        """The first sync, then changes on both sides."""
        self.store.create("Archive")
        lay_out(Stored(self.store))
        memory = Memory(self.store, {"kim": PASSWORD}, self.behaviour)
        with in_memory(memory), open_app(self._config(self.folder / "prepared")) as app:
            account = add_account(app, 1)
            (report,) = asyncio.run(sync_accounts(app))
            assert report.failed is None and not report.problems, report
            act_there(Stored(self.store))
            act_here(app, account)

    def trial(self, disturb: Callable[[Memory], None] = lambda memory: None) -> tuple[Memory, SyncReport]:
        """One pass that is disturbed, the checks, passes that are not, and all checks. Returns the line
        of the first pass, and its report."""
        self._trials += 1
        home = self.folder / f"trial-{self._trials}"
        shutil.copytree(self.folder / "prepared", home)
        store = copied(self.store)
        memory = Memory(store, {"kim": PASSWORD}, self.behaviour)
        disturb(memory)
        with one_thing_at_a_time(), open_app(self._config(home)) as app:
            (account,) = app.store.accounts.all()
            with in_memory(memory):
                (disturbed,) = asyncio.run(sync_accounts(app))
            check_meanwhile(Evidence(app, account, stored_mails(store), commands=memory.commands))
            report = disturbed
            well = Memory(store, {"kim": PASSWORD}, self.behaviour)
            with in_memory(well):
                for _ in range(_RECOVERIES):
                    (report,) = asyncio.run(sync_accounts(app))
                    assert report.failed is None and not report.problems, report
                    if not (report.new or report.changed or report.deleted or report.pushed):
                        break
                check_at_rest(
                    Evidence(
                        app,
                        account,
                        stored_mails(store),
                        expected_of(self.behaviour),
                        arrived_at(self.behaviour),
                        well.commands,
                    )
                )
                i12_another_pass_changes_nothing(report)
        shutil.rmtree(home)
        return memory, disturbed

    def _config(self, home: Path) -> Config:
        return Config(home=home, key_file=str(self.folder / "key"))
