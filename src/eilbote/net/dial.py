"""Dialling: addresses become one connected socket, by whichever answers first (RFC 8305).

Every socket has an owner at every moment: whoever is cancelled here leaves none open. That is why
`loop.create_connection` does not dial: cancelled between its own connection and its return, it
forgets the socket.
"""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Iterable, Sequence
from itertools import zip_longest
from typing import Any

from msgspec import Struct

_NEXT_SECONDS = 0.25  # RFC 8305 section 5


class Address(Struct, frozen=True):
    """Where to connect to, as the system's resolver tells it."""

    family: int
    protocol: int
    place: tuple[Any, ...]

    @property
    def host(self) -> str:
        """The numeric address, without the zone of a link-local one."""
        return str(self.place[0]).partition("%")[0]


def numeric(text: str, port: int) -> Address:
    """A numeric address, as whoever looked it up has it."""
    family = socket.AF_INET6 if ":" in text else socket.AF_INET
    return Address(family, socket.IPPROTO_TCP, (text, port))


async def resolve(host: str, port: int) -> list[Address]:
    """The addresses of a host, the families in turn (RFC 8305 section 4). Raises OSError, and
    ValueError for what is no name at all."""
    found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return in_turn(Address(family, protocol, place) for family, _, protocol, _, place in found)


def in_turn(addresses: Iterable[Address]) -> list[Address]:
    """The families in turn (RFC 8305 section 4)."""
    families: dict[int, list[Address]] = {}
    for one in addresses:
        families.setdefault(one.family, []).append(one)
    return [one for turn in zip_longest(*families.values()) for one in turn if one is not None]


async def dial(addresses: Sequence[Address]) -> socket.socket:
    """Connects to the first address that answers; the next one is tried as soon as one has failed or
    has said nothing for a moment. Where none answers, raises what one that refused raised, else what
    the first to fail did."""
    left = list(reversed(addresses))
    attempts: list[asyncio.Task[socket.socket | Exception]] = []
    failures: list[Exception] = []
    taken: socket.socket | None = None
    try:
        while left or len(failures) < len(attempts):
            if left:
                attempts.append(asyncio.create_task(_attempt(left.pop())))
            done, _ = await asyncio.wait(
                [one for one in attempts if not one.done()],
                timeout=_NEXT_SECONDS if left else None,
                return_when=asyncio.FIRST_COMPLETED,
            )
            for one in done:
                result = one.result()
                if isinstance(result, socket.socket):
                    taken = result
                    return taken
                failures.append(result)
    finally:
        for one in attempts:
            # Cancelled, an attempt closes its socket itself; one that had ended gave it to us.
            if not one.cancel() and not one.cancelled():
                result = one.result()
                if isinstance(result, socket.socket) and result is not taken:
                    result.close()
    refused = [one for one in failures if isinstance(one, ConnectionRefusedError)]
    raise (refused or failures or [OSError("no address")])[0]


async def _attempt(address: Address) -> socket.socket | Exception:
    """A connected socket, or why there is none."""
    try:
        sock = socket.socket(address.family, socket.SOCK_STREAM, address.protocol)
    except OSError as failure:
        return failure
    try:
        sock.setblocking(False)
        _keep_alive(sock)
        await asyncio.get_running_loop().sock_connect(sock, address.place)
    except (OSError, OverflowError) as failure:  # the latter for a port that is none
        sock.close()
        return failure
    except BaseException:
        sock.close()
        raise
    return sock


def _keep_alive(sock: socket.socket) -> None:
    """Finds a peer that vanished without a word: idle 60 s, then every 20 s, 3 probes."""
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    for name, value in (("TCP_KEEPIDLE", 60), ("TCP_KEEPINTVL", 20), ("TCP_KEEPCNT", 3)):
        if hasattr(socket, name):
            sock.setsockopt(socket.IPPROTO_TCP, getattr(socket, name), value)
