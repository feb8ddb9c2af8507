"""Nothing that anybody types can begin a line of its own at the server."""

from __future__ import annotations

import random
import re
from collections.abc import Callable, Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from eilbote.errors import EilboteError, Garbled, Misused, NotAllowed
from eilbote.mail.mailbox import MAX_UID, MailboxName, SpecialUse, UidSet
from eilbote.protocols import sasl
from eilbote.protocols.imap import encode, folders, mails, search
from eilbote.protocols.imap import session as flows
from eilbote.protocols.imap.connection import ImapConnection
from eilbote.protocols.imap.dialogue import Dialogue, Flow
from eilbote.protocols.imap.types import Known, StoreMode
from eilbote.secret import Secret
from tests.protocols.imap.deliveries import SMALL, feed

CAPABILITIES = b"IMAP4rev1 UIDPLUS MOVE CONDSTORE QRESYNC ESEARCH ENABLE ID UNSELECT CREATE-SPECIAL-USE QUOTA"

# What a flow needs to be called with one hostile text in each of its places.
COMMANDS: dict[str, Callable[[Dialogue, str], Flow[object]]] = {
    "select": lambda d, t: mails.select(d, MailboxName(t), read_only=False, known=Known(1, 1)),
    "create": lambda d, t: folders.act(d, "CREATE", MailboxName(t)),
    "create-role": lambda d, t: folders.create_for(d, MailboxName(t), SpecialUse.SENT),
    "rename": lambda d, t: folders.act(d, "RENAME", MailboxName("a"), MailboxName(t)),
    "delete": lambda d, t: folders.act(d, "DELETE", MailboxName(t)),
    "subscribe": lambda d, t: folders.act(d, "SUBSCRIBE", MailboxName(t)),
    "exists": lambda d, t: folders.exists(d, MailboxName(t)),
    "status": lambda d, t: folders.count(d, [MailboxName(t)]),
    "quotas": lambda d, t: folders.quotas(d, MailboxName(t)),
    "search-header-name": lambda d, t: mails.search(d, search.Header(t, "x")),
    "search-header": lambda d, t: mails.search(d, search.Header("Message-ID", t)),
    "search-text": lambda d, t: mails.search(d, search.Text("TEXT", t)),
    "search-place": lambda d, t: mails.search(d, search.Text(t, "x")),
    "search-word": lambda d, t: mails.search(d, search.Word(t) | ~search.Word("SEEN")),
    "search-keyword": lambda d, t: mails.search(d, search.Keyword(t) & search.Size("LARGER", 3)),
    "store": lambda d, t: mails.store_flags(UidSet.of([1]), StoreMode.ADD, frozenset({t}), 0),
    "copy": lambda d, t: mails.copy(d, UidSet.of([1]), MailboxName(t)),
    "move": lambda d, t: mails.move(d, UidSet.of([1]), MailboxName(t)),
    "append": lambda d, t: mails.append(d, MailboxName(t), b"x", frozenset({"\\Seen"}), 0.0),
    "append-flag": lambda d, t: mails.append(d, MailboxName("INBOX"), b"x", frozenset({t}), None),
    "login-user": lambda d, t: _login(d, t, "secret"),
    "login-password": lambda d, t: _login(d, "user", t),
}

_SEEDS = (
    "x\r\nE9 LOGOUT\r\n",
    "x\nE9 DELETE INBOX",
    "x\rE9 NOOP",
    "\0",
    'a" "b',
    'x"\r\nE9 EXPUNGE\r\n"',
    "{3}\r\nabc",
    "{3+}\r\nabc",
    "~{1}",
    "\\",
    'a\\"',
    "(",
    ")",
    "*",
    "%",
    "&",
    "&AA0ACg-",
    "\u2028E9 NOOP",
    "\x85E9 NOOP",
    "Entwürfe\r\n",
    "\ud800",
    "",
    " ",
    "\\Seen)\r\nE9 NOOP (",
    "INBOX\r\n",
)


def _login(dialogue: Dialogue, user: str, password: str) -> Flow[object]:
    def start(mechanism: str) -> object:
        raise AssertionError(mechanism)

    login = sasl.Login(user=user, secret=Secret(password), start=start, protected=True)  # type: ignore[arg-type]
    return flows.log_in(dialogue, login)


def hostile_texts(count: int) -> Iterator[str]:
    """The seeds, then as many mixtures of them, the same in every run."""
    yield from _SEEDS
    chance = random.Random(7)
    for _ in range(count - len(_SEEDS)):
        parts = []
        for kind in chance.choices(("seed", "mark", "word"), (5, 3, 1), k=chance.randrange(1, 4)):
            mark = chr(chance.randrange(0x300))
            parts.append({"seed": chance.choice(_SEEDS), "mark": mark, "word": "Word"}[kind])
        yield "".join(parts)


def lines_at_the_server(wire: bytes) -> list[bytes]:
    """The commands that a server reads: literals are skipped by their length, as it does."""
    lines = []
    line = b""
    at = 0
    while at < len(wire):
        end = wire.index(b"\r\n", at)
        piece = wire[at:end]
        at = end + 2
        line += piece
        literal = re.search(rb"\{(\d+)\+?\}\Z", piece)
        if literal:
            at += int(literal[1])
            continue
        lines.append(line)
        line = b""
    assert not line
    return lines


def dialogue(*, utf8: bool, literal: bytes) -> Dialogue:
    connection = ImapConnection(SMALL)
    made = Dialogue(connection, "mail.example.org")
    feed(connection, b"* OK [CAPABILITY " + CAPABILITIES + literal + b"] ready\r\n")
    made._announced(frozenset((CAPABILITIES + literal).decode().upper().split()))
    made.enabled = frozenset({"QRESYNC"} | ({"UTF8=ACCEPT"} if utf8 else set()))
    return made


@pytest.mark.parametrize("name", COMMANDS)
def test_hostile_arguments_never_make_a_line_of_their_own(name: str) -> None:
    sent = 0
    for number, text in enumerate(hostile_texts(5000)):
        talk = dialogue(utf8=number % 2 == 0, literal=b" LITERAL+")
        try:
            commands = next(COMMANDS[name](talk, text))
        except (Misused, NotAllowed):
            continue
        assert isinstance(commands, tuple)
        for one in commands:
            talk.connection.send(one)
        wire = b""
        while data := talk.connection.data_to_send():
            wire += bytes(data)
        lines = lines_at_the_server(wire)
        assert len(lines) == len(commands) == 1, (text, wire)
        assert not re.search(rb"[\0\r\n]", lines[0]), (text, wire)
        assert lines[0].startswith(b"E1 ")
        sent += 1
    assert sent >= 50, "nearly everything was refused, so nothing was tried"


def test_breaks_are_refused_and_named_without_themselves() -> None:
    with pytest.raises(Misused) as caught:
        encode.astring("a\r\nb")
    assert caught.value.problem.code == "imap.argument"
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    "flag", ["", "a b", "\\", "\\\\x", "a(b", 'a"b', "a]b", "a*", "\\*", "\\Recent", "ä", "a\r"]
)
def test_bad_flags_are_refused(flag: str) -> None:
    with pytest.raises(Misused):
        encode.flags({flag})


def test_flags_and_atoms_as_servers_know_them() -> None:
    assert encode.flags({"\\Seen", "$Forwarded", "NonJunk"}) == b"($Forwarded NonJunk \\Seen)"
    assert encode.flags([]) == b"()"
    assert encode.atom("SCRAM-SHA-256") == b"SCRAM-SHA-256"


@given(st.sets(st.integers(1, MAX_UID), min_size=1, max_size=300), st.integers(30, 200))
def test_a_set_is_split_without_loss(uids: set[int], length: int) -> None:
    texts = encode.sequence_sets(UidSet.of(uids), length)
    assert all(len(text) <= length for text in texts)
    together = UidSet()
    for text in texts:
        part = UidSet.parse(text.decode())
        assert not part & together
        together = together | part
    assert together == UidSet.of(uids)


def test_special_sets() -> None:
    assert encode.sequence_sets(UidSet.range(1, MAX_UID)) == [b"1:*"]
    assert encode.sequence_sets(UidSet.range(5, MAX_UID)) == [b"5:4294967295"]
    for empty_or_local in (UidSet(), UidSet.of([-3, 5])):
        with pytest.raises(Misused):
            encode.sequence_sets(empty_or_local)


def test_names_that_the_server_wrote_go_back_as_they_were() -> None:
    for raw in (
        b"Entw\xc3\xbcrfe",
        b"&AGE-",
        b"&broken",
        b"a&b",
        b'q"\\',
        b"\xff\xfe",
        b"Entw&APw-rfe",
        b"tab\there",
    ):
        talk = dialogue(utf8=False, literal=b" LITERAL+")
        name = talk.name_from_wire(raw)
        piece = talk.name_to_wire(name)
        sent = (
            piece.data
            if isinstance(piece, encode.Literal)
            else piece[1:-1].replace(b'\\"', b'"').replace(b"\\\\", b"\\")
        )
        assert sent == raw


def test_a_name_with_line_breaks_from_the_server_is_shown_without_them() -> None:
    talk = dialogue(utf8=False, literal=b"")
    name = talk.name_from_wire(b"a\r\nb")
    assert name == "a\ufffd\ufffdb"
    with pytest.raises(Misused):
        talk.name_to_wire(name)


def test_the_same_name_always_means_the_same_mailbox() -> None:
    talk = dialogue(utf8=False, literal=b"")
    assert {talk.name_from_wire(raw) for raw in (b"INBOX", b"inbox", b"Inbox")} == {"INBOX"}


@given(st.text(max_size=40))
def test_errors_of_the_encoder_are_ours(text: str) -> None:
    for utf8 in (True, False):
        try:
            encode.mailbox(MailboxName(text), utf8=utf8)
        except EilboteError as refusal:
            assert isinstance(refusal, Misused) and not isinstance(refusal, Garbled)
