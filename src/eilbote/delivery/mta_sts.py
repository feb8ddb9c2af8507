"""MTA-STS (RFC 8461): a domain says over HTTPS which servers take its mail, and that they do so encrypted.

Reads the record and the policy file, judges whether a kept policy still counts, matches a server's name.
Hostile input gives None or a Problem, never an exception, and costs no more than its length.
"""

from __future__ import annotations

import re
from enum import StrEnum

from msgspec import Struct

from eilbote.errors import Problem

LARGEST_POLICY = 64 * 1024
"""Bytes of a policy file (RFC 8461 section 3.3 leaves it to us)."""

LONGEST_AGE = 31_557_600
"""Seconds, about a year: the most that `max_age` may say (RFC 8461 section 3.2)."""

_ID = re.compile(r"[A-Za-z0-9]{1,32}")
_HOST = re.compile(r"(?:\*\.)?(?!-)[a-z0-9-]{1,63}(?:\.(?!-)[a-z0-9-]{1,63}){1,20}")
_MOST_PATTERNS = 200


class Mode(StrEnum):
    """What the domain wants: mail goes only to matching servers over verified TLS (`enforce`), as usual
    but with reports (`testing`), or there is no policy any more (`none`)."""

    ENFORCE = "enforce"
    TESTING = "testing"
    NONE = "none"


class Policy(Struct, frozen=True):
    """A domain's policy. `mx`: lower-case host names, `*.` for exactly one label; `max_age` in seconds."""

    mode: Mode
    mx: tuple[str, ...]
    max_age: int


class Kept(Struct, frozen=True):
    """A policy as it was fetched: the id of its record then, and when, in seconds since 1970."""

    policy: Policy
    id: str
    fetched: float

    def is_fresh(self, now: float) -> bool:
        return 0 <= now - self.fetched < self.policy.max_age


def policy_host(domain: str) -> str:
    """Where the policy lies; the file is `/.well-known/mta-sts.txt` (RFC 8461 section 3.2)."""
    return f"mta-sts.{domain}"


def read_record(texts: list[str]) -> str | None:
    """The id in the TXT records of `_mta-sts.DOMAIN`; None without exactly one record of this kind
    (RFC 8461 section 3.1)."""
    found = [text for text in texts if re.match(r"v=STSv1[ \t]*(?:;|\Z)", text)]
    if len(found) != 1:
        return None
    for field in found[0].split(";")[1:]:
        name, _, value = field.strip().partition("=")
        if name.strip() == "id":
            return value.strip() if _ID.fullmatch(value.strip()) else None
    return None


def read_policy(content: bytes) -> Policy | Problem:
    """The policy file (RFC 8461 section 3.2); `mta_sts.policy` names what is wrong with one."""
    if len(content) > LARGEST_POLICY:
        return Problem("mta_sts.policy", {"reason": "too long"})
    fields: dict[str, str] = {}
    patterns: list[str] = []
    for line in content.decode("utf-8", "replace").splitlines():
        name, colon, value = line.partition(":")
        name, value = name.strip(), value.strip()
        if not colon:
            continue
        if name == "mx":
            patterns.append(value.lower().rstrip("."))
        else:
            fields.setdefault(name, value)  # of a repeated field the first counts
    if fields.get("version") != "STSv1":
        return Problem("mta_sts.policy", {"reason": "version"})
    age = fields.get("max_age", "")
    if not re.fullmatch(r"[0-9]{1,10}", age) or int(age) > LONGEST_AGE:
        return Problem("mta_sts.policy", {"reason": "max_age"})
    if fields.get("mode") not in tuple(Mode):
        return Problem("mta_sts.policy", {"reason": "mode"})
    mode = Mode(fields["mode"])
    good = all(_HOST.fullmatch(pattern) for pattern in patterns)
    if mode is not Mode.NONE and (not patterns or not good or len(patterns) > _MOST_PATTERNS):
        return Problem("mta_sts.policy", {"reason": "mx"})
    return Policy(mode, tuple(patterns), int(age))


def matches(policy: Policy, host: str) -> bool:
    """Whether the policy lets mail go to this server (RFC 8461 section 4.1): `*.` is one label."""
    name = host.lower().rstrip(".")
    parent = name.partition(".")[2]
    return any(
        pattern == name or (pattern.startswith("*.") and parent == pattern[2:]) for pattern in policy.mx
    )
