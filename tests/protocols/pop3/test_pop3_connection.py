"""POP3 without a socket: every answer whole, byte by byte, and with bytes left over; every limit."""

from __future__ import annotations

import random
import re

import pytest

from eilbote.errors import Garbled, Misused
from eilbote.protocols.pop3 import encode
from eilbote.protocols.pop3.connection import Greeting, Pop3Connection, Reply
from eilbote.protocols.pop3.encode import Answer, Command, command
from eilbote.protocols.pop3.framing import Framer
from eilbote.protocols.pop3.limits import Limits
from eilbote.protocols.pop3.responses import read_capabilities, read_maildrop, read_stat, read_status
from eilbote.protocols.pop3.types import Capabilities, ListedMail, Stat
from eilbote.testing.pop3 import stuffed
from tests.protocols.pop3.lines import feed, greeted

SIZES = [1, 2, 3, 7, 100_000]

MAILS = [
    b"",
    b"Subject: a\r\n\r\nb\r\n",
    b".\r\n",
    b"..\r\n.\r\n",
    b"\r\n",
    b"\r\n.\r\n\r\n..a\r\n",
    b"a\r\n.b\r\n..\r\n...\r\n",
    b"bare\n.\nline feeds\r\n",
    b"bare\r.\rreturns\r\n",
    b"\r\r\n.\r\r\n",
    b"x" * 5000 + b"\r\n",
    b".\r" * 50 + b"\r\n",
]


def reply_to(asked: Command, wire: bytes, size: int) -> Reply:
    (event,) = feed(greeted([asked]), wire, size)
    assert isinstance(event, Reply)
    return event


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("mail", MAILS)
def test_a_mail_arrives_as_it_was_sent(mail: bytes, size: int) -> None:
    assert reply_to(encode.retr(1), b"+OK\r\n" + stuffed(mail), size).mail == mail


@pytest.mark.parametrize("size", SIZES)
def test_pipelined_answers_come_in_order_and_nothing_is_left(size: int) -> None:
    connection = greeted([encode.retr(1), encode.retr(2), encode.LIST, encode.top(3), encode.NOOP])
    wire = (
        b"+OK 1\r\n" + stuffed(MAILS[6]) + b"-ERR no such message\r\n"
        b"+OK 2 messages\r\n1 10\r\n2 20\r\n.\r\n+OK\r\nSubject: x\r\n\r\n.\r\n+OK\r\n"
    )
    events = feed(connection, wire, size)
    assert [(e.status.ok, e.lines, e.mail) for e in events if isinstance(e, Reply)] == [
        (True, (), MAILS[6]),
        (False, (), None),
        (True, (b"1 10", b"2 20"), None),
        (True, (), b"Subject: x\r\n\r\n"),
        (True, (), None),
    ]
    assert connection.framer.is_empty and connection.waiting == 0


def test_random_mails_survive_any_slicing() -> None:
    seed = random.randrange(2**32)
    chance = random.Random(seed)
    for _ in range(300):
        raw = bytes(chance.choice(b".\r\n.\r\na") for _ in range(chance.randrange(60))) + b"\r\n"
        mail = re.sub(rb"(?<!\r)\n", b"\r\n", raw)
        wire = b"+OK\r\n" + stuffed(mail) + b"+OK\r\n"
        connection = greeted([encode.retr(1), encode.NOOP])
        events = []
        while wire:
            cut = chance.randrange(1, 9)
            events += feed(connection, wire[:cut], cut)
            wire = wire[cut:]
        assert [getattr(event, "mail", None) for event in events] == [mail, None], f"seed {seed}"


def test_a_large_mail_costs_time_in_proportion() -> None:
    """A mail of dots alone, in small pieces: a framer that looks twice would not end."""
    line = b"." * 70 + b"\r\n"
    mail = line * 60_000
    connection = greeted([encode.retr(1)])
    (event,) = feed(connection, b"+OK\r\n" + stuffed(mail), 1460)
    assert isinstance(event, Reply) and event.mail == mail


@pytest.mark.parametrize(
    ("wire", "code"),
    [
        (b"HTTP/1.1 400 Bad Request\r\n", "pop3.no_greeting"),
        (b"* OK IMAP4rev1\r\n", "pop3.no_greeting"),
        (b"x" * 20_000, "pop3.line_too_long"),
    ],
)
def test_what_is_no_greeting(wire: bytes, code: str) -> None:
    with pytest.raises(Garbled) as garbled:
        feed(Pop3Connection(), wire, 4096)
    assert garbled.value.problem.code == code


@pytest.mark.parametrize("greeting", [b"+OK\r\n", b"+ok hello\n", b"+OK [X] POP3 <1@a>\r\n"])
def test_greetings(greeting: bytes) -> None:
    (event,) = feed(Pop3Connection(), greeting, 1)
    assert isinstance(event, Greeting) and event.status.ok


LIMITS = Limits(line=100, lines=5, listing=1000, mail=1000, challenges=3, buffer=1024)


@pytest.mark.parametrize("size", [1, 50, 1024])
@pytest.mark.parametrize(
    ("asked", "wire", "code"),
    [
        (encode.NOOP, b"+OK " + b"x" * 5000, "pop3.line_too_long"),
        (encode.NOOP, b"+OK " + b"x" * 200 + b"\r\n", "pop3.line_too_long"),
        (encode.UIDL, b"+OK\r\n" + b"1 " + b"x" * 5000, "pop3.line_too_long"),
        (encode.UIDL, b"+OK\r\n" + b"1 x\r\n" * 50, "pop3.listing_too_long"),
        (encode.retr(1), b"+OK\r\n" + b"x" * 5000, "pop3.mail_too_long"),
        (encode.retr(1), b"+OK\r\n" + b"\r\n" * 5000, "pop3.mail_too_long"),
        (encode.NOOP, b"perhaps\r\n", "pop3.no_status"),
        (encode.NOOP, b"+ more\r\n", "pop3.no_status"),
        (encode.NOOP, b"\r\n", "pop3.no_status"),
        (encode.NOOP, b"+OK\r\n+OK\r\n", "pop3.unasked"),
        (
            command("AUTH", "PLAIN", respond=lambda _: b"x", alone=True, secret=True),
            b"+ \r\n" * 9,
            "pop3.challenges",
        ),
    ],
)
def test_every_bound_holds(asked: Command, wire: bytes, code: str, size: int) -> None:
    connection = Pop3Connection(LIMITS)
    feed(connection, b"+OK ready\r\n", 1024)
    connection.send(asked)
    with pytest.raises(Garbled) as garbled:
        feed(connection, wire, size)
    assert garbled.value.problem.code == code


def test_a_small_buffer_is_refused() -> None:
    with pytest.raises(Misused):
        Framer(Limits(line=1000, buffer=1000))


# --- what goes out ----------------------------------------------------------------------------------


@pytest.mark.parametrize("text", ["a\r\nDELE 1", "a\nb", "a\0b", "a\rb", "", "a b", "\ud800"])
def test_no_argument_begins_a_line_of_its_own(text: str) -> None:
    with pytest.raises(Misused) as misused:
        command("USER", text)
    assert misused.value.problem.code == "pop3.argument"


@pytest.mark.parametrize("text", ["a\r\nDELE 1", "a\nb", "a\0b", ""])
def test_no_password_either(text: str) -> None:
    with pytest.raises(Misused):
        command("PASS", text, secret=True)
    assert command("PASS", "zwei Wörter ", secret=True).line == "PASS zwei Wörter ".encode()


def test_commands_that_stand_alone_are_not_pipelined() -> None:
    connection = greeted([encode.NOOP])
    with pytest.raises(Misused):
        connection.send(encode.QUIT)
    connection = greeted([encode.CAPA])
    with pytest.raises(Misused):
        connection.send(encode.NOOP)


def test_nothing_may_lie_in_the_buffer_before_tls() -> None:
    connection = greeted([encode.STLS])
    feed(connection, b"+OK go\r\n+OK injected", 4096)
    with pytest.raises(Garbled) as garbled:
        connection.assert_nothing_received()
    assert garbled.value.problem.code == "net.injected"


# --- what lines say ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("line", "read"),
    [
        (b"+OK", (True, "", "")),
        (b"+OK 3 messages", (True, "", "3 messages")),
        (b"-ERR [IN-USE] busy", (False, "IN-USE", "busy")),
        (b"-err [sys/temp] later", (False, "SYS/TEMP", "later")),
        (b"-ERR [not closed", (False, "", "[not closed")),
        (b"-ERR a\x1b[31mb", (False, "", "a�[31mb")),
        (b"-ERR \xff", (False, "", "�")),
    ],
)
def test_status_lines(line: bytes, read: tuple[bool, str, str]) -> None:
    status = read_status(line)
    assert status is not None and (status.ok, status.code, status.text) == read


@pytest.mark.parametrize("line", [b"", b"OK", b"+OKAY", b"-ERROR", b"+", b"+ x", b" +OK"])
def test_lines_that_are_no_status(line: bytes) -> None:
    assert read_status(line) is None


def test_capabilities() -> None:
    lines = [b"TOP", b"sasl PLAIN xoauth2 PLAIN", b"LOGIN-DELAY 300 USER", b"EXPIRE 31 USER", b"", b"\xff"]
    assert read_capabilities([*lines, b"IMPLEMENTATION Shlemazle-Plotz-v302"]) == Capabilities(
        frozenset({"TOP", "SASL", "LOGIN-DELAY", "EXPIRE", "�", "IMPLEMENTATION"}),
        ("PLAIN", "XOAUTH2"),
        300,
        31,
        "Shlemazle-Plotz-v302",
        known=True,
    )
    assert read_capabilities([b"EXPIRE NEVER", b"LOGIN-DELAY x"]).expire is None
    assert read_capabilities([b"LOGIN-DELAY 99999999999"]).login_delay == 86_400


def test_listings_with_holes_and_lies() -> None:
    drop = read_maildrop(
        3,
        [b"1 100", b"2", b"x 5", b"3 -1", b"1 7", b"0 9", b"", b"99999999999999999999 1", b"5 50 octets"],
        [b"1 a", b"2 b", b"4 c", b"5 \xff", b"3 " + b"u" * 600],
    )
    assert drop.mails == (
        ListedMail(1, 100, "a"),
        ListedMail(2, None, "b"),
        ListedMail(3, None, ""),
        ListedMail(4, None, "c"),
        ListedMail(5, 50, ""),
    )
    assert drop.unreadable == 7
    assert not read_maildrop(None, [b"1 1"], None).has_uidl


@pytest.mark.parametrize(
    ("text", "stat"),
    [
        ("7 1800662", Stat(7, 1800662)),
        ("7", Stat(7, None)),
        ("seven 8", Stat(None, 8)),
        ("", Stat(None, None)),
    ],
)
def test_stat(text: str, stat: Stat) -> None:
    assert read_stat(text) == stat


def test_which_answers_have_more_lines() -> None:
    assert encode.CAPA.answer is encode.LIST.answer is encode.UIDL.answer is Answer.LINES
    assert encode.retr(1).answer is encode.top(1).answer is Answer.MAIL
    assert encode.dele(1).answer is Answer.STATUS
