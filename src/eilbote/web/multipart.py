"""Forms with files (RFC 7578), read as they come: fields into memory, files to disk, both bounded. Nothing of
a file is kept before the form has shown its token. Who sends what is hostile until then, and after.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import BinaryIO

import python_multipart
from python_multipart.exceptions import FormParserError
from python_multipart.multipart import parse_options_header

from eilbote.engine.attached_files import MOST_FILES, Received, Upload
from eilbote.engine.send import LARGEST
from eilbote.web.guard import Refused

LONGEST_FIELDS = 4 << 20
"""Bytes of all fields of a form with files: a text of a million characters in any script."""

_LONGEST_HEADER = 16 * 1024
_MOST_PARTS = 300


def boundary_of(content_type: str) -> bytes:
    """What parts the form, as its header says; empty where it does not."""
    return parse_options_header(content_type)[1].get(b"boundary", b"")


class FormReader:
    """Takes the bytes of one form in any pieces. `fresh` names files that are not there yet; `check` says
    whether the fields so far hold the form's token. `forget` removes all files that were not moved away."""

    def __init__(
        self, boundary: bytes, fresh: Callable[[], Path], check: Callable[[dict[str, tuple[str, ...]]], bool]
    ) -> None:
        self.fields: dict[str, tuple[str, ...]] = {}
        self._files: list[Upload] = []
        self._fresh = fresh
        self._check = check
        self._made: list[Path] = []
        self._parts = 0
        self._field_bytes = 0
        self._file_bytes = 0
        self._header = (bytearray(), bytearray())
        self._header_bytes = 0
        self._headers: dict[bytes, bytes] = {}
        self._name = ""
        self._value = bytearray()
        self._open: BinaryIO | None = None
        self._file_name = ""
        self._size = 0
        self._ended = False
        self._parser = python_multipart.MultipartParser(
            boundary,
            {
                "on_part_begin": self._part_begins,
                "on_header_field": lambda data, start, end: self._header_piece(0, data[start:end]),
                "on_header_value": lambda data, start, end: self._header_piece(1, data[start:end]),
                "on_header_end": self._header_ends,
                "on_headers_finished": self._headers_end,
                "on_part_data": lambda data, start, end: self._data(data[start:end]),
                "on_part_end": self._part_ends,
                "on_end": self._all_ends,
            },
        )

    def feed(self, data: bytes) -> None:
        """The next bytes. Refused where the form is none, or too much."""
        try:
            self._parser.write(data)
        except FormParserError:
            raise Refused(400, "page.unreadable_form") from None

    def received(self) -> Received:
        """All of it, once it has come whole. Refused where it broke off or never showed its token."""
        if not self._ended:
            raise Refused(400, "page.unreadable_form")
        if not self._check(self.fields):
            raise Refused(403, "page.other_session")
        if self._file_bytes > LARGEST:
            return Received(too_large=self._file_bytes)
        return Received(tuple(self._files))

    def forget(self) -> None:
        """What nobody has taken goes."""
        if self._open is not None:
            self._open.close()
        for path in self._made:
            path.unlink(missing_ok=True)

    def _part_begins(self) -> None:
        self._parts += 1
        if self._parts > _MOST_PARTS:
            raise Refused(413, "page.large_form")
        self._headers = {}
        self._header_bytes = 0
        self._value = bytearray()
        self._size = 0

    def _header_piece(self, which: int, piece: bytes) -> None:
        self._header_bytes += len(piece)
        if self._header_bytes > _LONGEST_HEADER:
            raise Refused(400, "page.unreadable_form")
        self._header[which].extend(piece)

    def _header_ends(self) -> None:
        name, value = self._header
        self._headers[bytes(name).lower()] = bytes(value)
        self._header = (bytearray(), bytearray())

    def _headers_end(self) -> None:
        kind, options = parse_options_header(self._headers.get(b"content-disposition", b""))
        if kind != b"form-data" or not options.get(b"name"):
            raise Refused(400, "page.unreadable_form")
        self._name = options[b"name"].decode("utf-8", "replace")
        if b"filename" not in options:
            return
        if not self._check(self.fields):
            raise Refused(403, "page.other_session")
        if len(self._files) >= MOST_FILES:
            raise Refused(413, "page.large_form")
        self._file_name = options[b"filename"].decode("utf-8", "replace")
        path = self._fresh()
        self._made.append(path)
        self._open = path.open("xb")

    def _data(self, piece: bytes) -> None:
        if self._open is None:
            self._field_bytes += len(piece)
            if self._field_bytes > LONGEST_FIELDS:
                raise Refused(413, "page.large_form")
            self._value.extend(piece)
            return
        self._size += len(piece)
        self._file_bytes += len(piece)
        if self._file_bytes <= LARGEST:
            self._open.write(piece)
        else:
            self._open.truncate(0)

    def _part_ends(self) -> None:
        if self._open is None:
            try:
                value = bytes(self._value).decode("utf-8")
            except UnicodeDecodeError:
                raise Refused(400, "page.unreadable_form") from None
            self.fields[self._name] = (*self.fields.get(self._name, ()), value)
            return
        self._open.close()
        self._open = None
        if self._file_name or self._size:  # a chooser that was left alone sends an empty file without a name
            self._files.append(Upload(self._file_name, self._size, self._made[-1]))

    def _all_ends(self) -> None:
        self._ended = True
