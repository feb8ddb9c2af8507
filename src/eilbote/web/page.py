"""The page as it runs beside `serve`: its socket on this machine, its server inside our own loop.

Loaded by `serve` and `demo` alone: other commands never pay for it.
"""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager

import uvicorn
from fastapi import FastAPI

from eilbote.catalogue import Language
from eilbote.config import split_listen
from eilbote.engine.app import App
from eilbote.engine.events import PageOpened, Told
from eilbote.engine.show_drafts import keep_drafts_shown
from eilbote.engine.sign_in import SignIns
from eilbote.errors import NotAllowed
from eilbote.web.lines import Line
from eilbote.web.site import new_site

_LONGEST_HEAD = 16 * 1024
_MOST_CONNECTIONS = 100


@asynccontextmanager
async def page_beside(
    app: App, listen: str, language: Language, told: Told, *, link: bool = False
) -> AsyncIterator[None]:
    """Opens the page and tells its address, and the link with which the first user is made; with `link`
    one for another owner. NotAllowed `page.port_taken` where another program listens there."""
    with listening(listen) as listener:
        host, port = listener.getsockname()[:2]
        shown = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
        sign_ins = SignIns(app)
        token = await asyncio.to_thread(sign_ins.open_link, always=link)
        way_in = f"http://{shown}/link/{token}" if token else ""
        closing = asyncio.Event()
        site = new_site(app, sign_ins, host, port, language, closing)
        server = _Server(_settings(site))
        running = asyncio.create_task(server.serve(sockets=[listener]))
        showing = asyncio.create_task(keep_drafts_shown(app, closing))
        told(PageOpened(app.clock.now(), f"http://{shown}/", way_in))
        try:
            yield
        finally:
            closing.set()
            server.should_exit = True
            await asyncio.wait({running, showing})
            await site.state.site.work.close()
        running.result()
        showing.result()


class _Server(uvicorn.Server):
    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Signals end `serve`, and `serve` ends us."""
        yield


def _settings(site: FastAPI) -> uvicorn.Config:
    return uvicorn.Config(
        site,
        http=Line,
        ws="none",
        lifespan="off",
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=False,
        limit_concurrency=_MOST_CONNECTIONS,
        timeout_keep_alive=30,
        timeout_graceful_shutdown=3,
        h11_max_incomplete_event_size=_LONGEST_HEAD,
    )


@contextmanager
def listening(listen: str) -> Iterator[socket.socket]:
    """A socket that listens there. NotAllowed `page.port_taken`."""
    host, port = split_listen(listen)
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    # With the protocol named: else asyncio leaves Nagle's algorithm on, and each answer waits 40 ms for
    # the acknowledgement of its head.
    with socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP) as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind((host, port))
            listener.listen(128)
        except OSError as problem:
            raise NotAllowed("page.port_taken", listen=listen, reason=problem.strerror or "") from None
        listener.setblocking(False)
        yield listener
