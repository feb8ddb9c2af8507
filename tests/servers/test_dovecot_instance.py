"""The private Dovecot itself: each of its switches does what it says."""

from __future__ import annotations

import hashlib
import imaplib
import socket
import ssl
from collections.abc import Callable

import pytest

from tests.servers.dovecot import Dovecot
from tests.servers.dovecot_settings import DovecotOptions

Like = Callable[[DovecotOptions], Dovecot]
MAIL = b"From: a@example.org\r\nSubject: Hallo\r\n\r\nText\r\n"


def _capabilities(server: Dovecot) -> set[str]:
    user, _ = server.new_user()
    with server.imap(user) as client:
        _, said = client.capability()
    assert isinstance(said[0], bytes)
    return set(said[0].decode().split())


def _mailboxes(server: Dovecot) -> list[str]:
    user, _ = server.new_user()
    with server.imap(user) as client:
        _, lines = client.list()
    return [line.decode() for line in lines if isinstance(line, bytes)]


def test_users_are_fresh_and_apart(dovecot: Dovecot) -> None:
    (one, _), (two, _) = dovecot.new_user(), dovecot.new_user()
    dovecot.append(one, [MAIL, MAIL])
    with dovecot.imap(one) as client:
        assert client.select("INBOX")[1] == [b"2"]
    with dovecot.imap(two) as client:
        assert client.select("INBOX")[1] == [b"0"]


def test_changed_password_refuses_the_old_one(dovecot: Dovecot) -> None:
    user, old = dovecot.new_user()
    dovecot.set_password(user, "another-password")
    with pytest.raises(imaplib.IMAP4.error), dovecot.imap(user, old):
        pass
    with dovecot.imap(user, "another-password") as client:
        assert client.state == "AUTH"


def test_tls_with_the_private_authority(dovecot: Dovecot) -> None:
    context = ssl.create_default_context(cafile=str(dovecot.ca_file))
    with (
        socket.create_connection((dovecot.host, dovecot.tls_port)) as plain,
        context.wrap_socket(plain, server_hostname="localhost") as secure,
    ):
        leaf = secure.getpeercert(binary_form=True)
    assert leaf is not None
    assert hashlib.sha256(leaf).hexdigest() == dovecot.fingerprint


def test_required_tls_disables_login_before_starttls(dovecot_tls: Dovecot) -> None:
    user, password = dovecot_tls.new_user()
    client = imaplib.IMAP4(dovecot_tls.host, dovecot_tls.port)
    assert "LOGINDISABLED" in client.capabilities
    client.starttls(ssl.create_default_context(cafile=str(dovecot_tls.ca_file)))
    client.login(user, password)
    client.logout()


def test_everything_is_announced(dovecot: Dovecot) -> None:
    assert {"QRESYNC", "CONDSTORE", "MOVE", "UIDPLUS", "ESEARCH", "LIST-STATUS"} <= _capabilities(dovecot)


def test_hidden_capabilities_are_gone_and_the_others_stay(dovecot_like: Like) -> None:
    hidden = frozenset({"QRESYNC", "CONDSTORE", "MOVE", "UIDPLUS", "ESEARCH", "LIST-STATUS"})
    seen = _capabilities(dovecot_like(DovecotOptions(hidden=hidden)))
    assert not hidden & seen
    assert {"IDLE", "NAMESPACE", "SPECIAL-USE"} <= seen


@pytest.mark.parametrize("form", ["mdbox", "maildir"])
def test_other_formats_take_mail(dovecot_like: Like, form: str) -> None:
    options = DovecotOptions(format="mdbox") if form == "mdbox" else DovecotOptions(format="maildir")
    server = dovecot_like(options)
    user, _ = server.new_user()
    server.append(user, [MAIL])
    assert (server.mail_folder(user) / form).is_dir()
    assert server.doveadm("mailbox", "status", "-u", user, "messages", "INBOX").split() == [
        "INBOX",
        "messages=1",
    ]


def test_special_mailboxes_carry_their_use(dovecot: Dovecot) -> None:
    assert any("\\Sent" in line and line.endswith("Sent") for line in _mailboxes(dovecot))


def test_prefix_and_separator_of_courier(dovecot_like: Like) -> None:
    server = dovecot_like(DovecotOptions(format="maildir", separator=".", prefix="INBOX."))
    assert any('"."' in line and line.endswith("INBOX.Sent") for line in _mailboxes(server))


def test_quota_and_compression_are_announced(dovecot_like: Like) -> None:
    server = dovecot_like(DovecotOptions(quota_mib=5, compress=True))
    assert {"QUOTA", "COMPRESS=DEFLATE"} <= _capabilities(server)
    user, _ = server.new_user()
    with server.imap(user) as client:
        answer, said = client.append("INBOX", "", "", MAIL + b"x" * 6_000_000)
    assert answer == "NO"
    assert b"OVERQUOTA" in bytes(said[0])


def test_connections_of_one_user_are_limited(dovecot_like: Like) -> None:
    server = dovecot_like(DovecotOptions(connections=1))
    user, password = server.new_user()
    with server.imap(user):
        client = imaplib.IMAP4(server.host, server.port)
        with pytest.raises(imaplib.IMAP4.error, match="connections"):
            client.login(user, password)
        client.shutdown()


def test_restart_keeps_mail_and_port() -> None:
    server = Dovecot()
    try:
        user, _ = server.new_user()
        server.append(user, [MAIL])
        before = server.port
        server.restart()
        assert server.port == before
        with server.imap(user) as client:
            assert client.select("INBOX")[1] == [b"1"]
    finally:
        server.remove()
    assert not server.folder.exists()
