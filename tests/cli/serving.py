"""The demo's mail servers in a thread of their own, so that commands can talk to them from outside."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TypeVar

from eilbote.clock import SystemClock
from eilbote.testing.demo import DemoServers, start_demo_servers

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Serving:
    """Running servers. `on_server` runs a function in their thread, where their store may be changed."""

    servers: DemoServers
    loop: asyncio.AbstractEventLoop

    @property
    def imap(self) -> str:
        return f"{self.servers.imap_host}:{self.servers.imap_port}"

    def on_server(self, act: Callable[[DemoServers], T]) -> T:
        async def run() -> T:
            return act(self.servers)

        return asyncio.run_coroutine_threadsafe(run(), self.loop).result(30)


@contextmanager
def serving() -> Iterator[Serving]:
    """Starts the servers and stops them at the end."""
    ready: list[Serving] = []
    started, ended = threading.Event(), asyncio.Event()

    async def serve() -> None:
        async with start_demo_servers(SystemClock().now) as servers:
            ready.append(Serving(servers, asyncio.get_running_loop()))
            started.set()
            await ended.wait()

    thread = threading.Thread(target=lambda: asyncio.run(serve()))
    thread.start()
    assert started.wait(30)
    try:
        yield ready[0]
    finally:
        ready[0].loop.call_soon_threadsafe(ended.set)
        thread.join(30)
