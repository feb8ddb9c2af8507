"""A change of mode killed with SIGKILL at every persistence step, in both directions, and resumed.

The home is made once for each mode to begin from, and copied for each kill; a mode never touches the
mail on the server, so that all copies share it.
"""

from __future__ import annotations

import ast
import shutil
import signal
from collections.abc import Callable
from pathlib import Path

import pytest

from eilbote.config import Config
from eilbote.engine.app import open_app
from tests.engine.test_modes import (
    DAY,
    EXPECTED,
    MODES,
    assert_compares,
    deliver,
    keep,
    nested,
    whole,
    with_attachment,
)
from tests.engine.world import World, mail, world
from tests.faults.actor import killed_at
from tests.faults.replay import replayable, trials
from tests.faults.test_kill import forked
from tests.faults.trial import quick_folder
from tests.servers.dovecot import Dovecot
from tests.servers.dovecot_settings import DovecotOptions

PAIRS = [
    ("everything", "headers"),
    ("everything", "days:30"),
    ("everything", "size:20000"),
    ("headers", "size:20000"),
]
PAIRS_BOTH_WAYS = [*PAIRS, *((b, a) for a, b in PAIRS)]


class Trial:
    """One home, each act on it in a process of its own."""

    def __init__(self, folder: Path, server: Dovecot, store_url: str = "") -> None:
        self.folder = folder
        self.server = server
        self.store_url = store_url
        self.user = ""
        self.ids: dict[int, int] = {}
        """UID -> message, as they were in the beginning."""

    def copy(self, folder: Path) -> Trial:
        shutil.copytree(self.folder, folder)
        made = Trial(folder, self.server, self.store_url)
        made.user, made.ids = self.user, self.ids
        return made

    def act(self, work: Callable[[], None], *, may_die: bool = False) -> bool:
        """False: it was killed."""
        log = self.folder / "failure.txt"
        ended = forked(work, log)
        assert ended == 0 or (may_die and ended == -signal.SIGKILL), log.read_text()
        return ended == 0

    def begin(self, mode: str) -> None:
        """Eight mails, kept in that mode."""
        told = self.folder / "told"

        def prepare() -> None:
            with world(self.server, self.folder / "home", self.store_url) as here:
                now = here.app.clock.now()
                for age, first in ((0, 0), (365 * DAY, 10)):
                    raws = [mail(first), mail(first + 1), with_attachment(first + 2), nested(first + 3)]
                    deliver(here, raws, now - age)
                keep(here, mode)
                assert here.sync().new == 8
                told.write_text(repr((here.user, here.ids())))

        self.act(prepare)
        self.user, self.ids = ast.literal_eval(told.read_text())

    def change(self, mode: str, step: int = 0) -> bool:
        """The new mode, and the pass that brings the mail to it, killed at that step. False: it was."""

        def run() -> None:
            config = Config(
                home=self.folder / "home",
                store=self.store_url,
                key_file=str(self.folder / "key"),
                check_hour=-1,
            )
            with open_app(config, observer=killed_at(step)) as app:
                here = World(app, app.store.accounts.all()[0], self.server, self.user)
                keep(here, mode)
                here.sync()

        return self.act(run, may_die=bool(step))

    def check(self, mode: str, *, made_whole: bool = True) -> None:
        """Nothing is lost, nothing is there twice, and verify finds nothing; made whole again, all is
        as on the server."""

        def run() -> None:
            with world(self.server, self.folder / "home", self.store_url, self.user) as here:
                assert here.ids() == self.ids
                assert whole(here) == EXPECTED[mode]
                assert_compares(here)
                if made_whole:
                    keep(here, "everything")
                    here.sync()
                    here.assert_same()
                    assert here.ids() == self.ids

        self.act(run)


@pytest.fixture
def begun(
    dovecot_like: Callable[[DovecotOptions], Dovecot], monkeypatch: pytest.MonkeyPatch
) -> Callable[[Path, str, str], Trial]:
    monkeypatch.setattr("eilbote.engine.keep._BATCH", 3)  # several transactions

    def begin(folder: Path, mode: str, store_url: str = "") -> Trial:
        trial = Trial(folder, dovecot_like(DovecotOptions()), store_url)
        trial.begin(mode)
        return trial

    return begin


@pytest.mark.timeout(900)
@pytest.mark.parametrize(("first", "second"), PAIRS_BOTH_WAYS)
def test_killed_at_every_step_of_a_change(
    first: str, second: str, begun: Callable[[Path, str, str], Trial]
) -> None:
    with quick_folder() as folder:
        (folder / "begun").mkdir()
        start = begun(folder / "begun", first, "")
        for step in trials(range(1, 1000), range(PAIRS_BOTH_WAYS.index((first, second)) % 5 + 1, 1000, 5)):
            with replayable(step):
                trial = start.copy(folder / str(step))
                ended = trial.change(second, step)
                trial.change(second)
                trial.check(second)
                shutil.rmtree(trial.folder)
            if ended:
                assert step > 8, "a change of mode has more steps than that"
                break


@pytest.mark.timeout(900)
def test_killed_again_and_again_on_its_way_on_postgres(
    tmp_path: Path, postgres_url: str, begun: Callable[[Path, str, str], Trial]
) -> None:
    """One home, brought from mode to mode, and killed at a later step of each attempt."""
    trial = begun(tmp_path, MODES[0], postgres_url)
    killed = 0
    for mode in (*MODES[1:], *MODES[:3]):
        killed += sum(not trial.change(mode, step) for step in (1, 3, 6, 10))
        trial.change(mode)
        trial.check(mode, made_whole=mode == MODES[2])
    assert killed > 10
