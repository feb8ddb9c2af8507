"""Lists on the page: narrowed, by conversation, changed as a whole; labels; mailboxes made and emptied."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest
from msgspec.structs import replace

from eilbote.engine.app import App
from eilbote.engine.indexing import index_all
from eilbote.engine.users import set_rights
from eilbote.mail.mailbox import FLAGGED, SEEN, MailboxName, SpecialUse
from eilbote.store.update_values import MailboxUpdate
from eilbote.store.values import ListedMailbox, Member, Right, Role
from tests.store.given import ANNA, Home, arrival
from tests.web.browser import HOST, browsing, given_user, opened


@pytest.fixture
def app(tmp_path: Path) -> Iterator[App]:
    with opened(tmp_path) as (app, _):
        yield app


def given_home(app: App) -> Home:
    home = Home(app.store)
    trash = ListedMailbox(MailboxName("Papierkorb"), role=SpecialUse.TRASH)
    app.store.mailboxes.upsert(home.account, [trash])
    return home


def subjects(page: str) -> list[str]:
    return re.findall(r"(Brief \d+)</span>", page)


def batch_in(page: str) -> str:
    found = re.search(r'name="batch" value="([1-9]\d*)"', page)
    return found[1] if found else ""


async def test_a_list_is_narrowed_by_links(app: App) -> None:
    home = given_home(app)
    home.arrive(
        *(arrival(uid, flags=[SEEN]) for uid in range(1, 60)), arrival(60), arrival(61, flags=[SEEN, FLAGGED])
    )
    given_user(app, "Kim")
    async with browsing(app) as browser:
        kim = browser()
        await kim.sign_in("Kim")
        assert subjects((await kim.get("/inbox?only=unread")).text) == ["Brief 60"]
        assert subjects((await kim.get(f"/box/{home.inbox}?only=flagged")).text) == ["Brief 61"]
        mine = (await kim.get("/inbox?only=mine")).text
        assert len(subjects(mine)) == 50
        older = re.search(r'href="(/inbox\?only=mine&amp;after=[^"]+)"', mine)
        assert older and len(subjects((await kim.get(older[1].replace("&amp;", "&"))).text)) == 11
        assert "No mail here is like that." in (await kim.get("/inbox?only=attached")).text
        assert (await kim.get("/inbox?only=x")).status_code == 400
        assert len(subjects((await kim.get("/inbox?many=1")).text)) == 61
        day = (await kim.get("/inbox?day=2020-01-01")).text
        assert "There is no older mail." in day
        assert (await kim.get("/inbox?day=x")).status_code == 400


async def test_labels_are_given_shown_narrowed_by_and_taken_away(app: App) -> None:
    home = given_home(app)
    ids = home.arrive(arrival(1), arrival(2, flags=["$label1", "NonJunk"])).ids
    given_user(app, "Kim")
    async with browsing(app) as browser:
        kim = browser()
        await kim.sign_in("Kim")
        token = kim.token
        page = (await kim.get("/inbox")).text
        assert ">Important</span>" in page and "NonJunk" not in page
        await kim.post("/act", {"id": str(ids[0]), "act": "label", "label": "Neue Küche"}, token=token)
        assert home.flags_at(1) == {"Neue_K&APw-che"}
        page = (await kim.get("/inbox")).text
        assert "1 mail: Labelled." in page and ">Neue Küche</span>" in page
        batch = batch_in(page)
        assert subjects((await kim.get("/all?label=Neue_K%26APw-che")).text) == ["Brief 1"]
        await kim.post("/act", {"id": str(ids[0]), "act": "label", "label": "important"}, token=token)
        assert home.flags_at(1) == {"Neue_K&APw-che", "$label1"}
        await kim.post("/act", {"id": str(ids[0]), "act": "unlabel", "label": "$label1"}, token=token)
        await kim.post("/undo", {"batch": batch}, token=token)
        assert home.flags_at(1) == frozenset()
        wrong = {"id": str(ids[0]), "act": "label", "label": "$Forwarded"}
        assert (await kim.post("/act", wrong, token=token)).status_code == 400
        assert "×" in (await kim.get(f"/inbox/{ids[1]}")).text


async def test_a_server_that_keeps_no_labels_is_named(app: App) -> None:
    home = given_home(app)
    home.arrive(arrival(1))
    given_user(app, "Kim")
    (debt,) = app.store.journal.change_flags(
        [(home.inbox, 1)], frozenset({"Projekt"}), frozenset(), "user", app.clock.now()
    )
    app.store.journal.conflict(debt, "flag-not-kept", {"flags": "Projekt"}, app.clock.now())
    async with browsing(app) as browser:
        kim = browser()
        await kim.sign_in("Kim")
        assert "its server keeps no labels" in (await kim.get("/inbox")).text


async def test_all_of_a_list_is_changed_and_taken_back_as_one(app: App) -> None:
    home = given_home(app)
    home.arrive(*(arrival(uid) for uid in range(1, 701)))
    index_all(app.store)
    given_user(app, "Kim")
    archive = home.archive
    async with browsing(app) as browser:
        kim = browser()
        await kim.sign_in("Kim")
        token = kim.token
        whole = {"all": "1", "back": "/inbox"}
        await kim.post("/act", {**whole, "act": "archive"}, token=token)
        page = (await kim.get("/inbox")).text
        assert "700 mails: Archived." in page and "The inbox is empty." in page
        assert app.store.mailboxes.get(archive).messages == 700
        await kim.post("/undo", {"batch": batch_in(page)}, token=token)
        assert "700 mails: Taken back." in (await kim.get("/inbox")).text
        home.check()
        await kim.post("/act", {"all": "1", "back": "/search?q=brief+70", "act": "read"}, token=token)
        assert app.store.mailboxes.get(home.inbox).unread == 699
        await kim.post("/act", {**whole, "act": "read"}, token=token)
        assert app.store.mailboxes.get(home.inbox).unread == 0
        assert "699 mails: Marked as read." in (await kim.get("/inbox")).text
        # What is no list of ours is the inbox, never more.
        for back in ("https://evil.invalid/all", "/box/x", "/outbox", f"/box/{archive}/../1"):
            await kim.post("/act", {"all": "1", "back": back, "act": "flag"}, token=token)
        assert (
            await kim.post("/act", {"all": "1", "back": "/box/99", "act": "flag"}, token=token)
        ).status_code == 404


async def test_a_conversation_has_one_row_where_that_is_wanted(app: App) -> None:
    home = given_home(app)
    home.arrive(
        arrival(1, flags=[SEEN]),
        arrival(2, references=["1@example.org"]),
        arrival(3, flags=[SEEN], references=["1@example.org", "2@example.org"]),
        *(arrival(uid, flags=[SEEN]) for uid in range(4, 64)),
        arrival(64, flags=[SEEN], references=["1@example.org"]),
    )
    given_user(app, "Kim")
    async with browsing(app) as browser:
        kim = browser()
        await kim.sign_in("Kim")
        token = kim.token
        page = (await kim.get("/inbox?by=conversation")).text
        assert subjects(page)[:2] == ["Brief 64", "Brief 63"] and len(subjects(page)) == 50
        assert "4 mails in this conversation" in page and page.count('class="row new"') == 1
        older = re.search(r'href="(/inbox\?after=[^"]+)"', page)
        assert older and subjects((await kim.get(older[1])).text)[-1] == "Brief 4"
        (first,) = re.findall(r'data-id="(\d+)"', page)[:1]
        await kim.post("/act", {"id": first, "act": "delete", "together": "1", "back": "/inbox"}, token=token)
        assert home.held() == "4:63"
        assert len(subjects((await kim.get("/inbox?by=mail")).text)) == 50


@pytest.mark.parametrize("right", [None, Right.READ, Right.CHANGE])
async def test_mailboxes_are_made_renamed_emptied_and_deleted_by_who_may(
    app: App, right: Right | None
) -> None:
    home = given_home(app)
    trash = next(box for box in app.store.mailboxes.all(home.account) if box.name == "Papierkorb")
    app.store.messages.apply(trash.id, MailboxUpdate(arrivals=[arrival(1), arrival(2)]), 0.0)
    user = given_user(app, "Ben", Role.MEMBER)
    set_rights(app, user, {home.account: right} if right else {})
    refused = 403 if right else 404
    may = right is Right.CHANGE
    async with browsing(app) as browser:
        ben = browser()
        await ben.sign_in("Ben")
        token = ben.token

        async def sent(path: str, **fields: str) -> int:
            return (await ben.post(path, fields, token=token)).status_code

        account = str(home.account)
        assert (await ben.get(f"/mailboxes?account={account}")).status_code == (200 if may else refused)
        assert (await ben.get(f"/mailboxes/{trash.id}/empty")).status_code == (200 if may else refused)
        assert await sent("/mailboxes", account=account, name="Projekte") == (303 if may else refused)
        assert await sent(f"/mailboxes/{home.archive}/rename", name="Akten") == (303 if may else refused)
        assert await sent(f"/mailboxes/{trash.id}/empty") == (303 if may else refused)
        names = {box.name for box in app.store.mailboxes.all(home.account)}
        assert (names >= {"Projekte", "Akten"}) == may
        assert app.store.mailboxes.get(trash.id).messages == (0 if may else 2)
        if may:
            page = (await ben.get(f"/box/{trash.id}")).text
            assert await sent("/undo", batch=batch_in(page)) == 303
            assert app.store.mailboxes.get(trash.id).messages == 2
            assert await sent("/mailboxes", account=account, name="Akten") == 400
            assert await sent(f"/mailboxes/{home.inbox}/delete") == 400
            assert await sent(f"/mailboxes/{home.inbox}/empty") == 400
        assert await sent(f"/mailboxes/{home.archive}/delete") == (303 if may else refused)
        assert (home.archive in {box.id for box in app.store.mailboxes.all(home.account)}) != may


async def test_nothing_of_an_account_without_a_right_is_in_any_list(app: App) -> None:
    home = given_home(app)
    other = app.store.accounts.add(replace(ANNA, address="other@example.org"))
    (box,) = app.store.mailboxes.upsert(
        other.id, [ListedMailbox(MailboxName("INBOX"), role=SpecialUse.INBOX)]
    )
    applied = app.store.messages.apply(box.id, MailboxUpdate(arrivals=[arrival(1, 9, flags=["Geheim"])]), 0.0)
    home.arrive(arrival(1))
    index_all(app.store)
    user = given_user(app, "Ben", Role.MEMBER)
    set_rights(app, user, {home.account: Right.CHANGE})
    async with browsing(app) as browser:
        ben = browser()
        await ben.sign_in("Ben")
        token = ben.token
        for path in ("/inbox", "/all", "/all?label=Geheim", "/search?q=brief", "/inbox?by=conversation"):
            page = (await ben.get(path)).text
            assert "Brief 9" not in page and "Geheim</span>" not in page, path
        assert (await ben.get("/search-people?q=ma")).status_code == 200
        for back in ("/all", "/inbox", "/search?q=brief", f"/box/{box.id}"):
            await ben.post("/act", {"all": "1", "back": back, "act": "flag"}, token=token)
        assert app.store.messages.held_flags(box.id) == {1: {"Geheim"}}
        together = {"id": str(applied.ids[0]), "act": "flag", "together": "1"}
        assert (await ben.post("/act", together, token=token)).status_code == 404


async def test_what_no_list_of_ours_has_leads_back_to_the_inbox(app: App) -> None:
    home = given_home(app)
    home.arrive(arrival(1), arrival(2))
    given_user(app, "Kim")
    odd = "/inbox?" + "&".join(f"field{number}=1" for number in range(20))
    async with browsing(app) as browser:
        kim = browser()
        await kim.sign_in("Kim")
        token = kim.token
        for back in ("//[", odd, "/box/7/8?q=%ff", "https://example.org/inbox", "//example.org/inbox"):
            answer = await kim.post("/act", {"all": "1", "act": "flag", "back": back}, token=token)
            assert answer.status_code in (303, 404)
            if answer.status_code == 303:
                assert answer.headers["location"].startswith("/inbox")
        assert home.flags_at(1) == {FLAGGED}


async def test_all_mails_that_were_scrolled_to_are_changed_as_they_are_ticked(app: App) -> None:
    home = given_home(app)
    ids = home.arrive(*map(arrival, range(1, 1501))).ids
    given_user(app, "Kim")
    async with browsing(app) as browser:
        kim = browser()
        await kim.sign_in("Kim")
        fields = {"token": kim.token, "act": "flag", "back": "/inbox", "id": [str(one) for one in ids]}
        answer = await kim.client.post("/act", data=fields, headers={"Origin": f"http://{HOST}"})
        assert answer.status_code == 303
    assert home.flags_at(1) == home.flags_at(1500) == {FLAGGED}


async def test_a_conversation_of_thousands_is_counted_once_for_a_page(
    app: App, monkeypatch: pytest.MonkeyPatch
) -> None:
    home = given_home(app)
    home.arrive(*(arrival(uid, references=["1@example.org"] if uid > 1 else []) for uid in range(1, 601)))
    home.arrive(arrival(700), arrival(701))
    given_user(app, "Kim")
    counted, members = list[int](), app.store.messages.members

    def members_of(boxes: Sequence[int], threads: Sequence[int], limit: int) -> list[Member]:
        found = members(boxes, threads, limit)
        counted.append(len(found))
        return found

    monkeypatch.setattr(app.store.messages, "members", members_of)
    async with browsing(app) as browser:
        kim = browser()
        await kim.sign_in("Kim")
        page = (await kim.get("/inbox?by=conversation")).text
    assert "600 mails in this conversation" in page and page.count('class="row new"') == 3
    assert sum(counted) == 602
