"""SMTP after the login: would this sender and the account's own address be taken?"""

from __future__ import annotations

from eilbote.diagnosis.evidence import LoggedIn, Place, Tried
from eilbote.diagnosis.finding import found
from eilbote.diagnosis.replies import families_of, judge_reply
from eilbote.diagnosis.values import Finding, Verdict
from eilbote.diagnosis.whose import found_reply

_CHECKS = {"sender": "SMTP06", "recipient": "SMTP09", "relay": "SMTP10"}


def judge_form(misshapen: tuple[str, ...] | None) -> list[Finding]:
    """SMTP16: what leaves here has CRLF alone, and a dot more where a line begins with one (RFC 5321 sections
    2.3.8 and 4.5.2)."""
    if misshapen is None:
        return []
    if misshapen:
        what = ", ".join(misshapen)
        return [found("SMTP16", Verdict.FAIL, "misshapen", cause="server.own_form", what=what)]
    return [found("SMTP16", Verdict.PASS)]


def judge_tries(login: LoggedIn) -> list[Finding]:
    """MAIL FROM and RCPT TO that were tried and taken back; identities as `identity ADDRESS`, an address of
    the user's elsewhere as `relay ADDRESS`."""
    findings = []
    for one in login.tried:
        kind, _, address = one.what.partition(" ")
        check = _CHECKS.get(kind, "SMTP08")
        findings.append(_judge(check, login.place, one, address))
    return findings


def _judge(check: str, place: Place, one: Tried, address: str) -> Finding:
    if one.ok:
        return found(check, Verdict.PASS, at=place, seen=one.reply)
    meaning = judge_reply(one.reply, place.protocol, families_of(place.provider))
    if meaning.cause == "temporary.greylisted":
        return found("SMTP13", Verdict.PASS, "greylisted", at=place, seen=one.reply)
    if check in ("SMTP06", "SMTP08") and meaning.cause in ("spam.policy", "server.refused", "admin.contact"):
        meaning = type(meaning)("sender.not_allowed", meaning.confidence, meaning.row, meaning.link)
    return found_reply(check, meaning, place, one.reply)
