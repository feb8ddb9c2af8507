"""Whether a mail may be answered or forwarded by a program: what ends loops before they begin.

A mail that goes out again by itself names the address that sent it on; who finds its own name there
has seen it before. Decides only; what a person sends is never stopped here.
"""

from __future__ import annotations

from enum import StrEnum

from eilbote.mail.automatic import auto_submitted, is_marked_as_reply
from eilbote.mail.identity import same_address
from eilbote.mail.message import Message, parse_message
from eilbote.mail.parameters import read_parameters

FIELD = "X-Eilbote-Forwarded-By"
"""One field for each address that sent the mail on, the newest first."""

MAX_FORWARDS = 10
"""Addresses that may send one mail on."""

MAX_HOPS = 50
"""`Received` lines of a mail that goes on; servers give up at 50 to 100 (RFC 5321 section 6.3)."""

_READ_RETURNED = 64 * 1024


class Loop(StrEnum):
    """Why a mail does not go on by itself."""

    SEEN_BEFORE = "seen-before"
    TOO_MANY_FORWARDS = "too-many-forwards"
    TOO_MANY_HOPS = "too-many-hops"
    REPORT = "report"
    AUTOMATIC = "automatic"
    LIST = "list"
    OWN = "own"


def forwarded_by(message: Message) -> tuple[str, ...]:
    """The addresses that sent this mail on, the newest first, one more than may be at most."""
    return tuple(value.strip() for value in message.headers.sources(FIELD)[: MAX_FORWARDS + 1])


def loop_when_forwarded(message: Message, own: str) -> Loop | None:
    """Why a rule must not send this mail on as `own`; None if it may."""
    by = {same_address(one) for one in (*forwarded_by(message), *_named_in_returned(message))}
    if same_address(own) in by:
        return Loop.SEEN_BEFORE
    if len(by) >= MAX_FORWARDS:
        return Loop.TOO_MANY_FORWARDS
    if len(message.headers.sources("Received")) > MAX_HOPS:
        return Loop.TOO_MANY_HOPS
    if is_report(message):
        return Loop.REPORT
    # RFC 3834 section 5. `auto-generated` goes on: invoices and alarms are that.
    if auto_submitted(message) == "auto-replied":
        return Loop.AUTOMATIC
    return None


def loop_when_answered(message: Message, own: str) -> Loop | None:
    """Why no program may answer this mail on behalf of `own` (RFC 3834 section 2); None if one may."""
    if is_report(message):
        return Loop.REPORT
    if auto_submitted(message) not in ("", "no") or "X-Auto-Response-Suppress" in message.headers:
        return Loop.AUTOMATIC
    if is_marked_as_reply(message):
        return Loop.AUTOMATIC
    if message.headers.get("Precedence").lower() in ("bulk", "junk", "list"):
        return Loop.LIST
    if any(name.lower().startswith("list-") for name, _ in message.headers):
        return Loop.LIST
    if any(same_address(each.spec) == same_address(own) for each in message.envelope.sender):
        return Loop.OWN
    return loop_when_forwarded(message, own)


def is_report(message: Message) -> bool:
    """A bounce, a receipt, or anything else that servers say of mail: it has no sender to answer. Its header
    tells it, also where that alone was read."""
    named = read_parameters(message.headers.source("Content-Type") or "").value
    if "multipart/report" in (named.lower(), message.root.content_type):
        return True
    return (message.headers.source("Return-Path") or "-").strip(" \t\r\n<>") == ""


def _named_in_returned(message: Message) -> tuple[str, ...]:
    """The same of a mail that comes back within a report."""
    for part in message.root.walk():
        if part.content_type in ("message/rfc822", "text/rfc822-headers", "message/global-headers"):
            returned = parse_message(part.content()[:_READ_RETURNED] + b"\r\n\r\n")
            return forwarded_by(returned)
    return ()
