"""A browser as far as the tests of the pages need one, in this process: cookies, forms, links."""

from __future__ import annotations

import asyncio
import re
import socket
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import httpx2
import uvicorn

from eilbote.clock import SystemClock
from eilbote.config import Config
from eilbote.engine.app import App, open_app
from eilbote.engine.pictures import Pictures
from eilbote.engine.sign_in import SignIns
from eilbote.engine.users import add_user
from eilbote.secret import Secret
from eilbote.store.values import Role
from eilbote.web.site import new_site

HOST = "127.0.0.1:8425"
PASSWORD = "correct horse battery"
_TOKEN = re.compile(r'name="token" value="([0-9a-f]{64})"')


class HandClock(SystemClock):
    """Time that tests move; chance is the system's."""

    def __init__(self) -> None:
        self.at = 1_790_000_000.0

    def now(self) -> float:
        return self.at

    def monotonic(self) -> float:
        return self.at


@contextmanager
def opened(folder: Path, store: str = "") -> Iterator[tuple[App, HandClock]]:
    """An empty home with a clock moved by hand."""
    clock = HandClock()
    config = Config(home=folder / "home", key_file=str(folder / "key"), store=store)
    with open_app(config, clock=clock) as app:
        yield app, clock


@dataclass(slots=True)
class Browser:
    """One person's browser. `last` is the page that is shown."""

    client: httpx2.AsyncClient
    last: httpx2.Response | None = field(default=None)

    async def get(self, path: str, **headers: str) -> httpx2.Response:
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        self.last = await self.client.get(path, headers=named)
        return self.last

    async def post(
        self, path: str, fields: dict[str, str], *, token: str | None = None, **headers: str
    ) -> httpx2.Response:
        """Sends a form; its token is that of the page that was shown last, unless the test says another."""
        named = {"Origin": f"http://{HOST}"} | {
            name.replace("_", "-"): value for name, value in headers.items()
        }
        sent = {"token": self.token if token is None else token, **fields}
        answer = await self.client.post(path, data=sent, headers=named)
        if answer.status_code != 303:
            self.last = answer
        return answer

    @property
    def token(self) -> str:
        found = None if self.last is None else _TOKEN.search(self.last.text)
        return found[1] if found else ""

    async def sign_in(self, name: str, password: str = PASSWORD, code: str = "") -> httpx2.Response:
        await self.get("/sign-in")
        answer = await self.post("/sign-in", {"name": name, "password": password, "code": code})
        if answer.status_code == 303:
            await self.get("/own")
        return answer


@asynccontextmanager
async def browsing(app: App, pictures: Pictures | None = None) -> AsyncIterator[Callable[[], Browser]]:
    """The page of a home; gives browsers that know nothing of each other. `pictures` fetches those that lie
    elsewhere."""
    site = new_site(app, SignIns(app), "127.0.0.1", 8425, "de", found=pictures)
    clients: list[httpx2.AsyncClient] = []

    def browser() -> Browser:
        transport = httpx2.ASGITransport(app=site)
        client = httpx2.AsyncClient(
            transport=transport, base_url=f"http://{HOST}", headers={"Accept-Language": "en"}
        )
        clients.append(client)
        return Browser(client)

    try:
        yield browser
    finally:
        for client in clients:
            await client.aclose()


@asynccontextmanager
async def shown(app: App, pictures: Pictures | None = None) -> AsyncIterator[str]:
    """The page of a home on a port of this machine; gives its address."""
    with socket.socket(proto=socket.IPPROTO_TCP) as listener:
        listener.bind(("127.0.0.1", 0))
        port = listener.getsockname()[1]
        closing = asyncio.Event()
        site = new_site(app, SignIns(app), "127.0.0.1", port, "de", closing, pictures)
        server = uvicorn.Server(uvicorn.Config(site, lifespan="off", log_config=None))
        running = asyncio.create_task(server.serve(sockets=[listener]))
        try:
            yield f"http://127.0.0.1:{port}"
        finally:
            closing.set()
            server.should_exit = True
            await running


def given_user(app: App, name: str, role: Role = Role.OWNER) -> int:
    return add_user(app, name, role, Secret(PASSWORD))
