"""A server's answer as a finding: which check it belongs to, what it comes to, who must act."""

from __future__ import annotations

from eilbote.diagnosis.evidence import Place, Protocol
from eilbote.diagnosis.replies import Meaning
from eilbote.diagnosis.values import Finding, Verdict, Who

_LONGEST_QUOTE = 300
_CHECKS = {
    "password": "AUTH05",
    "app_password": "AUTH06",
    "service_off": "AUTH07",
    "oauth_only": "AUTH08",
    "web_login": "AUTH09",
    "rate": "AUTH11",
    "connections": "AUTH11",
    "temporary": "AUTH12",
    "admin": "AUTH07",
}
_WHO = {
    "password": Who.YOU,
    "app_password": Who.YOU,
    "service_off": Who.YOU,
    "oauth_only": Who.YOU,
    "web_login": Who.YOU,
    "rate": Who.YOU,
    "connections": Who.YOU,
    "temporary": Who.PROVIDER,
    "admin": Who.DOMAIN,
    "quota": Who.YOU,
    "sender": Who.YOU,
    "relay": Who.YOU,
    "recipient": Who.YOU,
    "size": Who.YOU,
    "spam": Who.DOMAIN,
    "dns": Who.DOMAIN,
    "server": Who.PROVIDER,
}
_LATER = ("rate", "connections", "temporary")


def login_check(cause: str, protocol: Protocol) -> str:
    """The check under which a refused login is reported."""
    if protocol is Protocol.SMTP:
        return "SMTP05"
    if cause == "password.expired":
        return "AUTH10"
    if cause == "admin.no_mailbox":
        return "AUTH13"
    return _CHECKS.get(cause.partition(".")[0], "AUTH03")


def found_reply(
    check: str, meaning: Meaning, place: Place, quote: str, *, ms: float | None = None
) -> Finding:
    """The finding that a server's words stand for. What passes by itself is an ERROR: it could not be
    tested."""
    word = meaning.cause.partition(".")[0]
    if word == "none":
        verdict = Verdict.INFO
    elif word in _LATER:
        verdict = Verdict.ERROR
    else:
        verdict = Verdict.FAIL
    who = Who.US if meaning.cause == "server.our_fault" else _WHO.get(word, Who.PROVIDER)
    shown = " ".join(quote.split())[:_LONGEST_QUOTE]
    return Finding(
        id=check,
        verdict=verdict,
        text=f"doctor.reply.{meaning.cause}",
        parameters={"host": place.host, "port": str(place.port), "text": shown, "link": meaning.link},
        about=str(place),
        seen=shown,
        who=Who.NOBODY if word == "none" else who,
        confidence=meaning.confidence,
        cause=meaning.cause,
        link=meaning.link,
        ms=ms,
    )
