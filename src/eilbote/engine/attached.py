"""What hangs on a mail, to be looked at and saved: previews of pictures and plain texts, and all of it in one
ZIP. Names are safe on every system; nothing is opened here.
"""

from __future__ import annotations

import zipfile
from collections.abc import Iterator
from io import RawIOBase

from msgspec import Struct

from eilbote.engine.app import App
from eilbote.engine.read import Attachment
from eilbote.errors import Gone
from eilbote.mail.download_name import distinct_names, download_name
from eilbote.mail.encoding import decode_transfer
from eilbote.mail.file_kind import FileKind, KnownFile, known_file
from eilbote.mail.message import Message, parse_message
from eilbote.mail.part import Part
from eilbote.mail.picture import picture_of

LARGEST_PICTURE = 16 * 1024 * 1024
MOST_PICTURES = 30
MOST_TEXTS = 5
TEXT_SHOWN = 20_000
"""Characters of a text that are shown."""

_SHOWN_KINDS = ("image/png", "image/jpeg", "image/gif", "image/webp")
_TEXT_BYTES = 64 * 1024
_PICTURE_START = 96 * 1024
"""Encoded bytes that tell whether it is a picture; all of it is looked at before it is given."""

_PIECE = 256 * 1024


class Attached(Struct, frozen=True):
    """An attachment and what is known of it. `shown`: it is a picture that the page may show; `text`: how a
    plain text begins."""

    file: Attachment
    known: KnownFile
    shown: bool = False
    text: str = ""


def attached_to(message: Message, files: tuple[Attachment, ...]) -> list[Attached]:
    """The attachments of a mail that the user may read, as `read.show_mail` found them."""
    parts = {part.number: part for part in message.attachments} if files else {}
    pictures = texts = 0
    told = []
    for one in files:
        known, part = known_file(one.name, one.type), parts.get(one.number)
        shown, text = False, ""
        if part is not None and one.here:
            if known.kind is FileKind.PICTURE and pictures < MOST_PICTURES and one.size <= LARGEST_PICTURE:
                start = part.raw[part.start : min(part.end, part.start + _PICTURE_START)]
                shown = _shown_type(decode_transfer(start, part.encoding)) != ""
                pictures += shown
            elif known.kind is FileKind.TEXT and texts < MOST_TEXTS:
                text = part.text(_TEXT_BYTES)[:TEXT_SHOWN]
                texts += 1
        told.append(Attached(one, known, shown, text))
    return told


def picture_in(app: App, mail: int, number: str) -> tuple[str, bytes]:
    """The type of a picture by its bytes, and these. Gone `attachment.unknown` for what is none, or too
    large."""
    message = parse_message(app.store.messages.whole(mail))
    part = next((one for one in message.attachments if one.number == number), None)
    content = part.content() if part is not None and part.size <= 2 * LARGEST_PICTURE else b""
    kind = _shown_type(content) if len(content) <= LARGEST_PICTURE else ""
    if not kind:
        raise Gone("attachment.unknown", number=number[:50])
    return kind, content


def zip_of(app: App, mail: int) -> Iterator[bytes]:
    """All attachments in one ZIP, piece by piece. Gone `store.headers_only`, `attachment.none` before the
    first piece."""
    message = parse_message(app.store.messages.whole(mail))
    if not message.attachments:
        raise Gone("attachment.none")
    return _zipped(message)


def _shown_type(content: bytes) -> str:
    found = picture_of(content)
    return found.kind if found is not None and found.is_sane and found.kind in _SHOWN_KINDS else ""


def _zipped(message: Message) -> Iterator[bytes]:
    parts: tuple[Part, ...] = message.attachments
    names = distinct_names(download_name(part.file_name, part.number) for part in parts)
    sink = _Sink()
    with zipfile.ZipFile(sink, "w", zipfile.ZIP_STORED) as archive:
        for part, name in zip(parts, names, strict=True):
            # A fixed date: what a mail says of its files' age is not asked.
            with archive.open(zipfile.ZipInfo(name), "w") as entry:
                content = part.content()
                for at in range(0, len(content), _PIECE):
                    entry.write(content[at : at + _PIECE])
                    yield sink.taken()
    yield sink.taken()


class _Sink(RawIOBase):
    """Takes what is written until it is asked for it."""

    def __init__(self) -> None:
        super().__init__()
        self._held = bytearray()

    def writable(self) -> bool:
        return True

    def write(self, data: bytes, /) -> int:  # type: ignore[override]
        self._held += data
        return len(data)

    def taken(self) -> bytes:
        held, self._held = bytes(self._held), bytearray()
        return held
