"""One ManageSieve conversation over the network: commands out, replies in, flows run to their end.

Says what ManageSieve does in its own way on a `Line`; decides nothing. What is secret never reaches a trace,
and no script does: it may be full of addresses.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeVar

from eilbote.clock import Clock
from eilbote.errors import Garbled
from eilbote.net.credential import Credential
from eilbote.net.line import Line, run
from eilbote.net.opening import login_over
from eilbote.net.terms import Terms
from eilbote.net.trace import Trace
from eilbote.protocols.managesieve import session as flows
from eilbote.protocols.managesieve.connection import Event, Greeting, ManageSieveConnection, Reply
from eilbote.protocols.managesieve.encode import Command
from eilbote.protocols.managesieve.framing import Word, Words
from eilbote.protocols.managesieve.limits import Limits
from eilbote.protocols.managesieve.session import Dialogue, Flow
from eilbote.store.values import Server

T = TypeVar("T")


class ManageSieveConversation:
    """One connection to a server. After Unreachable or Garbled it is of no more use."""

    def __init__(self, line: Line[Event], connection: ManageSieveConnection, trace: Trace | None) -> None:
        self.line = line
        self.dialogue = Dialogue(line.server.host)
        self._connection = connection
        self._trace = trace
        if trace is not None:
            connection.observer = self._show

    @classmethod
    async def connect(
        cls, server: Server, terms: Terms, limits: Limits | None, *, verify: bool
    ) -> ManageSieveConversation:
        """Connects as `Stream.connect` does, and raises as it does."""
        connection = ManageSieveConnection(limits, server.host)
        return cls(await Line.connect(server, connection, terms, verify=verify), connection, terms.trace)

    # --- beginning -------------------------------------------------------------------------------

    async def greet(self, within: float) -> None:
        """Takes the server's greeting and what it tells of itself."""
        event = await self.line.greeting(within)
        if not isinstance(event, Greeting):
            raise Garbled("managesieve.no_greeting", host=self.line.server.host)
        flows.greet(self.dialogue, event)

    def said_so_far(self) -> str:
        """Not kept here: a trace shows it."""
        return ""

    async def secure(self) -> None:
        """STARTTLS."""
        await self.run(flows.secure(self.dialogue))

    async def log_in(self, credential: Credential, clock: Clock) -> None:
        await self.run(flows.log_in(self.dialogue, login_over(self.line, credential, clock)))

    # --- talking ---------------------------------------------------------------------------------

    async def run(self, flow: Flow[T]) -> T:
        """Runs a flow: sends what it yields and gives it the replies."""
        return await run(flow, self.line, self._exchange)

    async def _exchange(self, commands: Sequence[Command]) -> list[Reply]:
        for one in commands:
            if one.line:  # else the answer comes by itself, and may be here already
                self.line.before_command()
                if self._trace is not None:
                    self._trace.sent(self.line.peer, one.shown)
            self._connection.send(one)
        return [await self._reply() for _ in commands]

    async def _reply(self) -> Reply:
        event = await self.line.next_event()
        assert isinstance(event, Reply)  # the greeting came before any command
        return event

    # --- the trace -------------------------------------------------------------------------------

    def _show(self, command: Command | None, words: Words) -> None:
        assert self._trace is not None
        if command is not None and command.respond is not None:
            shown = b"(challenge)" if isinstance(words[0], bytes) else _without_proof(words)
        elif command is not None and command.content and isinstance(words[0], bytes):
            shown = b" ".join(b"<%d bytes>" % len(word) for word in words)
        else:
            shown = b" ".join(map(_shown, words))
        self._trace.received(self.line.peer, shown)


def _without_proof(words: Words) -> bytes:
    """How a login ends, without what a response code carries."""
    secret = len(words) > 2 and words[1] == "(" and words[2] in ("SASL", "sasl")
    return b" ".join(_shown(word) for word in (words[:3] if secret else words))


def _shown(word: Word) -> bytes:
    if isinstance(word, str):
        return word.encode()
    return b'"' + word.replace(b"\\", b"\\\\").replace(b'"', b'\\"') + b'"'
