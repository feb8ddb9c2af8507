"""Mails as they come from an IMAP server: in batches, two commands ahead of what is handed out."""

from __future__ import annotations

from collections.abc import AsyncGenerator

from eilbote.clock import Clock
from eilbote.net.imap_conversation import ImapConversation
from eilbote.protocols.deflate import ENOUGH
from eilbote.protocols.imap.connection import Reply
from eilbote.protocols.imap.dialogue import check
from eilbote.protocols.imap.encode import Command
from eilbote.protocols.imap.types import FetchedMessage

_BATCH_COUNT = 4000
_BATCH_SECONDS = 2.0  # a slow line hands out what it has at this pace
_AHEAD = 2  # streaming commands on the wire at once


class MailStream:
    """The streaming of one session, and how fast its line was seen to be."""

    def __init__(self, talk: ImapConversation, clock: Clock) -> None:
        self._talk = talk
        self._clock = clock
        self._fetched = 0  # bytes of mail, and the seconds spent waiting for them
        self._waited = 0.0

    @property
    def throughput(self) -> float | None:
        """Bytes of mail a second so far; None while too little has come to tell."""
        return self._fetched / self._waited if self._fetched >= ENOUGH and self._waited > 0 else None

    async def batches(
        self, commands: list[Command], batch_bytes: int
    ) -> AsyncGenerator[list[FetchedMessage], None]:
        """What streaming commands bring, in batches of about 4000 mails or `batch_bytes`. Refused
        after what came before the refusal. Whoever stops early loses the connection: what is under
        way cannot be called back."""
        waiting = list(reversed(commands))
        under_way = 0
        batch: list[FetchedMessage] = []
        size, since = 0, self._clock.monotonic()
        refused: Reply | None = None
        try:
            while under_way or (waiting and refused is None):
                while waiting and under_way < _AHEAD and refused is None:
                    self._talk.send(waiting.pop())
                    under_way += 1
                asked = self._clock.monotonic()
                event = await self._talk.next_event()
                self._waited += self._clock.monotonic() - asked
                if isinstance(event, Reply):
                    under_way -= 1
                    self._talk.note(event)
                    if event.status.kind != "OK":
                        refused = refused or event
                elif isinstance(event, list):
                    batch += event
                    came = sum([len(one.raw) for one in event if one.raw is not None])
                    size += came
                    self._fetched += came
                    full = size >= batch_bytes or len(batch) >= _BATCH_COUNT
                    if full or self._clock.monotonic() - since > _BATCH_SECONDS:
                        yield batch
                        batch, size, since = [], 0, self._clock.monotonic()
            if batch:
                yield batch
            if refused is not None:
                check(refused)
        finally:
            if under_way:
                self._talk.line.abort()
