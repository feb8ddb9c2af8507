"""The hostile vectors in a real browser: the sanitiser alone, without frame and policy, lets nothing run and
nothing be asked for.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import pytest
from playwright.async_api import Error, Page

from eilbote.mail.harmless_html import harmless_html
from tests.messages.hostile_html import vectors
from tests.messages.pictures import png
from tests.web.chromium import chromium

_LIVELY = ("<img", "<script", "<video", "<audio", "<p ", "<b ", "<table", "<div", "<input", "<svg", "<x ")


class _Everything(Mapping[str, bytes]):
    """A picture under every address: as if all that a mail asks for had been fetched."""

    def __getitem__(self, _address: str) -> bytes:
        return png()

    def __iter__(self) -> Iterator[str]:
        return iter(())

    def __len__(self) -> int:
        return 1


@pytest.mark.parametrize("pictures", [{}, _Everything()], ids=["without pictures", "with pictures"])
async def test_zero_scripts_and_zero_requests(pictures: Mapping[str, bytes]) -> None:
    async with chromium() as browser:
        context = await browser.new_context()
        page = await context.new_page()
        asked: list[str] = []
        page.on("request", lambda request: asked.append(request.url))
        # The browser must be able to fail: as they come they run and load.
        wild = [await ran_wild(page, one) for one in vectors() if one.startswith(_LIVELY)]
        assert sum(wild) >= 15 and len(asked) >= 10, (sum(wild), len(asked))
        asked.clear()
        tamed: list[str] = []
        for vector in vectors():
            html = vector.replace("src=x", "src=http://evil.invalid/p.png") if pictures else vector
            harmless = harmless_html(html, {}, pictures)
            assert harmless is not None
            tamed.append(harmless.html)
        shown = sum("data:image/png" in one for one in tamed)
        assert shown >= 5 if pictures else shown == 0
        for begin in range(0, len(tamed), 40):
            assert await ran(page, "<hr>".join(tamed[begin : begin + 40])) == 0
        assert [address for address in asked if not address.startswith(("data:", "about:"))] == []
        await context.close()


async def ran_wild(page: Page, html: str) -> int:
    """The same for HTML that may lead away from the page, which counts too."""
    try:
        return await ran(page, html)
    except Error:
        return 1


async def ran(page: Page, html: str) -> int:
    """How often a script ran when this was shown and every part of it was touched."""
    await page.goto("about:blank")
    # Not awaited for all that it loads: much of it never ends.
    await page.set_content(f"<!doctype html><body>{html}", wait_until="commit")
    return int(
        await page.evaluate(
            """async () => {
                for (const one of document.querySelectorAll("body *"))
                    for (const kind of ["click", "mouseover", "focus", "copy", "wheel"])
                        one.dispatchEvent(new Event(kind));
                await new Promise(done => setTimeout(done, 0));
                return typeof window.ran === "number" ? window.ran : +!!window.ran;
            }"""
        )
    )
