from __future__ import annotations

import tracemalloc

import pytest

from eilbote.errors import Garbled, Misused, Unreachable
from eilbote.mail.mailbox import UidSet
from eilbote.protocols.imap.connection import Event, Greeting, Idling, ImapConnection, Noticed, Reply
from eilbote.protocols.imap.encode import Command, Literal, command
from eilbote.protocols.imap.fetch import Fetch
from eilbote.protocols.imap.limits import Limits
from eilbote.protocols.imap.responses import Exists, Listed, Recent, Status
from eilbote.protocols.imap.types import FetchedFlags
from tests.protocols.imap.deliveries import GREETING, deliver, feed, send

NOOP = command("NOOP")
LIST = command("LIST", b'""', b"*", expects=[Listed])


def ready(limits: Limits | None = None) -> ImapConnection:
    connection = ImapConnection(limits)
    feed(connection, GREETING)
    return connection


def sent(connection: ImapConnection) -> bytes:
    wire = b""
    while data := connection.data_to_send():
        wire += bytes(data)
    return wire


# --- greetings --------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["OK", "PREAUTH", "BYE"])
def test_greetings(kind: str) -> None:
    connection = ImapConnection()
    (event,) = feed(connection, b"* " + kind.encode() + b" hello\r\n")
    assert event == Greeting(Status(kind, "hello"))


@pytest.mark.parametrize(
    "wire", [b"* NO x\r\n", b"* 5 EXISTS\r\n", b"E1 OK x\r\n", b"+ x\r\n", b"* CAPABILITY X\r\n"]
)
def test_anything_else_is_no_greeting(wire: bytes) -> None:
    with pytest.raises(Garbled):
        feed(ImapConnection(), wire)


@pytest.mark.parametrize(
    "wire", [b"220 smtp ready\r\n", b"HTTP/1.1 400 Bad Request\r\n", b"SSH-2.0-x\r\n", b"+OK pop\r\n"]
)
def test_other_protocols_are_recognised_as_such(wire: bytes) -> None:
    with pytest.raises(Garbled):
        feed(ImapConnection(), wire)


# --- replies ----------------------------------------------------------------------------------------


def test_a_reply_brings_what_was_told_before_it() -> None:
    events = deliver(b'* LIST () "/" a\r\n* 5 EXISTS\r\n* LIST () "/" b\r\nE1 OK done\r\n', send(LIST))
    assert events == [
        Reply(
            LIST,
            Status("OK", "done", None, b"E1"),
            (Listed(b"a", "/", frozenset()), Listed(b"b", "/", frozenset())),
        )
    ]


def test_pipelined_commands_are_told_apart() -> None:
    events = deliver(
        b'* LIST () "/" a\r\nE1 OK\r\nE2 NO no\r\n* 1 EXISTS\r\nE3 OK\r\n', send(LIST, NOOP, NOOP)
    )
    kinds = [(event.command.name, event.status.kind) for event in events if isinstance(event, Reply)]
    assert kinds == [("LIST", "OK"), ("NOOP", "NO"), ("NOOP", "OK")]


def test_answers_out_of_order_lose_nothing() -> None:
    events = deliver(b'* LIST () "/" a\r\nE2 OK\r\nE1 OK\r\n', send(LIST, NOOP))
    assert [event.untagged for event in events if isinstance(event, Reply)] == [
        (Listed(b"a", "/", frozenset()),),
        (),
    ]


@pytest.mark.parametrize("wire", [b"E2 OK\r\n", b"E1 OK\r\nE1 OK\r\n", b"X OK\r\n", b"a001 OK\r\n"])
def test_a_tag_that_is_not_ours_is_a_breach(wire: bytes) -> None:
    connection = ready()
    connection.send(NOOP)
    sent(connection)
    with pytest.raises(Garbled) as caught:
        feed(connection, wire)
    assert caught.value.problem.code == "imap.unknown_tag"


def test_an_answer_before_the_command_was_sent_is_a_breach() -> None:
    connection = ready()
    connection.send(NOOP)
    with pytest.raises(Garbled):
        feed(connection, b"E1 OK too early\r\n")


def test_bye_ends_the_connection_with_its_text() -> None:
    connection = ready()
    connection.send(NOOP)
    sent(connection)
    with pytest.raises(Unreachable) as caught:
        feed(connection, b"* BYE Autologout; idle for too long\r\n")
    assert caught.value.problem.code == "imap.bye"
    assert caught.value.problem.parameters["text"] == "Autologout; idle for too long"


def test_bye_belongs_to_logout() -> None:
    connection = ready()
    connection.send(command("LOGOUT", alone=True))
    sent(connection)
    (event,) = feed(connection, b"* BYE see you\r\nE1 OK\r\n")
    assert isinstance(event, Reply)


# --- sending ----------------------------------------------------------------------------------------


def with_literal(data: bytes) -> Command:
    return command("APPEND", b"INBOX", Literal(data))


@pytest.mark.parametrize(
    ("allowed", "size", "expected"),
    [(None, 5000, b"{5000+}"), (4096, 4096, b"{4096+}"), (4096, 4097, b"{4097}"), (0, 1, b"{1}")],
    ids=["LITERAL+", "LITERAL-", "LITERAL- too long", "none"],
)
def test_literals_wait_only_where_they_must(allowed: int | None, size: int, expected: bytes) -> None:
    connection = ready()
    connection.outgoing.non_synchronising = allowed
    connection.send(with_literal(b"x" * size))
    first = sent(connection)
    waits = not expected.endswith(b"+}")
    assert first.startswith(b"E1 APPEND INBOX " + expected + b"\r\n")
    if waits:
        assert first.endswith(expected + b"\r\n")
        assert feed(connection, b"+ go\r\n") == []
        assert sent(connection) == b"x" * size + b"\r\n"
    else:
        assert first.endswith(b"\r\n" + b"x" * size + b"\r\n")


def test_a_refused_literal_is_never_sent_and_the_next_command_is() -> None:
    connection = ready()
    connection.send(with_literal(b"secret mail"))
    connection.send(NOOP)
    assert sent(connection) == b"E1 APPEND INBOX {11}\r\n"
    (event,) = feed(connection, b"E1 NO [TOOBIG] no\r\n")
    assert isinstance(event, Reply)
    assert event.status.kind == "NO"
    assert sent(connection) == b"E2 NOOP\r\n"


def test_a_large_literal_goes_out_in_pieces_of_itself() -> None:
    connection = ready()
    connection.outgoing.non_synchronising = None
    data = bytes(3 << 20)
    connection.send(with_literal(data))
    pieces = []
    while piece := connection.data_to_send():
        pieces.append(piece)
    assert b"".join(pieces).endswith(data + b"\r\n")
    assert max(map(len, pieces)) <= 256 << 10
    views = [piece for piece in pieces if isinstance(piece, memoryview)]
    assert sum(map(len, views)) == len(data), "a large literal is copied"
    assert all(view.obj is data for view in views)


def test_a_plus_that_nobody_waits_for_is_a_breach() -> None:
    connection = ready()
    connection.send(NOOP)
    sent(connection)
    with pytest.raises(Garbled):
        feed(connection, b"+ idling\r\n")


def test_commands_that_stand_alone_are_never_pipelined() -> None:
    connection = ready()
    connection.send(NOOP)
    with pytest.raises(Misused):
        connection.send(command("STARTTLS", alone=True))
    sent(connection)
    feed(connection, b"E1 OK\r\n")
    connection.send(command("STARTTLS", alone=True))
    with pytest.raises(Misused):
        connection.send(NOOP)


def test_challenges_are_answered() -> None:
    asked: list[bytes] = []

    def answer(challenge: bytes) -> bytes:
        asked.append(challenge)
        return b"answer"

    connection = ready()
    connection.send(command("AUTHENTICATE", b"X", alone=True, answer=answer))
    sent(connection)
    assert feed(connection, b"+ Y2hhbGxlbmdl\r\n") == []
    assert sent(connection) == b"YW5zd2Vy\r\n"
    feed(connection, b"+\r\n")
    feed(connection, b"+ User Name:\r\n")
    assert asked == [b"challenge", b"", b""]


# --- TLS, IDLE, unasked news ----------------------------------------------------------------------------


@pytest.mark.parametrize("rest", [b"* CAPABILITY IMAP4rev1\r\n", b"E2 OK\r\n", b"* 1", b"\x16\x03"])
def test_nothing_may_lie_in_the_buffer_when_tls_begins(rest: bytes) -> None:
    connection = ready()
    connection.send(command("STARTTLS", alone=True))
    sent(connection)
    room = connection.framer.room()
    wire = b"E1 OK begin\r\n" + rest
    room[: len(wire)] = wire
    connection.framer.filled(len(wire))
    assert isinstance(connection.next_event(), Reply)
    with pytest.raises(Garbled) as caught:
        connection.assert_nothing_received()
    assert caught.value.problem.code == "net.injected"


def test_an_empty_buffer_lets_tls_begin() -> None:
    connection = ready()
    connection.send(command("STARTTLS", alone=True))
    sent(connection)
    feed(connection, b"E1 OK begin\r\n")
    connection.assert_nothing_received()


def test_idle_from_begin_to_end() -> None:
    connection = ready()
    idle = command("IDLE", alone=True)
    connection.send(idle)
    assert sent(connection) == b"E1 IDLE\r\n"
    assert feed(connection, b"+ idling\r\n") == [Idling()]
    wire = b"* OK Still here\r\n* 4 EXISTS\r\n* 1 RECENT\r\n"
    told: list[Event] = feed(connection, wire)
    assert told == [Noticed(Status("OK", "Still here")), Noticed(Exists(4)), Noticed(Recent(1))]
    connection.finish_idle()
    assert sent(connection) == b"DONE\r\n"
    (event,) = feed(connection, b"* VANISHED 3:4\r\nE1 OK\r\n")[-1:]
    assert isinstance(event, Reply)
    news = connection.unsolicited.take()
    assert (news.exists, news.vanished) == (4, UidSet.parse("3:4"))


def test_news_are_collected_after_every_command() -> None:
    """Museum M2: VANISHED was read in IDLE alone, and only its first line."""
    connection = ready()
    for number in range(1, 4):
        connection.send(NOOP)
        sent(connection)
        feed(
            connection,
            b"* VANISHED %d\r\n* VANISHED %d:%d\r\n* %d EXISTS\r\n* 2 EXPUNGE\r\n"
            b"* 1 FETCH (UID 9 FLAGS (\\Seen) MODSEQ (%d))\r\n* 1 FETCH (FLAGS ())\r\n"
            b"* OK [ALERT] full\r\nE%d OK\r\n"
            % (number, number * 10, number * 10 + 1, number, number, number),
        )
    news = connection.unsolicited.take()
    assert news.vanished == UidSet.parse("1:3,10:11,20:21,30:31")
    assert news.exists == 3
    assert news.expunged == 3
    assert news.flags == (FetchedFlags(9, frozenset({"\\Seen"}), 3),)
    assert news.nameless == 3
    assert connection.unsolicited.take_alerts() == ["full"] * 3
    assert connection.unsolicited.take_alerts() == []
    assert not connection.unsolicited.take()


def test_absurd_vanished_costs_nothing() -> None:
    connection = ready()
    feed(connection, b"* VANISHED 1:4294967295\r\n" * 100)
    assert len(connection.unsolicited.take().vanished) == 2**32 - 1


@pytest.mark.parametrize(
    "wire",
    [b"* 5 EXISTS\r\n", b"* OK hello\r\n", b"* 1 FETCH (UID 1 FLAGS ())\r\n", b"* X\r\n", b"* 1 EXPUNGE\r\n"],
    ids=ascii,
)
def test_a_flood_of_unasked_responses_ends_the_connection(wire: bytes) -> None:
    connection = ready(Limits(unsolicited=50))
    connection.send(NOOP)
    sent(connection)
    feed(connection, wire * 50)
    with pytest.raises(Garbled) as caught:
        feed(connection, wire)
    assert caught.value.problem.code == "imap.flood"


def test_a_flood_of_bytes_ends_the_connection_too() -> None:
    connection = ready(Limits(unsolicited_bytes=10_000))
    with pytest.raises(Garbled):
        feed(connection, b"* OK " + b"x" * 1000 + b"\r\n" + (b"* NO " + b"y" * 1000 + b"\r\n") * 10)


def test_answers_are_bounded_too() -> None:
    for limits in (Limits(answers=20), Limits(answer_bytes=300)):
        connection = ready(limits)
        connection.send(command("UID FETCH", b"1:*", b"FLAGS", expects=[Fetch]))
        sent(connection)
        with pytest.raises(Garbled):
            feed(connection, b"* 1 FETCH (UID 1 FLAGS ())\r\n" * 21)


def test_a_list_of_mailboxes_is_bounded_more_narrowly_than_mails() -> None:
    connection = ready(Limits(answers=1_000, listed=20))
    connection.send(command("LIST", b'"" "*"', expects=[Listed]))
    sent(connection)
    feed(connection, b'* LIST () "/" a\r\n' * 20)
    with pytest.raises(Garbled) as caught:
        feed(connection, b'* LIST () "/" a\r\n')
    assert caught.value.problem.code == "imap.flood"


@pytest.mark.parametrize("fast", [True, False])
def test_a_large_mail_is_in_memory_once(fast: bool) -> None:
    size = 32 << 20
    connection = ready()
    connection.fast = fast
    connection.send(command("UID FETCH", b"1", b"BODY.PEEK[]", streams=""))
    sent(connection)
    piece = b"x" * (64 << 10)
    tracemalloc.start()
    try:
        feed(connection, b"* 1 FETCH (UID 1 FLAGS () RFC822.SIZE %d BODY[] {%d}\r\n" % (size, size))
        for _ in range(size // len(piece)):
            assert feed(connection, piece) == []
        mails, _ = feed(connection, b")\r\nE1 OK\r\n")
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert isinstance(mails, list)
    assert len(mails[0].raw or b"") == size
    assert peak < size * 1.3
