"""An account added by the steps in real Chromium against `serve` with real Dovecot: a wrong password first, a
certificate of the server's own, then mail in the inbox.
"""

from __future__ import annotations

from pathlib import Path

from playwright.async_api import Page

from tests.engine.world import mail
from tests.servers.dovecot import Dovecot
from tests.web.chromium import chromium
from tests.web.test_in_chromium import page_of, signed_in

_MAILS = 300


async def test_an_account_is_added_by_steps_and_its_mail_appears(dovecot: Dovecot, tmp_path: Path) -> None:
    user, password = dovecot.new_user()
    dovecot.append(user, (mail(number, size=2000) for number in range(1, _MAILS + 1)))
    with page_of(tmp_path / "home") as link:
        async with chromium() as browser:
            page = await browser.new_page(locale="en-GB")
            wrong: list[str] = []
            page.on("pageerror", lambda error: wrong.append(str(error)))
            page.on("console", lambda said: wrong.append(said.text) if said.type == "error" else None)
            own = await signed_in(page, link)
            await page.goto(own + "/accounts")
            await page.click("main >> text=Add an account")
            await page.fill("[name=address]", "kim@mein-server.example")
            await page.click("text=Next")
            await page.wait_for_selector("text=Type them below")
            await fill_login(page, dovecot, user, "a wrong password")
            await page.click("text=Try the login")
            await page.wait_for_selector("text=No authority that this machine knows", timeout=60_000)
            shown = (await page.inner_text("code.key")).replace(":", "").lower()
            assert shown == dovecot.fingerprint
            await page.click("text=It is the same")
            await page.wait_for_selector("text=Next step:", timeout=60_000)
            await page.fill("main [name=password]", password)
            await page.click("main >> text=Try again")
            await page.wait_for_selector("text=The login works.", timeout=60_000)
            assert password not in await page.content()
            await page.click("main button >> text=Start")
            await page.wait_for_url("**/accounts/1")
            # Without a reload: the state, then the figures of the first sync.
            await page.wait_for_selector(f"dd:text-is('{_MAILS}')", timeout=60_000)
            await page.wait_for_selector("text=connected, hears", timeout=60_000)
            await page.goto(own + "/inbox")
            await page.wait_for_selector("text=Nachricht 300")
            await page.goto(own + "/accounts/1/remove")
            await page.fill("[name=address] >> nth=0", "kim@mein-server.example")
            await page.click("text=Remove for good")
            await page.wait_for_selector("text=There is no account here yet.")
            assert wrong == []
    with dovecot.imap(user) as client:
        assert int(client.select("INBOX")[1][0] or 0) == _MAILS


async def fill_login(page: Page, dovecot: Dovecot, user: str, password: str) -> None:
    """The second step, with what nobody knows beforehand."""
    await page.fill("main [name=password]", password)
    await page.click("summary >> text=Another user name")
    await page.fill("[name=user]", user)
    await page.fill("[name=in_host]", "localhost")
    await page.fill("[name=in_port]", str(dovecot.tls_port))
    await page.select_option("[name=in_security]", "tls")
