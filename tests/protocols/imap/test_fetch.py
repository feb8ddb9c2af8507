from __future__ import annotations

from itertools import chain

import pytest
from hypothesis import given
from hypothesis import strategies as st

from eilbote.errors import Garbled
from eilbote.protocols.imap.connection import ImapConnection, Reply
from eilbote.protocols.imap.encode import command
from eilbote.protocols.imap.fetch import Fetch
from eilbote.protocols.imap.limits import Limits
from eilbote.protocols.imap.responses import Untagged
from eilbote.protocols.imap.types import FetchedFlags, FetchedMessage
from tests.protocols.imap.deliveries import GREETING, SMALL, feed, mails_of, one_untagged

DATE = b'INTERNALDATE "17-Jul-1996 02:44:25 -0700"'
SECONDS = 837596665.0

ITEMS: dict[bytes, Fetch] = {
    rb"UID 5 FLAGS (\Seen $x)": Fetch(1, 5, frozenset({"\\Seen", "$x"})),
    rb"flags (\Recent \Seen) uid 5": Fetch(1, 5, frozenset({"\\Seen"})),
    b"FLAGS () MODSEQ (12345678901234)": Fetch(1, flags=frozenset(), modseq=12345678901234),
    b"UID 5 MODSEQ (9223372036854775807)": Fetch(1, 5, modseq=2**63 - 1),
    b"UID 5 MODSEQ (9223372036854775808)": Fetch(1, 5),
    b"UID 5 MODSEQ (99999999999999999999999)": Fetch(1, 5),
    DATE: Fetch(1, internal_date=SECONDS),
    b'INTERNALDATE " 7-Jul-1996 02:44:25 -0700"': Fetch(1, internal_date=SECONDS - 10 * 86400),
    b'INTERNALDATE "7-Jul-1996 02:44:25 -0700"': Fetch(1, internal_date=SECONDS - 10 * 86400),
    b'INTERNALDATE "no date at all"': Fetch(1),
    b"RFC822.SIZE 44827": Fetch(1, size=44827),
    b"EMAILID (M6d99ac) THREADID (T64b)": Fetch(1, email_id="M6d99ac", thread_id="T64b"),
    b"THREADID NIL": Fetch(1),
    rb'X-GM-MSGID 1278455344230334865 X-GM-THRID 12 X-GM-LABELS (\Inbox "\\Sent" "\Draft" "a b" {3}'
    b"\r\nx&- Entw&APw-rfe a&b)": Fetch(
        1,
        email_id="1278455344230334865",
        thread_id="12",
        labels=("\\Inbox", "\\Sent", "\\Draft", "a b", "x&", "Entwürfe", "a&b"),
    ),
    b"BODY[] {5}\r\nab\r\nc": Fetch(1, sections={"": b"ab\r\nc"}),
    b"BODY[] NIL": Fetch(1, sections={"": None}),
    b'BODY[TEXT]<0> "abc"': Fetch(1, sections={"TEXT": b"abc"}),
    b"BODY[HEADER.FIELDS (MESSAGE-ID)] {2}\r\n\r\n": Fetch(
        1, sections={"HEADER.FIELDS (MESSAGE-ID)": b"\r\n"}
    ),
    b"BINARY[1] ~{3}\r\n\0\0\0": Fetch(1, sections={"1": b"\0\0\0"}),
    b'RFC822.HEADER "x"': Fetch(1, sections={"HEADER": b"x"}),
    b"X-SOMETHING (1 2) PREVIEW NIL": Fetch(1),
}


def fetched(items: bytes) -> Untagged:
    return one_untagged(b"* 1 FETCH (" + items + b")\r\n")


@pytest.mark.parametrize("items", ITEMS, ids=ascii)
def test_items(items: bytes) -> None:
    assert fetched(items) == ITEMS[items]


@pytest.mark.parametrize(
    "items",
    [
        b"UID",
        b"UID 0",
        b"UID 4294967296",
        b"UID (5)",
        b"FLAGS x",
        b"RFC822.SIZE -1",
        b"RFC822.SIZE 9223372036854775808",
        b"MODSEQ (x)",
        b"BODY[] (a)",
        b'ENVELOPE ("x")',
    ],
    ids=ascii,
)
def test_a_fetch_that_cannot_be_read_is_counted_and_skipped(items: bytes) -> None:
    connection = ImapConnection()
    feed(connection, GREETING)
    connection.send(command("UID FETCH", b"1", b"FLAGS", expects=[Fetch]))
    while connection.data_to_send():
        pass
    (reply,) = feed(connection, b"* 1 FETCH (" + items + b")\r\nE1 OK\r\n")
    assert reply.skipped == 1  # type: ignore[union-attr]
    assert reply.untagged == ()  # type: ignore[union-attr]


def test_too_many_unreadable_fetches_end_the_connection() -> None:
    connection = ImapConnection(Limits(unreadable=3))
    feed(connection, GREETING)
    with pytest.raises(Garbled):
        feed(connection, b"* 1 FETCH (UID 0)\r\n" * 4)


# --- whole mails ------------------------------------------------------------------------------------


def mail(uid: int, raw: bytes, items: bytes = b"") -> bytes:
    head = b"* 1 FETCH (UID %d FLAGS (\\Seen) %s RFC822.SIZE %d %sBODY[] {%d}\r\n" % (
        uid,
        DATE,
        len(raw),
        items,
        len(raw),
    )
    return head + raw + b")\r\n"


def message(uid: int, raw: bytes | None, size: int | None = None, modseq: int = 0) -> FetchedMessage:
    real = len(raw or b"") if size is None else size
    return FetchedMessage(uid, frozenset({"\\Seen"}), SECONDS, real, modseq, raw)


def test_mails_come_with_everything_told() -> None:
    wire = mail(3, b"a: b\r\n\r\nc", b"MODSEQ (77) ") + mail(4, b"") + mail(9, b")\r\n* 1 FETCH (UID 7 ")
    assert mails_of(wire + b"E1 OK\r\n") == [
        message(3, b"a: b\r\n\r\nc", modseq=77),
        message(4, b""),
        message(9, b")\r\n* 1 FETCH (UID 7 "),
    ]


def test_literals_of_every_size_come_back_whole() -> None:
    sizes = [0, 1, 100, 127, 128, 129, 500, 2047, 2048, 2049, 5000]
    wire = b"".join(mail(size + 1, bytes([65 + size % 26]) * size) for size in sizes)
    got = mails_of(wire + b"E1 OK\r\n", limits=SMALL)
    assert [(one.uid, one.raw) for one in got] == [
        (size + 1, bytes([65 + size % 26]) * size) for size in sizes
    ]


def test_an_ok_without_a_body_is_no_empty_mail() -> None:
    plain = b"UID 5 FLAGS (\\Seen) " + DATE + b" RFC822.SIZE 30"
    for body in (b"", b" BODY[] NIL", b' BODY[] ""', b" BODY[] {0}\r\n", b" BODY[TEXT] {2}\r\nxx"):
        got = mails_of(b"* 1 FETCH (" + plain + body + b")\r\nE1 OK\r\n")
        assert got == [message(5, None, size=30)], body


def test_bodies_without_uid_are_counted_and_flags_kept_aside() -> None:
    connection = ImapConnection()
    feed(connection, GREETING)
    connection.send(command("UID FETCH", b"1:*", b"BODY.PEEK[]", streams=""))
    while connection.data_to_send():
        pass
    wire = (
        b"* 1 FETCH (FLAGS () BODY[] {1}\r\nx)\r\n"
        b"* 2 FETCH (UID 8 FLAGS (\\Deleted))\r\n* 3 FETCH (FLAGS ())\r\n* 4 EXPUNGE\r\n* VANISHED 90:91\r\n"
    )
    mails, reply = feed(connection, wire + mail(6, b"y") + b"E1 OK\r\n")
    assert mails == [message(6, b"y")]
    assert reply.skipped == 1  # type: ignore[union-attr]
    news = connection.unsolicited.take()
    assert news.flags == (FetchedFlags(8, frozenset({"\\Deleted"})),)
    assert (news.nameless, news.expunged, str(news.vanished)) == (1, 1, "90:91")


FLAGS = st.sampled_from(
    [b"", b"\\Seen", b"\\Seen \\Recent", b"$Forwarded \\Answered", b"NonJunk", b"odd[flag"]
)
PARTS = st.permutations(["uid", "flags", "date", "size", "modseq", "email"])


@st.composite
def fetch_lines(draw: st.DrawFn) -> bytes:
    """A FETCH of a mail with its items in any order, some missing, some strange."""
    raw = draw(st.binary(max_size=200))
    told = {
        "uid": b"UID %d" % draw(st.sampled_from([0, 1, 77, 2**32 - 1, 2**32])),
        "flags": b"FLAGS (" + draw(FLAGS) + b")",
        "date": draw(
            st.sampled_from([DATE, b'INTERNALDATE "31-Feb-1996 02:44:25 -0700"', b"INTERNALDATE NIL"])
        ),
        "size": b"RFC822.SIZE %d" % draw(st.sampled_from([0, len(raw), 10**9])),
        "modseq": b"MODSEQ (%d)" % draw(st.integers(0, 2**65)),
        "email": draw(st.sampled_from([b"EMAILID (M-1_x)", b"EMAILID NIL"])),
    }
    missing = draw(st.sets(st.sampled_from(sorted(told)), max_size=2))
    words = [told[name] for name in draw(PARTS) if name not in missing]
    section = draw(st.sampled_from([b"", b"HEADER", b"HEADER.FIELDS (MESSAGE-ID)"]))
    literal = b"BODY[%s] {%d}\r\n%s" % (section, len(raw), raw)
    body = draw(st.sampled_from([literal, b"BODY[] NIL", b'BODY[] "x"', b""]))
    if draw(st.booleans()):
        words.append(body)
    else:
        words.insert(draw(st.integers(0, len(words))), body)
    return b"* 12 FETCH (" + b" ".join(word for word in words if word) + b")\r\n"


@given(st.lists(fetch_lines(), max_size=5), st.integers(1, 700))
def test_the_fast_path_and_the_general_reader_agree(lines: list[bytes], step: int) -> None:
    wire = b"".join(lines) + b"E1 OK\r\n"
    outcomes = []
    for fast in (True, False):
        connection = ImapConnection(SMALL)
        connection.fast = fast
        feed(connection, GREETING)
        connection.send(command("UID FETCH", b"1:*", b"BODY.PEEK[]", streams=""))
        while connection.data_to_send():
            pass
        events = list(chain(*(feed(connection, wire[at : at + step]) for at in range(0, len(wire), step))))
        reply = events.pop()
        mails = [one for event in events if isinstance(event, list) for one in event]
        outcomes.append((mails, reply, connection.unsolicited.take()))
    assert outcomes[0] == outcomes[1]


@given(fetch_lines())
def test_plain_answers_are_read_alike_with_and_without_their_short_cut(line: bytes) -> None:
    """A harmless item in front keeps the short cut from matching."""
    head, _, rest = line.partition(b"(")
    assert read_as_answer(line) == read_as_answer(head + b"(X-NONE 1 " + rest)


def read_as_answer(line: bytes) -> tuple[Untagged, ...]:
    connection = ImapConnection(SMALL)
    feed(connection, GREETING)
    connection.send(command("UID FETCH", b"1:*", b"ALL", expects=[Fetch]))
    while connection.data_to_send():
        pass
    (reply,) = feed(connection, line + b"E1 OK\r\n")
    assert isinstance(reply, Reply)
    return reply.untagged


def test_the_fast_path_is_taken() -> None:
    connection = ImapConnection()
    feed(connection, GREETING)
    seen: list[object] = []
    connection.observer = seen.append
    connection.send(command("UID FETCH", b"1:*", b"BODY.PEEK[]", streams=""))
    while connection.data_to_send():
        pass
    wire = b"".join(mail(uid, b"text\r\n" * uid, b"MODSEQ (5) EMAILID (Ma) ") for uid in range(1, 100))
    feed(connection, wire + b"E1 OK\r\n")
    assert len(seen) == 1, "only the tagged response goes through the general reader"
