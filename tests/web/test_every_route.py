"""Every route of the page against a stranger: whoever has no right gets nothing by guessing ids, and whatever
is sent, the answer is a page in the visitor's language that says what to do, never a traceback.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from fastapi.routing import APIRoute

from eilbote.engine.app import App
from eilbote.engine.send import Envelope, queue_mail
from eilbote.engine.users import set_rights
from eilbote.store.values import Right, Role
from eilbote.web.site import PAGES
from tests.store.given import Home, arrival, raw_mail
from tests.web.browser import Browser, browsing, given_user, opened

OPEN = {"/sign-in", "/sign-out", "/link/{token}", "/password/{token}", "/assets/{mark}/{name}"}
"""Routes that are there for everybody."""

SECRET = "Geheimnis-4711"
TEMPLATES = Path("src/eilbote/web/templates")
WRONG = ("0", "-1", "999999", "9" * 40, "٣", "%00", "..%2F..%2Fetc", "%F0%9F%92%A9", "'--", "a" * 3000)


@pytest.fixture
def app(tmp_path: Path) -> Iterator[App]:
    with opened(tmp_path) as (app, _):
        yield app


def routes() -> list[tuple[str, str]]:
    """Method and address of every route."""
    return [
        (method, route.path)
        for router in PAGES
        for route in router.routes
        if isinstance(route, APIRoute)
        for method in sorted(route.methods or ())
    ]


def field_names() -> list[str]:
    """Every name that any form of ours sends."""
    text = "".join(file.read_text() for file in TEMPLATES.glob("*.html"))
    named = set(re.findall(r'\bname="([a-z_-]+)"', text)) | set(
        re.findall(r'field\([^)]*?\), "([a-z_-]+)"', text)
    )
    return sorted(named - {"viewport", "color-scheme", "referrer", "token"})


def query_names(path: str) -> list[str]:
    return sorted(
        {
            one.alias
            for router in PAGES
            for route in router.routes
            if isinstance(route, APIRoute) and route.path == path
            for one in route.dependant.query_params
        }
    )


def filled(path: str, value: str) -> str:
    return re.sub(r"\{[a-z]+(?::[a-z]+)?\}", lambda _: value, path)


class Given:
    """A home with a mail, a mail on its way and a draft, and the ids of everything."""

    def __init__(self, app: App) -> None:
        home = Home(app.store)
        raw = (
            raw_mail(1)
            .replace(b"Subject: ", f"Comment: {SECRET}\r\nSubject: ".encode())
            .replace(b"\r\n\r\n", f"\r\n\r\n{SECRET} ".encode(), 1)
        )
        (self.mail,) = home.arrive(arrival(1, raw=raw)).ids
        account = app.store.accounts.get(home.account)
        self.outgoing = queue_mail(app, account, raw, Envelope(account.address, ("max@example.org",))).id
        self.account, self.box = home.account, app.store.mailboxes.all(home.account)[0].id
        self.owner = given_user(app, "Kim")
        self.writing = 0

    def path(self, route: str) -> str:
        """The address with ids that there are."""
        mail = self.outgoing if route.startswith("/outbox/{mail}") else self.mail
        ids = {
            "mail": mail,
            "box": self.box,
            "account": self.account,
            "user": self.owner,
            "writing": self.writing,
        }
        return re.sub(r"\{([a-z]+)(?::[a-z]+)?\}", lambda found: str(ids.get(found[1], 1)), route)


async def with_draft(kim: Browser, given: Given) -> None:
    """The owner begins a mail whose text is nobody else's business."""
    page = (await kim.get("/write")).text
    sender = re.search(r'<option value="([^"]+)"', page)
    key = re.search(r'name="key" value="([^"]+)"', page)
    assert sender and key
    fields = {"sender": sender[1], "key": key[1], "text": SECRET, "subject": SECRET, "do": "save"}
    answer = await kim.post("/write", fields)
    given.writing = int(answer.headers["location"].rpartition("/")[2])


async def test_without_a_right_no_id_leads_to_anything(app: App) -> None:
    given = Given(app)
    given_user(app, "Noah", Role.MEMBER)
    async with browsing(app) as browser:
        kim, noah, nobody = browser(), browser(), browser()
        await kim.sign_in("Kim")
        await with_draft(kim, given)
        await noah.sign_in("Noah")
        token = noah.token
        before = state_of(app, given)
        assert SECRET in (await kim.get(f"/inbox/{given.mail}")).text  # it could be seen
        ids = {
            **dict.fromkeys(("id", "mail", "answers", "forwards"), str(given.mail)),
            "account": str(given.account),
            "box": str(given.box),
            "writing": str(given.writing),
            "sender": "anna@example.org",
            "to": "max@example.org",
            "back": f"/box/{given.box}",
        }
        for method, route in routes():
            if route in OPEN or route == "/live":
                continue
            path = given.path(route)
            if method == "GET":
                query = {name: ids[name] for name in query_names(route) if name in ids}
                answers = [await noah.client.get(path), await noah.client.get(path, params=query)]
            else:
                answers = [
                    await noah.post(
                        path, {**ids, "act": act, "do": act, "decision": "take-back"}, token=token
                    )
                    for act in ("delete", "send", "move")
                ]
            for answer in answers:
                assert SECRET not in answer.text, (method, path)
                assert answer.status_code < 500, (method, path, answer.text)
                if "{" in route:
                    assert answer.status_code in (400, 403, 404), (method, path, answer.status_code)
            stranger = await nobody.client.request(method, path, headers={"Origin": "http://127.0.0.1:8425"})
            assert stranger.status_code in (303, 403, 415), (method, path, stranger.status_code)
            assert SECRET not in stranger.text
        assert state_of(app, given) == before


def state_of(app: App, given: Given) -> object:
    """What a stranger might have changed."""
    return (
        app.store.accounts.get(given.account),
        app.store.messages.placements([given.mail]),
        app.store.outbox.get(given.outgoing),
        app.store.mailboxes.all(given.account),
        [(user.name, user.role) for user in app.store.users.all() if user.name != "Noah"],
    )


async def test_who_may_only_read_changes_nothing(app: App) -> None:
    given = Given(app)
    lea = given_user(app, "Lea", Role.MEMBER)
    set_rights(app, lea, {given.account: Right.READ})
    async with browsing(app) as browser:
        reader = browser()
        await reader.sign_in("Lea")
        token, before = reader.token, state_of(app, given)
        for method, route in routes():
            if method != "POST" or route in OPEN or "{writing}" in route:
                continue
            for act in ("delete", "send", "archive"):
                fields = {
                    "id": str(given.mail),
                    "mail": str(given.mail),
                    "account": str(given.account),
                    "act": act,
                    "do": act,
                    "decision": "take-back",
                    "name": "Neu",
                    "to": "Archiv",
                }
                answer = await reader.post(given.path(route), fields, token=token)
                assert answer.status_code < 500, (route, answer.text)
        assert state_of(app, given) == before


async def test_whatever_is_asked_for_the_answer_is_a_page_that_helps(app: App) -> None:
    language, given = "de", Given(app)
    async with browsing(app) as browser:
        kim = browser()
        await kim.sign_in("Kim")
        for method, route in routes():
            if method != "GET" or route in ("/live", "/write/foresee"):
                continue
            paths = [filled(route, wrong) for wrong in WRONG] if "{" in route else [given.path(route)]
            if "{" in route:
                paths.append(given.path(route))
            for path in paths:
                helps(await kim.client.get(path, headers={"Accept-Language": language}), language, path)
            for name in query_names(route):
                for wrong in WRONG:
                    address = f"{given.path(route)}?{name}={wrong}"
                    helps(
                        await kim.client.get(address, headers={"Accept-Language": language}),
                        language,
                        address,
                    )
            address = f"{given.path(route)}?{'x=1&' * 3000}"
            helps(
                await kim.client.get(address, headers={"Accept-Language": language}), language, address[:80]
            )


async def test_whatever_a_form_holds_the_answer_is_a_page_that_helps(app: App) -> None:
    given = Given(app)
    names = field_names()
    async with browsing(app) as browser:
        kim = browser()
        await kim.sign_in("Kim")
        token = kim.token
        spared = {"/sign-out", "/own/password", "/own/factor", "/sign-in"}
        for method, route in routes():
            if method != "POST" or route in spared or "remove" in route or "sync" in route:
                continue
            for wrong in ("", "-1", "9" * 40, "\x00", "💩" * 300):
                for fields in ({}, dict.fromkeys(names, wrong)):
                    for path in {given.path(route), filled(route, "999999"), filled(route, "x")}:
                        answer = await kim.post(path, fields, token=token)
                        helps(answer, "en", f"{path} {wrong!r:.20}")


def helps(answer: object, language: str, asked: str) -> None:
    """No mistake of ours; where it is a page, it is whole, in this language, and leads on."""
    import httpx2

    assert isinstance(answer, httpx2.Response)
    assert answer.status_code < 500, (asked, answer.status_code, answer.text[:500])
    kind = answer.headers.get("content-type", "")
    assert answer.headers["x-content-type-options"] == "nosniff", asked
    if answer.status_code in (303, 304) or not kind.startswith("text/html"):
        assert answer.status_code in (200, 303, 400) or not kind.startswith("text/plain"), (
            asked,
            answer.text,
        )
        assert "application/json" not in kind or "detail" not in answer.text, (asked, answer.text)
        return
    assert "Traceback" not in answer.text, asked
    if answer.status_code >= 400:
        assert f'<html lang="{language}"' in answer.text, (asked, answer.text[:300])
        assert 'role="alert"' in answer.text, (asked, answer.text[-800:])
        assert "<a " in answer.text or "<form" in answer.text, asked


async def test_what_was_typed_outlives_the_session(app: App) -> None:
    given_user(app, "Kim")
    async with browsing(app) as browser:
        kim, text = browser(), "Guten Tag, <b>dies</b> soll bleiben."
        await kim.sign_in("Kim")
        token = kim.token
        with app.store.database.write() as session:
            session.run("DELETE FROM signed_in")
        answer = await kim.post(
            "/write", {"text": text, "subject": "Neues", "password": "geheim"}, token=token
        )
        assert answer.status_code == 403
        assert "Guten Tag, &lt;b&gt;dies&lt;/b&gt; soll bleiben." in answer.text and "Neues" in answer.text
        assert "You are no longer signed in." in answer.text and "geheim" not in answer.text
        assert 'href="/sign-in"' in answer.text
        await kim.sign_in("Kim")
        again = await kim.post("/write", {"text": text}, token=token)
        assert again.status_code == 403 and "another session" in again.text and "soll bleiben" in again.text
