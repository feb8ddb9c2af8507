"""Failures provoked at a real Postfix and a real Dovecot, and found again in what they have logged."""

from __future__ import annotations

import imaplib
import smtplib
import socket
import time

import pytest

from tests.diagnosis.test_logs import explained
from tests.servers.dovecot import Dovecot
from tests.servers.ports import LOOPBACK
from tests.servers.postfix import DOMAIN, Postfix


def causes_in(log: str) -> set[str]:
    return {one.cause for one in explained(log.encode()).groups}


def waited_for(read: object, cause: str) -> set[str]:
    """What is in the log as soon as this cause is; servers write a moment after they have answered."""
    until = time.monotonic() + 15
    while True:
        found = causes_in(read())  # type: ignore[operator]
        if cause in found or time.monotonic() > until:
            return found
        time.sleep(0.1)


def test_what_postfix_refuses_is_explained(postfix: Postfix) -> None:
    with smtplib.SMTP(LOOPBACK, postfix.mx_port) as smtp:
        smtp.ehlo("client.example.net")
        smtp.mail("kim@example.net")
        assert smtp.rcpt(f"nobody@{DOMAIN}")[0] == 550
        assert smtp.rcpt("kim@elsewhere.example")[0] in (454, 554)
    assert {"recipient.unknown", "relay.denied"} <= waited_for(postfix.log, "relay.denied")


def test_a_bounce_and_a_broken_handshake_of_postfix_are_explained(postfix: Postfix) -> None:
    with smtplib.SMTP(LOOPBACK, postfix.mx_port) as smtp:
        smtp.ehlo("client.example.net")
        smtp.docmd("STARTTLS")
        assert smtp.sock is not None
        smtp.sock.sendall(b"this is no TLS at all, and not a greeting either\r\n")
    found = waited_for(postfix.log, "tls.plain_there")
    assert found & {"tls.plain_there", "tls.handshake", "tls.no_common"}, postfix.log()[-800:]


def test_a_refused_login_at_dovecot_is_explained(dovecot: Dovecot) -> None:
    user, _ = dovecot.new_user()
    with imaplib.IMAP4(LOOPBACK, dovecot.port) as imap, pytest.raises(imaplib.IMAP4.error):
        imap.login(user, "wrong password")
    with socket.create_connection((LOOPBACK, dovecot.port)):
        pass
    found = waited_for(dovecot.log, "password.rejected")
    assert "password.rejected" in found, dovecot.log()[-800:]
    told = explained(dovecot.log().encode())
    assert all(user not in one.example for one in told.groups if one.cause == "password.rejected")


def test_the_logs_of_whole_test_runs_are_read_without_a_stumble(dovecot: Dovecot, postfix: Postfix) -> None:
    for log in (dovecot.log(), postfix.log()):
        told = explained(log.encode())
        assert told.lines == log.count("\n")
        assert told.failures + told.other + told.unknown == told.lines
        assert told.unknown <= told.lines // 10, log[:1500]
