"""What the words of a server mean: the map of answers, and the order in which it is read.

The order: the response code in brackets (RFC 5530), the provider with the text, the enhanced status of
SMTP, the class of the three digits; what is left is shown as it was said, never as "unknown error". Never
is a password blamed where a code says that the server is in trouble.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Sequence
from functools import cache
from pathlib import Path

from msgspec import Struct

from eilbote.diagnosis.evidence import Protocol
from eilbote.diagnosis.values import Confidence

_FAMILIES = {
    "gmail": "google",
    "outlook": "microsoft",
    "office365": "microsoft",
    "icloud": "apple",
    "yahoo": "yahoo",
    "aol": "yahoo",
    "gmx": "gmx",
    "gmx-com": "gmx",
    "webde": "gmx",
    "mail.com": "gmx",
    "ionos": "ionos",
    "t-online": "telekom",
}
_BANNERS = (
    (re.compile(r"\bgimap\b|gsmtp|smtp\.gmail|gpop ready"), "google"),
    (re.compile(r"microsoft (exchange|esmtp)"), "exchange"),
    (re.compile(r"gmx|web\.de|\(kundenserver\)|nemesis|1und1|perfora"), "gmx"),
    (re.compile(r"icloud|\.me\.com|\[\d+-\w+-\w+\] "), "apple"),
    (re.compile(r"yahoo|\baol\b"), "yahoo"),
    (re.compile(r"t-online|telekom"), "telekom"),
)
_ENHANCED = re.compile(r"^\d{3}[ -](\d\.\d{1,3}\.\d{1,3})\b")
_DIGITS = re.compile(r"^(\d)\d\d\b")
_LINK = re.compile(r"https?://[^\s<>\"'\])]{4,300}")
_STAMP = re.compile(r"\b[a-z0-9]{1,4}[0-9a-f-]{12,}[-\w.]*\b|\b\d{4}-\d\d-\d\dt[\d:.z]+")
_LONGEST = 4000
_TROUBLE = ("UNAVAILABLE", "OVERQUOTA", "LIMIT", "INUSE", "IN-USE", "SERVERBUG", "SYS/TEMP")
_BROAD = ("AUTHENTICATIONFAILED", "ALERT", "AUTH", "UNAVAILABLE", "OVERQUOTA", "LIMIT")
"""Codes that many servers send with many things: what stands behind them may say why."""

_PASSWORDS = ("password", "app_password", "service_off")


class Meaning(Struct, frozen=True):
    """What an answer means. `row`: its number in the map, 0 where only a class or nothing fitted; `link`: a
    page that the server itself names."""

    cause: str
    confidence: Confidence
    row: int = 0
    link: str = ""
    known: bool = True


class _Row(Struct, frozen=True):
    row: int
    cause: str
    sure: Confidence
    families: frozenset[str]
    where: str
    response: str
    status: str
    text: re.Pattern[str] | None
    source: str


@cache
def rows() -> tuple[_Row, ...]:
    """The map, in the order in which it is read."""
    table = tomllib.loads(Path(__file__).with_name("replies.toml").read_text(encoding="utf-8"))
    return tuple(
        _Row(
            row=row.get("row", 0),
            cause=row["cause"],
            sure=Confidence(row["sure"]),
            families=frozenset(row.get("families", ())),
            where=row.get("where", ""),
            response=row.get("response", ""),
            status=row.get("status", ""),
            text=re.compile(row["text"], re.DOTALL) if row.get("text") else None,
            source=row["source"],
        )
        for row in table["reply"]
    )


def family_of(provider: str) -> str:
    """The family whose manner of speaking a provider of the table has; "" where none is known."""
    return _FAMILIES.get(provider, "")


def families_of(provider: str, banner: str = "") -> tuple[str, ...]:
    """By provider first, by what the server calls itself where the table knows none."""
    known = family_of(provider)
    if known:
        return (known,)
    told = banner.lower()
    return tuple(family for pattern, family in _BANNERS if pattern.search(told))[:1]


def judge_reply(text: str, protocol: Protocol, families: Sequence[str] = (), response: str = "") -> Meaning:
    """What `text` means that a server said to a command that it refused, or as it hung up. `response`: the
    response code that stood in brackets before it, or the enhanced status."""
    told = folded(text)
    code, told = _code(response, told)
    link = _LINK.search(text[:_LONGEST])
    found = _read(told, protocol, frozenset(families), code)
    return Meaning(found.cause, found.confidence, found.row, link[0] if link else "", found.known)


def folded(text: str) -> str:
    """Small letters, one blank for many, without session ids and dates."""
    return _STAMP.sub("", " ".join(text[:_LONGEST].lower().split())).strip()


def _code(response: str, told: str) -> tuple[str, str]:
    """The response code, also where it still stands in the text."""
    found = re.match(r"(?:\* )?(?:(?:no|bad|bye|-err) )?\[([a-z/-]+)(?: [^\]]*)?\] ?", told)
    if found is None:
        return response.upper(), told
    return response.upper() or found[1].upper(), told[found.end() :]


def _read(told: str, protocol: Protocol, families: frozenset[str], code: str) -> Meaning:
    bare = re.sub(r"^(\* )?(no|bad|bye|-err) ", "", told)
    enhanced = _ENHANCED.match(told)
    status = code if re.fullmatch(r"\d\.\d+\.\d+", code) else (enhanced[1] if enhanced else "")
    by_code = next((row for row in rows() if row.response and row.response == code), None)
    if by_code is not None and code not in _BROAD:
        return _meaning(by_code)
    texts = [row for row in rows() if _fits(row, told, bare, protocol, families, status)]
    # A text with one meaning says more than a broad code, and no more than the code lets it.
    for row in texts:
        if row.sure is Confidence.CERTAIN and not (code in _TROUBLE and row.cause.startswith(_PASSWORDS)):
            return _meaning(row)
    if by_code is not None and code in _TROUBLE:
        return _meaning(by_code)
    for row in sorted(texts, key=lambda one: not one.families):
        return _meaning(row)
    if by_code is not None:
        return _meaning(by_code)
    for row in rows():
        if row.status and row.status == status and row.text is None:
            return _meaning(row)
    return _by_class(told)


def _fits(row: _Row, told: str, bare: str, protocol: Protocol, families: frozenset[str], status: str) -> bool:
    if row.text is None or (row.families and not row.families & families):
        return False
    if row.where and row.where != protocol.value:
        return False
    if row.status and row.status != status and row.families == frozenset():
        return False
    return bool(row.text.search(told) or row.text.search(bare))


def _meaning(row: _Row) -> Meaning:
    return Meaning(row.cause, row.sure, row.row)


def _by_class(told: str) -> Meaning:
    found = _DIGITS.match(told)
    if found is None:
        return Meaning("password.unclear", Confidence.GUESS, known=False)
    if found[1] == "4":
        return Meaning("temporary.server", Confidence.LIKELY)
    if told.startswith(("534", "535")):
        return Meaning("password.wrong", Confidence.LIKELY)
    if told.startswith("530"):
        return Meaning("relay.login_first", Confidence.LIKELY)
    if told.startswith("552"):
        return Meaning("size.message", Confidence.GUESS)
    if told.startswith(("500", "501", "502", "503", "504")):
        return Meaning("server.our_fault", Confidence.GUESS)
    return Meaning("server.refused", Confidence.GUESS, known=False)
