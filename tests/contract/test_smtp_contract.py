"""What our SMTP server and Postfix both do, asked by bare lines: so that the fake stays a fake of this."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.contract.smtp_place import SmtpPlace, fake_place, postfix_place

HEADER = b"From: a@example.net\r\nMessage-ID: <1@example.net>\r\nDate: Mon, 23 Nov 2026 10:00:00 +0000\r\n"
MAIL = HEADER + b"Subject: x\r\n\r\n.dot\r\n..two\r\nend\r\n"
STUFFED = MAIL.replace(b"\r\n.", b"\r\n..")


@pytest.fixture(params=["fake", "postfix"])
def place(request: pytest.FixtureRequest) -> Iterator[SmtpPlace]:
    if request.param == "postfix":
        yield postfix_place(request.getfixturevalue("postfix"))
    else:
        with fake_place() as made:
            yield made


def test_what_is_announced(place: SmtpPlace) -> None:
    with place.talk() as talk:
        told = {line.split()[0] for line in talk.hello()}
        assert {
            "PIPELINING",
            "SIZE",
            "8BITMIME",
            "SMTPUTF8",
            "DSN",
            "ENHANCEDSTATUSCODES",
            "CHUNKING",
        } <= told
        assert "AUTH" not in told and "LIMITS" not in told and "REQUIRETLS" not in told


def test_commands_in_order_and_out_of_order(place: SmtpPlace) -> None:
    address = place.new_address().encode()
    with place.talk() as talk:
        assert talk.ask(b"HELO client.example.net") == ["250"]
        talk.hello()
        assert talk.ask(b"RCPT TO:<" + address + b">", b"DATA", b"RSET") == [
            "503 5.5.1",
            "503 5.5.1",
            "250 2.0.0",
        ]
        assert talk.ask(b"MAIL FROM:<a@example.net>", b"MAIL FROM:<b@example.net>") == [
            "250 2.1.0",
            "503 5.5.1",
        ]
        assert talk.ask(b"DATA") == ["554 5.5.1"]
        assert talk.ask(b"RCPT TO:<" + address + b">", b"RCPT TO:<nobody@example.org>") == [
            "250 2.1.5",
            "550 5.1.1",
        ]
        assert talk.ask(b"NOOP", b"EHLO", b"QUIT") == ["250 2.0.0", "501", "221 2.0.0"]
        assert talk.reply() == ""


def test_a_mail_by_data(place: SmtpPlace) -> None:
    address = place.new_address()
    with place.talk() as talk:
        talk.hello()
        assert talk.ask(b"MAIL FROM:<>", b"RCPT TO:<" + address.encode() + b">", b"DATA")[2] == "354"
        talk.say(STUFFED + b".\r\n")
        assert talk.reply() == "250 2.0.0"
    assert place.delivered(address, 1) == [MAIL.replace(b"\r\n", b"\n")]


def test_mails_and_commands_in_one_go(place: SmtpPlace) -> None:
    """RFC 2920: the end of one mail and the beginning of the next leave together."""
    first, second = place.new_address(), place.new_address()
    with place.talk() as talk:
        talk.hello()
        begin = b"MAIL FROM:<a@example.net>\r\nRCPT TO:<%b>\r\nDATA\r\n"
        talk.say(begin % first.encode())
        assert [talk.reply() for _ in range(3)] == ["250 2.1.0", "250 2.1.5", "354"]
        talk.say(STUFFED, b".\r\n", begin % second.encode())
        assert [talk.reply() for _ in range(4)] == ["250 2.0.0", "250 2.1.0", "250 2.1.5", "354"]
        talk.say(STUFFED, b".\r\n", b"QUIT\r\n")
        assert [talk.reply() for _ in range(3)] == ["250 2.0.0", "221 2.0.0", ""]
    assert place.delivered(first, 1) == place.delivered(second, 1) == [MAIL.replace(b"\r\n", b"\n")]


def test_whole_mails_in_chunks_in_one_go(place: SmtpPlace) -> None:
    """RFC 3030: what is refused takes its octets with it, and the next mail is its own."""
    first, second = place.new_address(), place.new_address()
    with place.talk() as talk:
        talk.hello()
        begin = b"RSET\r\nMAIL FROM:<a@example.net>\r\nRCPT TO:<%b>\r\nBDAT %d LAST\r\n%b"
        smuggled = b"QUIT\r\nMAIL FROM:<evil@example.net>\r\n.\r\n"
        talk.say(
            begin % (first.encode(), len(MAIL), MAIL),
            begin % (b"nobody@example.org", len(smuggled), smuggled),
            begin % (second.encode(), len(MAIL), MAIL),
        )
        ok = ["250 2.0.0", "250 2.1.0", "250 2.1.5", "250 2.0.0"]
        refused = ["250 2.0.0", "250 2.1.0", "550 5.1.1", "554 5.5.1"]
        assert [talk.reply() for _ in range(12)] == ok + refused + ok
    assert place.delivered(first, 1) == place.delivered(second, 1) == [MAIL.replace(b"\r\n", b"\n")]


def test_chunks_of_one_mail(place: SmtpPlace) -> None:
    address = place.new_address()
    with place.talk() as talk:
        talk.hello()
        assert talk.ask(b"BDAT 0 LAST") == ["503 5.5.1"]
        assert (
            talk.ask(b"MAIL FROM:<a@example.net>", b"RCPT TO:<" + address.encode() + b">")[1] == "250 2.1.5"
        )
        half = len(MAIL) // 2
        talk.say(b"BDAT %d\r\n" % half, MAIL[:half])
        assert talk.reply() == "250 2.0.0"
        assert talk.ask(b"DATA") == ["503 5.5.1"]
        talk.say(b"BDAT %d\r\n" % (len(MAIL) - half), MAIL[half:], b"BDAT 0 LAST\r\n")
        assert [talk.reply(), talk.reply()] == ["250 2.0.0", "250 2.0.0"]
    assert place.delivered(address, 1) == [MAIL.replace(b"\r\n", b"\n")]


@pytest.mark.parametrize(
    ("command", "code"),
    [
        (b"MAIL FROM:<a@example.net> SIZE=1000", "250 2.1.0"),
        (b"MAIL FROM:<a@example.net> SIZE=99999999", "552 5.3.4"),
        (b"MAIL FROM:<a@example.net> BODY=8BITMIME SMTPUTF8", "250 2.1.0"),
        (b"MAIL FROM:<a@example.net> RET=HDRS ENVID=a+2Bb", "250 2.1.0"),
        (b"MAIL FROM:<a@example.net> REQUIRETLS", "555 5.5.4"),
        ("MAIL FROM:<jörg@example.net> SMTPUTF8".encode(), "250 2.1.0"),
        (b"MAIL FRM:<a@example.net>", "501 5.5.4"),
    ],
)
def test_what_may_be_said_of_a_sender(place: SmtpPlace, command: bytes, code: str) -> None:
    with place.talk() as talk:
        talk.hello()
        assert talk.ask(command) == [code]


def test_what_may_be_said_of_a_recipient(place: SmtpPlace) -> None:
    address = place.new_address().encode()
    with place.talk() as talk:
        talk.hello()
        said = b" NOTIFY=SUCCESS,DELAY ORCPT=rfc822;b+2Bc@example.org"
        assert talk.ask(b"MAIL FROM:<a@example.net>", b"RCPT TO:<" + address + b">" + said) == [
            "250 2.1.0",
            "250 2.1.5",
        ]


def test_an_unknown_command_changes_nothing(place: SmtpPlace) -> None:
    address = place.new_address().encode()
    with place.talk() as talk:
        talk.hello()
        told = talk.ask(
            b"MAIL FROM:<a@example.net>", b"NONSENSE", b"STARTTLSX", b"RCPT TO:<" + address + b">"
        )
        assert [told[0], told[3]] == ["250 2.1.0", "250 2.1.5"]
        assert {one[:2] for one in told[1:3]} == {"50"}
