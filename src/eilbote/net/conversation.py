"""One IMAP conversation over the network: commands out, events in, flows run to their end.

Joins a `Stream` and an `ImapConnection`; decides nothing. Errors of the protocol leave here with the
server's name in them.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeVar

from eilbote.errors import EilboteError, Garbled, Problem, Unreachable
from eilbote.net.stream import Stream
from eilbote.net.trace import Trace
from eilbote.protocols.imap.connection import Event, ImapConnection, Reply
from eilbote.protocols.imap.dialogue import Dialogue, Flow, StartDeflate, StartTls
from eilbote.protocols.imap.encode import Command
from eilbote.protocols.imap.limits import Limits
from eilbote.store.values import Server

T = TypeVar("T")


class Conversation:
    """One connection to `server`. After Unreachable or Garbled it is of no more use."""

    def __init__(
        self, server: Server, connection: ImapConnection, stream: Stream, trace: Trace | None
    ) -> None:
        self.server = server
        self.connection = connection
        self.stream = stream
        self.dialogue = Dialogue(connection, server.host)
        self.round_trips = 0
        self.skipped = 0
        """FETCH responses that could not be used so far: unreadable, or without a UID."""
        self._trace = trace
        self._peer = f"{server.host}:{server.port}"
        if trace is not None:
            connection.fast = False
            connection.observer = lambda frame: trace.response(self._peer, frame)

    @classmethod
    async def connect(
        cls,
        server: Server,
        *,
        verify: bool,
        connect_timeout: float,
        read_timeout: float,
        trace: Trace | None,
        limits: Limits | None,
        guard: Callable[[], None] | None = None,
    ) -> Conversation:
        """Connects as `Stream.connect` does, and raises as it does."""
        connection = ImapConnection(limits)
        stream = await Stream.connect(
            server,
            connection.framer,
            verify=verify,
            connect_timeout=connect_timeout,
            read_timeout=read_timeout,
            guard=guard,
        )
        return cls(server, connection, stream, trace)

    async def run(self, flow: Flow[T]) -> T:
        """Runs a flow: sends what it yields and gives it the replies."""
        answer: list[Reply] | None = None
        while True:
            try:
                wanted = next(flow) if answer is None else flow.send(answer)
            except StopIteration as stop:
                result: T = stop.value
                return result
            if isinstance(wanted, StartTls):
                self._on_line(self.connection.assert_nothing_received)
                await self.stream.start_tls()
                answer = []
            elif isinstance(wanted, StartDeflate):
                self.stream.start_deflate(self.connection.framer.take_rest())
                answer = []
            else:
                answer = await self._exchange(wanted)

    async def _exchange(self, commands: Sequence[Command]) -> list[Reply]:
        """Sends all commands together; their replies in the same order."""
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
        if self.connection.waiting == 0:
            self.round_trips += 1
            # What lies there was said before this command: no answer to it can be among it.
            self._on_line(self.stream.pump)
            while self._on_line(self.connection.next_event) is not None:
                self._on_line(self.stream.pump)
        tag = self.connection.send(one)
        if self._trace is not None:
            self._trace.command(self._peer, tag, one)

    def note(self, reply: Reply) -> None:
        """Takes from a reply what it tells of the server itself."""
        self.skipped += reply.skipped
        self.dialogue.learn_all(reply)

    async def next_event(self, within: float | None = None) -> Event:
        """The next event; writes and receives as needed. TimeoutError only where `within` (seconds)
        is given."""
        connection, stream = self.connection, self.stream
        while True:
            while stream.can_write and (data := connection.data_to_send()):
                stream.write(data)
            event = self._on_line(connection.next_event)
            if event is not None:
                return event
            if self._on_line(stream.pump) or (stream.can_write and connection.outgoing.is_ready):
                continue
            try:
                await stream.activity(within)
            except ConnectionResetError:
                raise self._placed(connection.lost()) from None

    def _on_line(self, step: Callable[[], T]) -> T:
        """Takes a step of the protocol; its errors get the server's name."""
        try:
            return step()
        except (Garbled, Unreachable) as error:
            raise self._placed(error) from error

    def _placed(self, error: EilboteError) -> EilboteError:
        problem = error.problem
        parameters = {"host": self.server.host, "port": str(self.server.port), **problem.parameters}
        return type(error)(Problem(problem.code, parameters, problem.retry_after))
