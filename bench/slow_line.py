"""A line that takes its time: bytes come out as they went in, a fixed time later, in each direction.

Run as a process of its own: `python -m bench.slow_line PORT SECONDS`; it prints its own port.
"""

from __future__ import annotations

import asyncio
import sys


class _End(asyncio.Protocol):
    """One end of a connection; what it gets leaves by the other end later."""

    def __init__(self, delay: float) -> None:
        self.delay = delay
        self.other: _End | None = None
        self.transport: asyncio.Transport | None = None
        self._early: list[bytes] = []

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport
        for data in self._early:
            transport.write(data)

    def data_received(self, data: bytes) -> None:
        asyncio.get_running_loop().call_later(self.delay, self._pass_on, data)

    def connection_lost(self, _error: Exception | None) -> None:
        asyncio.get_running_loop().call_later(self.delay, self._pass_on, b"")

    def _pass_on(self, data: bytes) -> None:
        other = self.other
        if other is None:
            return
        if other.transport is None:
            other._early.append(data)
        elif data:
            other.transport.write(data)
        else:
            other.transport.close()


async def serve(port: int, delay: float) -> None:
    loop = asyncio.get_running_loop()

    def accepted() -> _End:
        near, far = _End(delay), _End(delay)
        near.other, far.other = far, near
        loop.create_task(_connect(far, port))  # noqa: RUF006  # it ends with its connection
        return near

    server = await loop.create_server(accepted, "127.0.0.1", 0)
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


async def _connect(far: _End, port: int) -> None:
    await asyncio.get_running_loop().create_connection(lambda: far, "127.0.0.1", port)


if __name__ == "__main__":
    asyncio.run(serve(int(sys.argv[1]), float(sys.argv[2])))
