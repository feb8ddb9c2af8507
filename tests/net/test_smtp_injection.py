"""300 attempts to put a second mail, another recipient or another header in: one mail each arrives at
Postfix, with the header it was given, or nothing is sent at all."""

from __future__ import annotations

from collections.abc import Callable
from itertools import product

import pytest

from eilbote.clock import SystemClock
from eilbote.net.smtp import SmtpSession
from eilbote.net.terms import Terms
from eilbote.protocols.smtp.types import Mail, Recipient
from eilbote.store.values import Security, Server
from tests.contract.smtp_place import without_trace
from tests.net.test_smtp_session import Kept
from tests.servers.postfix import Postfix, PostfixOptions

SENDER = "a@example.net"
HEADER = (
    b"From: a@example.net\r\nDate: Mon, 23 Nov 2026 10:00:00 +0000\r\nMessage-ID: <1@example.net>\r\n"
    b"Subject: x\r\n\r\n"
)
SMUGGLED = b"MAIL FROM:<evil@example.net>\r\nRCPT TO:<%b>\r\nDATA\r\nX-Evil: 1\r\n\r\nevil\r\n.\r\n"

LINE_ENDS = [b"\r\n", b"\n", b"\r", b"\r\r\n", b"\n\r", b"\r\n\r\n"]
DOTS = [b".", b"..", b". ", b".\t", b".\xc2\x85"]
BREAKS = ["\r\n", "\n", "\r", "\0", "\u2028", "\x85", "\x0b", "\x0c", "\u560d\u560a"]
COMMANDS = [
    "{}RCPT TO:<{}>",
    ">{}RCPT TO:<{}>",
    ">{}DATA{}",
    "> NOTIFY=NEVER{}RSET{}",
    '"{}RCPT TO:<{}>"',
    "{}.{}",
    "{}X-Evil: {}",
]

CONTENTS = [
    before + dot + after for before, dot, after in product(LINE_ENDS, DOTS, LINE_ENDS)
]  # 180 ends of a mail that are none
ADDRESSES = [
    (part, template.format(end, "u-evil@example.org"))
    for part, template, end in product(("sender", "recipient"), COMMANDS, BREAKS)
]  # 126 of them


def normal(content: bytes) -> bytes:
    """What must arrive: every line end one line end, as Postfix stores it."""
    return content.replace(b"\r\n", b"\n").replace(b"\r", b"\n")


@pytest.mark.parametrize("hidden", [(), ("chunking",)])
async def test_no_content_holds_a_second_mail(
    postfix_like: Callable[..., Postfix], hidden: tuple[str, ...]
) -> None:
    postfix = postfix_like(PostfixOptions(hidden=hidden))
    address, evil = postfix.new_address(), postfix.new_address()
    contents = [HEADER + b"text" + end + SMUGGLED % evil.encode() + b"end" for end in CONTENTS]
    mails = [Mail(key, SENDER, (Recipient(address),), one) for key, one in enumerate(contents)]
    kept = Kept()
    session = await opened(postfix)
    assert await session.send(mails, kept) is None
    await session.quit()
    assert all(one.is_sent for one in kept.results.values())
    arrived = postfix.wait_for(address, len(contents))
    assert sorted(map(without_trace, arrived)) == sorted(normal(one) + b"\n" for one in contents)
    postfix.wait_until_idle()
    assert postfix.delivered(evil) == []


async def test_no_address_holds_a_second_command(postfix: Postfix) -> None:
    address = postfix.new_address()
    mails = []
    for key, (part, hostile) in enumerate(ADDRESSES):
        sender = f"a{hostile}@example.net" if part == "sender" else SENDER
        to = address if part == "sender" else address.replace("@", f"{hostile}@")
        mails.append(Mail(key, sender, (Recipient(to),), HEADER + b"text\r\n"))
        mails.append(Mail(1000 + key, SENDER, (Recipient(address, original=to),), HEADER, envelope_id=sender))
    mails.append(Mail(5000, SENDER, (Recipient(address),), HEADER + b"the good one\r\n"))
    kept = Kept()
    session = await opened(postfix)
    before = session.bytes_sent
    assert await session.send(mails, kept) is None
    await session.quit()
    sent = {key for key, one in kept.results.items() if one.is_sent}
    # Printable letters are no danger as an original recipient: they leave as `\x{560D}`.
    harmless = {
        1000 + key for key, (part, text) in enumerate(ADDRESSES) if part != "sender" and letters(text)
    }
    assert sent == {5000} | harmless
    codes = {one.problem.code for one in kept.results.values() if one.problem is not None}
    assert codes <= {"smtp.address", "smtp.argument"}
    assert session.bytes_sent - before < 500 * len(sent), "nothing of the others was sent"
    arrived = [without_trace(raw) for raw in postfix.wait_for(address, len(sent))]
    assert len(arrived) == len(sent)
    assert set(arrived) == {normal(HEADER), normal(HEADER + b"the good one\r\n")}
    postfix.wait_until_idle()
    assert postfix.delivered("u-evil@example.org") == []


def letters(text: str) -> bool:
    return text.isprintable() and not text.isascii()


def test_there_are_300_of_them() -> None:
    assert len(CONTENTS) + len(ADDRESSES) >= 300


async def opened(postfix: Postfix) -> SmtpSession:
    server = Server(postfix.host, postfix.mx_port, Security.NONE)
    return await SmtpSession.open(server, None, Terms(SystemClock(), connect_timeout=20))
