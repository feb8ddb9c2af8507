"""What mail servers write to people when a mail did not arrive: whom it was for, and why.

Knows forms, not servers: an address that stands by itself or before its reason, one behind a label,
one in a sentence. Never raises; linear in the text, which is bounded.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence, Set
from enum import IntEnum

from msgspec import Struct

from eilbote.mail.address import is_address
from eilbote.mail.identity import same_address
from eilbote.mail.report_words import (
    DELAYED,
    DELIVERED,
    ENDED,
    FAILED,
    RETURNED,
    UNDEFINED,
    status_in,
    status_meant,
)

MAX_LINES = 1500
MAX_LINE = 600
_MOST_IN_LINE = 10
_REASON_LINES = 12
_WORDS = 2000

_LOCAL_BACKWARDS = re.compile(r"[^\s<>()\[\],;:\"'=@|]{1,64}")
_DOMAIN = re.compile(r"[A-Za-z0-9\u00a1-\uffff](?:[\w.-]{0,250}\w)?")

# What may stand before and after an address that has its line to itself, or begins it with the reason
# behind: Exim, Postfix, qmail, sendmail, Courier, GMX.
_NOTHING_BEFORE = re.compile(r"[\s>*•·|#-]*+(?:\d{1,3}[.)]\s{1,4})?(?:mailto:)?<?")
_REASON_AFTER = re.compile(r">?\s*+(?:\([^()]{0,100}\)\s*+)?(?:\.\.\.|[:;,–-]|\Z)")
_LABEL_BEFORE = re.compile(
    r"[\s>*•|-]*+(?:(?:final |original |intended |failed )?recipient(?:s|\(s\))?(?: address(?:es)?)?|rcpt to"
    r"|to|an|empfänger(?:adresse)?n?|address(?:es)?|adresse|user|benutzer|envelope-to|mailbox|e-?mail)"
    r"\s?[:=]\s*+(?:rfc822;\s*+)?[\"'<]{0,3}",
    re.IGNORECASE,
)
_NAMING = re.compile(
    r"message|mail|delivery|nachricht|zustellung|following|deliver|user|recipient|empfänger|adresse|mailbox"
    r"|postfach",
    re.IGNORECASE,
)
_REPLY_BEFORE = re.compile(r"\b[45]\d\d[ -]")

# A header that nothing announced: two lines that can only be fields.
_HEADER_LINE = re.compile(
    r"(?:received|return-path|dkim-signature|delivered-to|mime-version|message-id|x-[\w-]{2,40}|from|date)"
    r"\s?: \S",
    re.IGNORECASE,
)
_NEVER_MEANT = frozenset(("mailer-daemon", "postmaster", "abuse", "support", "helpdesk", "noreply"))


class Sentence(Struct, frozen=True):
    """What stands about one address: `action` is `failed`, `delayed` or `delivered`; `words` the lines
    that give the reason, as one."""

    address: str
    action: str
    status: str
    words: str


class _Form(IntEnum):
    """How an address stands in its line, the surest form first."""

    ALONE = 0
    LABELLED = 1
    NAMED = 2
    IN_REPLY = 3
    SOMEWHERE = 4


class _Place(Struct, frozen=True):
    line: int
    address: str
    form: _Form


def text_before_returned(text: str) -> str:
    """What the server itself wrote, without the mail that it gives back below."""
    at = 0
    lines = text.split("\n")[:MAX_LINES]
    for number, line in enumerate(lines):
        if RETURNED.match(line[:MAX_LINE]) or (_is_field(line) and _goes_on(lines, number)):
            break
        at += len(line) + 1
    return text[:at]


def _is_field(line: str) -> bool:
    return _HEADER_LINE.match(line[:MAX_LINE]) is not None


def _goes_on(lines: Sequence[str], number: int) -> bool:
    """Whether one of the two lines that follow, continuations left out, is a field too."""
    following = [line for line in lines[number + 1 : number + 12] if not line.startswith((" ", "\t"))]
    return any(map(_is_field, following[:2]))


def read_sentences(
    text: str, own: Set[str], failed: Sequence[str] = (), subject: str = ""
) -> tuple[Sentence, ...]:
    """What the text says of each address that it names as a recipient. `own` are addresses (as
    `same_address` writes them) that are hardly meant: whom the notice went to, and who wrote it.
    `failed` are recipients that are known to be meant; `subject` is read where the text does not say
    what happened. Empty where nothing speaks of failure, delay or success."""
    spoken = text_before_returned(text)
    action = _action_of(spoken) or _action_of(subject)
    if action is None and not failed:
        return ()
    lines = [line[:MAX_LINE].rstrip() for line in spoken.split("\n")[:MAX_LINES]]
    known = {same_address(one): one for one in failed}
    places = [place for place in _places(lines) if is_address(place.address)]
    if known:
        meant = _once(place for place in places if same_address(place.address) in known)
        named = {same_address(place.address) for place in meant}
        missing = [one for same, one in known.items() if same not in named]
        meant += [_Place(len(lines), one, _Form.SOMEWHERE) for one in missing]
    else:
        meant = _once(_surest(places, own))
    return tuple(_sentence(lines, place, meant, spoken, action or "failed") for place in meant)


def _action_of(text: str) -> str | None:
    """One answer for the whole text: servers send one notice for one event."""
    if DELAYED.search(text) and not ENDED.search(text):
        return "delayed"
    if FAILED.search(text):
        return "failed"
    return "delivered" if DELIVERED.search(text) else None


def _places(lines: Sequence[str]) -> Iterator[_Place]:
    for number, line in enumerate(lines):
        for start, end in _addresses(line):
            yield _Place(number, line[start:end], _form(line[:start], line[end:]))


def _addresses(line: str) -> Iterator[tuple[int, int]]:
    """Where the addresses of a line stand, found from their `@`."""
    at = line.find("@")
    for _ in range(_MOST_IN_LINE):
        if at < 0:
            return
        local = _LOCAL_BACKWARDS.match(line[max(at - 64, 0) : at][::-1])
        domain = _DOMAIN.match(line, at + 1)
        if local and domain:
            yield at - local.end(), domain.end()
        at = line.find("@", at + 1)


def _form(before: str, after: str) -> _Form:
    if _NOTHING_BEFORE.fullmatch(before) and _REASON_AFTER.match(after):
        return _Form.ALONE
    if _LABEL_BEFORE.fullmatch(before):
        return _Form.LABELLED
    if before.endswith((" ", "<", '"', "'", "(", ";")) and _NAMING.search(before[-90:]):
        return _Form.NAMED
    return _Form.IN_REPLY if _REPLY_BEFORE.search(before) else _Form.SOMEWHERE


def _surest(places: Sequence[_Place], own: Set[str]) -> list[_Place]:
    """Those of the surest form that there is. Who writes to himself may be meant, but only where the form
    is sure."""
    others = [place for place in places if same_address(place.address) not in own and not _is_office(place)]
    sure = [place for place in places if place.form <= _Form.LABELLED]
    candidates = others or sure
    best = min((place.form for place in candidates), default=_Form.SOMEWHERE)
    return [place for place in candidates if place.form == best]


def _is_office(place: _Place) -> bool:
    return place.address.partition("@")[0].lower() in _NEVER_MEANT


def _once(places: Sequence[_Place] | Iterator[_Place]) -> list[_Place]:
    found: dict[str, _Place] = {}
    for place in places:
        found.setdefault(same_address(place.address), place)
    return list(found.values())


def _sentence(
    lines: Sequence[str], place: _Place, meant: Sequence[_Place], text: str, action: str
) -> Sentence:
    end = min((other.line for other in meant if other.line > place.line), default=len(lines))
    words = _joined(lines[place.line : min(end, place.line + _REASON_LINES)])
    status = status_in(words) or status_meant(words)
    if not status:
        if len(meant) == 1:
            words = _joined(lines)
        status = status_in(text) or status_meant(text)
    if action == "delayed" and status.startswith("5"):
        status = "4" + status[1:]
    return Sentence(place.address, action, status or UNDEFINED[action], words)


def _joined(lines: Sequence[str]) -> str:
    return " ".join(bare for line in lines if (bare := line.strip()))[:_WORDS]
