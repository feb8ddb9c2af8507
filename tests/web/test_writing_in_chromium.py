"""Writing in real Chromium: saved by itself, without a connection too, files dropped, two windows, sent with
a key and taken back; with real Dovecot the draft is on the server, and gone when the mail is sent.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from playwright.async_api import Browser as Chrome
from playwright.async_api import BrowserContext, FilePayload, Page

from eilbote.delivery.foresight import Forecast
from eilbote.delivery.values import Foreseen, SendState
from eilbote.engine.app import App
from eilbote.engine.identities import Saying, add_identity, change_identity
from eilbote.engine.read import is_whole
from eilbote.engine.setup import set_keep
from eilbote.engine.written import Content, Typed
from eilbote.errors import Problem
from eilbote.mail.keep import read_keep
from eilbote.mail.message import parse_message
from eilbote.store.values import Security, Server
from tests.engine.test_modes import with_attachment
from tests.engine.world import World, until, world
from tests.servers.dovecot import Dovecot
from tests.servers.ports import free_ports
from tests.store.given import Home
from tests.web.browser import PASSWORD, given_user, opened, shown
from tests.web.chromium import chromium
from tests.web.test_in_chromium import page_of, signed_in

DROP = """([name, text]) => {
  const data = new DataTransfer();
  data.items.add(new File([text], name, { type: "text/plain" }));
  const target = document.querySelector("[name=text]");
  for (const kind of ["dragenter", "dragover", "drop"])
    target.dispatchEvent(new DragEvent(kind, { dataTransfer: data, bubbles: true, cancelable: true }));
}"""
PASTE = """() => {
  const data = new DataTransfer();
  data.items.add(new File([new Uint8Array([137, 80, 78, 71])], "image.png", { type: "image/png" }));
  document.querySelector("[name=text]").dispatchEvent(
    new ClipboardEvent("paste", { clipboardData: data, bubbles: true, cancelable: true }));
}"""


@pytest.fixture
def app(tmp_path: Path) -> Iterator[App]:
    with opened(tmp_path) as (app, _):
        Home(app.store)
        given_user(app, "Kim")
        yield app


@asynccontextmanager
async def window(chrome: Chrome, address: str, **options: object) -> AsyncIterator[Page]:
    """A browser of its own, signed in; what goes wrong in its scripts fails the test."""
    context: BrowserContext = await chrome.new_context(locale="en-GB", **options)  # type: ignore[arg-type]
    page = await context.new_page()
    wrong: list[str] = []
    page.on("pageerror", lambda error: wrong.append(str(error)))
    await page.goto(f"{address}/sign-in")
    await page.fill("[name=name]", "Kim")
    await page.fill("[name=password]", PASSWORD)
    await page.click("button")
    await page.wait_for_url("**/inbox")
    yield page
    await context.close()
    assert wrong == []


async def saved(page: Page) -> None:
    await page.wait_for_selector("#said:has-text('Draft saved')")


async def test_typed_saved_reloaded_and_left(app: App) -> None:
    async with shown(app) as address, chromium() as chrome, window(chrome, address) as page:
        await page.goto(f"{address}/write")
        await page.fill("[name=subject]", "Brief")
        await page.locator("[name=text]").press_sequentially("Guten Tag,")
        await saved(page)
        assert "/write/" in page.url
        await page.reload()
        assert await page.input_value("[name=text]") == "Guten Tag,"
        # Left within the pause: the text goes along.
        await page.press("[name=text]", "Control+End")
        await page.locator("[name=text]").press_sequentially(" Max!")
        await page.goto(f"{address}/inbox")
        await until(lambda: "Guten Tag, Max!" in app.store.writings.get(1).content)
        assert len(app.store.writings.behind()) + len(app.store.messages.ids_of(1)) >= 1


async def test_enter_in_a_line_sends_nothing_and_ctrl_enter_sends_and_it_is_taken_back(app: App) -> None:
    async with shown(app) as address, chromium() as chrome, window(chrome, address) as page:
        await page.goto(f"{address}/write")
        await page.fill("[name=to]", "max@example.org")
        await page.fill("[name=subject]", "Brief")
        await page.press("[name=subject]", "Enter")
        await page.wait_for_url("**/write/*")
        assert app.store.outbox.all() == []
        await page.fill("[name=text]", "Im Anhang der Plan.")
        await page.press("[name=text]", "Control+Enter")
        await page.wait_for_selector("text=Take it back")
        assert "attachment" in await page.inner_text("main")
        await page.click("text=Take it back")
        await page.wait_for_selector("[name=text]")
        assert await page.input_value("[name=text]") == "Im Anhang der Plan."
        (mail,) = app.store.outbox.all()
        assert mail.state is SendState.CANCELLED


async def test_without_a_connection_it_says_so_and_goes_on_trying(app: App) -> None:
    async with shown(app) as address, chromium() as chrome, window(chrome, address) as page:
        await page.goto(f"{address}/write")
        await page.context.set_offline(True)
        await page.locator("[name=text]").press_sequentially("Im Zug geschrieben.")
        await page.wait_for_selector("#said:has-text('no connection')")
        assert await page.input_value("[name=text]") == "Im Zug geschrieben."
        await page.context.set_offline(False)
        await saved(page)
        assert "Im Zug geschrieben." in app.store.writings.get(1).content


async def test_signed_out_meanwhile_it_is_saved_after_signing_in_again(app: App) -> None:
    async with shown(app) as address, chromium() as chrome, window(chrome, address) as page:
        await page.goto(f"{address}/write")
        other = await page.context.new_page()
        await other.goto(f"{address}/inbox")
        await other.locator("form[action='/sign-out'] button").evaluate("button => button.form.submit()")
        await other.wait_for_url("**/sign-in")
        await page.locator("[name=text]").press_sequentially("Noch da.")
        await page.wait_for_selector("#said:has-text('signed out')")
        await other.fill("[name=name]", "Kim")
        await other.fill("[name=password]", PASSWORD)
        await other.click("button")
        await other.wait_for_url("**/inbox")
        await saved(page)
        assert "Noch da." in app.store.writings.get(1).content


async def test_files_are_dropped_chosen_pasted_and_removed(app: App) -> None:
    async with shown(app) as address, chromium() as chrome, window(chrome, address) as page:
        await page.goto(f"{address}/write")
        await page.fill("[name=to]", "max@example.org")
        await page.evaluate(DROP, ["<b>plan</b>.txt", "Der Plan"])
        await page.wait_for_selector(".files li")
        await page.set_input_files(
            "[type=file]", FilePayload(name="zwei.txt", mimeType="text/plain", buffer=b"Zwei")
        )
        await page.evaluate(PASTE)
        await page.wait_for_selector(".files li:nth-child(3)")
        names = await page.locator(".files .named").all_inner_texts()
        assert names == ["b_.txt", "zwei.txt", "image.png"]
        await page.locator(".files li").nth(1).locator("button").click()
        await page.wait_for_selector(".files li:nth-child(3)", state="detached")
        await page.fill("[name=text]", "Bitte.")
        await saved(page)
        await page.reload()
        assert await page.locator(".files .named").all_inner_texts() == ["b_.txt", "image.png"]
        await page.click("#send")
        await page.wait_for_selector("text=Take it back")
    assert len(app.store.outbox.all()) == 1


async def test_two_browsers_keep_both_texts_and_the_second_is_told(app: App) -> None:
    async with (
        shown(app) as address,
        chromium() as chrome,
        window(chrome, address) as one,
        window(chrome, address) as two,
    ):
        await one.goto(f"{address}/write")
        await one.fill("[name=text]", "Anfang.")
        await saved(one)
        await two.goto(one.url)
        await one.fill("[name=text]", "Vom ersten.")
        await until(lambda: "Vom ersten." in app.store.writings.get(1).content)
        await two.fill("[name=text]", "Vom zweiten.")
        await two.wait_for_selector("#said:has-text('another window')")
        assert two.url != one.url
        await two.press("[name=text]", "Control+End")
        await two.locator("[name=text]").press_sequentially(" Mehr.")
        await until(lambda: "Vom zweiten. Mehr." in app.store.writings.get(2).content)
        assert "Vom ersten." in app.store.writings.get(1).content


async def test_identities_bring_their_signatures_and_domains_are_asked_when_complete(
    app: App, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[str] = []

    async def foresee(_app: object, _around: object, addresses: list[str]) -> list[Forecast]:
        domain = addresses[0].partition("@")[2]
        asked.append(domain)
        return [Forecast(domain, Foreseen.ENCRYPTED, Problem("route.protected", {"domain": domain}))]

    monkeypatch.setattr("eilbote.engine.foreseeing.foresee", foresee)
    (account,) = app.store.accounts.all()
    change_identity(app, account, "anna@example.org", Saying(signature="Anna aus Köln"))
    add_identity(app, account, "shop@example.org", Saying(name="Laden", signature="Der Laden"))
    async with shown(app) as address, chromium() as chrome, window(chrome, address) as page:
        await page.goto(f"{address}/write")
        assert await page.is_visible("text=Anna aus Köln") and not await page.is_visible("text=Der Laden")
        await page.select_option("[name=sender]", "shop@example.org")
        assert await page.is_visible("text=Der Laden") and not await page.is_visible("text=Anna aus Köln")
        await page.uncheck("[name=sign]")
        assert not await page.is_visible("text=Der Laden")
        await page.locator("[name=to]").press_sequentially("max@example.or", delay=5)
        await page.wait_for_timeout(700)
        assert asked == []
        await page.locator("[name=to]").press_sequentially("g, eva@muenchen.de", delay=5)
        await page.wait_for_selector(".foreseen .proven")
        await page.wait_for_timeout(700)
        assert asked == ["example.org"]
        await page.press("[name=to]", "Tab")
        await page.wait_for_selector(".foreseen li:nth-child(2)")
        assert asked == ["example.org", "muenchen.de"]


async def test_on_a_phone_nothing_is_wider_than_it(app: App) -> None:
    phone = {"viewport": {"width": 390, "height": 844}, "is_mobile": True, "has_touch": True}
    async with shown(app) as address, chromium() as chrome, window(chrome, address, **phone) as page:
        for path in ("/write", "/write?to=max@example.org"):
            await page.goto(address + path)
            assert await page.evaluate("document.documentElement.scrollWidth") <= 390
            bar = await page.locator(".sendbar").bounding_box()
            assert bar is not None and bar["y"] + bar["height"] <= 845


def with_drafts(here: World) -> None:
    """A mailbox for drafts on the server, and a submission server that nobody answers at."""
    (port,) = free_ports(1)
    with here.server.imap(here.user) as client:
        client.create("Drafts")
    here.app.store.accounts.update(here.account.id, smtp=Server("127.0.0.1", port, Security.NONE))


async def test_the_draft_is_on_the_server_and_gone_when_the_mail_is_sent(
    dovecot: Dovecot, tmp_path: Path
) -> None:
    with world(dovecot, tmp_path / "home") as here:
        with_drafts(here)

        def drafts() -> list[bytes]:
            return [raw for _, raw in here.truth().get("Drafts", {}).values()]

        with page_of(tmp_path / "home") as link:
            async with chromium() as browser:
                page = await browser.new_page(locale="en-GB")
                own = await signed_in(page, link)
                await page.goto(own + "/write")
                await page.fill("[name=to]", "max@example.org")
                await page.fill("[name=subject]", "Entwurf")
                await page.fill("[name=text]", "Erste Fassung.")
                await saved(page)
                await until(lambda: any(b"Erste Fassung." in raw for raw in drafts()))
                await page.fill("[name=text]", "Zweite Fassung.")
                await page.click(".sendbar [value=save]")
                await until(lambda: [b"Zweite Fassung." in raw for raw in drafts()] == [True])
                await page.goto(own + "/inbox")
                await page.goto(own + "/write?draft=" + str(next(iter(here.ids("Drafts").values()))))
                assert await page.input_value("[name=text]") == "Zweite Fassung."
                await page.click("#send")
                await page.wait_for_selector("text=Take it back")
                await until(lambda: drafts() == [])
                await page.click("text=Take it back")
                await page.wait_for_selector("[name=text]")
                await until(lambda: [b"Zweite Fassung." in raw for raw in drafts()] == [True])


SAVES = """async (count) => {
  const form = document.querySelector("#write-form");
  for (let number = 1; number <= count; number += 1) {
    form.elements.namedItem("text").value = `Satz ${number}.`;
    const data = new FormData(form);
    data.delete("file");
    data.set("do", "keep");
    const answer = await fetch("/write/save", { method: "POST", body: data });
    const told = await answer.json();
    form.elements.namedItem("writing").value = told.writing;
    form.elements.namedItem("version").value = told.version;
  }
}"""


async def test_fifty_saves_are_few_uploads(dovecot: Dovecot, tmp_path: Path) -> None:
    with world(dovecot, tmp_path / "home") as here:
        with_drafts(here)

        def uploads() -> int:
            """How many mails the server was ever given: each took a number."""
            with here.server.imap(here.user) as client:
                answer = client.status("Drafts", "(UIDNEXT)")[1][0]
            assert isinstance(answer, bytes)
            return int(answer.split()[-1].rstrip(b")")) - 1

        with page_of(tmp_path / "home") as link:
            async with chromium() as browser:
                page = await browser.new_page(locale="en-GB")
                own = await signed_in(page, link)
                await page.goto(own + "/write")
                await page.evaluate(SAVES, 50)
                await until(lambda: uploads() > 0)
                await page.click(".sendbar [value=save]")
                await until(lambda: any(b"Satz 50." in raw for _, raw in here.truth()["Drafts"].values()))
                await until(lambda: len(here.truth()["Drafts"]) == 1)
                assert uploads() <= 3


async def test_what_is_held_in_part_is_fetched_by_who_serves(dovecot: Dovecot, tmp_path: Path) -> None:
    with world(dovecot, tmp_path / "home") as here:
        with_drafts(here)
        with here.server.imap(here.user) as client:
            client.append("INBOX", "", "", with_attachment(1))
        set_keep(here.app, here.account.address, read_keep("headers"))
        with page_of(tmp_path / "home") as link:
            async with chromium() as browser:
                page = await browser.new_page(locale="en-GB")
                own = await signed_in(page, link)
                await until(lambda: len(here.held().get("INBOX", {})) == 1)
                (number,) = here.ids().values()
                assert not is_whole(here.app, str(number))
                await page.goto(f"{own}/write?forwards={number}&attached=1")
                await page.wait_for_selector(".files li")
                await page.fill("[name=to]", "max@example.org")
                await page.fill("[name=text]", "Sieh an.")
                await page.click("#send")
                await page.wait_for_selector("text=Take it back")
        (queued,) = here.app.store.outbox.all()
        (file,) = parse_message(here.app.store.outbox.raw(queued.id)).attachments
        assert file.body() == with_attachment(1)


async def test_what_a_killed_process_had_saved_the_next_one_shows(dovecot: Dovecot, tmp_path: Path) -> None:
    with world(dovecot, tmp_path / "home") as here:
        with_drafts(here)
        content = Content(Typed(here.account.address, subject="Entwurf", text="Gerettet.")).as_text()
        now = here.app.clock.now()
        here.app.store.writings.begin(here.account.id, "k", "k", content, [], now)
        with page_of(tmp_path / "home"):
            await until(
                lambda: any(b"Gerettet." in raw for _, raw in here.truth().get("Drafts", {}).values())
            )
