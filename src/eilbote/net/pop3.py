"""A POP3 session over the network: log in, list, fetch, delete, quit.

Runs the flows of `protocols.pop3` over a line; holds no opinion on what should be fetched or
deleted. One task at a time uses a session. After Unreachable or Garbled it is of no more use. Nothing
is deleted on the server unless `quit` was called.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable, Sequence

from eilbote.net.credential import Credential
from eilbote.net.opening import enter
from eilbote.net.pop3_conversation import Pop3Conversation
from eilbote.net.terms import Terms
from eilbote.protocols.pop3 import encode
from eilbote.protocols.pop3 import session as flows
from eilbote.protocols.pop3.connection import Reply
from eilbote.protocols.pop3.encode import Command
from eilbote.protocols.pop3.limits import Limits
from eilbote.protocols.pop3.responses import Status
from eilbote.protocols.pop3.types import Capabilities, Maildrop
from eilbote.store.values import Server


class Pop3Session:
    """A logged-in connection. Make one with `Pop3Session.open`."""

    def __init__(self, talk: Pop3Conversation) -> None:
        self._talk = talk

    @classmethod
    async def open(
        cls, server: Server, credential: Credential, terms: Terms, *, limits: Limits | None = None
    ) -> Pop3Session:
        """Connects, protects the line and logs in.

        Raises Unreachable (`net.certificate` and others), Refused (`pop3.login_refused`,
        `pop3.no_mechanism`), Garbled, NotAllowed.
        """
        talk = await enter(
            server,
            terms,
            lambda verify: Pop3Conversation.connect(server, terms, limits, verify=verify),
            lambda talk: talk.log_in(credential, terms.clock),
        )
        return cls(talk)

    # --- what the server can do and holds --------------------------------------------------------

    @property
    def capabilities(self) -> Capabilities:
        """As announced after the login."""
        return self._talk.dialogue.capabilities

    async def maildrop(self) -> Maildrop:
        """Every mail with its size and unique id. Refused `pop3.refused` where LIST is refused."""
        return await self._talk.run(flows.list_maildrop(self._talk.dialogue))

    def mails(self, numbers: Sequence[int]) -> AsyncGenerator[tuple[int, Reply], None]:
        """Whole mails, each as soon as it has come; a refused one has no `mail`."""
        return self._stream_mails(numbers, encode.retr)

    def headers(self, numbers: Sequence[int]) -> AsyncGenerator[tuple[int, Reply], None]:
        """The headers of mails, likewise (TOP)."""
        return self._stream_mails(numbers, encode.top)

    async def delete(self, numbers: Sequence[int]) -> dict[int, Status]:
        """Marks mails for deletion; the server's word on each. `quit` carries it out."""
        return await self._talk.run(flows.delete(self._talk.dialogue, numbers))

    # --- ending ----------------------------------------------------------------------------------

    async def quit(self) -> bool:
        """Says good-bye; True if the server said that what was marked is deleted now."""
        try:
            return await self._talk.run(flows.log_out())
        finally:
            await self._talk.line.stream.close()

    def abort(self) -> None:
        """Ends the connection without a word: nothing is deleted."""
        self._talk.line.abort()

    @property
    def bytes_received(self) -> int:
        return self._talk.line.stream.bytes_received

    @property
    def bytes_sent(self) -> int:
        return self._talk.line.stream.bytes_sent

    @property
    def round_trips(self) -> int:
        """How often an answer was waited for."""
        return self._talk.line.round_trips

    async def _stream_mails(
        self, numbers: Sequence[int], asking: Callable[[int], Command]
    ) -> AsyncGenerator[tuple[int, Reply], None]:
        """Whoever stops early loses the connection: what is under way cannot be called back."""
        ahead = flows.WINDOW if self._talk.dialogue.may_pipeline else 1
        waiting = list(reversed(numbers))
        under_way: list[int] = []
        try:
            while waiting or under_way:
                while waiting and len(under_way) < ahead:
                    under_way.append(waiting.pop())
                    self._talk.send(asking(under_way[-1]))
                reply = await self._talk.reply()
                yield under_way.pop(0), reply
        finally:
            if under_way:
                self.abort()
