"""How much of each mail is kept here: everything, the last days, headers alone, or no large parts.

Pure values and one decision. A mode never says which mails are kept: every mail that the server has
is here with its header at least; what a mode leaves out is fetched when somebody asks for it.
"""

from __future__ import annotations

import re
from enum import IntEnum, StrEnum
from typing import assert_never

from msgspec import Struct

from eilbote.errors import Misused

_DAY = 86_400
_MOST = {"days": 36_500, "size": 1 << 40}
_UNITS = {"": 1, "k": 1 << 10, "m": 1 << 20, "g": 1 << 30}
_WITH_AMOUNT = re.compile(r"(days|size):([0-9]{1,13})([kKmMgG]?)", re.ASCII)


class KeepKind(StrEnum):
    EVERYTHING = "everything"
    HEADERS = "headers"
    DAYS = "days"
    SIZE = "size"


class Share(IntEnum):
    """What of one mail is here: its header, its header and texts, or all of it. More is greater."""

    HEADER = 1
    TEXT = 2
    WHOLE = 3


class Keep(Struct, frozen=True):
    """A mode. `amount` is days or bytes, 0 for the kinds that have none."""

    kind: KeepKind = KeepKind.EVERYTHING
    amount: int = 0

    def __str__(self) -> str:
        """As settings write it: `everything`, `headers`, `days:30`, `size:1048576`."""
        return f"{self.kind.value}:{self.amount}" if self.amount else self.kind.value


class Window(Struct, frozen=True):
    """A mode on one day: of `days`, mails that arrived before `since` (seconds since 1970) are
    outside. It moves once a day, so that a pass has nothing to do on all others."""

    keep: Keep
    since: int = 0

    def __str__(self) -> str:
        return f"{self.keep}@{self.since // _DAY}" if self.since else str(self.keep)

    def share(self, size: int, arrived: float) -> Share:
        """What of a mail of `size` bytes that arrived then is to be here at least."""
        match self.keep.kind:
            case KeepKind.EVERYTHING:
                return Share.WHOLE
            case KeepKind.HEADERS:
                return Share.HEADER
            case KeepKind.DAYS:
                return Share.WHOLE if arrived >= self.since else Share.HEADER
            case KeepKind.SIZE:
                return Share.WHOLE if size <= self.keep.amount else Share.TEXT
            case _:
                assert_never(self.keep.kind)


def window(keep: Keep, now: float) -> Window:
    """The mode as it is meant at `now` (seconds since 1970)."""
    if keep.kind is not KeepKind.DAYS:
        return Window(keep)
    return Window(keep, max(0, (int(now) // _DAY - keep.amount) * _DAY))


def read_keep(text: str) -> Keep:
    """A mode as settings write it; sizes may end in k, M or G. Misused `keep.unknown`."""
    if text in (KeepKind.EVERYTHING, KeepKind.HEADERS):
        return Keep(KeepKind(text))
    found = _WITH_AMOUNT.fullmatch(text)
    if found is not None:
        kind, amount = found[1], int(found[2]) * _UNITS[found[3].lower()]
        if 0 < amount <= _MOST[kind] and not (kind == "days" and found[3]):
            return Keep(KeepKind(kind), amount)
    raise Misused("keep.unknown", keep=text)
