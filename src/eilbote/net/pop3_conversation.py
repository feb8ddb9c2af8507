"""One POP3 conversation over the network: commands out, replies in, flows run to their end.

Says what POP3 does in its own way on a `Line`; decides nothing. What is secret never reaches a trace.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeVar

from eilbote.clock import Clock
from eilbote.errors import Garbled, Unreachable
from eilbote.net.credential import Credential
from eilbote.net.line import Line, run
from eilbote.net.opening import login_over
from eilbote.net.terms import Terms
from eilbote.net.trace import Trace
from eilbote.protocols.pop3 import session as flows
from eilbote.protocols.pop3.connection import Event, Greeting, Pop3Connection, Reply
from eilbote.protocols.pop3.encode import Answer, Command
from eilbote.protocols.pop3.limits import Limits
from eilbote.protocols.pop3.session import Dialogue, Flow
from eilbote.store.values import Server

T = TypeVar("T")

_RETRY_SECONDS = 60.0


class Pop3Conversation:
    """One connection to a server. After Unreachable or Garbled it is of no more use."""

    def __init__(self, line: Line[Event], connection: Pop3Connection, trace: Trace | None) -> None:
        self.line = line
        self.dialogue = Dialogue(line.server.host)
        self._connection = connection
        self._trace = trace
        if trace is not None:
            connection.observer = self._show

    @classmethod
    async def connect(
        cls, server: Server, terms: Terms, limits: Limits | None, *, verify: bool
    ) -> Pop3Conversation:
        """Connects as `Stream.connect` does, and raises as it does."""
        connection = Pop3Connection(limits)
        return cls(await Line.connect(server, connection, terms, verify=verify), connection, terms.trace)

    # --- beginning -------------------------------------------------------------------------------

    async def greet(self, within: float) -> None:
        """Takes the server's greeting. Garbled, or Unreachable where it is a no."""
        host = self.line.server.host
        event = await self.line.greeting(within)
        if not isinstance(event, Greeting):
            raise Garbled("pop3.no_greeting", host=host)
        if not event.status.ok:
            text, code = event.status.text[:500], event.status.code
            raise Unreachable("pop3.unavailable", _RETRY_SECONDS, host=host, text=text, code=code)

    def said_so_far(self) -> str:
        """Not kept here: a trace shows it."""
        return ""

    async def secure(self) -> None:
        """STLS."""
        await self.run(flows.secure(self.dialogue))

    async def log_in(self, credential: Credential, clock: Clock) -> None:
        await self.run(flows.log_in(self.dialogue, login_over(self.line, credential, clock)))

    # --- talking ---------------------------------------------------------------------------------

    async def run(self, flow: Flow[T]) -> T:
        """Runs a flow: sends what it yields and gives it the replies."""
        return await run(flow, self.line, self._exchange)

    async def _exchange(self, commands: Sequence[Command]) -> list[Reply]:
        for one in commands:
            self.send(one)
        return [await self.reply() for _ in commands]

    def send(self, command: Command) -> None:
        """Queues a command; `reply` writes it."""
        self.line.before_command()
        self._connection.send(command)
        if self._trace is not None:
            shown = command.name.encode() + b" (secret)" if command.secret else command.line
            self._trace.sent(self.line.peer, shown)

    async def reply(self) -> Reply:
        """The reply to the oldest command that waits for one."""
        event = await self.line.next_event()
        assert isinstance(event, Reply)  # the greeting came before any command
        if self._trace is not None:
            self._show_content(event)
        return event

    # --- the trace -------------------------------------------------------------------------------

    def _show(self, line: bytes) -> None:
        assert self._trace is not None
        challenge = line[:1] == b"+" and line[:3].upper() != b"+OK"
        self._trace.received(self.line.peer, b"+ (challenge)" if challenge else line)

    def _show_content(self, reply: Reply) -> None:
        assert self._trace is not None
        if not reply.status.ok:
            return
        if reply.command.answer is Answer.MAIL:
            self._trace.received(self.line.peer, b"<%d bytes>" % len(reply.mail or b""))
        elif reply.command.name == "CAPA":
            self._trace.received(self.line.peer, b", ".join(reply.lines))
        elif reply.command.answer is Answer.LINES:
            self._trace.received(self.line.peer, b"<%d lines>" % len(reply.lines))
