"""The header block of a message or part: where it ends, and its fields.

Fields are found in one linear pass and decoded only when asked for. Never raises.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from eilbote.mail.words import bytes_of, clean, decode_words, text_of

MAX_BYTES = 512 * 1024
"""Bytes of one header block that are read; the body begins at the blank line all the same."""

MAX_FIELDS = 1000
"""Fields of one block that are read."""

# The blank line (RFC 5322 section 2.1), lone LF allowed. One literal first byte: the engine runs at
# the speed of memchr over long lines.
_BLANK = re.compile(rb"\n\r?\n")
# Without any blank line: the first line that can be no field and no continuation begins the body.
_NO_FIELD = re.compile(rb"\n(?![!-9;-~]++[ \t]*+:|[ \t])")
_FIELD_NAME = re.compile(rb"[ \t]|[^\s:]++[ \t]*+:")
_ENVELOPE_LINE = re.compile(rb">?From [^\r\n]*+\r?\n")

_FIELD = re.compile(r"([^\s:][^:\n]*+):[ \t]*+([^\n]*+(?:\n[ \t][^\n]*+)*+)(?:\n|\Z)")
_LINE = re.compile(r"[^\n]*+\n?")


def split_headers(raw: bytes, start: int, end: int) -> tuple[int, int, int]:
    """Where the header block begins and ends and where the body begins, within `raw[start:end]`.

    The block includes the line end of its last field. A line of an mbox (`From `) before the first
    field is skipped. As IMAP servers do, a line that is no field does not end the block as long as
    a blank line follows somewhere; a first line that is none means that there is no block at all.
    """
    if raw.startswith((b"From ", b">From "), start):
        mbox_line = _ENVELOPE_LINE.match(raw, start, end)
        if mbox_line:
            start = mbox_line.end()
    first = raw[start : min(end, start + 2)]
    if first[:1] == b"\n":
        return start, start, start + 1
    if first == b"\r\n":
        return start, start, start + 2
    if _FIELD_NAME.match(raw, start, end) is None:
        return start, start, start  # text from the first line on
    blank = _BLANK.search(raw, start, end)
    if blank is not None:
        return start, blank.start() + 1, blank.end()
    odd = _NO_FIELD.search(raw, start, end)
    body = odd.end() if odd else end
    return start, body, body


def field_text(raw: bytes, start: int, end: int) -> str:
    """The block as text, at most `MAX_BYTES` of it."""
    return text_of(raw[start : min(end, start + MAX_BYTES)])


class Headers:
    """The fields of one block, in order. Names compare without case."""

    __slots__ = ("_fields", "_named", "defects")

    def __init__(self, raw: bytes, start: int, end: int) -> None:
        """Reads `raw[start:end]`, which is a block as `split_headers` finds it."""
        defects: list[str] = []
        fields: list[tuple[str, str]] = []
        text = field_text(raw, start, end)
        if end - start > MAX_BYTES:
            defects.append("headers.too_long")
        at, size = 0, len(text)
        while at < size:
            found = _FIELD.match(text, at)
            if found is None:
                line = _LINE.match(text, at)
                at = line.end() if line else size
                if "headers.not_a_field" not in defects:
                    defects.append("headers.not_a_field")
                continue
            if len(fields) >= MAX_FIELDS:
                defects.append("headers.too_many")
                break
            fields.append((found[1].rstrip(), found[2]))
            at = found.end()
        self._fields = tuple(fields)
        self._named: dict[str, list[str]] | None = None
        self.defects = tuple(defects)

    def __len__(self) -> int:
        return len(self._fields)

    def __iter__(self) -> Iterator[tuple[str, str]]:
        """Name as written and decoded text of every field, in order."""
        return ((clean(name), decode_words(value)) for name, value in self._fields)

    def pairs(self) -> tuple[tuple[str, str], ...]:
        """Name and undecoded value of every field, in order; see `source`."""
        return self._fields

    def __contains__(self, name: object) -> bool:
        return isinstance(name, str) and self.source(name) is not None

    def source(self, name: str) -> str | None:
        """The first field's value undecoded, folds and all, as `words.text_of` reads it."""
        found = self._by_name().get(name.lower())
        return found[0] if found else None

    def sources(self, name: str) -> list[str]:
        """As `source`, of every field of this name."""
        return list(self._by_name().get(name.lower(), ()))

    def _by_name(self) -> dict[str, list[str]]:
        """Made at the first question: rules ask a hundred."""
        if self._named is None:
            self._named = {}
            for name, value in self._fields:
                self._named.setdefault(name.lower(), []).append(value)
        return self._named

    def raw(self, name: str) -> bytes | None:
        """The exact bytes after the colon and its spaces, without the last line end."""
        value = self.source(name)
        return None if value is None else bytes_of(value.removesuffix("\r"))

    def get(self, name: str, default: str = "") -> str:
        """The first field of this name, decoded to one line of text (RFC 2047)."""
        value = self.source(name)
        return default if value is None else decode_words(value)

    def all(self, name: str) -> list[str]:
        """Every field of this name, decoded, in order."""
        return [decode_words(value) for value in self.sources(name)]
