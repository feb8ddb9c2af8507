"""The answer to a mail as a draft: to whom, as whom, what is quoted, what it refers to.

Nobody who answers is among those answered to, and nothing that a mail says makes an answer longer or
its header larger than a bound. The draft shows everything before it is sent.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from enum import StrEnum

from msgspec.structs import replace

from eilbote.mail.address import is_address, read_addresses
from eilbote.mail.draft import Draft
from eilbote.mail.envelope import Address
from eilbote.mail.field_writing import is_writable_id
from eilbote.mail.identity import Identity, same_address
from eilbote.mail.message import Message
from eilbote.mail.quoting import QuoteWords, quoted_reply
from eilbote.mail.subject import reply_subject
from eilbote.mail.words import clean

MAX_REFERENCES = 30
"""Ids in References of an answer: the first, which names the thread, and the newest."""

_MAILTO = re.compile(r"<\s*mailto:([^<>?\s]{3,254})", re.IGNORECASE)
_DELIVERED = ("Delivered-To", "X-Original-To", "Envelope-To", "X-Delivered-To")


class Audience(StrEnum):
    """Whom an answer is for."""

    SENDER = "sender"
    EVERYONE = "everyone"
    LIST = "list"


def reply(
    original: Message,
    identities: Sequence[Identity],
    words: QuoteWords,
    audience: Audience = Audience.SENDER,
    offset: int = 0,
) -> Draft:
    """An answer without its text. `identities` has the user's own, the usual one first, at least one;
    `offset` in minutes east of UTC is for the time in the attribution."""
    envelope = original.envelope
    identity = addressed_identity(original, identities)
    to, cc = _recipients(original, identities, audience)
    message_id = envelope.message_id if is_writable_id(envelope.message_id) else ""
    return Draft(
        identity=identity,
        to=to,
        cc=cc,
        subject=reply_subject(envelope.subject),
        quoted=quoted_reply(original, words, offset),
        in_reply_to=message_id,
        references=references_of(original),
        language=words.language,
    )


def references_of(original: Message) -> tuple[str, ...]:
    """RFC 5322 section 3.6.4: what the mail refers to and then the mail, without ids that no header can
    name, at most `MAX_REFERENCES`."""
    envelope = original.envelope
    ids = [one for one in (*envelope.references, envelope.message_id) if is_writable_id(one)]
    ids = list(dict.fromkeys(ids))
    return tuple(ids if len(ids) <= MAX_REFERENCES else [ids[0], *ids[1 - MAX_REFERENCES :]])


def addressed_identity(original: Message, identities: Sequence[Identity]) -> Identity:
    """The identity that the mail was written to, with the very alias; else that which wrote it; else
    the first."""
    envelope = original.envelope
    delivered = [
        address
        for name in _DELIVERED
        for text in original.headers.sources(name)[:20]
        for address in read_addresses(text)
    ]
    for address in (*envelope.to, *envelope.cc, *delivered, *envelope.sender):
        if not address.spec:
            continue
        for identity in identities:
            if identity.owns(address.spec):
                return _as_written_to(identity, address.spec)
    return identities[0]


def _as_written_to(identity: Identity, spec: str) -> Identity:
    wanted = same_address(spec)
    aliases = set(map(same_address, identity.aliases))
    if wanted != same_address(identity.address) and aliases & {wanted, "@" + wanted.rpartition("@")[2]}:
        return replace(identity, address=spec)
    return identity


def _recipients(
    original: Message, identities: Sequence[Identity], audience: Audience
) -> tuple[tuple[Address, ...], tuple[Address, ...]]:
    envelope = original.envelope
    post = list_post(original)
    author = _mailboxes(envelope.sender)
    answer = _answer_addresses(original, post) or author
    if author and all(_is_own(each, identities) for each in author):
        # One's own mail answered: it goes on to those whom it went to.
        answer = _mailboxes(envelope.to) or answer
    match audience:
        case Audience.LIST if post:
            return (Address("", post),), ()
        case Audience.SENDER:
            return _once(answer), ()
        case Audience.EVERYONE | Audience.LIST:
            followup = _field(original, "Mail-Followup-To")
            to = followup or [*answer, *_mailboxes(envelope.to)]
            to = [each for each in to if not _is_own(each, identities)]
            cc = (
                []
                if followup
                else [each for each in _mailboxes(envelope.cc) if not _is_own(each, identities)]
            )
            if not to and not cc:
                return _once(answer), ()
            first = _once(to)
            known = {same_address(each.spec) for each in first}
            rest = [each for each in _once(cc) if same_address(each.spec) not in known]
            return (first, tuple(rest)) if first else (tuple(rest), ())


def _answer_addresses(original: Message, post: str) -> list[Address]:
    """Reply-To (RFC 5322 section 3.6.2); not where a mailing list put itself there, which would make
    public what was meant for one."""
    answer = _field(original, "Reply-To")
    if post and all(same_address(each.spec) == same_address(post) for each in answer):
        return []
    return answer


def list_post(original: Message) -> str:
    """The address that a mailing list takes mail at (RFC 2369 section 3.4), empty without one."""
    found = _MAILTO.search(clean(original.headers.source("List-Post") or "")[:1000])
    return found[1] if found and is_address(found[1]) else ""


def _field(original: Message, name: str) -> list[Address]:
    return _mailboxes(read_addresses(original.headers.source(name) or ""))


def _mailboxes(addresses: Iterable[Address]) -> list[Address]:
    """Those that are addresses at all."""
    return [each for each in addresses if each.spec]


def _is_own(address: Address, identities: Sequence[Identity]) -> bool:
    return any(identity.owns(address.spec) for identity in identities)


def _once(addresses: Iterable[Address]) -> tuple[Address, ...]:
    found: dict[str, Address] = {}
    for each in addresses:
        found.setdefault(same_address(each.spec), each)
    return tuple(found.values())
