"""Whether a program may answer a mail, to whom and as whom (RFC 3834 section 2, RFC 5230 section 4.6).

Decides only. What a person sends is never stopped here.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from enum import StrEnum

from msgspec import Struct

from eilbote.mail.address import read_addresses
from eilbote.mail.envelope import Address
from eilbote.mail.field_writing import is_writable_address
from eilbote.mail.identity import Identity, same_address
from eilbote.mail.loops import loop_when_answered
from eilbote.mail.message import Message
from eilbote.mail.reply import addressed_identity

_ADDRESSED = ("To", "Cc", "Bcc", "Resent-To", "Resent-Cc", "Resent-Bcc")
_MAX_FIELDS = 20
"""Fields of one name that are looked through."""

# RFC 5230 section 4.6 names the first line; the others are as unread.
_NOBODY = re.compile(
    r"owner-.*|.*-request|mailer-daemon|listserv|majordomo"
    r"|(?:.*[-_.+])?(?:no|not|do-?_?not|dont|nicht)[-_.]?(?:reply|respond|answer|antworten)(?:[-_.+=0-9].*)?"
    r"|.*-(?:owner|bounces?)|bounces?(?:[-_.+=].*)?|postmaster|nobody|www-data",
    re.IGNORECASE | re.DOTALL,
)


class Silence(StrEnum):
    """Why no program answers this mail. The first seven are those of `loops.Loop`."""

    SEEN_BEFORE = "seen-before"
    TOO_MANY_FORWARDS = "too-many-forwards"
    TOO_MANY_HOPS = "too-many-hops"
    REPORT = "report"
    AUTOMATIC = "automatic"
    LIST = "list"
    OWN = "own"
    NO_SENDER = "no-sender"
    """The mail names nobody to whom an answer could go."""
    NOBODY_READS = "nobody-reads"
    """Its sender is a program's address, such as `noreply@`."""
    NOT_ADDRESSED = "not-addressed"
    """None of the own addresses is among those it went to."""


class Answer(Struct, frozen=True):
    """An answer that may be sent."""

    to: Address
    identity: Identity


def who_answers(
    original: Message,
    identities: Sequence[Identity],
    *,
    envelope_from: str | None = None,
    addresses: Sequence[str] = (),
    only_addressed: bool = True,
) -> Answer | Silence:
    """To whom a program answers, and as whom. `identities`: the owner's, the usual one first, at least one;
    `addresses`: more that are the owner's. `envelope_from`: the address of MAIL FROM, "" for the null path,
    None if unknown: then Return-Path says it, and where that is missing, From (RFC 3834 section 4).
    `only_addressed`: not where no own address is among the recipients (RFC 5230 section 4.5)."""
    identity = addressed_identity(original, identities)
    loop = loop_when_answered(original, identity.address)
    if loop is not None:
        return Silence(loop.value)
    if envelope_from is not None and not envelope_from.strip("<> \t"):
        return Silence.REPORT
    to = _sender(original, envelope_from)
    if to is None:
        return Silence.NO_SENDER
    own = Identity(identity.address, aliases=tuple(addresses))
    everyone = (*identities, own)
    authors = original.envelope.sender[:_MAX_FIELDS]
    if any(one.owns(spec) for one in everyone for spec in (to.spec, *(each.spec for each in authors))):
        return Silence.OWN
    if any(map(_is_nobody, (to.spec, *(each.spec for each in authors)))):
        return Silence.NOBODY_READS
    if only_addressed and not _is_addressed(original, everyone):
        return Silence.NOT_ADDRESSED
    return Answer(to, identity)


def _sender(original: Message, envelope_from: str | None) -> Address | None:
    """The address, with the name that it has in From."""
    path = envelope_from if envelope_from is not None else original.headers.source("Return-Path")
    named = original.envelope.sender
    found = read_addresses(path[:1000]) if path is not None else named
    specs = [address.spec for address in found if address.spec]
    if not specs or not is_writable_address(specs[0]):
        return None
    name = next((one.name for one in named if same_address(one.spec) == same_address(specs[0])), "")
    return Address(name, specs[0])


def _is_nobody(spec: str) -> bool:
    return _NOBODY.fullmatch(spec.rpartition("@")[0][:200]) is not None


def _is_addressed(original: Message, own: Sequence[Identity]) -> bool:
    headers = original.headers
    return any(
        identity.owns(address.spec)
        for name in _ADDRESSED
        for text in headers.sources(name)[:_MAX_FIELDS]
        for address in read_addresses(text)
        if address.spec
        for identity in own
    )
