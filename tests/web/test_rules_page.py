"""Rules on the page without a script: who sees and changes which, what is typed twice or wrong, and that a
preview changes nothing.
"""

from __future__ import annotations

import asyncio
import re
import threading
from collections.abc import Iterator
from pathlib import Path

import httpx2
import pytest
from msgspec.structs import replace

from eilbote.engine import rule_jobs
from eilbote.engine.app import App
from eilbote.engine.chosen_rules import Wanted
from eilbote.engine.filter import filter_new
from eilbote.engine.preview_rule import MOST_MAILS, preview_rule
from eilbote.engine.rule_scripts import decider_of
from eilbote.engine.rules_of_user import move_entry, seen_book
from eilbote.engine.run_rules import Done, run_rules
from eilbote.engine.try_rules import Tell
from eilbote.engine.users import set_rights
from eilbote.errors import Gone, NotAllowed, Problem
from eilbote.sieve.rule import Body, Move, Rule, Sender, Subject
from eilbote.sieve.rule_book import read_book
from eilbote.store.values import Right, Role, User
from eilbote.web import rule_running
from tests.store.given import ANNA, Home, arrival, raw_mail
from tests.web.browser import Browser, HandClock, browsing, given_user, opened

BOOK = """\
# Kommentar, der bleibt.
[[rule]]
name = "Für alle"
if = [{subject = "Rechnung"}]
then = [{move = "Buchhaltung"}]

[[rule]]
name = "Nur Anna"
account = "anna@example.org"
if = [{from = "@verein.example"}]
then = [{label = "Verein"}]

[[rule]]
name = "Nur Ben"
account = "ben@example.org"
if = [{from = "@geheim.example"}]
then = [{delete = true}]
"""

FIELDS = {
    "kind": "subject",
    "op": "contains",
    "value": "Mail",
    "extra": "",
    "part": "field",
    "then": "move",
    "what": "Neu",
    "more": "",
    "about": "",
    "own": "",
    "match": "all",
    "stop": "1",
    "name": "Neue",
    "account": "",
    "where": "here",
    "before": "",
    "mark": "",
}


@pytest.fixture
def app(tmp_path: Path) -> Iterator[App]:
    with opened(tmp_path) as (app, _):
        yield app


@pytest.fixture
def home(app: App) -> Home:
    """Anna's account with three mails, and Ben's."""
    home = Home(app.store)
    home.arrive(*(arrival(number, raw=raw_mail(number)) for number in (1, 2, 3)))
    app.store.accounts.add(replace(ANNA, address="ben@example.org", name="Ben"), 1.0)
    app.store.rule_book.save(BOOK, 0, 1.0)
    return home


def user_named(app: App, name: str) -> User:
    return next(one for one in app.store.users.all() if one.name == name)


def names(app: App) -> list[str]:
    return [one.name for one in read_book(app.store.rule_book.get().text).entries]


def marked(page: str) -> dict[str, str]:
    """Which rule a form changes, in which state."""
    found = re.findall(r'name="(before|mark)" value="([^"]*)"', page)
    return dict(found)


async def signed_in(browser: Browser, name: str) -> Browser:
    await browser.sign_in(name)
    return browser


async def test_a_member_sees_and_changes_only_rules_of_own_accounts(app: App, home: Home) -> None:
    lea = given_user(app, "Lea", Role.MEMBER)
    set_rights(app, lea, {home.account: Right.CHANGE})
    async with browsing(app) as browser:
        one = await signed_in(browser(), "Lea")
        page = (await one.get("/rules")).text
        assert "Für alle" in page and "Nur Anna" in page and "Nur Ben" not in page and "geheim" not in page
        for path in ("/rules/edit", "/rules/sieve", "/rules/run", "/rules/script"):
            assert (await one.get(f"{path}?name=Nur+Ben")).status_code == 404
        assert "geheim" not in (await one.get("/rules/sieve?account=ben@example.org")).text
        before = app.store.rule_book.get()
        for name, status in (("Nur Ben", 404), ("Für alle", 403)):
            for path in ("switch", "move", "remove"):
                answer = await one.post(f"/rules/{path}", {"name": name, "on": "", "before": "Nur Anna"})
                assert answer.status_code == status, (name, path)
                await one.get("/rules")
        for account in ("", "ben@example.org"):
            answer = await one.post("/rules/edit", {**FIELDS, "do": "save", "account": account})
            assert answer.status_code == 400 and "may not change" in answer.text
            answer = await one.post(
                "/rules/script", {"name": "S", "sieve": "keep;", "run": "1", "account": account, "do": "save"}
            )
            assert answer.status_code == 400
            answer = await one.post("/rules/offer", {"key": "newsletters", "account": account, "do": "take"})
            assert answer.status_code == 400
        assert app.store.rule_book.get() == before
        mine = {**FIELDS, "do": "save", "account": "anna@example.org"}
        assert (await one.post("/rules/edit", mine)).status_code == 303
        assert names(app) == ["Für alle", "Nur Anna", "Nur Ben", "Neue"]
        # A rule of one's own cannot be given to somebody else's account.
        form = marked((await one.get("/rules/edit?name=Neue")).text)
        answer = await one.post("/rules/edit", {**mine, **form, "account": "ben@example.org"})
        assert answer.status_code == 400
        assert (await one.post("/rules/switch", {"name": "Nur Anna", "on": ""})).status_code == 303
        assert (await one.post("/rules/remove", {"name": "Neue"})).status_code == 303
        text = app.store.rule_book.get().text
        assert text.startswith("# Kommentar, der bleibt.\n") and "enabled = false" in text


@pytest.mark.parametrize("role", [Role.AUDITOR, Role.MEMBER])
async def test_who_may_only_read_sees_rules_and_changes_none(app: App, home: Home, role: Role) -> None:
    lea = given_user(app, "Lea", role)
    set_rights(app, lea, {home.account: Right.READ})
    async with browsing(app) as browser:
        one = await signed_in(browser(), "Lea")
        page = (await one.get("/rules")).text
        assert "Nur Anna" in page and "/rules/new" not in page and "/rules/remove" not in page
        assert "You may see this rule" in (await one.get("/rules/edit?name=Nur+Anna")).text
        before = app.store.rule_book.get()
        for path in (
            "/rules/new",
            "/rules/script",
            "/rules/offer?key=newsletters",
            "/rules/run?name=Nur+Anna",
        ):
            assert (await one.get(path)).status_code == 403, path
        await one.get("/rules")
        for path in ("edit", "script", "switch", "move", "remove", "offer", "run"):
            answer = await one.post(f"/rules/{path}", {**FIELDS, "do": "save", "name": "Nur Anna", "on": ""})
            assert answer.status_code in (400, 403), path
        assert app.store.rule_book.get() == before


async def test_where_rules_run_is_said_by_who_may_change_all_of_them(app: App, home: Home) -> None:
    lea = given_user(app, "Lea", Role.MEMBER)
    set_rights(app, lea, {home.account: Right.CHANGE})
    given_user(app, "Kim")
    async with browsing(app) as browser:
        one, kim = await signed_in(browser(), "Lea"), await signed_in(browser(), "Kim")
        page = (await one.get("/rules/server")).text
        assert "only an owner says where they run" in page and "Nur Anna" in page and "Nur Ben" not in page
        for do in ("push", "back", "look", "activate", "pull"):
            for address, status in (("anna@example.org", 403), ("ben@example.org", 404)):
                answer = await one.post("/rules/server", {"account": address, "do": do, "script": "x"})
                assert answer.status_code == status, (do, address)
                await one.get("/rules/server")
        assert (await one.post("/rules/server/named", {"account": "anna@example.org"})).status_code == 403
        await kim.get("/rules/server")
        for typed in ({"server": ""}, {"server": "x:y:z"}, {"server": "mail.example", "security": "none"}):
            answer = await kim.post("/rules/server/named", {"account": "anna@example.org", **typed})
            assert answer.status_code == 400, typed
        assert app.store.accounts.get(home.account).sieve is None


async def test_what_two_change_at_once_is_told_to_the_second(app: App, home: Home) -> None:
    given_user(app, "Kim")
    async with browsing(app) as browser:
        kim, other = await signed_in(browser(), "Kim"), await signed_in(browser(), "Kim")
        form = marked((await kim.get("/rules/edit?name=Nur+Anna")).text)
        same = marked((await other.get("/rules/edit?name=Nur+Anna")).text)
        change = {**FIELDS, "name": "Nur Anna", "do": "save", "account": "anna@example.org"}
        assert (await kim.post("/rules/edit", {**change, **form, "value": "Erste"})).status_code == 303
        late = await other.post("/rules/edit", {**change, **same, "value": "Zweite"})
        assert late.status_code == 400 and "Zweite" in late.text and 'role="alert"' in late.text
        assert "Erste" in app.store.rule_book.get().text
        # Something else in the book is nobody's hindrance.
        form = marked((await kim.get("/rules/edit?name=Nur+Anna")).text)
        await other.get("/rules")
        assert (await other.post("/rules/switch", {"name": "Nur Ben", "on": ""})).status_code == 303
        assert (await kim.post("/rules/edit", {**change, **form, "value": "Dritte"})).status_code == 303
        assert "Dritte" in app.store.rule_book.get().text


async def test_the_form_works_without_a_script(app: App, home: Home) -> None:
    given_user(app, "Kim")
    async with browsing(app) as browser:
        kim = await signed_in(browser(), "Kim")
        await kim.get("/rules/new")
        more = (await kim.post("/rules/edit", {**FIELDS, "do": "condition"})).text
        assert more.count('name="kind"') == 2 and "Buchhaltung" not in names(app)
        less = (await kim.post("/rules/edit", {**FIELDS, "do": "without-0"})).text
        assert less.count('name="kind"') == 0 and "for every mail" in less
        shown = (await kim.post("/rules/edit", {**FIELDS, "value": "Brief 2", "do": "preview"})).text
        assert "If the subject contains “Brief 2”, move to “Neu”." in shown
        assert len(app.store.messages.list_placements(mailbox=home.inbox)) == 3
        for typed, said in (
            ({"value": ""}, "is empty"),
            ({"kind": "from", "op": "", "value": "kein@"}, "“kein@” does not fit “Sender”"),
            ({"kind": "larger", "op": "", "value": "viel"}, "viel"),
            ({"kind": "since", "op": "", "value": "2026-02-30"}, "2026-02-30"),
            ({"kind": "field", "value": "x", "extra": "Böse Zeile"}, "Zeile"),
            ({"then": "forward", "what": "nirgends"}, "nirgends"),
            ({"then": "label", "what": "(nein)"}, "(nein)"),
            ({"what": ""}, "is empty"),
        ):
            answer = await kim.post("/rules/edit", {**FIELDS, **typed, "do": "save"})
            assert answer.status_code == 400, typed
            assert said in re.sub(r"<[^>]+>", "", answer.text[answer.text.index('class="wrong"') :]), typed
        assert len(names(app)) == 3


async def test_a_preview_says_what_new_mail_would_get(app: App, home: Home) -> None:
    given_user(app, "Kim")
    async with browsing(app) as browser:
        kim = await signed_in(browser(), "Kim")
        await kim.get("/rules/new")
        typed = {**FIELDS, "value": "Brief", "then": "forward", "what": "max@example.net", "do": "preview"}
        shown = (await kim.post("/rules/edit", typed)).text
        assert "sent on to max@example.net" in shown and "after all" not in shown


async def test_what_a_rule_says_is_never_markup_nor_sieve(app: App, home: Home) -> None:
    given_user(app, "Kim")
    evil = '<script>alert(1)</script>"]; discard; #'
    async with browsing(app) as browser:
        kim = await signed_in(browser(), "Kim")
        await kim.get("/rules/new")
        typed = {**FIELDS, "name": evil, "value": evil, "what": "Neu", "do": "save"}
        assert (await kim.post("/rules/edit", typed)).status_code == 303
        for path in (
            "/rules",
            "/rules/history",
            "/rules/sieve",
            "/rules/sieve?name=" + evil.replace("#", "%23"),
        ):
            page = (await kim.get(path)).text
            assert "<script>alert" not in page, path
        (made,) = read_book(app.store.rule_book.get().text).entries[3:]
        assert isinstance(made, Rule) and made.conditions == (Subject(False, (evil,)),)
        assert made.actions == (Move("Neu"),)


async def test_what_was_done_is_seen_and_taken_back_by_who_may(app: App, home: Home) -> None:
    for name, right in (("Lea", Right.READ), ("Ole", Right.CHANGE), ("Noah", None)):
        user = given_user(app, name, Role.MEMBER)
        set_rights(app, user, {home.account: right} if right else {})
    text = app.store.rule_book.get().text.replace("Rechnung", "Brief")
    app.store.rule_book.save(text, 1, 2.0)
    done = run_rules(app, Wanted(rule="Für alle"), sure=True)
    assert done.changed == 3
    runs = app.store.rule_runs.history()
    async with browsing(app) as browser:
        lea, ole, noah = [await signed_in(browser(), name) for name in ("Lea", "Ole", "Noah")]
        page = (await lea.get("/rules/history")).text
        assert "put into “Buchhaltung”" in page and "because the subject contains “Brief”" in page
        assert 'name="run"' not in page
        assert "Buchhaltung" not in (await noah.get("/rules/history")).text
        for who, status in ((lea, 403), (noah, 404)):
            answer = await who.post("/rules/history/undo", {"run": str(runs[0].id)})
            assert answer.status_code == status
            await who.get("/rules/history")
            assert (
                await who.post("/rules/history/undo", {"batch": str(done.batch), "do": "batch"})
            ).status_code == 303
        assert all(run.undone is None for run in app.store.rule_runs.history())
        await ole.get("/rules/history")
        await ole.post("/rules/history/undo", {"run": str(runs[0].id), "back": "https://evil.example/"})
        assert [run.undone is None for run in app.store.rule_runs.history()] == [False, True, True]
        answer = await ole.post("/rules/history/undo", {"batch": str(done.batch), "do": "batch"})
        assert answer.headers["location"] == "/rules/history"
        assert len(app.store.messages.list_placements(mailbox=home.inbox)) == 3
        # From the mail that is read one comes back to it.
        run_rules(app, Wanted(rule="Für alle"), sure=True)
        (run, *_) = app.store.rule_runs.history()
        back = f"/all/{run.message}"
        answer = await ole.post("/rules/history/undo", {"run": str(run.id), "back": back})
        assert answer.headers["location"] == back
        assert "Taken back." in (await ole.get(back)).text
        await ole.post("/rules/history/undo", {"rule": "Für alle", "do": "all"})
        assert all(run.undone is not None for run in app.store.rule_runs.history())


async def run_to_its_end(one: Browser, fields: dict[str, str]) -> httpx2.Response:
    """Carries a rule out; what the page says in the end."""
    answer = await one.post("/rules/run", fields)
    if answer.status_code != 303:
        return answer
    async with asyncio.timeout(60):
        while "data-under-way" in (page := await one.get("/rules/run/progress")).text:
            pass
    return page


async def test_a_long_run_shows_how_far_it_is_and_only_one_runs(
    app: App, home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    goes_on, met = threading.Event(), threading.Event()

    def slow(*args: object, tell: Tell, **more: object) -> list[Done]:
        tell(500)
        met.set()
        assert goes_on.wait(60)
        return [
            Done(batch=0, looked=900, changed=7, problems=[Problem("rules.bad_address", {"address": "x"})])
        ]

    monkeypatch.setattr(rule_jobs, "run_over_mail", slow)
    monkeypatch.setattr(rule_running, "_PATIENCE", 0.0)
    given_user(app, "Kim")
    async with browsing(app) as browser:
        kim = await signed_in(browser(), "Kim")
        await kim.get("/rules")
        answer = await kim.post("/rules/run", {"name": "Für alle"})
        assert answer.headers["location"] == "/rules/run/progress"
        assert await asyncio.to_thread(met.wait, 60)
        page = (await kim.get("/rules/run/progress")).text
        assert "500 mails looked at" in page and "data-under-way" in page
        again = await kim.post("/rules/run", {"name": "Nur Anna"})
        assert again.status_code == 400 and "is being applied just now" in again.text
        goes_on.set()
        async with asyncio.timeout(60):
            while "data-under-way" in (page := (await kim.get("/rules/run/progress")).text):
                pass
        assert "7 mails were changed." in page and "x is no address" in page


async def test_much_of_a_mailbox_is_asked_about_first(app: App, home: Home) -> None:
    home.arrive(*(arrival(number, raw=raw_mail(number)) for number in range(4, 61)))
    text = app.store.rule_book.get().text.replace("Rechnung", "Brief")
    app.store.rule_book.save(text, 1, 2.0)
    given_user(app, "Kim")
    async with browsing(app) as browser:
        kim = await signed_in(browser(), "Kim")
        await kim.get("/rules/run?name=F%C3%BCr+alle")
        asks = await run_to_its_end(kim, {"name": "Für alle"})
        assert asks.status_code == 200 and 'name="sure" value="1"' in asks.text and "60" in asks.text
        assert len(app.store.messages.list_placements(mailbox=home.inbox, limit=100)) == 60
        await run_to_its_end(kim, {"name": "Für alle", "sure": "1"})
        assert len(app.store.messages.list_placements(mailbox=home.inbox)) == 0
        assert "60 mails were changed." in (await kim.get("/rules/run/progress")).text


async def test_what_is_removed_comes_back_unless_somebody_was_quicker(app: App, home: Home) -> None:
    given_user(app, "Kim")
    async with browsing(app) as browser:
        kim = await signed_in(browser(), "Kim")
        await kim.post("/rules/remove", {"name": "Nur Anna"})
        bar = (await kim.get("/rules")).text
        revision = re.search(r'name="revision" value="(\d+)"', bar)
        assert revision and names(app) == ["Für alle", "Nur Ben"]
        assert (await kim.post("/rules/bring-back", {"revision": revision[1]})).status_code == 303
        assert app.store.rule_book.get().text == BOOK
        again = await kim.post("/rules/bring-back", {"revision": revision[1]})
        assert again.status_code == 400 and app.store.rule_book.get().text == BOOK


async def test_a_ready_made_rule_is_taken_and_given_back(app: App, home: Home) -> None:
    given_user(app, "Kim")
    async with browsing(app) as browser:
        kim = await signed_in(browser(), "Kim")
        page = (await kim.get("/rules")).text
        assert "/rules/offer?key=invoices" in page
        assert "of 3 mails that are here" in (await kim.get("/rules/offer?key=invoices")).text
        assert (await kim.post("/rules/offer", {"key": "invoices", "do": "take"})).status_code == 303
        assert names(app)[3:] == ["Invoices", "Invoices by file name"]
        bar = (await kim.get("/rules")).text
        assert "/rules/offer?key=invoices" not in bar  # it is there now
        revision = re.search(r'name="revision" value="(\d+)"', bar)
        assert revision
        await kim.post("/rules/bring-back", {"revision": revision[1]})
        assert app.store.rule_book.get().text == BOOK
        senders = {"key": "business-partners", "senders": "@firma.example, Max", "do": "look"}
        assert "If it comes from @firma.example or “Max”" in (await kim.post("/rules/offer", senders)).text
        wrong = await kim.post("/rules/offer", {**senders, "senders": "kein@", "do": "take"})
        assert wrong.status_code == 400 and app.store.rule_book.get().text == BOOK
        assert (await kim.get("/rules/offer?key=nothing")).status_code == 404


async def test_a_script_with_a_mistake_is_not_saved_and_hinders_no_other_rule(app: App, home: Home) -> None:
    given_user(app, "Kim")
    async with browsing(app) as browser:
        kim = await signed_in(browser(), "Kim")
        await kim.get("/rules/script")
        for run in ("1", ""):
            fields = {"name": "S", "sieve": "keep", "run": run, "account": "", "do": "save"}
            assert (await kim.post("/rules/script", fields)).status_code == 400
        assert app.store.rule_book.get().text == BOOK
        # It may have come into the book otherwise.
        app.store.rule_book.save(BOOK + '\n[[script]]\nname = "S"\nsieve = "keep"\n', 1, 2.0)
        assert (await kim.post("/rules/switch", {"name": "Nur Anna", "on": ""})).status_code == 303
        assert (await kim.post("/rules/remove", {"name": "S"})).status_code == 303
        assert names(app) == ["Für alle", "Nur Anna", "Nur Ben"]


async def test_a_book_that_cannot_be_read_says_where(app: App, home: Home) -> None:
    app.store.rule_book.save("[[rule]]\nname = 5\n", 1, 2.0)
    given_user(app, "Kim")
    async with browsing(app) as browser:
        kim = await signed_in(browser(), "Kim")
        page = (await kim.get("/rules")).text
        assert "none of them runs" in page and "rules.toml:2" in page
        for path in ("/rules/new", "/rules/history", "/rules/sieve", "/rules/script"):
            assert (await kim.get(path)).status_code == 200, path
        answer = await kim.post("/rules/edit", {**FIELDS, "do": "save"})
        assert answer.status_code == 400


async def test_a_mail_that_rules_could_not_judge_is_found_and_put_right(app: App, home: Home) -> None:
    given_user(app, "Kim")
    app.store.rule_book.save("[[rule]]\nname = 5\n", 1, 2.0)
    account = app.store.accounts.get(home.account)
    filter_new(app, account, decider_of(app, account))
    (new,) = home.arrive(arrival(9, raw=raw_mail(9))).ids
    filter_new(app, account, decider_of(app, account))
    async with browsing(app) as browser:
        kim = await signed_in(browser(), "Kim")
        page = (await kim.get("/all?label=$EilboteLook")).text
        assert "Brief 9" in page and "To be looked at" in page and "Brief 1<" not in page
        read = (await kim.get(f"/all/{new}")).text
        assert "left where it is and marked for a look" in read and "rules.toml:2" in read
        await kim.post("/act", {"id": str(new), "act": "unlabel", "label": "$EilboteLook"})
        assert "To be looked at" not in (await kim.get(f"/all/{new}")).text


async def test_a_script_for_events_stays_one(app: App, home: Home) -> None:
    given_user(app, "Kim")
    text = "[[script]]\nname = 'x'\nsieve = 'keep;'\non = ['copy']\nmailbox = 'Steuer'\n"
    app.store.rule_book.save(text, app.store.rule_book.revision(), app.clock.now())
    async with browsing(app) as browser:
        kim = await signed_in(browser(), "Kim")
        form = marked((await kim.get("/rules/script?name=x")).text)
        answer = await kim.post(
            "/rules/script", {**form, "name": "x", "sieve": "stop;", "run": "1", "do": "save"}
        )
        assert answer.status_code in (200, 302, 303)
    saved = app.store.rule_book.get().text
    assert "stop;" in saved and "mailbox = 'Steuer'" in saved and "on = ['copy']" in saved


async def test_a_script_that_was_typed_outlives_the_session(app: App, home: Home) -> None:
    given_user(app, "Kim")
    async with browsing(app) as browser:
        kim = await signed_in(browser(), "Kim")
        token = kim.token
        with app.store.database.write() as session:
            session.run("DELETE FROM signed_in")
        typed = {"name": "x", "sieve": "# viel <b>Arbeit</b>", "do": "save"}
        answer = await kim.post("/rules/script", typed, token=token)
        assert answer.status_code == 403 and "# viel &lt;b&gt;Arbeit" in answer.text


def test_a_preview_looks_at_the_newest_mails_only_and_ends_in_time(tmp_path: Path) -> None:
    with opened(tmp_path) as (app, clock):
        home = Home(app.store)
        home.arrive(*(arrival(number, raw=raw_mail(number)) for number in range(1, MOST_MAILS + 51)))
        given_user(app, "Kim")
        kim = user_named(app, "Kim")
        rule = Rule("x", (Body(False, ("Guten Tag",)), Sender(True, ("nobody@example.net",))), (Move("y"),))
        before = app.store.changes.latest(home.account)
        found = preview_rule(app, kim, rule)
        assert (found.looked, found.whole) == (MOST_MAILS, False)
        assert found.touched == MOST_MAILS and found.deeds.total() == MOST_MAILS and len(found.samples) <= 8
        assert app.store.changes.latest(home.account) == before
        # Every look at the clock costs half a second now.
        ticking = _Ticking()
        slow = preview_rule(replace(app, clock=ticking), kim, rule)
        assert 0 < slow.looked < 10 and not slow.whole
        assert isinstance(clock, HandClock)


class _Ticking(HandClock):
    def monotonic(self) -> float:
        self.at += 0.5
        return self.at


def test_moving_asks_for_what_is_there(app: App, home: Home) -> None:
    given_user(app, "Kim")
    kim = user_named(app, "Kim")
    with pytest.raises(Gone):
        move_entry(app, kim, "Für alle", "gibt es nicht")
    with pytest.raises(Gone):
        move_entry(app, kim, "gibt es nicht", "")
    move_entry(app, kim, "Für alle", "")
    assert names(app) == ["Nur Anna", "Nur Ben", "Für alle"]
    assert [one.place for one in seen_book(app, kim).entries] == [0, 1, 2]
    given_user(app, "Lea", Role.MEMBER)
    with pytest.raises(Gone):
        move_entry(app, user_named(app, "Lea"), "Nur Anna", "")
    set_rights(app, user_named(app, "Lea").id, {home.account: Right.READ})
    with pytest.raises(NotAllowed):
        move_entry(app, user_named(app, "Lea"), "Nur Anna", "")
