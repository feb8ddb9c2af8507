"""The lines to the page: one that never finishes its question is hung up, so that nobody can hold them all.
Knows nothing of pages.
"""

from __future__ import annotations

import asyncio

from uvicorn.protocols.http.h11_impl import H11Protocol

HEAD_SECONDS = 20.0
"""So long a question may take to come, from its first byte to the end of its head."""


class Line(H11Protocol):
    """One connection. A server without this waits forever for who sends a byte now and then."""

    _late: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self._wait()

    def data_received(self, data: bytes) -> None:
        super().data_received(data)
        if self._asks():
            self._wait()
        else:
            self._stop()

    def connection_lost(self, exc: Exception | None) -> None:
        self._stop()
        super().connection_lost(exc)

    def _asks(self) -> bool:
        """Whether a question has begun, or could, and is not whole yet."""
        # Before the first question there is no cycle, whatever its type says.
        return self.cycle is None or self.cycle.response_complete  # type: ignore[redundant-expr]

    def _wait(self) -> None:
        if self._late is None:
            self._late = self.loop.call_later(HEAD_SECONDS, self._hang_up)

    def _stop(self) -> None:
        if self._late is not None:
            self._late.cancel()
            self._late = None

    def _hang_up(self) -> None:
        self._late = None
        if self._asks() and not self.transport.is_closing():
            self.transport.close()
