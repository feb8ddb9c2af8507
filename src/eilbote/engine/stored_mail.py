"""A mail of the store as a script sees it: the header block is read when a field is asked for, the whole mail
only where a test looks into it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from eilbote.errors import Gone
from eilbote.mail.headers import Headers, split_headers
from eilbote.mail.message import Message, parse_message, with_line_feeds


class StoredMail:
    """One mail. `whole`: all of it is here; else `message` raises Gone `store.headers_only`."""

    __slots__ = ("_fields", "_get", "_message", "_raw", "id", "size", "whole")

    def __init__(self, number: int, size: int, get: Callable[[], bytes], *, whole: bool = True) -> None:
        self.id = number
        self.size = size
        self.whole = whole
        self._get = get
        self._raw: bytes | None = None
        self._fields: Headers | None = None
        self._message: Message | None = None

    @property
    def raw(self) -> bytes:
        """The bytes that are here. Gone `store.no_message`, `store.body_missing`, `store.body_damaged`."""
        if self._raw is None:
            self._raw = self._get()
        return self._raw

    def texts(self, field: str) -> Sequence[str]:
        """Every field of this name, decoded."""
        return self._headers().all(field)

    def sources(self, field: str) -> Sequence[str]:
        """Every field of this name, undecoded."""
        return self._headers().sources(field)

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

    def _headers(self) -> Headers:
        if self._fields is None:
            # Of the header alone: what follows it is not touched.
            start, end, body = split_headers(self.raw, 0, len(self.raw))
            block = with_line_feeds(self.raw[start:body])
            start, end, _ = split_headers(block, 0, len(block))
            self._fields = Headers(block, start, end)
        return self._fields
