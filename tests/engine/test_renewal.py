"""Access tokens renewed by several processes on one home, killed at every step (fault F17), refused by mail
servers, and not renewed by a server that rests, lies, or takes everything back."""

from __future__ import annotations

import asyncio
import hashlib
import ssl
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import trustme

from eilbote.clock import SystemClock
from eilbote.config import Config
from eilbote.delivery.values import ENDED
from eilbote.engine import setup
from eilbote.engine.app import App, open_app
from eilbote.engine.authorize import keep_sign_in
from eilbote.engine.backoff import LOGIN_SECONDS, Backoff
from eilbote.engine.connect import HostBudget, open_smtp
from eilbote.engine.deliver import send_now
from eilbote.engine.owner import sync_accounts
from eilbote.engine.renew import access_token, unsealed
from eilbote.engine.send import Envelope, Handling, queue_mail
from eilbote.errors import EilboteError, Refused, Unreachable
from eilbote.protocols.oauth_refusal import refusal
from eilbote.store.values import Account, AccountState, Security, Server
from tests.engine.granted import expire, granted, imap_server, signed_in, smtp_server, trusted
from tests.servers.authorization import PERSON, Authorization
from tests.store.given import raw_mail

ROUNDS = 100
ROOT = Path(__file__).parents[2]


class Clock(SystemClock):
    """The system's, set forward by hand."""

    ahead = 0.0

    def now(self) -> float:
        return super().now() + self.ahead


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def app(
    tmp_path: Path, url: str, clock: Clock, authority: trustme.CA, monkeypatch: pytest.MonkeyPatch
) -> Iterator[App]:
    with trusted(tmp_path, authority) as environment:
        for name, value in environment.items():
            monkeypatch.setenv(name, value)
        config = Config(tmp_path / "home", store=url, key_file=str(tmp_path / "key"))
        with open_app(config, clock=clock) as opened:
            yield opened


@pytest.fixture
def account(app: App, authorization: Authorization, context: ssl.SSLContext) -> Account:
    """Signed in; no mail server behind it is asked."""
    return asyncio.run(signed_in(app, authorization, context, 9))


def beside(app: App, step: str = "") -> subprocess.Popen[str]:
    """Another process that needs a token."""
    command = [sys.executable, "-m", "tests.engine.renewing", str(app.config.home), app.config.store]
    return subprocess.Popen(
        [*command, app.config.key_file, step],
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )


def said(process: subprocess.Popen[str]) -> str:
    out, _ = process.communicate(timeout=100)
    return out.strip()


def digest(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()


def kept_refresh(app: App, account: Account) -> str:
    grant = app.store.grants.of(account.id)
    assert grant is not None
    refresh = unsealed(app, account, grant).refresh
    assert refresh is not None
    return refresh.reveal()


def test_of_several_processes_one_alone_asks(
    app: App, account: Account, authorization: Authorization
) -> None:
    expire(app, account)
    authorization.hold()
    others = [beside(app) for _ in range(3)]
    assert authorization.arrived.wait(60)
    authorization.gate.set()
    told = {said(one) for one in others}
    assert authorization.renewals == 1
    assert told == {digest(authorization.newest)}
    assert access_token(app, account).reveal() == authorization.newest
    assert authorization.renewals == 1


def test_a_hundred_times_two_processes_at_once(
    app: App, account: Account, authorization: Authorization
) -> None:
    """F17: the server revokes the whole family where an old refresh token comes again, and it never does."""
    workers = [beside(app, "often") for _ in range(2)]
    try:
        for number in range(1, ROUNDS + 1):
            expire(app, account)
            for one in workers:
                assert one.stdin is not None
                one.stdin.write("now\n")
                one.stdin.flush()
            told = [one.stdout.readline().strip() for one in workers if one.stdout is not None]
            assert told == [digest(authorization.newest)] * 2
            assert authorization.renewals == number
    finally:
        for one in workers:
            one.communicate(timeout=60)


def test_a_hundred_times_a_server_that_fails(
    app: App, account: Account, clock: Clock, authorization: Authorization
) -> None:
    """F17: 500 from the token endpoint; each time it gets better, and nobody has to sign in."""
    for number in range(ROUNDS):
        expire(app, account)
        authorization.manners.instead = (500, b"{}")
        with pytest.raises(Unreachable):
            access_token(app, account)
        authorization.manners.instead = None
        clock.ahead += 60.0
        assert access_token(app, account).reveal() == authorization.newest
        assert authorization.renewals == 2 * (number + 1)


async def test_a_hundred_times_a_token_that_dies(
    app: App, clock: Clock, authorization: Authorization, context: ssl.SSLContext
) -> None:
    """F17: the server takes the access token back long before its end."""
    async with imap_server(authorization) as imap:
        account = await signed_in(app, authorization, context, imap.port)
        for number in range(ROUNDS):
            clock.ahead += 120.0
            authorization.revoke_tokens()
            assert (await setup.test_account(app, account.address)).error is None
            assert authorization.renewals == number + 1


async def test_mail_waits_for_whoever_has_to_sign_in(
    app: App, authorization: Authorization, context: ssl.SSLContext
) -> None:
    async with imap_server(authorization) as imap, smtp_server(authorization) as smtp:
        account = await signed_in(app, authorization, context, imap.port)
        server = Server("localhost", smtp.port, Security.NONE)
        account = app.store.accounts.update(account.id, smtp=server)
        queue_mail(app, account, raw_mail(1), Envelope(PERSON, ("max@example.org",)), Handling())
        authorization.sign_out()
        expire(app, account)
        for _ in range(3):
            await send_now(app, account, HostBudget(5))
        (mail,) = app.store.outbox.all(account.id)
        assert mail.state not in ENDED
        pause = app.store.sending_pauses.of(account.id)
        assert pause is not None and pause.problem.code == "oauth.sign_in_again"
        assert authorization.renewals == 1
        plan, tokens = await granted(app, authorization, context)
        await asyncio.to_thread(keep_sign_in, app, account, plan, tokens)
        await send_now(app, app.store.accounts.get(account.id), HostBudget(5))
        assert len(smtp.sink.received) == 1


def test_what_needs_a_person_is_not_tried_again_and_again() -> None:
    for error in ("invalid_grant", "invalid_client", "access_denied", "invalid_scope", "whatever"):
        problem = refusal(error, "", "id.example.org").problem
        assert Backoff().failed(problem, 0.0).logins == 1
        assert Backoff().seconds(problem, 1.0) == LOGIN_SECONDS


async def test_of_many_threads_one_alone_asks(
    app: App, authorization: Authorization, context: ssl.SSLContext
) -> None:
    account = await signed_in(app, authorization, context, 9)
    expire(app, account)
    tokens = await asyncio.gather(*(asyncio.to_thread(access_token, app, account) for _ in range(8)))
    assert {one.reveal() for one in tokens} == {authorization.newest}
    assert authorization.renewals == 1


def test_killed_before_the_answer_the_next_one_renews(
    app: App, account: Account, authorization: Authorization
) -> None:
    """Whether the server has changed the token is not known: the old one is tried, which servers forgive."""
    authorization.manners.grace = 1
    expire(app, account)
    authorization.hold()
    killed = beside(app)
    assert authorization.arrived.wait(60)
    killed.kill()
    killed.communicate()
    authorization.gate.set()
    assert access_token(app, account).reveal() == authorization.newest
    assert kept_refresh(app, account) == next(reversed(authorization.refreshes))
    assert authorization.renewals == 2


@pytest.mark.parametrize("step", ["before:commit", "after:commit"])
def test_killed_while_the_answer_is_kept(
    app: App, account: Account, authorization: Authorization, step: str
) -> None:
    authorization.manners.grace = 1
    expire(app, account)
    killed = beside(app, step)
    killed.communicate(timeout=100)
    assert killed.returncode == -9
    assert authorization.renewals == 1
    assert access_token(app, account).reveal() == authorization.newest
    assert authorization.renewals == (1 if step == "after:commit" else 2)
    assert kept_refresh(app, account) == next(reversed(authorization.refreshes))
    expire(app, account)
    assert access_token(app, account).reveal() == authorization.newest, "the new refresh token is good"


def test_what_a_strict_server_takes_amiss_is_one_clear_problem(
    app: App, account: Account, authorization: Authorization
) -> None:
    """Rotation without any grace: the one case in which a kill costs a sign-in, and no loop follows."""
    expire(app, account)
    killed = beside(app, "before:commit")
    killed.communicate(timeout=100)
    for _ in range(3):
        with pytest.raises(Refused) as refused:
            access_token(app, account)
        assert refused.value.problem.code == "oauth.sign_in_again"
    assert authorization.renewals == 2


def test_a_lost_lease_loses_no_token(app: App, account: Account, authorization: Authorization) -> None:
    """The work of an account that another has taken over still keeps what it renewed."""

    class Lost:
        def check(self) -> None:
            pass

        def hold(self, session: object) -> None:
            raise AssertionError("a token is not kept under a lease")

    from msgspec.structs import replace

    expire(app, account)
    token = access_token(replace(app, store=app.store.fenced(Lost())), account)
    assert token.reveal() == authorization.newest
    assert access_token(app, account) == token


async def test_a_refused_token_is_renewed_once(
    app: App, clock: Clock, authorization: Authorization, context: ssl.SSLContext
) -> None:
    async with imap_server(authorization) as imap:
        account = await signed_in(app, authorization, context, imap.port)
        clock.ahead = 120.0  # a token that is refused at once is refused for another reason than its age
        authorization.revoke_tokens()
        tested = await setup.test_account(app, account.address)
        assert tested.error is None
        assert authorization.renewals == 1
        (report,) = await sync_accounts(app)
        assert report.failed is None
        assert authorization.renewals == 1


async def test_a_server_that_refuses_every_token_makes_no_loop(
    app: App, clock: Clock, authorization: Authorization, context: ssl.SSLContext
) -> None:
    async with imap_server(authorization) as imap:
        await signed_in(app, authorization, context, imap.port)
        clock.ahead = 120.0
        imap.accounts = {PERSON: "another's"}
        for _ in range(3):
            tested = await setup.test_account(app, PERSON)
            assert tested.error is not None and tested.error.problem.code == "imap.login_refused"
            assert tested.account.state is AccountState.FAILING
        assert authorization.renewals == 1


async def test_who_takes_everything_back_is_told_once_what_to_do(
    app: App, authorization: Authorization, context: ssl.SSLContext
) -> None:
    async with imap_server(authorization) as imap:
        account = await signed_in(app, authorization, context, imap.port)
        authorization.sign_out()
        expire(app, account)
        for _ in range(3):
            (report,) = await sync_accounts(app)
            assert report.failed is not None and report.failed.code == "oauth.sign_in_again"
        assert authorization.renewals == 1
        found = app.store.accounts.get(account.id)
        assert found.state is AccountState.FAILING
        assert found.problem is not None and found.problem.code == "oauth.sign_in_again"


async def test_sending_logs_in_with_the_same_token(
    app: App, authorization: Authorization, context: ssl.SSLContext
) -> None:
    async with imap_server(authorization) as imap, smtp_server(authorization) as smtp:
        account = await signed_in(app, authorization, context, imap.port)
        account = app.store.accounts.update(account.id, smtp=Server("localhost", smtp.port, Security.NONE))
        expire(app, account)
        session = await open_smtp(app, account)
        await session.quit()
    assert authorization.renewals == 1


@pytest.mark.parametrize(
    ("instead", "code"),
    [
        ((500, b"oops"), "oauth.unavailable"),
        ((503, b'{"error": "temporarily_unavailable"}'), "oauth.unavailable"),
        ((200, b"<html>welcome to our hotel</html>"), "oauth.unreadable"),
        ((200, b'{"access_token": "a\\r\\nb", "token_type": "Bearer"}'), "oauth.unreadable"),
        ((200, b"[" * 60_000), "oauth.unreadable"),
        ((200, b" " * 1_000_000), "oauth.unreadable"),
    ],
)
def test_a_server_that_rests_or_lies_costs_no_sign_in(
    app: App,
    account: Account,
    clock: Clock,
    authorization: Authorization,
    instead: tuple[int, bytes],
    code: str,
) -> None:
    authorization.manners.instead = instead
    expire(app, account)
    for _ in range(3):
        with pytest.raises(EilboteError) as failed:
            access_token(app, account)
        assert failed.value.problem.code == code
    assert authorization.renewals == 1, "it is left in peace for a while"
    authorization.manners.instead = None
    clock.ahead = 400.0
    assert access_token(app, account).reveal() == authorization.newest


def test_while_a_token_is_still_good_nobody_notices_that_the_server_rests(
    app: App, account: Account, clock: Clock, authorization: Authorization
) -> None:
    authorization.manners.instead = (502, b"")
    clock.ahead = 3600.0 - 200.0  # near its end, where it is renewed
    assert access_token(app, account).reveal() == authorization.newest
    assert authorization.renewals == 1


def test_a_server_that_is_down_is_said_to_be(
    app: App, account: Account, authorization: Authorization
) -> None:
    authorization.stop()
    expire(app, account)
    begun = time.monotonic()
    with pytest.raises(Unreachable) as failed:
        access_token(app, account)
    assert failed.value.problem.code == "oauth.unreachable"
    assert time.monotonic() - begun < 30


def test_signing_in_again_ends_the_failure(
    app: App, account: Account, authorization: Authorization, context: ssl.SSLContext
) -> None:
    authorization.sign_out()
    expire(app, account)
    with pytest.raises(Refused):
        access_token(app, account)
    plan, tokens = asyncio.run(granted(app, authorization, context))
    keep_sign_in(app, account, plan, tokens)
    assert access_token(app, account).reveal() == authorization.newest
    assert [one.id for one in app.store.accounts.all()] == [account.id]
