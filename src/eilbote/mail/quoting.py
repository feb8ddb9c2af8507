"""What stands of a mail in its answer or under a forward: attribution, `>` marks, a head of fields.

The words come in as a value, because the language is that of the mail, not of the program. `quotes.py`
is the reading half and knows these forms.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

from msgspec import Struct

from eilbote.mail.envelope import Address, Envelope
from eilbote.mail.message import Message

MAX_QUOTED = 200_000
"""Characters of a mail that are quoted; the rest is left out and marked so."""

_BROKEN = re.compile(r"[\ud800-\udfff]")  # halves of letters, as broken charsets give them
_LEFT_OUT = "[…]"
_SIGNATURE = "-- "


class QuoteWords(Struct, frozen=True):
    """The words of one language. `attribution` has the places `{date}`, `{time}` and `{name}`; `no_date`
    only `{name}`; `day` is a form of `datetime.strftime` without names of days or months."""

    language: str
    attribution: str
    no_date: str
    forwarded: str
    sender: str
    to: str
    cc: str
    date: str
    subject: str
    day: str


GERMAN = QuoteWords(
    language="de",
    attribution="Am {date} um {time} schrieb {name}:",
    no_date="{name} schrieb:",
    forwarded="-------- Weitergeleitete Nachricht --------",
    sender="Von",
    to="An",
    cc="Kopie",
    date="Datum",
    subject="Betreff",
    day="%d.%m.%Y",
)
ENGLISH = QuoteWords(
    language="en",
    attribution="On {date} at {time}, {name} wrote:",
    no_date="{name} wrote:",
    forwarded="-------- Forwarded message --------",
    sender="From",
    to="To",
    cc="Cc",
    date="Date",
    subject="Subject",
    day="%Y-%m-%d",
)


def quoted_reply(original: Message, words: QuoteWords, offset: int = 0) -> str:
    """The attribution and the marked text, without the signature of its writer. HTML is quoted as text.
    `offset` in minutes east of UTC says on which clock the time is shown."""
    envelope = original.envelope
    head = attribution(envelope, words, offset)
    lines = _without_signature(_body(original).split("\n"))
    return "\n".join([*([head] if head else []), *map(_marked, lines)])


def quoted_forward(original: Message, words: QuoteWords, offset: int = 0) -> str:
    """A head of the fields that a reader needs, and the whole text without marks."""
    return "\n".join([words.forwarded, *_head(original.envelope, words, offset), "", _body(original)])


def attribution(envelope: Envelope, words: QuoteWords, offset: int = 0) -> str:
    """`Am 23.11.2026 um 19:53 schrieb Anna Groß:`; empty where the mail names no writer."""
    name = next((each.name or each.spec for each in envelope.sender), "")
    if not name:
        return ""
    if envelope.date is None:
        return words.no_date.format_map({"name": name})
    date, time = _shown(envelope.date, words, offset)
    return words.attribution.format_map({"date": date, "time": time, "name": name})


def _head(envelope: Envelope, words: QuoteWords, offset: int) -> Iterator[str]:
    yield f"{words.sender}: {_people(envelope.sender)}"
    if envelope.date is not None:
        yield f"{words.date}: {' '.join(_shown(envelope.date, words, offset))}"
    yield f"{words.subject}: {envelope.subject}"
    yield f"{words.to}: {_people(envelope.to)}"
    if envelope.cc:
        yield f"{words.cc}: {_people(envelope.cc)}"


def _people(addresses: tuple[Address, ...]) -> str:
    shown = [str(each) for each in addresses[:50]]
    return ", ".join([*shown, _LEFT_OUT] if len(addresses) > len(shown) else shown)


def _shown(seconds: float, words: QuoteWords, offset: int) -> tuple[str, str]:
    moment = datetime.fromtimestamp(int(seconds), UTC) + timedelta(minutes=offset)
    return moment.strftime(words.day), moment.strftime("%H:%M")


def _body(original: Message) -> str:
    text = _BROKEN.sub("\ufffd", original.body_text()).strip("\n")
    return f"{text[:MAX_QUOTED]}\n{_LEFT_OUT}" if len(text) > MAX_QUOTED else text


def _without_signature(lines: list[str]) -> list[str]:
    """What stands above the last `-- `, unless more than a signature stands below it."""
    for at in range(len(lines) - 1, max(len(lines) - 12, 0), -1):
        if lines[at] == _SIGNATURE and not any(line.startswith(">") for line in lines[at:]):
            kept = lines[:at]
            while kept and not kept[-1].strip():
                kept.pop()
            return kept
    return lines


def _marked(line: str) -> str:
    return ">" + line if line.startswith(">") or not line else "> " + line
