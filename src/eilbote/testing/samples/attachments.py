"""Attachments of the sample mails: a real PDF, a real PNG, a calendar invitation, all tiny.

Made from nothing but their arguments, so that the same call gives the same bytes.
"""

from __future__ import annotations

import struct
import zlib
from datetime import UTC, datetime, timedelta


def pdf(lines: list[str]) -> bytes:
    """A PDF 1.4 of one page with these lines of text (Latin-1)."""
    shown = "".join(f"({_escaped(line)}) Tj T* " for line in lines)
    stream = f"BT /F1 12 Tf 16 TL 60 780 Td {shown}ET".encode("latin-1", "replace")
    objects = [
        b"<< /Type /Catalog /Pages 2 0 R >>",
        b"<< /Type /Pages /Kids [3 0 R] /Count 1 >>",
        b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 595 842] /Contents 4 0 R"
        b" /Resources << /Font << /F1 5 0 R >> >> >>",
        b"<< /Length %d >>\nstream\n%b\nendstream" % (len(stream), stream),
        b"<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica /Encoding /WinAnsiEncoding >>",
    ]
    whole = b"%PDF-1.4\n"
    offsets = []
    for number, inside in enumerate(objects, 1):
        offsets.append(len(whole))
        whole += b"%d 0 obj\n%b\nendobj\n" % (number, inside)
    table = b"".join(b"%010d 00000 n \n" % offset for offset in offsets)
    trailer = b"trailer\n<< /Size %d /Root 1 0 R >>\nstartxref\n%d\n%%%%EOF\n" % (
        len(objects) + 1,
        len(whole),
    )
    return whole + b"xref\n0 %d\n0000000000 65535 f \n" % (len(objects) + 1) + table + trailer


def _escaped(text: str) -> str:
    return text.replace("\\", "\\\\").replace("(", "\\(").replace(")", "\\)")


def png(red: int, green: int, blue: int, size: int = 24) -> bytes:
    """A PNG of one colour with a darker frame, `size` pixels square."""
    dark, light = bytes((red // 2, green // 2, blue // 2)), bytes((red, green, blue))
    edge = b"\0" + dark * size
    row = b"\0" + dark + light * (size - 2) + dark
    pixels = zlib.compress(edge + row * (size - 2) + edge, 9)
    header = struct.pack(">IIBBBBB", size, size, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + _chunk(b"IHDR", header) + _chunk(b"IDAT", pixels) + _chunk(b"IEND", b"")


def _chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def invitation(uid: str, summary: str, sent: float, organizer: str, attendee: str) -> bytes:
    """An iCalendar REQUEST (RFC 5546) for a meeting five days after `sent`, 18:00 to 20:00 UTC."""
    stamp = datetime.fromtimestamp(sent, UTC)
    begin = (stamp + timedelta(days=5)).replace(hour=18, minute=0, second=0)
    lines = [
        "BEGIN:VCALENDAR",
        "VERSION:2.0",
        "PRODID:-//Eilbote//Demo//EN",
        "METHOD:REQUEST",
        "BEGIN:VEVENT",
        f"UID:{uid}",
        f"DTSTAMP:{stamp:%Y%m%dT%H%M%SZ}",
        f"DTSTART:{begin:%Y%m%dT%H%M%SZ}",
        f"DTEND:{begin + timedelta(hours=2):%Y%m%dT%H%M%SZ}",
        f"SUMMARY:{summary}",
        f"ORGANIZER:mailto:{organizer}",
        f"ATTENDEE;RSVP=TRUE:mailto:{attendee}",
        "END:VEVENT",
        "END:VCALENDAR",
        "",
    ]
    return "\r\n".join(lines).encode()
