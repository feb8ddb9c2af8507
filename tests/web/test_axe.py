"""No page, in no state, language, theme and size, breaks a rule of WCAG 2.2 (A, AA) or of good practice that
axe can check; and no page is left out of this test.
"""

from __future__ import annotations

from pathlib import Path

import pytest
from axe_playwright_python.base import AXE_SCRIPT  # type: ignore[import-untyped]
from playwright.async_api import Browser, BrowserContext, Error, Page, ViewportSize

from eilbote.engine.sign_in import SignIns
from tests.web.browser import PASSWORD, shown
from tests.web.chromium import chromium
from tests.web.furnished import Furnished, furnished
from tests.web.pages import NO_PAGES, SHOWN, Shown, page_routes

_RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
_DESKTOP, _PHONE = (1360, 860), (390, 844)
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


@pytest.mark.timeout(400)
@pytest.mark.parametrize(("locale", "size"), [("de-DE", _DESKTOP), ("en-GB", _PHONE)])
async def test_every_page_is_accessible(locale: str, size: tuple[int, int], tmp_path: Path) -> None:
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


class People:
    """A browser profile for each person, signed in once."""

    def __init__(self, browser: Browser, own: str, locale: str, size: tuple[int, int]) -> None:
        self._browser, self._own, self._locale, self._size = browser, own, locale, size
        self._contexts: dict[str, BrowserContext] = {}

    async def page_of(self, who: str) -> Page:
        if who not in self._contexts:
            # Without motion: a colour on its way would be judged.
            self._contexts[who] = await self._browser.new_context(
                locale=self._locale, viewport=sized(self._size), reduced_motion="reduce"
            )
            if who:
                page = await self._contexts[who].new_page()
                await page.goto(f"{self._own}/sign-in")
                await page.fill("[name=name]", who)
                await page.fill("[name=password]", PASSWORD)
                await page.click("button")
                await page.wait_for_url("**/inbox")
                await page.close()
        page = await self._contexts[who].new_page()
        page.set_default_timeout(10_000)
        return page


def sized(size: tuple[int, int]) -> ViewportSize:
    return {"width": size[0], "height": size[1]}


async def lead(page: Page, own: str, home: Furnished, one: Shown) -> None:
    """Opens the page and brings it into its state."""
    ids = dict(home.ids)
    if "{link}" in one.path:
        ids["link"] = SignIns(home.app).open_link(always=True) or ""
    if "{password}" in one.path:
        ids["password"] = SignIns(home.app).password_link(int(ids["user"]))
    await page.goto(own + one.path.format(**ids))
    if one.then is not None:
        await one.then(page)


async def broken(page: Page, one: Shown) -> list[str]:
    """What axe finds in either theme, which changes nothing but colours."""
    await page.emulate_media(color_scheme="light")
    found: list[str] = await page.evaluate(_RUN, {"type": "tag", "values": _RULES})
    await page.emulate_media(color_scheme="dark")
    found += await page.evaluate(_RUN, {"type": "rule", "values": ["color-contrast"]})
    return [what for what in found if one.name != "letter" or what.partition(",")[0] not in _SENDERS]
