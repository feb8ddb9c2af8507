"""Addresses and signatures of an account on the page, and who may change them."""

from __future__ import annotations

from pathlib import Path

import pytest

from eilbote.engine.identities import identities_of
from eilbote.engine.users import set_rights
from eilbote.store.values import Right, Role
from tests.store.given import ANNA, Home
from tests.web.browser import browsing, given_user, opened

SHOP = {
    "address": "shop@example.org",
    "name": "Laden",
    "signature": "Ihr Laden\r\nKöln",
    "reply_to": "antwort@example.org",
    "organization": "Größe GmbH",
    "aliases": "info@example.org\r\n@laden.example",
}


async def test_an_identity_is_added_changed_and_removed(tmp_path: Path) -> None:
    with opened(tmp_path) as (app, _):
        home = Home(app.store)
        account = app.store.accounts.get(home.account)
        given_user(app, "Kim")
        path = f"/accounts/{home.account}/identities"
        async with browsing(app) as browser:
            kim = browser()
            await kim.sign_in("Kim")
            assert (await kim.post(path, SHOP)).status_code == 303
            shown = (await kim.get(path)).text
            assert "Ihr Laden" in shown and "@laden.example" in shown and ANNA.address in shown
            again = await kim.post(path, SHOP)
            assert again.status_code == 400
            changed = {**SHOP, "name": "Der Laden", "aliases": "", "usual": "1"}
            assert (await kim.post(f"{path}/change", changed)).status_code == 303
            first = identities_of(app, account)[0]
            assert (first.address, first.name, first.signature, first.aliases) == (
                "shop@example.org",
                "Der Laden",
                "Ihr Laden\nKöln",
                (),
            )
            plain = {**changed, "usual": ""}
            assert (await kim.post(f"{path}/change", plain)).status_code == 303
            assert identities_of(app, account)[0].address == ANNA.address
            page = (await kim.get(path)).text  # nothing to tick off at the account's own address
            assert page.count('name="usual"') == 2 and 'name="usual" value="1" checked' not in page
            bad = await kim.post(f"{path}/change", {**SHOP, "reply_to": "no address"})
            assert bad.status_code == 400 and "no address" in bad.text
            assert (await kim.post(f"{path}/remove", {"address": "shop@example.org"})).status_code == 303
        assert [one.address for one in identities_of(app, account)] == [ANNA.address]


@pytest.mark.parametrize("right", [None, Right.READ, Right.CHANGE])
async def test_who_is_no_owner_changes_none(tmp_path: Path, right: Right | None) -> None:
    with opened(tmp_path) as (app, _):
        home = Home(app.store)
        given_user(app, "Kim")
        ben = given_user(app, "Ben", Role.MEMBER)
        set_rights(app, ben, {home.account: right} if right else {})
        path = f"/accounts/{home.account}/identities"
        async with browsing(app) as browser:
            one = browser()
            await one.sign_in("Ben")
            assert (await one.get(path)).status_code == (200 if right else 404)
            for where in (path, f"{path}/change", f"{path}/remove"):
                await one.get("/own")
                assert (await one.post(where, {**SHOP, "address": ANNA.address})).status_code == 403
        assert app.store.identities.all(home.account) == []
