"""Who gets in, and who does not: links, passwords, second factors, sessions, roles."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from eilbote.engine.sign_in import SESSION_SECONDS, SignIns
from eilbote.errors import Gone
from eilbote.protocols.totp import code_at
from eilbote.secret import Secret
from eilbote.store.values import Right, Role
from tests.store.given import ANNA
from tests.web.browser import HOST, PASSWORD, browsing, given_user, opened


@pytest.mark.parametrize("kind", ["sqlite", "postgres"])
async def test_the_first_user_comes_by_a_link_that_is_good_once(
    tmp_path: Path, kind: str, request: pytest.FixtureRequest
) -> None:
    url = request.getfixturevalue("postgres_url") if kind == "postgres" else ""
    with opened(tmp_path, url) as (app, _):
        token = SignIns(app).open_link()
        assert token is not None
        async with browsing(app) as browser:
            anna, eve = browser(), browser()
            assert "Code" not in (await anna.get("/sign-in")).text
            await eve.get(f"/link/{token}")
            await anna.get(f"/link/{token}")
            fields = {"name": "Anna", "password": PASSWORD}
            assert (await anna.post(f"/link/{token}", {**fields, "password": "short"})).status_code == 400
            answer = await anna.post(f"/link/{token}", fields)
            assert (answer.status_code, answer.headers["location"]) == (303, "/")
            assert (await anna.get("/accounts")).status_code == 200
            late = await eve.post(f"/link/{token}", {"name": "Eve", "password": PASSWORD})
            assert (late.status_code, (await eve.get("/accounts")).status_code) == (404, 303)
        assert [(user.name, user.role) for user in app.store.users.all()] == [("Anna", Role.OWNER)]
        assert SignIns(app).open_link() is None


async def test_who_can_start_the_program_can_always_become_an_owner(tmp_path: Path) -> None:
    with opened(tmp_path) as (app, _):
        given_user(app, "Anna")
        sign_ins = SignIns(app)
        token = sign_ins.open_link(always=True)
        assert sign_ins.open_link() is None and token is not None
        user = sign_ins.visitor(sign_ins.use_link(token, "Anna again", Secret(PASSWORD)))
        assert user is not None and user.role is Role.OWNER
        with pytest.raises(Gone):
            sign_ins.use_link(token, "Eve", Secret(PASSWORD))


async def test_a_link_is_good_for_a_quarter_of_an_hour(tmp_path: Path) -> None:
    with opened(tmp_path) as (app, clock):
        sign_ins = SignIns(app)
        older, token = sign_ins.open_link(), sign_ins.open_link()
        assert older is not None and token is not None
        assert (sign_ins.is_link(older), sign_ins.is_link(token)) == (False, True)
        clock.at += 15 * 60
        assert not sign_ins.is_link(token)


async def test_neither_tokens_nor_passwords_lie_in_the_store(tmp_path: Path) -> None:
    with opened(tmp_path) as (app, _):
        link = SignIns(app).open_link()
        given_user(app, "Anna")
        async with browsing(app) as browser:
            anna = browser()
            await anna.sign_in("Anna")
            session = anna.client.cookies["eilbote-8425"]
    kept = b"".join(file.read_bytes() for file in (tmp_path / "home").glob("eilbote.sqlite*"))
    assert b"$argon2id$" in kept
    for secret in (link, session, PASSWORD):
        assert secret is not None and secret.encode() not in kept


async def test_who_guesses_waits_and_the_right_password_waits_too(tmp_path: Path) -> None:
    with opened(tmp_path) as (app, clock):
        given_user(app, "Anna")
        async with browsing(app) as browser:
            eve = browser()
            for _ in range(5):
                answer = await eve.sign_in("ANNA", "guess")
                assert (answer.status_code, "is wrong" in answer.text) == (403, True)
            for password in ("guess", PASSWORD):
                assert "too many tries" in (await browser().sign_in("anna", password)).text
            assert "is wrong" in (await browser().sign_in("nobody", "guess")).text
            clock.at += 15 * 60
            assert (await eve.sign_in("Anna")).status_code == 303


async def test_guessing_many_names_is_slowed_down_too(tmp_path: Path) -> None:
    with opened(tmp_path) as (app, _):
        async with browsing(app) as browser:
            eve = browser()
            given_user(app, "Anna")
            answers = [await eve.sign_in(f"name {number}", "guess") for number in range(51)]
            assert ["too many" in answer.text for answer in answers] == [False] * 50 + [True]


async def test_a_session_ends_after_twelve_hours_and_by_signing_out(tmp_path: Path) -> None:
    with opened(tmp_path) as (app, clock):
        given_user(app, "Anna")
        async with browsing(app) as browser:
            one, two = browser(), browser()
            answer = await one.sign_in("Anna")
            cookie = answer.headers["set-cookie"].lower()
            assert "httponly" in cookie and "samesite=strict" in cookie
            await two.sign_in("Anna")
            stolen = one.client.cookies["eilbote-8425"]
            assert (await one.post("/sign-out", {})).status_code == 303
            thief = browser()
            thief.client.cookies.set("eilbote-8425", stolen, domain="127.0.0.1")
            assert (await thief.get("/accounts")).headers["location"] == "/sign-in"
            assert (await two.get("/accounts")).status_code == 200
            clock.at += SESSION_SECONDS
            assert (await two.get("/accounts")).headers["location"] == "/sign-in"


async def test_a_changed_password_ends_every_session(tmp_path: Path) -> None:
    with opened(tmp_path) as (app, _):
        given_user(app, "Anna")
        async with browsing(app) as browser:
            one, two = browser(), browser()
            await one.sign_in("Anna")
            await two.sign_in("Anna")
            change = {"before": "wrong", "after": "another good one"}
            assert (await one.post("/own/password", change)).status_code == 400
            assert (await one.post("/own/password", {**change, "before": PASSWORD})).status_code == 303
            assert {(await each.get("/accounts")).status_code for each in (one, two)} == {303}
            assert (await one.sign_in("Anna")).status_code == 403
            assert (await one.sign_in("Anna", "another good one")).status_code == 303


async def test_a_second_factor_is_asked_for_and_each_code_is_good_once(tmp_path: Path) -> None:
    with opened(tmp_path) as (app, clock):
        given_user(app, "Anna")
        async with browsing(app) as browser:
            anna = browser()
            await anna.sign_in("Anna")
            secret = (await anna.get("/own")).text.split('name="secret" value="')[1][:40]

            def code() -> str:
                return code_at(bytes.fromhex(secret), int(clock.at) // 30)

            wrong = {"secret": secret, "code": str((int(code()) + 1) % 10**6).zfill(6)}
            assert (await anna.post("/own/factor", wrong)).status_code == 400
            assert (await anna.post("/own/factor", {"secret": secret, "code": code()})).status_code == 200
            await anna.get("/own")
            again = (await anna.post("/own/factor", {"secret": secret, "code": code()})).text
            assert "There is a second factor already." in again
            assert bytes.fromhex(secret) not in app.store.users.all()[0].factor
            used, other = code(), browser()
            assert (await other.sign_in("Anna")).status_code == 403
            assert (await other.sign_in("Anna", code=used)).status_code == 403
            clock.at += 30
            assert (await other.sign_in("Anna", code=code())).status_code == 303
            assert (await browser().sign_in("Anna", code=code())).status_code == 403
            await other.get("/own")
            assert (await other.post("/own/factor/off", {"password": "wrong"})).status_code == 400
            assert (await other.post("/own/factor/off", {"password": PASSWORD})).status_code == 303
            assert (await browser().sign_in("Anna")).status_code == 303


@pytest.mark.parametrize("role", [Role.MEMBER, Role.AUDITOR])
async def test_only_an_owner_sees_and_changes_users(tmp_path: Path, role: Role) -> None:
    with opened(tmp_path) as (app, _):
        owner, other = given_user(app, "Anna"), given_user(app, "Ben", role)
        async with browsing(app) as browser:
            ben = browser()
            await ben.sign_in("Ben")
            assert (await ben.get("/people")).status_code == 403
            await ben.get("/own")
            new = {"name": "Eve", "password": PASSWORD, "role": "owner"}
            for path, fields in (
                ("/people", new),
                ("/people", {**new, "password": ""}),
                (f"/people/{other}/role", {"role": "owner"}),
                (f"/people/{owner}/link", {}),
                (f"/people/{owner}/factor/off", {}),
                (f"/people/{other}/rights", {"account-1": "change"}),
                (f"/people/{owner}/remove", {}),
            ):
                await ben.get("/own")
                assert (await ben.post(path, fields)).status_code == 403, path
        assert [user.name for user in app.store.users.all()] == ["Anna", "Ben"]


async def test_an_owner_lets_others_in_and_out(tmp_path: Path) -> None:
    with opened(tmp_path) as (app, _):
        account = app.store.accounts.add(ANNA).id
        given_user(app, "Anna")
        async with browsing(app) as browser:
            anna, ben = browser(), browser()
            await anna.sign_in("Anna")
            await anna.get("/people")
            new = {"name": "Ben", "password": PASSWORD, "role": "member"}
            assert (await anna.post("/people", {**new, "role": "god"})).status_code == 400
            assert (await anna.post("/people", new)).status_code == 303
            await anna.get("/people")
            assert (await anna.post("/people", {**new, "name": "BEN"})).status_code == 400
            user = app.store.users.named("ben")
            assert user is not None and user.rights == {}
            await ben.sign_in("Ben")
            assert "anna@example.org" not in (await ben.get("/accounts")).text
            await anna.post(f"/people/{user.id}/rights", {f"account-{account}": "read", "account-99": "read"})
            user = app.store.users.named("Ben")
            assert user is not None and user.rights == {account: Right.READ}
            assert "anna@example.org" in (await ben.get("/accounts")).text
            await anna.get("/people")
            assert (await anna.post(f"/people/{user.id}/remove", {})).status_code == 303
            assert (await ben.get("/accounts")).headers["location"] == "/sign-in"
            last = app.store.users.all()[0].id
            await anna.get("/people")
            assert (await anna.post(f"/people/{last}/remove", {})).status_code == 400
            assert HOST in str(anna.client.base_url)


async def test_a_link_lets_a_new_user_choose_a_password_once(tmp_path: Path) -> None:
    with opened(tmp_path) as (app, clock):
        given_user(app, "Anna")
        async with browsing(app) as browser:
            anna, ben, eve = browser(), browser(), browser()
            await anna.sign_in("Anna")
            await anna.get("/people")
            shown = await anna.post("/people", {"name": "Ben", "password": "", "role": "member"})
            link = shown.text.split(f"http://{HOST}")[1].split('"')[0]
            assert link.startswith("/password/")
            assert (await ben.sign_in("Ben", "")).status_code == 403
            assert "Ben" in (await ben.get(link)).text
            assert (await ben.post(link, {"password": "short"})).status_code == 400
            assert (await ben.post(link, {"password": "a word of my own"})).headers["location"] == "/sign-in"
            assert (await eve.get(link)).status_code == 404
            assert (await ben.sign_in("Ben", "a word of my own")).status_code == 303
            user = app.store.users.named("Ben")
            assert user is not None and link not in (await anna.get(f"/people/{user.id}")).text
            # A password that was forgotten: the one before is good until another is chosen.
            shown = await anna.post(f"/people/{user.id}/link", {})
            link = shown.text.split(f"http://{HOST}")[1].split('"')[0]
            clock.at += 3 * 86_400
            assert (await ben.get(link)).status_code == 404
            assert (await browser().sign_in("Ben", "a word of my own")).status_code == 303


async def test_a_recovery_code_lets_in_once_without_the_device(tmp_path: Path) -> None:
    with opened(tmp_path) as (app, clock):
        given_user(app, "Anna")
        async with browsing(app) as browser:
            anna = browser()
            await anna.sign_in("Anna")
            page = (await anna.get("/own")).text
            assert "<svg" in page and "style=" not in page
            secret = page.split('name="secret" value="')[1][:40]
            code = code_at(bytes.fromhex(secret), int(clock.at) // 30)
            shown = (await anna.post("/own/factor", {"secret": secret, "code": code})).text
            codes = re.findall(r"<code>([A-Z2-7-]{19})</code>", shown)
            assert len(set(codes)) == 8
            assert (await browser().sign_in("Anna", code=codes[0].lower())).status_code == 303
            assert (await browser().sign_in("Anna", code=codes[0])).status_code == 403
            assert (await browser().sign_in("Anna", "wrong", codes[1])).status_code == 403
            assert (await browser().sign_in("Anna", code=codes[1])).status_code == 303
            page = (await anna.get("/own")).text
            assert "6 recovery codes are left" in page and codes[2] not in page
            assert (await anna.post("/own/codes", {"password": "wrong"})).status_code == 400
            assert (await anna.post("/own/codes", {"password": PASSWORD})).status_code == 200
            assert (await browser().sign_in("Anna", code=codes[2])).status_code == 403
    kept = b"".join(file.read_bytes() for file in (tmp_path / "home").glob("eilbote.sqlite*"))
    assert codes[3].encode() not in kept and codes[3].replace("-", "").encode() not in kept


async def test_sessions_are_listed_and_ended_by_whose_they_are(tmp_path: Path) -> None:
    with opened(tmp_path) as (app, _):
        given_user(app, "Anna")
        given_user(app, "Ben")
        async with browsing(app) as browser:
            one, two, three, ben = (browser() for _ in range(4))
            two.client.headers["User-Agent"] = (
                "Mozilla/5.0 (X11; Linux x86_64; rv:130.0) Gecko/2 Firefox/130.0"
            )
            for each in (one, two, three):
                await each.sign_in("Anna")
            await ben.sign_in("Ben")
            page = (await one.get("/own")).text
            assert "Firefox, Linux" in page and page.count('name="session"') == 3
            firefox = page.split("Firefox, Linux")[1].split('name="session" value="')[1][:64]
            await ben.post("/own/sessions/end", {"session": firefox})
            assert (await two.get("/accounts")).status_code == 200
            await one.post("/own/sessions/end", {"session": firefox})
            assert [(await each.get("/accounts")).status_code for each in (two, three)] == [303, 200]
            await one.get("/own")
            await one.post("/own/sessions/end", {})
            assert [(await each.get("/accounts")).status_code for each in (one, three, ben)] == [
                200,
                303,
                200,
            ]


async def test_a_role_is_changed_and_the_last_owner_stays(tmp_path: Path) -> None:
    with opened(tmp_path) as (app, _):
        account = app.store.accounts.add(ANNA).id
        anna = given_user(app, "Anna")
        ben = given_user(app, "Ben", Role.MEMBER)
        app.store.users.set_rights(ben, {account: Right.CHANGE})
        async with browsing(app) as browser:
            one = browser()
            await one.sign_in("Anna")
            last = await one.post(f"/people/{anna}/role", {"role": "member"})
            assert last.status_code == 400
            assert (await one.post(f"/people/{ben}/role", {"role": "auditor"})).status_code == 303
            found = app.store.users.get(ben)
            assert (found.role, found.rights) == (Role.AUDITOR, {account: Right.READ})
            assert (await one.post(f"/people/{ben}/role", {"role": "owner"})).status_code == 303
            assert (await one.post(f"/people/{anna}/role", {"role": "member"})).status_code == 303
            assert (await one.get("/people")).status_code == 403


async def test_the_password_is_not_guessed_where_the_page_was_left_open(tmp_path: Path) -> None:
    with opened(tmp_path) as (app, clock):
        given_user(app, "Anna")
        async with browsing(app) as browser:
            anna = browser()
            await anna.sign_in("Anna")
            wrong = {"before": "wrong", "after": "another good one", "password": "wrong"}
            for path in ("/own/password", "/own/factor/off", "/own/codes", "/own/password", "/own/codes"):
                assert "The password is wrong." in (await anna.post(path, wrong)).text
            right = {"before": PASSWORD, "after": "another good one"}
            assert "There were too many tries." in (await anna.post("/own/password", right)).text
            clock.at += 16 * 60
            assert (await anna.post("/own/password", right)).status_code == 303
