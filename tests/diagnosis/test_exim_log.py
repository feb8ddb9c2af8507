"""Failures provoked at a real Exim, and found again in what it has logged."""

from __future__ import annotations

import io
import os
import smtplib
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, suppress
from pathlib import Path

import pytest

from eilbote.diagnosis.logs.grouping import Grouping
from eilbote.diagnosis.logs.values import Program
from eilbote.engine.explain_logs import explain
from tests.diagnosis.test_logs import explained
from tests.servers.exim import DOMAIN, Exim, EximMissing
from tests.servers.ports import LOOPBACK

REPLIES = {
    "nobody": "550 5.1.1 <nobody@peer.example>: Recipient address rejected: User unknown",
    "gray": "451 4.7.1 Greylisting in action, please come back later",
    "full": "552 5.2.2 Mailbox full",
    "listed": "554 5.7.1 Service unavailable; Client host [192.0.2.9] blocked using bl.example",
    "spf": "550-5.7.26 This mail is unauthenticated.\r\n550 5.7.26 SPF or DKIM must pass.",
    "big": "552 5.3.4 Message size exceeds fixed limit",
}
SENT = {
    f"a@{DOMAIN}": "recipient.unrouteable",
    f"grey@{DOMAIN}": "temporary.greylisted",
    f"listed@{DOMAIN}": "spam.policy",
    "x@elsewhere.example": "relay.denied",
    f"full@{DOMAIN}": "quota.full",
    f"barred@{DOMAIN}": "server.permission",
    "a@refused.example": "refused.port",
    "a@silent.example": "host_down.timeout",
    "a@closing.example": "server.closed",
    "nobody@peer.example": "recipient.unknown",
    "gray@peer.example": "temporary.greylisted",
    "full@peer.example": "quota.full",
    "listed@peer.example": "spam.listed",
    "spf@peer.example": "spam.unauthenticated",
    "big@peer.example": "size.message",
    "a@notls.example": "tls.required",
    "a@cert.example": "certificate.untrusted",
    "a@nowhere.example": "dns.temporary",
    "a@nix.example": "recipient.unrouteable",
    "a@expired.example": "server.expired",
}
"""What happens to whom one writes, and what is found for it."""


class Peers:
    """Servers of others: one that refuses, one is silent, one hangs up, one answers by REPLIES."""

    def __init__(self, stack: ExitStack) -> None:
        self._stack = stack
        self.refused, self.expired = (self._socket(listening=False) for _ in range(2))
        self.silent = self._socket(listening=True)
        self.closing = self._served(lambda connection: None)
        self.peer = self._served(_answer)

    def _socket(self, *, listening: bool) -> int:
        one = self._stack.enter_context(socket.socket())
        one.bind((LOOPBACK, 0))  # bound without listening: refused, and nobody else gets the port
        if listening:
            one.listen()
        return int(one.getsockname()[1])

    def _served(self, answer: Callable[[socket.socket], None]) -> int:
        listener = self._stack.enter_context(socket.create_server((LOOPBACK, 0)))

        def serve() -> None:
            with suppress(OSError):  # the listener is closed in the end
                while True:
                    connection, _ = listener.accept()
                    with connection, suppress(OSError):
                        answer(connection)

        threading.Thread(target=serve, daemon=True).start()
        return int(listener.getsockname()[1])


def _answer(connection: socket.socket) -> None:
    stream = connection.makefile("rwb")
    told = "220 peer.example ESMTP"
    while told:
        stream.write(f"{told}\r\n".encode())
        stream.flush()
        line = stream.readline().decode()
        told = "250 Ok" if line else ""
        if line.upper().startswith("RCPT"):
            told = REPLIES.get(line.partition("<")[2].partition("@")[0], told)


@pytest.fixture(scope="module")
def exim() -> Iterator[Exim]:
    with ExitStack() as stack:
        peers = Peers(stack)
        ways = {name: getattr(peers, name) for name in ("refused", "expired", "silent", "closing", "peer")}
        routes = {f"{name}.example": f"{LOOPBACK}::{port} smtp" for name, port in ways.items()}
        routes |= {
            "notls.example": f"{LOOPBACK}::{{plain}} strict",
            "cert.example": f"{LOOPBACK}::{{port}} verified",
        }
        try:
            server = Exim(routes)
        except EximMissing as missing:
            pytest.skip(str(missing))
        try:
            yield server
        finally:
            server.remove()


def send(exim: Exim, to: str, sender: str = f"u1@{DOMAIN}", text: str = "Subject: x\r\n\r\nx\r\n") -> None:
    with smtplib.SMTP(LOOPBACK, exim.port, timeout=20) as smtp:
        smtp.ehlo("client.example.net")
        with suppress(smtplib.SMTPResponseException, smtplib.SMTPRecipientsRefused):
            smtp.sendmail(sender, [to], text)


def line_of(exim: Exim, *words: str) -> bytes:
    """The line with these words, as soon as Exim has written it."""
    until = time.monotonic() + 20
    while True:
        for line in exim.log().splitlines():
            if all(word in line for word in words):
                return line.encode()
        if time.monotonic() > until:
            raise AssertionError(f"no line with {words}: {exim.log()[-1500:]}")
        time.sleep(0.05)


def cause(line: bytes) -> str:
    (group,) = explained(line).groups
    assert group.program is Program.EXIM
    return group.cause


@pytest.mark.parametrize(("to", "expected"), SENT.items(), ids=list(SENT))
def test_what_fails_at_exim_has_its_cause(exim: Exim, to: str, expected: str) -> None:
    send(exim, to)
    outcome = f"** {to}: retry timeout" if expected == "server.expired" else f"{to}"
    deadline = time.monotonic() + 20
    found: set[str] = set()
    while expected not in found and time.monotonic() < deadline:
        lines = [line for line in exim.log().splitlines() if outcome in line]
        found = {one.cause for one in explained("\n".join(lines).encode()).groups}
        time.sleep(0.05)
    assert expected in found, exim.log()[-1500:]
    assert found <= {expected, "refused.port"}


@pytest.mark.parametrize(
    ("text", "word", "expected"),
    [
        ("Subject: lottery\r\n\r\nx\r\n", "rejected after DATA", "spam.content"),
        ("Received: by x\r\n" * 9 + "\r\nx\r\n", 'Too many "Received"', "server.loop"),
    ],
)
def test_what_stands_in_a_mail_is_refused(exim: Exim, text: str, word: str, expected: str) -> None:
    send(exim, f"u1@{DOMAIN}", text=text)
    assert cause(line_of(exim, word)) == expected


def test_a_sender_that_cannot_be_checked(exim: Exim) -> None:
    send(exim, f"u1@{DOMAIN}", sender="a@away.example")
    assert cause(line_of(exim, "rejected RCPT", "sender verify")) == "server.uncheckable_sender"
    assert not explained(line_of(exim, "] sender verify defer")).groups  # the line after it counts


def test_a_second_mail_to_a_dead_host_waits(exim: Exim) -> None:
    send(exim, "b@refused.example")
    line_of(exim, "== b@refused.example")
    send(exim, "c@refused.example")
    assert cause(line_of(exim, "== c@refused.example", "retry time")) == "temporary.waiting"
    assert not explained(line_of(exim, " H=127.0.0.1 [127.0.0.1] Connection refused")).groups


def test_a_bounce_that_cannot_be_delivered_is_frozen(exim: Exim) -> None:
    send(exim, "nobody@peer.example", sender="nobody@peer.example")
    line_of(exim, "rozen")
    exim.run_queue()
    for word in ("Frozen (", "Message is frozen"):
        assert cause(line_of(exim, word)) == "server.frozen"


def test_what_clients_do_wrong(exim: Exim) -> None:
    with smtplib.SMTP(LOOPBACK, exim.port, timeout=20) as smtp:
        smtp.ehlo("client.example.net")
        assert smtp.docmd("MAIL", f"FROM:<u1@{DOMAIN}> SIZE=9999999")[0] == 552
    assert cause(line_of(exim, "message too big")) == "size.message"
    with smtplib.SMTP(LOOPBACK, exim.port, timeout=20) as smtp, pytest.raises(smtplib.SMTPException):
        smtp.login("anna", "wrong password")
    line = line_of(exim, "authenticator failed")
    assert cause(line) == "password.rejected"
    assert "anna" not in explained(line).groups[0].example
    smtp = smtplib.SMTP(LOOPBACK, exim.port, timeout=20)
    smtp.ehlo("client.example.net")
    smtp.docmd("STARTTLS")
    assert smtp.sock is not None
    smtp.sock.sendall(b"this is no TLS at all, and not a greeting either\r\n")
    smtp.close()
    assert cause(line_of(exim, "TLS error", "unexpected TLS packet")) == "tls.plain_there"
    with ExitStack() as stack:
        many = [stack.enter_context(socket.create_connection((LOOPBACK, exim.port))) for _ in range(6)]
        assert cause(line_of(exim, "too many connections")) == "connections.limit"
        assert cause(line_of(exim, "SMTP command timeout")) == "host_down.timeout"
    assert len(many) == 6


def test_the_whole_log_is_read_without_a_stumble(exim: Exim) -> None:
    send(exim, f"u1@{DOMAIN}")
    line_of(exim, "=> u1 ")
    log = exim.log().encode()
    told = explain(io.BytesIO(log), lambda count: None)
    assert told.lines == told.failures + told.other
    assert told.programs == (Program.EXIM,)
    assert not [one.example for one in told.groups if one.cause == "server.other"]
    grouping = Grouping()
    for line in log.splitlines():  # what went well is told of no failure
        if any(word in line for word in (b" <= ", b" => ", b" Completed", b"queue run")):
            grouping.add(line)
    assert not grouping.explained().failures


def test_it_is_gone_in_the_end_and_nobody_is_asked(exim: Exim) -> None:
    own = Exim({})
    pid, folder = own.pid, own.folder
    own.remove()
    assert not folder.exists() and not Path(f"/proc/{pid}").exists()
    assert exim.pid != os.getpid()
