"""On what terms a server is spoken to. A value."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from msgspec import Struct

from eilbote.clock import Clock
from eilbote.net.dns import NameServer
from eilbote.net.trace import Trace


class Terms(Struct, frozen=True):
    """The same for every protocol. Timeouts in seconds.

    A certificate that does not verify is accepted only where its SHA-256 fingerprint (lower-case hex)
    is among `trusted`. `trace` sees the redacted dialogue. `guard` is asked before every word to the
    server; what it raises ends the session. `name_servers` are asked where a server is; none: the system is.
    """

    clock: Clock
    trusted: Sequence[str] = ()
    trace: Trace | None = None
    connect_timeout: float = 30.0
    read_timeout: float = 60.0
    guard: Callable[[], None] | None = None
    name_servers: tuple[NameServer, ...] = ()
