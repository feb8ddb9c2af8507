"""Writing on the page: what the form begins with, what leaves, that it leaves once, and who may."""

from __future__ import annotations

import html
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from msgspec.structs import replace

from eilbote.delivery.values import Outgoing, SendState
from eilbote.engine.app import App
from eilbote.engine.indexing import index_all
from eilbote.engine.users import set_rights
from eilbote.mail.message import parse_message
from eilbote.mail.typed_addresses import typed_addresses
from eilbote.store.values import Right, Role
from tests.store.given import ANNA, Home, arrival
from tests.web.browser import PASSWORD, Browser, browsing, given_user, opened, shown
from tests.web.chromium import chromium

BERT = replace(ANNA, address="bert@example.org", name="Bert")
ASKED = """From: "Max, der <Große>" <max@example.org>\r
To: anna@example.org, Eva <eva@example.org>\r
Message-ID: <asked@example.org>\r
Subject: Termin\r
Content-Type: text/plain; charset=utf-8\r
\r
Passt es am Montag <b>früh</b>?\r
""".encode()


@pytest.fixture
def app(tmp_path: Path) -> Iterator[App]:
    with opened(tmp_path) as (app, _):
        yield app


def fields_of(page: str) -> dict[str, str]:
    """The form as a browser would send it."""
    form = page[page.index('action="/write"') :]
    inputs = re.findall(r'<input type="(?:hidden|text)" name="(\w+)" value="([^"]*)"', form)
    fields = {name: html.unescape(value) for name, value in inputs}
    chosen = re.search(r'<option value="([^"]+)" selected>', form)
    text = re.search(r"<textarea[^>]*>\n?(.*?)</textarea>", form, re.DOTALL)
    assert chosen and text
    fields |= {"sender": chosen[1], "text": html.unescape(text[1])}
    for tick in ("quotes", "sign", "markdown"):
        if f'name="{tick}" value="1" checked' in form:
            fields[tick] = "1"
    priority = re.search(r'name="priority">.*?<option value="(\w+)" selected>', form)
    return fields | ({"priority": priority[1]} if priority else {})


async def written(kim: Browser, path: str, **typed: str) -> str:
    """Opens the form, types, sends; gives the path of the mail."""
    page = (await kim.get(path)).text
    answer = await kim.post("/write", fields_of(page) | typed)
    assert answer.status_code == 303, answer.text
    return str(answer.headers["location"])


def outgoing(app: App, path: str) -> Outgoing:
    """What was put into the outbox from there."""
    return app.store.outbox.get(app.store.writings.get(int(path.removeprefix("/write/"))).outgoing)


def sent(app: App, path: str) -> bytes:
    return app.store.outbox.raw(outgoing(app, path).id)


async def test_a_new_mail_waits_some_seconds_and_can_be_taken_back(app: App) -> None:
    Home(app.store)
    given_user(app, "Kim")
    async with browsing(app) as browser:
        kim = browser()
        await kim.sign_in("Kim")
        path = await written(
            kim,
            "/write",
            to='"Groß, Karl" <karl@example.org>; eva@example.org',
            bcc="blind.copy@example.org",
            subject="Größe",
            text="Guten Tag.\r\n.\r\nEnde",
        )
        (mail,) = app.store.outbox.all()
        assert [one.address for one in mail.recipients] == [
            "karl@example.org",
            "eva@example.org",
            "blind.copy@example.org",
        ]
        assert (mail.sender, mail.subject, mail.not_before) == (
            "anna@example.org",
            "Größe",
            app.clock.now() + 10,
        )
        raw = sent(app, path)
        assert (
            "Guten Tag.\n.\nEnde" in parse_message(raw).body_text() and b"blind.copy@example.org" not in raw
        )
        assert "Take it back" in (await kim.get(path)).text
        await kim.post(f"{path}/take-back", {})
        assert app.store.outbox.get(mail.id).state is SendState.CANCELLED
        fields = fields_of((await kim.get(path)).text)
        assert fields["text"] == "Guten Tag.\n.\nEnde" and fields["bcc"] == "blind.copy@example.org"


async def test_an_answer_goes_to_whom_the_form_says_with_the_text_of_the_mail_or_without(app: App) -> None:
    (number,) = Home(app.store).arrive(arrival(1, raw=ASKED)).ids
    given_user(app, "Kim")
    async with browsing(app) as browser:
        kim = browser()
        await kim.sign_in("Kim")
        page = (await kim.get(f"/write?answers={number}&everyone=1")).text
        assert "<b>" not in page and "&lt;b&gt;früh" in page
        fields = fields_of(page)
        assert fields["subject"] == "Re: Termin" and "eva@example.org" in fields["cc"] + fields["to"]
        assert "anna@example.org" not in fields["to"] + fields["cc"]
        path = await written(kim, f"/write?answers={number}&everyone=1", text="Ja.", cc="")
        mail = outgoing(app, path)
        left = (
            {"max@example.org"}
            if "eva@example.org" in fields["cc"]
            else {"max@example.org", "eva@example.org"}
        )
        assert {one.address for one in mail.recipients} == left
        raw = sent(app, path)
        assert (
            b"In-Reply-To: <asked@example.org>" in raw
            and "> Passt es am Montag" in parse_message(raw).body_text()
        )
        assert (mail.answers, mail.marks) == (number, "\\Answered")
        path = await written(kim, f"/write?answers={number}", text="Nein.", quotes="")
        assert "Passt es" not in parse_message(sent(app, path)).body_text()


async def test_a_mail_is_sent_on_with_its_text(app: App) -> None:
    (number,) = Home(app.store).arrive(arrival(1, raw=ASKED)).ids
    given_user(app, "Kim")
    async with browsing(app) as browser:
        kim = browser()
        await kim.sign_in("Kim")
        path = await written(kim, f"/write?forwards={number}", text="Zur Kenntnis.", to="eva@example.org")
        text = parse_message(sent(app, path)).body_text()
        assert "Zur Kenntnis." in text and "Passt es am Montag" in text
        assert (await kim.get(f"/write?forwards={number}&answers={number}")).status_code == 400


async def test_a_form_sent_twice_is_one_mail_and_a_wrong_one_keeps_what_was_typed(app: App) -> None:
    Home(app.store)
    given_user(app, "Kim")
    async with browsing(app) as browser:
        kim = browser()
        await kim.sign_in("Kim")
        fields = fields_of((await kim.get("/write")).text) | {"to": "eva@example.org", "text": "Einmal."}
        first, second = [await kim.post("/write", fields) for _ in range(2)]
        assert first.headers["location"] == second.headers["location"]
        assert len(app.store.outbox.all()) == 1
        for wrong in (
            {"to": "eva@"},
            {"to": ""},
            {"subject": "a\r\nBcc: z@example.org"},
            {"text": "Anders."},
        ):
            answer = await kim.post("/write", fields | {"text": 'Bleibt "stehen" </textarea>'} | wrong)
            assert answer.status_code in (400, 409)
            again = fields_of(answer.text)
            assert again["text"] == wrong.get("text", 'Bleibt "stehen" </textarea>')
        assert len(app.store.outbox.all()) == 1
        assert b"\r\nBcc:" not in app.store.outbox.raw(app.store.outbox.all()[0].id)


async def test_only_who_may_change_an_account_writes_as_it_and_only_about_mail_that_may_be_read(
    app: App,
) -> None:
    home = Home(app.store)
    (hers,) = home.arrive(arrival(1, raw=ASKED)).ids
    bert = app.store.accounts.add(BERT, app.clock.now())
    member, reader = given_user(app, "Max", Role.MEMBER), given_user(app, "Eva", Role.MEMBER)
    given_user(app, "Ute", Role.AUDITOR)
    set_rights(app, member, {bert.id: Right.CHANGE})
    set_rights(app, reader, {bert.id: Right.READ})
    async with browsing(app) as browser:
        max_, eva, ute = browser(), browser(), browser()
        for who, name in ((max_, "Max"), (eva, "Eva"), (ute, "Ute")):
            await who.sign_in(name)
        for who in (eva, ute):
            assert (await who.get("/write")).status_code == 403
        page = (await max_.get("/write")).text
        assert "bert@example.org" in page and "anna@example.org" not in page
        fields = fields_of(page) | {"to": "x@example.org", "text": "Hallo"}
        assert (await max_.get(f"/write?answers={hers}")).status_code == 404
        await max_.get("/write")
        assert (await max_.post("/write", fields | {"answers": str(hers)})).status_code == 404
        await max_.get("/write")
        assert (await max_.post("/write", fields | {"sender": "anna@example.org"})).status_code == 400
        await eva.get("/own")
        assert (await eva.post("/write", {**fields, "token": eva.token})).status_code == 403
        index_all(app.store)
        assert (await max_.get("/write/people?q=max")).json() == []
    assert app.store.outbox.all() == []


async def test_people_are_offered_while_an_address_is_typed(app: App) -> None:
    home = Home(app.store)
    hostile = b"From: =?utf-8?q?=3Cscript=3E=0D=0ABcc=3A_x?= <maxi@example.org>\r\n\r\nHallo\r\n"
    home.arrive(arrival(1, raw=ASKED), arrival(2, raw=hostile))
    index_all(app.store)
    given_user(app, "Kim")
    async with browsing(app) as browser:
        kim = browser()
        await kim.sign_in("Kim")
        people = (await kim.get("/write/people?q=ma")).json()
        assert people and all("\n" not in one and typed_addresses(one) for one in people)
        assert (await kim.get("/write/people?q=" + "x" * 5000)).json() == []


async def test_in_a_browser_people_are_chosen_with_keys_and_the_mail_is_queued(app: App) -> None:
    Home(app.store).arrive(arrival(1), arrival(2, message_id="2@example.org"))
    index_all(app.store)
    given_user(app, "Kim")
    async with shown(app) as address, chromium() as chrome:
        page = await chrome.new_page(locale="de-DE")
        await page.goto(f"{address}/sign-in")
        await page.fill("[name=name]", "Kim")
        await page.fill("[name=password]", PASSWORD)
        await page.click("button")
        await page.wait_for_url("**/inbox")
        await page.wait_for_selector("#show-keys:not([hidden])", state="attached")
        await page.keyboard.press("c")
        await page.wait_for_selector("[role=combobox]")
        await page.keyboard.type('"Groß, Eva" <eva@example.org>, ma')
        await page.wait_for_selector("#people-to [aria-selected=true]")
        assert await page.get_attribute("[name=to]", "aria-expanded") == "true"
        await page.keyboard.press("Enter")
        assert await page.input_value("[name=to]") == '"Groß, Eva" <eva@example.org>, Max <Max@Example.org>, '
        await page.fill("[name=text]", "Guten Tag.")
        await page.click("#send")
        await page.wait_for_url("**/write/*")
        await page.wait_for_selector("text=Zurücknehmen")
        assert "Sie geht in ein paar Sekunden hinaus." in await page.inner_text("main")
    (mail,) = app.store.outbox.all()
    assert [one.address for one in mail.recipients] == ["eva@example.org", "Max@example.org"]


async def test_a_mail_goes_out_later_and_as_markdown(app: App) -> None:
    Home(app.store)
    given_user(app, "Kim")
    async with browsing(app) as browser:
        kim = browser()
        await kim.sign_in("Kim")
        typed = {"to": "eva@example.org", "text": "**Wichtig**", "markdown": "1"}
        path = await written(kim, "/write", **typed, at="in 2 Stunden")
        mail = outgoing(app, path)
        assert mail.not_before == app.clock.now() + 7200
        assert "<strong>Wichtig</strong>" in parse_message(sent(app, path)).body_html()
        for wrong in ("gestern 8:00", "irgendwann"):
            fields = fields_of((await kim.get("/write")).text) | typed | {"at": wrong}
            answer = await kim.post("/write", fields)
            assert answer.status_code == 400 and f'name="at" value="{wrong}"' in answer.text
            assert 'name="markdown" value="1" checked' in answer.text
        assert len(app.store.outbox.all()) == 1


async def test_a_link_to_an_address_fills_the_form_and_nothing_else(app: App) -> None:
    Home(app.store)
    given_user(app, "Kim")
    async with browsing(app) as browser:
        kim = browser()
        await kim.sign_in("Kim")
        page = (await kim.get("/write?to=karl%40example.org&subject=%22%3E%3Cscript%3E&text=evil")).text
        fields = fields_of(page)
        assert (fields["to"], fields["subject"]) == ("karl@example.org", '"><script>')
        assert "<script>" not in page and "evil" not in fields["text"]
        assert not app.store.outbox.all()
