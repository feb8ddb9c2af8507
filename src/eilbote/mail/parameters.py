"""Fields with parameters (Content-Type, Content-Disposition): RFC 2045 section 5.1, RFC 2231.

Reads what senders write, not only what they should: unquoted values with spaces, encoded words
inside quotes, raw 8-bit names, continuations with holes. Never raises; linear.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from urllib.parse import unquote_to_bytes

from msgspec import Struct, field

from eilbote.mail.charset import decode
from eilbote.mail.words import bytes_of, clean, decode_words

MAX_PARAMETERS = 256
"""Continuations included; the rest of the field is ignored."""

MAX_VALUE = 4096
"""Characters of one value, continuations joined."""

# Each repetition is possessive, so a field without end costs one pass.
_PARAMETER = re.compile(
    r"[;\s]*+(?:([^\s=;\"]++)\s*+=\s*+(?:\"((?:[^\"\\]|\\.)*+)(?:\"|\\?\Z)|([^;]*+))|[^;]++|\Z)", re.DOTALL
)
_ESCAPE = re.compile(r'\\(["\\])')
_COMMENT = re.compile(r"\([^()]{0,200}\)")
_SECTION = re.compile(r"\*(\d{1,4})(\*?)$")
_TYPE = re.compile(r"[a-z0-9!#$&^_.+-]{1,127}/[a-z0-9!#$&^_.+-]{1,127}")


class Parameters(Struct, frozen=True):
    """A field's value in lower case (`text/plain`, `attachment`) and its decoded parameters by
    lower-case name."""

    value: str
    parameters: Mapping[str, str] = field(default_factory=dict)

    def get(self, name: str) -> str:
        """The parameter, empty if it is not there."""
        return self.parameters.get(name, "")


def read_parameters(text: str) -> Parameters:
    """Reads `value; name=value; ...` from a field's text (as `words.text_of` reads it)."""
    value, semicolon, rest = text.partition(";")
    if "(" in value:
        value = _COMMENT.sub("", value)
    if "=" in value:  # `Content-Type: charset=utf-8`, or a space where `;` should be
        value, _, more = value.strip().partition(" ")
        rest, semicolon = f"{more};{rest}" if "=" not in value else text, ";"
        if "=" in value:
            value = ""
    if not semicolon:
        return Parameters(value.strip().lower())
    return Parameters(value.strip().lower(), _parameters(rest))


def _parameters(text: str) -> dict[str, str]:
    simple: dict[str, str] = {}
    pieces: dict[str, dict[int, tuple[str, bool]]] = {}
    count = 0
    for found in _PARAMETER.finditer(text):
        name, quoted, bare = found.groups()
        if name is None:
            continue
        count += 1
        if count > MAX_PARAMETERS:
            break
        name = name.lower()
        raw = (_ESCAPE.sub(r"\1", quoted) if quoted is not None else (bare or "").strip())[: MAX_VALUE * 4]
        if "*" not in name:
            simple.setdefault(name, raw)
        elif section := _SECTION.search(name):
            pieces.setdefault(name[: section.start()], {}).setdefault(
                int(section[1]), (raw, bool(section[2]))
            )
        elif name.endswith("*"):
            pieces.setdefault(name[:-1], {})[-1] = (raw, True)
    read = {name: _plain_value(raw) for name, raw in simple.items()}
    # RFC 2231 wins over the plain spelling that senders add for old readers.
    read.update({name: joined for name, parts in pieces.items() if (joined := _joined(parts))})
    return read


def _plain_value(raw: str) -> str:
    return decode_words(raw)[:MAX_VALUE] if not raw.isalnum() or not raw.isascii() else raw[:MAX_VALUE]


def _joined(pieces: Mapping[int, tuple[str, bool]]) -> str:
    """RFC 2231 sections 3 and 4: `name*0*=charset'language'percent%20coded`, in order of number."""
    if -1 in pieces:
        pieces = {-1: pieces[-1]}
    charset = ""
    data: list[bytes] = []
    for place, number in enumerate(sorted(pieces)):
        raw, extended = pieces[number]
        if extended and place == 0:
            before, quote, after = raw.partition("'")
            _, second, coded = after.partition("'")
            if quote and second:
                charset, raw = before, coded
        data.append(unquote_to_bytes(raw.encode("utf-8", "surrogateescape")) if extended else bytes_of(raw))
    text = decode(b"".join(data), charset)
    # Senders put encoded words into continuations too.
    return (decode_words(text) if "=?" in text else clean(text))[:MAX_VALUE]


def is_media_type(value: str) -> bool:
    """Whether `value` is `type/subtype` in lower case."""
    return bool(_TYPE.fullmatch(value))
