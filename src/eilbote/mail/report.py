"""Bounces and delivery reports, read: who got a mail, who did not, who will later, and why.

Reads the form of RFC 3464 with the letters of RFC 6533, and the sentences of servers that write
none (`report_text`). Anybody can write a report: it says something of a mail only where the caller
finds that mail by its Message-ID or envelope id. Never raises; bounded by the limits below.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from enum import StrEnum

from msgspec import Struct
from msgspec.structs import replace

from eilbote.mail.address import is_address, read_addresses
from eilbote.mail.automatic import is_automatic_reply
from eilbote.mail.body import body_parts, plain_text_of
from eilbote.mail.date import read_date
from eilbote.mail.envelope import Envelope
from eilbote.mail.headers import Headers
from eilbote.mail.identity import same_address
from eilbote.mail.message import Message, parse_message, resent_id
from eilbote.mail.part import Part
from eilbote.mail.report_text import Sentence, read_sentences, text_before_returned
from eilbote.mail.report_words import UNDEFINED, status_in
from eilbote.mail.words import clean

MAX_RECIPIENTS = 1000
"""Of one report."""

MAX_DIAGNOSTIC = 1000
"""Characters of what a server said of one recipient."""

_STATUS_BYTES = 512 * 1024
_RETURNED_BYTES = 256 * 1024
_TEXT_BYTES = 128 * 1024

_STATUS_PARTS = frozenset(("message/delivery-status", "message/global-delivery-status"))
_RETURNED_PARTS = frozenset(
    ("message/rfc822", "text/rfc822-headers", "message/global", "message/global-headers", "text/rfc822",
     "message/rfc822-headers")
)  # fmt: skip
_BLANK = re.compile(rb"(?:\r?\n[ \t]*){2,}")
_STATUS = re.compile(r"\b([245]\.\d{1,3}\.\d{1,3})\b")
_XTEXT = re.compile(r"\\x\{([0-9A-Fa-f]{1,6})\}")
_MESSAGE_ID = re.compile(
    r"^[>\s]{0,40}(?:message-id|nachrichten-id)\s?:\s{0,4}<([^<>\s]{3,900})>", re.IGNORECASE | re.MULTILINE
)
_FIELDS_BEGIN = re.compile(r"^[A-Za-z][\w-]{1,60}: ", re.MULTILINE)
_DAEMON = re.compile(
    r"(?:mailer|mail|mailserver|smtp|md|server)?[-_.]?daemon\b|postmaster\b|mailerdaemon|mdaemon"
    r"|mail[ .]delivery[ .](?:sub)?system",
    re.IGNORECASE,
)
_SUBJECT = re.compile(
    r"undeliver|unzustellbar|nicht zugestellt|zustell(?:ung|fehler|status|bericht)|rücksendung|rückläufer"
    r"|delivery (?:status|fail|report|delay|not)|delivery has failed|returned (?:mail|to sender)"
    r"|mail (?:delivery|fail)|failure notice|mail (?:system )?error|unable to deliver|non[- ]?deliver"
    r"|could not (?:be )?deliver|fehlgeschlagen|message status|delayed mail|notification"
    r"|warning: could not send|rejected|bounce",
    re.IGNORECASE,
)


class Action(StrEnum):
    """What became of the mail for one recipient (RFC 3464 section 2.3.3)."""

    FAILED = "failed"
    DELAYED = "delayed"
    DELIVERED = "delivered"
    RELAYED = "relayed"
    EXPANDED = "expanded"


class Outcome(Struct, frozen=True):
    """What a report says of one recipient. `address` is the final one, `original` the one that the mail
    was sent to where the report names it; `status` is the enhanced code (RFC 3463), `x.0.0` if unknown;
    `diagnostic` the server's words; `retry_until` seconds since 1970, None if not told."""

    address: str
    action: Action
    status: str
    diagnostic: str = ""
    original: str = ""
    remote: str = ""
    retry_until: float | None = None


class Report(Struct, frozen=True):
    """What a server says of a mail. `message_id` is that of the mail it is about, `resent_id` the
    Resent-Message-ID where that was sent once more, `envelope_id` the ENVID that was given with it (RFC
    3461), each empty where it names none. `standard`: it has the form of RFC
    3464, else it was read from sentences."""

    outcomes: tuple[Outcome, ...]
    message_id: str = ""
    envelope_id: str = ""
    reporter: str = ""
    standard: bool = False
    resent_id: str = ""


def read_report(message: Message) -> Report | None:
    """The report that a mail is; None if it is none: a vacation answer, a read receipt, any other mail."""
    parts = list(_own_parts(message.root))
    returned = next((part for part in parts if part.content_type in _RETURNED_PARTS), None)
    status = next((part for part in parts if part.content_type in _STATUS_PARTS), None)
    if status is not None:
        report = _read_status(status.content()[:_STATUS_BYTES])
        if report is not None:
            return _completed(report, message, returned)
    if message.root.parameter("report-type").lower() in ("disposition-notification", "feedback-report"):
        return None
    if not _may_be_bounce(message):
        return None
    report = _read_text(message, returned)
    return None if report is None else _completed(report, message, returned)


def looks_like_report(envelope: Envelope) -> bool:
    """Whether the mail is worth reading as a report: a server seems to have written it. Standard reports
    with an ordinary sender and subject are not seen by this."""
    return any(
        not each.spec or _DAEMON.match(each.spec.partition("@")[0]) or _DAEMON.search(each.name[:300])
        for each in envelope.sender
    ) or bool(not envelope.sender or _SUBJECT.search(envelope.subject[:300]))


def _own_parts(root: Part) -> Iterator[Part]:
    """All parts but those of embedded messages: a bounce that somebody attached is no bounce to us."""
    waiting = [root]
    while waiting:
        part = waiting.pop()
        yield part
        if not part.is_message:
            waiting.extend(reversed(part.children))


# The form of RFC 3464


def _read_status(content: bytes) -> Report | None:
    """The fields of a message/delivery-status part (RFC 3464 section 2.1): groups parted by blank lines, the
    first about the mail, each other about a recipient. Senders part them wrongly: the fields tell."""
    outcomes: list[Outcome] = []
    envelope_id = reporter = ""
    for block in _BLANK.split(content.strip(b"\r\n \t"))[: MAX_RECIPIENTS + 10]:
        fields = Headers(block, 0, len(block))
        envelope_id = envelope_id or fields.get("Original-Envelope-Id")[:MAX_DIAGNOSTIC]
        reporter = reporter or _after_type(fields.get("Reporting-MTA"))[:255]
        outcome = _outcome(fields)
        if outcome is not None and len(outcomes) < MAX_RECIPIENTS:
            outcomes.append(outcome)
    return Report(tuple(outcomes), "", envelope_id, reporter, True) if outcomes else None


def _outcome(fields: Headers) -> Outcome | None:
    final, original = _address(fields.get("Final-Recipient")), _address(fields.get("Original-Recipient"))
    address = final or original or _address(fields.get("X-Actual-Recipient"))
    stated = _STATUS.search(fields.get("Status"))
    diagnostic = _after_type(fields.get("Diagnostic-Code"))[:MAX_DIAGNOSTIC]
    status = stated[1] if stated else ""
    action = _action(fields.get("Action"), status)
    if action is None or not (address or "Final-Recipient" in fields):
        return None
    if not status or status.endswith(".0.0"):
        # A server that only passes on what another said often leaves the better code in its words.
        better = status_in(diagnostic)
        if better and (not status or better[0] == status[0]):
            status = better
    return Outcome(
        address=address,
        action=action,
        status=status or UNDEFINED.get(action.value, "2.0.0"),
        diagnostic=diagnostic,
        original=original,
        remote=_after_type(fields.get("Remote-MTA"))[:255],
        retry_until=read_date(fields.get("Will-Retry-Until")[:256]),
    )


def _action(word: str, status: str) -> Action | None:
    """The word, also `failure` or `delayed (will retry)`; without one the class of the status."""
    lowered = word.strip().lower()
    for action in Action:
        if lowered.startswith(action.value[:5]):
            return action
    return {"2": Action.DELIVERED, "4": Action.DELAYED, "5": Action.FAILED}.get(status[:1])


def _after_type(value: str) -> str:
    """What stands behind `smtp;`, `dns;`, `rfc822;` (RFC 3464 section 2.1.2)."""
    kind, semicolon, rest = value.partition(";")
    return rest.strip() if semicolon and len(kind) < 40 and " " not in kind.strip() else value.strip()


def _address(value: str) -> str:
    """An address behind its type; of the type utf-8 with its coded letters (RFC 6533 section 3)."""
    text = _after_type(value)
    if value.strip().lower().startswith("utf-8"):
        text = _XTEXT.sub(lambda found: chr(min(int(found[1], 16), 0x10FFFF)), text)
    text = clean(text).strip("<>\"' ")
    if is_address(text):
        return text
    return next((each.spec for each in read_addresses(text[:1000]) if each.spec), "")


# Sentences


def _may_be_bounce(message: Message) -> bool:
    """Whether it comes from a mail server: nothing else is read for its sentences."""
    headers = message.headers
    if "X-Failed-Recipients" in headers:
        return True
    null = (headers.source("Return-Path") or "-").strip(" \t\r\n<>").upper() in ("", "MAILER-DAEMON")
    daemon = any(_DAEMON.match(each.spec.partition("@")[0]) for each in message.envelope.sender) or bool(
        _DAEMON.search((headers.source("From") or "")[:300])
    )
    about = bool(_SUBJECT.search(message.envelope.subject[:300]))
    if is_automatic_reply(message) and not daemon:
        return False
    return daemon or (null and about)


def _read_text(message: Message, returned: Part | None) -> Report | None:
    text = _plain_text(message)
    if "final-recipient" in text[:_TEXT_BYTES].lower():
        inline = _read_status(text[:_STATUS_BYTES].encode("utf-8", "replace"))
        if inline is not None:
            return replace(inline, standard=False)
    own = {same_address(each.spec) for each in (*message.envelope.to, *message.envelope.sender) if each.spec}
    failed = [
        each.spec
        for value in message.headers.sources("X-Failed-Recipients")[:50]
        for each in read_addresses(value[:20_000])
        if each.spec
    ]
    subject = message.envelope.subject[:300]
    sentences = read_sentences(text, own, tuple(failed[:MAX_RECIPIENTS]), subject)
    if not sentences and (only := _only_recipient(text, returned)):
        sentences = read_sentences(text, own, (only,), subject)
    outcomes = tuple(_from_sentence(each) for each in sentences[:MAX_RECIPIENTS])
    return Report(outcomes) if outcomes else None


def _only_recipient(text: str, returned: Part | None) -> str:
    """Whom the mail that comes back was for, where that is one person and the server names nobody."""
    if returned is not None:
        people = _returned(returned).envelope.to
    else:
        below = text[len(text_before_returned(text)) :].lstrip("\n")
        at = _FIELDS_BEGIN.search(below)
        head = below[at.start() :] if at else ""
        people = parse_message(head.encode("utf-8", "replace")).envelope.to
    return people[0].spec if len(people) == 1 else ""


def _from_sentence(sentence: Sentence) -> Outcome:
    return Outcome(
        address=sentence.address,
        action=Action(sentence.action),
        status=sentence.status,
        diagnostic=sentence.words[:MAX_DIAGNOSTIC],
    )


def _plain_text(message: Message) -> str:
    texts = [plain_text_of(part, _TEXT_BYTES) for part in body_parts(message.root, html=False)[:5]]
    return "\n".join(texts)[:_TEXT_BYTES]


def _completed(report: Report, message: Message, returned: Part | None) -> Report:
    """With the id of the mail that it is about, and with words where a server gave only a code."""
    original = _returned(returned) if returned is not None else None
    message_id = original.envelope.message_id if original is not None else ""
    resent = resent_id(original.raw) if original is not None else ""
    if not message_id:
        message_id = _id_in_text(_plain_text(message))
    if not message_id:
        # Exchange and Gmail answer the mail; a Message-ID of one's own is all the caller will find.
        message_id = next(iter(message.envelope.references[-1:]), "")
    outcomes = report.outcomes
    if len(outcomes) == 1 and not outcomes[0].address:
        only = _only_recipient(_plain_text(message), returned)
        outcomes = (replace(outcomes[0], address=only),)
    if any(not each.diagnostic for each in outcomes):
        sentences = {
            same_address(each.address): each
            for each in read_sentences(
                _plain_text(message), frozenset(), tuple(each.address for each in outcomes)
            )
        }
        outcomes = tuple(_explained(each, sentences.get(same_address(each.address))) for each in outcomes)
    return replace(report, message_id=message_id, resent_id=resent, outcomes=outcomes)


def _explained(outcome: Outcome, sentence: Sentence | None) -> Outcome:
    if outcome.diagnostic or sentence is None:
        return outcome
    vague = not outcome.status or outcome.status.endswith(".0.0")
    status = sentence.status if vague and sentence.status[:1] == outcome.status[:1] else outcome.status
    return replace(outcome, diagnostic=sentence.words[:MAX_DIAGNOSTIC], status=status)


def _returned(part: Part) -> Message:
    """The header of the mail that comes back."""
    content = part.content()[:_RETURNED_BYTES].lstrip(b"\r\n \t")
    return parse_message(content + b"\r\n\r\n")


def _id_in_text(text: str) -> str:
    """Of the mail that a server put below its sentences, header and all."""
    at = len(text_before_returned(text))
    found = _MESSAGE_ID.search(text, at) or _MESSAGE_ID.search(text)
    return found[1] if found else ""
