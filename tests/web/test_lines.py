"""Who holds lines to the page without asking anything keeps nobody out."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from eilbote.engine.events import Event, PageOpened
from eilbote.web import lines
from eilbote.web.page import page_beside
from tests.web.browser import opened


@pytest.mark.parametrize("begun", [b"", b"GET / HTTP/1.1\r\nHost: "])
async def test_a_question_that_never_ends_is_hung_up(
    begun: bytes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lines, "HEAD_SECONDS", 0.05)
    told: list[Event] = []
    with opened(tmp_path) as (app, _):
        async with page_beside(app, "127.0.0.1:0", "en", told.append):
            (page,) = [one for one in told if isinstance(one, PageOpened)]
            port = int(page.address.rstrip("/").rpartition(":")[2])
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            writer.write(begun)
            assert await asyncio.wait_for(reader.read(), 20) == b""
            writer.close()
            # One that was answered may go on asking; its next question has its time anew.
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            asked = f"GET /sign-in HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\n\r\n".encode()
            for _ in range(2):
                writer.write(asked)
                head = await reader.readuntil(b"\r\n\r\n")
                size = int(head.lower().partition(b"content-length: ")[2].partition(b"\r\n")[0])
                await reader.readexactly(size)
            writer.write(b"GET /sign-in HTTP/1.1\r\n")
            assert await asyncio.wait_for(reader.read(), 20) == b""
            writer.close()
