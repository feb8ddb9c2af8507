"""One SMTP conversation over the network: commands and mails out, replies in, flows run to their end.

Says what SMTP does in its own way on a `Line`; decides nothing. Each reply has its own time (RFC 5321
section 4.5.3.2), which single bytes now and then do not stretch. What is secret never reaches a trace.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from enum import Enum, auto
from typing import Protocol, TypeVar

from msgspec import Struct

from eilbote.clock import Clock
from eilbote.errors import EilboteError, Garbled, Problem, Unreachable
from eilbote.net.credential import Credential
from eilbote.net.dial import Address
from eilbote.net.line import Line, run
from eilbote.net.opening import login_over
from eilbote.net.terms import Terms
from eilbote.protocols.smtp import session as flows
from eilbote.protocols.smtp.connection import Answered, Event, Greeting, SmtpConnection
from eilbote.protocols.smtp.encode import Command
from eilbote.protocols.smtp.handover import Act, Given, Handover, Supply
from eilbote.protocols.smtp.limits import Limits, TimeLimits
from eilbote.protocols.smtp.session import Dialogue, Flow
from eilbote.protocols.smtp.types import Checkpoint, Mail, Said
from eilbote.store.values import Security, Server

T = TypeVar("T")

_OPENING_LINES = 100  # kept of what was said until the session was ready
_LONGEST_LINE = 500


class Sender(Protocol):
    """Who owns the mails that a session hands over."""

    async def next_mails(self, count: int) -> Sequence[Mail]:
        """The next mails, at most so many; none when there are no more."""
        ...

    async def keep(self, checkpoint: Checkpoint) -> None:
        """Keeps what the checkpoint says, durably, before it returns. What it raises ends the session
        with nothing more said: the ends that the checkpoint names have not left."""
        ...


class StartTls(Enum):
    """Whether STARTTLS is said: never; where the server offers it (RFC 7435); always, else nothing is
    sent."""

    NEVER = auto()
    OFFERED = auto()
    REQUIRED = auto()


class Protection(Struct, frozen=True):
    """How a line that begins in plain text is to be protected.

    `verified`: the certificate must be valid and for the host. `judge` is given the chain that the
    server sent (DER, its own certificate first, none where there is no TLS) before anything is said on
    the line, and raises where it is not what it should be: DANE (RFC 7672) decides so.
    """

    tls: StartTls = StartTls.REQUIRED
    verified: bool = True
    judge: Callable[[tuple[bytes, ...]], None] | None = None


class Manner(Struct, frozen=True):
    """How a server is spoken to. `name` is what we call ourselves."""

    name: str
    times: TimeLimits = TimeLimits()
    limits: Limits = Limits()
    protection: Protection = Protection()


class SmtpConversation:
    """One connection to a server. After Unreachable or Garbled it is of no more use."""

    def __init__(self, line: Line[Event], connection: SmtpConnection, terms: Terms, manner: Manner) -> None:
        self.line = line
        self.dialogue = Dialogue(connection, line.server.host)
        self.opening: list[Said] = []
        self._connection = connection
        self._trace = terms.trace
        self._clock = terms.clock
        self._times = manner.times
        self._name = manner.name
        self._protection = manner.protection
        self._since = 0.0  # when the wait for the next reply of a handover began
        connection.observer = self._show

    @classmethod
    async def connect(
        cls,
        server: Server,
        terms: Terms,
        manner: Manner,
        addresses: Sequence[Address] | None = None,
        *,
        verify: bool,
    ) -> SmtpConversation:
        """Connects as `Stream.connect` does, and raises as it does."""
        connection = SmtpConnection(manner.limits)
        wanted = verify and manner.protection.verified
        line: Line[Event] = await Line.connect(server, connection, terms, verify=wanted, addresses=addresses)
        return cls(line, connection, terms, manner)

    # --- beginning -------------------------------------------------------------------------------

    async def greet(self, within: float) -> None:
        """Takes the server's greeting. RFC 5321 section 4.5.3.2.1 gives it longer than `within`: many
        servers let a stranger wait before they speak."""
        event = await self.line.greeting(max(within, self._times.greeting))
        assert isinstance(event, Greeting)  # the first reply of any connection
        flows.check_greeting(self.dialogue, event.reply)

    def said_so_far(self) -> str:
        """As a transcript shows it (`>` by us, `<` by the server)."""
        return "\n".join(f"{'>' if one.by_us else '<'} {one.text}" for one in self.opening)

    async def secure(self) -> None:
        """STARTTLS, as the protection wants it."""
        wanted = self._protection.tls
        if wanted is StartTls.NEVER:
            await self.run(flows.hello(self.dialogue, self._name, may_fall_back=True))
        else:
            required = wanted is StartTls.REQUIRED
            await self.run(flows.secure(self.dialogue, self._name, required=required))
        if self._protection.judge is not None:
            self._protection.judge(self.line.stream.certificates)

    async def begin(self, credential: Credential | None, clock: Clock) -> None:
        """EHLO on the line as it is now, and the login."""
        judged = self._protection.verified or self._protection.judge is not None
        self.dialogue.is_protected = self.line.stream.is_protected and judged
        if not self.dialogue.is_introduced:
            plain = credential is None and self.line.server.security is Security.NONE
            await self.run(flows.hello(self.dialogue, self._name, may_fall_back=plain))
        # A server of this very machine (no other is spoken to in plain text) that asks for no login.
        open_door = self.line.server.security is Security.NONE and not self.dialogue.extensions.mechanisms
        if credential is not None and not open_door:
            await self.run(flows.log_in(self.dialogue, login_over(self.line, credential, clock)))
        if self._trace is None:
            self._connection.observer = None

    # --- talking ---------------------------------------------------------------------------------

    async def run(self, flow: Flow[T]) -> T:
        """Runs a flow: sends what it yields and gives it the replies."""
        return await run(flow, self.line, self._exchange)

    async def _exchange(self, commands: Sequence[Command]) -> list[Answered]:
        for one in commands:
            self.line.before_command()
            self._connection.send(one)
        return [await self._reply(self._times.of(one.waiting)) for one in commands]

    async def _reply(self, limit: float) -> Answered:
        try:
            async with asyncio.timeout(limit):
                event = await self.line.next_event(limit)
        except TimeoutError:
            raise self._too_late(limit) from None
        assert isinstance(event, Answered)  # the greeting came before any command
        return event

    # --- handing over ----------------------------------------------------------------------------

    async def hand_over(self, flow: Handover, sender: Sender) -> Problem | None:
        """Runs a handover to its end; what ends the line is thrown into it."""
        try:
            self.line.before_command()
        except (Unreachable, Garbled) as ended:
            return ended.problem  # it ended since it was last used
        given: Given | EilboteError | None = None
        while True:
            try:
                if isinstance(given, EilboteError):
                    wanted = flow.throw(given)
                else:
                    wanted = next(flow) if given is None else flow.send(given)
            except StopIteration as stop:
                problem: Problem | None = stop.value
                return problem
            if isinstance(wanted, Checkpoint):
                await sender.keep(wanted)
                given = Given()
            elif isinstance(wanted, Supply):
                given = Given(mails=await sender.next_mails(wanted.count))
            else:
                try:
                    given = await self._act(wanted)
                except (Unreachable, Garbled) as error:
                    given = self.line.place(error)

    async def _act(self, act: Act) -> Given:
        match act:
            case Act.RECEIVE:
                return Given(events=await self._receive())
            case Act.DRAIN:
                try:
                    await self._write(drain=True)
                except Unreachable:
                    self._connection.next_event()  # raises what the server said of it
                    raise
                return Given()

    async def _write(self, *, drain: bool) -> None:
        """Writes what was queued as soon as the system takes it; with `drain` waits until it would take
        more."""
        connection, stream = self._connection, self.line.stream
        while connection.has_data_to_send or (drain and not stream.can_write):
            if stream.can_write:
                stream.write(connection.data_to_send())
                self._since = self._clock.monotonic()
            else:
                await self._activity(self._clock.monotonic() + self._times.block, self._times.block)

    async def _receive(self) -> list[Event]:
        """At least one event, and what else has come. The time of a reply begins when all of its command
        was written, or with the reply before it."""
        connection = self._connection
        self.line.round_trips += 1
        while True:
            ended: Unreachable | None = None
            try:
                await self._write(drain=False)
            except Unreachable as failure:
                ended = failure
            # What came before the line ended counts, also where there was more to say.
            events = connection.next_events()
            if events:
                self._since = self._clock.monotonic()
                return events
            if ended is not None:
                raise ended
            assert connection.oldest is not None  # a handover waits for nothing else
            limit = self._times.of(connection.oldest.waiting)
            await self._activity(self._since + limit, limit)

    async def _activity(self, until: float, limit: float) -> None:
        left = until - self._clock.monotonic()
        try:
            if left <= 0:
                raise TimeoutError
            await self.line.stream.activity(left)
        except TimeoutError:
            raise self._too_late(limit) from None
        except ConnectionResetError:
            raise self._connection.lost() from None

    def _too_late(self, limit: float) -> Unreachable:
        server = self.line.server
        return Unreachable("net.timeout", 60.0, host=server.host, port=server.port, seconds=f"{limit:g}")

    # --- the trace -------------------------------------------------------------------------------

    def _show(self, said: Said) -> None:
        if len(self.opening) < _OPENING_LINES:
            self.opening.append(Said(said.by_us, said.text[:_LONGEST_LINE]))
        if self._trace is not None:
            show = self._trace.sent if said.by_us else self._trace.received
            show(self.line.peer, said.text.encode())
