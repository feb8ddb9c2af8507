"""Sample mails as bytes, in the many ways in which real programs write them.

Deterministic: the same letter gives the same bytes. Written by hand instead of by a library, so
that each way of writing umlauts occurs, the wrong ones too.
"""

from __future__ import annotations

import hashlib
import html
import re
import textwrap
from base64 import b64encode
from binascii import b2a_qp
from datetime import UTC, datetime, timedelta, timezone
from enum import StrEnum
from urllib.parse import quote

from msgspec import Struct, field

from eilbote.testing.samples.people import Person

_ZONE = timezone(timedelta(hours=1))
_SPECIALS = re.compile(r'[()<>@,;:\\".\[\]]')


class Style(StrEnum):
    """How a program writes what is not ASCII: charset, encoded words, transfer encoding."""

    UTF8_BASE64 = "utf8-base64"
    UTF8_QUOTED = "utf8-quoted"
    UTF8_PLAIN = "utf8-8bit"
    LATIN1 = "latin1"
    WINDOWS = "windows"
    RAW = "raw"
    """Latin-1 bytes in headers and body, declared nowhere: old devices do so."""

    @property
    def charset(self) -> str:
        match self:
            case Style.LATIN1 | Style.RAW:
                return "iso-8859-1"
            case Style.WINDOWS:
                return "windows-1252"
            case _:
                return "utf-8"


class Attachment(Struct, frozen=True):
    """A file with its media type; with `content_id` it is shown inside the HTML text."""

    name: str
    kind: str
    data: bytes
    content_id: str = ""


class Letter(Struct, frozen=True):
    """One mail to be written. `date` in seconds since 1970; `headers` are added as they are."""

    sender: Person
    to: tuple[Person, ...]
    subject: str
    text: str
    date: float
    message_id: str
    style: Style = Style.UTF8_QUOTED
    references: tuple[str, ...] = ()
    rich: bool = False
    attachments: tuple[Attachment, ...] = ()
    calendar: bytes = b""
    returned: bytes = b""
    headers: dict[str, str] = field(default_factory=dict)


def fitting(style: Style, text: str) -> Style:
    """`style`, or the next one that can write this text at all."""
    for candidate in (style, Style.WINDOWS, Style.UTF8_QUOTED):
        try:
            text.encode(candidate.charset)
        except UnicodeEncodeError:
            continue
        return candidate
    return Style.UTF8_QUOTED


def write(letter: Letter) -> bytes:
    """The whole message, with CRLF line ends."""
    head = _headers(letter)
    for name, value in letter.headers.items():
        head.append(f"{name}: {_worded(value, letter.style)}".encode(_header_charset(letter.style)))
    if letter.style is Style.RAW and not letter.attachments:
        return b"\r\n".join([*head, b"", wrapped(letter.text).encode("iso-8859-1", "replace")])
    head.append(b"MIME-Version: 1.0")
    return b"\r\n".join(head) + b"\r\n" + _content(letter)


def wrapped(text: str) -> str:
    """Lines of at most 72 characters, quoted lines left alone, CRLF at every end."""
    lines: list[str] = []
    for line in text.split("\n"):
        whole = line.startswith(">") or "://" in line
        lines += [line] if whole else textwrap.wrap(line, 72, break_long_words=False) or [""]
    return "\r\n".join(lines) + "\r\n"


def _headers(letter: Letter) -> list[bytes]:
    when = datetime.fromtimestamp(letter.date, UTC).astimezone(_ZONE)
    stamp = f"{when:%a, %d %b %Y %H:%M:%S %z}"
    host = letter.sender.address.partition("@")[2]
    lines = [
        f"Return-Path: <{letter.sender.address}>",
        f"Received: from mail.{host} (mail.{host} [192.0.2.{len(host)}])\r\n"
        f"\tby mx.example.de with ESMTPS id {_digest(letter.message_id)[:10]};\r\n\t{stamp}",
        f"Date: {stamp}",
        f"From: {_person(letter.sender, letter.style)}",
        "To: " + ",\r\n ".join(_person(person, letter.style) for person in letter.to),
        f"Subject: {_worded(letter.subject, letter.style)}",
        f"Message-ID: <{letter.message_id}>",
    ]
    if letter.references:
        lines.append(f"In-Reply-To: <{letter.references[-1]}>")
        lines.append("References: " + "\r\n ".join(f"<{one}>" for one in letter.references))
    return [line.encode(_header_charset(letter.style), "replace") for line in lines]


def _header_charset(style: Style) -> str:
    return "iso-8859-1" if style is Style.RAW else "ascii"


def _person(person: Person, style: Style) -> str:
    if not person.name.isascii() and style is not Style.RAW:
        return f"{_worded(person.name, style)} <{person.address}>"
    name = f'"{person.name}"' if _SPECIALS.search(person.name) else person.name
    return f"{name} <{person.address}>"


def _worded(text: str, style: Style) -> str:
    """Text of a header: as encoded words (RFC 2047) where it must be, folded where it is long."""
    if text.isascii() or style is Style.RAW:
        return "\r\n ".join(textwrap.wrap(text, 70, break_long_words=False, break_on_hyphens=False))
    style = fitting(style, text)
    words, piece = [], ""
    for mark in text:
        if len(_word(piece + mark, style)) > 72:
            words.append(_word(piece, style))
            piece = ""
        piece += mark
    return "\r\n ".join([*words, _word(piece, style)])


def _word(text: str, style: Style) -> str:
    data = text.encode(style.charset)
    if style is Style.UTF8_BASE64:
        return f"=?utf-8?B?{b64encode(data).decode()}?="
    plain = re.compile(rb"[^A-Za-z0-9!*+/ -]")
    coded = plain.sub(lambda one: b"=%02X" % one[0][0], data).replace(b" ", b"_").decode()
    return f"=?{style.charset}?Q?{coded}?="


def _content(letter: Letter) -> bytes:
    """Content headers, blank line and body."""
    text = _text(wrapped(letter.text), "plain", letter.style)
    if letter.returned:
        return _report(letter, text)
    inline = tuple(one for one in letter.attachments if one.content_id)
    files = tuple(one for one in letter.attachments if not one.content_id)
    content = text
    if letter.rich:
        rich = _text(_html(letter, inline), "html", letter.style)
        if inline:
            rich = _multipart("related", letter, [rich, *(_file(one, letter.style) for one in inline)])
        content = _multipart("alternative", letter, [text, rich])
    elif inline:
        files = (*inline, *files)
    if letter.calendar:
        invite = b"Content-Type: text/calendar; charset=utf-8; method=REQUEST\r\n\r\n" + letter.calendar
        content = _multipart("alternative", letter, [text, invite])
    if files:
        content = _multipart("mixed", letter, [content, *(_file(one, letter.style) for one in files)])
    return content


def _text(text: str, subtype: str, style: Style) -> bytes:
    style = fitting(style, text)
    data = text.encode(style.charset)
    if text.isascii() and subtype == "plain":
        return b"Content-Type: text/plain; charset=us-ascii\r\nContent-Transfer-Encoding: 7bit\r\n\r\n" + data
    match style:
        case Style.UTF8_BASE64:
            encoding, data = "base64", _base64(data)
        case Style.UTF8_PLAIN | Style.RAW:
            encoding = "8bit"
        case _:
            quoted = b2a_qp(data.replace(b"\r\n", b"\n"), istext=True)
            encoding, data = "quoted-printable", quoted.replace(b"\n", b"\r\n")
    head = f'Content-Type: text/{subtype}; charset="{style.charset}"\r\nContent-Transfer-Encoding: {encoding}'
    return head.encode() + b"\r\n\r\n" + data


def _html(letter: Letter, inline: tuple[Attachment, ...]) -> str:
    paragraphs = []
    for block in letter.text.split("\n\n"):
        shown = html.escape(block).replace("\n", "<br>\r\n")
        shown = re.sub(r"(https?://[^\s<]+)", r'<a href="\1">\1</a>', shown)
        paragraphs.append(f"<p>{shown}</p>")
    paragraphs += [f'<p><img src="cid:{one.content_id}" alt="{html.escape(one.name)}"></p>' for one in inline]
    if "List-Unsubscribe" in letter.headers:
        host = letter.sender.address.partition("@")[2]
        seen = f"https://{host}/open/{_digest(letter.message_id)[:12]}.gif"
        paragraphs.append(
            f'<p style="font-size:11px;color:#777"><a href="https://{host}/abmelden">Abmelden</a></p>'
        )
        paragraphs.append(f'<img src="{seen}" width="1" height="1" alt="">')
    style = "<style>body{font-family:Georgia,serif;max-width:40em}p{line-height:1.5}</style>"
    title = html.escape(letter.subject)
    body = "\r\n".join(paragraphs)
    head = f"<html><head><title>{title}</title>{style}</head>"
    return f"<!DOCTYPE html>\r\n{head}\r\n<body>\r\n{body}\r\n</body></html>\r\n"


def _file(attachment: Attachment, style: Style) -> bytes:
    """One attachment; names beyond ASCII by RFC 2231, or as an encoded word as older programs do."""
    name = attachment.name
    if name.isascii():
        typed, named = f'name="{name}"', f'filename="{name}"'
    elif style in (Style.LATIN1, Style.WINDOWS):
        typed, named = f'name="{_word(name, style)}"', f'filename="{_word(name, style)}"'
    else:
        typed, named = f"name*=utf-8''{quote(name)}", f"filename*=utf-8''{quote(name)}"
    lines = [
        f"Content-Type: {attachment.kind};\r\n {typed}",
        "Content-Transfer-Encoding: base64",
        f"Content-Disposition: {'inline' if attachment.content_id else 'attachment'};\r\n {named}",
    ]
    if attachment.content_id:
        lines.append(f"Content-ID: <{attachment.content_id}>")
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + _base64(attachment.data)


def _report(letter: Letter, text: bytes) -> bytes:
    """A bounce (RFC 3464): explanation, machine-readable status, the mail that came back."""
    status = (
        b"Content-Type: message/delivery-status\r\n\r\n"
        b"Reporting-MTA: dns; mail.example.de\r\n\r\n"
        b"Final-Recipient: rfc822; gerda.lindner@example.org\r\nAction: failed\r\nStatus: 5.1.1\r\n"
        b"Remote-MTA: dns; mx.example.org\r\nDiagnostic-Code: smtp; 550 5.1.1 User unknown\r\n"
    )
    original = b"Content-Type: message/rfc822\r\n\r\n" + letter.returned
    return _multipart('report; report-type="delivery-status"', letter, [text, status, original])


def _multipart(subtype: str, letter: Letter, parts: list[bytes]) -> bytes:
    boundary = f"=_{_digest(subtype + letter.message_id)[:24]}".encode()
    head = b'Content-Type: multipart/%b;\r\n boundary="%b"\r\n\r\n' % (subtype.encode(), boundary)
    body = b"".join(b"--%b\r\n%b\r\n" % (boundary, part.removesuffix(b"\r\n")) for part in parts)
    return head + body + b"--%b--\r\n" % boundary


def _base64(data: bytes) -> bytes:
    text = b64encode(data)
    return b"\r\n".join(text[at : at + 76] for at in range(0, len(text), 76)) + b"\r\n"


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
