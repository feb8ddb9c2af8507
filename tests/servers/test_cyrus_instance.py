"""The private Cyrus itself: each of its switches does what it says."""

from __future__ import annotations

from collections.abc import Callable

from tests.servers.cyrus import SPECIAL_USE, Cyrus, CyrusOptions

Like = Callable[[CyrusOptions], Cyrus]
MAIL = b"From: a@example.org\r\nSubject: Hallo\r\n\r\nText\r\n"


def _mailboxes(server: Cyrus) -> list[str]:
    user, _ = server.new_user()
    with server.imap(user) as client:
        _, lines = client.list()
    return [line.decode() for line in lines if isinstance(line, bytes)]


def _announced(server: Cyrus) -> set[str]:
    user, _ = server.new_user()
    with server.imap(user) as client:
        said = client.capability()[1][-1]
    assert isinstance(said, bytes)
    return set(said.decode().split())


def test_users_are_fresh_and_apart(cyrus: Cyrus) -> None:
    (one, _), (two, _) = cyrus.new_user(), cyrus.new_user()
    cyrus.append(one, [MAIL, MAIL])
    for user, count in ((one, b"2"), (two, b"0")):
        with cyrus.imap(user) as client:
            assert client.select("INBOX")[1] == [count]


def test_special_mailboxes_carry_their_use(cyrus: Cyrus) -> None:
    listed = _mailboxes(cyrus)
    for name in SPECIAL_USE:
        assert any(f"\\{name.lower()}" in line.lower() and line.endswith(f'"/" {name}') for line in listed)


def test_everything_is_announced_and_what_is_hidden_is_not(cyrus: Cyrus, cyrus_like: Like) -> None:
    wanted = {"QRESYNC", "CONDSTORE", "MOVE", "UIDPLUS", "ESEARCH", "LIST-STATUS", "OBJECTID", "IDLE"}
    assert wanted <= _announced(cyrus)
    hidden = frozenset({"QRESYNC", "CONDSTORE", "MOVE"})
    assert not hidden & _announced(cyrus_like(CyrusOptions(hidden=hidden)))


def test_the_classic_namespace(cyrus_like: Like) -> None:
    assert any(
        '"."' in line and line.endswith("INBOX.Sent")
        for line in _mailboxes(cyrus_like(CyrusOptions(classic=True)))
    )


def test_a_new_uidvalidity(cyrus: Cyrus) -> None:
    user, _ = cyrus.new_user()
    cyrus.append(user, [MAIL])
    with cyrus.imap(user) as client:
        _, (before,) = client.status("INBOX", "(UIDVALIDITY MESSAGES)")
    cyrus.renumber(user)
    with cyrus.imap(user) as client:
        _, (after,) = client.status("INBOX", "(UIDVALIDITY MESSAGES)")
    assert isinstance(before, bytes) and isinstance(after, bytes)
    assert before != after
    assert b"MESSAGES 1" in after


def test_restart_keeps_mail_and_port() -> None:
    server = Cyrus()
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
