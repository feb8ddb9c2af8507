"""Telling somebody by mail that a mail has come (RFC 5436), as bytes, or why nobody is told.

Who, when and what it is about goes out; nothing of the mail's text does.
"""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum

from msgspec import Struct
from msgspec.structs import replace

from eilbote.errors import Misused
from eilbote.mail.address import read_addresses
from eilbote.mail.automatic import auto_submitted
from eilbote.mail.compose import compose
from eilbote.mail.date import write_date
from eilbote.mail.draft import Composed, Draft, Priority, Stamp
from eilbote.mail.field_writing import address_on_wire
from eilbote.mail.identity import Identity
from eilbote.mail.loops import MAX_HOPS, is_report
from eilbote.mail.mailto import read_mailto
from eilbote.mail.message import Message
from eilbote.mail.reply import addressed_identity

MAX_SUBJECT = 250


class Untold(StrEnum):
    """Why nobody is told of this mail."""

    AUTOMATIC = "automatic"
    """It is itself a notification or an answer of a program (RFC 5436 section 2.7.1)."""
    REPORT = "report"
    """A report of servers: perhaps that a notification could not be delivered."""
    TOO_MANY_HOPS = "too-many-hops"


class NotificationWords(Struct, frozen=True):
    """The words of one language. `subject` has the place `{subject}`."""

    language: str
    subject: str
    no_subject: str
    lead: str
    sender: str
    date: str
    about: str


GERMAN = NotificationWords(
    "de", "Neue Mail: {subject}", "Neue Mail", "Eine neue Mail ist da.", "Von", "Datum", "Betreff"
)
ENGLISH = NotificationWords(
    "en", "New mail: {subject}", "New mail", "A new mail has arrived.", "From", "Date", "Subject"
)


class Wanted(Struct, frozen=True):
    """What the script asks for. `method`: the `mailto:` address; `sender` counts if it is an own address;
    `importance` is 1 (high) to 3 (low); `message`, if given, is the subject (RFC 5436 section 2.3)."""

    method: str
    sender: str = ""
    importance: int = 2
    message: str = ""


def notification(
    original: Message, identities: Sequence[Identity], wanted: Wanted, words: NotificationWords, stamp: Stamp
) -> Composed | Untold:
    """The mail that tells of it. Its envelope has no sender, so that nobody is told of a notification
    that cannot be delivered. Raises Misused `sieve.bad_method`, `compose.character`."""
    mailto = read_mailto(wanted.method)
    if mailto is None:
        raise Misused("sieve.bad_method", method=wanted.method[:100])
    if is_report(original):
        return Untold.REPORT
    if auto_submitted(original) not in ("", "no", "auto-generated"):
        return Untold.AUTOMATIC
    if len(original.headers.sources("Received")) > MAX_HOPS:
        return Untold.TOO_MANY_HOPS
    owner = address_on_wire("Auto-Submitted", identities[0].address)
    quoted = owner.replace("\\", "\\\\").replace('"', '\\"')
    draft = Draft(
        identity=_as_whom(original, identities, wanted.sender),
        to=mailto.to,
        cc=mailto.cc,
        bcc=mailto.bcc,
        subject=_one_line(wanted.message) or _one_line(mailto.subject) or _subject(original, words),
        text="\n".join((*([mailto.body, ""] if mailto.body else []), _facts(original, words, stamp.offset))),
        sign=False,
        priority={1: Priority.HIGH, 3: Priority.LOW}.get(wanted.importance, Priority.NORMAL),
        # RFC 5436 section 2.7.1
        fields=(("Auto-Submitted", f'auto-notified; owner-email="{quoted}"'),),
        language=words.language,
    )
    return replace(compose(draft, stamp), sender="")


def _as_whom(original: Message, identities: Sequence[Identity], sender: str) -> Identity:
    for address in read_addresses(sender[:1000])[:1]:
        for identity in identities:
            if address.spec and identity.owns(address.spec):
                return replace(identity, address=address.spec, name=address.name or identity.name)
    return addressed_identity(original, identities)


def _subject(original: Message, words: NotificationWords) -> str:
    subject = original.envelope.subject[:MAX_SUBJECT].strip()
    return words.subject.replace("{subject}", subject) if subject else words.no_subject


def _facts(original: Message, words: NotificationWords, offset: int) -> str:
    envelope = original.envelope
    shown = [words.lead, ""]
    if envelope.sender:
        shown.append(f"{words.sender}: {', '.join(map(str, envelope.sender[:3]))[:300]}")
    if envelope.date is not None:
        shown.append(f"{words.date}: {write_date(envelope.date, offset)}")
    if envelope.subject:
        shown.append(f"{words.about}: {envelope.subject[:MAX_SUBJECT]}")
    return "\n".join(shown)


def _one_line(text: str) -> str:
    """A text of the script's as a subject: its lines and spaces become single spaces."""
    return " ".join(text.split())[:MAX_SUBJECT]
