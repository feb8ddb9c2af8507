"""PACC: a domain publishes over HTTPS which servers it has, and in DNS the digest of that file
(draft-ietf-mailmaint-pacc).

Says where both lie, and reads them. Files come from strangers: one that cannot be read names no server.
"""

from __future__ import annotations

import hashlib
import json
import re
from base64 import b64encode
from collections.abc import Iterable

from msgspec import Struct

from eilbote.discovery.autoconfig import is_host
from eilbote.discovery.values import Protocol

LARGEST = 64 * 1024
PATH = "/.well-known/user-agent-configuration.json"
_PORTS = {"imap": (Protocol.IMAP, 993), "pop3": (Protocol.POP3, 995), "smtp": (Protocol.SMTP, 465)}


class Named(Struct, frozen=True):
    """A server that a file names; always with TLS from the first byte, as the draft has it."""

    protocol: Protocol
    host: str
    port: int


def host_of(domain: str) -> str:
    """The domain's own host that serves the file."""
    return f"ua-auto-config.{domain}"


def record_of(domain: str) -> str:
    """The name of the TXT record with the digest."""
    return f"_ua-auto-config.{domain}"


def read_settings(content: bytes) -> tuple[Named, ...]:
    """The mail servers that a file names. ValueError, in plain words, where it cannot be read."""
    try:
        told = json.loads(content)
    except (ValueError, RecursionError):
        raise ValueError("no JSON") from None
    protocols = told.get("protocols") if isinstance(told, dict) else None
    if not isinstance(protocols, dict):
        raise ValueError("no protocols")
    found = []
    for name, (protocol, port) in _PORTS.items():
        one = protocols.get(name)
        host = one.get("host") if isinstance(one, dict) else None
        if isinstance(host, str) and is_host(host := host.lower().rstrip(".")[:253]):
            found.append(Named(protocol, host, port))
    return tuple(found)


def fits(content: bytes, records: Iterable[str]) -> bool | None:
    """Whether the digest in one of the TXT records is that of the file; None where there is none."""
    digests = [one for one in map(_digest, records) if one is not None]
    if not digests:
        return None
    return b64encode(hashlib.sha256(content).digest()).decode().rstrip("=") in digests


def _digest(record: str) -> str | None:
    """`v=UAAC1; a=sha256; d=...`"""
    pairs = (piece.partition("=") for piece in record[:2000].split(";")[:20])
    tags = {name.strip().lower(): re.sub(r"\s", "", value) for name, _, value in pairs}
    if tags.get("v", "").upper() != "UAAC1" or tags.get("a", "").lower() != "sha256" or "d" not in tags:
        return None
    return tags["d"].rstrip("=")
