"""The SMTP sink, spoken to by the standard library's client and byte by byte."""

from __future__ import annotations

import asyncio
import smtplib
from collections.abc import AsyncIterator, Callable

import pytest

from eilbote.testing.smtp.server import SmtpServer
from eilbote.testing.smtp.session import SmtpSession
from eilbote.testing.smtp.sink import Received, Sink

ACCOUNTS = {"anna@example.de": "geheim"}
MAIL = b"Subject: Hallo\r\n\r\n.vorn ein Punkt\r\n..zwei\r\n.\r\nEnde ohne Zeilenende"


@pytest.fixture
async def server() -> AsyncIterator[SmtpServer]:
    async with SmtpServer(Sink(ACCOUNTS)) as started:
        yield started


async def with_smtplib(server: SmtpServer, work: Callable[[smtplib.SMTP], object]) -> None:
    def run() -> None:
        with smtplib.SMTP(server.host, server.port, timeout=10) as client:
            work(client)

    await asyncio.to_thread(run)


async def test_a_mail_arrives_exactly_as_it_was_sent(server: SmtpServer) -> None:
    def send(client: smtplib.SMTP) -> None:
        client.login("anna@example.de", "geheim")
        client.sendmail("anna@example.de", ["bo@example.org", "cy@example.org"], MAIL)

    await with_smtplib(server, send)
    assert server.sink.received == [
        Received(
            "anna@example.de",
            ("bo@example.org", "cy@example.org"),
            MAIL + b"\r\n",
            "anna@example.de",
            parameters=("size=66", "", ""),
        )
    ]


async def test_extensions_are_offered_and_used(server: SmtpServer) -> None:
    def send(client: smtplib.SMTP) -> None:
        client.ehlo()
        assert {"pipelining", "size", "8bitmime", "smtputf8", "auth"} <= set(client.esmtp_features)
        client.login("anna@example.de", "geheim")
        client.sendmail(
            "jörg@example.de",
            ["bo@example.org"],
            "Subject: ü\r\n\r\nü".encode(),
            ["SMTPUTF8", "BODY=8BITMIME"],
        )

    await with_smtplib(server, send)
    (received,) = server.sink.received
    assert (received.sender, received.smtputf8, received.body_8bit) == ("jörg@example.de", True, True)
    assert received.data == "Subject: ü\r\n\r\nü\r\n".encode()


async def test_a_wrong_password_is_refused(server: SmtpServer) -> None:
    def send(client: smtplib.SMTP) -> None:
        with pytest.raises(smtplib.SMTPAuthenticationError):
            client.login("anna@example.de", "falsch")

    await with_smtplib(server, send)


def session(**changes: object) -> SmtpSession:
    made = SmtpSession(Sink(login_needed=False, **changes), protected=False)  # type: ignore[arg-type]
    made.receive(b"EHLO here\r\n")
    return made


def test_mail_needs_a_login() -> None:
    plain = SmtpSession(Sink(ACCOUNTS), protected=False)
    plain.receive(b"EHLO here\r\n")
    assert plain.receive(b"MAIL FROM:<a@example.org>\r\n").startswith(b"530")


def test_byte_by_byte_gives_what_one_piece_gives() -> None:
    said = (
        b"MAIL FROM:<a@example.org> SIZE=5\r\nRCPT TO:<b@example.org>\r\nDATA\r\n"
        b"Subject: x\r\n\r\n..dot\r\n.\r\nMAIL FROM:<>\r\nRSET\r\nQUIT\r\n"
    )
    whole, pieces = session(), session()
    expected = whole.receive(said)
    assert b"".join(pieces.receive(said[at : at + 1]) for at in range(len(said))) == expected
    assert [line[:3] for line in expected.splitlines()] == [
        b"250",
        b"250",
        b"354",
        b"250",
        b"250",
        b"250",
        b"221",
    ]
    assert whole.closing


@pytest.mark.parametrize("almost", [b"\n.\n", b"\r\n.\n", b"\n.\r\n", b"\r.\r"])
def test_only_crlf_dot_crlf_ends_a_mail(almost: bytes) -> None:
    sink = Sink(login_needed=False)
    one = SmtpSession(sink, protected=False)
    one.receive(b"EHLO h\r\nMAIL FROM:<a@example.org>\r\nRCPT TO:<b@example.org>\r\nDATA\r\n")
    assert one.receive(b"Subject: x\r\n\r\none" + almost + b"MAIL FROM:<evil@example.org>\r\n") == b""
    one.receive(b"\r\n.\r\n")
    assert len(sink.received) == 1


@pytest.mark.parametrize(
    ("said", "answer"),
    [
        (b"DATA\r\n", b"503"),
        (b"RCPT TO:<a@example.org>\r\n", b"503"),
        (b"MAIL FROM:<a@example.org> SIZE=99999999999\r\n", b"552"),
        (b"MAIL FROM:a@example.org\r\n", b"501"),
        (b"NONSENSE\r\n", b"502"),
        (b"AUTH NONSENSE\r\n", b"504"),
        (b"AUTH PLAIN !\r\n", b"501"),
        (b"x" * 20_000, b"500"),
    ],
)
def test_nonsense_gets_the_right_no(said: bytes, answer: bytes) -> None:
    assert session().receive(said).startswith(answer)


def test_answers_can_be_played() -> None:
    sink = Sink(
        login_needed=False, replies={"RCPT x@example.org": "550 5.1.1 Unknown", ".": "451 4.3.0 Later"}
    )
    one = SmtpSession(sink, protected=False)
    one.receive(b"EHLO h\r\nMAIL FROM:<a@example.org>\r\n")
    assert one.receive(b"RCPT TO:<x@example.org>\r\n").startswith(b"550")
    assert one.receive(b"RCPT TO:<b@example.org>\r\nDATA\r\n").splitlines()[1].startswith(b"354")
    assert one.receive(b"hi\r\n.\r\n").startswith(b"451")
    assert sink.received == []
