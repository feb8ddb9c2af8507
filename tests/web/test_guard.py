"""What comes from elsewhere: other names of this machine, other sites, forms without their token."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from fastapi.routing import APIRoute

from eilbote.web.site import PAGES
from tests.web.browser import HOST, PASSWORD, browsing, given_user, opened

OWN = f"http://{HOST}"


@pytest.mark.parametrize(
    "host", ["evil.example", "127.0.0.1", "127.0.0.1:80", "localhost:8426", "127.0.0.1:8425.evil.example", ""]
)
async def test_another_name_that_leads_here_is_refused(tmp_path: Path, host: str) -> None:
    with opened(tmp_path) as (app, _):
        async with browsing(app) as browser:
            answer = await browser().get("/sign-in", Host=host)
            assert (answer.status_code, "form" in answer.text) == (421, False)
            assert (await browser().get("/sign-in", Host="localhost:8425")).status_code == 200


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "https://evil.example"},
        {"Origin": "null"},
        {"Origin": ""},
        {"Origin": "http://127.0.0.1:9999"},
        {"Origin": "https://127.0.0.1:8425"},
        {"Origin": OWN, "Sec_Fetch_Site": "cross-site"},
        {"Origin": OWN, "Sec_Fetch_Site": "same-site"},
    ],
)
async def test_forms_of_other_sites_are_refused(tmp_path: Path, headers: dict[str, str]) -> None:
    with opened(tmp_path) as (app, _):
        given_user(app, "Anna")
        async with browsing(app) as browser:
            anna = browser()
            await anna.sign_in("Anna")
            change = {"before": PASSWORD, "after": "another good one"}
            assert (await anna.post("/own/password", change, **headers)).status_code == 403
            await anna.get("/own")
            assert (await anna.post("/own/password", change)).status_code == 303


async def test_other_sites_load_nothing_but_may_link_here(tmp_path: Path) -> None:
    with opened(tmp_path) as (app, _):
        async with browsing(app) as browser:
            for mode, status in (("no-cors", 403), ("cors", 403), ("navigate", 200)):
                answer = await browser().get("/sign-in", Sec_Fetch_Site="cross-site", Sec_Fetch_Mode=mode)
                assert answer.status_code == status


async def test_every_form_needs_the_token_of_its_session(tmp_path: Path) -> None:
    with opened(tmp_path) as (app, _):
        given_user(app, "Anna")
        given_user(app, "Ben")
        forms = [
            re.sub(r"\{[^}]+\}", "1", route.path).replace("{token}", "x")
            for page in PAGES
            for route in page.routes
            if isinstance(route, APIRoute) and "POST" in (route.methods or ())
        ]
        assert len(forms) >= 8
        async with browsing(app) as browser:
            anna, ben = browser(), browser()
            await anna.sign_in("Anna")
            await ben.sign_in("Ben")
            for path in forms:
                for token in ("", "0" * 64, ben.token):
                    assert (await anna.post(path, {}, token=token)).status_code == 403, path
            assert (
                await browser().post("/sign-in", {"name": "Anna", "password": PASSWORD})
            ).status_code == 403


async def test_a_form_is_bounded(tmp_path: Path) -> None:
    with opened(tmp_path) as (app, _):
        async with browsing(app) as browser:
            eve = browser()
            await eve.get("/sign-in")
            own = {"Origin": OWN, "Content-Type": "application/x-www-form-urlencoded"}
            for body, status in (
                (b"a=" + b"x" * 300_000, 413),
                (b"&".join(b"a=1" for _ in range(20_000)), 400),
                (b"name=\xff", 400),
                (b"name=%ff", 400),
            ):
                answer = await eve.client.post("/sign-in", content=body, headers=own)
                assert answer.status_code == status
            other = {**own, "Content-Type": "application/json"}
            assert (await eve.client.post("/sign-in", content=b"{}", headers=other)).status_code == 415
            assert (await eve.client.put("/sign-in", content=b"{}", headers=own)).status_code == 405


async def test_every_answer_tells_the_browser_to_be_strict(tmp_path: Path) -> None:
    with opened(tmp_path) as (app, _):
        given_user(app, "Anna")
        async with browsing(app) as browser:
            anna = browser()
            seen = [await anna.get("/sign-in"), await anna.get("/none"), await anna.get("/x", Host="evil")]
            await anna.sign_in("Anna")
            seen += [await anna.get(path) for path in ("/inbox", "/accounts", "/own", "/people")]
            for answer in seen:
                policy = answer.headers["content-security-policy"]
                assert policy.startswith("default-src 'none'")
                assert "unsafe" not in policy and "frame-ancestors 'none'" in policy
                assert answer.headers["x-frame-options"] == "DENY"
                assert answer.headers["x-content-type-options"] == "nosniff"
                assert answer.headers["cache-control"] == "no-store"
                assert " style=" not in answer.text and "<script>" not in answer.text
                assert "https://" not in answer.text and "http://" not in answer.text


async def test_without_a_session_every_page_leads_to_the_sign_in(tmp_path: Path) -> None:
    with opened(tmp_path) as (app, _):
        given_user(app, "Anna")
        async with browsing(app) as browser:
            for route in (route for page in PAGES for route in page.routes if isinstance(route, APIRoute)):
                if route.path.startswith(("/assets", "/link", "/password/", "/sign-in")):
                    continue
                eve, path = browser(), re.sub(r"\{[^}]+\}", "1", route.path)
                await eve.get("/sign-in")
                methods = route.methods or set()
                answer = await eve.post(path, {}) if "POST" in methods else await eve.get(path)
                assert answer.headers.get("location") == "/sign-in", path


async def test_both_languages(tmp_path: Path) -> None:
    with opened(tmp_path) as (app, _):
        async with browsing(app) as browser:
            for accepted, words, language in (
                ("de-AT,en;q=0.5", "Anmelden", "de"),
                ("en-GB", "Sign in", "en"),
                ("fr", "Anmelden", "de"),
            ):
                page = (await browser().get("/sign-in", Accept_Language=accepted)).text
                assert words in page and f'lang="{language}"' in page


async def test_names_are_text_and_nothing_else(tmp_path: Path) -> None:
    with opened(tmp_path) as (app, _):
        given_user(app, "<script>alert(1)</script>")
        async with browsing(app) as browser:
            anna = browser()
            await anna.sign_in("<script>alert(1)</script>")
            for path in ("/inbox", "/accounts", "/own", "/people"):
                page = (await anna.get(path)).text
                assert "<script>" not in page and "&lt;script&gt;" in page
