"""Text of header fields: unfolding, encoded words (RFC 2047), raw 8-bit bytes.

A header block is held as text decoded by `text_of`: UTF-8 where it is UTF-8 (RFC 6532), and every
other byte as one surrogate (PEP 383), so that nothing is lost until a field is looked at. What
leaves this module is clean: no surrogate, no control character, no line break.
"""

from __future__ import annotations

import re
from binascii import a2b_qp
from collections.abc import Iterator
from typing import NamedTuple

from eilbote.mail.charset import decode
from eilbote.mail.encoding import decode_base64

_CONTROLS = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]+")
_FOLD = re.compile(r"\r?\n(?=[ \t])")
_SURROGATE = re.compile(r"[\ud800-\udfff]")
_WORD = re.compile(r"=\?([^?\s]{1,80})\?([bBqQ])\?")
_SPACE = " \t\r\n"


def text_of(block: bytes) -> str:
    """The header block (or one value) as text without loss; `bytes_of` is the inverse."""
    return str(block, "utf-8", "surrogateescape")


def bytes_of(text: str) -> bytes:
    """The bytes that `text_of` read."""
    return text.encode("utf-8", "surrogateescape")


def clean(text: str) -> str:
    """One line of plain text: raw bytes guessed, folds undone, controls to one space, ends stripped."""
    text = text.strip()
    if text.isprintable():
        return text
    if not text.isascii():
        text = _without_raw_bytes(text)
    return _CONTROLS.sub(" ", _FOLD.sub("", text)).strip()


def _without_raw_bytes(text: str) -> str:
    """Surrogates of `text_of` back to bytes and read in the charset they look like."""
    return decode(bytes_of(text)) if _SURROGATE.search(text) else text


class _Word(NamedTuple):
    """An encoded word, still encoded."""

    charset: str
    base64: bool
    inside: str


def decode_words(text: str) -> str:
    """A field's text as a person reads it: encoded words decoded (RFC 2047), then `clean`.

    Tolerant: words without space around them, with spaces or `?` inside, of unknown charset;
    neighbours of one charset are joined as bytes first, for senders that cut a character in two.
    """
    if "=?" not in text:
        return clean(text)
    out: list[str] = []
    run: list[_Word] = []
    for token in _tokens(text):
        if isinstance(token, _Word):
            if run and run[0].charset != token.charset:
                out.append(_read(run))
                run = []
            run.append(token)
        elif not run:
            out.append(token)
        elif token.strip(_SPACE):
            out += (_read(run), token)
            run = []
        # else: RFC 2047 section 6.2, space between neighbouring words is not shown
    if run:
        out.append(_read(run))
    return clean("".join(out))


def _tokens(text: str) -> Iterator[str | _Word]:
    """Plain stretches and encoded words in turn. One search for each `=?`: linear."""
    at = 0
    for start in _WORD.finditer(text):
        if start.start() < at:
            continue
        end = text.find("?=", start.end())
        if end < 0:
            break
        if start.start() > at:
            yield _without_raw_bytes(text[at : start.start()])
        charset = start[1].partition("*")[0].lower()  # RFC 2231 section 5: charset*language
        yield _Word(charset, start[2] in "bB", text[start.end() : end])
        at = end + 2
    if at < len(text):
        yield _without_raw_bytes(text[at:])


def _read(run: list[_Word]) -> str:
    """Neighbouring words of one charset as text, with any space at the end of the run kept."""
    data: list[bytes] = []
    pending = ""  # base64 that stopped within a group of four characters
    for word in run:
        inside = "".join(word.inside.split()) if word.base64 else word.inside
        if word.base64:
            pending += inside
            if len(pending) % 4 == 0 or pending.endswith("="):
                data.append(decode_base64(bytes_of(pending)))
                pending = ""
            continue
        if pending:
            data.append(decode_base64(bytes_of(pending)))
            pending = ""
        # RFC 2047 section 4.2: `_` is a space. Raw spaces are against the rules but happen.
        data.append(a2b_qp(bytes_of(_FOLD.sub("", inside)), header=True))
    if pending:
        data.append(decode_base64(bytes_of(pending)))
    return decode(b"".join(data), run[0].charset)
