"""Settings for other devices on the page: who sees them, and that no password is in them."""

from __future__ import annotations

import plistlib
from pathlib import Path

import pytest

from eilbote.discovery.autoconfig import read_autoconfig
from eilbote.engine.app import App
from eilbote.engine.users import set_rights
from eilbote.secret import Secret
from eilbote.store.values import Account, AuthKind, NewAccount, Right, Role, Security, Server
from tests.web.browser import browsing, given_user, opened

ADDRESS, SECRET = "kim@firma.example", "sehr geheimes Wort"


def given_account(app: App, imap: Server | None) -> Account:
    sealed = app.vault.seal(Secret(SECRET), f"account:{ADDRESS}")
    account = NewAccount(ADDRESS, "Kim <b>", ADDRESS, AuthKind.PASSWORD, sealed, imap=imap)
    return app.store.accounts.add(account, app.clock.now())


async def test_they_are_shown_and_saved_without_the_password(tmp_path: Path) -> None:
    with opened(tmp_path) as (app, _):
        given_user(app, "Kim")
        account = given_account(app, Server("imap.firma.example", 993, Security.TLS))
        path = f"/accounts/{account.id}/devices"
        async with browsing(app) as browser:
            kim = browser()
            await kim.sign_in("Kim")
            assert path in (await kim.get(f"/accounts/{account.id}")).text
            page = (await kim.get(path)).text
            assert "imap.firma.example" in page and "SSL/TLS" in page and "<svg" in page
            apple = await kim.get(f"{path}/apple")
            assert apple.headers["content-type"] == "application/x-apple-aspen-config"
            assert f"{ADDRESS}-apple.mobileconfig" in apple.headers["content-disposition"]
            (saved,) = plistlib.loads(apple.content)["PayloadContent"]
            assert saved["IncomingMailServerHostName"] == "imap.firma.example"
            thunderbird = await kim.get(f"{path}/thunderbird")
            assert (
                read_autoconfig(thunderbird.content, ADDRESS, "").candidates[0].host == "imap.firma.example"
            )
            outlook = await kim.get(f"{path}/outlook")
            for answer in (page, apple.text, thunderbird.text, outlook.text):
                assert SECRET not in answer
            assert (await kim.get(f"{path}/png")).status_code == 404


async def test_mail_that_lives_only_here_has_none(tmp_path: Path) -> None:
    with opened(tmp_path) as (app, _):
        given_user(app, "Kim")
        account = given_account(app, None)
        async with browsing(app) as browser:
            kim = browser()
            await kim.sign_in("Kim")
            assert "/devices" not in (await kim.get(f"/accounts/{account.id}")).text
            assert "lives only here" in (await kim.get(f"/accounts/{account.id}/devices")).text
            assert (await kim.get(f"/accounts/{account.id}/devices/apple")).status_code >= 400


@pytest.mark.parametrize(("right", "status"), [(None, 404), (Right.READ, 200)])
async def test_who_may_not_read_an_account_does_not_see_its_servers(
    tmp_path: Path, right: Right | None, status: int
) -> None:
    with opened(tmp_path) as (app, _):
        given_user(app, "Kim")
        ben = given_user(app, "Ben", Role.MEMBER)
        account = given_account(app, Server("imap.firma.example", 993, Security.TLS))
        set_rights(app, ben, {account.id: right} if right else {})
        async with browsing(app) as browser:
            one = browser()
            for path in ("", "/apple"):
                shut = await one.get(f"/accounts/{account.id}/devices{path}")
                assert shut.status_code in (302, 303, 401), "nobody is signed in"
            await one.sign_in("Ben")
            for path in ("", "/apple", "/thunderbird"):
                assert (await one.get(f"/accounts/{account.id}/devices{path}")).status_code == status
