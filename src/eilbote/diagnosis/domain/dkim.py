"""DKIM (RFC 6376): the keys that are published under selectors which are known, never guessed."""

from __future__ import annotations

import binascii
import re
from base64 import b64decode

from msgspec import Struct
from msgspec.structs import replace

from eilbote.diagnosis.domain.answers import Answers
from eilbote.diagnosis.evidence import OwnDomain, Selector
from eilbote.diagnosis.finding import found
from eilbote.diagnosis.trips import Trip
from eilbote.diagnosis.values import Confidence, DnsRecord, Finding, Verdict

_FEWEST_BITS, _SHORT_BITS = 1024, 2048
_LONGEST_KEY = 4096
_SELECTOR = re.compile(r"[A-Za-z0-9_-]{1,63}")
"""Those of several labels are rare, and left to the mail to oneself."""


class PublishedKey(Struct, frozen=True):
    """A key record. `bits`: of an RSA key, 0: not readable; `revoked`: its key is empty; `testing`: `t=y`."""

    kind: str
    bits: int
    revoked: bool
    testing: bool
    key: str


def name_of(selector: str, domain: str) -> str:
    return f"{selector}._domainkey.{domain}"


def read_key(text: str) -> PublishedKey | None:
    """A key record (RFC 6376 section 3.6.1); None for what is none."""
    tags: dict[str, str] = {}
    for part in text.split(";")[:50]:
        name, equals, value = part.partition("=")
        if equals:
            tags.setdefault(name.strip().lower(), value.strip())
    if tags.get("v", "DKIM1") != "DKIM1" or "p" not in tags:
        return None
    key = re.sub(r"\s", "", tags["p"])
    kind = tags.get("k", "rsa").lower()
    flags = tags.get("t", "").replace(" ", "").split(":")
    return PublishedKey(kind, _bits(kind, key), not key, "y" in flags, key)


def _bits(kind: str, key: str) -> int:
    try:
        data = b64decode(key[:_LONGEST_KEY], validate=True)
    except (binascii.Error, ValueError):
        return 0
    if kind == "ed25519":
        return 256 if len(data) == 32 else 0
    return 8 * _modulus_bytes(data)


def _modulus_bytes(data: bytes) -> int:
    """How long the modulus of an RSA key is: SubjectPublicKeyInfo, or the key alone (RFC 8017 appendix
    A.1.1). 0: not readable."""
    whole = _value(data, 0, 0x30)
    if whole is None:
        return 0
    start, _ = whole
    inner = _value(data, start, 0x30)
    if inner is not None:  # the algorithm stands before the key
        bits = _value(data, inner[1], 0x03)
        key = _value(data, bits[0] + 1, 0x30) if bits is not None else None
        if key is None:
            return 0
        start = key[0]
    modulus = _value(data, start, 0x02)
    if modulus is None:
        return 0
    begin, end = modulus
    return end - begin - (1 if data[begin : begin + 1] == b"\0" else 0)


def _value(data: bytes, at: int, tag: int) -> tuple[int, int] | None:
    """Where the content of the DER value at `at` begins and ends; None where there is no such value."""
    if at + 2 > len(data) or data[at] != tag:
        return None
    length, begin = data[at + 1], at + 2
    if length & 0x80:
        count = length & 0x7F
        if count > 3:
            return None
        length, begin = int.from_bytes(data[begin : begin + count], "big"), begin + count
    return (begin, begin + length) if begin + length <= len(data) else None


def with_keys_seen(own: OwnDomain, trip: Trip | None) -> OwnDomain:
    """The domain with the keys that its mail is really signed with, as the mail to oneself shows; then none
    of its provider's is guessed."""
    signatures = trip.signatures if trip is not None and trip.signatures is not None else ()
    seen = [one.selector for one in signatures if one.own and _SELECTOR.fullmatch(one.selector)]
    if not seen:
        return own
    kept = [one for one in own.selectors if one.certain]
    names = {one.name.lower() for one in kept}
    new = [Selector(one, certain=True) for one in dict.fromkeys(seen) if one.lower() not in names]
    return replace(own, selectors=(*kept, *new))


def judge_dkim(own: OwnDomain, answers: Answers) -> list[Finding]:
    """DNS12: each selector that is known."""
    if not own.selectors:
        return [found("DNS12", Verdict.SKIP, "unknown", at=own.name)]
    findings = [_judge(own, one, answers) for one in own.selectors]
    certain = [one for one in own.selectors if one.certain]
    good = [one for one in findings if one.verdict in (Verdict.PASS, Verdict.WARN, Verdict.FAIL)]
    if not certain and not good:
        # A provider has several selectors, and not everybody has all of them.
        whose = next((one.whose for one in own.selectors if one.whose), "")
        if not whose:  # keys of old mails; they may have been withdrawn since
            return [found("DNS12", Verdict.SKIP, "unknown", at=own.name)]
        names = ", ".join(one.name for one in own.selectors)
        return [
            found(
                "DNS12",
                Verdict.WARN,
                "none",
                at=own.name,
                cause="dns.dkim",
                sure=Confidence.LIKELY,
                domain=own.name,
                provider=whose,
                selectors=names,
            )
        ]
    return [one for one in findings if one.verdict is not Verdict.SKIP]


def _judge(own: OwnDomain, selector: Selector, answers: Answers) -> Finding:
    name = name_of(selector.name, own.name)
    repair = [DnsRecord(name, "TXT", selector.text)] if selector.text else []
    shown: dict[str, object] = {"name": name, "selector": selector.name}
    if answers.is_silent(name, "TXT"):
        return found("DNS12", Verdict.ERROR, "silent", at=name, cause="dns.timeout", shown=shown)
    records = answers.of(name, "TXT").records
    keys = [one for one in map(read_key, records) if one is not None]
    if not keys:
        if not selector.certain and not records:
            return found("DNS12", Verdict.SKIP, at=name)
        verdict = Verdict.FAIL if selector.certain else Verdict.WARN
        case = "unreadable" if records else "missing"
        return found("DNS12", verdict, case, at=name, cause="dns.dkim", publish=repair, shown=shown)
    key = keys[0]
    if len(keys) > 1:
        return found("DNS12", Verdict.WARN, "several", at=name, cause="dns.dkim", publish=repair, shown=shown)
    expected = read_key(selector.text) if selector.text else None
    if key.revoked:
        verdict = Verdict.FAIL if selector.certain else Verdict.WARN
        return found("DNS12", verdict, "revoked", at=name, cause="dns.dkim", publish=repair, shown=shown)
    if expected is not None and expected.key != key.key:
        return found("DNS12", Verdict.FAIL, "other", at=name, cause="dns.dkim", publish=repair, shown=shown)
    if not key.bits or key.kind not in ("rsa", "ed25519"):
        return found(
            "DNS12", Verdict.FAIL, "unreadable", at=name, cause="dns.dkim", publish=repair, shown=shown
        )
    if key.kind == "rsa" and key.bits < _SHORT_BITS:
        verdict = Verdict.FAIL if key.bits < _FEWEST_BITS else Verdict.WARN  # RFC 8301 section 3.2
        return found("DNS12", verdict, "short", at=name, cause="dns.dkim", bits=key.bits, shown=shown)
    if key.testing:
        return found("DNS12", Verdict.WARN, "testing", at=name, cause="dns.dkim", shown=shown)
    return found("DNS12", Verdict.PASS, at=name, seen=f"{key.kind} {key.bits}")
