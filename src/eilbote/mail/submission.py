"""A mail that another program made, as it comes to a sendmail command, put into the form that is sent.

What is missing is added (Date, Message-ID, From), what must not go out is taken away (Bcc, Return-Path),
letters beyond ASCII in the header are coded (RFC 2047); everything else stays as it came. Names without
a domain, which cron writes, are the owner of the identity. RFC 6409 section 8, RFC 5321 section 4.4.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from eilbote.errors import Misused
from eilbote.mail.address import read_addresses
from eilbote.mail.compose import envelope_recipients
from eilbote.mail.date import write_date
from eilbote.mail.draft import Composed, Stamp
from eilbote.mail.envelope import Address
from eilbote.mail.field_writing import (
    address_field,
    address_on_wire,
    id_field,
    parameter_field,
    text_field,
)
from eilbote.mail.headers import MAX_BYTES, MAX_FIELDS, Headers
from eilbote.mail.identity import Identity
from eilbote.mail.message import parse_message
from eilbote.mail.parameters import read_parameters
from eilbote.mail.part_writing import MAX_LINE, text_part
from eilbote.mail.uploading import ready_to_send
from eilbote.mail.words import clean, decode_words

_PEOPLE = frozenset(("from", "sender", "reply-to", "to", "cc", "resent-from", "resent-to", "resent-cc"))
_LEFT_OUT = frozenset(("bcc", "resent-bcc", "return-path", "content-length"))
_MBOX_LINE = re.compile(rb">?From [^\n]*+\n")
_FIELDS = re.compile(rb"(?:[!-9;-~]++[ \t]*+:[^\n]*+\n(?:[ \t][^\n]*+\n)*+)*+")
_HEADER_END = re.compile(rb"\n\r*+\n")
_RETURNS = re.compile(rb"\r++(\n?)")
_DOT = re.compile(rb"\n\.\r?(?:\n|\Z)")  # begins with one letter: 140 MB take a moment, not seconds
_FIRST_DOT = re.compile(rb"\.\r?(?:\n|\Z)")
_LONG_LINE = re.compile(rb"\n[^\n]{%d}" % (MAX_LINE + 2))
_WIDE = re.compile(rb"[\x80-\xff]")
_LOCAL_NAME = re.compile(r"[A-Za-z_][\w.-]{0,63}\$?")


def submitted(
    raw: bytes,
    identity: Identity,
    stamp: Stamp,
    recipients: Sequence[str] = (),
    *,
    from_header: bool = False,
    sender: str = "",
) -> Composed:
    """The mail and its envelope. `recipients` come from the command line; with `from_header` (`-t`) those
    of To, Cc and Bcc (or of the Resent fields, where there are any) are added. `sender`: the address of
    the envelope (`-f`), else the identity's. Raises Misused `compose.no_recipients`,
    `compose.bad_address`, `compose.too_many_recipients`, `compose.header_too_large`."""
    data = ready_to_send(_without_lone_returns(raw))
    start, end, body_start = _split(data)
    headers = Headers(data, start, end)
    if headers.defects:
        raise Misused("compose.header_too_large", fields=MAX_FIELDS, size=f"{MAX_BYTES // 1024} KiB")
    meant = [_recipient(one, identity) for one in recipients]
    if from_header:
        meant += _named(headers, identity)
    envelope = envelope_recipients(meant)
    if not envelope:
        raise Misused("compose.no_recipients")
    content, body = _content(headers, data, body_start)
    message_id = parse_message(data[start:end] + b"\r\n").envelope.message_id
    head = "".join(
        (*_added(headers, identity, stamp, message_id), *_kept(headers, identity), content)
    ).encode()
    made = b"".join((head, b"\r\n", body))
    from_whom = address_on_wire("From", _qualified(sender, identity) if sender else identity.address)
    return Composed(
        raw=made,
        message_id=message_id or stamp.message_id,
        sender=from_whom,
        recipients=envelope,
        needs_utf8=not head.isascii() or not all(map(str.isascii, (from_whom, *envelope))),
        needs_8bit=not made.isascii(),
    )


def before_dot(raw: bytes) -> bytes:
    """The input up to a line that is a dot alone, which ends a mail unless `-i` is given (sendmail)."""
    if _FIRST_DOT.match(raw):
        return b""
    found = _DOT.search(raw)
    return raw if found is None else raw[: found.start() + 1]


def _without_lone_returns(raw: bytes) -> bytes:
    """A CR within a line of the header is space there: sendmail ends no field at one, so no value that
    holds one may begin a field here. Where CR alone ends all lines, it does."""
    if b"\r" not in raw or b"\n" not in raw:
        return raw
    found = _HEADER_END.search(raw)
    end = found.end() if found else len(raw)
    return _RETURNS.sub(lambda run: run[1] or b" ", raw[:end]) + raw[end:]


def _split(data: bytes) -> tuple[int, int, int]:
    """As `headers.split_headers`, but as sendmail does it: the first line that is no field begins the text,
    so that no word is lost."""
    mbox_line = _MBOX_LINE.match(data)
    start = mbox_line.end() if mbox_line else 0
    block = _FIELDS.match(data, start)
    end = block.end() if block else start
    return start, end, end + 2 if data.startswith(b"\r\n", end) else end


def _added(headers: Headers, identity: Identity, stamp: Stamp, message_id: str) -> Iterator[str]:
    if "Date" not in headers:
        yield f"Date: {write_date(stamp.date, stamp.offset)}\r\n"
    if not message_id:
        yield id_field("Message-ID", [stamp.message_id])
    if "From" not in headers:
        yield address_field("From", [identity.sender])


def _kept(headers: Headers, identity: Identity) -> Iterator[str]:
    """The fields that came, in their order. One of plain ASCII stays byte for byte, unless it names people
    without a domain."""
    for name, value in headers.pairs():
        lowered = name.lower()
        if lowered in _LEFT_OUT or (lowered == "message-id" and not clean(value)):
            continue
        if lowered in _PEOPLE:
            people = _people(value, identity)
            if people and not (value.isascii() and people == read_addresses(value)):
                yield address_field(name, people)
                continue
        if value.isascii():
            yield f"{name}: {value.removesuffix(chr(13))}\r\n"
        elif lowered in ("content-type", "content-disposition"):
            content = read_parameters(value)
            yield parameter_field(name, content.value, content.parameters)
        else:
            yield text_field(name, decode_words(value))


def _people(value: str, identity: Identity) -> tuple[Address, ...]:
    """Those of a field; one without a domain is the identity under the name that stands there. None where
    one is no address at all: such a field stays as it is."""
    people = read_addresses(value)
    if len(people) == 1 and not people[0].spec and _LOCAL_NAME.fullmatch(people[0].name):
        return (Address(decode_words(value), identity.address),)  # `root (Cron Daemon)`
    if not all(each.spec or _LOCAL_NAME.fullmatch(each.name) for each in people):
        return ()
    return tuple(each if each.spec else Address(each.name, identity.address) for each in people)


def _named(headers: Headers, identity: Identity) -> list[Address]:
    """Whom the header names. RFC 5322 section 3.6.6: of a mail sent once more, the Resent fields."""
    resent = "Resent-To" in headers or "Resent-Cc" in headers or "Resent-Bcc" in headers
    prefix = "Resent-" if resent else ""
    return [
        each if each.spec else _recipient(each.name, identity)
        for field in ("To", "Cc", "Bcc")
        for value in headers.sources(prefix + field)
        for each in read_addresses(value)
    ]


def _recipient(text: str, identity: Identity) -> Address:
    return Address("", _qualified(text, identity))


def _qualified(text: str, identity: Identity) -> str:
    """`a@b` and `<a@b>` as they are, `root` as the identity's address; anything else is refused where it
    is written."""
    bare = text.strip().removeprefix("<").removesuffix(">").strip()
    return identity.address if _LOCAL_NAME.fullmatch(bare) else bare


def _content(headers: Headers, data: bytes, start: int) -> tuple[str, bytes | memoryview]:
    """Fields and body of a mail that says nothing of its content but is not plain ASCII or has lines that
    no server takes: it is a text. All others stay."""
    body = memoryview(data)[start:]  # a large mail is not copied once more
    if "Content-Type" in headers or "MIME-Version" in headers or "Content-Transfer-Encoding" in headers:
        return "", body
    first = data.find(b"\n", start)
    long = first - start > MAX_LINE + 1 or _LONG_LINE.search(data, start) is not None
    if not long and _WIDE.search(data, start) is None:
        return "", body
    try:
        text = str(body, "utf-8")
    except UnicodeDecodeError:
        if not long:
            return (
                'MIME-Version: 1.0\r\nContent-Type: text/plain; charset="unknown-8bit"\r\n'
                "Content-Transfer-Encoding: 8bit\r\n"
            ), body  # RFC 1428
        text = str(body, "cp1252", "replace")
    part = text_part(text)
    return f"MIME-Version: 1.0\r\n{part.fields}", b"".join(part.body)
