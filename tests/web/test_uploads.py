"""Forms with files: nothing of a file is kept before the form has shown its token, and nothing that a hostile
browser sends breaks out of its bounds.
"""

from __future__ import annotations

import asyncio
import errno
import html
import re
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import IO, Any

import httpx2
import pytest

from eilbote.engine import attached_files
from eilbote.engine.app import App
from eilbote.engine.attached_files import sweep, uploads_folder
from eilbote.web import guard, multipart
from tests.store.given import Home
from tests.web.browser import HOST, Browser, HandClock, browsing, given_user, opened

OWN = {"Origin": f"http://{HOST}"}


@pytest.fixture
def app(tmp_path: Path) -> Iterator[App]:
    with opened(tmp_path) as (app, _):
        Home(app.store)
        given_user(app, "Kim")
        yield app


def part(name: str, value: bytes, file_name: str | None = None) -> bytes:
    named = "" if file_name is None else f'; filename="{file_name}"'
    return f'--xx\r\nContent-Disposition: form-data; name="{name}"{named}\r\n\r\n'.encode() + value + b"\r\n"


def fields(token: str, **more: str) -> bytes:
    known = {"token": token, "key": "k" * 32, "sender": "anna@example.org", "text": "Hallo"} | more
    return b"".join(part(name, value.encode()) for name, value in known.items())


END = b"--xx--\r\n"


async def post(
    kim: Browser,
    body: bytes | AsyncIterator[bytes],
    path: str = "/write",
    *,
    boundary: str = "xx",
    headers: dict[str, str] | None = None,
) -> httpx2.Response:
    kind = {"Content-Type": f"multipart/form-data; boundary={boundary}"}
    return await kim.client.post(path, content=body, headers=OWN | kind | (headers or {}))


def on_disk(app: App) -> list[str]:
    return sorted(one.name for one in uploads_folder(app).iterdir())


async def test_a_file_goes_with_the_mail_under_a_harmless_name(app: App) -> None:
    async with browsing(app) as browser:
        kim = browser()
        await kim.sign_in("Kim")
        body = fields(kim.token, do="attach")
        hostile = (
            "../../../etc/passwd",
            "a\x01\u202egpj.exe",
            "C:\\boot.ini",
            "<script>.txt",
            "con.txt",
            "ü" * 400,
        )
        for name in hostile:
            body += part("file", b"data", name)
        body += part("file", b"", "")
        answer = await post(kim, body + END)
        assert answer.status_code == 303, answer.text
        page = await kim.get(answer.headers["location"])
        names = [html.unescape(one) for one in re.findall(r'class="named">([^<]*)<', page.text)]
        assert names[:3] == ["passwd", "a gpj.exe", "boot.ini"] and len(names) == len(hostile)
        assert "<script>" not in page.text and names[4] == "_con.txt" and len(names[5]) < 300
        assert len(on_disk(app)) == len(hostile)
        assert all(re.fullmatch(r"[0-9a-f]{32}", one) for one in on_disk(app))


async def test_without_its_token_nothing_of_a_file_is_kept(app: App, monkeypatch: pytest.MonkeyPatch) -> None:
    async with browsing(app) as browser:
        kim, eve = browser(), browser()
        await kim.sign_in("Kim")
        await eve.get("/sign-in")
        opened_files: list[Path] = []
        open_ = Path.open

        def noted(path: Path, mode: str = "r") -> IO[Any]:
            opened_files.append(path)
            return open_(path, mode)

        monkeypatch.setattr(Path, "open", noted)
        file = part("file", b"data", "a.txt")
        late = file + fields(kim.token)
        for who, body in (
            (kim, fields("0" * 64) + file + END),
            (kim, file + END),
            (kim, late + END),
            (eve, fields(eve.token) + file + END),
            (kim, fields(eve.token) + file + END),
        ):
            assert (await post(who, body)).status_code == 403
        for headers in ({"Origin": "https://evil.example"}, {"Sec-Fetch-Site": "cross-site"}):
            assert (await post(kim, fields(kim.token) + file + END, headers=headers)).status_code == 403
        assert opened_files == [] and on_disk(app) == []
        assert app.store.writings.behind() == []


async def test_what_is_no_whole_form_is_refused_and_leaves_nothing(app: App) -> None:
    async with browsing(app) as browser:
        kim = browser()
        await kim.sign_in("Kim")
        good = fields(kim.token, do="attach") + part("file", b"data" * 1000, "a.txt")
        for body, boundary, status in (
            (good, "xx", 400),
            (good[:-100], "xx", 400),
            (good + END, "yy", 400),
            (good + END, "", 400),
            (good + END, "x" * 71, 400),
            (b"", "xx", 400),
            (b"\r\n" * 1000, "xx", 400),
            (fields(kim.token) + b"--xx\r\n\r\nno header\r\n" + END, "xx", 400),
            (fields(kim.token) + b"--xx\r\nContent-Disposition: form-data\r\n\r\na\r\n" + END, "xx", 400),
            (fields(kim.token) + b"--xx\r\nX: " + b"y" * 20_000 + b"\r\n\r\na\r\n" + END, "xx", 400),
            (fields(kim.token) + part("text", b"\xff\xfe") + END, "xx", 400),
            (fields(kim.token) + b"".join(part("a", b"") for _ in range(10_000)) + END, "xx", 413),
            (fields(kim.token) + part("text", b"x" * (multipart.LONGEST_FIELDS + 1)) + END, "xx", 413),
            (fields(kim.token) + b"".join(part("file", b"1", "a") for _ in range(101)) + END, "xx", 413),
        ):
            answer = await post(kim, body, boundary=boundary)
            assert answer.status_code == status, (body[-60:], answer.text)
            assert on_disk(app) == []
        assert app.store.writings.behind() == []


async def test_more_than_any_mail_holds_is_said_and_the_text_is_kept(
    app: App, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(multipart, "LARGEST", 10_000)
    monkeypatch.setattr(attached_files, "LARGEST", 10_000)
    async with browsing(app) as browser:
        kim = browser()
        await kim.sign_in("Kim")
        large = part("file", b"x" * 20_000, "a.bin")
        answer = await post(kim, fields(kim.token, do="attach") + large + END)
        assert answer.status_code == 400 and "in all" in answer.text and "Hallo" in answer.text
        assert on_disk(app) == []
        script = await post(kim, fields(kim.token, do="attach") + large + END, "/write/save")
        assert script.status_code == 400 and "in all" in " ".join(script.json()["problem"])
        # What one form may carry, two may not carry together.
        small = part("file", b"x" * 5000, "b.bin")
        assert (await post(kim, fields(kim.token, do="attach") + small + END)).status_code == 303
        assert (await post(kim, fields(kim.token, do="attach") + small + END)).status_code == 400
        assert len(on_disk(app)) == 1


async def test_an_endless_form_and_a_silent_one_end(app: App, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(guard, "_LONGEST_UPLOAD", 3_000_000)
    monkeypatch.setattr(guard, "_SILENT_SECONDS", 0.2)
    async with browsing(app) as browser:
        kim = browser()
        await kim.sign_in("Kim")
        start = fields(kim.token, do="attach") + part("file", b"", "a.bin")[:-2]

        async def endless() -> AsyncIterator[bytes]:
            yield start
            while True:
                yield b"x" * 65_536

        async def silent() -> AsyncIterator[bytes]:
            yield start
            await asyncio.Event().wait()

        for body, status in ((endless(), 413), (silent(), 408)):
            answer = await post(kim, body)
            assert answer.status_code == status
            assert on_disk(app) == []


async def test_files_that_no_mail_needs_are_removed_when_they_are_old(tmp_path: Path) -> None:
    with opened(tmp_path) as (app, clock):
        assert isinstance(clock, HandClock)
        Home(app.store)
        given_user(app, "Kim")
        async with browsing(app) as browser:
            kim = browser()
            await kim.sign_in("Kim")
            await post(kim, fields(kim.token, do="attach") + part("file", b"data", "a.txt") + END)
        stray = uploads_folder(app) / "stray"
        stray.write_bytes(b"left by a crash")
        clock.at = stray.stat().st_mtime + 60
        assert sweep(app) == 0
        clock.at += 7200
        assert sweep(app) == 1
        assert len(on_disk(app)) == 1 and not stray.exists()


async def test_a_full_disk_is_said(app: App, monkeypatch: pytest.MonkeyPatch) -> None:
    async with browsing(app) as browser:
        kim = browser()
        await kim.sign_in("Kim")

        def full(*_: object) -> bytes:
            raise OSError(errno.ENOSPC, "No space left on device")

        body = fields(kim.token, do="attach") + part("file", b"data", "a.txt") + END
        with monkeypatch.context() as patch:
            patch.setattr(multipart.FormReader, "_data", full)
            answer = await post(kim, body)
        assert answer.status_code == 507 and "No space left" in answer.text and on_disk(app) == []
        monkeypatch.setattr(attached_files, "_sync", full)
        answer = await post(kim, body)
        assert answer.status_code == 400 and "a.txt" not in answer.text and "Hallo" in answer.text
