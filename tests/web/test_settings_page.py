"""What users choose for themselves shows on every page, and is theirs alone."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from eilbote.catalogue import Catalogue
from eilbote.config import settings
from eilbote.engine.preferences import Preferences, preferences_of
from eilbote.engine.system_settings import change_setting
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


async def test_an_owner_reads_and_changes_the_settings_of_the_system(tmp_path: Path) -> None:
    with opened(tmp_path) as (app, _):
        given_user(app, "Anna")
        file = tmp_path / "home" / "config.toml"
        file.write_text("# ours\nundo_days = 7 # a week\n", encoding="utf-8")
        async with browsing(app) as browser:
            anna = browser()
            await anna.sign_in("Anna")
            page = (await anna.get("/settings/system")).text
            assert "days that something deleted can be brought back" in page and 'value="7"' in page
            german = (await anna.get("/settings/system", Accept_Language="de")).text
            assert "Tage, an denen Gelöschtes zurückgeholt werden kann" in german
            changed = {"name": "undo_days", "value": "14"}
            assert (await anna.post("/settings/system", changed)).status_code == 303
            assert file.read_text("utf-8") == "# ours\nundo_days = 14\n"
            assert "Running still: 30." in (await anna.get("/settings/system")).text
            before = file.read_bytes()
            for name, value in (
                ("undo_days", "many"),
                ("undo_days", "9999999"),
                ("listen", "0.0.0.0:80"),
                ("language", 'de"\nstore = "x'),
                ("store", "postgresql://x@y/z"),
                ("no_such", "1"),
            ):
                answer = await anna.post("/settings/system", {"name": name, "value": value})
                assert answer.status_code == 400, name
            assert file.read_bytes() == before
            assert sorted(each.name for each in file.parent.glob(".config*")) == []
            assert (
                await anna.post("/settings/system", {"name": "undo_days", "value": ""})
            ).status_code == 303
            assert file.read_text("utf-8") == "# ours\n"


async def test_the_address_of_a_store_is_not_shown_whole(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with opened(tmp_path) as (app, _):
        given_user(app, "Anna")
        monkeypatch.setenv("EILBOTE_STORE", "postgresql://anna:geheimes-wort@db/mail")
        async with browsing(app) as browser:
            anna = browser()
            await anna.sign_in("Anna")
            page = (await anna.get("/settings/system")).text
            assert "postgresql:…" in page and "geheimes-wort" not in page


def test_every_setting_has_its_german() -> None:
    german = Catalogue("de")
    assert not [
        each.name for each in settings() if german.text(each.metadata["meaning"]) == each.metadata["meaning"]
    ]


@pytest.mark.parametrize("role", [Role.MEMBER, Role.AUDITOR])
async def test_the_system_is_for_owners_and_help_for_all(tmp_path: Path, role: Role) -> None:
    with opened(tmp_path) as (app, _):
        given_user(app, "Anna")
        given_user(app, "Ben", role)
        async with browsing(app) as browser:
            ben = browser()
            await ben.sign_in("Ben")
            assert (await ben.get("/settings/system")).status_code == 403
            await ben.get("/settings")
            assert (
                await ben.post("/settings/system", {"name": "undo_days", "value": "1"})
            ).status_code == 403
            page = (await ben.get("/help")).text
            assert "What Eilbote does with your mail" in page and "/people" not in page
        assert not (tmp_path / "home" / "config.toml").exists()


async def test_senders_whose_pictures_are_fetched_are_listed_and_taken_back(tmp_path: Path) -> None:
    with opened(tmp_path) as (app, _):
        anna, ben = given_user(app, "Anna"), given_user(app, "Ben", Role.MEMBER)
        for user in (anna, ben):
            app.store.picture_senders.put(user, "news@shop.example", "mx.example.org")
        async with browsing(app) as browser:
            one = browser()
            await one.sign_in("Ben")
            assert "news@shop.example" in (await one.get("/settings")).text
            fields = {"sender": "news@shop.example"}
            assert (await one.post("/settings/pictures", fields, token="0" * 64)).status_code == 403
            assert (await one.post("/settings/pictures", fields)).status_code == 303
            assert "news@shop.example" not in (await one.get("/settings")).text
        assert app.store.picture_senders.all(anna) == ["news@shop.example"]


def test_settings_changed_at_once_are_all_kept(tmp_path: Path) -> None:
    names = ["connections_per_host", "idle_mailboxes", "sync_interval", "undo_days"]
    with opened(tmp_path) as (app, _):
        for _ in range(5):
            with ThreadPoolExecutor(len(names)) as several:
                list(several.map(lambda name: change_setting(app, name, "7", {}), names))
            file = tmp_path / "home" / "config.toml"
            assert sorted(file.read_text("utf-8").splitlines()) == [f"{name} = 7" for name in names]
            file.unlink()
