"""How much a POP3 server may make us hold: every bound of the engine in one value. Values only."""

from __future__ import annotations

from msgspec import Struct

KIB = 1024
MIB = 1024 * KIB


class Limits(Struct, frozen=True):
    """Bytes where nothing else is said.

    `line`: one status line, or one line of a listing; RFC 2449 section 4 wants 512. `lines` and
    `listing`: lines of one listing (CAPA, LIST, UIDL), and their bytes together. `mail`: one mail.
    `challenges`: continuations in one login. `buffer`: the receive buffer; at least four times `line`.
    """

    line: int = 16 * KIB
    lines: int = 2_000_000
    listing: int = 64 * MIB
    mail: int = 150 * MIB
    challenges: int = 20
    buffer: int = 256 * KIB
