"""Addresses as the tests `address` and `envelope` compare them (RFC 5228 section 2.7.4, RFC 5233).

Of an address that is none, the whole text can be compared and no part of it. Never raises; linear.
"""

from __future__ import annotations

import re
from enum import StrEnum
from typing import assert_never

from msgspec import Struct

from eilbote.mail.address import is_address, read_addresses
from eilbote.mail.words import decode_words

SEPARATOR = "+"
"""Between user and detail; the first in a local part counts (RFC 5233 section 4 leaves it open)."""

_DOT_ATOM = re.compile(r"[^\s\x00-\x1f\x7f()<>,;:\\\"\[\]@.]+(?:\.[^\s\x00-\x1f\x7f()<>,;:\\\"\[\]@.]+)*")
_SPACED = re.compile(r"[ \t]*([@.])[ \t]*")
_LONGEST = 1_000
_ESCAPE = re.compile(r"\\(.)", re.DOTALL)


class AddressPart(StrEnum):
    """What of an address is compared."""

    ALL = "all"
    LOCALPART = "localpart"
    DOMAIN = "domain"
    USER = "user"
    DETAIL = "detail"


class SeenAddress(Struct, frozen=True):
    """One address: its whole text, its local part without quotes, and its domain as written. Local part and
    domain are None where the text is no address."""

    whole: str
    local: str | None
    domain: str | None

    def part(self, part: AddressPart) -> str | None:
        """What is compared; None where there is nothing of that kind, so that no key matches."""
        match part:
            case AddressPart.ALL:
                return self.whole
            case AddressPart.LOCALPART:
                return self.local
            case AddressPart.DOMAIN:
                return self.domain
            case AddressPart.USER:
                return None if self.local is None else self.local.partition(SEPARATOR)[0]
            case AddressPart.DETAIL:
                return self._detail()
            case _:
                assert_never(part)

    def _detail(self) -> str | None:
        """RFC 5233 section 4: without a separator there is no detail; behind one that ends the local part it
        is empty. The null address is empty in all its parts."""
        if not self.local:
            return self.local
        _, separator, detail = self.local.partition(SEPARATOR)
        return detail if separator else None


NULL = SeenAddress("", "", "")
"""The null path `<>`, equal to the empty text whatever part is asked for (RFC 5228 section 5.4)."""


def addresses_of_field(text: str) -> tuple[SeenAddress, ...]:
    """The addresses of a field as it stands in the header, groups dissolved; a field that holds none counts
    as one that is none."""
    found = read_addresses(text)
    if found:
        return tuple(_seen(address.spec) if address.spec else _broken(address.name) for address in found)
    shown = decode_words(text)
    return (_broken(shown) if shown else NULL,)


def envelope_address(path: str) -> SeenAddress:
    """The address of MAIL FROM or RCPT TO, with or without angle brackets."""
    bare = path.strip()
    if bare.startswith("<") and bare.endswith(">"):
        bare = bare[1:-1]
    if not bare:
        return NULL
    found = read_addresses(bare)
    return _seen(found[0].spec) if len(found) == 1 and found[0].spec else _broken(bare)


def _seen(spec: str) -> SeenAddress:
    local, _, domain = spec.rpartition("@")
    if local.startswith('"'):
        local = _ESCAPE.sub(r"\1", local[1:-1])
        if _DOT_ATOM.fullmatch(local):
            spec = f"{local}@{domain}"  # the quotes say nothing: `"anna"@` is `anna@`
    return SeenAddress(spec, local, domain)


def _broken(text: str) -> SeenAddress:
    """Spaces around `@` and dots are the one thing that is forgiven (RFC 5322 section 4.4)."""
    closed = _SPACED.sub(r"\1", text) if " " in text and len(text) <= _LONGEST else text
    if closed != text and is_address(closed):
        return _seen(closed)
    return SeenAddress(text, None, None)
