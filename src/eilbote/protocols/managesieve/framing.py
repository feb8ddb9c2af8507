"""Cuts the byte stream of a ManageSieve server into lines of words: strings, quoted or literal, and atoms.

The network receives straight into the buffer that `room` gives. A literal is taken as its length says,
whatever it holds: a script cannot end its own answer. It must never hold more than `Limits` allows.
"""

from __future__ import annotations

import re
from io import BytesIO
from typing import TypeAlias

from eilbote.errors import Garbled, Misused
from eilbote.protocols.line_framer import LineFramer
from eilbote.protocols.managesieve.limits import Limits

Word: TypeAlias = str | bytes
"""A string is bytes; an atom or a parenthesis is str."""

Words: TypeAlias = tuple[Word, ...]

# RFC 5804 section 4. A backslash protects any octet here; servers are to protect two only.
_WORD = re.compile(
    rb'"((?:[^"\\\r\x00]|\\[^\r\x00])*+)"'
    rb"|\{([0-9]{1,20})\+?\}\Z"
    rb"|([()])"
    rb'|([^\x00-\x20"\\(){}\x7f-\xff]+)'
)
_UNESCAPED = re.compile(rb'"([^\r\x00]*)"(?:[ \t]+(ACTIVE))?[ \t]*\Z', re.IGNORECASE)
_ESCAPED = re.compile(rb"\\(.)", re.DOTALL)
_BLANKS = re.compile(rb"[ \t]*")
_NO_LITERAL = -1


class Framer(LineFramer):
    """The receive buffer, and what of the current line of words has been seen.

    Receive into `room()`, tell `filled(count)`, then call `take_words` until it gives None.
    """

    def __init__(self, limits: Limits) -> None:
        if limits.buffer < 4 * limits.line:
            raise Misused("managesieve.buffer_too_small")
        super().__init__(limits.buffer, limits.line)
        self.limits = limits
        self._words: list[Word] = []
        self._depth = 0
        self._literal = _NO_LITERAL  # bytes still missing of the current literal
        self._gathered = BytesIO()
        self._literals = 0  # bytes of literals in the current line

    @property
    def is_empty(self) -> bool:
        """Nothing received is left unread."""
        return super().is_empty and not self._words and self._literal == _NO_LITERAL

    def _too_long(self) -> Garbled:
        return Garbled("managesieve.line_too_long", limit=self.limits.line)

    def take_words(self, *, names: bool = False) -> Words | None:
        """The next line with its literals, none of an empty line; None until all of it has come. Garbled
        `managesieve.line_too_long`, `managesieve.literal_too_long`, `managesieve.no_answer`. `names`: lines
        that list names, where a quote inside of quotes is borne."""
        while True:
            if self._literal != _NO_LITERAL and not self._take_literal():
                return None
            line = self.take_line()
            if line is None:
                return None
            self._split(line, names=names)
            if self._literal == _NO_LITERAL:
                if self._depth:
                    raise Garbled("managesieve.no_answer")
                words, self._words, self._literals = tuple(self._words), [], 0
                return words

    def _split(self, line: bytes, *, names: bool) -> None:
        """The words of a line, or of the rest of one behind a literal."""
        if self._words or not names:
            self._read(line)
            return
        try:
            self._read(line)
        except Garbled:
            # Cyrus lists names with quotes in them as they are: what stands between the outer ones is meant.
            found = _UNESCAPED.match(line)
            if found is None:
                raise
            self._depth, self._literal, self._literals = 0, _NO_LITERAL, 0
            self._words = [found[1], "ACTIVE"] if found[2] else [found[1]]

    def _read(self, line: bytes) -> None:
        at = 0
        while (at := _BLANKS.match(line, at).end()) < len(line):  # type: ignore[union-attr]  # it always matches
            found = _WORD.match(line, at)
            if found is None or len(self._words) >= self.limits.words:
                raise Garbled("managesieve.no_answer")
            at = found.end()
            quoted, size, mark, atom = found.groups()
            if quoted is not None:
                self._words.append(_ESCAPED.sub(rb"\1", quoted) if b"\\" in quoted else quoted)
            elif size is not None:
                self._announce(int(size))
            elif mark is not None:
                self._depth += 1 if mark == b"(" else -1
                if not 0 <= self._depth <= self.limits.depth:
                    raise Garbled("managesieve.no_answer")
                self._words.append(mark.decode("ascii"))
            else:
                self._words.append(atom.decode("ascii"))

    def _announce(self, size: int) -> None:
        self._literals += size
        if self._literals > self.limits.literal:
            raise Garbled("managesieve.literal_too_long", size=self._literals, limit=self.limits.literal)
        self._literal = size

    def _take_literal(self) -> bool:
        """Moves what is there of the current literal; True when it is whole."""
        taken = min(self._end - self._start, self._literal)
        self._gathered.write(self._view[self._start : self._start + taken])
        self._start += taken
        self._scanned = self._start
        self._literal -= taken
        if self._literal:
            return False
        self._literal = _NO_LITERAL
        self._words.append(self._gathered.getvalue())
        self._gathered = BytesIO()
        return True
