"""The parts of a message (RFC 2046) as offsets into its bytes, numbered as IMAP numbers them.

A scanner finds delimiter lines with `bytes.find` and copies nothing; fields and contents are decoded
only when asked for. Any bytes give a tree: what is wrong with it stands in `defects`. Limits bound
depth, number and work, so that a hostile message costs time linear in its size.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from eilbote.mail.charset import decode
from eilbote.mail.encoding import decode_transfer
from eilbote.mail.headers import Headers, field_text, split_headers
from eilbote.mail.parameters import Parameters, is_media_type, read_parameters
from eilbote.mail.words import bytes_of, clean, decode_words

MAX_DEPTH = 50
"""Multiparts and messages within each other; what lies deeper stays one undivided part."""

MAX_PARTS = 1000
"""Parts of one message; what follows them is not divided, and `parts.too_many` says so."""

MAX_FILE_NAME = 255
"""Characters of a file name."""

MAX_LOOKALIKES = 100_000
"""Lines that begin like a delimiter and are none, in one message, before dividing stops."""

# The fields that make a part what it is (RFC 2045 section 3, RFC 2183). First byte and first letter
# decide fast.
_CONTENT_FIELD = re.compile(
    r"\n(?=c)content-(type|transfer-encoding|disposition|id|location)"
    r"[ \t]*+:[ \t]*+([^\n]*+(?:\n[ \t][^\n]*+)*+)",
    re.IGNORECASE | re.ASCII,
)
_AFTER_DELIMITER = re.compile(rb"(--)?[ \t]*+(?:\r?\n|\r?\Z)")
_BOUNDARY = re.compile(r"[;\s]boundary\s*+=\s*+(?:\"([^\"\\\r\n]+)\"|([^\s;\"()]+))", re.IGNORECASE)
_UNSAFE_NAME = re.compile(r"[\x00-\x1f\x7f-\x9f\u061c\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff]+")
# Dots and every kind of space: neither begins nor ends a name that is to be seen and saved.
_EDGES = ". \t\xa0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a\u202f\u205f\u3000"

Offsets = tuple[int, int, int, int]
"""Where a part's header block begins and ends and where its body begins and ends."""

_EMBEDDED = frozenset(("message/rfc822", "message/global"))
_IDENTITY = frozenset(("", "7bit", "8bit", "binary"))


class Part:
    """One part: a leaf, a multipart (`children` are its parts) or an embedded message (one child).

    `raw[header_start:start]` is its header block with the blank line, `raw[start:end]` its body,
    still encoded. `number` is the part's IMAP section (RFC 9051 section 6.4.5): `1`, `2.1`; a
    message's multipart, which has no number of its own, is `TEXT`, or `2.TEXT` within part 2.
    """

    __slots__ = ("_fields", "_type", "children", "content_type", "defects", "end", "header_end",
                 "header_start", "number", "raw", "start")  # fmt: skip

    def __init__(
        self,
        raw: bytes,
        offsets: Offsets,
        fields: dict[str, str],
        number: str,
        default: str,
    ) -> None:
        """`default`: the content type where the part names none (RFC 2046 section 5.1.5)."""
        self.raw = raw
        self.header_start, self.header_end, self.start, self.end = offsets
        self.number = number
        self.children: tuple[Part, ...] = ()
        self.defects: tuple[str, ...] = ()
        self._fields = fields
        self._type: Parameters | None = None
        declared = fields.get("type")
        if declared is None:
            self.content_type = default
        else:
            quick = declared.partition(";")[0].strip().lower()
            if not is_media_type(quick):
                quick = self._repaired_type()
            self.content_type = quick

    def _repaired_type(self) -> str:
        value = self._parameters().value
        if is_media_type(value):
            return value
        self.defects += ("type.invalid",)
        # RFC 2045 section 5.2 says text/plain; with a file name it is surely no text to read.
        return "application/octet-stream" if self.file_name else "text/plain"

    def _parameters(self) -> Parameters:
        if self._type is None:
            self._type = read_parameters(self._fields.get("type", ""))
        return self._type

    @property
    def is_multipart(self) -> bool:
        """Declared as a multipart and divided as one."""
        return bool(self.children) and not self.is_message

    @property
    def is_message(self) -> bool:
        """An embedded message whose parts are known."""
        return bool(self.children) and self.content_type in _EMBEDDED

    @property
    def headers(self) -> Headers:
        """The part's own fields."""
        return Headers(self.raw, self.header_start, self.header_end)

    def parameter(self, name: str) -> str:
        """A parameter of Content-Type, decoded; empty if absent."""
        return self._parameters().get(name)

    @property
    def charset(self) -> str:
        """The declared charset in lower case, empty if none."""
        return self.parameter("charset").lower()

    @property
    def encoding(self) -> str:
        """The Content-Transfer-Encoding in lower case; `7bit` where none is given (RFC 2045 section 6.1)."""
        value = self._fields.get("transfer-encoding", "")
        return value.partition(";")[0].partition("(")[0].strip().strip("\"'").lower() or "7bit"

    @property
    def disposition(self) -> str:
        """`inline`, `attachment`, another word in lower case, or empty."""
        value = self._fields.get("disposition", "")
        return value.partition(";")[0].strip().lower() if value else ""

    @property
    def content_id(self) -> str:
        """Without angle brackets."""
        return clean(self._fields.get("id", "")).strip("<>")

    @property
    def content_location(self) -> str:
        """The address that HTML beside this part may call it by (RFC 2557), empty if none."""
        return clean(self._fields.get("location", ""))

    @property
    def file_name(self) -> str:
        """The name to show and to save under, without any path, control or direction character,
        at most `MAX_FILE_NAME` characters; empty if the part has none (RFC 2183 section 2.3)."""
        name = ""
        if "disposition" in self._fields:
            name = read_parameters(self._fields["disposition"]).get("filename")
        if not name and "type" in self._fields:
            name = self._parameters().get("name")
        return safe_file_name(name) if name else ""

    @property
    def size(self) -> int:
        """Bytes of the body, still encoded, as BODYSTRUCTURE counts them."""
        return self.end - self.start

    def body(self) -> bytes:
        """The body's bytes as they stand in the message."""
        return self.raw[self.start : self.end]

    def content(self) -> bytes:
        """The body decoded; of a multipart or message the body as it stands."""
        if self.children:
            return self.body()
        return decode_transfer(self.body(), self.encoding)

    def text(self, limit: int | None = None) -> str:
        """The content as text with `\\n` line ends, whatever the type says. `limit`: encoded bytes read."""
        body = self.body() if limit is None else self.raw[self.start : min(self.end, self.start + limit)]
        text = decode(decode_transfer(body, self.encoding), self.charset)
        return text.replace("\r\n", "\n").replace("\r", "\n") if "\r" in text else text

    def walk(self) -> Iterator[Part]:
        """This part and all below it, in order."""
        waiting = [self]
        while waiting:
            part = waiting.pop()
            yield part
            waiting.extend(reversed(part.children))

    def __repr__(self) -> str:
        return f"Part({self.number!r}, {self.content_type!r}, {self.size} bytes)"


def safe_file_name(name: str) -> str:
    """A name without path, control, direction or zero-width characters, cut to `MAX_FILE_NAME`
    with its ending kept."""
    name = _UNSAFE_NAME.sub("", decode_words(name)).replace("\\", "/").rpartition("/")[2].strip(_EDGES)
    if len(name) > MAX_FILE_NAME:
        stem, dot, ending = name.rpartition(".")
        keep = dot + ending if dot and len(ending) <= 16 else ""
        name = (stem if keep else name)[: MAX_FILE_NAME - len(keep)].rstrip(_EDGES) + keep
    return name


def content_fields(block: str) -> dict[str, str]:
    """The content fields of a header block by the name after `Content-`; the first of each counts."""
    fields: dict[str, str] = {}
    for name, value in _CONTENT_FIELD.findall("\n" + block):
        fields.setdefault(name.lower(), value)
    return fields


def read_parts(raw: bytes, offsets: Offsets, fields: dict[str, str]) -> Part:
    """The tree of a message whose header and body lie at `offsets` in `raw` (which has LF or CRLF
    line ends) and whose content fields are `fields`."""
    return _Reader(raw).message(offsets, fields, "", 0)


class _Reader:
    """One walk through one message, with what is left of its limits."""

    __slots__ = ("lookalikes", "parts", "raw")

    def __init__(self, raw: bytes) -> None:
        self.raw = raw
        self.parts = MAX_PARTS
        self.lookalikes = MAX_LOOKALIKES

    def message(self, offsets: Offsets, fields: dict[str, str], within: str, depth: int) -> Part:
        """The root of a message that stands within part `within` (empty: the whole)."""
        prefix = within + "." if within else ""
        root = Part(self.raw, offsets, fields, prefix + "1", "text/plain")
        self.parts -= 1
        if root.content_type.startswith("multipart/"):
            self._divide(root, within, depth)
            if root.children:
                root.number = prefix + "TEXT"
        elif root.content_type in _EMBEDDED:
            self._embed(root, depth)
        return root

    def _part(self, start: int, end: int, number: str, default: str, depth: int) -> Part:
        header_start, header_end, body = split_headers(self.raw, start, end)
        fields = content_fields(field_text(self.raw, header_start, header_end))
        part = Part(self.raw, (header_start, header_end, body, end), fields, number, default)
        self.parts -= 1
        if part.content_type.startswith("multipart/"):
            self._divide(part, number, depth)
        elif part.content_type in _EMBEDDED:
            self._embed(part, depth)
        return part

    def _embed(self, part: Part, depth: int) -> None:
        if depth >= MAX_DEPTH or self.parts <= 0:
            part.defects += ("parts.too_deep" if depth >= MAX_DEPTH else "parts.too_many",)
        elif part.encoding not in _IDENTITY:
            part.defects += ("message.encoded",)  # RFC 2046 section 5.2.1 forbids it: stays a leaf
        else:
            header_start, header_end, body = split_headers(self.raw, part.start, part.end)
            fields = content_fields(field_text(self.raw, header_start, header_end))
            offsets = (header_start, header_end, body, part.end)
            part.children = (self.message(offsets, fields, part.number, depth + 1),)

    def _divide(self, part: Part, number: str, depth: int) -> None:
        """Gives a multipart its children; without any it is read as text."""
        boundary = _boundary_of(part)
        if depth >= MAX_DEPTH:
            part.defects += ("parts.too_deep",)
            part.content_type = "text/plain"
            return
        if part.encoding not in _IDENTITY:
            part.defects += ("multipart.encoded",)  # RFC 2045 section 6.4 forbids it; nobody means it
        ranges, closed = self._ranges(part, boundary) if boundary else ([], True)
        if not ranges:
            part.defects += ("multipart.no_parts" if boundary else "multipart.no_boundary",)
            part.content_type = "text/plain"
            return
        default = "message/rfc822" if part.content_type == "multipart/digest" else "text/plain"
        prefix = number + "." if number else ""
        children = []
        for place, (start, end) in enumerate(ranges, 1):
            if self.parts <= 0:
                part.defects += ("parts.too_many",)
                break
            children.append(self._part(start, end, f"{prefix}{place}", default, depth + 1))
        if not closed:
            part.defects += ("multipart.not_closed",)
        part.children = tuple(children)

    def _ranges(self, part: Part, boundary: bytes) -> tuple[list[tuple[int, int]], bool]:
        """Where the parts between delimiter lines lie, and whether the closing line is there.

        RFC 2046 section 5.1.1: the line end before a delimiter belongs to the delimiter. A line that
        only begins with the delimiter is another boundary's.
        """
        raw, start, end, delimiter = self.raw, part.start, part.end, b"\n--" + boundary
        ranges: list[tuple[int, int]] = []
        opened = -1
        at = start - 1 if start and raw[start - 1] == 10 else start
        first = start == 0 and raw.startswith(delimiter[1:], 0, end)
        while True:
            found = -1 if first else raw.find(delimiter, at, end)
            if found < 0 and not first:
                break
            line = _AFTER_DELIMITER.match(raw, found + len(delimiter), end)
            first = False
            if line is None:
                at = max(found, 0) + 1
                self.lookalikes -= 1
                if self.lookalikes < 0:
                    part.defects += ("parts.too_many",)
                    break
                continue
            if opened >= 0:
                close = found - 1 if found and raw[found - 1] == 13 else found
                ranges.append((opened, max(opened, close)))
            if line[1]:
                return ranges, True
            opened = line.end()
            if len(ranges) + 1 >= self.parts:
                part.defects += ("parts.too_many",)
                break
            at = opened - 1 if raw[opened - 1] == 10 else opened
        if opened >= 0:
            ranges.append((opened, end))
        return ranges, False


def boundary_in(header: bytes) -> bytes:
    """The boundary that a header block names, as `read_parts` understands it; empty if none."""
    start, end, body = split_headers(header, 0, len(header))
    fields = content_fields(field_text(header, start, end))
    return _boundary_of(Part(header, (start, end, body, len(header)), fields, "1", "text/plain"))


def _boundary_of(part: Part) -> bytes:
    quick = _BOUNDARY.search(part._fields.get("type", ""))
    text = (quick[1] or quick[2]) if quick else part.parameter("boundary")
    return bytes_of(text).rstrip()[:998]
