"""A line to a server: a stream, and the connection of a protocol that knows no network.

The same for every protocol. It carries bytes between both, runs flows to their end, and decides
nothing. Errors of the protocol leave here with the server's name in them.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Generator, Sequence
from typing import Any, Generic, Protocol, TypeVar

from eilbote.errors import EilboteError, Garbled, Problem, Unreachable
from eilbote.net.dial import Address
from eilbote.net.dns import looked_up
from eilbote.net.stream import Receiver, Stream
from eilbote.net.terms import Terms
from eilbote.protocols.upgrade import StartDeflate, StartTls
from eilbote.store.values import Server

T = TypeVar("T")
Event = TypeVar("Event")
Event_co = TypeVar("Event_co", covariant=True)
Command = TypeVar("Command")
Reply = TypeVar("Reply")

_RETRY_SECONDS = 60.0


class Connection(Protocol[Event_co]):
    """A protocol without a socket: bytes in, events out; commands in, bytes out."""

    @property
    def framer(self) -> Receiver:
        """Where received bytes go."""
        ...

    @property
    def waiting(self) -> int:
        """Commands without a reply yet."""
        ...

    @property
    def has_data_to_send(self) -> bool:
        """`data_to_send` would give something now."""
        ...

    def data_to_send(self) -> bytes | memoryview: ...

    def next_event(self) -> Event_co | None:
        """The next event, None when more bytes are needed. Raises Garbled and Unreachable."""
        ...

    def assert_nothing_received(self) -> None:
        """Garbled where something lies in the buffer that came before TLS begins."""
        ...

    def lost(self) -> Unreachable:
        """The error for a line that the server has closed."""
        ...


class Line(Generic[Event]):
    """One connection to `server`. After Unreachable or Garbled it is of no more use."""

    def __init__(self, server: Server, connection: Connection[Event], stream: Stream) -> None:
        self.server = server
        self.stream = stream
        self.peer = f"{server.host}:{server.port}"
        self.round_trips = 0
        """How often an answer was waited for."""
        self._connection = connection
        self._aborted = False

    @classmethod
    async def connect(
        cls,
        server: Server,
        connection: Connection[Event],
        terms: Terms,
        *,
        verify: bool,
        addresses: Sequence[Address] | None = None,
    ) -> Line[Event]:
        """Connects as `Stream.connect` does, and raises as it does."""
        if addresses is None:
            addresses = await looked_up(terms.name_servers, server.host, server.port)
        stream = await Stream.connect(
            server,
            connection.framer,
            verify=verify,
            connect_timeout=terms.connect_timeout,
            read_timeout=terms.read_timeout,
            guard=terms.guard,
            addresses=addresses,
        )
        return cls(server, connection, stream)

    async def greeting(self, within: float) -> Event:
        """The server's first words. All of them have to come within so many seconds: single bytes now
        and then are no greeting. Unreachable `net.silent`."""
        try:
            async with asyncio.timeout(within):
                return await self.next_event(within)
        except TimeoutError:
            host, port = self.server.host, self.server.port
            raise Unreachable(
                "net.silent", _RETRY_SECONDS, host=host, port=port, seconds=f"{within:g}"
            ) from None

    async def next_event(self, within: float | None = None) -> Event:
        """The next event; writes and receives as needed. TimeoutError only where `within` (seconds)
        is given."""
        connection, stream = self._connection, self.stream
        while True:
            while stream.can_write and (data := connection.data_to_send()):
                stream.write(data)
            event = self.placed(connection.next_event)
            if event is not None:
                return event
            if self.placed(stream.pump) or (stream.can_write and connection.has_data_to_send):
                continue
            try:
                await stream.activity(within)
            except ConnectionResetError:
                raise self.place(connection.lost()) from None

    def abort(self) -> None:
        """Ends the connection without a word."""
        self._aborted = True
        self.stream.abort()

    def before_command(self) -> None:
        """To be called before a command is queued. What lies there while nothing is waited for was
        said before this command: no answer to it can be among it. Unreachable after `abort`: what is
        left in the buffer answers nobody."""
        if self._aborted:
            raise self.place(self._connection.lost())
        if self._connection.waiting == 0:
            self.round_trips += 1
            self.placed(self.stream.pump)
            while self.placed(self._connection.next_event) is not None:
                self.placed(self.stream.pump)

    async def upgrade(self, wanted: StartTls | StartDeflate) -> None:
        """Changes the line as a flow wants it. Raises as `Stream.start_tls` does, and Garbled
        `net.injected`."""
        if isinstance(wanted, StartTls):
            self.placed(self._connection.assert_nothing_received)
            await self.stream.start_tls()
        else:
            self.stream.start_deflate(wanted.received)

    def placed(self, step: Callable[[], T]) -> T:
        """Takes a step of the protocol; its errors get the server's name."""
        try:
            return step()
        except (Garbled, Unreachable) as error:
            raise self.place(error) from error

    def place(self, error: EilboteError) -> EilboteError:
        """The same error with the server's name in it."""
        problem = error.problem
        parameters = {"host": self.server.host, "port": str(self.server.port), **problem.parameters}
        return type(error)(Problem(problem.code, parameters, problem.retry_after))


async def run(
    flow: Generator[tuple[Command, ...] | StartTls | StartDeflate, list[Reply], T],
    line: Line[Any],
    exchange: Callable[[tuple[Command, ...]], Awaitable[list[Reply]]],
) -> T:
    """Runs a flow: what it yields goes to `exchange`, which sends all of it together and gives the
    replies in the same order."""
    answer: list[Reply] | None = None
    while True:
        try:
            wanted = next(flow) if answer is None else flow.send(answer)
        except StopIteration as stop:
            result: T = stop.value
            return result
        if isinstance(wanted, tuple):
            answer = await exchange(wanted)
        else:
            await line.upgrade(wanted)
            answer = []
