"""The servers that a mail passed, as their Received lines tell (RFC 5321 section 4.4), and which of these
lines the provider wrote that keeps the mail: those below can be forged.

Never raises; bounded in number and length.
"""

from __future__ import annotations

import re
from ipaddress import ip_address
from typing import Literal

from msgspec import Struct
from msgspec.structs import replace

from eilbote.mail.date import read_date
from eilbote.mail.headers import Headers
from eilbote.mail.words import clean

MAX_HOPS = 40

Secured = Literal["yes", "no", "unknown"]

_LONGEST_LINE = 4000
_COMMENT = re.compile(r"\([^()]{0,1000}\)")
_FROM = re.compile(r"\s*from\s+([^\s();]{1,255})", re.IGNORECASE)
_BY = re.compile(r"\bby\s+([^\s();]{1,255})", re.IGNORECASE)
_WITH = re.compile(r"\bwith\s+([A-Za-z0-9]{1,20})\b", re.IGNORECASE)
_ADDRESS = re.compile(r"\[(?:IPv6:)?([0-9A-Fa-f.:]{3,45})\]|\(([0-9A-Fa-f.:]{3,45})\)")
_TLS = re.compile(r"\b(?:TLSv?\d|TLS_|version=TLS|cipher\b|using TLS)", re.IGNORECASE)
_ABOVE = re.compile(r"[^.\s]+\.([^\s]+\.[^\s.]+)")
# RFC 3848, RFC 6531 section 4.3 and the registry of mail transmission types.
_SECURED = frozenset(
    (
        "esmtps",
        "esmtpsa",
        "lmtps",
        "lmtpsa",
        "utf8smtps",
        "utf8smtpsa",
        "utf8lmtps",
        "utf8lmtpsa",
        "smtps",
        "https",
    )
)
_BARE = frozenset(("smtp", "esmtp", "esmtpa", "utf8smtp", "utf8smtpa"))


class Hop(Struct, frozen=True):
    """One server's line. `seconds`: since the line before, None where one of the two gives no time;
    below zero where their clocks differ. `own`: written by the provider that keeps the mail."""

    host: str
    sender: str
    address: str
    secured: Secured
    date: float | None
    seconds: float | None = None
    own: bool = False


def hops_of(headers: Headers) -> tuple[Hop, ...]:
    """Newest first, as the lines stand."""
    read = [_hop(line) for line in headers.sources("Received")[:MAX_HOPS]]
    told: list[Hop] = []
    family, own = "", True
    for at, one in enumerate(read):
        family = family or (_family(one.host) if own else "")
        own = own and (at == 0 or not family or _family(one.host) == family)
        before = read[at + 1].date if at + 1 < len(read) else None
        seconds = one.date - before if one.date is not None and before is not None else None
        told.append(replace(one, seconds=seconds, own=own))
        # Where the mail came in from outside, what stands below came with it. A name alone proves nothing.
        own = own and not (one.sender and (_family(one.sender) != family or _is_public(one.address)))
    return tuple(told)


def without_comments(text: str) -> str:
    """RFC 5322 section 3.2.2, three levels deep."""
    for _ in range(3):
        text = _COMMENT.sub(" ", text)
    return text


def is_host_name(text: str) -> bool:
    """Whether it is a name and no numeric address."""
    return "." in text and ":" not in text and not text.replace(".", "").isdigit()


def _family(host: str) -> str:
    """The name above a host: what machines of one provider share. Empty for what is no name."""
    host = host.lower().rstrip(".")
    if not is_host_name(host):
        return ""
    found = _ABOVE.fullmatch(host)
    return found[1] if found else host


def _is_public(address: str) -> bool:
    try:
        return ip_address(address).is_global
    except ValueError:
        return False


def _hop(line: str) -> Hop:
    text = clean(line[:_LONGEST_LINE])
    trace, _, date = text.rpartition(";")
    trace = trace or text
    bare = without_comments(trace)
    sender, host, kind = _FROM.match(bare), _BY.search(bare), _WITH.search(bare)
    address = _ADDRESS.search(trace)
    protocol = kind[1].lower() if kind else ""
    secured: Secured = "unknown"
    if protocol in _SECURED or _TLS.search(trace):
        secured = "yes"
    elif protocol in _BARE and sender is not None:
        secured = "no"
    return Hop(
        host[1] if host else "",
        sender[1] if sender else "",
        (address[1] or address[2]) if address else "",
        secured,
        read_date(date.strip()[:256]) if date else None,
    )
