"""The page in real Chromium against `serve` with real Dovecot: sign in, read, act, undo; hostile mail in its
frame; German on a phone.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from email.message import EmailMessage
from pathlib import Path

from playwright.async_api import BrowserContext, Page

from tests.engine.world import mail, until, world
from tests.messages.hostile_html import vectors
from tests.servers.dovecot import Dovecot
from tests.web.browser import PASSWORD
from tests.web.chromium import chromium


@contextmanager
def page_of(home: Path) -> Iterator[str]:
    """`eilbote serve` with its page; gives the link for the first user, or its address."""
    environment = os.environ | {
        "EILBOTE_HOME": str(home),
        "EILBOTE_KEY_FILE": str(home.parent / "key"),
        "PYTHONUNBUFFERED": "1",
    }
    command = [str(Path(sys.executable).with_name("eilbote")), "serve", "--json", "--listen", "127.0.0.1:0"]
    with subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        try:
            link = ""
            while not link:
                told = json.loads(process.stdout.readline())
                link = (told["link"] or told["address"]) if told["event"] == "page_opened" else ""
            # What is told later is read by nobody: the pipe must not fill.
            drain = subprocess.Popen(["cat"], stdin=process.stdout, stdout=subprocess.DEVNULL)
            yield link
        finally:
            process.terminate()
            process.wait(30)
    drain.wait(30)


def hostile() -> bytes:
    """Every vector in one mail."""
    made = EmailMessage()
    made["From"] = "Eve <eve@example.org>"
    made["Subject"] = "<script>window.ran=1</script>"
    made["Message-ID"] = "<hostile@example.org>"
    made.set_content("<p>Harmlos</p>" + "<hr>".join(vectors()), subtype="html")
    return made.as_bytes().replace(b"\n", b"\r\n")


def strangers(context: BrowserContext, own: str) -> list[str]:
    """Fills with every address that is asked for and not ours."""
    asked: list[str] = []
    context.on(
        "request",
        lambda request: asked.append(request.url) if not request.url.startswith((own, "data:")) else None,
    )
    return asked


async def signed_in(page: Page, link: str) -> str:
    """Through the link to the inbox; gives the address of the page."""
    await page.goto(link)
    await page.fill("[name=name]", "Kim")
    await page.fill("[name=password]", PASSWORD)
    await page.click("button")
    await page.wait_for_url("**/inbox")
    return page.url.removesuffix("/inbox")


async def test_mail_is_read_moved_and_brought_back_on_the_server(dovecot: Dovecot, tmp_path: Path) -> None:
    with world(dovecot, tmp_path / "home") as here:
        with here.server.imap(here.user) as client:
            client.create("Archive")
            for number in (1, 2):
                client.append("INBOX", "", "", mail(number))
        with page_of(tmp_path / "home") as link:
            async with chromium() as browser:
                page = await browser.new_page(locale="en-GB")
                asked = strangers(page.context, link.split("/link/", maxsplit=1)[0])
                own = await signed_in(page, link)
                await until(lambda: len(here.held().get("INBOX", {})) == 2)
                await page.goto(own + "/inbox")
                await page.click("text=Nachricht 1")
                assert "Text der Nachricht 1." in await page.inner_text("pre.letter")
                await until(lambda: "\\Seen" in flags(here.truth()["INBOX"], b"Nachricht 1"))
                await page.click(".mail >> text=Archive")
                await page.wait_for_selector("text=Archived.")
                await until(lambda: len(here.truth().get("Archive", {})) == 1)
                await page.click("text=Undo")
                await until(lambda: len(here.truth().get("INBOX", {})) == 2)
                await page.goto(own + "/search?q=nachricht+2")
                assert await page.locator(".row").count() == 1
                assert asked == []


def flags(mails: dict[int, tuple[frozenset[str], bytes]], words: bytes) -> frozenset[str]:
    """The flags of the mail with these words."""
    return next(flags for flags, raw in mails.values() if words in raw)


async def test_a_hostile_mail_runs_nothing_and_asks_for_nothing(dovecot: Dovecot, tmp_path: Path) -> None:
    with world(dovecot, tmp_path / "home") as here:
        with here.server.imap(here.user) as client:
            client.append("INBOX", "", "", hostile())
        with page_of(tmp_path / "home") as link:
            async with chromium() as browser:
                context = await browser.new_context(
                    locale="de-DE", viewport={"width": 390, "height": 800}, is_mobile=True, has_touch=True
                )
                page = await context.new_page()
                asked = strangers(context, link.split("/link/", maxsplit=1)[0])
                own = await signed_in(page, link)
                await until(lambda: len(here.held().get("INBOX", {})) == 1)
                await page.goto(own + "/inbox")
                await page.tap(".row a")
                frame = page.frame_locator("iframe.letter")
                await frame.locator("text=Harmlos").wait_for()
                await page.wait_for_load_state("networkidle")
                assert await page.evaluate("window.ran || 0") == 0
                assert asked == []
                assert await page.inner_text("h1 >> nth=-1") == "<script>window.ran=1</script>"
                assert "Eingang" in await page.inner_text(".back")
                # Nothing is wider than the phone.
                assert await page.evaluate("document.documentElement.scrollWidth") <= 390
                # The frame has no origin: it reads neither our page nor our cookies.
                inside = next(one for one in page.frames if one.url.endswith("/html"))
                assert await inside.evaluate("window.origin") == "null"
                await context.close()


async def test_new_mail_appears_by_itself_and_keys_work(dovecot: Dovecot, tmp_path: Path) -> None:
    with world(dovecot, tmp_path / "home") as here:
        with here.server.imap(here.user) as client:
            client.create("Archive")
            client.append("INBOX", "", "", mail(1))
        with page_of(tmp_path / "home") as link:
            async with chromium() as browser:
                page = await browser.new_page(locale="en-GB")
                wrong: list[str] = []
                page.on("pageerror", lambda error: wrong.append(str(error)))
                page.on("console", lambda said: wrong.append(said.text) if said.type == "error" else None)
                await signed_in(page, link)
                await page.wait_for_selector("text=Nachricht 1")
                with here.server.imap(here.user) as client:
                    client.append("INBOX", "", "", mail(2))
                await page.wait_for_selector("text=Nachricht 2")
                await page.keyboard.press("?")
                assert await page.is_visible("#keys")
                await page.keyboard.press("Escape")
                await page.keyboard.press("j")
                await page.keyboard.press("Enter")
                await page.wait_for_selector("main.mail")
                await page.keyboard.press("j")
                await page.wait_for_selector(".row:nth-child(2).open")
                subject = await page.inner_text("main.mail h1")
                await page.keyboard.press("e")
                await page.wait_for_selector("text=Archived.")
                await until(lambda: len(here.truth().get("Archive", {})) == 1)
                await page.keyboard.press("z")
                await page.wait_for_selector(f"text={subject}")
                await until(lambda: len(here.truth().get("INBOX", {})) == 2)
                await page.keyboard.press("/")
                await page.keyboard.type("nachricht 2")
                await page.keyboard.press("Enter")
                await page.wait_for_url("**/search?q=*")
                assert wrong == []


async def test_labels_go_to_the_server_and_come_from_it(dovecot: Dovecot, tmp_path: Path) -> None:
    with world(dovecot, tmp_path / "home") as here:
        with here.server.imap(here.user) as client:
            client.append("INBOX", "", "", mail(1))
            client.append("INBOX", "", "", mail(2))
        with page_of(tmp_path / "home") as link:
            async with chromium() as browser:
                page = await browser.new_page(locale="de-DE")
                await signed_in(page, link)
                await page.wait_for_selector("text=Nachricht 2")
                await page.click("text=Nachricht 1")
                await page.wait_for_selector("main.mail")
                await page.keyboard.press("l")
                await page.keyboard.type("Küche")
                await page.keyboard.press("Enter")
                await page.wait_for_selector("main.mail .chip >> text=Küche")
                await until(lambda: "K&APw-che" in flags(here.truth()["INBOX"], b"Nachricht 1"))
                with here.server.imap(here.user) as client:
                    client.select("INBOX")
                    client.store("2", "+FLAGS", "($label1 Urlaub)")
                    client.store("1", "-FLAGS", "(K&APw-che)")
                await page.wait_for_selector(".row >> text=Urlaub")
                assert "Wichtig" in await page.inner_text(".row:has-text('Nachricht 2')")
                await page.wait_for_selector(".row:has-text('Nachricht 1'):not(:has(.chip))")
                await page.click(".labels >> text=Urlaub")
                await page.wait_for_selector("h1:has-text('Alle Mails')")
                assert await page.locator(".row").count() == 1
