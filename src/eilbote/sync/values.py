"""Words about collecting from a maildrop: what the server lists, what was collected before, what is to
become of a mail there. Values without logic.
"""

from __future__ import annotations

from msgspec import Struct


class Listed(Struct, frozen=True):
    """One mail of a maildrop in this session. `number` holds for the session only; `size` in bytes as
    the server told it, None where it told none; `uidl` "" where it told none."""

    number: int
    size: int | None
    uidl: str = ""


class Seen(Struct, frozen=True):
    """A mail that was collected: `size` and `uidl` as they were listed, the hashes of its header and
    its content (empty once it was erased), the message it became. `deleted`: the server confirmed that
    it deleted it for us. `compared`: its content was read under this id, not its header alone."""

    id: int
    uidl: str
    size: int | None
    head: bytes
    sha256: bytes
    message: int
    collected: float
    deleted: bool = False
    compared: bool = True


class OnServer(Struct, frozen=True):
    """What becomes of a collected mail on the server: nothing, unless `days` (deleted so many days
    after it was collected; 0: at once) or `when_deleted` (deleted there when it is deleted here)."""

    days: int | None = None
    when_deleted: bool = False
