"""The private Postfix itself: one lives beside another, keeps its mail, and is gone in the end."""

from __future__ import annotations

import smtplib
from collections.abc import Callable
from pathlib import Path

from tests.servers.dovecot import Dovecot
from tests.servers.postfix import Postfix, PostfixOptions

MAIL = b"From: a@example.net\r\nSubject: x\r\n\r\nText\r\n"


def send(postfix: Postfix, address: str) -> None:
    with smtplib.SMTP(postfix.host, postfix.mx_port, timeout=20) as client:
        client.sendmail("a@example.net", [address], MAIL)


def test_it_delivers_and_keeps_what_it_has(
    postfix: Postfix, postfix_like: Callable[[PostfixOptions], Postfix], dovecot: Dovecot
) -> None:
    own = Postfix(dovecot, PostfixOptions(size_limit=50_000))
    try:
        assert own.pid != postfix.pid and own.folder != postfix.folder
        address = own.new_address()
        send(own, address)
        assert own.wait_for(address, 1)[0].endswith(b"\nText\n")
        own.restart()
        send(own, address)
        assert len(own.wait_for(address, 2)) == 2
        own.wait_until_idle()
        assert postfix.delivered(address) == []
        with smtplib.SMTP(own.host, own.mx_port, timeout=20) as client:
            assert client.ehlo()[0] == 250 and client.esmtp_features["size"] == "50000"
    finally:
        pid = own.pid
        own.remove()
    assert not own.folder.exists() and not Path(f"/proc/{pid}").exists()


def test_who_logs_in_is_asked_of_dovecot(postfix: Postfix) -> None:
    user, password = postfix.dovecot.new_user()
    with smtplib.SMTP(postfix.host, postfix.port, timeout=20) as client:
        client.ehlo()
        assert not client.has_extn("auth")
        client.starttls()
        assert client.login(user, password)[0] == 235
    with smtplib.SMTP(postfix.host, postfix.port, timeout=20) as client:
        assert client.mail("a@example.net")[0] == 250
        assert client.rcpt("b@example.com")[0] == 554
