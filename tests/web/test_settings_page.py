"""What users choose for themselves shows on every page, and is theirs alone."""

from __future__ import annotations

from pathlib import Path

import pytest

from eilbote.engine.preferences import Preferences, preferences_of
from eilbote.store.values import Role
from tests.web.browser import browsing, given_user, opened

CHOSEN = {
    "language": "de",
    "theme": "dark",
    "compact": "1",
    "undo_seconds": "0",
    "html": "text",
    "mark_read": "never",
    "sender": "",
}


@pytest.mark.parametrize("role", list(Role))
async def test_what_is_chosen_shows_and_is_of_one_user(tmp_path: Path, role: Role) -> None:
    with opened(tmp_path) as (app, _):
        given_user(app, "Anna")
        ben = given_user(app, "Ben", role)
        async with browsing(app) as browser:
            of_ben, of_anna = browser(), browser()
            await of_ben.sign_in("Ben")
            await of_anna.sign_in("Anna")
            assert "data-theme" not in (await of_ben.get("/settings")).text
            assert (await of_ben.post("/settings", CHOSEN)).status_code == 303
            shown = (await of_ben.get("/settings")).text
            assert '<html lang="de" data-theme="dark" data-compact>' in shown
            assert "Einstellungen" in shown
            assert '<html lang="en">' in (await of_anna.get("/settings")).text
        kept = preferences_of(app.store.users.get(ben))
        assert kept == Preferences("de", "dark", True, 0, False, False, False, False, "")


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("language", "fr"),
        ("theme", "red"),
        ("undo_seconds", "61"),
        ("undo_seconds", "x"),
        ("sender", "a@b.de"),
    ],
)
async def test_a_value_that_is_not_offered_is_refused(tmp_path: Path, name: str, value: str) -> None:
    with opened(tmp_path) as (app, _):
        anna = given_user(app, "Anna")
        async with browsing(app) as browser:
            one = browser()
            await one.sign_in("Anna")
            assert (await one.post("/settings", {**CHOSEN, name: value})).status_code == 400
            assert (await one.post("/settings", CHOSEN, token="0" * 64)).status_code == 403
        assert preferences_of(app.store.users.get(anna)) == Preferences()
