"""The reading pane: what of a mail is shown, explained and folded."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from eilbote.engine.app import App
from tests.mail.test_header_story import GOOGLE
from tests.store.given import Home, arrival
from tests.web.browser import browsing, given_user, opened

ANSWER = b"""From: Max <max@example.org>\r
To: anna@example.org\r
Subject: Antwort\r
Content-Type: text/plain; charset=utf-8\r
\r
Siehe https://example.org/<b>, schreib an eva@example.org,\r
nicht https://bank.example@evil.example/login.\r
\r
Am Mo., 3. Nov. 2025 um 10:00 schrieb Anna <anna@example.org>:\r
> Wo steht das?\r
"""


@pytest.fixture
def app(tmp_path: Path) -> Iterator[App]:
    with opened(tmp_path) as (app, _):
        yield app


async def test_the_text_with_links_and_a_folded_quote(app: App) -> None:
    (number,) = Home(app.store).arrive(arrival(1, raw=ANSWER)).ids
    given_user(app, "Kim")
    async with browsing(app) as browser:
        kim = browser()
        await kim.sign_in("Kim")
        page = (await kim.get(f"/inbox/{number}?view=text")).text
        assert '<a href="https://example.org/" target="_blank" rel="noopener noreferrer">' in page
        assert 'href="/write?to=eva%40example.org"' in page
        assert "leads to evil.example" in page and "&lt;b&gt;" in page
        assert "1 line of quoted text" not in page and "2 lines of quoted text" in page


async def test_the_header_explained(app: App) -> None:
    (number,) = Home(app.store).arrive(arrival(1, raw=GOOGLE)).ids
    given_user(app, "Kim")
    async with browsing(app) as browser:
        kim = browser()
        await kim.sign_in("Kim")
        page = (await kim.get(f"/inbox/{number}?view=headers")).text
        assert "Checked by mx.google.com" in page and "Did shop.example sign it" in page
        assert "encrypted (TLS)" in page and "can be forged" in page and "clocks differ" in page
        assert "Answers go to another address" in page and "other@elsewhere.example" in page
        german = (await kim.get(f"/inbox/{number}?view=headers", Accept_Language="de")).text
        assert "Der Weg, den sie nahm" in german and "vom Anbieter selbst" in german
