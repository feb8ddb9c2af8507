"""ENVELOPE and BODYSTRUCTURE as values (RFC 9051 section 7.5.2).

What the server made of a mail's headers and parts; texts stay as written (encoded words and all).
Broken places become empty values where the shape allows it; a broken shape is Garbled.
"""

from __future__ import annotations

from msgspec import Struct, field

from eilbote.errors import Garbled
from eilbote.protocols.imap.wire import Value, items, number, text


class ImapAddress(Struct, frozen=True):
    """An address; `host` empty and `mailbox` set begins a group, both empty end it."""

    name: str
    mailbox: str
    host: str


class ImapEnvelope(Struct, frozen=True):
    date: str
    subject: str
    sender: tuple[ImapAddress, ...]
    """The From header's addresses."""
    reply_to: tuple[ImapAddress, ...]
    to: tuple[ImapAddress, ...]
    cc: tuple[ImapAddress, ...]
    bcc: tuple[ImapAddress, ...]
    in_reply_to: str
    message_id: str


class BodyPart(Struct, frozen=True):
    """One part. `number` as FETCH wants it (`1.2`); the parts of an attached mail lie in `parts`.

    `media` is `type/subtype` in lower case; `size` counts encoded bytes; names of `parameters` and
    `disposition_parameters` are in lower case.
    """

    number: str
    media: str
    parameters: dict[str, str] = field(default_factory=dict)
    content_id: str = ""
    description: str = ""
    encoding: str = ""
    size: int = 0
    lines: int = 0
    envelope: ImapEnvelope | None = None
    disposition: str = ""
    disposition_parameters: dict[str, str] = field(default_factory=dict)
    parts: tuple[BodyPart, ...] = ()


def read_envelope(value: Value) -> ImapEnvelope:
    """The ten fields of an ENVELOPE; Garbled if it has fewer."""
    told = items(value)
    if len(told) < 10:
        raise Garbled("imap.syntax", text="ENVELOPE")
    return ImapEnvelope(
        date=text(told[0]),
        subject=text(told[1]),
        sender=_addresses(told[2]),  # told[3] is the Sender header
        reply_to=_addresses(told[4]),
        to=_addresses(told[5]),
        cc=_addresses(told[6]),
        bcc=_addresses(told[7]),
        in_reply_to=text(told[8]),
        message_id=text(told[9]),
    )


def _addresses(value: Value) -> tuple[ImapAddress, ...]:
    found = []
    for one in items(value):
        fields = items(one)
        if len(fields) < 4:
            raise Garbled("imap.syntax", text="ENVELOPE")
        found.append(ImapAddress(text(fields[0]), text(fields[2]), text(fields[3])))
    return tuple(found)


def read_structure(value: Value) -> BodyPart:
    """A BODYSTRUCTURE, or the BODY form that lacks its extensions. Nesting was bounded by the reader."""
    return _part(items(value), "")


def _part(told: list[Value], number_: str) -> BodyPart:
    if not told:
        return BodyPart(number_ or "1", "text/plain")
    if isinstance(told[0], list):
        return _multipart(told, number_)
    if len(told) < 7:
        raise Garbled("imap.syntax", text="BODYSTRUCTURE")
    number_ = number_ or "1"
    media = f"{text(told[0])}/{text(told[1])}".lower()
    size = _count(told[6])
    at, lines = 7, 0
    envelope: ImapEnvelope | None = None
    parts: tuple[BodyPart, ...] = ()
    if media in ("message/rfc822", "message/global") and len(told) > 9 and isinstance(told[7], list):
        envelope = read_envelope(told[7])
        inner = items(told[8])
        # RFC 9051 section 6.4.5.1: parts of an attached multipart count from this number on
        multipart = bool(inner) and isinstance(inner[0], list)
        parts = (_part(inner, number_ if multipart else f"{number_}.1"),)
        lines, at = _count(told[9]), 10
    elif media.startswith("text/") and len(told) > 7:
        lines, at = _count(told[7]), 8
    disposition, disposition_parameters = _disposition(told[at + 1] if len(told) > at + 1 else None)
    return BodyPart(
        number_,
        media,
        _parameters(told[2]),
        text(told[3]),
        text(told[4]),
        text(told[5]).lower(),
        size,
        lines,
        envelope,
        disposition,
        disposition_parameters,
        parts,
    )


def _multipart(told: list[Value], number_: str) -> BodyPart:
    parts: list[BodyPart] = []
    for one in told:
        if not isinstance(one, list):
            break
        place = str(len(parts) + 1)
        parts.append(_part(one, f"{number_}.{place}" if number_ else place))
    rest = told[len(parts) :]
    disposition, disposition_parameters = _disposition(rest[2] if len(rest) > 2 else None)
    return BodyPart(
        number_,
        f"multipart/{text(rest[0]) if rest else 'mixed'}".lower(),
        _parameters(rest[1]) if len(rest) > 1 else {},
        disposition=disposition,
        disposition_parameters=disposition_parameters,
        parts=tuple(parts),
    )


def _count(value: Value) -> int:
    return 0 if value is None else number(value)


def _parameters(value: Value) -> dict[str, str]:
    flat = value if isinstance(value, list) else []
    return {
        text(flat[at]).lower(): text(flat[at + 1])
        for at in range(0, len(flat) - 1, 2)
        if not isinstance(flat[at + 1], list)
    }


def _disposition(value: Value) -> tuple[str, dict[str, str]]:
    if not isinstance(value, list) or not value:
        return "", {}
    return text(value[0]).lower(), _parameters(value[1]) if len(value) > 1 else {}
