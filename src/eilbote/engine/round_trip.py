"""One real mail to oneself: sent, waited for, compared, removed; each leg of the way timed.

It must never touch any other mail: what is removed has the Message-ID that was made for this one run.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Sequence
from contextlib import asynccontextmanager
from typing import TypeVar

from msgspec.structs import replace

from eilbote.clock import Clock
from eilbote.diagnosis.probe_mail import ATTACHMENT_BYTES, damaged_parts, write_probe
from eilbote.diagnosis.trips import Leg, Trip
from eilbote.engine.app import App
from eilbote.engine.connect import credential_of, smtp_credential_of
from eilbote.engine.returned_signatures import aligned_methods, signatures_of
from eilbote.engine.route import surroundings_of
from eilbote.errors import EilboteError
from eilbote.mail.auth_results import own_results
from eilbote.mail.hops import hops_of
from eilbote.mail.mailbox import MailboxName, SpecialUse, UidSet
from eilbote.mail.message import parse_message
from eilbote.net.beside import addresses_of
from eilbote.net.dns import Resolver
from eilbote.net.imap import ImapSession
from eilbote.net.looking import try_address
from eilbote.net.smtp import SmtpSession
from eilbote.net.terms import Terms
from eilbote.protocols.imap.search import Header
from eilbote.protocols.imap.types import MailboxListing, StoreMode
from eilbote.protocols.smtp.types import Checkpoint, Mail, MailResult, Recipient
from eilbote.store.values import Account

T = TypeVar("T")

_MOST_COPIES = 50
_MOST_MAILBOXES = 30
_FIRST_STEP_SECONDS, _STEP_SECONDS = 0.3, 4.0
_NAME_SECONDS = 3.0
_DELETED = "\\Deleted"


class Watch:
    """The time of each leg."""

    def __init__(self, clock: Clock) -> None:
        self.legs: list[Leg] = []
        self._clock = clock

    async def time(self, name: str, work: Awaitable[T]) -> T:
        begun = self._clock.monotonic()
        result = await work
        self.note(name, self._clock.monotonic() - begun)
        return result

    def note(self, name: str, seconds: float) -> None:
        self.legs.append(Leg(name, round(seconds * 1000, 1)))


async def send_to_self(app: App, account: Account, terms: Terms, most_seconds: float) -> Trip:
    """One round trip; `most_seconds` is how long the mail is waited for. Raises EilboteError where nothing
    was sent because a line broke; a refusal of the mail is told in the result."""
    assert account.smtp is not None and account.imap is not None  # the ladder asks only then
    clock = app.clock
    watch = Watch(clock)
    _, numbers = await watch.time("names", addresses_of(account.smtp.host, _NAME_SECONDS))
    if numbers:
        await watch.time("connect", try_address(account.smtp.host, numbers[0], account.smtp.port, 5.0, clock))
    credential = await asyncio.to_thread(credential_of, app, account)
    imap = await watch.time("mailbox login", ImapSession.open(account.imap, credential, terms))
    try:
        mailboxes = searched(await watch.time("mailboxes", imap.list_mailboxes(status=False)))
        sent = await hand_over(app, account, terms, watch)
        if isinstance(sent, Trip):
            return sent
        resolver = surroundings_of(app, seconds=_NAME_SECONDS / 2).resolver
        back = Return(imap, mailboxes, sent, account.address, watch, clock, resolver)
        return await back.wait(most_seconds)
    finally:
        imap.abort()


class Sent:
    """What was handed over, and when."""

    def __init__(self, message_id: str, attachment: bytes, at: float) -> None:
        self.message_id = message_id
        self.attachment = attachment
        self.at = at


async def hand_over(
    app: App, account: Account, terms: Terms, watch: Watch, to: str = "", answers: str = ""
) -> Sent | Trip:
    """One mail of the account's to itself or `to` somebody else, perhaps as an answer to a Message-ID. Raises
    EilboteError where a line broke; a refusal is told in the result."""
    assert account.smtp is not None
    clock = app.clock
    credential = await asyncio.to_thread(smtp_credential_of, app, account)
    token = clock.random_bytes(16).hex()
    domain = account.address.rpartition("@")[2]
    message_id = f"<eilbote-test-{token}@{domain}>"
    attachment = clock.random_bytes(ATTACHMENT_BYTES)
    async with _submission(account, terms, watch, SmtpSession.open(account.smtp, credential, terms)) as smtp:
        await watch.time("envelope", smtp.try_envelope(account.address, to or account.address))
        eight_bit = "8BITMIME" in smtp.extensions.names
        content = write_probe(
            account.address,
            message_id,
            clock.now(),
            attachment,
            eight_bit=eight_bit,
            to=to,
            answers=answers,
        )
        results: list[MailResult] = []

        async def keep(checkpoint: Checkpoint) -> None:
            results.extend(checkpoint.finished)

        mail = Mail(1, account.address, (Recipient(to or account.address),), content)
        problem = await watch.time("hand over", smtp.send([mail], keep))
    if results and results[-1].is_sent:
        return Sent(message_id, attachment, clock.now())
    return Trip("smtp.refused", _why(results, problem.code if problem is not None else ""), tuple(watch.legs))


@asynccontextmanager
async def _submission(
    account: Account, terms: Terms, watch: Watch, opening: Awaitable[SmtpSession]
) -> AsyncIterator[SmtpSession]:
    smtp = await watch.time("sending login", opening)
    try:
        yield smtp
        await smtp.quit()
    finally:
        smtp.abort()


def _why(results: Sequence[MailResult], code: str) -> str:
    for result in results:
        for reply in (result.final, result.refusal, *(one.reply for one in result.recipients)):
            if reply is not None and not reply.is_ok:
                return str(reply)
        if result.problem is not None:
            return result.problem.parameters.get("text", result.problem.code)
    return code


class Return:
    """Waiting for the mail, looking at it, and taking it away."""

    def __init__(
        self,
        imap: ImapSession,
        mailboxes: Sequence[MailboxListing],
        sent: Sent,
        address: str,
        watch: Watch,
        clock: Clock,
        resolver: Resolver,
    ) -> None:
        self._resolver = resolver
        self._imap = imap
        self._mailboxes = mailboxes
        self._sent = sent
        self._address = address
        self._watch = watch
        self._clock = clock
        self._key = Header("Message-ID", sent.message_id)

    async def wait(self, most_seconds: float) -> Trip:
        begun = self._clock.monotonic()
        inboxes = [one for one in self._mailboxes if one.role is not SpecialUse.SENT]
        raw, pause = await self._look_in(inboxes), _FIRST_STEP_SECONDS
        while raw is None and self._clock.monotonic() - begun < most_seconds:
            await self._clock.sleep(pause)
            pause = min(1.5 * pause, _STEP_SECONDS)
            raw = await self._look_in(inboxes)
        waited = self._clock.monotonic() - begun
        if raw is None:
            left = await self.remove()
            return Trip(legs=tuple(self._watch.legs), waited=waited, sent_at=self._sent.at, left=left)
        self._watch.note("visible", waited)
        found, copies = await self._count()
        left = await self._watch.time("remove", self.remove())
        told = self._told(raw, found, copies, left, waited)
        headers, domain = parse_message(raw).headers, self._address.rpartition("@")[2]
        return replace(
            told,
            signatures=await signatures_of(raw, headers, domain, self._resolver),
            aligned=aligned_methods(own_results(headers), domain),
        )

    async def _look_in(self, mailboxes: Sequence[MailboxListing]) -> bytes | None:
        for mailbox in mailboxes:
            raw = await self._fetched(mailbox.name)
            if raw is not None:
                return raw
        return None

    async def _fetched(self, name: MailboxName) -> bytes | None:
        uids = await self._find(name)
        if not uids:
            return None
        begun = self._clock.monotonic()
        async for batch in self._imap.fetch_messages(uids):
            for mail in batch:
                if mail.raw is not None:
                    self._watch.note("fetch", self._clock.monotonic() - begun)
                    return mail.raw
        return None

    async def _find(self, name: MailboxName) -> UidSet:
        """The copies in a mailbox. A search is not believed: some servers answer it with every mail, and what
        is found is deleted."""
        try:
            await self._imap.select(name)
            told = await self._imap.search_uids(self._key)
            newest = next(told.chunks(_MOST_COPIES, newest_first=True), told)
            mine = self._sent.message_id.strip("<>")
            identities = await self._imap.fetch_identities(newest)
            return UidSet.of(one.uid for one in identities if one.message_id == mine)
        except EilboteError as failure:
            if failure.problem.code.startswith("net."):
                raise
            return UidSet()  # this mailbox may not be looked into

    async def _count(self) -> tuple[tuple[str, ...], int]:
        """Every copy by its mailbox, and those that the provider has filed as sent."""
        found: list[str] = []
        copies = 0
        for mailbox in self._mailboxes:
            count = len(await self._find(mailbox.name))
            if mailbox.role is SpecialUse.SENT:
                copies += count
            elif mailbox.role is not SpecialUse.ALL:  # shows what lies elsewhere
                found += [mailbox.name] * count
        return tuple(found), copies

    async def remove(self) -> int:
        """Deletes the mail everywhere; how many copies are left."""
        left = 0
        for mailbox in self._mailboxes:
            uids = await self._find(mailbox.name)
            if not uids:
                continue
            try:
                await self._imap.store_flags(uids, StoreMode.ADD, frozenset({_DELETED}))
                await self._imap.expunge(uids)
            except EilboteError:
                left += len(uids)
                continue
            left += len(await self._find(mailbox.name))
        return left

    def _told(self, raw: bytes, found: tuple[str, ...], copies: int, left: int, waited: float) -> Trip:
        mail = parse_message(raw)
        hops = hops_of(mail.headers)
        dates = [hop.date for hop in hops if hop.date is not None]
        results = own_results(mail.headers)
        senders = [one.spec for one in mail.envelope.sender]
        changed = "" if self._address.lower() in [one.lower() for one in senders] else ", ".join(senders)
        return Trip(
            legs=tuple(self._watch.legs),
            found=found,
            sent_copies=copies,
            damaged=damaged_parts(raw, self._sent.attachment),
            hops=tuple(hop.secured for hop in hops),
            results=tuple((one.method, one.result) for one in results.results) if results is not None else (),
            from_changed=changed,
            left=left,
            waited=waited,
            sent_at=self._sent.at,
            between_servers=dates[0] - dates[-1] if len(dates) > 1 else None,
            server_clock=dates[-1] if dates else None,
        )


def searched(listings: Sequence[MailboxListing]) -> list[MailboxListing]:
    """The inbox and junk first: where new mail comes."""
    order = {
        SpecialUse.INBOX: 0,
        SpecialUse.JUNK: 1,
        SpecialUse.SENT: 3,
        SpecialUse.ALL: 4,
        SpecialUse.TRASH: 5,
    }

    def rank(one: MailboxListing) -> int:
        if one.name.upper() == "INBOX":
            return 0
        return 2 if one.role is None else order.get(one.role, 2)

    return sorted((one for one in listings if one.selectable), key=rank)[:_MOST_MAILBOXES]
