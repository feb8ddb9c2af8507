"""How a server's bytes are fed to a connection in tests: whole, byte by byte, with bytes left over."""

from __future__ import annotations

from collections.abc import Iterable

from eilbote.protocols.pop3.connection import Event, Pop3Connection
from eilbote.protocols.pop3.encode import Command


def feed(connection: Pop3Connection, wire: bytes, size: int) -> list[Event]:
    """Gives `wire` in pieces of at most `size` bytes; every event that comes of it."""
    events: list[Event] = []
    while wire:
        room = min(size, len(connection.framer.room()))
        connection.receive_data(wire[:room])
        wire = wire[room:]
        while (event := connection.next_event()) is not None:
            events.append(event)
    return events


def greeted(commands: Iterable[Command] = ()) -> Pop3Connection:
    """A connection after its greeting, with commands on the wire."""
    connection = Pop3Connection()
    feed(connection, b"+OK ready\r\n", 4096)
    for one in commands:
        connection.send(one)
        connection.data_to_send()
    return connection
