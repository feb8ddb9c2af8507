"""One IMAP conversation over the network: commands out, events in, flows run to their end.

Says what IMAP does in its own way on a `Line`; decides nothing.
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
from eilbote.protocols.imap import session as flows
from eilbote.protocols.imap.connection import Event, Greeting, ImapConnection, Reply
from eilbote.protocols.imap.dialogue import Dialogue, Flow, has_too_many_connections
from eilbote.protocols.imap.encode import Command
from eilbote.protocols.imap.limits import Limits
from eilbote.protocols.imap.responses import Status
from eilbote.store.values import Server

T = TypeVar("T")

_RETRY_SECONDS = 60.0


class ImapConversation:
    """One connection to a server. After Unreachable or Garbled it is of no more use."""

    def __init__(self, line: Line[Event], connection: ImapConnection, trace: Trace | None) -> None:
        self.line = line
        self.connection = connection
        self.dialogue = Dialogue(connection, line.server.host)
        self.skipped = 0
        """FETCH responses that could not be used so far: unreadable, or without a UID."""
        self._greeting = Status("OK", "")
        self._trace = trace
        if trace is not None:
            connection.fast = False
            connection.observer = lambda frame: trace.response(line.peer, frame)

    @classmethod
    async def connect(
        cls, server: Server, terms: Terms, limits: Limits | None, *, verify: bool
    ) -> ImapConversation:
        """Connects as `Stream.connect` does, and raises as it does."""
        connection = ImapConnection(limits)
        return cls(await Line.connect(server, connection, terms, verify=verify), connection, terms.trace)

    # --- beginning -------------------------------------------------------------------------------

    async def greet(self, within: float) -> None:
        """Takes the server's greeting. Garbled, or Unreachable where it is a BYE."""
        host = self.line.server.host
        event = await self.line.greeting(within)
        if not isinstance(event, Greeting):
            raise Garbled("imap.no_greeting", host=host)
        status = event.status
        if status.kind == "BYE":
            crowded = has_too_many_connections(status.text)
            code = "imap.too_many_connections" if crowded else "imap.bye"
            raise Unreachable(code, _RETRY_SECONDS, host=host, text=status.text)
        self._greeting = status
        self.dialogue.learn(status)

    def said_so_far(self) -> str:
        """Not kept here: a trace shows it."""
        return ""

    async def secure(self) -> None:
        """STARTTLS."""
        await self.run(flows.secure(self.dialogue, self._greeting))

    async def log_in(self, credential: Credential, clock: Clock) -> None:
        """Logs in, unless that is done already (PREAUTH), and switches on what makes a sync cheap."""
        if self._greeting.kind != "PREAUTH":
            await self.run(flows.log_in(self.dialogue, login_over(self.line, credential, clock)))
        await self.run(flows.prepare(self.dialogue, credential.user))

    # --- talking ---------------------------------------------------------------------------------

    async def run(self, flow: Flow[T]) -> T:
        """Runs a flow: sends what it yields and gives it the replies."""
        return await run(flow, self.line, self._exchange)

    async def _exchange(self, commands: Sequence[Command]) -> list[Reply]:
        """Sends all commands together; their replies in the same order, however the server answers."""
        replies: dict[int, Reply] = {}
        for one in commands:
            self.send(one)
        while len(replies) < len(commands):
            event = await self.next_event()
            if isinstance(event, Reply):
                self.note(event)
                replies[id(event.command)] = event
        return [replies[id(one)] for one in commands]

    def send(self, one: Command) -> None:
        """Queues a command; `next_event` writes it."""
        self.line.before_command()
        tag = self.connection.send(one)
        if self._trace is not None:
            self._trace.command(self.line.peer, tag, one)

    def note(self, reply: Reply) -> None:
        """Takes from a reply what it tells of the server itself."""
        self.skipped += reply.skipped
        self.dialogue.learn_all(reply)

    async def next_event(self, within: float | None = None) -> Event:
        """As `Line.next_event`."""
        return await self.line.next_event(within)
