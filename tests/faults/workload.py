"""A workload of forty operations on both sides of an account, and the oracle that knows its outcome.

The oracle is kept while the workload is made, before anything runs; the engine has no part in it.
Every operation can be repeated after a kill: it first looks whether it has happened.
"""

from __future__ import annotations

import random
from dataclasses import dataclass, field, replace

MAILBOXES = ("INBOX", "Archive", "Junk")
FLAGS = ("\\Seen", "\\Flagged", "\\Answered", "wichtig")


@dataclass(frozen=True, slots=True)
class Operation:
    """One step: `side` is `here`, `there` (on the server) or `both` for a sync; `mail` numbers the
    mail by its Message-ID; `target` is a mailbox or a flag."""

    side: str
    kind: str
    mail: int = 0
    source: str = ""
    target: str = ""


@dataclass(frozen=True, slots=True)
class Kept:
    """Where the oracle knows a mail to lie, and with which flags."""

    mailbox: str
    flags: frozenset[str] = frozenset()


@dataclass(slots=True)
class Workload:
    """The operations, and what must be true after the last one: mail number -> all its places."""

    operations: list[Operation] = field(default_factory=list)
    expected: dict[int, list[Kept]] = field(default_factory=dict)


def make_workload(seed: int, count: int = 40) -> Workload:
    """Forty operations, the same for the same seed. Between two syncs each mail is touched once, so
    that the outcome does not hang on a rule for conflicts (those have tests of their own). The first
    is a sync: only then are there mailboxes to act on."""
    chance = random.Random(seed)
    made = Workload()
    touched: set[int] = set()
    number = 0
    for step in range(count):
        if step % 6 == 0 or step == count - 1:
            made.operations.append(Operation("both", "sync"))
            touched.clear()
            continue
        free = [one for one, places in made.expected.items() if len(places) == 1 and one not in touched]
        kind = chance.choice(["append", "append", "flag", "unflag", "move", "copy", "delete"])
        side = chance.choice(["here", "there"])
        if kind == "append" or len(free) < 3:
            number += 1
            target = chance.choice(MAILBOXES)
            made.operations.append(Operation(side, "append", number, target=target))
            made.expected[number] = [Kept(target)]
            touched.add(number)
            continue
        mail = chance.choice(free)
        touched.add(mail)
        (place,) = made.expected[mail]
        made.operations.append(_change(made, chance, side, kind, mail, place))
    return made


def _change(made: Workload, chance: random.Random, side: str, kind: str, mail: int, place: Kept) -> Operation:
    if kind in ("flag", "unflag"):
        flag = chance.choice(FLAGS)
        flags = place.flags | {flag} if kind == "flag" else place.flags - {flag}
        made.expected[mail] = [replace(place, flags=flags)]
        return Operation(side, kind, mail, place.mailbox, flag)
    if kind == "delete":
        del made.expected[mail]
        return Operation(side, kind, mail, place.mailbox)
    target = chance.choice([name for name in MAILBOXES if name != place.mailbox])
    moved = replace(place, mailbox=target)
    made.expected[mail] = [moved] if kind == "move" else [place, moved]
    return Operation(side, kind, mail, place.mailbox, target)
