"""Lists in real Chromium: what is done without a reload, by mouse and by keys alone."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from playwright.async_api import Browser, Page, expect

from eilbote.engine.app import App
from eilbote.engine.indexing import index_all
from eilbote.engine.send import Envelope, Handling, queue_mail
from eilbote.mail.mailbox import FLAGGED, SEEN, MailboxName, SpecialUse
from eilbote.store.values import ListedMailbox, Placement
from tests.store.given import Home, arrival, raw_mail
from tests.web.browser import PASSWORD, given_user, opened, shown
from tests.web.chromium import chromium


@pytest.fixture
def app(tmp_path: Path) -> Iterator[App]:
    with opened(tmp_path) as (app, _):
        yield app


def given_home(app: App, mails: int) -> Home:
    home = Home(app.store)
    trash = ListedMailbox(MailboxName("Papierkorb"), role=SpecialUse.TRASH)
    projects = ListedMailbox(MailboxName("Projekte"))
    app.store.mailboxes.upsert(home.account, [trash, projects])
    home.arrive(*(arrival(uid) for uid in range(1, mails + 1)))
    index_all(app.store)
    given_user(app, "Kim")
    return home


def newest(app: App, home: Home) -> Placement:
    """The first mail of the inbox."""
    return app.store.messages.page([home.inbox], None, 1)[0][0]


def named(app: App, home: Home, name: str) -> int:
    return next(box.id for box in app.store.mailboxes.all(home.account) if box.name == name)


async def signed_in(browser: Browser, url: str, **context: object) -> tuple[Page, list[str]]:
    """The inbox, and every error that the page has from now on."""
    page = await browser.new_page(locale="en-GB", viewport={"width": 1360, "height": 860}, **context)  # type: ignore[arg-type]
    wrong: list[str] = []
    page.on("pageerror", lambda error: wrong.append(str(error)))
    await page.goto(url + "/sign-in")
    await page.fill("[name=name]", "Kim")
    await page.fill("[name=password]", PASSWORD)
    await page.click("main button")
    await page.wait_for_url("**/inbox")
    return page, wrong


@asynccontextmanager
async def inbox(app: App) -> AsyncIterator[tuple[Page, list[str], str]]:
    async with shown(app) as url, chromium() as browser:
        page, wrong = await signed_in(browser, url)
        yield page, wrong, url


async def test_a_mail_opens_beside_a_list_that_stays_as_it_is(app: App) -> None:
    given_home(app, 60)
    async with inbox(app) as (page, wrong, _):
        await page.evaluate("window.same = true")
        await page.locator(".list").evaluate("list => list.scrollTop = 900")
        await page.click("text=Brief 40")
        await expect(page.locator("main.mail h1")).to_have_text("Brief 40")
        assert await page.locator(".list").evaluate("list => list.scrollTop") == 900
        assert "Brief 40" in await page.title()
        assert await page.evaluate("document.activeElement.textContent") == "Brief 40"
        await expect(page.locator(".row.open")).to_have_count(1)
        await expect(page.locator(".row.open.new")).to_have_count(0)
        await page.keyboard.press("j")
        await expect(page.locator("main.mail h1")).to_have_text("Brief 39")
        await page.go_back()
        await expect(page.locator("main.mail h1")).to_have_text("Brief 40")
        await expect(page.locator("main")).to_have_count(1)
        await page.go_back()
        await expect(page.locator(".mail.none")).to_be_visible()
        await expect(page.locator("main.list#main")).to_have_count(1)
        assert await page.evaluate("window.same") is True
        assert wrong == []


async def test_keys_lead_through_a_conversation(app: App) -> None:
    home = given_home(app, 1)
    home.arrive(
        arrival(2, flags=[SEEN], references=["1@example.org"]),
        arrival(3, flags=[SEEN], references=["1@example.org"]),
    )
    async with inbox(app) as (page, wrong, _):
        await page.click("text=Brief 2")
        await expect(page.locator("main.mail h1")).to_have_text("Brief 2")
        await page.keyboard.press("n")
        await expect(page.locator("main.mail h1")).to_have_text("Brief 3")
        await page.keyboard.press("p")
        await expect(page.locator("main.mail h1")).to_have_text("Brief 2")
        assert wrong == []


async def test_acts_by_keys_alone_with_a_range_and_their_undo(app: App) -> None:
    home = given_home(app, 12)
    async with inbox(app) as (page, wrong, _):
        await page.keyboard.press("j")
        for _ in range(2):
            await page.keyboard.press("Shift+J")
        await expect(page.locator("#chosen .count")).to_have_text("3 chosen")
        await page.click('[data-choose="move"]')
        await page.keyboard.type("proj")
        await page.keyboard.press("Enter")
        await expect(page.locator("#said")).to_contain_text("3 mails: Moved.")
        await expect(page.locator(".row")).to_have_count(9)
        assert len(app.store.messages.held_flags(home.inbox)) == 9
        await page.keyboard.press("z")
        await expect(page.locator("#said")).to_contain_text("Taken back.")
        await expect(page.locator(".row")).to_have_count(12)
        await page.locator(".row a").first.focus()
        await page.keyboard.press("l")
        await page.keyboard.type("Grüße")
        await page.keyboard.press("Enter")
        await expect(page.locator(".row .chip")).to_have_text("Grüße")
        assert "Gr&APwA3w-e" in newest(app, home).flags
        await expect(page.locator(".boxes .labels")).to_contain_text("Grüße")
        await page.keyboard.press("s")
        await expect(page.locator(".row .star")).to_have_count(1)
        assert FLAGGED in newest(app, home).flags
        await page.keyboard.press("*")
        await expect(page.locator("#chosen .count")).to_have_text("12 chosen")
        await page.keyboard.press("Escape")
        await expect(page.locator("#chosen .count")).to_have_text("")
        await page.keyboard.press("g")
        await page.keyboard.press("a")
        await page.wait_for_url("**/all")
        assert wrong == []


async def test_rows_are_dragged_onto_a_mailbox_and_brought_back(app: App) -> None:
    home = given_home(app, 8)
    async with inbox(app) as (page, wrong, _):
        await page.locator(".row input").nth(0).click()
        await page.locator(".row input").nth(3).click(modifiers=["Shift"])
        await expect(page.locator("#chosen .count")).to_have_text("4 chosen")
        await page.drag_and_drop(".row:nth-child(2) .who", '.boxes a[data-name="Projekte"]')
        await expect(page.locator("#said")).to_contain_text("4 mails: Moved.")
        await expect(page.locator(".row")).to_have_count(4)
        assert app.store.mailboxes.get(named(app, home, "Projekte")).messages == 4
        await page.click("#said button")
        await expect(page.locator(".row")).to_have_count(8)
        await page.drag_and_drop(".row:nth-child(1) .who", '.boxes a[data-name="Papierkorb"]')
        await expect(page.locator(".row")).to_have_count(7)
        assert wrong == []


async def test_search_follows_what_is_typed_and_offers_what_can_be_asked(app: App) -> None:
    given_home(app, 30)
    async with inbox(app) as (page, wrong, _):
        await page.keyboard.press("/")
        await page.keyboard.type("brie")
        await expect(page.locator(".found")).to_have_text("30 mails found")
        assert page.url.endswith("/search?q=brie")
        await page.keyboard.type("f 17")
        await expect(page.locator(".row")).to_have_count(1)
        assert page.url.endswith("/search?q=brief%2017")
        assert await page.evaluate("document.activeElement.value") == "brief 17"
        async with page.expect_response("**/search?*"):
            await page.keyboard.type(" is")
        await page.wait_for_timeout(200)  # what may become an operator finds nothing, and that is not said
        assert await page.locator(".row").count() == 1
        await page.keyboard.type(":")
        await page.keyboard.press("ArrowDown")
        await page.keyboard.press("Tab")
        assert await page.input_value("[type=search]") == "brief 17 is:unread "
        await expect(page.locator(".found")).to_have_text("1 mail found")
        await page.fill("[type=search]", "from:ma")
        await page.locator("#search-hints li").first.wait_for()
        await page.keyboard.press("ArrowDown")
        await page.keyboard.press("Enter")
        assert await page.input_value("[type=search]") == "from:Max@Example.org "
        await expect(page.locator(".found")).to_have_text("30 mails found")
        await page.click("text=Brief 5")
        await expect(page.locator("main.mail h1")).to_have_text("Brief 5")
        assert wrong == []


async def test_what_is_done_without_a_connection_is_refused_and_said(app: App) -> None:
    home = given_home(app, 5)
    async with inbox(app) as (page, _, _):
        await page.context.set_offline(True)
        await expect(page.locator("#offline")).to_be_visible()
        await page.locator(".row input").first.click()
        await page.click('#chosen [value="delete"]')
        await expect(page.locator("#failed")).to_contain_text("nothing was done")
        await expect(page.locator(".row input:checked")).to_have_count(1)
        assert len(app.store.messages.held_flags(home.inbox)) == 5
        home.arrive(arrival(6))
        await page.context.set_offline(False)
        await expect(page.locator("#offline")).to_be_hidden(timeout=15_000)
        await expect(page.locator(".row")).to_have_count(6)
        await expect(page.locator(".row input:checked")).to_have_count(1)


async def test_two_browsers_see_what_the_other_does(app: App) -> None:
    given_home(app, 5)
    async with shown(app) as url, chromium() as browser:
        (one, _), (other, _) = await signed_in(browser, url), await signed_in(browser, url)
        await other.locator(".row input").nth(2).click()
        await other.locator(".row a").nth(2).focus()
        await one.locator(".row input").first.click()
        await one.click('#chosen [value="delete"]')
        await expect(other.locator(".row")).to_have_count(4)
        await expect(other.locator(".row input:checked")).to_have_count(1)
        assert await other.evaluate("document.activeElement.closest('.row')?.textContent.includes('Brief 3')")


async def test_five_thousand_rows_come_as_they_are_scrolled_to(app: App) -> None:
    home = given_home(app, 5000)
    async with inbox(app) as (page, wrong, _):
        while await page.locator(".row").count() < 5000:
            rows = await page.locator(".row").count()
            await page.locator(".list").evaluate("list => list.scrollTop = list.scrollHeight")
            while await page.locator(".row").count() == rows:
                await page.wait_for_timeout(20)
        ids = await page.evaluate("[...document.querySelectorAll('.row')].map((row) => row.dataset.id)")
        assert len(set(ids)) == 5000
        await page.locator(".list").evaluate("list => list.scrollTop = list.scrollHeight / 2")
        await page.wait_for_timeout(200)
        middle = await page.evaluate(
            "document.elementFromPoint(450, 500).closest('.row').querySelector('.what').textContent.trim()"
        )
        home.arrive(arrival(6000))
        await expect(page.locator(".row")).to_have_count(5001)
        await page.wait_for_timeout(300)
        assert middle == await page.evaluate(
            "document.elementFromPoint(450, 500).closest('.row').querySelector('.what').textContent.trim()"
        )
        assert wrong == []


async def test_the_outbox_renews_itself(app: App) -> None:
    given_home(app, 1)
    (anna,) = app.store.accounts.all()
    async with inbox(app) as (page, wrong, url):
        await page.goto(url + "/outbox")
        await expect(page.locator("main")).to_contain_text("The outbox is empty.")
        envelope = Envelope(anna.address, ("max@example.org",))
        sent = queue_mail(app, anna, raw_mail(1), envelope, Handling())
        await expect(page.locator("main")).to_contain_text("Brief 1")
        await page.click("text=Brief 1")
        await expect(page.locator("main")).to_contain_text("It waits to be sent.")
        with app.store.database.write() as session:
            session.run("UPDATE outgoing SET state = 'cancelled' WHERE id = ?", (sent.id,))
        await expect(page.locator("main")).to_contain_text("It was taken back and is not sent.")
        assert wrong == []


async def test_opened_mail_is_read_and_can_be_marked_unread(app: App) -> None:
    home = given_home(app, 3)
    async with inbox(app) as (page, wrong, _):
        await page.click("text=Brief 2")
        await expect(page.locator("main.mail h1")).to_have_text("Brief 2")
        assert SEEN in home.flags_at(2)
        await page.keyboard.press("Shift+U")
        await expect(page.locator(".mail.none")).to_be_visible()
        await expect(page.locator(".row.new")).to_have_count(3)
        assert SEEN not in home.flags_at(2)
        assert wrong == []
