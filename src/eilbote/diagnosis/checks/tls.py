"""TLS: the handshake, STARTTLS, and whether a secret may go over the line."""

from __future__ import annotations

from collections.abc import Sequence

from eilbote.diagnosis.certificates import judge_certificate
from eilbote.diagnosis.closer import Closer, EarlyData, OldFaults
from eilbote.diagnosis.evidence import Conversed, Place, Protocol, Shaken
from eilbote.diagnosis.finding import found
from eilbote.diagnosis.values import Confidence, Finding, Verdict, Who

_GOOD_PORTS = {Protocol.IMAP: 993, Protocol.SMTP: 465, Protocol.POP3: 995}
_STANDARD_STARTTLS = {143, 587, 110}
_FEWEST_DH_BITS = 2048
_WEAK_CIPHERS = ("RC4", "3DES", "DES-CBC", "NULL", "EXP", "ADH", "AECDH")


def judge_tls(seen: Conversed, now: float, elsewhere: Sequence[Shaken] = ()) -> list[Finding]:
    """Findings about how a line is protected; a FAIL among them where it is not."""
    place = seen.place
    if place.security == "none":
        return [found("TLS01", Verdict.INFO, "loopback", at=place)]
    findings: list[Finding] = []
    if place.security == "starttls":
        refusal = _starttls(seen)
        if refusal is not None:
            return [refusal]
        findings.append(found("TLS19", Verdict.PASS, at=place))
    shaken = seen.tls
    if shaken is None:
        return findings
    if not shaken.version or (shaken.lower and not shaken.is_proven):
        return [*findings, _no_handshake(place, shaken)]
    version_verdict = Verdict.PASS if shaken.version in ("TLSv1.3", "TLSv1.2") else Verdict.FAIL
    findings += [
        found("TLS01", Verdict.PASS, at=place, ms=shaken.ms, seen=f"{shaken.version} {shaken.cipher}"),
        found("TLS02", version_verdict, at=place, seen=shaken.version),
        found("TLS03", Verdict.PASS, at=place, seen=shaken.cipher)
        if _is_strong(shaken)
        else found("TLS03", Verdict.WARN, "old", at=place, cause="tls.weak_cipher", cipher=shaken.cipher),
    ]
    findings.append(_key_exchange(place, shaken))
    findings += judge_certificate(place, shaken, now, elsewhere)
    if place.security == "starttls" and place.port in _STANDARD_STARTTLS:
        better = _GOOD_PORTS[place.protocol]
        findings.append(found("TLS24", Verdict.INFO, "better", at=place, better=better))
    return findings


def _key_exchange(place: Place, shaken: Shaken) -> Finding:
    """TLS04. TLS 1.3 makes every key anew (RFC 8446 section 1.2); before it the cipher says so."""
    fresh = shaken.version == "TLSv1.3" or shaken.cipher.upper().startswith(("ECDHE", "DHE"))
    key = shaken.chain[0].key if shaken.chain else ""
    seen = ", ".join(one for one in (f"{shaken.version} {shaken.cipher}", shaken.group, key) if one)
    if fresh:
        return found("TLS04", Verdict.PASS, at=place, seen=seen)
    return found("TLS04", Verdict.INFO, "fixed", at=place, seen=seen)


def _old_faults(place: Place, faults: OldFaults | None) -> Finding:
    """TLS15. Of Heartbleed only the extension that it needs is looked for, never the fault itself."""
    if faults is None:
        return found("TLS15", Verdict.SKIP, "not_own" if place.provider else "untested", at=place)
    if not faults.answered:  # TLS 1.3 has none of it
        return found("TLS15", Verdict.PASS, at=place, seen="TLSv1.3")
    if not faults.renegotiation:
        return found("TLS15", Verdict.FAIL, "renegotiation", at=place, cause="tls.renegotiation")
    old = [
        name
        for name, is_there in (
            ("compression", faults.compression),
            ("heartbeat (RFC 6520)", faults.heartbeat),
        )
        if is_there
    ]
    if old:
        return found("TLS15", Verdict.WARN, "old", at=place, cause="tls.old_faults", what=", ".join(old))
    missing = [
        name
        for name, is_missing in (
            ("extended master secret (RFC 7627)", not faults.master_secret),
            ("fallback SCSV (RFC 7507)", faults.falls_back),
        )
        if is_missing
    ]
    if missing:
        return found("TLS15", Verdict.INFO, "missing", at=place, what=", ".join(missing))
    return found("TLS15", Verdict.PASS, at=place)


def _early_data(place: Place, early: EarlyData) -> Finding:
    """TLS16: what comes before the end of the handshake can be sent again by anybody (RFC 8446 section 8)."""
    if early.untested:
        return found("TLS16", Verdict.SKIP, "untested", at=place, seen=early.untested)
    if early.most:
        return found("TLS16", Verdict.WARN, "taken", at=place, cause="tls.early_data", count=early.most)
    return found("TLS16", Verdict.PASS, at=place, seen=early.version)


def judge_group(first: Conversed, closer: Closer) -> list[Finding]:
    """TLS04 with the group of the key exchange, which only a closer look tells; instead of the finding that
    was made without it."""
    group, tls = closer.group, first.tls
    if not group or tls is None:
        return []
    key = tls.chain[0].key if tls.chain else ""
    seen = ", ".join(one for one in (tls.version, group, key) if one)
    word, _, bits = group.partition(" ")
    if word == "dh" and bits.isdigit() and int(bits) < _FEWEST_DH_BITS:
        return [found("TLS04", Verdict.INFO, "short", at=first.place, seen=seen, bits=bits)]
    return [found("TLS04", Verdict.PASS, at=first.place, seen=seen)]


def judge_closer(first: Conversed, closer: Closer) -> list[Finding]:
    """TLS15 to TLS18 and TLS21, where somebody has asked for them."""
    place, findings = first.place, []
    if closer.early is not None:  # of a look that was made before there was this one, nothing is said
        findings += [_old_faults(place, closer.faults), _early_data(place, closer.early)]
    known = first.tls.chain[0].fingerprint if first.tls is not None and first.tls.chain else ""
    if closer.unnamed is not None and known:
        case = "not_needed" if closer.unnamed.fingerprint == known else "needed"
        findings.append(found("TLS18", Verdict.INFO, case, at=place, seen=closer.unnamed.error))
    if closer.right is not None and closer.wrong is not None:
        if not closer.right.fingerprint:
            findings.append(found("TLS17", Verdict.INFO, "refused", at=place, seen=closer.right.error))
        elif closer.wrong.fingerprint:
            findings.append(found("TLS17", Verdict.INFO, "ignored", at=place))
        else:
            findings.append(found("TLS17", Verdict.PASS, at=place, seen=closer.right.protocol))
    if closer.smuggled:
        findings.append(
            found(
                "TLS21", Verdict.FAIL, "smuggled", at=place, cause="tls.starttls_smuggled", who=Who.PROVIDER
            )
        )
    elif closer.smuggled is not None:
        findings.append(found("TLS21", Verdict.PASS, at=place))
    return findings


def judge_addresses(first: Conversed, others: Sequence[Conversed]) -> list[Finding]:
    """TLS23: the certificates at the other addresses of a server that has proven itself at the first. Where
    an address shows none, nothing is said."""
    place = first.place
    shown = [one for one in others if one.tls is not None and one.tls.chain]
    if first.tls is None or not first.tls.chain or not shown:
        return []
    told = ", ".join(one.address for one in (first, *shown) if one.address)
    bad = [one for one in shown if one.tls is not None and not one.tls.is_proven]
    if bad:
        return [
            found(
                "TLS23",
                Verdict.WARN,
                "wrong",
                at=place,
                cause="certificate.one_address",
                seen=told,
                addresses=", ".join(one.address for one in bad),
            )
        ]
    prints = {one.tls.chain[0].fingerprint for one in (first, *shown) if one.tls is not None}
    if len(prints) > 1:
        return [found("TLS23", Verdict.INFO, "several", at=place, seen=told, count=len(prints))]
    return [found("TLS23", Verdict.PASS, at=place, seen=told)]


def _is_strong(shaken: Shaken) -> bool:
    cipher = shaken.cipher.upper()
    if any(weak in cipher for weak in _WEAK_CIPHERS):
        return False
    aead = any(word in cipher for word in ("GCM", "CHACHA20", "CCM"))
    return aead and (shaken.version == "TLSv1.3" or cipher.startswith(("ECDHE", "DHE")))


def _starttls(seen: Conversed) -> Finding | None:
    place = seen.place
    wanted = "STLS" if place.protocol is Protocol.POP3 else "STARTTLS"
    if seen.is_greeting and seen.banner[:9].upper() == "* PREAUTH":
        return found(
            "TLS22", Verdict.FAIL, "preauth", at=place, cause="interception.preauth", who=Who.PROVIDER
        )
    if seen.injected:
        return found(
            "TLS22", Verdict.FAIL, "injected", at=place, cause="interception.injected", who=Who.NETWORK
        )
    if not seen.is_greeting or not seen.before:
        return None
    if wanted not in seen.before:
        return found(
            "TLS19",
            Verdict.FAIL,
            "missing",
            at=place,
            cause="tls.no_starttls",
            sure=Confidence.LIKELY,
            seen=" ".join(seen.before),
            wanted=wanted,
            better=_GOOD_PORTS[place.protocol],
        )
    if seen.starttls and seen.tls is None:
        return found(
            "TLS19",
            Verdict.FAIL,
            "refused",
            at=place,
            cause="tls.starttls_refused",
            sure=Confidence.LIKELY,
            seen=seen.starttls,
            text=seen.starttls,
            better=_GOOD_PORTS[place.protocol],
        )
    return None


def _no_handshake(place: Place, shaken: Shaken) -> Finding:
    said = shaken.error
    if shaken.hung:
        return found(
            "TLS01",
            Verdict.FAIL,
            "hung",
            at=place,
            cause="filtered.mtu",
            who=Who.NETWORK,
            sure=Confidence.LIKELY if shaken.small_worked else Confidence.GUESS,
            ms=shaken.ms,
        )
    lower = shaken.lower
    if lower in ("TLSv1", "TLSv1.1", "SSLv3"):
        return found(
            "TLS02", Verdict.FAIL, "too_old", at=place, cause="tls.too_old", seen=said, version=lower
        )
    if lower:
        return found(
            "TLS03", Verdict.FAIL, "weak", at=place, cause="tls.weak", seen=said, cipher=shaken.cipher
        )
    if "protocol version" in said or "unsupported protocol" in said:
        return found("TLS02", Verdict.FAIL, "refused", at=place, cause="tls.too_old", seen=said, reason=said)
    if "handshake failure" in said or "no shared cipher" in said or "dh key too small" in said:
        return found("TLS03", Verdict.FAIL, "none_shared", at=place, cause="tls.weak", seen=said, reason=said)
    return found(
        "TLS01",
        Verdict.FAIL,
        "failed",
        at=place,
        cause="tls.failed",
        sure=Confidence.LIKELY,
        seen=said,
        reason=said or "?",
    )


def is_proven(seen: Conversed) -> bool:
    """A secret may go over such a line: TLS is there and proven, or it never leaves this machine."""
    if seen.place.security == "none":
        return True
    return seen.tls is not None and seen.tls.is_proven
