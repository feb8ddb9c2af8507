"""`mailto:` addresses of the web (RFC 6068): to whom, with which subject and text. Never raises; linear.

Only what a mail may be given by somebody else is read: no field that would name another sender.
"""

from __future__ import annotations

from urllib.parse import unquote

from msgspec import Struct

from eilbote.mail.address import read_addresses
from eilbote.mail.envelope import Address
from eilbote.mail.field_writing import is_writable_address

MAX_LENGTH = 10_000
"""Characters of the whole."""

MAX_RECIPIENTS = 100


class Mailto(Struct, frozen=True):
    """What it asks for; everything may be empty but not all recipients."""

    to: tuple[Address, ...] = ()
    cc: tuple[Address, ...] = ()
    bcc: tuple[Address, ...] = ()
    subject: str = ""
    body: str = ""


def read_mailto(uri: str) -> Mailto | None:
    """None where it is none, or names nobody to whom a mail can go, or somebody to whom none can."""
    scheme, colon, rest = uri.strip().partition(":")
    if not colon or scheme.lower() != "mailto" or len(uri) > MAX_LENGTH:
        return None
    path, _, query = rest.partition("#")[0].partition("?")
    people: dict[str, list[str]] = {"to": [path] if path else [], "cc": [], "bcc": []}
    texts: dict[str, str] = {}
    for field in query.split("&"):
        name, _, value = field.partition("=")
        name = unquote(name).lower()
        if name in people:
            people[name].append(value)
        elif name in ("subject", "body"):
            texts.setdefault(name, unquote(value))
    read = {name: _addresses(values) for name, values in people.items()}
    everybody = [address for addresses in read.values() for address in addresses]
    if not 0 < len(everybody) <= MAX_RECIPIENTS or not all(
        is_writable_address(address.spec) for address in everybody
    ):
        return None
    return Mailto(read["to"], read["cc"], read["bcc"], texts.get("subject", ""), texts.get("body", ""))


def _addresses(values: list[str]) -> tuple[Address, ...]:
    """Commas that divide stand as they are, those within an address are coded (RFC 6068 section 2)."""
    return tuple(
        address
        for value in values
        for one in value.split(",")
        if one
        for address in read_addresses(unquote(one))
    )
