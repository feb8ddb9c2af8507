"""Reading and changing mail on the page: what is shown, to whom, and what may be done."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from msgspec.structs import replace

from eilbote.engine.app import App
from eilbote.engine.indexing import index_all
from eilbote.engine.users import set_rights
from eilbote.mail.mailbox import FLAGGED, SEEN, MailboxName, SpecialUse
from eilbote.store.update_values import MailboxUpdate
from eilbote.store.values import ListedMailbox, Right, Role
from tests.store.given import ANNA, Home, arrival
from tests.web.browser import browsing, given_user, opened

EVIL = b"""From: "<script>alert(1)</script>" <evil@example.org>\r
To: anna@example.org\r
Subject: =?utf-8?q?=3Cimg_src=3Dx_onerror=3Dalert(1)=3E?=\r
MIME-Version: 1.0\r
Content-Type: multipart/mixed; boundary=b\r
\r
--b\r
Content-Type: text/html\r
\r
<p onclick=x>Hallo <b>Welt</b><script>alert(1)</script><img src=http://evil.invalid/x.png>\r
--b\r
Content-Type: text/html; name="../../CON.html"\r
Content-Disposition: attachment; filename="../../CON.html"\r
\r
<script>alert(document.cookie)</script>\r
--b--\r
"""


@pytest.fixture
def app(tmp_path: Path) -> Iterator[App]:
    with opened(tmp_path) as (app, _):
        yield app


def given_home(app: App) -> Home:
    home = Home(app.store)
    trash = ListedMailbox(MailboxName("Papierkorb"), role=SpecialUse.TRASH)
    app.store.mailboxes.upsert(home.account, [trash])
    return home


def indexed(app: App) -> None:
    """Everything can be found."""
    index_all(app.store)


def batch_in(page: str) -> str:
    """The number with which the page offers to take back what was done."""
    found = re.search(r'name="batch" value="([1-9]\d*)"', page)
    return found[1] if found else ""


def ids_in(page: str) -> list[str]:
    return re.findall(r'form="chosen" name="id" value="(\d+)"', page)


async def test_the_inbox_in_pages_with_what_is_unread(app: App) -> None:
    home = given_home(app)
    home.arrive(*(arrival(uid, flags=[SEEN] if uid > 3 else []) for uid in range(1, 121)))
    given_user(app, "Kim")
    async with browsing(app) as browser:
        kim = browser()
        await kim.sign_in("Kim")
        pages, path, page = [], "/inbox", ""
        while path:
            page = (await kim.get(path)).text
            pages.append(re.findall(r"Brief \d+</span>", page))
            older = re.search(r'href="(/inbox\?after=[^"]+)"', page)
            path = older[1] if older else ""
        assert [len(found) for found in pages] == [50, 50, 20]
        assert len({one for found in pages for one in found}) == 120
        assert page.count('class="row new"') == 3
        for mark in ("x", "1.2", "1.2.3.4", f"{2**70}.1.1", "1.1." + "9" * 100):
            assert (await kim.get(f"/inbox?after={mark}")).status_code == 400


async def test_a_hostile_mail_is_text_a_frame_and_files_to_save(app: App) -> None:
    home = given_home(app)
    (number,) = home.arrive(arrival(1, raw=EVIL)).ids
    given_user(app, "Kim")
    async with browsing(app) as browser:
        kim = browser()
        await kim.sign_in("Kim")
        page = (await kim.get(f"/inbox/{number}")).text
        assert "<script>" not in page and '<img src="/assets/' in page and page.count("<img") == 1
        sandbox = 'sandbox="allow-popups allow-popups-to-escape-sandbox" referrerpolicy="no-referrer"'
        assert f'{sandbox} src="/mail/{number}/html"' in page
        frame = await kim.get(f"/mail/{number}/html")
        assert "<b>Welt</b>" in frame.text
        assert "script" not in frame.text and "evil.invalid" not in frame.text and "onclick" not in frame.text
        policy = frame.headers["content-security-policy"]
        assert "default-src 'none'" in policy and "img-src data:" in policy
        assert "sandbox allow-popups" in policy
        assert "allow-scripts" not in policy and "same-origin" not in policy
        saved = await kim.get(f"/mail/{number}/part/2")
        assert saved.headers["content-type"] == "application/octet-stream"
        assert saved.headers["content-disposition"].startswith('attachment; filename="_CON.html"')
        assert "sandbox" in saved.headers["content-security-policy"]
        assert (await kim.get(f"/mail/{number}/part/1")).status_code == 404
        raw = await kim.get(f"/mail/{number}/raw")
        assert (raw.content, raw.headers["cache-control"]) == (EVIL, "no-store")
        assert "&lt;script&gt;" in (await kim.get(f"/inbox/{number}?view=source")).text
        assert "Hallo Welt" in (await kim.get(f"/inbox/{number}?view=text")).text


async def test_only_a_click_on_our_own_page_marks_as_read(app: App) -> None:
    home = given_home(app)
    (number,) = home.arrive(arrival(1)).ids
    given_user(app, "Kim")
    async with browsing(app) as browser:
        kim = browser()
        await kim.sign_in("Kim")
        for site in ("none", "cross-site"):
            await kim.get(f"/inbox/{number}", Sec_Fetch_Site=site, Sec_Fetch_Mode="navigate")
            assert home.flags_at(1) == frozenset()
        await kim.get(f"/inbox/{number}", Sec_Fetch_Site="same-origin")
        assert home.flags_at(1) == {SEEN}


async def test_acts_and_their_undo(app: App) -> None:
    home = given_home(app)
    ids = [str(one) for one in home.arrive(arrival(1), arrival(2)).ids]
    given_user(app, "Kim")
    async with browsing(app) as browser:
        kim = browser()
        await kim.sign_in("Kim")
        token = kim.token

        async def act(act: str, back: str = "/inbox", **more: str) -> str:
            fields = {"id": ids[0], "act": act, "back": back, **more}
            answer = await kim.post("/act", fields, token=token)
            assert answer.status_code == 303, answer.text
            return answer.headers["location"]

        await act("flag")
        await act("read")
        assert home.flags_at(1) == {FLAGGED, SEEN}
        await act("unflag")
        assert home.flags_at(1) == {SEEN}
        assert await act("archive") == "/inbox"
        page = (await kim.get("/inbox")).text
        assert "Archived." in page and ids[1] in ids_in(page)
        assert "Archived." not in (await kim.get("/inbox")).text
        assert home.held() == "2"
        assert (
            await kim.post("/undo", {"batch": batch_in(page), "back": "/inbox"}, token=token)
        ).status_code == 303
        assert set(ids) <= set(ids_in((await kim.get("/inbox")).text))
        await act("move", to="Papierkorb")
        await act("delete")
        page = (await kim.get("/inbox")).text
        assert ids[0] not in ids_in(page)
        assert (await kim.post("/undo", {"batch": batch_in(page)}, token=token)).status_code == 303
        assert "1 mail: Taken back." in (await kim.get("/inbox")).text
        await kim.post("/undo", {"batch": batch_in(page)}, token=token)
        assert "nothing left" in (await kim.get("/inbox")).text
        for back in (
            "https://evil.invalid/",
            "//evil.invalid",
            "/\\evil.invalid",
            "/sign-out",
            "/inbox\r\nX: y",
        ):
            assert await act("read", back) == "/inbox"
        for fields in ({"id": "0", "act": "read"}, {"id": ids[1], "act": "burn"}, {"id": "x", "act": "read"}):
            assert (await kim.post("/act", fields, token=token)).status_code == 400
        assert (await kim.post("/act", {"id": ids[1], "act": "junk"}, token=token)).status_code == 404
        assert (await kim.post("/act", {"act": "read"}, token=token)).status_code == 303


@pytest.mark.parametrize("right", [None, Right.READ, Right.CHANGE])
@pytest.mark.parametrize("role", [Role.MEMBER, Role.AUDITOR])
async def test_rights_decide_what_is_seen_and_changed(app: App, role: Role, right: Right | None) -> None:
    home = given_home(app)
    (number,) = home.arrive(arrival(1)).ids
    other = app.store.accounts.add(replace(ANNA, address="other@example.org"))
    inbox = ListedMailbox(MailboxName("INBOX"), role=SpecialUse.INBOX)
    (box,) = app.store.mailboxes.upsert(other.id, [inbox])
    hidden = given_other(app, box.id)
    indexed(app)
    user = given_user(app, "Ben", role)
    set_rights(app, user, {home.account: right} if right else {})
    may_read, may_change = right is not None, role is Role.MEMBER and right is Right.CHANGE
    async with browsing(app) as browser:
        ben = browser()
        await ben.sign_in("Ben")
        token = ben.token
        assert ("Brief 1" in (await ben.get("/inbox")).text) == may_read
        assert ("Brief 1" in (await ben.get("/search?q=brief")).text) == may_read
        for path in ("", "/html", "/raw", "/part/2"):
            found = await ben.get(f"/inbox/{number}" if not path else f"/mail/{number}{path}")
            assert found.status_code == (200 if may_read and path in ("", "/raw") else 404), path
            assert (await ben.get(f"/mail/{hidden}{path or '/raw'}")).status_code == 404
        assert (await ben.get(f"/box/{home.inbox}")).status_code == (200 if may_read else 404)
        assert (await ben.get(f"/box/{box.id}")).status_code == 404
        assert "Brief 9" not in (await ben.get("/search?q=brief")).text
        await ben.get(f"/inbox/{number}", Sec_Fetch_Site="same-origin")
        assert (SEEN in home.flags_at(1)) == may_change
        for act in ("flag", "archive", "delete"):
            answer = await ben.post("/act", {"id": str(number), "act": act}, token=token)
            assert answer.status_code == (303 if may_change else 403 if may_read else 404)
        batch = batch_in((await ben.get("/inbox")).text)
        assert bool(batch) == may_change
        if batch:  # a right that is gone meanwhile, and another user's act
            set_rights(app, user, {home.account: Right.READ})
            assert (await ben.post("/undo", {"batch": batch}, token=token)).status_code == 403
            set_rights(app, user, {})
            assert (await ben.post("/undo", {"batch": batch}, token=token)).status_code == 404
            owner = browser()
            given_user(app, "Kim")
            await owner.sign_in("Kim")
            assert (await owner.post("/undo", {"batch": batch})).status_code == 404
        assert (await ben.post("/act", {"id": str(hidden), "act": "flag"}, token=token)).status_code == 404


def given_other(app: App, mailbox: int) -> int:
    applied = app.store.messages.apply(mailbox, MailboxUpdate(arrivals=[arrival(1, 9)]), 0.0)
    return applied.ids[0]


async def test_search_shows_its_operators_and_says_what_is_wrong(app: App) -> None:
    home = given_home(app)
    home.arrive(arrival(1), arrival(2))
    indexed(app)
    given_user(app, "Kim")
    async with browsing(app) as browser:
        kim = browser()
        await kim.sign_in("Kim")
        assert "from:anna" in (await kim.get("/search")).text
        assert "von:anna" in (await kim.get("/search", Accept_Language="de")).text
        found = (await kim.get("/search?q=von:max+betreff:brief")).text
        assert len(ids_in(found)) == 2
        bad = await kim.get("/search?q=after:yesterdayish")
        assert bad.status_code == 400 and 'role="alert"' in bad.text
        assert "Nothing was found" in (await kim.get("/search?q=nowhere")).text
