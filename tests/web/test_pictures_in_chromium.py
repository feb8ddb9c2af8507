"""Pictures from elsewhere in a real browser: it shows them, and never asks anybody but us for anything."""

from __future__ import annotations

from pathlib import Path

from tests.net.test_picture import serving
from tests.store.given import Home, arrival
from tests.web.browser import PASSWORD, given_user, opened, shown
from tests.web.chromium import chromium
from tests.web.test_reading_page import loopback, newsletter


async def test_the_browser_asks_only_us(tmp_path: Path) -> None:
    with opened(tmp_path) as (app, _):
        async with serving() as server, shown(app, loopback(app)) as url, chromium() as browser:
            (number,) = Home(app.store).arrive(arrival(1, raw=newsletter(server.port))).ids
            given_user(app, "Kim")
            page = await (await browser.new_context(locale="en-GB")).new_page()
            asked: list[str] = []
            page.on("request", lambda request: asked.append(request.url))
            await page.goto(f"{url}/sign-in")
            await page.fill("[name=name]", "Kim")
            await page.fill("[name=password]", PASSWORD)
            await page.click("button")
            await page.wait_for_url("**/inbox")
            await page.goto(f"{url}/inbox/{number}")
            frame = page.frame_locator("iframe.letter")
            assert await frame.locator("img").count() == 5 and server.asked == []
            await page.get_by_role("link", name="Show pictures").click()
            await frame.get_by_text("1 tracking pixel was left out.").wait_for()
            widths = await frame.locator("img").evaluate_all("all => all.map(one => one.naturalWidth)")
            assert sorted(widths) == [0, 0, 0, 20, 20]
            assert [one for one in asked if not one.startswith((url, "data:"))] == []
            assert server.asked and all("Mozilla/5.0\r\n" in head for head in server.asked)
            await page.get_by_role("button", name="Always of news@shop.example").click()
            await page.get_by_text("are always fetched").wait_for()
