"""IMAP and SMTP before the login: greeting, capabilities, ways to log in."""

from __future__ import annotations

import re
from collections.abc import Sequence

from eilbote.diagnosis.checks.auth import provider_row
from eilbote.diagnosis.evidence import Conversed, Place, Protocol
from eilbote.diagnosis.finding import found
from eilbote.diagnosis.replies import families_of, judge_reply
from eilbote.diagnosis.values import Confidence, Finding, Verdict, Who
from eilbote.diagnosis.whose import found_reply

_PASSWORD_WAYS = {"PLAIN", "LOGIN", "SCRAM-SHA-1", "SCRAM-SHA-256", "SCRAM-SHA-1-PLUS", "SCRAM-SHA-256-PLUS"}
_TOKEN_WAYS = {"XOAUTH2", "OAUTHBEARER"}
_SLOW_GREETING_MS = 5000.0
_SIZE = re.compile(r"SIZE +([0-9]{1,18})")


def judge_talk(seen: Conversed, *, oauth: bool) -> list[Finding]:
    """Findings about what a server said before anybody logged in."""
    place = seen.place
    if not seen.is_greeting:
        return []
    refusal = _refused_greeting(seen)
    if refusal is not None:
        return [refusal]
    check = "IMAP01" if place.protocol is not Protocol.SMTP else "SMTP01"
    findings = [found(check, Verdict.PASS, at=place, seen=seen.banner, ms=seen.greeting_ms)]
    if seen.greeting_ms > _SLOW_GREETING_MS:
        seconds = f"{seen.greeting_ms / 1000:.0f}"
        findings.append(
            found("NET12", Verdict.WARN, "greeting", at=place, cause="server.slow_greeting", seconds=seconds)
        )
    capabilities = seen.after or seen.before
    if place.protocol is Protocol.SMTP and not capabilities and seen.reason[:3].isdigit():
        return [*findings, _ehlo_refused(place, seen.reason)]
    if not capabilities:
        return findings
    findings += _ways(place, capabilities, oauth=oauth)
    if place.protocol is Protocol.IMAP:
        findings += _imap(place, seen, capabilities)
    elif place.protocol is Protocol.SMTP:
        findings += _smtp(place, seen, capabilities)
    return findings


def _refused_greeting(seen: Conversed) -> Finding | None:
    place, banner = seen.place, seen.banner
    welcome = {
        Protocol.IMAP: ("* OK", "* PREAUTH"),
        Protocol.SMTP: ("220",),
        Protocol.POP3: ("+OK",),
    }[place.protocol]
    if banner.upper().startswith(welcome):
        return None
    meaning = judge_reply(banner, place.protocol, families_of(place.provider, banner))
    check = "SMTP01" if place.protocol is Protocol.SMTP else "IMAP01"
    if not meaning.known or meaning.cause.startswith("password"):
        return found(
            check,
            Verdict.FAIL,
            "refused",
            at=place,
            cause="server.refuses_everybody",
            sure=Confidence.LIKELY,
            seen=banner,
            text=banner.removeprefix("* BYE "),
        )
    return found_reply(check, meaning, place, banner)


def _ehlo_refused(place: Place, told: str) -> Finding:
    return found(
        "SMTP03",
        Verdict.FAIL,
        "refused",
        at=place,
        cause="server.our_name",
        sure=Confidence.LIKELY,
        seen=told,
        text=told,
    )


def ways_of(capabilities: Sequence[str]) -> set[str]:
    """The mechanisms among capabilities of any of the protocols."""
    found_ways: set[str] = set()
    for one in capabilities:
        if one.startswith("AUTH="):
            found_ways.add(one[5:])
        elif one.startswith(("AUTH ", "SASL ")):
            found_ways |= set(one.split()[1:])
    return found_ways


def _ways(place: Place, capabilities: Sequence[str], *, oauth: bool) -> list[Finding]:
    ways = ways_of(capabilities)
    told = " ".join(sorted(ways))
    disabled = "LOGINDISABLED" in capabilities
    check = "IMAP05" if place.protocol is not Protocol.SMTP else "SMTP05"
    if oauth:
        if ways & _TOKEN_WAYS:
            return [found(check, Verdict.PASS, at=place, seen=told)] if check == "IMAP05" else []
        return [
            found(check, Verdict.FAIL, "no_token", at=place, cause="oauth_only.not_offered", offered=told)
        ]
    plain_login = place.protocol is not Protocol.SMTP and not disabled
    if place.protocol is Protocol.POP3:
        plain_login = "USER" in capabilities or not capabilities
    if ways & _PASSWORD_WAYS or plain_login:
        return [found("IMAP05", Verdict.PASS, at=place, seen=told)] if check == "IMAP05" else []
    if ways & _TOKEN_WAYS:
        return [found(check, Verdict.FAIL, "only_token", at=place, cause="oauth_only.offered", offered=told)]
    if place.protocol is Protocol.SMTP and not ways:
        if place.security == "none":
            return []
        return [found("SMTP05", Verdict.FAIL, "no_login", at=place, cause="server.no_login", who=Who.YOU)]
    if disabled:
        return [found("IMAP04", Verdict.FAIL, "disabled", at=place, cause="server.login_disabled", seen=told)]
    return [found(check, Verdict.FAIL, "none_shared", at=place, cause="server.no_mechanism", offered=told)]


def _imap(place: Place, seen: Conversed, capabilities: Sequence[str]) -> list[Finding]:
    findings = []
    if not {"IMAP4REV1", "IMAP4REV2", "IMAP4"} & set(capabilities):
        findings.append(found("IMAP06", Verdict.WARN, "none", at=place, cause="server.no_imap4"))
    else:
        findings.append(found("IMAP06", Verdict.PASS, at=place))
    if place.security == "starttls" and seen.before and seen.after:
        gone = set(seen.before) - set(seen.after)
        new = set(seen.after) - set(seen.before)
        findings.append(
            found("IMAP03", Verdict.INFO, "changed", at=place, gone=len(gone), new=len(new))
            if gone or new
            else found("IMAP03", Verdict.PASS, at=place)
        )
        if "LOGINDISABLED" in seen.before:
            findings.append(found("IMAP04", Verdict.PASS, at=place))
    return findings


def _smtp(place: Place, seen: Conversed, extensions: Sequence[str]) -> list[Finding]:
    names = [one.split()[0] for one in extensions if one.strip()]
    findings = [
        found("SMTP02", Verdict.INFO, "offers", at=place, names=", ".join(names), seen=" ".join(names))
    ]
    if place.security == "starttls" and ways_of(seen.before):
        findings.append(found("SMTP04", Verdict.INFO, "before", at=place))
    if size := next((int(one[1]) for one in map(_SIZE.fullmatch, extensions) if one is not None), 0):
        # Base64 and the header take their share of what the server counts.
        megabytes = size * 0.72 / 1e6
        findings.append(found("SMTP11", Verdict.INFO, "limit", at=place, megabytes=f"{megabytes:.0f}"))
    findings.append(
        found("SMTP14", Verdict.INFO, "yes" if "ENHANCEDSTATUSCODES" in names else "no", at=place)
    )
    findings += _granted(place)
    if "CHUNKING" in names:
        findings.append(found("SMTP18", Verdict.INFO, "offered", at=place))
    return findings


def _granted(place: Place) -> list[Finding]:
    """SMTP12: how much the provider lets one send, as far as its row knows."""
    row = provider_row(place.provider)
    if row is None or row.sending is None:
        return []
    sending = row.sending
    known = {
        "message": sending.recipients_per_message,
        "hour": sending.recipients_per_hour or sending.messages_per_hour,
        "day": sending.recipients_per_day or sending.messages_per_day,
    }
    shown = ", ".join(f"{count}/{per}" for per, count in known.items() if count)
    if not shown:
        return []
    checked = sending.checked.isoformat()
    return [found("SMTP12", Verdict.INFO, "granted", at=place, limits=shown, name=row.name, checked=checked)]
