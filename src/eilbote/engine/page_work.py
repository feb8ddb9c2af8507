"""What the page has set going and does not wait for: logins tried, passes, the doctor's runs, rules run. What
a try came to is remembered here until the process ends, one for each account.

A secret never comes here: what is tried is the account as it is stored.
"""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any

from msgspec import Struct
from msgspec.structs import replace

from eilbote.engine.app import App
from eilbote.engine.authorize import (
    BrowserSignIn,
    Going,
    Pages,
    SignedIn,
    Tell,
    WantedSignIn,
    keep_sign_in,
    last_sign_in,
    plan_sign_in,
    sign_in_by_code,
)
from eilbote.engine.checkups import Checkups
from eilbote.engine.owner import sync_accounts
from eilbote.engine.rule_jobs import RuleJobs
from eilbote.engine.setup import test_account, test_sending
from eilbote.errors import EilboteError, Gone, Misused, Problem
from eilbote.store.values import Account


class Trial(Struct, frozen=True):
    """A try of an account's logins, begun at `began` (seconds since 1970). `receiving` and `sending` say
    what went wrong; sending is not tried where receiving fails."""

    began: float
    running: bool = True
    receiving: Problem | None = None
    sending: Problem | None = None

    @property
    def is_good(self) -> bool:
        return not self.running and self.receiving is None and self.sending is None


class SigningIn(Struct, frozen=True):
    """A person is signing in at a provider's page. `by`: whose session began it; nobody else is shown
    `going`. `problem`: why it ended without success."""

    by: str
    device: bool
    running: bool = True
    going: Going | None = None
    problem: Problem | None = None

    @property
    def is_good(self) -> bool:
        return not self.running and self.problem is None


class PageWork:
    """The work of one running page. To be called inside of its loop."""

    def __init__(self, app: App) -> None:
        self._app = app
        self.changes = 0
        """Others after every beginning and end of a work."""
        self.checkups = Checkups(app, self._note_change)
        self.rules = RuleJobs(app, self._note_change)
        self._trials: dict[int, Trial] = {}
        self._sign_ins: dict[int, SigningIn] = {}
        self._browsers: dict[int, BrowserSignIn] = {}
        self._passes: dict[int, Problem | None] = {}
        self._tasks: dict[tuple[str, int], asyncio.Task[None]] = {}

    def try_login(self, account: Account) -> None:
        """Begins anew where a try is under way: it was of the account as it was before."""
        self._trials[account.id] = Trial(self._app.clock.now())
        self._begin("login", account, self._try(account))

    def trial_of(self, account: int) -> Trial | None:
        """The latest; None where there was none since the process began."""
        return self._trials.get(account)

    def examine(self, account: Account, *, trip: bool = False, changed: bool = False) -> None:
        """The doctor's run, after a try of the login that is under way: one password at a time."""
        trying = self._tasks.get(("login", account.id))
        self.checkups.begin(account, trip=trip, changed=changed, after=trying)

    def sync(self, account: Account) -> None:
        """One pass, by whoever holds the account; nothing where one that was asked for is under way."""
        if ("sync", account.id) not in self._tasks:
            self._begin("sync", account, self._pass(account))

    def is_syncing(self, account: int) -> bool:
        """Whether a pass that was asked for here is under way."""
        return ("sync", account) in self._tasks

    def pass_problem(self, account: int) -> Problem | None:
        """What ended the latest pass that was asked for here, if anything did."""
        return self._passes.get(account)

    def sign_in(self, account: Account, wanted: WantedSignIn, pages: Pages, by: str, *, device: bool) -> None:
        """Begins a sign-in at the provider's page; one that is under way for the account ends. Where it is
        over, the login is tried."""
        self._sign_ins[account.id] = SigningIn(by, device)
        self._begin("sign-in", account, self._sign_in(account, wanted, pages))

    def sign_in_of(self, account: int) -> SigningIn | None:
        """The latest that was not ended; None where there was none."""
        return self._sign_ins.get(account)

    def typed(self, account: int, address: str) -> None:
        """The address at which a browser on another machine ended. Misused `oauth.wrong_state`."""
        if (browser := self._browsers.get(account)) is None:
            raise Misused("oauth.wrong_state")
        browser.typed(address)

    def end_sign_in(self, account: int) -> None:
        """Nobody waits for it any more."""
        self._sign_ins.pop(account, None)
        if task := self._tasks.get(("sign-in", account)):
            task.cancel()

    async def close(self) -> None:
        """Nothing of it goes on."""
        tasks = list(self._tasks.values())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await self.checkups.close()
        await self.rules.close()

    def _note_change(self) -> None:
        self.changes += 1

    def _begin(self, kind: str, account: Account, work: Coroutine[Any, Any, None]) -> None:
        key = (kind, account.id)
        if before := self._tasks.pop(key, None):
            before.cancel()
        task = asyncio.create_task(work)
        self._tasks[key] = task

        self.changes += 1

        def ended(done: asyncio.Task[None]) -> None:
            self.changes += 1
            if self._tasks.get(key) is done:
                del self._tasks[key]

        task.add_done_callback(ended)

    async def _try(self, account: Account) -> None:
        trial = self._trials[account.id]
        await self.checkups.ended(account.id)
        try:
            tested = await test_account(self._app, account.address)
            receiving = tested.error.problem if tested.error else None
            error = None if receiving else await test_sending(self._app, account.address)
            sending = error.problem if error else None
            trial = replace(trial, running=False, receiving=receiving, sending=sending)
        except Gone:  # removed meanwhile
            self._trials.pop(account.id, None)
            return
        except EilboteError as error:
            trial = replace(trial, running=False, receiving=error.problem)
        self._trials[account.id] = trial

    async def _sign_in(self, account: Account, wanted: WantedSignIn, pages: Pages) -> None:
        app, begun = self._app, self._sign_ins[account.id]

        def tell(going: Going) -> None:
            self._sign_ins[account.id] = replace(begun, going=going)
            self.changes += 1

        try:
            before = await asyncio.to_thread(last_sign_in, app, account.id)
            plan = await plan_sign_in(app, (account.imap, account.pop3, account.smtp), wanted, before)
            if begun.device:
                tokens = await sign_in_by_code(app, plan, tell)
            else:
                async with BrowserSignIn(app, plan, account.address, pages) as browser:
                    tokens = await self._waited(account.id, browser, tell)
            await asyncio.to_thread(keep_sign_in, app, account, plan, tokens)
        except EilboteError as error:
            self._sign_ins[account.id] = replace(begun, running=False, problem=error.problem)
        else:
            self._sign_ins[account.id] = replace(begun, running=False)
            self.try_login(account)

    async def _waited(self, account: int, browser: BrowserSignIn, tell: Tell) -> SignedIn:
        self._browsers[account] = browser
        tell(browser.going)
        try:
            return await browser.tokens()
        finally:
            if self._browsers.get(account) is browser:  # and not that of a sign-in begun since
                del self._browsers[account]

    async def _pass(self, account: Account) -> None:
        try:
            (done,) = await sync_accounts(self._app, [account.address])
            self._passes[account.id] = done.failed
        except EilboteError as error:
            self._passes[account.id] = error.problem
