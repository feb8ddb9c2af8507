"""The built-in table of mail providers: which servers belong to an address of theirs.

The rows lie in `providers.toml` beside this file, each with its sources and its day. Nothing here
asks the network.
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterator, Mapping
from functools import cache
from importlib.resources import files
from typing import Any

from eilbote.providers.values import Endpoint, Login, Provider


@cache
def providers() -> tuple[Provider, ...]:
    """Every row of the table."""
    text = files("eilbote.providers").joinpath("providers.toml").read_text(encoding="utf-8")
    return tuple(_provider(row) for row in tomllib.loads(text)["provider"])


def provider_of(address: str) -> Provider | None:
    """The provider to whose domains the address belongs, None if the table has none."""
    return _by_domain().get(address.rpartition("@")[2].lower())


@cache
def _by_domain() -> Mapping[str, Provider]:
    return dict(_rows())


def _rows() -> Iterator[tuple[str, Provider]]:
    for provider in providers():
        for domain in provider.domains:
            yield domain, provider


def _provider(row: Mapping[str, Any]) -> Provider:
    return Provider(
        id=row["id"],
        name=row["name"],
        domains=tuple(row["domains"]),
        imap=_endpoint(row["imap"]),
        smtp=_endpoint(row["smtp"]) if "smtp" in row else None,
        pop3=_endpoint(row["pop3"]) if "pop3" in row else None,
        user_is_local_part=row["user"] == "local",
        login=Login(row["login"]),
        help=row.get("help", ""),
        source=row["source"],
        checked=row["checked"],
    )


def _endpoint(text: str) -> Endpoint:
    place, security = text.split()
    host, _, port = place.rpartition(":")
    return Endpoint(host, int(port), security)
