"""SMTP without a socket: every answer whole, byte by byte, and with bytes left over; every limit."""

from __future__ import annotations

import random

import pytest

from eilbote.errors import Garbled, Misused, Unreachable
from eilbote.protocols.smtp import encode
from eilbote.protocols.smtp.connection import Answered, Event, Greeting, SmtpConnection
from eilbote.protocols.smtp.encode import Command
from eilbote.protocols.smtp.framing import Framer
from eilbote.protocols.smtp.limits import Limits, TimeLimits, Waiting
from eilbote.protocols.smtp.responses import read_extensions, read_reply
from eilbote.protocols.smtp.types import Extensions, Reply, Said
from tests.protocols.smtp.spoken import feed

SIZES = [1, 2, 3, 7, 100_000]


def greeted(*commands: Command, limits: Limits | None = None) -> SmtpConnection:
    """A connection after its greeting, with commands on the wire."""
    connection = SmtpConnection(limits)
    feed(connection, b"220 mx.example.org ESMTP\r\n", 4096)
    for one in commands:
        connection.send(one)
    connection.data_to_send()
    return connection


def replies(events: list[Event]) -> list[str]:
    return [str(one.reply) for one in events if isinstance(one, Answered)]


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize(
    ("wire", "reply"),
    [
        (b"250 2.1.0 Ok\r\n", Reply(250, "2.1.0", ("Ok",))),
        (b"250 Ok\r\n", Reply(250, "", ("Ok",))),
        (b"250\r\n", Reply(250)),
        (b"250 \r\n", Reply(250)),
        (b"250 2.1.0\r\n", Reply(250, "2.1.0")),
        (b"250 Ok\n", Reply(250, "", ("Ok",))),
        (b"550-5.1.1 No such\r\n550 5.1.1 user\r\n", Reply(550, "5.1.1", ("No such", "user"))),
        (b"550-5.1.1 No such\r\n550-\r\n550 user\r\n", Reply(550, "5.1.1", ("No such", "user"))),
        (b"550-No such\r\n550 5.1.1 user\r\n", Reply(550, "5.1.1", ("No such", "user"))),
        (b"550-5.1.1 a\r\n550 5.7.1 b\r\n", Reply(550, "5.1.1", ("a", "5.7.1 b"))),
        (
            b"554-mx.example.org\r\n554 http://example.org/?ip=192.0.2.1\r\n",
            Reply(554, "", ("mx.example.org", "http://example.org/?ip=192.0.2.1")),
        ),
        (b"250 1.2.3.4 is nice\r\n", Reply(250, "", ("1.2.3.4 is nice",))),
        ("250 für Sie\r\n".encode("latin-1"), Reply(250, "", ("f�r Sie",))),
        (b"250 a\x00\x1b[31mb\tc\r\n", Reply(250, "", ("a��[31mb�c",))),
        (b"452 4.5.3 x\r\r\n", Reply(452, "4.5.3", ("x�",))),
    ],
)
def test_replies_are_read(wire: bytes, reply: Reply, size: int) -> None:
    (event,) = feed(greeted(encode.RSET), wire, size)
    assert isinstance(event, Answered) and event.reply == reply


@pytest.mark.parametrize("size", SIZES)
def test_pipelined_answers_come_in_order_and_nothing_is_left(size: int) -> None:
    sent = (
        encode.mail("a@example.org"),
        encode.rcpt("b@example.org"),
        encode.rcpt("c@example.org"),
        encode.DATA,
    )
    connection = greeted(*sent)
    wire = b"250 2.1.0 Ok\r\n250-2.1.5 very\r\n250 2.1.5 Ok\r\n550 5.1.1 No\r\n354 Go\r\n"
    events = feed(connection, wire, size)
    assert [one.command for one in events if isinstance(one, Answered)] == list(sent)
    assert replies(events) == ["250 2.1.0 Ok", "250 2.1.5 very Ok", "550 5.1.1 No", "354 Go"]
    assert connection.framer.is_empty and connection.waiting == 0


def test_bytes_left_over_wait_for_their_command() -> None:
    connection = greeted(encode.RSET)
    connection.receive_data(b"250 Ok\r\n250 more\r\n")
    assert isinstance(connection.next_event(), Answered)
    assert not connection.framer.is_empty
    with pytest.raises(Garbled) as unasked:
        connection.next_event()
    assert unasked.value.problem.code == "smtp.unasked"


@pytest.mark.parametrize(
    "wire",
    [
        b"* OK IMAP\r\n",
        b"+OK POP3\r\n",
        b"25 x\r\n",
        b"2500 x\r\n",
        b"250x\r\n",
        b"\r\n",
        b"150 x\r\n",
        b"650 x\r\n",
        b"250-a\r\n251 b\r\n",
        b"250-a\r\nb\r\n",
        b"\x15\x03\x01\r\n",
        b" 250 x\r\n",
        b"-250 x\r\n",
    ],
)
def test_what_is_no_reply_ends_the_session(wire: bytes) -> None:
    with pytest.raises(Garbled) as garbled:
        feed(greeted(encode.RSET), wire, 100)
    assert garbled.value.problem.code == "smtp.no_reply"


def test_421_is_the_end_whenever_it_comes() -> None:
    connection = greeted()
    with pytest.raises(Unreachable) as ended:
        feed(connection, b"421 4.4.2 Idle too long\r\n", 100)
    assert ended.value.problem.code == "smtp.unavailable"
    asked = greeted(encode.RSET)
    assert replies(feed(asked, b"421 4.3.2 Bye\r\n", 100)) == ["421 4.3.2 Bye"]
    assert asked.lost().problem.parameters["text"] == "421 4.3.2 Bye"


def test_nothing_may_lie_in_the_buffer_when_tls_begins() -> None:
    connection = greeted(encode.STARTTLS)
    connection.receive_data(b"220 Go\r\n250 injected")
    connection.next_event()
    with pytest.raises(Garbled) as injected:
        connection.assert_nothing_received()
    assert injected.value.problem.code == "net.injected"
    clean = greeted(encode.STARTTLS)
    feed(clean, b"220 Go\r\n", 1)
    clean.assert_nothing_received()


def test_nothing_follows_a_command_that_must_be_last() -> None:
    for last in (encode.DATA, encode.QUIT, encode.STARTTLS, encode.hello("x.example", esmtp=True)):
        connection = greeted(last)
        with pytest.raises(Misused) as misused:
            connection.send(encode.RSET)
        assert misused.value.problem.code == "smtp.pipelined"


def test_challenges_are_answered_and_bounded() -> None:
    heard: list[bytes] = []

    def respond(challenge: bytes) -> bytes:
        heard.append(challenge)
        return b"\0answer"

    connection = greeted(encode.auth("PLAIN", None, respond))
    assert feed(connection, b"334 \r\n334 VXNlcjo=\r\n334 not base64!\r\n", 1) == []
    assert heard == [b"", b"User:", b""]
    assert connection.data_to_send() == b"AGFuc3dlcg==\r\n" * 3
    with pytest.raises(Garbled) as endless:
        feed(connection, b"334 \r\n" * 30, 1000)
    assert endless.value.problem.code == "smtp.challenges"


def test_what_is_shown_holds_no_secret() -> None:
    connection = greeted()
    seen: list[Said] = []
    connection.observer = seen.append
    connection.send(encode.auth("PLAIN", b"c2VjcmV0", lambda challenge: b"secret"))
    feed(connection, b"334 c2VjcmV0\r\n235 2.7.0 Ok\r\n", 100)
    assert [one.text for one in seen] == ["AUTH (secret)", "334 (challenge)", "235 2.7.0 Ok"]


# --- limits ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("size", [1000, 60_000])
def test_endless_lines_and_replies_are_refused(size: int) -> None:
    tight = Limits(line=1000, lines=50, reply=5000, buffer=8000)
    with pytest.raises(Garbled) as long:
        feed(greeted(encode.RSET, limits=tight), b"250 " + b"x" * 5000, size)
    assert long.value.problem.code == "smtp.line_too_long"
    for line in (b"250-x\r\n", b"250-" + b"x" * 500 + b"\r\n"):
        with pytest.raises(Garbled) as many:
            feed(greeted(encode.RSET, limits=tight), line * 100, size)
        assert many.value.problem.code == "smtp.reply_too_long"


def test_a_million_continuation_lines_cost_neither_time_nor_memory() -> None:
    connection = greeted(encode.RSET)
    with pytest.raises(Garbled):
        feed(connection, b"250-x\r\n" * 1_000_000, 60_000)
    assert len(connection._texts) <= connection.limits.lines + 1


def test_a_buffer_that_holds_no_line_is_misused() -> None:
    with pytest.raises(Misused):
        Framer(Limits(line=1000, buffer=3999))
    connection = SmtpConnection(Limits(line=16, buffer=64))
    with pytest.raises(Misused):
        connection.receive_data(b"x" * 65)


def test_any_stream_ends_in_events_or_one_of_our_errors() -> None:
    chance = random.Random(5321)
    pieces = [b"250", b"-", b" ", b"\r\n", b"\n", b"334", b"421", b"2.1.0", b"\0", b"\xff", b"x" * 50]
    for _ in range(2000):
        wire = b"".join(chance.choices(pieces, k=chance.randrange(1, 30)))
        connection = greeted(encode.auth("PLAIN", None, lambda challenge: b"x"))
        try:
            feed(connection, wire, chance.choice(SIZES))
        except (Garbled, Unreachable):
            continue


# --- what a server announces -----------------------------------------------------------------------------


def test_extensions_are_read() -> None:
    told = b"mx.example.org at your service\r\npipelining\r\nSIZE 1000\r\n8BITMIME\r\nAUTH PLAIN LOGIN\r\n"
    told += b"AUTH=LOGIN CRAM-MD5\r\nLIMITS MAILMAX=3 RCPTMAX=10 RCPTDOMAINMAX=1 X\r\n\r\nSTARTTLS\r\n"
    read = read_extensions(read_reply(250, told.split(b"\r\n")))
    assert read == Extensions(
        esmtp=True,
        names=frozenset({"PIPELINING", "SIZE", "8BITMIME", "AUTH", "LIMITS", "STARTTLS"}),
        size=1000,
        mechanisms=("PLAIN", "LOGIN", "CRAM-MD5"),
        mail_max=3,
        rcpt_max=10,
        domain_max=1,
        greeting="mx.example.org at your service",
    )


@pytest.mark.parametrize("size", [b"SIZE", b"SIZE 0", b"SIZE x", b"SIZE -1", b"SIZE 99999999999999999999"])
def test_a_size_that_is_none(size: bytes) -> None:
    assert read_extensions(read_reply(250, [b"x", size])).size is None


def test_the_first_line_is_no_extension() -> None:
    assert read_extensions(read_reply(250, [b"STARTTLS PIPELINING"])).names == frozenset()


def test_later_is_what_the_enhanced_class_says() -> None:
    assert Reply(450).is_later and not Reply(550).is_later
    assert Reply(550, "4.7.1").is_later and not Reply(450, "5.7.1").is_later


def test_the_times_are_those_of_rfc_5321() -> None:
    times = TimeLimits()
    assert times.greeting == 300
    assert {one: times.of(one) for one in Waiting} == {
        Waiting.COMMAND: 300,
        Waiting.MAIL: 300,
        Waiting.RCPT: 300,
        Waiting.DATA: 120,
        Waiting.BLOCK: 180,
        Waiting.END: 600,
    }
    assert encode.END.waiting is encode.bdat(1, last=True).waiting is Waiting.END


def test_a_greeting_may_have_many_lines() -> None:
    connection = SmtpConnection()
    (event,) = feed(connection, b"220-mx.example.org\r\n220 hello\r\n", 1)
    assert event == Greeting(Reply(220, "", ("mx.example.org", "hello")))
