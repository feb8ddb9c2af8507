"""A mail of the store as a script sees it: the header block is read when a field is asked for, the whole mail
only where a test looks into it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from eilbote.errors import Gone
from eilbote.mail.headers import Headers, split_headers
from eilbote.mail.message import Message, parse_message, with_line_feeds
from eilbote.mail.words import decode_words


class StoredMail:
    """One mail. `whole`: all of it is here; else `message` raises Gone `store.headers_only`."""

    __slots__ = ("_get", "_message", "_raw", "_sources", "_texts", "id", "size", "whole")

    def __init__(self, number: int, size: int, get: Callable[[], bytes], *, whole: bool = True) -> None:
        self.id = number
        self.size = size
        self.whole = whole
        self._get = get
        self._raw: bytes | None = None
        self._sources: dict[str, list[str]] | None = None
        self._texts: dict[str, list[str]] = {}
        self._message: Message | None = None

    @property
    def raw(self) -> bytes:
        """The bytes that are here. Gone `store.no_message`, `store.body_missing`, `store.body_damaged`."""
        if self._raw is None:
            self._raw = self._get()
        return self._raw

    def texts(self, field: str) -> Sequence[str]:
        """Every field of this name (in lower case), decoded."""
        found = self._texts.get(field)
        if found is None:
            found = self._texts[field] = [decode_words(value) for value in self.sources(field)]
        return found

    def sources(self, field: str) -> Sequence[str]:
        """Every field of this name (in lower case), undecoded."""
        if self._sources is None:
            self._sources = _by_name(self.raw)
        return self._sources.get(field, ())

    def header(self) -> bytes:
        """The header block with its blank line."""
        start, _, body = split_headers(self.raw, 0, len(self.raw))
        return self.raw[start:body]

    def message(self) -> Message:
        """The whole mail. Gone `store.headers_only` where it is not here."""
        self.check_whole()
        if self._message is None:
            self._message = parse_message(self.raw)
        return self._message

    def check_whole(self) -> None:
        """Gone `store.headers_only` where a part of the mail is not here."""
        if not self.whole:
            raise Gone("store.headers_only", id=self.id)

    def with_header(self, header: bytes) -> bytes:
        """The whole mail with another header block. Gone `store.headers_only`."""
        self.check_whole()
        _, _, body = split_headers(self.raw, 0, len(self.raw))
        return header + self.raw[body:]


def _by_name(raw: bytes) -> dict[str, list[str]]:
    """The fields of the header alone: what follows it is not touched."""
    start, _, body = split_headers(raw, 0, len(raw))
    block = with_line_feeds(raw[start:body])
    start, end, _ = split_headers(block, 0, len(block))
    found: dict[str, list[str]] = {}
    for name, value in Headers(block, start, end).pairs():
        known = name.lower()
        if known in found:
            found[known].append(value)
        else:
            found[known] = [value]
    return found
