"""Invitations on the page: shown in words, answered once from the invited address, by who may."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from icalendar import Calendar

from eilbote.engine import send
from eilbote.engine.app import App
from eilbote.engine.identities import Saying, add_identity
from eilbote.engine.users import set_rights
from eilbote.mail.message import parse_message
from eilbote.store.values import Right, Role
from tests.messages.invitations import ANSWERED, APPLE, CANCELLED, GOOGLE, OUTLOOK, mail_with
from tests.store.given import Home, arrival
from tests.web.browser import Browser, browsing, given_user, opened


@pytest.fixture
def app(tmp_path: Path) -> Iterator[App]:
    with opened(tmp_path) as (app, _):
        yield app


def arrived(home: Home, *raws: bytes) -> list[int]:
    return list(home.arrive(*(arrival(at, raw=raw) for at, raw in enumerate(raws, 1))).ids)


async def answered(kim: Browser, number: int, answer: str, token: str | None = None) -> int:
    """By the form of the page that is shown last; gives the status."""
    assert kim.last is not None
    key = re.search(r'name="key" value="([0-9a-f]{32})"', kim.last.text)
    fields = {"answer": answer, "back": f"/inbox/{number}", "key": key[1] if key else ""}
    return (await kim.post(f"/mail/{number}/invitation", fields, token=token)).status_code


async def test_in_words_of_both_languages(app: App) -> None:
    numbers = arrived(
        Home(app.store), *(mail_with(one) for one in (GOOGLE, OUTLOOK, APPLE, CANCELLED, ANSWERED))
    )
    given_user(app, "Kim")
    async with browsing(app) as browser:
        kim = browser()
        await kim.sign_in("Kim")
        pages = [(await kim.get(f"/inbox/{one}")).text for one in numbers]
        german = [(await kim.get(f"/inbox/{one}", Accept_Language="de")).text for one in numbers]
    assert "Besprechung &lt;b&gt;Haushalt&lt;/b&gt;" in pages[0] and "Thursday, 3 Dec 2026" in pages[0]
    assert (
        "Donnerstag, 03.12.2026" in german[0]
        and "Raum 3, Köln" in pages[0]
        and "2 people invited" in pages[0]
    )
    assert "Every 2 weeks on Monday, Wednesday, until Monday, 21 Dec 2026" in " ".join(pages[1].split())
    assert "Invitation, changed" in pages[1]
    assert "Alle 2 Wochen am Montag, Mittwoch" in german[1]
    assert "Thursday, 24 Dec 2026 until Friday, 25 Dec 2026" in pages[2] and "Jedes Jahr" in german[2]
    assert "Cancelled" in pages[3] and 'name="answer"' not in pages[3]
    assert "Eva declines" in pages[4] and "Eva sagt ab" in german[4] and 'name="answer"' not in pages[4]


@pytest.mark.parametrize("answer", ["accepted", "tentative", "declined"])
async def test_an_answer_goes_to_the_organiser_once(app: App, answer: str) -> None:
    home = Home(app.store)
    add_identity(
        app,
        app.store.accounts.get(home.account),
        "chef@example.org",
        Saying(aliases=["a.groesse@example.org"]),
    )
    invited = GOOGLE.replace("mailto:anna@example.org", "mailto:A.Groesse@example.org")
    (number,) = arrived(home, mail_with(invited))
    given_user(app, "Kim")
    async with browsing(app) as browser:
        kim = browser()
        await kim.sign_in("Kim")
        await kim.get(f"/inbox/{number}")
        assert await answered(kim, number, answer) == 303
        assert await answered(kim, number, answer) == 303
        (mail,) = app.store.outbox.all()
        assert [one.address for one in mail.recipients] == ["max@example.org"]
        assert mail.sender == "A.Groesse@example.org" and mail.not_before == app.clock.now() + 10
        message = parse_message(app.store.outbox.raw(mail.id))
        part = next(one for one in message.parts if one.content_type == "text/calendar")
        assert message.root.content_type == "multipart/alternative" and part.parameter("method") == "REPLY"
        (event,) = Calendar.from_ical(part.text()).walk("VEVENT")
        assert event["UID"] == "abc123@google.com" and event["ATTENDEE"] == "mailto:A.Groesse@example.org"
        assert event["ATTENDEE"].params["PARTSTAT"] == answer.upper()
        assert message.headers.get("In-Reply-To") == "<invited@example.org>"
        page = (await kim.get(f"/inbox/{number}")).text
        assert f'value="{answer}"' in page and 'aria-pressed="true"' in page and f"/outbox/{mail.id}" in page
        send.cancel(app, mail.id)
        assert 'aria-pressed="true"' not in (await kim.get(f"/inbox/{number}")).text
        assert await answered(kim, number, answer) == 303
        assert len(app.store.outbox.all()) == 2


async def test_a_changed_appointment_is_asked_for_again(app: App) -> None:
    home = Home(app.store)
    first, changed = arrived(home, mail_with(GOOGLE), mail_with(GOOGLE.replace("SEQUENCE:0", "SEQUENCE:1")))
    given_user(app, "Kim")
    async with browsing(app) as browser:
        kim = browser()
        await kim.sign_in("Kim")
        await kim.get(f"/inbox/{first}")
        await answered(kim, first, "accepted")
        page = (await kim.get(f"/inbox/{changed}")).text
        assert "You have accepted." in page and "changed since then" in page and "aria-pressed" not in page
        page = (await kim.get(f"/inbox/{first}")).text
        assert "changed since then" not in page


async def test_only_who_was_asked_and_may_change_answers(app: App) -> None:
    home = Home(app.store)
    others = GOOGLE.replace("mailto:anna@example.org", "mailto:someone@elsewhere.example")
    asked, of_others, cancelled, plain = arrived(
        home, mail_with(GOOGLE), mail_with(others), mail_with(CANCELLED), b"Subject: x\r\n\r\nx"
    )
    user = given_user(app, "Ben", Role.MEMBER)
    async with browsing(app) as browser:
        ben = browser()
        await ben.sign_in("Ben")
        token = ben.token
        assert await answered(ben, asked, "accepted", token=token) == 404
        assert (await ben.get(f"/mail/{asked}/invitation.ics")).status_code == 404
        set_rights(app, user, {home.account: Right.READ})
        page = (await ben.get(f"/inbox/{asked}")).text
        assert 'name="answer"' not in page and "Save for a calendar" in page
        saved = await ben.get(f"/mail/{asked}/invitation.ics")
        assert saved.content.startswith(b"BEGIN:VCALENDAR")
        assert "attachment" in saved.headers["content-disposition"]
        assert saved.headers["content-type"] == "application/octet-stream"
        assert await answered(ben, asked, "accepted", token=token) == 403
        set_rights(app, user, {home.account: Right.CHANGE})
        assert "None of this account" in (await ben.get(f"/inbox/{of_others}")).text
        for number, status in ((of_others, 400), (cancelled, 400), (plain, 404)):
            assert await answered(ben, number, "accepted", token=token) == status
        assert await answered(ben, asked, "burn", token=token) == 400
        assert (await ben.get(f"/mail/{plain}/invitation.ics")).status_code == 404
        assert not app.store.outbox.all()
        assert await answered(ben, asked, "declined", token=token) == 303


async def test_days_that_no_calendar_goes_before(app: App) -> None:
    raw = mail_with(
        "BEGIN:VCALENDAR\r\nMETHOD:REQUEST\r\nBEGIN:VEVENT\r\nUID:1\r\nSUMMARY:Anfang der Zeit\r\n"
        "DTSTART;VALUE=DATE:00010101\r\nDTEND;VALUE=DATE:00010101\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n"
    )
    (number,) = arrived(Home(app.store), raw)
    given_user(app, "Kim")
    async with browsing(app) as browser:
        kim = browser()
        await kim.sign_in("Kim")
        page = await kim.get(f"/inbox/{number}")
    assert page.status_code == 200 and "Anfang der Zeit" in page.text
