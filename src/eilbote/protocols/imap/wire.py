"""Reads the text of IMAP responses: atoms, strings, literals and nested lists, in one pass.

It must never guess: what does not follow the grammar (RFC 9051 section 9), with the few liberties
that real servers take, is Garbled. It knows no response by name.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import TypeAlias

from eilbote.errors import Garbled
from eilbote.protocols.imap.framing import Frame


class Atom(bytes):
    """A word or number that stood without quotes."""

    __slots__ = ()


Value: TypeAlias = "bytes | list[Value] | None"
"""An `Atom`, a string (plain bytes), a list, or None for NIL."""

_ATOM = re.compile(rb'[^ ()"\x00-\x1f\x7f{]+|\{(?!\d+\+?\}\Z)')
_QUOTED = re.compile(rb'"([^"\\\r\n]*+(?:\\.[^"\\\r\n]*+)*+)"')
_LITERAL_MARK = re.compile(rb"~?\{\d+\+?\}\Z")
_ESCAPE = re.compile(rb'\\(["\\])')
_SECTIONED = (b"BODY[", b"BODY.PEEK[", b"BINARY[", b"BINARY.SIZE[")
_SECTION_END = re.compile(rb"[^ ()]*")
_EXCERPT = 80


def garbled(text: bytes) -> Garbled:
    """The error for text that follows no grammar; quotes only its kind, never mail."""
    return Garbled("imap.syntax", text=text[:_EXCERPT].split(b"(")[0].decode("ascii", "replace").strip())


def read_values(frame: Sequence[bytes], start: int, depth_limit: int) -> list[Value]:
    """Everything in `frame` from byte `start` of its first line on, as values.

    Linear in the bytes, iterative in the nesting. Raises Garbled.
    """
    values: list[Value] = []
    current = values
    open_lists: list[list[Value]] = []
    index, at = 0, start
    line = frame[0]
    length = len(line)
    while True:
        if at >= length:
            break
        mark = line[at]
        if mark == 0x20:
            at += 1
        elif mark == 0x28:  # (
            if len(open_lists) >= depth_limit:
                raise Garbled("imap.too_deep", limit=depth_limit)
            inner: list[Value] = []
            current.append(inner)
            open_lists.append(current)
            current = inner
            at += 1
        elif mark == 0x29:  # )
            if not open_lists:
                raise garbled(frame[0])
            current = open_lists.pop()
            at += 1
        elif mark == 0x22:  # "
            quoted = _QUOTED.match(line, at)
            if quoted is None:
                raise garbled(frame[0])
            text = quoted[1]
            # Gmail writes labels as "\Sent" too: a backslash escapes only what it must.
            current.append(_ESCAPE.sub(rb"\1", text) if b"\\" in text else text)
            at = quoted.end()
        elif mark in b"{~" and index + 2 < len(frame) and _LITERAL_MARK.match(line, at):
            current.append(frame[index + 1])
            index += 2
            line, at = frame[index], 0
            length = len(line)
        else:
            atom = _ATOM.match(line, at)
            if atom is None:
                raise garbled(frame[0])
            text = atom[0]
            at = atom.end()
            if b"[" in text and b"]" not in text and text.upper().startswith(_SECTIONED):
                # BODY[HEADER.FIELDS (SUBJECT)]<0> is one word (RFC 9051 section 9, `msg-att-static`)
                close = line.find(b"]", at)
                tail = None if close < 0 else _SECTION_END.match(line, close)
                if tail is None:
                    raise garbled(frame[0])
                text += line[at : tail.end()]
                at = tail.end()
            current.append(None if text.upper() == b"NIL" else Atom(text))
    if open_lists or index + 1 != len(frame):
        raise garbled(frame[0])
    return values


def read_word(frame: Frame, start: int) -> tuple[bytes, int]:
    """The word at `start` of the first line, upper-case, and where the next one begins."""
    line = frame[0]
    end = line.find(b" ", start)
    if end < 0:
        end = len(line)
    return line[start:end].upper(), min(end + 1, len(line))


def number(value: Value) -> int:
    """An unsigned number of at most 63 bits (RFC 9051 section 9, `number64`). Raises Garbled."""
    if isinstance(value, bytes) and value.isdigit() and len(value) <= 19 and int(value) < 2**63:
        return int(value)
    raise Garbled("imap.not_a_number")


def mod_sequence(value: Value) -> int:
    """A mod-sequence; 0, as if not told, for one of more than 63 bits (RFC 7162 section 3.1): then
    every flag is read anew. Raises Garbled where it is no number."""
    if isinstance(value, bytes) and value.isdigit() and len(value) <= 40:
        return int(value) if int(value) < 2**63 else 0
    raise Garbled("imap.not_a_number")


def text(value: Value) -> str:
    """A string or atom as text; bytes that are not UTF-8 are replaced. NIL is empty."""
    if value is None:
        return ""
    if isinstance(value, bytes):
        return value.decode("utf-8", "replace")
    raise Garbled("imap.not_a_string")


def items(value: Value) -> list[Value]:
    """A list; NIL is the empty one, as some servers write it. Raises Garbled."""
    if value is None:
        return []
    if isinstance(value, list):
        return value
    raise Garbled("imap.not_a_list")


def pairs(value: Value) -> list[tuple[str, Value]]:
    """A list of names and values; names upper-case. Raises Garbled."""
    flat = items(value)
    if len(flat) % 2:
        raise Garbled("imap.not_a_list")
    return [(text(flat[at]).upper(), flat[at + 1]) for at in range(0, len(flat), 2)]
