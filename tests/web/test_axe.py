"""No page, in no state, language, theme and size, breaks a rule of WCAG 2.2 (A, AA) or of good practice that
axe can check; and no page is left out of this test.
"""

from __future__ import annotations

from pathlib import Path

import pytest
from axe_playwright_python.base import AXE_SCRIPT  # type: ignore[import-untyped]
from playwright.async_api import Error, Page

from tests.web.browser import shown
from tests.web.chromium import chromium
from tests.web.furnished import furnished
from tests.web.pages import NO_PAGES, SHOWN, Shown, page_routes
from tests.web.visiting import DESKTOP, PHONE, People, Size, lead

_RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
# Mail is its sender's: what is inside of the frame is judged by the page "letter" alone.
# Of rows that are alike the first ones count for all.
_RUN = """async only => {
  const found = await axe.run({ exclude: [[".row:nth-child(n + 8)"]] }, {
    runOnly: only, iframes: false, preload: false, resultTypes: ["violations"],
  });
  return found.violations.map(({ id, nodes }) => {
    const why = [...nodes[0].any, ...nodes[0].all, ...nodes[0].none].map(one => one.message);
    return `${id}, ${nodes.length} times, such as ${nodes[0].html.slice(0, 200)} (${why})`;
  });
}"""
_SENDERS = {"heading-order", "page-has-heading-one", "landmark-one-main", "region", "color-contrast"}
"""Rules that the mail itself would have to keep."""


def test_no_page_is_left_out() -> None:
    assert {one.route for one in SHOWN} | set(NO_PAGES) == page_routes()


@pytest.mark.timeout(600)
@pytest.mark.parametrize(("locale", "size"), [("de-DE", DESKTOP), ("en-GB", PHONE)])
async def test_every_page_is_accessible(locale: str, size: Size, tmp_path: Path) -> None:
    async with furnished(tmp_path) as home, shown(home.app) as own, chromium() as browser:
        people = People(browser, own, locale, size)
        wrong: list[str] = []
        for one in SHOWN:
            page = await people.page_of(one.who)
            try:
                await lead(page, own, home, one)
                await page.evaluate(AXE_SCRIPT)
                wrong += [f"{one.name}, {what}" for what in await broken(page, one)]
            except Error as error:
                wrong.append(f"{one.name} cannot be reached: {error}")
            await page.close()
        assert wrong == [], "\n".join(wrong)


async def broken(page: Page, one: Shown) -> list[str]:
    """What axe finds in either theme, which changes nothing but colours."""
    await page.emulate_media(color_scheme="light")
    found: list[str] = await page.evaluate(_RUN, {"type": "tag", "values": _RULES})
    await page.emulate_media(color_scheme="dark")
    found += await page.evaluate(_RUN, {"type": "rule", "values": ["color-contrast"]})
    return [what for what in found if one.name != "letter" or what.partition(",")[0] not in _SENDERS]
