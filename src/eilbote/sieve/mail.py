"""A mail as a script sees it: fields by name, size, and, only where a test asks for it, the whole message.

`SeenMail` is what a run needs; `MessageMail` is one over a parsed message, `EditedMail` one whose header
a script has changed. A store that holds fields already parsed gives its own, so that scripts which look
at headers alone never read a body.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from eilbote.mail.headers import Headers, split_headers
from eilbote.mail.message import Message, parse_message, with_line_feeds
from eilbote.mail.words import decode_words


class SeenMail(Protocol):
    """What a script may ask of a mail. Names of fields come in lower case."""

    @property
    def size(self) -> int:
        """Bytes of the whole mail (RFC 5228 section 5.9)."""

    def texts(self, field: str) -> Sequence[str]:
        """Every field of this name in order, decoded to one line (`mail.words.decode_words`)."""

    def sources(self, field: str) -> Sequence[str]:
        """As `texts`, undecoded and with folds, as `Headers.sources` gives them."""

    def header(self) -> bytes:
        """The header block with its blank line, for scripts that edit it."""

    def message(self) -> Message:
        """The whole mail, for tests of its text and its parts. May be slow: asked for once a run. May raise
        Gone where only a part of the mail is here; that passes through `run`."""


class MessageMail:
    """A mail that is at hand as bytes or as a message."""

    __slots__ = ("_by_name", "_message", "_raw")

    def __init__(self, mail: bytes | Message) -> None:
        self._raw = mail if isinstance(mail, bytes) else mail.raw
        self._message = None if isinstance(mail, bytes) else mail
        self._by_name: dict[str, list[str]] | None = None

    @property
    def size(self) -> int:
        """Bytes of the whole mail."""
        return len(self._raw)

    def texts(self, field: str) -> Sequence[str]:
        """Every field of this name, decoded."""
        return [decode_words(value) for value in self._fields().get(field, ())]

    def sources(self, field: str) -> Sequence[str]:
        """Every field of this name, undecoded."""
        return self._fields().get(field, ())

    def header(self) -> bytes:
        """The header block with its blank line."""
        start, _, body = split_headers(self._raw, 0, len(self._raw))
        return self._raw[start:body]

    def message(self) -> Message:
        """The whole mail."""
        if self._message is None:
            self._message = parse_message(self._raw)
        return self._message

    def _fields(self) -> dict[str, list[str]]:
        if self._by_name is None:
            raw = with_line_feeds(self._raw)
            start, end, _ = split_headers(raw, 0, len(raw))
            found: dict[str, list[str]] = {}
            for name, value in Headers(raw, start, end).pairs():
                found.setdefault(name.lower(), []).append(value)
            self._by_name = found
        return self._by_name


class EditedMail:
    """A mail with another header; its body comes from the one it was, and so does its size."""

    __slots__ = ("_before", "_header", "_seen")

    def __init__(self, before: SeenMail, header: bytes) -> None:
        self._before = before
        self._header = header
        self._seen = MessageMail(header)

    @property
    def size(self) -> int:
        """Bytes of the mail as it arrived."""
        return self._before.size

    def texts(self, field: str) -> Sequence[str]:
        """Every field of this name, decoded."""
        return self._seen.texts(field)

    def sources(self, field: str) -> Sequence[str]:
        """Every field of this name, undecoded."""
        return self._seen.sources(field)

    def header(self) -> bytes:
        """The header block as edited."""
        return self._header

    def message(self) -> Message:
        """The whole mail with its header as edited."""
        raw = self._before.message().raw
        _, _, body = split_headers(raw, 0, len(raw))
        return parse_message(self._header + raw[body:])
