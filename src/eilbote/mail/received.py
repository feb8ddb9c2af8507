"""When a mail arrived, as its topmost trace line tells: that of the server which keeps it."""

from __future__ import annotations

from eilbote.mail.date import read_date

_HEAD = 64 * 1024
_LONGEST = 256


def received_at(raw: bytes) -> float | None:
    """The date of the first Received line (RFC 5321 section 4.4) in seconds since 1970; None without
    one that can be read. Looks at the header's first 64 KiB at most."""
    words: list[bytes] = []
    for line in raw[:_HEAD].split(b"\n"):
        if not line.strip():
            break
        if words and line[:1] not in b" \t":
            break
        if words or line[:9].lower() == b"received:":
            words.append(line)
    _, semicolon, date = b" ".join(words).rpartition(b";")
    return read_date(date.decode("ascii", "replace").strip()[:_LONGEST]) if semicolon else None
