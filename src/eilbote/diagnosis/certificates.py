"""What is wrong with a certificate, told apart by what the library said and by what stands in it.

The library's verdict is never overruled: a line that it did not verify is proven by a pin alone.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import UTC, datetime

from eilbote.diagnosis.evidence import Certificate, Place, Shaken
from eilbote.diagnosis.finding import found
from eilbote.diagnosis.values import Confidence, Finding, Verdict, Who

_DAY = 86_400.0
_INTERCEPTORS = re.compile(
    "avast|avg technologies|kaspersky|eset|bitdefender|zscaler|fortinet|fortigate|sophos|mcafee|norton"
    "|symantec web|g ?data|dr\\.?web|panda|trend ?micro|bullguard|netskope|blue ?coat|cisco umbrella"
    "|palo alto"
    "|checkpoint|check point|watchguard|forcepoint|barracuda|superfish|mitmproxy|charles proxy|fiddler"
    "|squid|burp|web/mail shield|ssl inspection|ssl proxy|mail shield|untangle|securly|lightspeed",
    re.IGNORECASE,
)
_WEAK_HASHES = ("md5", "sha1", "md2", "md4")


def is_interceptor(name: str) -> bool:
    """The name of a program or box that is known to open encrypted lines."""
    return _INTERCEPTORS.search(name) is not None


def judge_certificate(
    place: Place, shaken: Shaken, now: float, elsewhere: Sequence[Shaken] = ()
) -> list[Finding]:
    """Findings about the certificate of a server; `elsewhere` are the handshakes with other hosts."""
    if not shaken.chain:
        if shaken.verified:
            return [found("TLS05", Verdict.PASS, at=place)]
        return [_unread(place, shaken)]
    leaf = shaken.chain[0]
    if shaken.pinned:
        return [found("TLS10", Verdict.INFO, "pinned", at=place, fingerprint=grouped(leaf.fingerprint))]
    if shaken.verified:
        return _good(place, shaken, leaf, now)
    return [_wrong(place, shaken, leaf, now, elsewhere)]


def _unread(place: Place, shaken: Shaken) -> Finding:
    return found(
        "TLS05",
        Verdict.FAIL,
        "unread",
        at=place,
        cause="certificate.unverified",
        seen=shaken.error,
        sure=Confidence.LIKELY,
        reason=shaken.error,
    )


def _good(place: Place, shaken: Shaken, leaf: Certificate, now: float) -> list[Finding]:
    findings = [
        found("TLS05", Verdict.PASS, at=place, seen=leaf.issuer),
        found("TLS06", Verdict.PASS, at=place, seen=", ".join(leaf.names[:5])),
    ]
    findings.append(_expiry(place, leaf, now))
    findings.append(_strength(place, shaken.chain))
    if leaf.must_staple:
        findings.append(found("TLS13", Verdict.INFO, "wanted", at=place))
    findings.append(found("TLS14", Verdict.INFO, "yes" if leaf.has_ct else "no", at=place))
    return findings


def _expiry(place: Place, leaf: Certificate, now: float) -> Finding:
    days = int((leaf.not_after - now) // _DAY)
    lifetime = max(leaf.not_after - leaf.not_before, _DAY)
    # Whoever renews by machine does so when a third is left; a tenth is late whatever the lifetime.
    late = (leaf.not_after - now) / lifetime < 0.1
    if late:
        return found(
            "TLS08", Verdict.WARN, "soon", at=place, cause="certificate.expires_soon", days=max(days, 0)
        )
    return found("TLS08", Verdict.PASS, at=place, seen=f"{days} d")


def _strength(place: Place, chain: Sequence[Certificate]) -> Finding:
    leaf = chain[0]
    told = re.fullmatch(r"(rsa|ec) ([0-9]{1,9})", leaf.key)
    weak = told is not None and int(told[2]) < (2048 if told[1] == "rsa" else 256)
    if weak or leaf.signature in _WEAK_HASHES:
        return found(
            "TLS09",
            Verdict.WARN,
            "weak",
            at=place,
            cause="certificate.weak",
            key=leaf.key,
            signature=leaf.signature,
        )
    return found("TLS09", Verdict.PASS, at=place, seen=f"{leaf.key}, {leaf.signature}".rstrip(", "))


def _wrong(
    place: Place, shaken: Shaken, leaf: Certificate, now: float, elsewhere: Sequence[Shaken]
) -> Finding:
    """The one thing that is wrong. What is named first decides: who opens the line on the way, dates, name,
    strength, who signed."""
    said = shaken.error.lower()
    top = shaken.chain[-1]
    opener = _INTERCEPTORS.search(f"{leaf.issuer} {top.issuer} {top.subject}")
    same_issuer = [one.chain[0].issuer for one in elsewhere if one.chain and not one.verified]
    if opener:
        return found(
            "ENV06",
            Verdict.FAIL,
            "named",
            at=place,
            cause="interception.tls",
            who=Who.YOU,
            sure=Confidence.LIKELY,
            seen=top.issuer,
            name=common_name(top.issuer) or opener[0],
        )
    if "expired" in said or (leaf.not_after < now and "date" in said):
        return found(
            "TLS07",
            Verdict.FAIL,
            "expired",
            at=place,
            cause="certificate.expired",
            seen=said,
            until=_day(leaf.not_after if leaf.not_after < now else _earliest(shaken.chain)),
            days=max(0, int((now - leaf.not_after) // _DAY)),
        )
    if "not yet valid" in said:
        begins = _day(leaf.not_before)
        return found(
            "TLS07", Verdict.FAIL, "early", at=place, cause="certificate.not_yet_valid", begins=begins
        )
    if "mismatch" in said:
        return _wrong_name(place, leaf)
    if "too weak" in said or "too small" in said or "md too" in said:
        return found(
            "TLS09",
            Verdict.FAIL,
            "refused",
            at=place,
            cause="certificate.weak",
            key=leaf.key,
            signature=leaf.signature,
        )
    if "revoked" in said:
        return found("TLS12", Verdict.FAIL, "revoked", at=place, cause="certificate.revoked")
    if leaf.issuer in same_issuer and not _is_self_signed(leaf):
        # Two servers cannot have the same unknown authority unless somebody in between has made both.
        return found(
            "ENV06",
            Verdict.FAIL,
            "same",
            at=place,
            cause="interception.tls",
            sure=Confidence.LIKELY,
            seen=leaf.issuer,
            name=common_name(leaf.issuer),
        )
    fingerprint = grouped(leaf.fingerprint)
    if _is_self_signed(leaf):
        return found(
            "TLS10",
            Verdict.FAIL,
            "self_signed",
            at=place,
            cause="certificate.self_signed",
            who=Who.PROVIDER,
            seen=said,
            fingerprint=fingerprint,
        )
    if _is_self_signed(top) or "self-signed certificate in" in said or "self signed certificate in" in said:
        return found(
            "TLS11",
            Verdict.FAIL,
            "private",
            at=place,
            cause="certificate.unknown_authority",
            sure=Confidence.LIKELY,
            seen=said,
            name=common_name(top.issuer) or top.issuer,
            fingerprint=fingerprint,
        )
    if "unable to get local issuer" in said or "unable to verify the first" in said:
        if len(shaken.chain) == 1 and leaf.issuer_url:
            # A public authority says where its own certificate lies; a private one hardly ever does.
            return found(
                "TLS05",
                Verdict.FAIL,
                "incomplete",
                at=place,
                cause="certificate.incomplete",
                sure=Confidence.LIKELY,
                seen=said,
                name=common_name(leaf.issuer),
                fingerprint=fingerprint,
            )
        return found(
            "TLS11",
            Verdict.FAIL,
            "unknown",
            at=place,
            cause="certificate.unknown_authority",
            sure=Confidence.LIKELY,
            seen=said,
            name=common_name(top.issuer),
            fingerprint=fingerprint,
        )
    return _unread(place, shaken)


def _wrong_name(place: Place, leaf: Certificate) -> Finding:
    better = [name for name in leaf.names if not name.startswith("*.") and "." in name]
    shown = ", ".join(leaf.names[:3]) or common_name(leaf.subject)
    case = "other_name" if better else "no_name"
    return found(
        "TLS06",
        Verdict.FAIL,
        case,
        at=place,
        cause="certificate.wrong_name",
        seen=shown,
        names=shown,
        better=better[0] if better else "",
    )


def _is_self_signed(one: Certificate) -> bool:
    return one.subject == one.issuer


def _day(moment: float) -> str:
    return datetime.fromtimestamp(moment, UTC).strftime("%Y-%m-%d")


def _earliest(chain: Sequence[Certificate]) -> float:
    return min(one.not_after for one in chain)


def common_name(name: str) -> str:
    """The part of a distinguished name that people know."""
    for part in ("CN", "O"):
        found_one = re.search(rf"(?:^|,){part}=((?:\\.|[^,\\])+)", name)
        if found_one:
            return re.sub(r"\\(.)", r"\1", found_one[1])
    return name


def grouped(fingerprint: str) -> str:
    """A fingerprint as people compare it."""
    return ":".join(fingerprint[at : at + 2] for at in range(0, len(fingerprint), 2)).upper()
