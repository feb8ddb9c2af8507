"""Another client and somebody here, each acting at random on the same mailboxes, and the oracle that
knows what they did.
"""

from __future__ import annotations

import random
import re
import threading
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field

from eilbote.engine import act
from eilbote.errors import EilboteError
from eilbote.mail.mailbox import SEEN
from eilbote.store.values import Placement
from tests.engine.world import World, mail

BOXES = ("INBOX", "Archive", "Junk")
QUICKER = ("message.unknown", "message.not_there", "undo.nothing", "store.not_undoable")
"""Problems of an act here when the other side did something to the same mail a moment before."""
THERE, HERE = 10_000, 50_000
"""The numbers of the mails that each side makes begin here."""


@dataclass(slots=True)
class Oracle:
    """What was done, by mail number; each side writes only its own."""

    made: set[int] = field(default_factory=set)
    deleted: set[int] = field(default_factory=set)
    copied: Counter[int] = field(default_factory=Counter)
    moved: Counter[int] = field(default_factory=Counter)
    """By the other client: a move that falls between our looks at its two mailboxes is seen as a copy and
    a deletion, and the mail as a new one (docs/status.md)."""


def number_of(raw: bytes | str) -> int:
    found = re.search(rb"<?m(\d+)@", raw if isinstance(raw, bytes) else raw.encode())
    assert found is not None
    return int(found[1])


def other_client(here: World, oracle: Oracle, seed: int, operations: int, pause: Callable[[], None]) -> None:
    """A mail program elsewhere: adds, flags, moves, copies, deletes."""
    chance = random.Random(seed)
    with here.server.imap(here.user) as client:
        for step in range(operations):
            pause()
            box, deed = chance.choice(BOXES), chance.choice("aaffffmmmccd")
            if deed == "a":
                oracle.made.add(THERE + step)
                client.append(box, "", "", mail(THERE + step))
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
                oracle.moved[number] += 1
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


def somebody_here(here: World, oracle: Oracle, seed: int, operations: int, pause: Callable[[], None]) -> None:
    """The same through our own door."""
    chance = random.Random(seed)
    for step in range(operations):
        pause()
        deed, target = chance.choice("aaffffmmmcud"), chance.choice(BOXES)
        places: list[Placement] = here.app.store.messages.list_placements(
            account=here.account.id, limit=10_000
        )
        try:
            if deed == "a" or not places:
                oracle.made.add(HERE + step)
                act.append(here.app, here.account, target, mail(HERE + step))
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
            assert error.problem.code in QUICKER, error


Side = Callable[[World, Oracle, int, int, Callable[[], None]], None]


def guarded(
    side: Side,
    here: World,
    oracle: Oracle,
    seed: int,
    operations: int,
    longest: float,
    failures: list[BaseException],
    counted: Callable[[], None] = lambda: None,
) -> None:
    """Lets one side act, with pauses of up to `longest` seconds; what goes wrong is left in `failures`.
    `counted` is called before each operation."""
    chance = random.Random(seed)
    never = threading.Event()

    def pause() -> None:
        counted()
        never.wait(chance.random() * longest)

    try:
        side(here, oracle, seed, operations, pause)
    except BaseException as failure:
        failures.append(failure)
