"""Two clients at once: another client changes the mailboxes, and somebody here does too, between the
passes and in the middle of them. At the end both sides are the same and nothing was lost.

Each run prints its seed; `EILBOTE_SEED` runs another one.
"""

from __future__ import annotations

import os
import random
import re
import threading
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from eilbote.engine import act
from eilbote.errors import EilboteError
from eilbote.mail.mailbox import SEEN
from eilbote.store.values import Placement
from tests.engine.world import Options, RealServer, World, mail, world
from tests.servers.cyrus import CyrusOptions
from tests.servers.dovecot_settings import DovecotOptions

SEED = int(os.environ.get("EILBOTE_SEED", "20261123"))
OPERATIONS = 150  # on each side
BOXES = ("INBOX", "Archive", "Junk")
KINDS: dict[str, Options] = {
    "qresync": DovecotOptions(),
    "no move": DovecotOptions(hidden=frozenset({"QRESYNC", "MOVE"})),
    "neither": DovecotOptions(hidden=frozenset({"QRESYNC", "CONDSTORE", "ESEARCH"})),
    "cyrus": CyrusOptions(),
    "cyrus no move": CyrusOptions(hidden=frozenset({"QRESYNC", "MOVE", "OBJECTID"})),
}


@dataclass(slots=True)
class Oracle:
    """What was done, by mail number; each side writes only its own."""

    made: set[int] = field(default_factory=set)
    deleted: set[int] = field(default_factory=set)
    copied: Counter[int] = field(default_factory=Counter)


def number_of(raw: bytes | str) -> int:
    found = re.search(rb"<?m(\d+)@", raw if isinstance(raw, bytes) else raw.encode())
    assert found is not None
    return int(found[1])


def other_client(here: World, oracle: Oracle, seed: int, pause: Callable[[], None]) -> None:
    """A mail program elsewhere: adds, flags, moves, copies, deletes."""
    chance = random.Random(seed)
    with here.server.imap(here.user) as client:
        for step in range(OPERATIONS):
            pause()
            box, deed = chance.choice(BOXES), chance.choice("aaffffmmmccd")
            if deed == "a":
                oracle.made.add(1000 + step)
                client.append(box, "", "", mail(1000 + step))
                continue
            client.select(box)
            uids = client.uid("SEARCH", "ALL")[1][0].split()
            if not uids:
                continue
            uid = chance.choice(uids).decode()
            told = client.uid("FETCH", uid, "(BODY.PEEK[HEADER.FIELDS (MESSAGE-ID)])")[1][0]
            if not isinstance(told, tuple):
                continue  # our side was quicker
            number, target = number_of(told[1]), chance.choice([one for one in BOXES if one != box])
            if deed == "f":
                mode, flag = chance.choice("+-"), chance.choice(["\\Seen", "\\Flagged", "wichtig"])
                client.uid("STORE", uid, mode + "FLAGS", f"({flag})")
            elif deed == "m":
                client.uid("MOVE" if "MOVE" in client.capabilities else "COPY", uid, target)
                if "MOVE" not in client.capabilities:
                    oracle.copied[number] += 1
            elif deed == "c":
                oracle.copied[number] += 1
                client.uid("COPY", uid, target)
            else:
                oracle.deleted.add(number)
                client.uid("STORE", uid, "+FLAGS", "(\\Deleted)")
                client.uid("EXPUNGE", uid)


def somebody_here(here: World, oracle: Oracle, seed: int, pause: Callable[[], None]) -> None:
    """The same through our own door."""
    chance = random.Random(seed)
    for step in range(OPERATIONS):
        pause()
        deed, target = chance.choice("aaffffmmmcud"), chance.choice(BOXES)
        places: list[Placement] = here.app.store.messages.list_placements(account=here.account.id, limit=1000)
        try:
            if deed == "a" or not places:
                oracle.made.add(5000 + step)
                act.append(here.app, here.account, target, mail(5000 + step))
                continue
            place = chance.choice(places)
            number = number_of(place.envelope.message_id)
            if deed == "f":
                add, remove = ([SEEN], ["wichtig"]) if chance.random() < 0.5 else (["wichtig"], [SEEN])
                act.change_flags(here.app, [place.id], add, remove)
            elif deed == "m":
                act.move(here.app, [place.id], target)
            elif deed == "c":
                oracle.copied[number] += 1
                act.copy(here.app, [place.id], target)
            elif deed == "u":
                latest = here.app.store.journal.latest_of(place.id)
                if latest is not None and latest.kind.value in ("flag", "move"):
                    act.undo(here.app, [place.id])
            else:
                oracle.deleted.add(number)
                act.delete(here.app, [place.id], for_good=True)
        except EilboteError as error:
            # The other side was quicker; anything else is a fault.
            assert error.problem.code in ("message.unknown", "message.not_there", "undo.nothing"), error


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
            threading.Thread(target=_guarded, args=(side, here, oracle, seed + at, failures))
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


def _guarded(
    side: Callable[[World, Oracle, int, Callable[[], None]], None],
    here: World,
    oracle: Oracle,
    seed: int,
    failures: list[BaseException],
) -> None:
    chance = random.Random(seed)
    never = threading.Event()

    def pause() -> None:
        never.wait(chance.random() * 0.04)

    try:
        side(here, oracle, seed, pause)
    except BaseException as failure:
        failures.append(failure)
