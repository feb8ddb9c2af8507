"""When a mail from a file arrived, by its header."""

from __future__ import annotations

import pytest

from eilbote.mail.arrival import arrival_date, return_path

NEW = b"Received: from a by b; Mon, 23 Nov 2026 20:53:40 +0100\r\n"
OLD = b"Received: from x by a;\r\n\tMon, 23 Nov 2026 19:00:00 +0000\r\n"
DATE = b"Date: Sun, 22 Nov 2026 12:00:00 +0000\r\n"


@pytest.mark.parametrize(
    ("header", "date"),
    [
        (NEW + OLD + DATE, 1_795_463_620.0),
        (b"Received: broken\r\n" + OLD + DATE, 1_795_460_400.0),
        (DATE + OLD, 1_795_460_400.0),
        (DATE, 1_795_348_800.0),
        (b"Received: broken\r\nDate: 31 Feb 2026\r\n", None),
        (b"", None),
    ],
)
def test_newest_received_then_date(header: bytes, date: float | None) -> None:
    assert arrival_date(header + b"\r\n" + NEW) == date


def test_return_path() -> None:
    assert return_path(b"Return-Path: <anna@example.org>\r\n\r\n") == "anna@example.org"
    assert return_path(b"Return-Path: <>\r\n\r\n") == ""
    assert return_path(b"\xff") == ""
