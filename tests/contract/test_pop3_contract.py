"""What our POP3 server and Dovecot's both do, asked by the standard library's client and by bare lines."""

from __future__ import annotations

import poplib
import re
import socket
from collections.abc import Iterator

import pytest

from tests.contract.pop3_place import Pop3Place, dovecot_place, fake_place

MAILS = [
    b"Subject: eins\r\n\r\nText\r\n.ein Punkt\r\n..zwei\r\n.\r\nEnde\r\n",
    b"Subject: zwei\r\nX: 1\r\n\r\n" + b"Zeile\r\n" * 20,
    b"Subject: drei\r\n\r\nohne Zeilenende",
]


@pytest.fixture(params=["fake", "dovecot"])
def place(request: pytest.FixtureRequest) -> Iterator[Pop3Place]:
    if request.param == "dovecot":
        yield dovecot_place(request.getfixturevalue("dovecot_pop3"))
    else:
        with fake_place() as made:
            yield made


@pytest.fixture
def filled(place: Pop3Place) -> Pop3Place:
    place.deliver(MAILS)
    return place


def lines(place: Pop3Place, *commands: str, login: bool = True) -> list[str]:
    """Sends commands together and gives the first lines of the answers: their status, codes included."""
    words = [f"USER {place.user}", f"PASS {place.password}"] if login else []
    with socket.create_connection((place.host, place.port), timeout=20) as line:
        line.sendall("".join(f"{word}\r\n" for word in (*words, *commands, "QUIT")).encode())
        told = b"".join(iter(lambda: line.recv(65536), b"")).decode()
    statuses = re.findall(r"^(\+OK|-ERR|\+ )(?: (\[[A-Z/-]+\]))?", told, re.MULTILINE)
    return [f"{status}{f' {code}' if code else ''}" for status, code in statuses][1 + len(words) : -1]


def test_stat_list_and_uidl_agree(filled: Pop3Place) -> None:
    client = filled.client()
    count, size = client.stat()
    sizes = [line.decode().split() for line in client.list()[1]]
    uidls = [line.decode().split() for line in client.uidl()[1]]
    client.quit()
    assert count == len(sizes) == len(uidls) == 3
    assert [number for number, _ in sizes] == [number for number, _ in uidls] == ["1", "2", "3"]
    assert sum(int(each) for _, each in sizes) == size == sum(map(len, MAILS))
    assert len({uidl for _, uidl in uidls}) == 3
    again = filled.client()
    assert [line.decode().split() for line in again.uidl()[1]] == uidls, "ids outlive the session"
    again.quit()


def test_mails_come_as_they_are(filled: Pop3Place) -> None:
    assert filled.left() == [MAILS[0], MAILS[1], MAILS[2] + b"\r\n"]


def test_top_gives_the_header_and_so_many_lines(filled: Pop3Place) -> None:
    client = filled.client()
    assert client.top(2, 0)[1] == [b"Subject: zwei", b"X: 1", b""]
    assert client.top(2, 2)[1] == [b"Subject: zwei", b"X: 1", b"", b"Zeile", b"Zeile"]
    client.quit()


def test_only_quit_deletes(filled: Pop3Place) -> None:
    client = filled.client()
    client.dele(1)
    client.close()
    assert len(filled.left()) == 3
    client = filled.client()
    client.dele(2)
    client.rset()
    client.dele(1)
    assert client.stat()[0] == 2
    client.quit()
    assert filled.left() == [MAILS[1], MAILS[2] + b"\r\n"]


def test_numbers_that_are_not_there(filled: Pop3Place) -> None:
    asked = ("RETR 4", "RETR 0", "DELE 9", "TOP 9 0", "LIST 9", "UIDL 9", "RETR x")
    assert lines(filled, *asked) == ["-ERR"] * 7


def test_a_deleted_mail_is_not_there_any_more(filled: Pop3Place) -> None:
    assert lines(filled, "DELE 1", "DELE 1", "RETR 1", "LIST 1", "RSET", "LIST 1") == [
        *("+OK", "-ERR", "-ERR", "-ERR"),
        *("+OK", "+OK"),
    ]


def test_before_the_login_nothing_is_told(place: Pop3Place) -> None:
    # At most two of a kind at once: Dovecot hangs up on whoever goes on.
    assert lines(place, "STAT", "LIST", login=False) == ["-ERR"] * 2
    assert lines(place, "RETR 1", "DELE 1", login=False) == ["-ERR"] * 2


def test_a_wrong_password_is_an_error_of_login(place: Pop3Place) -> None:
    assert lines(place, f"USER {place.user}", "PASS falsch", login=False) == ["+OK", "-ERR [AUTH]"]


def test_capabilities(place: Pop3Place) -> None:
    client = poplib.POP3(place.host, place.port, timeout=20)
    before = client.capa()
    client.user(place.user)
    client.pass_(place.password)
    after = client.capa()
    client.quit()
    common = {"CAPA", "TOP", "UIDL", "RESP-CODES", "PIPELINING", "AUTH-RESP-CODE"}
    assert common | {"USER", "SASL"} <= before.keys()
    assert common <= after.keys() and not {"STLS", "USER", "SASL"} & after.keys()
    assert {"PLAIN", "LOGIN", "SCRAM-SHA-256"} <= set(before["SASL"])


def test_an_empty_maildrop(place: Pop3Place) -> None:
    client = place.client()
    assert client.stat() == (0, 0)
    assert client.list()[1] == client.uidl()[1] == []
    client.quit()
