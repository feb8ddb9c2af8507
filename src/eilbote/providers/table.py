"""The built-in table of mail providers: which servers belong to an address of theirs.

The rows lie in two `.toml` files beside this one, each with its sources and its day. Nothing here
asks the network.
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any

import msgspec

from eilbote.providers.values import Access, Endpoint, Folders, Login, Provider, Receiving, Sending

_FILES = ("providers.toml", "providers-world.toml")
"""What is known in full, and what no more than the servers are known of."""


_HERE = ("127.0.0.1",)


@cache
def providers() -> tuple[Provider, ...]:
    """Every row of the table."""
    return tuple(provider for file in _FILES for provider in _rows(file))


@cache
def _text(file: str) -> str:
    # Not `importlib.resources`, which loads half the standard library at every start.
    return Path(__file__).with_name(file).read_text(encoding="utf-8")


@cache
def _table(file: str) -> Mapping[str, Any]:
    return tomllib.loads(_text(file))


@cache
def _rows(file: str) -> tuple[Provider, ...]:
    return tuple(_provider(row) for row in _table(file)["provider"])


def _mentioning(name: str) -> Iterator[str]:
    """The files in which the name stands at all: the others need not be taken apart, which takes longer than
    to look."""
    return (file for file in _FILES if name and name in _text(file))


def provider_of(address: str) -> Provider | None:
    """The provider to whose domains the address belongs, None if the table has none."""
    domain = address.rpartition("@")[2].lower()
    return next((found for file in _mentioning(domain) if (found := _by_domain(file).get(domain))), None)


def provider_at(host: str, port: int = 0) -> Provider | None:
    """The provider whose IMAP, POP3 or SMTP server has this name, None if the table has none: of an
    address in a domain of one's own the server alone says whose it is. On this machine listen programs of
    many: there the port counts too."""
    name = f"{host}:{port}" if host in _HERE else host.lower()
    return next((found for file in _mentioning(name) if (found := _by_host(file).get(name))), None)


def provider_by_mx(host: str) -> Provider | None:
    """The provider among whose mail exchangers this host is, None if the table has none."""
    name = host.lower().rstrip(".")
    while "." in name:
        if name in _by_mx():
            return _by_mx()[name]
        name = name.partition(".")[2]
    return None


def sending_of(address: str, host: str = "", port: int = 0) -> Sending | None:
    """What the provider of this address, or of this SMTP server, takes and makes of what is sent; None
    if nothing is known. The server counts for more: mail goes out where it is."""
    for provider in filter(None, (provider_at(host, port), provider_of(address))):
        if provider.sending is not None:
            return provider.sending
    return None


def small_hoster() -> Sending:
    """What small hosters without a row are known to grant: to warn by, not to hold anything back."""
    return msgspec.convert(_table(_FILES[0])["small_hoster"], Sending)


@cache
def _by_host(file: str) -> Mapping[str, Provider]:
    found: dict[str, Provider] = {}
    for provider in _rows(file):
        for server in filter(None, (provider.imap, provider.pop3, provider.smtp)):
            here = server.host in _HERE
            found.setdefault(f"{server.host}:{server.port}" if here else server.host, provider)
        for host in provider.hosts:
            found.setdefault(host, provider)
    return found


@cache
def _by_mx() -> Mapping[str, Provider]:
    return {suffix: provider for provider in providers() for suffix in provider.mx}


@cache
def _by_domain(file: str) -> Mapping[str, Provider]:
    return {domain: provider for provider in _rows(file) for domain in provider.domains}


def _provider(row: Mapping[str, Any]) -> Provider:
    return Provider(
        id=row["id"],
        name=row["name"],
        domains=tuple(row["domains"]),
        imap=_endpoint(row["imap"]) if "imap" in row else None,
        smtp=_endpoint(row["smtp"]) if "smtp" in row else None,
        pop3=_endpoint(row["pop3"]) if "pop3" in row else None,
        hosts=tuple(row.get("hosts", ())),
        mx=tuple(row.get("mx", ())),
        user_is_local_part=row["user"] == "local",
        smtp_user_is_local_part=row.get("smtp_user", row["user"]) == "local",
        login=Login(row["login"]),
        help=row.get("help", ""),
        source=row["source"],
        checked=row["checked"],
        token_idle_days=row.get("token_idle_days"),
        test_token_days=row.get("test_token_days"),
        access=msgspec.convert(row["access"], Access) if "access" in row else None,
        folders=msgspec.convert(row["folders"], Folders) if "folders" in row else None,
        receiving=msgspec.convert(row["receiving"], Receiving) if "receiving" in row else None,
        sending=msgspec.convert(row["sending"], Sending) if "sending" in row else None,
    )


def _endpoint(text: str) -> Endpoint:
    place, security = text.split()
    host, _, port = place.rpartition(":")
    return Endpoint(host, int(port), security)
