"""A POP3 session over the network: log in, list, fetch, delete, quit.

Runs the flows of `protocols.pop3` over a `Stream`; holds no opinion on what should be fetched or
deleted. One task at a time uses a session. After Unreachable or Garbled it is of no more use. Nothing
is deleted on the server unless `quit` was called.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable, Sequence
from typing import TypeVar

from eilbote.clock import Clock
from eilbote.errors import EilboteError, Garbled, Problem, Unreachable
from eilbote.net.credential import Credential
from eilbote.net.stream import Stream, Unverified
from eilbote.net.trace import Trace
from eilbote.protocols import sasl
from eilbote.protocols.pop3 import encode
from eilbote.protocols.pop3 import session as flows
from eilbote.protocols.pop3.connection import Event, Greeting, Pop3Connection, Reply
from eilbote.protocols.pop3.encode import Answer, Command
from eilbote.protocols.pop3.limits import Limits
from eilbote.protocols.pop3.responses import Status
from eilbote.protocols.pop3.session import Dialogue, Flow, StartTls
from eilbote.protocols.pop3.types import Capabilities, Maildrop
from eilbote.store.values import Security, Server

T = TypeVar("T")


class Pop3Session:
    """A logged-in connection. Make one with `Pop3Session.open`."""

    def __init__(
        self, server: Server, connection: Pop3Connection, stream: Stream, clock: Clock, trace: Trace | None
    ) -> None:
        self._server = server
        self._connection = connection
        self._stream = stream
        self._clock = clock
        self._trace = trace
        self._dialogue = Dialogue(server.host)
        self._peer = f"{server.host}:{server.port}"
        self._aborted = False
        self.round_trips = 0
        if trace is not None:
            connection.observer = self._show

    @classmethod
    async def open(
        cls,
        server: Server,
        credential: Credential,
        *,
        clock: Clock,
        trusted: Sequence[str] = (),
        trace: Trace | None = None,
        connect_timeout: float = 30.0,
        read_timeout: float = 60.0,
        limits: Limits | None = None,
        guard: Callable[[], None] | None = None,
    ) -> Pop3Session:
        """Connects, protects the line and logs in.

        Raises Unreachable, Refused (`pop3.login_refused`, `pop3.no_mechanism`), Garbled, NotAllowed. A
        certificate that does not verify is `net.certificate` unless its SHA-256 fingerprint (lower-case
        hex) is among `trusted`. Timeouts in seconds. `guard` is asked before every word to the server.
        """
        reason: str | None = None
        while True:
            connection = Pop3Connection(limits)
            try:
                stream = await Stream.connect(
                    server,
                    connection.framer,
                    verify=reason is None,
                    connect_timeout=connect_timeout,
                    read_timeout=read_timeout,
                    guard=guard,
                )
                try:
                    session = cls(server, connection, stream, clock, trace)
                    await session._begin(credential, trusted, reason, connect_timeout)
                except BaseException:
                    stream.abort()
                    raise
            except Unverified as failure:
                # Once more, without a word to the server before its certificate matches a pin.
                assert reason is None
                reason = failure.reason
            else:
                return session

    async def _begin(
        self, credential: Credential, trusted: Sequence[str], unverified: str | None, connect_timeout: float
    ) -> None:
        security = self._server.security
        if unverified is not None and security is Security.TLS:
            self._stream.check_pin(trusted, unverified)
        await self._greeting(connect_timeout)
        if security is Security.STARTTLS:
            await self._run(flows.secure(self._dialogue))
            if unverified is not None:
                self._stream.check_pin(trusted, unverified)
        await self._run(self._log_in(credential))

    async def _greeting(self, within: float) -> None:
        host, port = self._server.host, self._server.port
        try:
            event = await self._next_event(within)
        except TimeoutError:
            raise Unreachable("net.silent", 60.0, host=host, port=port, seconds=f"{within:g}") from None
        if not isinstance(event, Greeting):
            raise Garbled("pop3.no_greeting", host=host)
        if not event.status.ok:
            text, code = event.status.text[:500], event.status.code
            raise Unreachable("pop3.unavailable", 60.0, host=host, text=text, code=code)

    def _log_in(self, credential: Credential) -> Flow[None]:
        binding = self._stream.channel_binding()

        def start(mechanism: str) -> sasl.Exchange:
            return sasl.start(
                mechanism,
                user=credential.user,
                secret=credential.secret,
                host=self._server.host,
                port=self._server.port,
                nonce=self._clock.random_bytes(18).hex(),
                channel_binding=binding if mechanism.endswith("-PLUS") else None,
            )

        return flows.log_in(
            self._dialogue,
            user=credential.user,
            secret=credential.secret,
            oauth=credential.oauth,
            # Without TLS only this machine itself is spoken to (`Stream.connect` sees to it).
            protected=self._stream.is_protected or self._server.security is Security.NONE,
            start=start,
            channel_binding=binding is not None,
        )

    # --- what the server can do and holds --------------------------------------------------------

    @property
    def capabilities(self) -> Capabilities:
        """As announced after the login."""
        return self._dialogue.capabilities

    async def maildrop(self) -> Maildrop:
        """Every mail with its size and unique id. Refused `pop3.refused` where LIST is refused."""
        return await self._run(flows.list_maildrop(self._dialogue))

    def mails(self, numbers: Sequence[int]) -> AsyncGenerator[tuple[int, Reply], None]:
        """Whole mails, each as soon as it has come; a refused one has no `mail`."""
        return self._stream_mails(numbers, encode.retr)

    def headers(self, numbers: Sequence[int]) -> AsyncGenerator[tuple[int, Reply], None]:
        """The headers of mails, likewise (TOP)."""
        return self._stream_mails(numbers, encode.top)

    async def delete(self, numbers: Sequence[int]) -> dict[int, Status]:
        """Marks mails for deletion; the server's word on each. `quit` carries it out."""
        return await self._run(flows.delete(self._dialogue, numbers))

    # --- ending ----------------------------------------------------------------------------------

    async def quit(self) -> bool:
        """Says good-bye; True if the server said that what was marked is deleted now."""
        try:
            return await self._run(flows.log_out())
        finally:
            await self._stream.close()

    def abort(self) -> None:
        """Ends the connection without a word: nothing is deleted."""
        self._aborted = True
        self._stream.abort()

    @property
    def bytes_received(self) -> int:
        return self._stream.bytes_received

    @property
    def bytes_sent(self) -> int:
        return self._stream.bytes_sent

    # --- talking ---------------------------------------------------------------------------------

    async def _stream_mails(
        self, numbers: Sequence[int], asking: Callable[[int], Command]
    ) -> AsyncGenerator[tuple[int, Reply], None]:
        """Whoever stops early loses the connection: what is under way cannot be called back."""
        ahead = flows.WINDOW if self._dialogue.may_pipeline else 1
        waiting = list(reversed(numbers))
        under_way: list[int] = []
        try:
            while waiting or under_way:
                if not under_way:
                    self.round_trips += 1
                while waiting and len(under_way) < ahead:
                    under_way.append(waiting.pop())
                    self._send(asking(under_way[-1]))
                event = await self._next_event()
                assert isinstance(event, Reply)
                yield under_way.pop(0), event
        finally:
            if under_way:
                self.abort()

    async def _run(self, flow: Flow[T]) -> T:
        """Runs a flow: sends what it yields and gives it the replies."""
        answer: list[Reply] | None = None
        while True:
            try:
                wanted = next(flow) if answer is None else flow.send(answer)
            except StopIteration as stop:
                result: T = stop.value
                return result
            if isinstance(wanted, StartTls):
                self._on_line(self._connection.assert_nothing_received)
                await self._stream.start_tls()
                answer = []
            else:
                self.round_trips += 1
                for one in wanted:
                    self._send(one)
                answer = [await self._reply() for _ in wanted]

    async def _reply(self) -> Reply:
        event = await self._next_event()
        assert isinstance(event, Reply)  # the greeting came before any command
        return event

    def _send(self, command: Command) -> None:
        if self._aborted:
            raise self._placed(self._connection.lost())
        self._connection.send(command)
        if self._trace is not None:
            shown = command.name.encode() + b" (secret)" if command.secret else command.line
            self._trace.sent(self._peer, shown)

    def _show(self, line: bytes) -> None:
        assert self._trace is not None
        challenge = line[:1] == b"+" and line[:3].upper() != b"+OK"
        self._trace.received(self._peer, b"+ (challenge)" if challenge else line)

    async def _next_event(self, within: float | None = None) -> Event:
        """The next event; writes and receives as needed. TimeoutError only where `within` (seconds) is
        given."""
        connection, stream = self._connection, self._stream
        while True:
            event = self._on_line(connection.next_event)
            if data := connection.data_to_send():
                stream.write(data)
            if event is not None:
                if self._trace is not None and isinstance(event, Reply):
                    self._show_content(event)
                return event
            try:
                await stream.activity(within)
            except ConnectionResetError:
                raise self._placed(connection.lost()) from None

    def _show_content(self, reply: Reply) -> None:
        assert self._trace is not None
        if not reply.status.ok:
            return
        if reply.command.answer is Answer.MAIL:
            self._trace.received(self._peer, b"<%d bytes>" % len(reply.mail or b""))
        elif reply.command.name == "CAPA":
            self._trace.received(self._peer, b", ".join(reply.lines))
        elif reply.command.answer is Answer.LINES:
            self._trace.received(self._peer, b"<%d lines>" % len(reply.lines))

    def _on_line(self, step: Callable[[], T]) -> T:
        """Takes a step of the protocol; its errors get the server's name."""
        try:
            return step()
        except (Garbled, Unreachable) as error:
            raise self._placed(error) from error

    def _placed(self, error: EilboteError) -> EilboteError:
        problem = error.problem
        parameters = {"host": self._server.host, "port": str(self._server.port), **problem.parameters}
        return type(error)(Problem(problem.code, parameters, problem.retry_after))
