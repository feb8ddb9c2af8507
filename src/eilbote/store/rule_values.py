"""What the store remembers of rules, as values: the book, what a rule does with one mail, what it did.

Values without logic.
"""

from __future__ import annotations

from enum import StrEnum
from typing import TypeAlias

from msgspec import Struct

from eilbote.delivery.values import Submission
from eilbote.errors import Problem
from eilbote.mail.mailbox import Flags, MailboxName, SpecialUse, Uid
from eilbote.store.update_values import Arrival

LOOK = "$EilboteLook"
"""The keyword of a mail that rules could not deal with: a label that each language names in its own way."""


class Book(Struct, frozen=True):
    """The rule book as it was saved. `revision` 0 with empty text: there is none yet. `saved`: seconds
    since 1970; `origin`: who saved it, in a word."""

    revision: int = 0
    text: str = ""
    saved: float = 0.0
    origin: str = ""


class RunOrigin(StrEnum):
    """Why rules looked at a mail: it came, a person ran them over mail that was there, or something
    happened to it (RFC 6785)."""

    ARRIVAL = "arrival"
    RUN = "run"
    EVENT = "event"


class Target(Struct, frozen=True):
    """A mailbox of the mail's account, made where it is missing. `role`: any that has it, before the name."""

    name: MailboxName
    delimiter: str = "/"
    role: SpecialUse | None = None


class ChangeFlags(Struct, frozen=True):
    """The mail gets and loses flags where it lies."""

    add: Flags = frozenset()
    remove: Flags = frozenset()


class CopyTo(Struct, frozen=True):
    """A copy of the mail, with further flags."""

    target: Target
    add: Flags = frozenset()


class MoveTo(Struct, frozen=True):
    """The mail itself goes there."""

    target: Target


class Put(Struct, frozen=True):
    """A mail that was changed by a rule; `target` None: where the mail lies that it was made of. The
    UID of the arrival is not looked at."""

    arrival: Arrival
    target: Target | None = None


class Drop(Struct, frozen=True):
    """The mail goes, since a changed one stands in for it. It can be brought back."""


class MemoryKind(StrEnum):
    VACATION = "vacation"
    DUPLICATE = "duplicate"


class Memory(Struct, frozen=True):
    """Something to be remembered until `expires` (seconds since 1970)."""

    kind: MemoryKind
    handle: str
    item: str
    expires: float


class Cap(Struct, frozen=True):
    """At most so many mails on one day (seconds since 1970 / 86,400) from a rule to a recipient."""

    rule: str
    recipient: str
    day: int
    most: int


class Send(Struct, frozen=True):
    """A mail into the outbox. `once`: only if that is not remembered, and then it is."""

    mail: Submission
    cap: Cap | None = None
    once: Memory | None = None


Effect: TypeAlias = ChangeFlags | CopyTo | MoveTo | Put | Drop | Send
"""What is done with one mail, in this order."""


class Deed(Struct, frozen=True, omit_defaults=True):
    """One action as history tells it: `argument` a mailbox or an address, `line` that of the script,
    `refused` why it was not done after all (a code of the catalogue, or a loop's name)."""

    action: str
    argument: str = ""
    flags: tuple[str, ...] = ()
    line: int = 0
    rule: str = ""
    refused: str = ""


class Told(Struct, frozen=True, omit_defaults=True):
    """A step of the script that led there: a test with its result, or a command (`result` None)."""

    line: int
    name: str
    detail: str = ""
    result: bool | None = None
    rule: str = ""
    script: str = ""


class Happened(Struct, frozen=True):
    """Something happened to a mail in a mailbox that is watched: `cause` is `append`, `copy` or `flag`
    (RFC 6785), `changed` the flags that are there now and were not, or the reverse. `number`: of the change
    that showed it. `size`: bytes of all of it; `whole`: that is here."""

    mailbox: int
    message: int
    uid: Uid
    flags: Flags
    internal_date: float
    size: int
    whole: bool
    number: int
    cause: str
    changed: Flags = frozenset()


class Ruling(Struct, frozen=True):
    """What rules decided about one mail, ready to be done in one transaction. `place` is where it lies:
    mailbox and UID. `once`: only if rules have not looked at the mail before. A ruling that is not
    `noteworthy` leaves no row in history."""

    account: int
    message: int
    place: tuple[int, Uid]
    origin: RunOrigin
    revision: int
    effects: tuple[Effect, ...] = ()
    memories: tuple[Memory, ...] = ()
    deeds: tuple[Deed, ...] = ()
    steps: tuple[Told, ...] = ()
    rules: tuple[str, ...] = ()
    problem: Problem | None = None
    once: bool = True
    batch: int = 0
    noteworthy: bool = True
    event: Happened | None = None
    """Why rules looked at it, where that is an event: done only if no rule has looked since."""


class Run(Struct, frozen=True):
    """A row of history. `mailbox` is where the mail lay; `debts` and `outgoing` are numbers in the journal
    and in the outbox; `undone`: seconds since 1970, None while it stands."""

    id: int
    account: int
    message: int
    mailbox: str
    batch: int
    origin: RunOrigin
    ran: float
    revision: int
    rules: tuple[str, ...] = ()
    deeds: tuple[Deed, ...] = ()
    steps: tuple[Told, ...] = ()
    problem: Problem | None = None
    debts: tuple[int, ...] = ()
    outgoing: tuple[int, ...] = ()
    undone: float | None = None


class Asked(Struct, frozen=True):
    """Which rows of history are meant; what is None or empty does not narrow. Times: seconds since 1970."""

    account: int | None = None
    message: int | None = None
    batch: int | None = None
    rule: str = ""
    since: float | None = None
    until: float | None = None
    standing: bool = False
    """Only what was not taken back."""


class Unfiltered(Struct, frozen=True):
    """A mail that came into the inbox and no rule has looked at. `size`: bytes of all of it. `whole`: that is
    here. `older`: its date of arrival is before the day on which rules were there."""

    message: int
    uid: Uid
    flags: Flags
    internal_date: float
    size: int
    whole: bool
    older: bool = False


class Batch(Struct, frozen=True):
    """A run that a person began: over what (`wanted`, in a word or as a search) and how many mails."""

    id: int
    began: float
    revision: int
    wanted: str
    mails: int
