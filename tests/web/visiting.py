"""People in front of the furnished home's pages: each with a browser profile of their own, signed in."""

from __future__ import annotations

from playwright.async_api import Browser, BrowserContext, Page

from eilbote.engine.sign_in import SignIns
from tests.web.browser import PASSWORD
from tests.web.furnished import Furnished
from tests.web.pages import Shown

Size = tuple[int, int]
"""Width and height in CSS pixels."""

DESKTOP: Size = (1360, 860)
PHONE: Size = (390, 844)


class People:
    """A browser profile for each person, signed in once."""

    def __init__(self, browser: Browser, own: str, locale: str, size: Size) -> None:
        self._browser, self._own, self._locale, self._size = browser, own, locale, size
        self._contexts: dict[str, BrowserContext] = {}

    async def page_of(self, who: str) -> Page:
        if who not in self._contexts:
            # Without motion: a colour on its way would be judged.
            self._contexts[who] = await self._browser.new_context(
                locale=self._locale,
                viewport={"width": self._size[0], "height": self._size[1]},
                reduced_motion="reduce",
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
