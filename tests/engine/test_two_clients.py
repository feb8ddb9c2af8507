"""Two clients at once: another client changes the mailboxes, and somebody here does too, between the
passes and in the middle of them. At the end both sides are the same and nothing was lost.

Each run prints its seed; `EILBOTE_SEED` runs another one.
"""

from __future__ import annotations

import os
import threading
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.engine.both_sides import Oracle, guarded, number_of, other_client, somebody_here
from tests.engine.world import Options, RealServer, mail, world
from tests.servers.cyrus import CyrusOptions
from tests.servers.dovecot_settings import DovecotOptions

SEED = int(os.environ.get("EILBOTE_SEED", "20261123"))
OPERATIONS = 150  # on each side
KINDS: dict[str, Options] = {
    "qresync": DovecotOptions(),
    "no move": DovecotOptions(hidden=frozenset({"QRESYNC", "MOVE"})),
    "neither": DovecotOptions(hidden=frozenset({"QRESYNC", "CONDSTORE", "ESEARCH"})),
    "cyrus": CyrusOptions(),
    "cyrus no move": CyrusOptions(hidden=frozenset({"QRESYNC", "MOVE", "OBJECTID"})),
}


@pytest.mark.parametrize("round_", range(2))
@pytest.mark.parametrize(
    ("kind", "store"),
    [
        ("qresync", ""),
        ("no move", ""),
        ("neither", ""),
        ("qresync", "postgres"),
        ("cyrus", ""),
        ("cyrus", "postgres"),
        ("cyrus no move", ""),
    ],
)
def test_nothing_is_lost_and_both_sides_agree(
    kind: str,
    store: str,
    round_: int,
    server_like: Callable[[Options], RealServer],
    tmp_path: Path,
    request: pytest.FixtureRequest,
) -> None:
    seed = SEED + round_
    print(f"EILBOTE_SEED={seed}")
    url = str(request.getfixturevalue("postgres_url")) if store else ""
    oracle = Oracle(made=set(range(1, 21)))
    with world(server_like(KINDS[kind]), tmp_path / "home", url) as here:
        here.server.append(here.user, [mail(number) for number in range(1, 21)])
        here.sync()
        failures: list[BaseException] = []
        working = [
            threading.Thread(target=guarded, args=(side, here, oracle, seed + at, OPERATIONS, 0.04, failures))
            for at, side in enumerate((other_client, somebody_here))
        ]
        for thread in working:
            thread.start()
        while any(thread.is_alive() for thread in working):
            here.sync()
        assert not failures, failures
        for _ in range(4):
            here.sync()
        quiet = here.sync()
        assert (quiet.new, quiet.changed, quiet.deleted, quiet.pushed) == (0, 0, 0, 0), quiet
        here.assert_same()
        assert not here.app.store.journal.open_debts(here.account.id)
        for box in here.app.store.mailboxes.all(here.account.id):
            assert not here.app.store.messages.waiting(box.id)
        there = Counter(number_of(raw) for mails in here.truth().values() for _, raw in mails.values())
        assert oracle.made - oracle.deleted <= set(there), "a mail that nobody deleted is gone"
        assert all(count <= 1 + oracle.copied[number] for number, count in there.items()), "doubled"
