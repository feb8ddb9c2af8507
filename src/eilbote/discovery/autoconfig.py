"""Autoconfig: a domain publishes over HTTPS which servers its mail has (draft-ietf-mailmaint-autoconfig,
as Thunderbird began it).

Says where the file may lie, and reads it. Files come from strangers: one that cannot be read names no
server and says why; a server without protection is not taken.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from urllib.parse import quote

from msgspec import Struct

from eilbote.discovery.values import Candidate, Protocol, Source, Told
from eilbote.discovery.xml import Element, Unreadable, read_xml
from eilbote.errors import Problem
from eilbote.mail.domain import domain_for_wire, is_domain_on_wire

_MOST_SERVERS = 20
_PLACE = re.compile(r"%([A-Z]+)%")
_SECURITIES = {"ssl": "tls", "starttls": "starttls"}
_OAUTH = "oauth2"


class Published(Struct, frozen=True):
    """Where a file may lie: `https://host` and the path."""

    host: str
    path: str

    @property
    def url(self) -> str:
        return f"https://{self.host}{self.path}"


def published_at(address: str, domain: str) -> tuple[Published, ...]:
    """Where `domain` may publish the file, its own host first. The address goes along where the draft says
    so, and to hosts of the domain alone."""
    asked = "?emailaddress=" + quote(address, safe="")
    return (
        Published(f"autoconfig.{domain}", f"/mail/config-v1.1.xml{asked}"),
        Published(domain, "/.well-known/autoconfig/mail/config-v1.1.xml"),
    )


def published_for_others(domain: str) -> tuple[Published, ...]:
    """Where the owner of a mail server, `domain`, may publish what holds for the domains of others. Nothing
    is told of the address."""
    return (
        Published(f"autoconfig.{domain}", "/mail/config-v1.1.xml"),
        Published(domain, "/.well-known/autoconfig/mail/config-v1.1.xml"),
    )


def read_autoconfig(content: bytes, address: str, where: str, source: Source = Source.AUTOCONFIG) -> Told:
    """The servers that a file names for `address`, in its order; `discovery.unreadable` where it cannot be
    read or names none that is protected."""
    try:
        root = read_xml(content)
    except Unreadable as why:
        return Told(source, problem=_unreadable(where, str(why)), where=where)
    if root.name.lower() != "clientconfig":
        return Told(source, problem=_unreadable(where, "not clientConfig"), where=where)
    candidates: list[Candidate] = []
    name = ""
    for provider in root.all("emailProvider"):
        name = name or provider.said("displayName")[:100]
        candidates += _servers(provider, address, where, source)
    if not candidates:
        return Told(source, problem=_unreadable(where, "no protected server"), where=where)
    return Told(source, tuple(candidates[:_MOST_SERVERS]), where=where, name=name)


def _servers(provider: Element, address: str, where: str, source: Source) -> Iterator[Candidate]:
    for element in (*provider.all("incomingServer"), *provider.all("outgoingServer")):
        kind = element.attributes.get("type", "").lower()
        security = _SECURITIES.get(element.said("socketType").lower())
        host = domain_for_wire(_filled(element.said("hostname"), address)).lower().rstrip(".")
        port = element.said("port")
        if kind not in {one.value for one in Protocol} or security is None:
            continue
        if not is_host(host) or not (
            port.isascii() and port.isdigit() and len(port) < 6 and 0 < int(port) < 65_536
        ):
            continue
        methods = [one.text.strip().lower() for one in element.all("authentication")]
        yield Candidate(
            Protocol(kind),
            host,
            int(port),
            security,
            source,
            where,
            user=_filled(element.said("username"), address)[:320],
            oauth_only=bool(methods) and all(one == _OAUTH for one in methods),
        )


def _filled(text: str, address: str) -> str:
    """The text with its placeholders filled; unknown ones stay. What was filled in is no template."""
    local, _, domain = address.rpartition("@")
    known = {"EMAILADDRESS": address, "EMAILLOCALPART": local, "EMAILDOMAIN": domain}
    return _PLACE.sub(lambda found: known.get(found[1], found[0]), text.strip())


def is_host(name: str) -> bool:
    """Whether this can be the name of a server: at least labels of letters, digits and hyphens."""
    return bool(name) and not name.startswith("[") and is_domain_on_wire(name)


def _unreadable(where: str, reason: str) -> Problem:
    return Problem("discovery.unreadable", {"where": where, "reason": reason})
