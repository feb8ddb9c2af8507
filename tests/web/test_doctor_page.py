"""The doctor on the page: who may begin, one run at a time, one cause first with the form that puts it right,
and what is never shown.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from msgspec.structs import replace

from eilbote.clock import SystemClock
from eilbote.config import Config
from eilbote.diagnosis.transcript import read_transcript
from eilbote.diagnosis.values import Cause, Who
from eilbote.engine import checkups, setup
from eilbote.engine.app import App, open_app
from eilbote.engine.diagnose import Diagnosed, Looking, diagnose_account
from eilbote.engine.users import set_rights
from eilbote.secret import Secret
from eilbote.store.values import Account, AuthKind, Right, Role
from eilbote.testing.demo import start_demo_servers
from eilbote.testing.imap.behaviour import Behaviour
from eilbote.testing.imap.mailstore import Mailstore
from eilbote.testing.imap.server import ImapServer
from eilbote.web.remedies import Remedy, of_account, remedy_for
from tests.web.browser import Browser, browsing, given_user, opened

ADDRESS, SECRET, WRONG = "kim@mein-server.example", "sehr geheimes Wort", "ganz falsches Wort"


@pytest.fixture
def app(tmp_path: Path) -> Iterator[App]:
    with opened(tmp_path) as (app, _):
        given_user(app, "Kim")
        yield app


def server() -> ImapServer:
    return ImapServer(Mailstore(lambda: 1_795_463_580.0), {ADDRESS: SECRET}, Behaviour())


def given_account(app: App, imap: ImapServer, password: str = WRONG) -> Account:
    wanted = setup.Wanted(address=ADDRESS, imap=f"localhost:{imap.port}", security="none")
    return setup.store_account(app, setup.planned_account(app, wanted), Secret(password))


async def done(one: Browser, path: str) -> str:
    """The page once the run is over."""
    async with asyncio.timeout(60):
        while 'http-equiv="refresh"' in (text := (await one.get(path)).text):  # noqa: ASYNC110
            await asyncio.sleep(0.05)
    return text


async def test_a_wrong_password_is_the_cause_and_put_right_where_it_is_named(app: App) -> None:
    async with server() as imap, browsing(app) as browser:
        given_account(app, imap)
        kim = browser()
        await kim.sign_in("Kim")
        page = (await kim.get("/doctor/1")).text
        assert "names one cause" in page and "Start the check" in page
        assert (await kim.post("/doctor/1", {})).headers["location"] == "/doctor/1"
        assert "This computer" in (await kim.get("/doctor/1")).text  # from the first moment
        page = await done(kim, "/doctor/1")
        assert "It does not work" in page and "Next step:" in page and "Who must act:" in page
        assert "eilbote account" not in page  # who clicks is told where to click
        assert (await kim.post("/doctor/1/login", {"password": SECRET, "user": ADDRESS})).status_code == 303
        page = await done(kim, "/doctor/1")
        assert "Everything works" in page or "It works, with a warning" in page, page
        for path in ("/doctor/1", "/doctor", "/doctor/1/share", "/doctor/1/whole"):
            text = (await kim.get(path)).text
            assert SECRET not in text and WRONG not in text, path


async def test_what_worked_with_another_password_is_no_reason_to_doubt_the_server(app: App) -> None:
    """Typed wrong a minute after the right one worked: it is the cause, not too many programs."""
    async with server() as imap, browsing(app) as browser:
        account = given_account(app, imap)
        app.store.accounts.synced(account.id, app.clock.now())
        kim = browser()
        await kim.sign_in("Kim")
        await kim.get("/doctor/1")
        await kim.post("/doctor/1", {})
        assert "too many programs" in await done(kim, "/doctor/1")  # it may be that as far as we know
        await kim.post("/doctor/1/login", {"password": "noch ein falsches", "user": ADDRESS})
        page = await done(kim, "/doctor/1")
        assert "It does not work" in page and "too many programs" not in page


async def test_what_is_shared_names_nobody_and_gives_the_same_diagnosis(app: App) -> None:
    async with server() as imap, browsing(app) as browser:
        given_account(app, imap)
        kim = browser()
        await kim.sign_in("Kim")
        assert (await kim.get("/doctor/1/share")).status_code == 404
        await kim.get("/doctor/1")
        await kim.post("/doctor/1", {})
        await done(kim, "/doctor/1")
        shared, whole = await kim.get("/doctor/1/share"), await kim.get("/doctor/1/whole")
        assert "attachment" in shared.headers["content-disposition"]
        assert ADDRESS in whole.text and "mein-server" not in shared.text
        first, second = read_transcript(whole.content), read_transcript(shared.content)
        assert len(first.steps) == len(second.steps) > 3


async def test_only_who_may_change_begins_and_who_may_read_sees(app: App) -> None:
    async with server() as imap, browsing(app) as browser:
        account = given_account(app, imap, SECRET)
        set_rights(app, given_user(app, "Lea", Role.MEMBER), {account.id: Right.READ})
        set_rights(app, given_user(app, "Max", Role.MEMBER), {account.id: Right.CHANGE})
        given_user(app, "Noah", Role.MEMBER)
        lea, max_, noah = browser(), browser(), browser()
        for one, name in ((lea, "Lea"), (max_, "Max"), (noah, "Noah")):
            await one.sign_in(name)
        assert (await noah.get("/doctor/1")).status_code == 404
        assert ADDRESS not in (await noah.get("/doctor")).text
        assert (await lea.get("/doctor/1")).status_code == 200
        for one, status in ((noah, 404), (lea, 403)):
            await one.get("/own")
            assert (await one.post("/doctor/1", {})).status_code == status
        await max_.get("/doctor/1")
        assert (await max_.post("/doctor/1", {}, token="")).status_code == 403
        assert (await max_.post("/doctor/1", {})).status_code == 303
        await done(max_, "/doctor/1")
        for path in ("/doctor/1/login", "/doctor/1/servers", "/doctor/1/trust", "/doctor/address"):
            assert (await max_.post(path, {"password": "x", "address": "a@example.org"})).status_code == 403
        assert (await max_.get("/doctor/address?address=a@example.org")).status_code == 403
        page = (await lea.get("/doctor/1")).text
        assert "What was looked at" in page and 'action="/doctor/1' not in page


async def test_there_is_one_run_of_an_account_at_a_time(app: App, monkeypatch: pytest.MonkeyPatch) -> None:
    running, most, runs = 0, 0, 0
    go = asyncio.Event()

    async def counted(
        app: App, name: str, tell: Callable[[Looking], None], *, round_trip: bool = False
    ) -> Diagnosed:
        nonlocal running, most, runs
        running, runs = running + 1, runs + 1
        most = max(most, running)
        tell(Looking("login", "localhost:993"))
        await go.wait()
        try:
            return await diagnose_account(app, name, tell, round_trip=round_trip)
        finally:
            running -= 1

    monkeypatch.setattr(checkups, "diagnose_account", counted)
    async with server() as imap, browsing(app) as browser:
        given_account(app, imap)
        kim = browser()
        await kim.sign_in("Kim")
        await kim.get("/doctor/1")
        for _ in range(3):
            await kim.post("/doctor/1", {})
        page = (await kim.get("/doctor/1")).text
        assert "Logging in" in page and "localhost:993" in page and 'aria-current="step"' in page
        # Changed while it runs: the account as it is now is tested afterwards, not beside it.
        await kim.post("/doctor/1/login", {"password": SECRET, "user": ADDRESS})
        go.set()
        page = await done(kim, "/doctor/1")
    assert (most, runs) == (1, 2)
    assert "It does not work" not in page


async def test_after_three_refusals_no_login_is_tried(app: App) -> None:
    async with server() as imap, browsing(app) as browser:
        account = given_account(app, imap)
        for _ in range(3):
            app.store.refused_logins.note(account.id, "imap", app.clock.now())
        kim = browser()
        await kim.sign_in("Kim")
        await kim.get("/doctor/1")
        await kim.post("/doctor/1", {})
        page = await done(kim, "/doctor/1")
        assert "It could not be tested" in page and "quarter of an hour" in page
    assert app.store.refused_logins.count(account.id, 0.0, app.clock.now()) == 3


async def test_an_address_that_is_no_account_is_looked_at_without_a_login(
    app: App, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with browsing(app) as browser:
        kim = browser()
        await kim.sign_in("Kim")
        await kim.get("/doctor")
        wrong = await kim.post("/doctor/address", {"address": "keine Adresse"})
        assert wrong.status_code == 400 and 'role="alert"' in wrong.text
        answer = await kim.post("/doctor/address", {"address": "kim+probe@firma.example"})
        path = answer.headers["location"]
        page = await done(kim, path)
        assert "kim+probe@firma.example" in page and "What was looked at" in page
        assert (await kim.get(path.replace("?", "/share?"))).status_code == 200


async def test_set_up_says_the_cause_out_of_the_answer_that_is_there(app: App) -> None:
    async with server() as imap, browsing(app) as browser:
        account = given_account(app, imap)
        setup.pause_account(app, account.address)
        kim = browser()
        await kim.sign_in("Kim")
        await kim.get("/accounts/1/start")
        await kim.post("/accounts/1/test", {})
        async with asyncio.timeout(20):
            while "is being tried" in (page := (await kim.get("/accounts/1/start")).text):  # noqa: ASYNC110
                await asyncio.sleep(0.02)
        assert "Cause" in page and "Next step:" in page and 'name="password"' in page
        assert 'href="/doctor/1"' in page
    assert app.store.refused_logins.count(account.id, 0.0, app.clock.now()) == 1  # no further attempt


async def test_a_real_mail_goes_only_when_it_is_asked_for_and_its_way_is_drawn(tmp_path: Path) -> None:
    config = Config(home=tmp_path / "home", key_file=str(tmp_path / "key"), dns_servers="127.0.0.1:9")
    with open_app(config) as app:
        given_user(app, "Kim")
        async with start_demo_servers(SystemClock().now) as servers, browsing(app) as browser:
            wanted = setup.Wanted(
                address=servers.user,
                imap=f"{servers.imap_host}:{servers.imap_port}",
                smtp=f"{servers.smtp_host}:{servers.smtp_port}",
                security="none",
            )
            setup.store_account(app, setup.planned_account(app, wanted), Secret(servers.password))
            kim = browser()
            await kim.sign_in("Kim")
            await kim.get("/doctor/1")
            await kim.post("/doctor/1", {})
            page = await done(kim, "/doctor/1")
            assert 'class="legs"' not in page and "One small mail with an attachment goes from" in page
            await kim.post("/doctor/1", {"trip": "1"})
            page = await done(kim, "/doctor/1")
        legs = page[page.index('class="legs"') :]
        legs = legs[: legs.index("</table>")]
        assert legs.count("<tr>") == 10 and legs.count("<svg") == 10
        assert "handing the mail over" in legs and "removing it" in legs


@pytest.mark.parametrize(
    ("code", "parameters", "who", "remedy"),
    [
        ("password.wrong", {}, Who.YOU, Remedy.PASSWORD),
        ("app_password.google", {}, Who.YOU, Remedy.PASSWORD),
        ("service_off.gmx", {}, Who.YOU, Remedy.ENABLE),
        ("oauth_only.microsoft", {}, Who.YOU, Remedy.SIGN_IN),
        ("certificate.self_signed", {"fingerprint": "AB:CD"}, Who.PROVIDER, Remedy.TRUST),
        ("certificate.expired", {}, Who.PROVIDER, Remedy.TEST),
        ("certificate.wrong_name", {"better": "mail.example.org"}, Who.YOU, Remedy.SERVERS),
        ("refused.port", {}, Who.YOU, Remedy.SERVERS),
        ("filtered.dropped", {}, Who.NETWORK, Remedy.TEST),
        ("offline.no_network", {}, Who.YOU, Remedy.TEST),
        ("rate.own_limit", {}, Who.YOU, Remedy.TEST),
        ("sender.not_allowed", {}, Who.YOU, Remedy.ADDRESSES),
        ("dns.dmarc", {}, Who.DOMAIN, Remedy.DOMAIN),
        ("dns.no_such_host", {}, Who.YOU, Remedy.SERVERS),
        ("none.ok", {}, Who.NOBODY, Remedy.NOTHING),
    ],
)
def test_the_cause_chooses_the_form(code: str, parameters: dict[str, str], who: Who, remedy: Remedy) -> None:
    assert remedy_for(Cause(code, "doctor.x", parameters, who)) is remedy


def test_no_password_is_asked_for_where_one_signs_in_at_the_provider(app: App) -> None:
    wanted = setup.Wanted(address=ADDRESS, imap="imap.mein-server.example:993", security="tls")
    account = setup.store_account(app, setup.planned_account(app, wanted), Secret("x"))
    assert of_account(Remedy.SIGN_IN, account) is Remedy.PASSWORD  # no provider to sign in at
    signed_in = replace(account, auth=AuthKind.SIGNED_IN)
    assert of_account(Remedy.PASSWORD, signed_in) is Remedy.SIGN_IN
