"""The outbox on the page: every state explained, what a person decides, and whose mail it is."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from msgspec.structs import replace

from eilbote.delivery.values import Outgoing, Recipient, RecipientState, SendState
from eilbote.engine.app import App
from eilbote.engine.send import Envelope, Handling, queue_mail
from eilbote.engine.users import set_rights
from eilbote.errors import Problem
from eilbote.store.values import Right, Role
from tests.store.given import ANNA, Home, raw_mail
from tests.web.browser import browsing, given_user, opened

BERT = replace(ANNA, address="bert@example.org", name="Bert")
DECISION = re.compile(r'name="decision" value="([a-z-]+)"')


@pytest.fixture
def app(tmp_path: Path) -> Iterator[App]:
    with opened(tmp_path) as (app, _):
        Home(app.store)
        yield app


def queued(app: App, number: int = 1, sender: str = ANNA.address, at: float = 0.0) -> Outgoing:
    account = next(one for one in app.store.accounts.all() if one.address == sender)
    envelope = Envelope(sender, ("max@example.org", "eva@example.org"))
    raw = raw_mail(number).replace(b"Subject: ", b"Subject: <b>&")
    return queue_mail(app, account, raw, envelope, Handling(at=at))


def brought_to(app: App, mail: Outgoing, state: SendState) -> None:
    """The mail gets this state, whatever would have led to it."""
    with app.store.database.write() as session:
        session.run("UPDATE outgoing SET state = ? WHERE id = ?", (state.value, mail.id))


@pytest.mark.parametrize(
    ("state", "said", "offered"),
    [
        (SendState.ACCEPTED, "It waits to be sent.", ["send", "take-back"]),
        (SendState.CLAIMED, "It is the next to be sent.", []),
        (SendState.DATA_OPEN, "The server is being given it.", []),
        (SendState.DOT_SENT, "The server is being given it.", []),
        (SendState.SENT, "its copy is on the way", []),
        (SendState.DONE, "there is nothing left to do", []),
        (SendState.DEFERRED, "is tried again by itself", ["send", "take-back"]),
        (SendState.FAILED, "It was refused for good.", ["send", "take-back"]),
        (SendState.UNCERTAIN, "Did it arrive?", ["arrived", "resend"]),
        (SendState.HELD, "It waits for you.", ["send", "take-back"]),
        (SendState.CANCELLED, "It was taken back and is not sent.", []),
    ],
)
async def test_every_state_says_what_it_means_and_what_can_be_done(
    app: App, state: SendState, said: str, offered: list[str]
) -> None:
    mail = queued(app)
    brought_to(app, mail, state)
    given_user(app, "Kim")
    async with browsing(app) as browser:
        kim = browser()
        await kim.sign_in("Kim")
        page = (await kim.get(f"/outbox/{mail.id}")).text
        assert said in page and "&lt;b&gt;&amp;Brief 1" in page and "<b>" not in page
        assert DECISION.findall(page) == offered
        answer = await kim.post(f"/outbox/{mail.id}", {"decision": offered[0] if offered else "send"})
        if offered:
            assert (answer.status_code, answer.headers["location"]) == (303, f"/outbox/{mail.id}")
        else:
            assert answer.status_code == 403
            assert app.store.outbox.get(mail.id).state is state


async def test_each_decision_does_what_it_says(app: App) -> None:
    given_user(app, "Kim")
    decided = (
        (SendState.FAILED, "send", SendState.ACCEPTED),
        (SendState.ACCEPTED, "take-back", SendState.CANCELLED),
        (SendState.UNCERTAIN, "arrived", SendState.SENT),
        (SendState.UNCERTAIN, "resend", SendState.ACCEPTED),
    )
    async with browsing(app) as browser:
        kim = browser()
        await kim.sign_in("Kim")
        for number, (before, decision, after) in enumerate(decided, 1):
            mail = queued(app, number)
            brought_to(app, mail, before)
            await kim.get(f"/outbox/{mail.id}")
            await kim.post(f"/outbox/{mail.id}", {"decision": decision})
            assert app.store.outbox.get(mail.id).state is after
        last = queued(app, 9)
        assert (await kim.post(f"/outbox/{last.id}", {"decision": "burn"})).status_code == 400
        assert app.store.outbox.get(last.id).state is SendState.ACCEPTED


async def test_what_somebody_has_got_is_not_taken_back(app: App) -> None:
    mail = queued(app)
    brought_to(app, mail, SendState.DEFERRED)
    app.store.outbox.change(
        mail.id,
        (SendState.DEFERRED,),
        SendState.HELD,
        app.clock.now(),
        recipients=lambda one: (Recipient("max@example.org", RecipientState.SENT), *one.recipients[1:]),
    )
    given_user(app, "Kim")
    async with browsing(app) as browser:
        kim = browser()
        await kim.sign_in("Kim")
        page = (await kim.get(f"/outbox/{mail.id}")).text
        assert DECISION.findall(page) == ["send"]
        assert (await kim.post(f"/outbox/{mail.id}", {"decision": "take-back"})).status_code == 403
        assert app.store.outbox.get(mail.id).state is SendState.HELD


async def test_only_the_mail_of_ones_own_accounts_and_only_with_the_right(app: App) -> None:
    bert = app.store.accounts.add(BERT, app.clock.now())
    hers, his = queued(app, 1), queued(app, 2, BERT.address)
    app.store.sending_pauses.pause(bert.id, Problem("user.not_owner"), app.clock.now(), None)
    member, auditor = given_user(app, "Max", Role.MEMBER), given_user(app, "Eva", Role.AUDITOR)
    set_rights(app, member, {bert.id: Right.CHANGE})
    set_rights(app, auditor, {bert.id: Right.READ})
    async with browsing(app) as browser:
        for name, may_change in (("Eva", False), ("Max", True)):
            who = browser()
            await who.sign_in(name)
            page = (await who.get("/outbox")).text
            assert f"/outbox/{his.id}" in page and f"/outbox/{hers.id}" not in page
            assert ("Go on sending" in page) is may_change
            assert (await who.get(f"/outbox/{hers.id}")).status_code == 404
            await who.get(f"/outbox/{his.id}")
            assert bool(DECISION.findall(who.last.text if who.last else "")) is may_change
            token = re.findall(r'name="token" value="([0-9a-f]{64})"', page)[0]
            other = await who.post(f"/outbox/{hers.id}", {"decision": "take-back"}, token=token)
            assert other.status_code == 404
            path = f"/outbox/account/{bert.id}/resume"
            resumed = await who.post(path, {}, token=token)
            taken_back = await who.post(f"/outbox/{his.id}", {"decision": "take-back"}, token=token)
            assert (resumed.status_code, taken_back.status_code) == ((303, 303) if may_change else (403, 403))
            paused = app.store.sending_pauses.of(bert.id)
            assert (paused is None) is may_change
    assert app.store.outbox.get(hers.id).state is SendState.ACCEPTED
    assert app.store.outbox.get(his.id).state is SendState.CANCELLED


async def test_the_outbox_in_pages(app: App) -> None:
    given_user(app, "Kim")
    async with browsing(app) as browser:
        kim = browser()
        await kim.sign_in("Kim")
        assert "The outbox is empty." in (await kim.get("/outbox")).text
        mails = [queued(app, number).id for number in range(1, 121)]
        seen, path = list[int](), "/outbox"
        while path:
            page = (await kim.get(path)).text
            seen += [int(one) for one in re.findall(r'<a href="/outbox/(\d+)"', page)]
            older = re.search(r'href="(/outbox\?before=\d+)"', page)
            path = older[1] if older else ""
        assert seen == mails[::-1]
        for wrong in ("/outbox?before=x", "/outbox/x", f"/outbox/{2**70}", "/outbox/999999"):
            assert (await kim.get(wrong)).status_code in (400, 404)


async def test_a_later_mail_tells_its_time(app: App) -> None:
    mail = queued(app, at=app.clock.now() + 86_400)
    given_user(app, "Kim")
    async with browsing(app) as browser:
        kim = browser()
        await kim.sign_in("Kim")
        page = (await kim.get("/outbox", accept_language="de")).text
        assert "nicht vor" in page and "wartet" in page
        assert "Jetzt senden" in (await kim.get(f"/outbox/{mail.id}", accept_language="de")).text
