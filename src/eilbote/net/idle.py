"""Waiting for news from an IMAP server: IDLE (RFC 2177), and NOTIFY (RFC 5465) for all mailboxes.

It must never wait without an end: a line that died without a word has to be noticed.
"""

from __future__ import annotations

import asyncio

from eilbote.clock import Clock
from eilbote.mail.mailbox import MailboxName
from eilbote.net.imap_conversation import ImapConversation
from eilbote.protocols.imap import notify
from eilbote.protocols.imap.connection import Idling, Reply
from eilbote.protocols.imap.dialogue import check
from eilbote.protocols.imap.encode import command
from eilbote.protocols.imap.notify import Heard
from eilbote.protocols.imap.types import MailboxStatus

QUIET_SECONDS = 300.0
"""IDLE is begun anew after so long without a word from the server: shorter than any NAT's patience."""

LONGEST_IDLE = 1740.0
"""RFC 2177: before the 30 minutes after which a server may hang up."""


class Listening:
    """The waiting of one session (`ImapSession.news`)."""

    def __init__(self, talk: ImapConversation, clock: Clock) -> None:
        self._talk = talk
        self._clock = clock
        self._idling: asyncio.Timeout | None = None
        self._woken = False

    @property
    def is_offered(self) -> bool:
        """The server has IDLE."""
        return self._talk.dialogue.can("IDLE")

    @property
    def is_of_all(self) -> bool:
        """News of every mailbox come in IDLE (`notify`)."""
        return self._talk.dialogue.hears_all

    async def notify(self) -> dict[MailboxName, MailboxStatus] | None:
        """Asks to hear of every mailbox in IDLE from now on, and how each is now. None where the server
        does not do it."""
        return await self._talk.run(notify.start(self._talk.dialogue))

    async def idle(self, *, quiet: float = QUIET_SECONDS, most: float = LONGEST_IDLE) -> Heard:
        """Waits for news in IDLE, which may be none: it ends after `quiet` seconds without a sign of
        life, after `most` in any case, and when `wake` is called. News of other mailboxes that came
        before are given at once. What changed in the open one tells `ImapSession.take_unsolicited`.

        The end of IDLE has to be answered within the read timeout, so that a line that died without
        a word is noticed soon after `quiet` (Unreachable `net.timeout`). Refused where the server
        grants no IDLE.
        """
        talk = self._talk
        self._woken = False
        if earlier := notify.heard(talk.dialogue):
            return earlier
        talk.connection.framer.let_go()
        talk.send(command("IDLE", alone=True))
        event = await talk.next_event()
        if isinstance(event, Idling):
            await self._wait(quiet, self._clock.monotonic() + most)
            talk.connection.finish_idle()
            event = await talk.next_event()
        while not isinstance(event, Reply):
            event = await talk.next_event()
        talk.note(event)
        check(event)
        return notify.heard(talk.dialogue)

    async def _wait(self, quiet: float, ends: float) -> None:
        """Waits in IDLE until something is told that is news, or was told just before IDLE began."""
        unsolicited = self._talk.connection.unsolicited
        while not (self._woken or unsolicited.has_news):
            left = min(quiet, ends - self._clock.monotonic())
            if left <= 0:
                break
            try:
                async with asyncio.timeout(left) as self._idling:
                    await self._talk.next_event(2 * left)
            except TimeoutError:
                break
            finally:
                self._idling = None

    def wake(self) -> None:
        """Ends the IDLE that is under way, in order."""
        self._woken = True
        if self._idling is not None and not self._idling.expired():
            self._idling.reschedule(0.0)
