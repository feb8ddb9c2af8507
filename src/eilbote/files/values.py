"""Mail as it lies in files, on its way in or out. Values, and what a writer of files can do."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Protocol

from msgspec import Struct

from eilbote.errors import Problem
from eilbote.mail.mailbox import Flags

Levels = tuple[str, ...]
"""A mailbox's name, level by level; `("INBOX",)` is the inbox."""

INBOX: Levels = ("INBOX",)


class FoundFolder(Struct, frozen=True):
    """A folder; its mails follow. `mails` is how many there are, 0 where nobody has counted."""

    levels: Levels
    mails: int = 0


class FoundMail(Struct, frozen=True):
    """A mail. `where` names it to a person; `date` is when it arrived, None where only the mail itself
    can tell; `problem` is what was odd about it."""

    where: str
    raw: bytes
    flags: Flags = frozenset()
    date: float | None = None
    problem: Problem | None = None


class Unread(Struct, frozen=True):
    """What could not be read, and why: a mail, or a whole folder, of which nobody knows the mails."""

    where: str
    problem: Problem
    is_mail: bool = True


Found = FoundFolder | FoundMail | Unread
Reading = Iterator[Found]


class Leaving(Struct, frozen=True):
    """A mail on its way out: what tells it from others, before its bytes are fetched."""

    sha256: bytes
    date: float
    flags: Flags


class FolderWriter(Protocol):
    """Writes one folder. What an earlier run wrote, killed or not, is recognised and not repeated."""

    path: Path

    def holds(self, mail: Leaving) -> bool:
        """Whether this mail is there already. Asked once for each mail that should be."""
        ...

    def write(self, mail: Leaving, raw: bytes) -> Problem | None:
        """Adds a mail. Returns what of it the format cannot keep."""
        ...

    def flush(self) -> None:
        """Makes what was written so far last."""
        ...

    def close(self) -> None: ...


Observer = Callable[[str], None]
"""Told before every step that makes something last, for tests that stop there."""


def unobserved(_step: str) -> None:
    """The observer of everyday."""
