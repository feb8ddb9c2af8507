"""systemd's journal as `journalctl -o json` writes it: one JSON object a line becomes the line that syslog
would have written. Never raises: what is no such record is None.

Fields as in systemd.journal-fields(7); a value that is no UTF-8 is an array of its bytes, one that is too
long is null, a field that comes more than once is an array of its values (systemd, "Journal Export Formats").
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import msgspec

MARKS = (b"{", b"\x1e{", b"data: {")
"""How a line of a record begins: plain, as json-seq (RFC 7464), as json-sse."""

_LONGEST_MESSAGE = 8000
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_LATEST = 253_402_300_799_000_000
"""The end of the year 9999, in microseconds since 1970: the last that a date can tell."""


class _Record(msgspec.Struct, frozen=True):
    message: msgspec.Raw = msgspec.field(default=msgspec.Raw(), name="MESSAGE")
    identifier: msgspec.Raw = msgspec.field(default=msgspec.Raw(), name="SYSLOG_IDENTIFIER")
    command: msgspec.Raw = msgspec.field(default=msgspec.Raw(), name="_COMM")
    process: msgspec.Raw = msgspec.field(default=msgspec.Raw(), name="_PID")
    host: msgspec.Raw = msgspec.field(default=msgspec.Raw(), name="_HOSTNAME")
    time: msgspec.Raw = msgspec.field(default=msgspec.Raw(), name="__REALTIME_TIMESTAMP")


_DECODER = msgspec.json.Decoder(_Record)


def as_line(record: bytes) -> bytes | None:
    """`TIME HOST PROGRAM[PID]: MESSAGE` for a record; None for one that says nothing or cannot be read."""
    try:
        found = _DECODER.decode(record[record.index(b"{") :])
    except (ValueError, RecursionError):  # msgspec's errors are ValueErrors
        return None
    message = _text(found.message)
    if not message:
        return None
    program = _word(found.identifier) or _word(found.command) or "-"
    process = _word(found.process)
    number = process if process.isdecimal() else "0"
    head = f"{_time(found.time)} {_word(found.host) or '-'} {program}[{number}]:"
    return f"{head} {' '.join(message.split())}".encode()


def _text(raw: msgspec.Raw) -> str:
    """A field's value; of one that comes more than once the first."""
    if not bytes(raw):
        return ""
    try:
        value = msgspec.json.decode(raw)
    except (ValueError, RecursionError):
        return ""
    if isinstance(value, list) and value and isinstance(value[0], str | list):
        value = value[0]
    if isinstance(value, str):
        return value[:_LONGEST_MESSAGE]
    if isinstance(value, list):
        told = value[:_LONGEST_MESSAGE]
        if all(isinstance(one, int) and 0 <= one <= 255 for one in told):
            return bytes(told).decode("utf-8", "replace")
    return ""


def _word(raw: msgspec.Raw) -> str:
    return "".join(_text(raw)[:100].split())


def _time(raw: msgspec.Raw) -> str:
    told = _text(raw)
    if not (told.isascii() and told.isdecimal() and len(told) < 20 and int(told) <= _LATEST):
        return _EPOCH.isoformat()
    return (_EPOCH + timedelta(microseconds=int(told))).isoformat(timespec="milliseconds")
