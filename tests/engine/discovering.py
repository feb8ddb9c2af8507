"""A small internet in which servers are found: name servers, a web server, servers that say nothing."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from unittest import mock

import trustme

from eilbote.engine.route import Surroundings
from eilbote.net import http, stream
from eilbote.net.dial import Address
from eilbote.net.dns import Resolver
from tests.servers.names import Names
from tests.servers.ports import LOOPBACK
from tests.servers.web import Web


class Internet:
    """Zones are given with `names.zone`, pages with `web.pages`. Inside `lived_in` every host name is looked
    up there, and the authority that signed all good certificates is trusted."""

    def __init__(self) -> None:
        self.authority = trustme.CA()
        self.names = Names()
        self.web = Web(self.authority)

    def around(self, *, local_allowed: bool = True) -> Surroundings:
        return Surroundings(
            Resolver(self.names.servers, seconds=2.0),
            https_port=self.web.port,
            local_allowed=local_allowed,
        )

    def certificate(self, folder: Path, *names: str, trusted: bool = True) -> Path:
        """A file with key and chain for these names."""
        authority = self.authority if trusted else trustme.CA()
        made = authority.issue_cert(*names)
        file = folder / f"{names[0]}-{trusted}.pem"
        file.write_bytes(made.private_key_and_cert_chain_pem.bytes())
        return file

    @contextmanager
    def lived_in(self, folder: Path, *others: Path) -> Iterator[None]:
        """`others`: authorities that are trusted too."""
        authority = folder / "authority.pem"
        self.authority.cert_pem.write_to_path(str(authority))
        for other in others:
            authority.write_bytes(authority.read_bytes() + other.read_bytes())
        resolver = Resolver(self.names.servers, seconds=2.0)

        async def resolve(host: str, port: int) -> list[Address]:
            found, _ = ([host], False) if host == LOOPBACK else await resolver.addresses(host)
            if not found:
                raise socket.gaierror(socket.EAI_NONAME, "no such host")
            return [
                Address(socket.AF_INET, socket.IPPROTO_TCP, (one, port)) for one in found if ":" not in one
            ]

        stream.tls_context.cache_clear()
        http.authorities.cache_clear()
        with (
            mock.patch.object(stream, "resolve", resolve),
            mock.patch.dict("os.environ", SSL_CERT_FILE=str(authority), SSL_CERT_DIR="/nonexistent"),
        ):
            yield
        stream.tls_context.cache_clear()
        http.authorities.cache_clear()

    def remove(self) -> None:
        self.web.stop()
        self.names.remove()


class Listener:
    """A TCP server that takes connections and keeps every byte that came, and says nothing but `greeting`."""

    def __init__(self, greeting: bytes = b"") -> None:
        self.received = bytearray()
        self.connections = 0
        self._greeting = greeting
        self._server: asyncio.Server | None = None

    async def __aenter__(self) -> Listener:
        self._server = await asyncio.start_server(self._serve, LOOPBACK, 0)
        return self

    async def __aexit__(self, *_: object) -> None:
        assert self._server is not None
        self._server.close()

    @property
    def port(self) -> int:
        assert self._server is not None
        return int(self._server.sockets[0].getsockname()[1])

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        writer.write(self._greeting)
        try:
            while data := await reader.read(4096):
                self.received += data
        except ConnectionError:
            pass
        finally:
            writer.close()
