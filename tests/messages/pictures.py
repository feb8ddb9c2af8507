"""Pictures made by hand: small, of every kind that is shown."""

from __future__ import annotations

import struct
import zlib


def png(width: int = 20, height: int = 10) -> bytes:
    """A grey picture that every browser can show; of large ones only the beginning."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    rows = (b"\x00" + b"\x80" * width) * (height if width * height < 1_000_000 else 1)
    head = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", head)
        + chunk(b"IDAT", zlib.compress(rows))
        + chunk(b"IEND", b"")
    )


def gif(width: int = 20, height: int = 10) -> bytes:
    return b"GIF89a" + struct.pack("<HH", width, height) + b"\x80\x00\x00" + b"\x00" * 60


def jpeg(width: int = 20, height: int = 10) -> bytes:
    frame = b"\xff\xc0" + struct.pack(">HBHHB", 11, 8, height, width, 1) + b"\x01\x11\x00"
    return (
        b"\xff\xd8\xff\xe0" + struct.pack(">H", 16) + b"JFIF\0" + b"\0" * 9 + frame + b"\xff\xd9" + b"\0" * 40
    )


def webp(width: int = 20, height: int = 10) -> bytes:
    size = struct.pack("<I", width - 1)[:3] + struct.pack("<I", height - 1)[:3]
    return b"RIFF\x40\0\0\0WEBPVP8X" + struct.pack("<I", 10) + b"\0\0\0\0" + size + b"\0" * 40


def avif(width: int = 20, height: int = 10) -> bytes:
    return (
        b"\0\0\0\x1cftypavif\0\0\0\0avifmif1miaf\0\0\0\x60meta" + b"\0" * 20 + b"\0\0\0\x14ispe\0\0\0\0"
        + struct.pack(">II", width, height) + b"\0" * 40
    )  # fmt: skip
