"""Every wire case runs in three ways: whole, byte by byte, and with bytes left over behind it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

from eilbote.protocols.imap.connection import Event, ImapConnection, Noticed
from eilbote.protocols.imap.encode import Command, command
from eilbote.protocols.imap.limits import Limits
from eilbote.protocols.imap.responses import Exists, Untagged
from eilbote.protocols.imap.types import FetchedMessage

GREETING = b"* OK ready\r\n"
SMALL = Limits(line=256, numbers=4096, response=1024, literal=8192, depth=5, buffer=2048, inline=128)
_LEFT_OVER = b"* 77 EXISTS\r\n* 12 FETC"

Prepare = Callable[[ImapConnection], None]


def send(*commands: Command) -> Prepare:
    """Has these commands under way before the server speaks."""

    def prepare(connection: ImapConnection) -> None:
        for one in commands:
            connection.send(one)
        while connection.data_to_send():
            pass

    return prepare


def feed(connection: ImapConnection, data: bytes) -> list[Event]:
    """Gives the connection all of `data`, as its room allows; the events, mails in one list."""
    events: list[Event] = []
    at = 0
    while at < len(data):
        room = len(connection.framer.room())
        assert room, "the receive buffer is stuck"
        connection.receive_data(data[at : at + room])
        at += room
        while (event := connection.next_event()) is not None:
            events.append(event)
    return events


def merged(events: Iterable[Event]) -> list[Event]:
    """Lists of mails that follow each other as one: how they are cut depends on the packets."""
    found: list[Event] = []
    for event in events:
        if isinstance(event, list) and found and isinstance(found[-1], list):
            found[-1] = [*found[-1], *event]
        else:
            found.append(event)
    return found


def deliver(wire: bytes, prepare: Prepare | None = None, limits: Limits | None = None) -> list[Event]:
    """The events of `wire` after a greeting; asserts that all three ways give the same."""
    outcomes = []
    for cut in (_whole, _bytes, _left_over):
        connection = ImapConnection(limits)
        feed(connection, GREETING)
        if prepare is not None:
            prepare(connection)
        outcomes.append(merged(cut(connection, wire)))
    assert outcomes[0] == outcomes[1], "byte by byte gives something else"
    assert outcomes[0] == outcomes[2], "bytes left over change what came before"
    return outcomes[0]


def _whole(connection: ImapConnection, wire: bytes) -> list[Event]:
    return feed(connection, wire)


def _bytes(connection: ImapConnection, wire: bytes) -> list[Event]:
    return [event for at in range(len(wire)) for event in feed(connection, wire[at : at + 1])]


def _left_over(connection: ImapConnection, wire: bytes) -> list[Event]:
    events = feed(connection, wire + _LEFT_OVER)
    assert not connection.framer.is_empty
    last = events.pop() if connection.waiting == 0 else None
    if last is not None:
        assert last == Noticed(Exists(77))
    events_after = feed(connection, b"H (UID 5 FLAGS ())\r\n")
    assert len(events_after) == (1 if last is not None else 0)
    assert connection.unsolicited.take().exists == 77
    return events


def one_untagged(wire: bytes, limits: Limits | None = None) -> Untagged:
    """The one untagged response that `wire` is, read in all three ways."""
    (event,) = deliver(wire, limits=limits)
    assert isinstance(event, Noticed)
    return event.response


def mails_of(wire: bytes, section: str = "", limits: Limits | None = None) -> Sequence[FetchedMessage]:
    """The mails of a streaming FETCH whose answer is `wire`."""
    fetch = command("UID FETCH", b"1:*", b"(BODY.PEEK[])", streams=section)
    events = deliver(wire, send(fetch), limits)
    return [mail for event in events if isinstance(event, list) for mail in event]
