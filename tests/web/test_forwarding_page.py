"""Sending mail on from the page: attached as it came, redirected unchanged, fetched whole before; and only by
whom it may be read.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from msgspec.structs import replace

from eilbote.engine import foreseeing, sending_on
from eilbote.engine.app import App
from eilbote.engine.users import set_rights
from eilbote.errors import Problem
from eilbote.mail.message import parse_message
from eilbote.store.values import Right, Role
from tests.engine.test_foreseeing import Asked
from tests.store.given import ANNA, Home, arrival
from tests.web.browser import browsing, given_user, opened
from tests.web.test_writing_page import ASKED, fields_of, sent, written

BERT = replace(ANNA, address="bert@example.org", name="Bert")


@pytest.fixture
def app(tmp_path: Path) -> Iterator[App]:
    with opened(tmp_path) as (app, _):
        yield app


def hidden_in(page: str) -> dict[str, str]:
    return dict(re.findall(r'<input type="hidden" name="(\w+)" value="([^"]*)"', page[page.index("<main") :]))


async def test_a_mail_goes_on_as_an_attachment_byte_for_byte(app: App) -> None:
    (number,) = Home(app.store).arrive(arrival(1, raw=ASKED)).ids
    given_user(app, "Kim")
    async with browsing(app) as browser:
        kim = browser()
        await kim.sign_in("Kim")
        page = (await kim.get(f"/write?forwards={number}")).text
        assert "attached=1" in page and f"/write/redirect?mail={number}" in page
        path = await written(
            kim, f"/write?forwards={number}&attached=1", to="eva@example.org", text="Sieh an."
        )
        (file,) = parse_message(sent(app, path)).attachments
        assert file.body() == ASKED
        assert app.store.outbox.all()[0].marks == "$Forwarded"


async def test_a_mail_is_redirected_unchanged_and_once(app: App) -> None:
    (number,) = Home(app.store).arrive(arrival(1, raw=ASKED)).ids
    given_user(app, "Kim")
    async with browsing(app) as browser:
        kim = browser()
        await kim.sign_in("Kim")
        page = (await kim.get(f"/write/redirect?mail={number}")).text
        fields = hidden_in(page) | {"sender": "anna@example.org", "to": "eva@example.org", "bcc": ""}
        for _ in range(2):
            assert (await kim.post("/write/redirect", fields)).status_code == 303
        (mail,) = app.store.outbox.all()
        raw = app.store.outbox.raw(mail.id)
        assert raw.endswith(ASKED) and b"Resent-To: eva@example.org" in raw
        assert mail.not_before == app.clock.now() + 10
        wrong = await kim.post("/write/redirect", fields | {"to": "eva@", "key": "x"})
        assert wrong.status_code == 400 and 'value="eva@"' in wrong.text


async def test_what_is_held_in_part_is_fetched_before(app: App, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = ASKED + b"x" * 1000 + b"\r\n"
    home = Home(app.store)
    (number,) = home.arrive(arrival(1, raw=ASKED, size=len(whole))).ids
    given_user(app, "Kim")
    answers: list[Problem | None] = [Problem("net.refused", {"host": "imap.example.org"}), None]

    async def fetch_whole(_app: App, mail: str) -> Problem | None:
        assert mail == str(number)
        return answers.pop(0)

    monkeypatch.setattr(sending_on, "fetch_whole", fetch_whole)
    async with browsing(app) as browser:
        kim = browser()
        await kim.sign_in("Kim")
        for path in (f"/write?forwards={number}", f"/write/redirect?mail={number}"):
            page = (await kim.get(path)).text
            assert 'action="/write/fetch"' in page and 'data-now="1"' in page and "<textarea" not in page
        page = (await kim.get(f"/write?forwards={number}&attached=1")).text
        failed = await kim.post("/write/fetch", hidden_in(page))
        assert failed.status_code == 503 and "Try again" in failed.text and "data-now" not in failed.text
        done = await kim.post("/write/fetch", hidden_in(failed.text))
        assert done.headers["location"] == f"/write?forwards={number}&attached=1"
        draft = arrival(2, raw=ASKED, size=len(whole), flags=["\\Draft"], message_id="d@example.org")
        (held,) = home.arrive(draft).ids
        assert f'name="mail" value="{held}"' in (await kim.get(f"/write?draft={held}")).text
        # An answer needs no more than is here.
        assert fields_of((await kim.get(f"/write?answers={number}")).text)["subject"] == "Re: Termin"


async def test_nobody_sends_on_what_they_may_not_read_or_marks_what_they_may_not_change(app: App) -> None:
    (hers,) = Home(app.store).arrive(arrival(1, raw=ASKED, size=9999)).ids
    (readable,) = app.store.messages.list_placements(limit=9)
    other = app.store.accounts.add(BERT, app.clock.now()).id
    max_, ute = given_user(app, "Max", Role.MEMBER), given_user(app, "Ute", Role.MEMBER)
    set_rights(app, max_, {other: Right.CHANGE})
    set_rights(app, ute, {other: Right.CHANGE, readable.account: Right.READ})
    async with browsing(app) as browser:
        who = browser()
        await who.sign_in("Max")
        for path in (f"/write/redirect?mail={hers}", f"/write?forwards={hers}&attached=1"):
            assert (await who.get(path)).status_code == 404
        await who.get("/own")
        fields = {"mail": str(hers), "sender": "bert@example.org", "to": "x@example.org", "key": "k"}
        for path in ("/write/redirect", "/write/fetch"):
            assert (await who.post(path, fields)).status_code == 404
            await who.get("/own")
        assert (await who.post("/write/redirect", fields | {"sender": "anna@example.org"})).status_code == 404
        assert app.store.outbox.all() == []


async def test_who_may_only_read_a_mail_answers_it_without_a_mark(app: App) -> None:
    home = Home(app.store)
    (hers,) = home.arrive(arrival(1, raw=ASKED)).ids
    other = app.store.accounts.add(BERT, app.clock.now()).id
    ute = given_user(app, "Ute", Role.MEMBER)
    set_rights(app, ute, {other: Right.CHANGE, home.account: Right.READ})
    async with browsing(app) as browser:
        who = browser()
        await who.sign_in("Ute")
        path = await written(who, f"/write?answers={hers}", text="Danke.")
        await who.get(f"/write/redirect?mail={hers}")
        fields = {"mail": str(hers), "sender": "bert@example.org", "to": "x@example.org", "key": "k"}
        assert (await who.post("/write/redirect", fields)).status_code == 303
        assert b"In-Reply-To: <asked@example.org>" in sent(app, path)
        assert [(one.answers, one.marks) for one in app.store.outbox.all()] == [(0, "")] * 2


async def test_domains_are_foreseen_for_who_may_write(app: App, monkeypatch: pytest.MonkeyPatch) -> None:
    Home(app.store)
    asked = Asked()
    monkeypatch.setattr(foreseeing, "foresee", asked)
    given_user(app, "Kim")
    given_user(app, "Eva", Role.AUDITOR)
    async with browsing(app) as browser:
        kim, eva = browser(), browser()
        await kim.sign_in("Kim")
        await eva.sign_in("Eva")
        said = (await kim.get("/write/foresee?domains=a.example,%3Cb%3E,")).text
        assert 'class="proven"' in said and "&lt;b&gt;" in said and "<b><b>" not in said
        assert (await eva.get("/write/foresee?domains=c.example")).status_code == 403
        assert asked.domains == ["a.example", "<b>"]
