"""When a mail arrived, as its own header tells it: for mail that comes from a file without a date."""

from __future__ import annotations

from eilbote.mail.date import read_date
from eilbote.mail.headers import Headers, split_headers

_HEADER_BYTES = 256 * 1024


def arrival_date(raw: bytes) -> float | None:
    """Seconds since 1970: the newest `Received` (the topmost that holds a date; RFC 5321 section 4.4),
    else `Date`; None where neither can be read."""
    headers = headers_of(raw)
    for field in headers.sources("Received"):
        date = read_date(field.rpartition(";")[2])
        if date is not None:
            return date
    return read_date(headers.source("Date") or "")


def return_path(raw: bytes) -> str:
    """The sender of the envelope that the last server noted, "" without one."""
    value = headers_of(raw).source("Return-Path") or ""
    return value.strip().removeprefix("<").removesuffix(">")


def headers_of(raw: bytes) -> Headers:
    """The header's fields, of a header of common length."""
    head = raw[:_HEADER_BYTES]
    start, end, _ = split_headers(head, 0, len(head))
    return Headers(head, start, end)
