"""A line without sockets: the engine's own stream on one side, the test server's session on the
other, and between them a count of bytes at which the line is cut.

Deterministic: the same pass over one connection sends the same bytes in the same order. It must
never change a byte; it may only withhold it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache
from itertools import count
from typing import Any

import pytest

from eilbote.net import stream
from eilbote.net.dial import Address
from eilbote.net.stream import Receiver, Stream
from eilbote.protocols import scram
from eilbote.store.values import Server
from eilbote.testing.imap import login
from eilbote.testing.imap.behaviour import Behaviour, Faults
from eilbote.testing.imap.mailstore import Mailstore
from eilbote.testing.imap.session import Session

_keys = cache(scram.derive_keys)
_WRITE = 64 * 1024


@dataclass(slots=True)
class Memory:
    """One user's server in memory. The first connection over which the `cut_up`th byte (from the
    client) or the `cut_down`th (to it) would go ends before that byte; what came before it is
    delivered. Later connections live. `slices`: so many bytes at a time to the client, 0: all there
    is; `gathered`: the client is answered only when it has nothing more to say."""

    store: Mailstore
    accounts: dict[str, str]
    behaviour: Behaviour = field(default_factory=Behaviour)
    faults: Faults = field(default_factory=Faults)
    cut_up: int | None = None
    cut_down: int | None = None
    slices: int = 0
    gathered: bool = False
    up: int = 0
    down: int = 0
    sessions: list[Session] = field(default_factory=list)
    _nonces: Iterator[int] = field(default_factory=count)

    @property
    def commands(self) -> list[list[str]]:
        """The names of the commands, one list for each connection."""
        return [list(session.commands) for session in self.sessions]

    def passes_up(self, size: int) -> int:
        """How many of the next `size` bytes from the client still pass."""
        before, self.up = self.up, self.up + size
        return _passing(before, size, self.cut_up)

    def passes_down(self, size: int) -> int:
        before, self.down = self.down, self.down + size
        return _passing(before, size, self.cut_down)

    def connect(self, incoming: Any) -> _Line:
        session = Session(
            self.store,
            self.accounts,
            self.behaviour,
            self.faults,
            protected=False,
            nonce=lambda: f"server-{next(self._nonces):06}",
        )
        self.sessions.append(session)
        return _Line(self, session, incoming)


def _passing(before: int, size: int, cut: int | None) -> int:
    return size if cut is None or not before < cut <= before + size else cut - before - 1


class _Line(asyncio.Transport):
    """The client's transport. What the client writes the session answers at once."""

    def __init__(self, memory: Memory, session: Session, incoming: Any) -> None:
        super().__init__()
        self._memory = memory
        self._session = session
        self._incoming = incoming
        self._loop = asyncio.get_running_loop()
        self._said = bytearray()
        self._waiting = bytearray()
        self._paused = self._ended = self._closing = self._pushing = False

    def greet(self) -> None:
        self._incoming.connection_made(self)
        self._answer(self._session.greeting())

    # --- what the stream calls -------------------------------------------------------------------

    def write(self, data: Any) -> None:
        if self._closing:
            return
        passing = self._memory.passes_up(len(data))
        self._said += bytes(data[:passing])
        if passing < len(data):
            # What arrived is obeyed; whatever it is answered is lost.
            self._session.receive(bytes(self._said))
            self._waiting.clear()
            self._end_soon()
        elif self._memory.gathered:
            self._loop.call_soon(self._hear)
        else:
            self._hear()

    def pause_reading(self) -> None:
        self._paused = True

    def resume_reading(self) -> None:
        self._paused = False
        self._push_soon()

    def abort(self) -> None:
        self._waiting.clear()
        self._end_soon()

    def close(self) -> None:
        self._end_soon()

    def is_closing(self) -> bool:
        return self._closing

    def get_extra_info(self, name: str, default: Any = None) -> Any:
        return default

    # --- the other end ---------------------------------------------------------------------------

    def _hear(self) -> None:
        if self._said and not self._closing:
            said, self._said = bytes(self._said), bytearray()
            self._answer(self._session.receive(said))

    def _answer(self, data: bytes) -> None:
        passing = self._memory.passes_down(len(data))
        self._waiting += data[:passing]
        self._closing = self._closing or passing < len(data) or self._session.closing
        self._push_soon()

    def _push_soon(self) -> None:
        if not self._pushing:
            self._pushing = True
            self._loop.call_soon(self._push)

    def _push(self) -> None:
        self._pushing = False
        if self._ended or self._paused:
            return
        if self._waiting:
            room = self._incoming.get_buffer(-1)
            size = min(len(room), len(self._waiting), self._memory.slices or _WRITE)
            room[:size] = self._waiting[:size]
            del self._waiting[:size]
            self._incoming.buffer_updated(size)
            self._push_soon()
        elif self._closing:
            self._end()

    def _end_soon(self) -> None:
        self._closing = True
        self._push_soon()
        if self._paused:
            self._loop.call_soon(self._end)

    def _end(self) -> None:
        if not self._ended:
            self._ended = True
            self._incoming.eof_received()
            self._incoming.connection_lost(None)


@contextmanager
def in_memory(memory: Memory) -> Iterator[None]:
    """Inside, every stream leads to `memory`."""

    async def connect(
        server: Server,
        receiver: Receiver,
        *,
        verify: bool,
        connect_timeout: float,
        read_timeout: float,
        guard: Callable[[], None] | None = None,
        addresses: Sequence[Address] | None = None,
    ) -> Stream:
        incoming = stream._Incoming(receiver)
        made = Stream(
            server, incoming, verify=verify, connect_timeout=connect_timeout, read_timeout=read_timeout
        )
        made._guard = guard
        memory.connect(incoming).greet()
        return made

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Stream, "connect", staticmethod(connect))
        yield


@contextmanager
def one_thing_at_a_time() -> Iterator[None]:
    """Inside, what the engine gives to threads is done at once, in the loop: with one connection nothing
    could happen beside it, and changing threads takes half of a pass's time. The keys of the one password
    are derived once."""

    async def at_once(function: Callable[..., Any], *arguments: Any, **named: Any) -> Any:
        return function(*arguments, **named)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(asyncio, "to_thread", at_once)
        patch.setattr(scram, "derive_keys", _keys)
        patch.setattr(login, "derive_keys", _keys)
        yield
