"""What a picture is by its bytes: its type and its size in dots, read from its first lines and never decoded.

Whatever a server or a mail calls it: SVG and everything else is no picture here. Never raises.
"""

from __future__ import annotations

from typing import Literal

from msgspec import Struct

Kind = Literal["image/png", "image/jpeg", "image/gif", "image/webp", "image/avif"]

LARGEST_SIDE = 12_000
MOST_DOTS = 40_000_000
"""A browser takes four bytes for each."""

_AVIF = (b"avif", b"avis")
_JPEG_FRAMES = frozenset((*range(0xC0, 0xC4), *range(0xC5, 0xC8), *range(0xC9, 0xCC), *range(0xCD, 0xD0)))
_MOST_SEGMENTS = 2000


class Picture(Struct, frozen=True):
    """Width and height are 0 where the bytes do not tell."""

    kind: Kind
    width: int
    height: int

    @property
    def is_sane(self) -> bool:
        """Whether a browser can be given it."""
        return max(self.width, self.height) <= LARGEST_SIDE and self.width * self.height <= MOST_DOTS

    @property
    def is_dot(self) -> bool:
        """Too small to be seen: a tracking pixel."""
        return 0 < self.width <= 2 and 0 < self.height <= 2


def picture_of(data: bytes) -> Picture | None:
    """None for what is no picture."""
    if data.startswith(b"\x89PNG\r\n\x1a\n"):
        return Picture("image/png", _big(data, 16, 4), _big(data, 20, 4))
    if data.startswith((b"GIF87a", b"GIF89a")):
        return Picture("image/gif", _little(data, 6, 2), _little(data, 8, 2))
    if data.startswith(b"\xff\xd8\xff"):
        return Picture("image/jpeg", *_jpeg_size(data))
    if data[:4] == b"RIFF" and data[8:12] == b"WEBP":
        return Picture("image/webp", *_webp_size(data))
    if data[4:8] == b"ftyp" and (data[8:12] in _AVIF or any(one in data[16:64] for one in _AVIF)):
        return Picture("image/avif", *_avif_size(data))
    return None


def _big(data: bytes, at: int, count: int) -> int:
    return int.from_bytes(data[at : at + count], "big")


def _little(data: bytes, at: int, count: int) -> int:
    return int.from_bytes(data[at : at + count], "little")


def _jpeg_size(data: bytes) -> tuple[int, int]:
    """The first frame header (ITU-T T.81 section B.2.2)."""
    at = 2
    for _ in range(_MOST_SEGMENTS):
        if at + 9 > len(data) or data[at] != 0xFF:
            break
        marker = data[at + 1]
        if marker in _JPEG_FRAMES:
            return _big(data, at + 7, 2), _big(data, at + 5, 2)
        if marker == 0xFF or 0xD0 <= marker <= 0xD8 or marker == 0x01:
            at += 1 if marker == 0xFF else 2
            continue
        at += 2 + max(2, _big(data, at + 2, 2))
    return 0, 0


def _webp_size(data: bytes) -> tuple[int, int]:
    """RFC 9649 sections 2.5 to 2.7."""
    match data[12:16]:
        case b"VP8 ":
            return _little(data, 26, 2) & 0x3FFF, _little(data, 28, 2) & 0x3FFF
        case b"VP8L":
            bits = _little(data, 21, 4)
            return (bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1
        case b"VP8X":
            return _little(data, 24, 3) + 1, _little(data, 27, 3) + 1
        case _:
            return 0, 0


def _avif_size(data: bytes) -> tuple[int, int]:
    """The first `ispe` property (ISO/IEC 23008-12 section 6.5.3)."""
    at = data.find(b"ispe", 0, 64 * 1024)
    return (_big(data, at + 8, 4), _big(data, at + 12, 4)) if at > 0 else (0, 0)
