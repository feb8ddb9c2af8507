"""Fields added to a mail and taken from it (RFC 5293). Bytes of fields that are not named stay as they are.

What is added passes the one encoder (`mail.field_writing`), so that no value can add a second field or
begin the body.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import NamedTuple

from eilbote.errors import Misused
from eilbote.mail.field_writing import text_field
from eilbote.mail.headers import MAX_BYTES, MAX_FIELDS, split_headers
from eilbote.mail.words import clean, decode_words, text_of

PROTECTED = frozenset(("received", "auto-submitted"))
"""Never deleted: they end loops (RFC 5293 section 6). Who tries is not told that it is an error."""

_LOOKED_AT = 1000
"""Bytes that show how lines end where there is no header."""

_NAME = re.compile(r"[!-9;-~]{1,76}")
_FIELD = re.compile(rb"[^\n]*\n(?:[ \t][^\n]*\n)*")
_NAMED = re.compile(rb"([^\s:]+)[ \t]*:[ \t]*")
_FOLD = re.compile(r"\r?\n[ \t]+")


def is_field_name(name: str) -> bool:
    """Whether a field may be called so (RFC 5322 section 2.2)."""
    return _NAME.fullmatch(name) is not None


class Deleted(NamedTuple):
    """What is left, and the decoded values of what is not."""

    block: HeaderBlock
    values: tuple[str, ...]


class HeaderBlock(NamedTuple):
    """A header in its fields, each with its folds and line ends, and the line end it uses."""

    fields: tuple[bytes, ...]
    line_end: bytes

    def __bytes__(self) -> bytes:
        """With the blank line that ends it."""
        return b"".join((*self.fields, self.line_end))

    def added(self, name: str, value: str, *, last: bool = False) -> HeaderBlock:
        """With one more field, above all others or below them. Raises Misused: `sieve.header_name`,
        `compose.character` for a control character or a line break that is no fold,
        `sieve.headers_too_large`."""
        if not is_field_name(name):
            raise Misused("sieve.header_name", name=name[:80])
        made = text_field(name, _FOLD.sub(" ", value)).encode()
        if self.line_end == b"\n":
            made = made.replace(b"\r\n", b"\n")
        if len(self.fields) >= MAX_FIELDS or sum(map(len, self.fields)) + len(made) > MAX_BYTES:
            raise Misused("sieve.headers_too_large", fields=MAX_FIELDS, size=f"{MAX_BYTES // 1024} KiB")
        # A first line that goes on with nothing stays first: below a new field it would go on with that.
        amiss = bool(self.fields) and self.fields[0].startswith((b" ", b"\t"))
        place = len(self.fields) if last else int(amiss)
        return HeaderBlock((*self.fields[:place], made, *self.fields[place:]), self.line_end)

    def deleted(
        self,
        name: str,
        matches: Callable[[str], bool] | None = None,
        *,
        index: int | None = None,
        last: bool = False,
    ) -> Deleted:
        """Without the fields of this name whose decoded value `matches` takes (all without it). `index`: only
        the field that has this number among those of its name, from 1, from the last with `last`."""
        wanted = name.lower()
        if wanted in PROTECTED:
            return Deleted(self, ())
        places = [place for place, field in enumerate(self.fields) if _name_of(field) == wanted]
        if index is not None:
            ordered = places[::-1] if last else places
            places = ordered[index - 1 : index] if index > 0 else []
        gone = {place: _value_of(self.fields[place]) for place in places}
        if matches is not None:
            gone = {place: value for place, value in gone.items() if matches(value)}
        left = tuple(field for place, field in enumerate(self.fields) if place not in gone)
        return Deleted(HeaderBlock(left, self.line_end), tuple(gone.values()))


def read_block(raw: bytes) -> HeaderBlock:
    """The header of a mail (or a header alone), whatever its bytes. Where the mail has none, an empty one."""
    start, end, _ = split_headers(raw, 0, len(raw))
    block = raw[start:end]
    if block and not block.endswith(b"\n"):
        block += _line_end(raw[: max(end, _LOOKED_AT)])
    return HeaderBlock(tuple(_FIELD.findall(block)), _line_end(block or raw[:_LOOKED_AT]))


def _line_end(text: bytes) -> bytes:
    return b"\n" if b"\n" in text and b"\r\n" not in text else b"\r\n"


def _name_of(field: bytes) -> str:
    found = _NAMED.match(field)
    return clean(text_of(found[1])).lower() if found else ""


def _value_of(field: bytes) -> str:
    found = _NAMED.match(field)
    return decode_words(text_of(field[found.end() :])) if found else ""


def with_header(raw: bytes, header: bytes) -> bytes:
    """The mail with this header (as `bytes` of a block gives it) in the place of its own."""
    return header + raw[split_headers(raw, 0, len(raw))[2] :]
