"""The words of POP3 as values: what a server can do, what it lists. No logic."""

from __future__ import annotations

from msgspec import Struct


class Capabilities(Struct, frozen=True):
    """What the server announced (RFC 2449). `names` are upper case; `known` is False where it has no
    CAPA and nothing is known.

    `mechanisms`: SASL, upper case. `login_delay`: seconds between two logins, 0 for none. `expire`:
    days after which the server deletes by itself, None for never or untold; 0 says that what was
    retrieved may be gone after QUIT.
    """

    names: frozenset[str] = frozenset()
    mechanisms: tuple[str, ...] = ()
    login_delay: int = 0
    expire: int | None = None
    implementation: str = ""
    known: bool = False


class Stat(Struct, frozen=True):
    """What STAT said; None for a number that could not be read."""

    count: int | None
    size: int | None


class ListedMail(Struct, frozen=True):
    """One mail of the maildrop. `number` holds for this session only; `size` None where the listing
    had no readable one; `uidl` "" where the server gave none, or the same to several mails."""

    number: int
    size: int | None
    uidl: str = ""


class Maildrop(Struct, frozen=True):
    """All mails, by number ascending. `told` is the count that STAT gave. `has_uidl`: the server knows
    UIDL. `unreadable`: lines of the listings that could not be used."""

    mails: tuple[ListedMail, ...]
    told: int | None
    has_uidl: bool
    unreadable: int = 0
