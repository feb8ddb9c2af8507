"""What makes one mail this mail: made from a moment and chance, and found again from its Message-ID.

The Message-ID begins with the second of the Date, and the boundary follows from the Message-ID: a mail
that is queued twice under one key is composed again to the same bytes, although nothing but its
Message-ID is kept for long.
"""

from __future__ import annotations

import hashlib
import re
from base64 import b32encode

from eilbote.mail.domain import domain_for_wire
from eilbote.mail.draft import Stamp

CHANCE = 15
"""Bytes of chance that a Message-ID holds: nobody foresees it, and with it no boundary."""

_OURS = re.compile(r"([0-9a-f]{8})\.[a-z2-7]{24}@.+", re.ASCII)


def new_stamp(seconds: float, chance: bytes, address: str, offset: int = 0) -> Stamp:
    """The stamp of a mail from `address` (its domain is that of the Message-ID, as RFC 5322 section 3.6.4
    recommends); `chance` has `CHANCE` bytes that nobody can foresee, `offset` is in minutes east of UTC."""
    domain = domain_for_wire(address.rpartition("@")[2])
    drawn = b32encode(chance[:CHANCE]).decode("ascii").lower()
    message_id = f"{int(seconds):08x}.{drawn}@{domain}"
    return Stamp(float(int(seconds)), message_id, _boundary(message_id), offset)


def moment_of(message_id: str) -> float | None:
    """The second in which a Message-ID of ours was made; None for any other."""
    found = _OURS.fullmatch(message_id)
    return float(int(found[1], 16)) if found else None


def stamp_again(message_id: str, offset: int = 0) -> Stamp | None:
    """The stamp that made this Message-ID; None where it is none of ours."""
    seconds = moment_of(message_id)
    return None if seconds is None else Stamp(seconds, message_id, _boundary(message_id), offset)


def _boundary(message_id: str) -> str:
    return hashlib.sha256(f"boundary {message_id}".encode()).hexdigest()[:32]
