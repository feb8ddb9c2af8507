"""An mbox file read mail by mail from whatever pieces it comes in, with one mail in memory at most.

What is broken costs as little as possible: a wrong `Content-Length` is found out and the mail's end
looked for as in mboxrd; what stands before the first separator and mails that are too large are named
by their place, and the reading goes on behind them.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from enum import Enum

from msgspec import Struct

from eilbote.mail.mbox import BLANK, COUNTED, LINE_ENDS, Dialect, ends_at, length_in, unquoted
from eilbote.mail.mbox_from import From, is_from_line, read_from


class MboxMail(Struct, frozen=True):
    """One mail. `offset` is where its `From ` line begins in the file. `misled`: its
    `Content-Length` was wrong."""

    raw: bytes
    sender: str
    date: float | None
    offset: int
    misled: bool = False


class Gap(Enum):
    """Why bytes are no mail that we can take: a `From ` line is missing before them, or the mail is
    larger than the limit."""

    NO_FROM_LINE = "no_from_line"
    TOO_LARGE = "too_large"


class MboxGap(Struct, frozen=True):
    """Bytes of the file that are no mail, and why."""

    reason: Gap
    offset: int
    size: int


LARGEST_MAIL = 150 << 20
"""As much as is taken from a server."""

_LONGEST_FROM_LINE = 1000
_LONGEST_HEADER = 1 << 20
"""So far a header is searched for its length."""
_SEPARATOR = b"\nFrom "
_MARK = b"\xef\xbb\xbf"  # what some editors put before the first line


def read_mbox(
    pieces: Iterable[bytes], dialect: Dialect, *, largest: int = LARGEST_MAIL
) -> Iterator[MboxMail | MboxGap]:
    """Every mail of a file, in its order, and what could not be read as one."""
    reading = _Reading(dialect, largest)
    for piece in pieces:
        reading.data += piece
        yield from reading.found()
    reading.complete = True
    yield from reading.found()


class _Length(Enum):
    """What is known of the current mail's length."""

    UNTRIED = 0
    NONE = 1
    WRONG = 2


class _Reading:
    """`data` begins with the current entry (a mail, or what stands before the first), which begins
    in the file at `offset`; `_dropped` bytes of it are gone already because it is too large."""

    def __init__(self, dialect: Dialect, largest: int) -> None:
        self.data = bytearray()
        self.complete = False
        self._dialect = dialect
        self._largest = largest
        self._offset = 0
        self._dropped = 0
        self._from: From | None = None
        """The entry's own line; None for what stands before the first."""
        self._content = -1
        """Where the entry's mail begins; -1 as long as that is not known."""
        self._scan = 0
        """No separator begins before this place."""
        self._length = _Length.UNTRIED
        self._counted_to = 0
        """Where the mail ends by its length, once that was read."""

    def found(self) -> Iterator[MboxMail | MboxGap]:
        """Every entry whose end is known."""
        while (self.data or self._dropped) and (self._content >= 0 or self._begin()):
            counted = self._counted_end()
            if counted is None:
                return
            following = counted or self._next_separator()
            if following is None:
                self._drop_what_is_too_much()
                return
            yield self._entry(following, counted=bool(counted))
            self._go_to(following)

    def _begin(self) -> bool:
        """Reads the entry's first line; False where more data is needed for that."""
        if self._offset == 0 and self.data.startswith(_MARK):
            del self.data[: len(_MARK)]
            self._offset = len(_MARK)
        end = self.data.find(b"\n", 0, _LONGEST_FROM_LINE)
        if end < 0 and len(self.data) < _LONGEST_FROM_LINE and not self.complete:
            return False
        line = bytes(self.data[: end + 1 or _LONGEST_FROM_LINE])
        is_mail = is_from_line(line, after_blank=True)
        self._from = read_from(line) if is_mail else None
        self._content = len(line) if is_mail else 0
        self._scan = max(self._content - 1, 0)
        self._length = _Length.UNTRIED if is_mail and self._dialect in COUNTED else _Length.NONE
        self._counted_to = 0
        return bool(self.data)

    def _counted_end(self) -> int | None:
        """Where the next entry begins by this mail's length; 0 where that says nothing, None where
        more data is needed."""
        if self._length is not _Length.UNTRIED:
            return 0
        if not self._counted_to:
            blank = BLANK.search(self.data, self._content - 1, self._content + _LONGEST_HEADER)
            if blank is None:
                if len(self.data) < self._content + _LONGEST_HEADER and not self.complete:
                    return None
                self._length = _Length.NONE
                return 0
            length = length_in(self.data[self._content : blank.end()])
            if length is None:
                self._length = _Length.NONE
                return 0
            if length.value > self._largest:
                self._length = _Length.WRONG
                return 0
            self._counted_to = blank.end() + length.value
        if not self.complete and len(self.data) < self._counted_to + _LONGEST_FROM_LINE + 4:
            return None
        if self._counted_to > len(self.data) or not ends_at(
            self.data, self._counted_to, complete=self.complete
        ):
            self._length = _Length.WRONG
            return 0
        ends = LINE_ENDS.match(self.data, self._counted_to)
        return ends.end() if ends is not None else self._counted_to

    def _next_separator(self) -> int | None:
        """Where the next entry begins, or the file ends; None where more data is needed."""
        while True:
            before = self.data.find(_SEPARATOR, self._scan)
            if before < 0:
                self._scan = max(self._scan, len(self.data) - len(_SEPARATOR) + 1)
                return len(self.data) if self.complete else None
            start = before + 1
            end = self.data.find(b"\n", start, start + _LONGEST_FROM_LINE)
            if end < 0 and len(self.data) < start + _LONGEST_FROM_LINE and not self.complete:
                self._scan = before
                return None
            line = bytes(self.data[start : end if end >= 0 else start + _LONGEST_FROM_LINE])
            blank = self.data[max(before - 2, 0) : before].endswith((b"\n", b"\n\r"))
            if is_from_line(line, after_blank=blank):
                return start
            self._scan = start

    def _entry(self, following: int, *, counted: bool) -> MboxMail | MboxGap:
        size = self._dropped + following
        if self._from is None:
            return MboxGap(Gap.NO_FROM_LINE, self._offset, size)
        if self._dropped or following - self._content > self._largest:
            return MboxGap(Gap.TOO_LARGE, self._offset, size)
        content = bytes(self.data[self._content : self._counted_to if counted else following])
        content = _without_length(content) if counted else _without_blank_line(content)
        raw = unquoted(content, self._dialect)
        misled = self._length is _Length.WRONG
        return MboxMail(raw, self._from.sender, self._from.date, self._offset, misled)

    def _go_to(self, following: int) -> None:
        del self.data[:following]
        self._offset += self._dropped + following
        self._dropped = 0
        self._content = -1

    def _drop_what_is_too_much(self) -> None:
        """Lets go of an entry that will never be a mail, but for the end, which may begin a separator."""
        if self._from is not None and len(self.data) - self._content <= self._largest:
            return
        gone = max(self._scan - 2, 0)
        del self.data[:gone]
        self._dropped += gone
        self._scan -= gone
        self._content = 0


def _without_length(content: bytes) -> bytes:
    blank = BLANK.search(content)
    length = length_in(content[: blank.end()]) if blank is not None else None
    return content if length is None else content[: length.start] + content[length.end :]


def _without_blank_line(content: bytes) -> bytes:
    """The blank line at the end is the separator's."""
    if content in (b"\n", b"\r\n"):
        return b""
    if content.endswith((b"\n\r\n",)):
        return content[:-2]
    return content[:-1] if content.endswith(b"\n\n") else content
