"""The doctor in real Chromium against `serve` with real Dovecot: a wrong password is named as the cause,
put right on the page, and mail comes; how far a run is, the page shows without being loaded again.
"""

from __future__ import annotations

from pathlib import Path

from eilbote.config import Config
from eilbote.engine import setup
from eilbote.engine.app import open_app
from eilbote.secret import Secret
from tests.engine.world import mail
from tests.servers.dovecot import Dovecot
from tests.web.chromium import chromium
from tests.web.test_in_chromium import page_of, signed_in

_ADDRESS, _WRONG = "kim@mein-server.example", "ein falsches Wort"


def given_account(home: Path, dovecot: Dovecot, user: str) -> None:
    """With a wrong password, and the server's own certificate trusted."""
    with open_app(Config(home=home, key_file=str(home.parent / "key"))) as app:
        wanted = setup.Wanted(
            address=_ADDRESS, user=user, imap=f"localhost:{dovecot.tls_port}", security="tls"
        )
        setup.store_account(app, setup.planned_account(app, wanted), Secret(_WRONG))
        setup.trust_certificate(app, _ADDRESS, dovecot.fingerprint)


async def test_a_wrong_password_is_named_and_put_right_and_mail_comes(
    dovecot: Dovecot, tmp_path: Path
) -> None:
    user, password = dovecot.new_user()
    dovecot.append(user, (mail(number) for number in range(1, 4)))
    given_account(tmp_path / "home", dovecot, user)
    with page_of(tmp_path / "home") as link:
        async with chromium() as browser:
            page = await browser.new_page(locale="en-GB")
            wrong: list[str] = []
            page.on("pageerror", lambda error: wrong.append(str(error)))
            page.on("console", lambda said: wrong.append(said.text) if said.type == "error" else None)
            own = await signed_in(page, link)
            await page.click("text=Find the cause", timeout=60_000)
            await page.click("text=Start the check")
            await page.evaluate("window.sameDocument = true")
            await page.wait_for_selector("h2 >> text=It does not work", timeout=60_000)
            assert await page.evaluate("window.sameDocument") is True
            assert "refuses user name or password" in await page.inner_text(".cause")
            assert await page.inner_text("text=Next step:") != ""
            # What is opened stays open, whatever else happens meanwhile.
            await page.click(".layer:has-text('Login') > summary")
            await page.wait_for_timeout(1500)
            assert await page.locator(".layer[open]").count() == 1
            await page.fill("main [name=password] >> nth=0", password)
            await page.click("main >> text=Try again")
            await page.wait_for_selector("h2 >> text=works", timeout=60_000)
            assert await page.locator(".verdict.is-fail").count() == 0
            content = await page.content()
            assert password not in content and _WRONG not in content
            async with page.expect_download() as saving:
                await page.click("text=Save the file to share")
            saved = (await (await saving.value).path()).read_text()
            assert "mein-server" not in saved and user not in saved and password not in saved
            await page.goto(own + "/inbox")
            await page.wait_for_selector("text=Nachricht 3", timeout=60_000)
            assert wrong == []
