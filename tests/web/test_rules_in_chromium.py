"""Rules in real Chromium against `serve` with real Dovecot: a rule is built while its preview shows mail, new
mail is moved on the server, the mail says why, and one click takes it back.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from email.message import EmailMessage
from pathlib import Path

from playwright.async_api import Page

from tests.engine.world import mail, until, world
from tests.servers.dovecot import Dovecot
from tests.servers.dovecot_settings import DovecotOptions
from tests.web.chromium import chromium
from tests.web.test_in_chromium import page_of, signed_in, strangers

SCRIPT = """\
require "fileinto";
if header :contains "subject" "Angebot" {
    verschiebe "Angebote";
}
"""


def from_list(number: int) -> bytes:
    made = EmailMessage()
    made["From"] = "Verein <post@verein.example>"
    made["To"] = "kim@example.de"
    made["Subject"] = f"Re: Rundbrief {number}"
    made["Message-ID"] = f"<l{number}@verein.example>"
    made["List-Id"] = "Rundbriefe <rundbrief.verein.example>"
    made.set_content("Guten Tag.\n")
    return made.as_bytes().replace(b"\n", b"\r\n")


def told_wrong(page: Page) -> list[str]:
    """Fills with every mistake of a script and every breach of the page's policy."""
    wrong: list[str] = []
    page.on("pageerror", lambda error: wrong.append(str(error)))
    page.on("console", lambda said: wrong.append(said.text) if said.type == "error" else None)
    return wrong


async def test_a_rule_is_built_with_its_preview_moves_mail_says_why_and_is_undone(
    dovecot: Dovecot, tmp_path: Path
) -> None:
    with world(dovecot, tmp_path / "home") as here:
        dovecot.append(here.user, (mail(1), mail(2, subject="Rechnung Oktober")))
        await asyncio.to_thread(here.sync)
        with page_of(tmp_path / "home") as link:
            async with chromium() as browser:
                page = await browser.new_page(locale="de-DE")
                wrong = told_wrong(page)
                asked = strangers(page.context, link.split("/link/", maxsplit=1)[0])
                own = await signed_in(page, link)
                await page.goto(own + "/rules")
                await page.click("text=Erste Regel anlegen")
                await page.evaluate("window.sameDocument = true")
                # Another kind makes the row anew; the place where one was is kept.
                await page.locator("[name=kind]").select_option("subject")
                await page.wait_for_selector("[name=op] option[value='!regex']", state="attached")
                await page.fill("[name=value]", "Rechnung")
                await page.wait_for_selector(".samples >> text=Rechnung Oktober")
                assert await page.inner_text(".figure strong") == "1"
                assert await page.locator(".becomes").count() == 0  # nothing is done yet
                await page.fill("[name=what]", "Buchhaltung")
                await page.wait_for_selector(".becomes >> text=nach „Buchhaltung“ verschoben")
                assert "weil der Betreff „Rechnung“ enthält" in await page.inner_text(".samples")
                await page.click("#add-condition")
                await page.locator("[name=kind]").nth(1).wait_for()
                assert await page.evaluate("document.activeElement.name") == "kind"
                await page.locator("[name=op]").nth(1).select_option("!")
                await page.locator("[name=value]").nth(1).fill("@example.org")
                await page.wait_for_selector("#preview >> text=Sie gilt für keine dieser Mails.")
                await page.click("[value=without-1]")
                await page.wait_for_selector(".samples >> text=Rechnung Oktober")
                assert await page.evaluate("window.sameDocument") is True
                await page.fill("[name=name]", "Rechnungen")
                await page.click("#save")
                await page.wait_for_selector("text=Wenn der Betreff „Rechnung“ enthält, nach „Buchhaltung“")
                # What was there before the rule stays; what comes now is moved on the server.
                dovecot.append(here.user, [mail(3, subject="Ihre Rechnung 3")])
                await until(lambda: len(here.truth().get("Buchhaltung", {})) == 1)
                assert len(here.truth()["INBOX"]) == 2
                # What is taken back before its number is known may wait for the next full pass.
                await until(lambda: all(uid > 0 for uid in here.ids("Buchhaltung")))
                await page.goto(own + "/rules/history")
                await page.wait_for_selector("text=Von der Regel „Rechnungen“")
                await page.click("text=Ihre Rechnung 3")
                said = await page.inner_text(".ruled")
                assert "nach „Buchhaltung“ verschoben, weil der Betreff „Rechnung“ enthält" in said
                await page.click(".ruled >> text=Zurücknehmen")
                await until(lambda: len(here.truth()["INBOX"]) == 3)
                assert len(here.truth().get("Buchhaltung", {})) == 0
                await page.goto(own + "/rules/history")
                assert "Zurückgenommen am" in await page.inner_text(".deeds")
                assert wrong == [] and asked == []


async def test_a_rule_begins_with_a_mail_and_is_applied_to_what_is_there(
    dovecot: Dovecot, tmp_path: Path
) -> None:
    with world(dovecot, tmp_path / "home") as here:
        dovecot.append(here.user, [mail(1), *map(from_list, range(1, 4))])
        await asyncio.to_thread(here.sync)
        with page_of(tmp_path / "home") as link:
            async with chromium() as browser:
                page = await browser.new_page(locale="en-GB", viewport={"width": 390, "height": 844})
                wrong = told_wrong(page)
                await signed_in(page, link)
                await page.click("text=Rundbrief 2")
                await page.click("text=Rule from this mail")
                assert await page.input_value("[name=value]") == "rundbrief.verein.example"
                await page.click("text=this subject")
                await page.wait_for_url("**by=subject*")
                assert await page.input_value("[name=value]") == "Rundbrief 2"
                await page.click("text=this mailing list")
                await page.wait_for_url("**by=list*")
                await page.fill("[name=what]", "Verein")
                await page.wait_for_selector(".becomes >> nth=2")
                await page.click("#save")
                await page.click("[aria-label='More for “rundbrief.verein.example”']")
                await page.click("text=Apply to mail that is here")
                await page.click("text=Apply now")
                await page.wait_for_selector("text=3 mails were changed.")
                await until(lambda: len(here.truth().get("Verein", {})) == 3)
                await until(lambda: all(uid > 0 for uid in here.ids("Verein")))
                await page.click(".done >> text=Undo")
                await page.wait_for_selector("text=3 mails are as they were before.")
                await until(lambda: len(here.truth()["INBOX"]) == 4)
                assert wrong == []


async def test_rules_are_ordered_switched_and_removed_with_keys_and_mouse(
    dovecot: Dovecot, tmp_path: Path
) -> None:
    with world(dovecot, tmp_path / "home") as here:
        book = "\n".join(
            f'[[rule]]\nname = "{name}"\nif = [{{subject = "{name}"}}]\nthen = [{{mark = "read"}}]\n'
            for name in ("A", "B", "C")
        )
        here.app.store.rule_book.save(book, 0, here.app.clock.now())

        def order() -> list[str]:
            text = here.app.store.rule_book.get().text
            return [line[8] for line in text.splitlines() if line.startswith("name")]

        with page_of(tmp_path / "home") as link:
            async with chromium() as browser:
                page = await browser.new_page(locale="en-GB")
                own = await signed_in(page, link)
                await page.goto(own + "/rules")
                await page.drag_and_drop(
                    ".rule[data-name=C] h2", ".rule[data-name=A] h2", target_position={"x": 3, "y": 2}
                )
                await page.wait_for_selector("text=“C” has another place now.")
                assert order() == ["C", "A", "B"]
                await page.focus("[aria-label='Move “C” down']")
                await page.keyboard.press("Enter")
                await page.wait_for_selector(".rule:nth-child(2)[data-name=C]")
                assert await page.evaluate("document.activeElement.ariaLabel") == "Move “C” down"
                assert order() == ["A", "C", "B"]
                await page.focus(".rule[data-name=C] [role=switch]")
                await page.keyboard.press("Space")
                await page.wait_for_selector(".rule[data-name=C] [aria-checked=false]")
                assert await page.evaluate("document.activeElement.ariaLabel") == "“C” is on"
                assert "enabled = false" in here.app.store.rule_book.get().text
                await page.click("[aria-label='More for “B”']")
                await page.click(".rule[data-name=B] >> text=Delete")
                await page.wait_for_selector("text=“B” is deleted.")
                assert order() == ["A", "C"]
                await page.click(".done >> text=Undo")
                await page.wait_for_selector(".rule:nth-child(3)[data-name=B]")
                assert order() == ["A", "C", "B"]


async def test_a_wrong_script_is_marked_where_it_is_wrong_and_a_simple_one_becomes_rules(
    dovecot: Dovecot, tmp_path: Path
) -> None:
    with world(dovecot, tmp_path / "home") as here:
        dovecot.append(here.user, [mail(1, subject="Angebot Dach")])
        await asyncio.to_thread(here.sync)
        with page_of(tmp_path / "home") as link:
            async with chromium() as browser:
                page = await browser.new_page(locale="de-DE")
                wrong = told_wrong(page)
                own = await signed_in(page, link)
                await page.goto(own + "/rules/script")
                await page.fill("[name=name]", "Angebote")
                await page.fill("#source", SCRIPT)
                await page.wait_for_selector(".gutter .bad")
                assert await page.inner_text(".gutter .bad") == "3"
                assert "Zeile 3, Spalte 5" in await page.inner_text("#problems")
                await page.click(".problems .place")
                at = await page.evaluate(
                    "[document.activeElement.id, document.querySelector('#source').selectionStart]"
                )
                assert at == ["source", SCRIPT.index("verschiebe")]
                await page.click("text=Skript speichern")
                await page.wait_for_selector("text=Das Skript ist nicht gespeichert.")
                assert here.app.store.rule_book.get().text == ""
                typed = await page.input_value("#source")
                await page.fill("#source", typed.replace("verschiebe", "fileinto"))
                await page.wait_for_selector(".becomes >> text=nach „Angebote“ verschoben")
                assert await page.locator(".gutter .bad").count() == 0
                await page.click("text=Skript speichern")
                await page.click("h2 >> text=Angebote")
                await page.wait_for_selector("#simple")
                await page.click("text=Stattdessen als 1 Regel behalten")
                await page.wait_for_selector(
                    "text=Wenn der Betreff „Angebot“ enthält, nach „Angebote“ verschieben"
                )
                assert "[[script]]" not in here.app.store.rule_book.get().text
                # What is refused is answered with 400, which the browser notes.
                assert [one for one in wrong if "400" not in one] == []


async def test_rules_are_brought_to_the_mail_server_and_back(
    dovecot_like: Callable[[DovecotOptions], Dovecot], tmp_path: Path
) -> None:
    dovecot = dovecot_like(DovecotOptions(sieve=True))
    with world(dovecot, tmp_path / "home") as here:
        book = '[[rule]]\nname = "Post"\nif = [{subject = "Post"}]\nthen = [{move = "Post"}]\n'
        here.app.store.rule_book.save(book, 0, here.app.clock.now())
        await asyncio.to_thread(here.sync)
        with page_of(tmp_path / "home") as link:
            async with chromium() as browser:
                page = await browser.new_page(locale="en-GB")
                wrong = told_wrong(page)
                own = await signed_in(page, link)
                await page.goto(own + "/rules/server")
                await page.click("text=Another server")
                await page.fill("main [name=server]", f"{dovecot.host}:{dovecot.sieve_port}")
                # This machine's own test server speaks without TLS; the page offers no such choice.
                await page.evaluate("document.querySelector('[name=security] option').value = 'none'")
                await page.locator("[name=security]").select_option(index=0)
                await page.click("form[action='/rules/server/named'] button")
                await page.click("text=Let the server carry them out")
                await page.wait_for_selector("text=1 rule runs on")
                await page.click("text=See what lies on the server")
                await page.wait_for_selector("text=as the rules here say")
                await page.click(".tabs >> text=Rules >> nth=0")
                assert "runs on the mail server" in await page.inner_text(".rule")
                await page.click("[role=switch]")
                await page.wait_for_selector("text=On the mail server “Post” is still as it was.")
                await page.click("[role=switch]")
                await page.click("text=Bring the rules there again")
                await page.click("text=Carry all of them out here")
                await page.wait_for_selector("text=All rules run here now.")
                await page.goto(own + "/rules")
                assert "runs here" in await page.inner_text(".rule")
                assert wrong == []
