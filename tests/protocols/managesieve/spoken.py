"""How a ManageSieve server's bytes reach a connection in tests (whole, byte by byte, with bytes left over),
and a flow that is answered without a network."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TypeVar

from eilbote.protocols.managesieve.connection import Event, ManageSieveConnection, Reply
from eilbote.protocols.managesieve.encode import Command
from eilbote.protocols.managesieve.limits import Limits
from eilbote.protocols.managesieve.session import Flow
from eilbote.protocols.upgrade import StartTls

T = TypeVar("T")

SIZES = [1, 2, 3, 7, 100_000]
HELLO = b'"IMPLEMENTATION" "Test"\r\n"SIEVE" "fileinto"\r\nOK\r\n'
_LEFT_OVER = b'"left ov'


def feed(connection: ManageSieveConnection, wire: bytes, size: int) -> list[Event]:
    """Gives `wire` in pieces of at most `size` bytes; every event that comes of it."""
    events: list[Event] = []
    while wire:
        room = min(size, len(connection.framer.room()))
        connection.receive_data(wire[:room])
        wire = wire[room:]
        while (event := connection.next_event()) is not None:
            events.append(event)
    return events


def greeted(commands: Iterable[Command] = (), limits: Limits | None = None) -> ManageSieveConnection:
    """A connection after its greeting, with commands on the wire."""
    connection = ManageSieveConnection(limits, "sieve.example.org")
    feed(connection, HELLO, 4096)
    for one in commands:
        connection.send(one)
        connection.data_to_send()
    return connection


def answers_to(commands: list[Command], wire: bytes, limits: Limits | None = None) -> list[Reply]:
    """The replies that `wire` is; asserts that every slicing, and bytes left over, give the same."""
    outcomes = [feed(greeted(commands, limits), wire, size) for size in SIZES]
    connection = greeted(commands, limits)
    if len(outcomes[0]) < len(commands):  # else what follows would be unasked for
        outcomes.append(feed(connection, wire + _LEFT_OVER, 100_000))
        assert not connection.framer.is_empty
    assert all(outcome == outcomes[0] for outcome in outcomes)
    replies = [event for event in outcomes[0] if isinstance(event, Reply)]
    assert len(replies) == len(outcomes[0])
    return replies


def run(flow: Flow[T], *answers: bytes) -> tuple[T, list[bytes]]:
    """Answers the commands of a flow, one after the other; its result and what it said. All answers are
    used; STARTTLS is done at once."""
    said: list[bytes] = []
    left = list(answers)
    replies: list[Reply] | None = None
    while True:
        try:
            wanted = next(flow) if replies is None else flow.send(replies)
        except StopIteration as stop:
            assert not left, f"never asked for: {left}"
            result: T = stop.value
            return result, said
        if isinstance(wanted, StartTls):
            said.append(b"(TLS)")
            replies = []
            continue
        connection = greeted(wanted)
        replies = []
        for one in wanted:
            said.append(one.line)
            for event in feed(connection, left.pop(0), 4096):
                assert isinstance(event, Reply)
                replies.append(event)
