"""A private HTTPS server for tests: one loopback port, answers by host and path, a certificate by name.

Ends with `stop`; remembers what it was asked.
"""

from __future__ import annotations

import ssl
import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import trustme

from tests.servers.ports import LOOPBACK


@dataclass(frozen=True, slots=True)
class Page:
    """What is answered."""

    content: bytes = b""
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)
    seconds: float = 0.0
    """How long the answer is held back."""


@dataclass(frozen=True, slots=True)
class Asked:
    """One request."""

    method: str
    host: str
    path: str
    content: bytes


class Web:
    """`pages` by (host, path without its query). Hosts in `untrusted` show a certificate that nobody signed;
    those in `misnamed` one for another name."""

    def __init__(self, authority: trustme.CA) -> None:
        self.pages: dict[tuple[str, str], Page] = {}
        self.asked: list[Asked] = []
        self.untrusted: set[str] = set()
        self.misnamed: set[str] = set()
        self._authority = authority
        self._contexts: dict[str, ssl.SSLContext] = {}
        self._released = threading.Event()
        web = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                web._answer(self)

            do_POST = do_GET  # noqa: N815  # the name that http.server looks for

            def log_message(self, *_: object) -> None:
                pass

        class Server(ThreadingHTTPServer):
            daemon_threads = True

            def handle_error(self, *_: object) -> None:
                pass  # clients that do not trust us leave

            def finish_request(self, request: Any, address: Any) -> None:
                request.settimeout(10)
                with web._outer.wrap_socket(request, server_side=True) as wrapped:
                    super().finish_request(wrapped, address)

        self._outer = self._context("default.invalid")
        self._outer.sni_callback = self._choose
        self._server = Server((LOOPBACK, 0), Handler)
        self.port = self._server.server_address[1]
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)
        self._thread.start()

    def stop(self) -> None:
        self._released.set()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def _choose(self, connection: ssl.SSLObject, name: str | None, _context: ssl.SSLContext) -> None:
        connection.context = self._context(name or "default.invalid")

    def _context(self, name: str) -> ssl.SSLContext:
        if name not in self._contexts:
            authority = trustme.CA() if name in self.untrusted else self._authority
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            shown = "elsewhere.invalid" if name in self.misnamed else name
            authority.issue_cert(shown).configure_cert(context)
            self._contexts[name] = context
        return self._contexts[name]

    def _answer(self, handler: BaseHTTPRequestHandler) -> None:
        host = handler.headers.get("Host", "")
        content = handler.rfile.read(int(handler.headers.get("Content-Length", "0")))
        self.asked.append(Asked(handler.command, host, handler.path, content))
        page = self.pages.get((host, handler.path.partition("?")[0]), Page(b"", 404))
        if page.seconds:
            self._released.wait(page.seconds)
        handler.send_response(page.status)
        for name, value in page.headers.items():
            handler.send_header(name, value)
        handler.send_header("Content-Length", str(len(page.content)))
        handler.end_headers()
        handler.wfile.write(page.content)
