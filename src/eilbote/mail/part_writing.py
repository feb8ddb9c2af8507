"""Parts of a mail as bytes (RFC 2045, RFC 2046): each content in the encoding that suits it.

Lines end in CRLF and none is longer than 998 characters, whatever the content. Boundaries come in as
arguments. Knows no meaning of any part.
"""

from __future__ import annotations

import re
from binascii import b2a_base64, b2a_qp
from collections.abc import Iterable, Mapping, Sequence

from msgspec import Struct

from eilbote.errors import Misused
from eilbote.mail.field_writing import checked, parameter_field
from eilbote.mail.parameters import is_media_type, read_parameters
from eilbote.mail.part import safe_file_name
from eilbote.mail.uploading import ready_to_upload

MAX_LINE = 998
"""Octets of a line without its CRLF (RFC 5322 section 2.1.1)."""

_FROM = re.compile(rb"^From ", re.MULTILINE)
_BARE_CR = re.compile(rb"\r(?!\n)")
_TOKEN = re.compile(r"[a-z0-9_.-]{1,40}")
_SURROGATE = re.compile(r"[\ud800-\udfff]")
_BASE64_LINE = 76


class Written(Struct, frozen=True):
    """One part: the content fields that belong into its header, each with its line end, and its body in
    pieces that are only to be joined."""

    fields: str
    body: tuple[bytes, ...]

    @property
    def is_ascii(self) -> bool:
        """Whether the body is free of bytes above 127."""
        return all(piece.isascii() for piece in self.body)


def text_part(
    text: str,
    kind: str = "text/plain",
    parameters: Mapping[str, str] | None = None,
    *,
    eight_bit: bool = False,
) -> Written:
    """A text as 7bit where it is that, else as it stands if `eight_bit`, else quoted-printable or base64,
    whichever is shorter. All line ends count as such. Raises Misused `compose.character`."""
    broken = _SURROGATE.search(text)
    if broken:
        raise Misused("compose.character", field="Text", character=f"U+{ord(broken[0]):04X}")
    data = text.replace("\r\n", "\n").replace("\r", "\n").encode()
    if not data.endswith(b"\n"):
        data += b"\n"
    plain = data.isascii()
    if (plain or eight_bit) and b"\0" not in data and not _has_long_line(data) and not _FROM.search(data):
        encoding = "7bit" if plain else "8bit"
        body = data
    else:
        body = quoted_printable(data)
        encoding = "quoted-printable"
        if len(body) > len(data) * 4 // 3 + len(data) // 57 * 2 + 6:
            encoding = "base64"
            body = base64_lines(data.replace(b"\n", b"\r\n"))
    if encoding != "base64":
        body = body.replace(b"\n", b"\r\n")
    charset = "us-ascii" if plain else "utf-8"
    return Written(
        parameter_field("Content-Type", kind, {"charset": charset, **(parameters or {})})
        + f"Content-Transfer-Encoding: {encoding}\r\n",
        (body,),
    )


def _has_long_line(data: bytes) -> bool:
    return max(map(len, data.split(b"\n"))) > MAX_LINE


def quoted_printable(data: bytes) -> bytes:
    """RFC 2045 section 6.7, of data with LF as line end, to such data. `From ` at the beginning of a
    line is coded, because mbox files and old servers would change it."""
    coded = b2a_qp(data, quotetabs=False, istext=True)
    return _FROM.sub(b"=46rom =\n", coded)


def base64_lines(data: bytes) -> bytes:
    """RFC 2045 section 6.8: lines of 76 characters that end in CRLF."""
    coded = b2a_base64(data, newline=False)
    lines = [coded[at : at + _BASE64_LINE] for at in range(0, len(coded), _BASE64_LINE)]
    return b"\r\n".join([*lines, b""])


def file_part(
    content: bytes,
    kind: str,
    name: str,
    *,
    disposition: str = "attachment",
    content_id: str = "",
) -> Written:
    """A file, byte for byte, in base64. `kind` may have parameters (`text/calendar; method=REQUEST`).
    Its name loses every path (RFC 2183 section 2.3). Raises Misused `compose.media_type`,
    `compose.character`."""
    media = read_parameters(checked("Content-Type", kind))
    if not is_file_type(kind):
        raise Misused("compose.media_type", type=kind[:100], name=name[:100])
    fields = parameter_field("Content-Type", media.value, media.parameters)
    fields += "Content-Transfer-Encoding: base64\r\n" + _disposition_field(disposition, name)
    if content_id:
        fields += f"Content-ID: <{content_id}>\r\n"
    return Written(fields, (base64_lines(content),))


def is_file_type(kind: str) -> bool:
    """Whether a file can have this type: one of a single part, with parameters of sound names."""
    media = read_parameters(kind)
    sound = is_media_type(media.value) and all(map(_TOKEN.fullmatch, media.parameters))
    return sound and not media.value.startswith("multipart/")


def _disposition_field(disposition: str, name: str) -> str:
    """RFC 2183. The name is checked as it came: nothing that could break a line is cut out in silence."""
    shown = safe_file_name(checked("Content-Disposition", name))
    return parameter_field("Content-Disposition", disposition, {"filename": shown} if shown else {})


def message_part(raw: bytes, name: str, *, seven_bit: bool = False) -> Written:
    """A whole mail as an attachment. `message/rfc822` must not be encoded (RFC 2046 section 5.2.1), so one
    that cannot travel as it is (8-bit where only seven are asked for, a NUL, a bare CR, a line without
    end) goes as a file of the same name, byte for byte."""
    lone = _BARE_CR.search(raw) is not None or b"\0" in raw or _has_long_line(raw.replace(b"\r\n", b"\n"))
    if lone or (seven_bit and not raw.isascii()):
        return file_part(raw, "application/octet-stream", name)
    encoding = "7bit" if raw.isascii() else "8bit"
    fields = f"Content-Type: message/rfc822\r\nContent-Transfer-Encoding: {encoding}\r\n"
    fields += _disposition_field("attachment", name)
    return Written(fields, (ready_to_upload(raw, end_last_line=True),))


def multipart(
    kind: str, parts: Sequence[Written], boundary: str, parameters: Mapping[str, str] | None = None
) -> Written:
    """Several parts as one (RFC 2046 section 5.1.1). `boundary`: at most 60 letters and digits; a sign is
    added at its end for as long as one of the parts holds it."""
    marker = boundary
    while _is_within(marker.encode("ascii"), parts):
        marker += "="
    pieces: list[bytes] = []
    start = f"--{marker}\r\n".encode("ascii")
    for part in parts:
        pieces += (start, part.fields.encode(), b"\r\n", *part.body, b"\r\n")
    pieces.append(f"--{marker}--\r\n".encode("ascii"))
    return Written(
        parameter_field("Content-Type", f"multipart/{kind}", {**(parameters or {}), "boundary": marker})
        + ("" if all(part.is_ascii for part in parts) else "Content-Transfer-Encoding: 8bit\r\n"),
        tuple(pieces),
    )


def _is_within(marker: bytes, parts: Iterable[Written]) -> bool:
    return any(marker in piece for part in parts for piece in part.body)
