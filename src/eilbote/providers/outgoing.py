"""How providers send for domains of their customers' own: what SPF has to include, which DKIM selectors sign.

The rows lie in `outgoing.toml`, each with its source and its day. Nothing here asks the network.
"""

from __future__ import annotations

import tomllib
from datetime import date
from functools import cache
from pathlib import Path

import msgspec
from msgspec import Struct


class Outgoing(Struct, frozen=True):
    """One provider. `includes`: any of these in SPF names its servers; the first is the one to write.
    `selectors`: DKIM selectors that it signs with, not each of them for everybody. `hosts`: how the names of
    its submission servers end, where the table of providers has no row for it."""

    provider: str
    name: str
    includes: tuple[str, ...]
    source: str
    checked: date
    selectors: tuple[str, ...] = ()
    hosts: tuple[str, ...] = ()


@cache
def rows() -> tuple[Outgoing, ...]:
    table = tomllib.loads(Path(__file__).with_name("outgoing.toml").read_text(encoding="utf-8"))
    return tuple(msgspec.convert(row, Outgoing) for row in table["outgoing"])


def outgoing_of(provider: str) -> Outgoing | None:
    """By the id of the table of providers; None where nothing is known."""
    return next((one for one in rows() if one.provider == provider), None)


def outgoing_at(host: str) -> Outgoing | None:
    """By the name of the submission server."""
    name = "." + host.lower().rstrip(".")
    return next((one for one in rows() if any(name.endswith("." + end) for end in one.hosts)), None)
