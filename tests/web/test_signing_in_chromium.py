"""A sign-in at a provider in real Chromium: the page's policy lets the provider's window open, that window
comes back to this machine, and the page goes on by itself."""

from __future__ import annotations

from pathlib import Path

import pytest
import trustme

from eilbote.clock import SystemClock
from eilbote.config import Config
from eilbote.engine import setup
from eilbote.engine.app import open_app
from eilbote.secret import Secret
from eilbote.store.values import AuthKind
from tests.engine.granted import imap_server, trusted
from tests.servers.authorization import CLIENT, PERSON, SCOPE, Authorization
from tests.web.browser import PASSWORD, given_user, shown
from tests.web.chromium import chromium


async def test_a_window_at_the_provider_comes_back(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    authority = trustme.CA()
    authorization = Authorization(authority)
    try:
        with trusted(tmp_path, authority) as environment:
            for name, value in environment.items():
                monkeypatch.setenv(name, value)
            await _signs_in(tmp_path, authorization)
    finally:
        authorization.stop()


async def _signs_in(folder: Path, authorization: Authorization) -> None:
    config = Config(folder / "home", key_file=str(folder / "key"))
    async with imap_server(authorization) as imap:
        with open_app(config, clock=SystemClock()) as app:
            wanted = setup.Wanted(PERSON, imap=f"localhost:{imap.port}", security="none")
            account = setup.store_account(app, setup.planned_account(app, wanted), Secret("alt"))
            given_user(app, "Kim")
            async with shown(app) as own, chromium() as browser:
                context = await browser.new_context(locale="en-GB", ignore_https_errors=True)
                page = await context.new_page()
                wrong: list[str] = []
                page.on("console", lambda said: wrong.append(said.text) if said.type == "error" else None)
                await page.goto(f"{own}/sign-in")
                await page.fill("[name=name]", "Kim")
                await page.fill("[name=password]", PASSWORD)
                await page.click("button")
                await page.wait_for_url("**/inbox")
                await page.goto(f"{own}/accounts/{account.id}/oauth")
                await page.fill("[name=issuer]", authorization.issuer)
                await page.fill("[name=scope]", SCOPE)
                await page.fill("[name=client_id]", CLIENT)
                await page.click("text=Sign in with this browser")
                await page.wait_for_selector("text=Open the provider's page", timeout=30_000)
                async with context.expect_page() as opened:
                    await page.click("text=Open the provider's page")
                window = await opened.value
                await window.wait_for_selector("text=You can close this window")
                assert await window.evaluate("document.referrer") == ""
                assert await window.evaluate("window.opener") is None
                await page.wait_for_selector("text=The login works.", timeout=30_000)
                assert authorization.newest not in await page.content()
                assert wrong == []
            assert app.store.accounts.get(account.id).auth is AuthKind.SIGNED_IN
