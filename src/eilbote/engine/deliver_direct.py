"""Delivers an account's outbox straight to the recipients' own servers, for those who run their own
domain: each domain by its route, with what that demands proven, and with the same journal.

It must never hand a mail to a server that has not proven what its route says.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from msgspec.structs import replace

from eilbote.clock import rfc3339
from eilbote.delivery.foresight import NEVER
from eilbote.delivery.route import Hop
from eilbote.delivery.tls_report import SUCCESS, TlsResult, failure_type, policy_type
from eilbote.delivery.values import Ended, Outgoing, Phase, Recipient, RecipientState
from eilbote.engine.app import App
from eilbote.engine.connect import HostBudget, terms_of_strangers
from eilbote.engine.foresee import protection
from eilbote.engine.ledger import Handing, Ledger
from eilbote.engine.progress import Delivered
from eilbote.engine.route import Surroundings, find_route
from eilbote.engine.smtp_words import as_mail, is_untold
from eilbote.errors import EilboteError, Unreachable
from eilbote.mail.identity import same_address
from eilbote.net.smtp import OUR_NAME, SmtpSession
from eilbote.protocols.smtp import types as smtp
from eilbote.store.values import Account, Security, Server

_CLAIM = 100
_DOMAINS_AT_ONCE = 10


class DirectDelivery:
    """One run over what is due in an account's outbox."""

    def __init__(self, app: App, account: Account, budget: HostBudget, around: Surroundings) -> None:
        self._app = app
        self._account = account
        self._budget = budget
        self._around = around
        self._ledger = Ledger(app, account)
        self._results: list[TlsResult] = []

    @property
    def result(self) -> Delivered:
        return self._ledger.result

    def stop(self) -> None:
        """No further mail is begun; those under way get their answers."""
        self._ledger.stopped = True

    async def run(self) -> Delivered:
        """Delivers until nothing is due. What was claimed and not begun waits again, however this ends."""
        if not await self._ledger.open():
            return self.result
        try:
            while claimed := await self._ledger.claim(_CLAIM):
                await self._deliver(claimed)
        finally:
            await self._ledger.close()
            if self._results:
                await asyncio.to_thread(self._app.store.tls_results.count, self._results)
        due = await asyncio.to_thread(self._app.store.outbox.next_due)
        self.result.next_at = due.get(self._account.id)
        return self.result

    async def _deliver(self, claimed: Sequence[tuple[Outgoing, bytes]]) -> None:
        """Each mail to one of its domains, domain beside domain. A mail with several comes back for the
        next one as soon as this one is settled."""
        by_domain: dict[str, list[smtp.Mail]] = {}
        for mail, raw in claimed:
            domain, asked = _next_domain(self._ledger.begin(mail))
            given = as_mail(replace(mail, recipients=asked), raw)
            by_domain.setdefault(domain, []).append(given)
        gate = asyncio.Semaphore(_DOMAINS_AT_ONCE)

        async def one(domain: str, mails: list[smtp.Mail]) -> None:
            async with gate:
                await self._to_domain(domain, mails)

        try:
            async with asyncio.TaskGroup() as group:
                for domain, mails in by_domain.items():
                    group.create_task(one(domain, mails))
        except ExceptionGroup as several:
            raise several.exceptions[0] from None

    async def _to_domain(self, domain: str, mails: list[smtp.Mail]) -> None:
        """Hands mails to the first server of the domain that takes them."""
        found = await find_route(self._app, self._around, domain)
        problem = found.problem
        for hop in found.hops:
            again = True
            while again:
                try:
                    session = await self._open(domain, hop)
                except EilboteError as error:
                    problem = error.problem
                    break
                handing = _Handing(self._ledger, session, f"{hop.host}:{self._around.smtp_port}", mails)
                problem = await session.hand_over(handing)
                if problem is None:
                    await session.quit()
                    return
                session.abort()
                mails = handing.untold
                if not mails:
                    return
                # A server that takes so many mails in a session and no more gets the others in the next.
                again = problem.code == "smtp.session_full" and handing.progress
        assert problem is not None  # a route has hops, or says why not
        hopeless = problem.code in NEVER
        ended = {
            mail.key: Ended(
                Phase.CONNECT,
                {},
                problem=problem,
                hopeless=hopeless,
                asked=tuple(one.address for one in mail.recipients),
            )
            for mail in mails
        }
        await self._ledger.record(ended, domain)

    async def _open(self, domain: str, hop: Hop) -> SmtpSession:
        """A session with a server that has proven what it must. Raises why there is none."""
        addresses = await self._around.addresses_of(hop.host)
        if not addresses:
            raise Unreachable("route.no_address", 300.0, host=hop.host)
        try:
            async with self._budget.of(hop.host):
                session = await SmtpSession.open_mx(
                    Server(hop.host, self._around.smtp_port, Security.STARTTLS),
                    terms_of_strangers(self._app),
                    protection(hop, self._app.clock.now()),
                    name=self._app.config.host_name or OUR_NAME,
                    addresses=addresses,
                )
        except EilboteError as error:
            failure = failure_type(error.problem)
            if failure is not None:
                self._note(domain, hop, failure)
            raise
        if session.is_protected:
            self._note(domain, hop, SUCCESS)
        return session

    def _note(self, domain: str, hop: Hop, result: str) -> None:
        day = rfc3339(self._app.clock.now())[:10]
        self._results.append(TlsResult(day, domain, policy_type(hop), hop.host, result))


class _Handing(Handing):
    """A session that takes these mails."""

    def __init__(self, ledger: Ledger, session: SmtpSession, peer: str, mails: Sequence[smtp.Mail]) -> None:
        super().__init__(ledger, session, peer)
        self._left = list(mails)
        self._untold: dict[int, smtp.Mail] = {}

    @property
    def untold(self) -> list[smtp.Mail]:
        """Mails of which the server has not heard."""
        return [*self._untold.values(), *self._left]

    async def next_mails(self, count: int) -> Sequence[smtp.Mail]:
        given, self._left = self._left[:count], self._left[count:]
        self._untold.update((mail.key, mail) for mail in given)
        return given

    async def keep(self, checkpoint: smtp.Checkpoint) -> None:
        """Mails of which the server has not heard are for the next one: nothing is written of them."""
        told = tuple(one for one in checkpoint.finished if not is_untold(one))
        for one in told:
            self._untold.pop(one.key, None)
        await super().keep(replace(checkpoint, finished=told))


def _next_domain(mail: Outgoing) -> tuple[str, tuple[Recipient, ...]]:
    """The domain whose turn it is, and the recipients there who have not got the mail."""
    waiting = [one for one in mail.recipients if one.state in (RecipientState.WAITING, RecipientState.TAKEN)]
    domain = _domain_of(waiting[0])
    return domain, tuple(one for one in waiting if _domain_of(one) == domain)


def _domain_of(recipient: Recipient) -> str:
    return same_address(recipient.address).rpartition("@")[2]
