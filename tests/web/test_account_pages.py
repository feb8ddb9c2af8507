"""An account added, put right, changed and removed on the page; who may, and what is never shown."""

from __future__ import annotations

import asyncio
import hashlib
import ssl
from collections.abc import Iterator
from pathlib import Path

import pytest
import trustme
from msgspec.structs import replace

from eilbote.discovery.values import Candidate, Protocol, Source
from eilbote.engine.app import App
from eilbote.engine.discover import Discovered, Tried
from eilbote.engine.page_work import PageWork
from eilbote.engine.send import Envelope, Handling, queue_mail
from eilbote.engine.setup import provider_of_account
from eilbote.engine.users import set_rights
from eilbote.errors import Gone, Unreachable
from eilbote.mail.keep import Keep, KeepKind
from eilbote.providers.table import provider_by_mx
from eilbote.store.values import AccountState, AuthKind, Right, Role, Security
from eilbote.testing.imap.mailstore import Mailstore
from eilbote.testing.imap.server import ImapServer
from eilbote.web import new_account
from tests.store.given import ANNA, Home, raw_mail
from tests.web.browser import Browser, browsing, given_user, opened

ADDRESS, SECRET = "kim@mein-server.example", "sehr geheimes Wort"


@pytest.fixture(params=["sqlite", "postgres"])
def app(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[App]:
    url = request.getfixturevalue("postgres_url") if request.param == "postgres" else ""
    with opened(tmp_path, url) as (app, _):
        given_user(app, "Kim")
        yield app


def server(tls: ssl.SSLContext | None = None) -> ImapServer:
    from eilbote.testing.imap.behaviour import Behaviour

    return ImapServer(Mailstore(lambda: 1_795_463_580.0), {ADDRESS: SECRET}, Behaviour(), tls=tls)


def fields(imap: ImapServer, security: str = "none", password: str = SECRET) -> dict[str, str]:
    return {
        "address": ADDRESS,
        "password": password,
        "kind": "imap",
        "in_host": "localhost",
        "in_port": str(imap.port),
        "in_security": security,
    }


async def settled(one: Browser, path: str) -> str:
    """The page once the login was tried."""
    async with asyncio.timeout(20):
        while "is being tried" in (text := (await one.get(path)).text):
            assert one.last is not None and one.last.headers["refresh"] == "2"
            await asyncio.sleep(0.02)
    return text


async def added(one: Browser, form: dict[str, str]) -> str:
    """Through the form; gives the path of the third step."""
    await one.get(f"/accounts/new?address={ADDRESS}")
    answer = await one.post("/accounts/new", form)
    assert answer.status_code == 303
    return str(answer.headers["location"])


async def test_what_is_known_of_a_provider_is_said_before_a_password_is_typed(app: App) -> None:
    async with browsing(app) as browser:
        kim = browser()
        await kim.sign_in("Kim")
        for address, said in (
            ("kim@gmail.com", "Gmail wants an app password."),
            ("kim@gmx.de", "must be told to let mail programs in."),
            ("kim@outlook.com", "takes no passwords from mail programs any more."),
            ("kim@mein-server.example", "not in Eilbote&#39;s table"),
        ):
            page = (await kim.get(f"/accounts/new?address={address}")).text
            assert said in page and 'name="password"' in page, address
        german = (await kim.get("/accounts/new?address=kim@gmail.com", Accept_Language="de")).text
        assert "verlangt ein App-Passwort" in german
        assert (await kim.get("/accounts/new?address=no address")).status_code == 400


async def test_an_account_is_added_and_waits_for_its_start(app: App) -> None:
    async with server() as imap, browsing(app) as browser:
        kim = browser()
        await kim.sign_in("Kim")
        start = await added(kim, fields(imap))
        assert "The login works." in await settled(kim, start)
        (account,) = app.store.accounts.all()
        assert (account.state, account.problem) == (AccountState.PAUSED, None)
        assert "set up, not started yet" in (await kim.get("/accounts")).text
        await kim.get(start)
        assert (await kim.post(start, {"keep": "days", "days": "0"})).status_code == 400
        assert (await kim.post(start, {"keep": "days", "days": "30"})).status_code == 303
    account = app.store.accounts.get(account.id)
    assert (account.state, account.keep) == (AccountState.NEW, Keep(KeepKind.DAYS, 30))


async def test_a_form_sent_twice_at_once_is_one_account(app: App) -> None:
    async with server() as imap, browsing(app) as browser:
        kim = browser()
        await kim.sign_in("Kim")
        await kim.get(f"/accounts/new?address={ADDRESS}")
        answers = await asyncio.gather(*(kim.post("/accounts/new", fields(imap)) for _ in range(3)))
        assert {one.headers.get("location") for one in answers} == {"/accounts/1/start"}
        await settled(kim, "/accounts/1/start")
    assert len(app.store.accounts.all()) == 1


async def test_a_wrong_password_is_put_right_on_the_same_page_and_shown_nowhere(app: App) -> None:
    async with server() as imap, browsing(app) as browser:
        kim = browser()
        await kim.sign_in("Kim")
        start = await added(kim, fields(imap, password="ganz falsches Wort"))
        page = await settled(kim, start)
        assert "Cause" in page and "Next step:" in page and "Authentication failed" in page
        assert (await kim.post("/accounts/1/login", {"password": SECRET, "user": ADDRESS})).status_code == 303
        page = await settled(kim, start)
        assert "The login works." in page
        for path in (start, "/accounts/1", "/accounts", "/accounts/1/remove"):
            text = (await kim.get(path)).text
            assert SECRET not in text and "falsches Wort" not in text


async def test_bad_input_is_named_and_what_was_typed_stays_but_the_password(app: App) -> None:
    async with server() as imap, browsing(app) as browser:
        kim = browser()
        await kim.sign_in("Kim")
        await kim.get(f"/accounts/new?address={ADDRESS}")
        for changed, said in (
            ({"in_host": ""}, "It is not said which server"),
            ({"in_host": "a b"}, "is not a server"),
            ({"in_security": "ssl"}, "no such protection"),
            ({"in_host": "imap.example.org"}, "without protection is not allowed"),
            ({"password": ""}, "is empty"),
        ):
            answer = await kim.post("/accounts/new", {**fields(imap), "name": "Kim Groß", **changed})
            assert answer.status_code == 400 and said in answer.text
            assert "Kim Groß" in answer.text and SECRET not in answer.text
    assert app.store.accounts.all() == []


async def test_a_certificate_is_trusted_by_the_fingerprint_that_is_shown(app: App) -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    issued = trustme.CA().issue_cert("localhost")
    issued.configure_cert(context)
    der = ssl.PEM_cert_to_DER_cert(issued.cert_chain_pems[0].bytes().decode())
    digits = hashlib.sha256(der).hexdigest()
    async with server(context) as imap, browsing(app) as browser:
        kim = browser()
        await kim.sign_in("Kim")
        start = await added(kim, fields(imap, "tls"))
        page = await settled(kim, start)
        shown = page.replace("<wbr>", "")
        assert ":".join(digits[at : at + 2] for at in range(0, 64, 2)).upper() in shown
        assert (await kim.post("/accounts/1/trust", {"fingerprint": digits})).status_code == 303
        assert "The login works." in await settled(kim, start)
        await kim.post(start, {"keep": "everything"})
        assert "Trusted certificates" in (await kim.get("/accounts/1")).text
        await kim.post("/accounts/1/trust", {"fingerprint": digits, "remove": "1"})
        assert "It is the same: trust this certificate" in await settled(kim, "/accounts/1")
    assert app.store.accounts.get(1).trusted == ()


async def test_an_account_that_lives_only_here_needs_no_password(app: App) -> None:
    async with browsing(app) as browser:
        kim = browser()
        await kim.sign_in("Kim")
        start = await added(kim, {"address": ADDRESS, "kind": "local"})
        assert "lives only here" in await settled(kim, start)
        await kim.post(start, {"keep": "everything"})
        assert "lives only here" in (await kim.get("/accounts")).text
    assert app.store.accounts.all()[0].state is AccountState.READY


async def test_a_pass_that_was_asked_for_fetches_mail(app: App) -> None:
    async with server() as imap, browsing(app) as browser:
        kim = browser()
        await kim.sign_in("Kim")
        start = await added(kim, fields(imap))
        await settled(kim, start)
        await kim.post(start, {"keep": "everything"})
        await kim.get("/accounts/1")
        await kim.post("/accounts/1/sync", {})
        async with asyncio.timeout(20):
            while app.store.accounts.get(1).synced is None:  # noqa: ASYNC110
                await asyncio.sleep(0.02)
        page = (await kim.get("/accounts/1")).text
        assert "Inbox" in page and "not being kept current" in page


async def test_servers_that_were_found_are_seen_before_the_password_is_typed(
    app: App, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is found, and how, is tested with `engine/discover`; here it is shown and filled in."""
    imap = Candidate(Protocol.IMAP, "imap.mein-server.example", 993, "tls", Source.SRV, user="kim", asks=True)
    found = {
        ADDRESS: Discovered(ADDRESS, imap=Tried(imap), tried=(Tried(imap),)),
        "kim@gmial.example": Discovered(
            "kim@gmial.example",
            meant="kim@gmail.example",
            error=Gone("discovery.no_domain", domain="gmial.example", address="kim@gmial.example"),
        ),
    }

    async def discover(_app: App, address: str) -> Discovered:
        return found[address]

    monkeypatch.setattr(new_account, "discover", discover)
    async with browsing(app) as browser:
        kim = browser()
        await kim.sign_in("Kim")
        await kim.get(f"/accounts/new?address={ADDRESS}")
        page = (await kim.post("/accounts/new/find", {"address": ADDRESS})).text
        assert 'name="in_host" value="imap.mein-server.example"' in page and 'name="user" value="kim"' in page
        assert "Nothing proves that imap.mein-server.example belongs" in page
        await kim.get("/accounts/new")
        assert (
            "Gmail wants an app password"
            in (await kim.post("/accounts/new/find", {"address": "kim@gmail.com"})).text
        )
        page = (await kim.post("/accounts/new/find", {"address": "kim@gmial.example"})).text
        assert "gmial.example does not exist" in page and "/accounts/new?address=kim%40gmail.example" in page
    assert app.store.accounts.all() == []


@pytest.mark.parametrize("is_reached", [True, False])
async def test_a_domain_whose_mail_lies_at_microsoft_is_an_account_there(
    app: App, monkeypatch: pytest.MonkeyPatch, *, is_reached: bool
) -> None:
    """Its MX names the provider: it is signed in to, and what is typed all the same is no password."""
    receiving = Tried(Candidate(Protocol.IMAP, "outlook.office365.com", 993, "tls", Source.MX))
    sending = Tried(Candidate(Protocol.SMTP, "smtp.office365.com", 587, "starttls", Source.MX))
    found = Discovered(ADDRESS, provider_by_mx("a.mail.protection.outlook.com"), tried=(receiving, sending))
    if is_reached:
        found = replace(found, imap=receiving, smtp=sending)
    else:
        late = Unreachable("net.timeout", host="outlook.office365.com", port=993, seconds="5")
        found = replace(found, error=late)

    async def discover(_app: App, _address: str) -> Discovered:
        return found

    monkeypatch.setattr(new_account, "discover", discover)
    monkeypatch.setattr(PageWork, "try_login", lambda work, account: None)
    async with browsing(app) as browser:
        kim = browser()
        await kim.sign_in("Kim")
        await kim.get("/accounts/new")
        page = (await kim.post("/accounts/new/find", {"address": ADDRESS})).text
        assert "Microsoft 365 takes no passwords from mail programs any more." in page
        assert "Sign in with Microsoft" in page and "Access token" in page
        assert 'name="in_host" value="outlook.office365.com"' in page
        assert ("did not answer within" in page) == (not is_reached)
        typed = {
            "address": ADDRESS,
            "in_host": "outlook.office365.com",
            "in_port": "993",
            "in_security": "tls",
        }
        page = (await kim.post("/accounts/new", typed | {"password": ""})).text
        assert "is empty" in page and "Access token" in page  # and no servers are looked for once more
        assert (await kim.post("/accounts/new", typed | {"password": "ey.token"})).status_code == 303
        account = app.store.accounts.get(1)
        assert account.auth is AuthKind.OAUTH
        page = (await kim.get("/accounts/1")).text
        assert "Sign in with Microsoft" in page
    assert provider_of_account(account) is not None


PATHS = (
    "sync",
    "test",
    "login",
    "servers",
    "trust",
    "pause",
    "resume",
    "keep",
    "keep-each",
    "on-server",
    "remove",
)


@pytest.mark.parametrize(
    ("role", "right"),
    [(Role.MEMBER, None), (Role.MEMBER, Right.READ), (Role.MEMBER, Right.CHANGE), (Role.AUDITOR, Right.READ)],
)
async def test_only_an_owner_changes_an_account(tmp_path: Path, role: Role, right: Right | None) -> None:
    with opened(tmp_path) as (app, _):
        home = Home(app.store)
        given_user(app, "Kim")
        ben = given_user(app, "Ben", role)
        set_rights(app, ben, {home.account: right} if right else {})
        before = app.store.accounts.get(home.account)
        async with browsing(app) as browser:
            one = browser()
            await one.sign_in("Ben")
            page = await one.get(f"/accounts/{home.account}")
            assert page.status_code == (200 if right else 404)
            assert (ANNA.address in page.text) == bool(right)
            assert (ANNA.address in (await one.get("/accounts")).text) == bool(right)
            for path in (
                "/accounts/new",
                f"/accounts/{home.account}/start",
                f"/accounts/{home.account}/remove",
            ):
                assert (await one.get(path)).status_code == 403, path
            await one.get("/own")
            assert (await one.post("/accounts/new", {"address": ADDRESS, "kind": "local"})).status_code == 403
            await one.get("/own")
            assert (await one.post("/accounts/new/find", {"address": ADDRESS})).status_code == 403
            for path in PATHS:
                if path == "sync" and right is Right.CHANGE:
                    continue
                await one.get("/own")
                sent = {"address": before.address, "password": "x", "keep": "headers", "policy": "keep"}
                answer = await one.post(f"/accounts/{home.account}/{path}", sent)
                assert answer.status_code in (403, 404), path
        assert app.store.accounts.all() == [before]


async def test_a_form_of_another_session_changes_nothing(tmp_path: Path) -> None:
    with opened(tmp_path) as (app, _):
        home = Home(app.store)
        given_user(app, "Kim")
        async with browsing(app) as browser:
            kim = browser()
            await kim.sign_in("Kim")
            for path in PATHS:
                answer = await kim.post(f"/accounts/{home.account}/{path}", {}, token="0" * 64)
                assert answer.status_code == 403
        assert app.store.accounts.get(home.account).state is AccountState.NEW


async def test_pause_keep_and_servers_are_changed(tmp_path: Path) -> None:
    with opened(tmp_path) as (app, _):
        home = Home(app.store)
        app.store.accounts.synced(home.account, app.clock.now())
        given_user(app, "Kim")
        path = f"/accounts/{home.account}"
        async with browsing(app) as browser:
            kim = browser()
            await kim.sign_in("Kim")
            await kim.post(f"{path}/pause", {})
            assert "paused" in (await kim.get(path)).text
            await kim.post(f"{path}/resume", {})
            await kim.post(f"{path}/keep", {"keep": "size", "megabytes": "2"})
            box = app.store.mailboxes.all(home.account)[0]
            await kim.post(f"{path}/keep-each", {f"keep-{box.id}": "headers"})
            sent = {"kind": "imap", "in_host": "localhost", "in_port": "1", "in_security": "none"}
            await kim.post(f"{path}/servers", {**sent, "out_host": "localhost", "out_security": "starttls"})
            bad = await kim.post(f"{path}/servers", {**sent, "in_host": "mail.example.org"})
            assert bad.status_code == 400
            assert "without protection is not allowed" in bad.text
            await settled(kim, path)
        account = app.store.accounts.get(home.account)
        assert account.keep == Keep(KeepKind.SIZE, 2 << 20)
        assert app.store.mailboxes.get(box.id).keep == Keep(KeepKind.HEADERS)
        assert account.imap is not None and account.smtp is not None
        assert (account.imap.port, account.imap.security, account.smtp.port) == (1, Security.NONE, 587)


async def test_removal_names_what_goes_and_is_confirmed_by_typing(tmp_path: Path) -> None:
    with opened(tmp_path) as (app, _):
        home = Home(app.store)
        given_user(app, "Kim")
        path = f"/accounts/{home.account}/remove"
        account = app.store.accounts.get(home.account)
        queue_mail(app, account, raw_mail(1), Envelope(ANNA.address, ("max@example.org",)), Handling())
        async with browsing(app) as browser:
            kim = browser()
            await kim.sign_in("Kim")
            page = (await kim.get(path)).text
            assert "erased on this machine" in page
            wrong = await kim.post(path, {"address": "bert@example.org"})
            assert wrong.status_code == 400 and "nothing was removed" in wrong.text
            waits = await kim.post(path, {"address": ANNA.address})
            assert waits.status_code == 400 and "still wait in the outbox" in waits.text
        assert [one.address for one in app.store.accounts.all()] == [ANNA.address]


async def test_an_account_without_waiting_mail_goes(tmp_path: Path) -> None:
    with opened(tmp_path) as (app, _):
        home = Home(app.store)
        other = app.store.accounts.add(replace(ANNA, address="bert@example.org"))
        given_user(app, "Kim")
        async with browsing(app) as browser:
            kim = browser()
            await kim.sign_in("Kim")
            answer = await kim.post(f"/accounts/{home.account}/remove", {"address": "Anna@Example.org "})
            assert answer.status_code == 303
        assert [one.id for one in app.store.accounts.all()] == [other.id]
