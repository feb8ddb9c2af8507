"""Attachments on the page: named, shown where that is safe, warned of, saved in one ZIP."""

from __future__ import annotations

import io
import zipfile
from base64 import encodebytes
from collections.abc import Iterator
from pathlib import Path

import pytest

from eilbote.engine.app import App
from eilbote.store.values import Role
from tests.messages.pictures import png
from tests.store.given import Home, arrival
from tests.web.browser import browsing, given_user, opened

FILES = [
    ("image/png", "bild.png", png()),
    ("image/png", "kein bild.png", b"<svg onload=alert(1)>" * 10),
    ("text/plain", "notiz.txt", "Zeile <b>1</b> ä".encode()),
    ("application/pdf", "Rechnung.pdf.exe", b"MZ"),
    ("application/octet-stream", "../../bild.png", b"zweites"),
    ("text/html", "seite.html", b"<script>alert(1)</script>"),
]


def mail_with_files() -> bytes:
    parts = [b"Content-Type: text/plain\r\n\r\nSiehe Anhang"]
    for kind, name, content in FILES:
        head = (
            f'Content-Type: {kind}; charset=utf-8\r\nContent-Disposition: attachment; filename="{name}"\r\n'
        )
        parts.append(f"{head}Content-Transfer-Encoding: base64\r\n\r\n".encode() + encodebytes(content))
    begin = b"From: max@example.org\r\nMIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n"
    return begin + b"".join(b"--b\r\n" + one + b"\r\n" for one in parts) + b"--b--\r\n"


@pytest.fixture
def app(tmp_path: Path) -> Iterator[App]:
    with opened(tmp_path) as (app, _):
        yield app


async def test_what_hangs_on_a_mail(app: App) -> None:
    (number, plain) = Home(app.store).arrive(arrival(1, raw=mail_with_files()), arrival(2)).ids
    given_user(app, "Kim")
    async with browsing(app) as browser:
        kim = browser()
        await kim.sign_in("Kim")
        page = (await kim.get(f"/inbox/{number}")).text
        assert "6 attachments" in page and "PDF document" not in page
        assert "Its name is made to look like another kind" in page and "runs when it is opened" in page
        assert "opens in the browser" in page and "<script>alert" not in page
        assert page.count(f'src="/mail/{number}/picture/') == 1
        assert "Zeile &lt;b&gt;1&lt;/b&gt; ä" in page
        shown = await kim.get(f"/mail/{number}/picture/2")
        assert (shown.content, shown.headers["content-type"]) == (png(), "image/png")
        assert shown.headers["content-security-policy"] == "default-src 'none'; sandbox"
        assert shown.headers["x-content-type-options"] == "nosniff"
        for other in (1, 3, 4, 7, 99):
            assert (await kim.get(f"/mail/{number}/picture/{other}")).status_code == 404
        packed = await kim.get(f"/mail/{number}/attachments.zip")
        assert packed.headers["content-disposition"].startswith("attachment;")
        with zipfile.ZipFile(io.BytesIO(packed.content)) as archive:
            assert archive.testzip() is None
            names = archive.namelist()
            assert names[0] == "bild.png" and len(names) == len({one.casefold() for one in names}) == 6
            assert not any("/" in one or "\\" in one or ".." in one for one in names)
            assert [archive.read(one) for one in names] == [content for _, _, content in FILES]
        assert (await kim.get(f"/mail/{plain}/attachments.zip")).status_code == 404


async def test_nothing_of_it_without_the_right_to_read(app: App) -> None:
    (number,) = Home(app.store).arrive(arrival(1, raw=mail_with_files())).ids
    given_user(app, "Ben", Role.MEMBER)
    async with browsing(app) as browser:
        ben = browser()
        await ben.sign_in("Ben")
        for path in ("picture/2", "attachments.zip", "part/2", "invitation.ics"):
            assert (await ben.get(f"/mail/{number}/{path}")).status_code == 404
