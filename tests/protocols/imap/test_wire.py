from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from eilbote.errors import Garbled, Misused
from eilbote.protocols.imap.encode import Literal, astring
from eilbote.protocols.imap.wire import Atom, Value, read_values

CASES: dict[bytes, list[Value]] = {
    b"": [],
    b"a b": [Atom(b"a"), Atom(b"b")],
    b"NIL nil": [None, None],
    b'"NIL"': [b"NIL"],
    b'(a (b "c d") ())': [[Atom(b"a"), [Atom(b"b"), b"c d"], []]],
    rb'"a\"b\\c"': [rb'a"b\c'],
    rb'"\Sent"': [rb"\Sent"],
    rb"(\Seen $x \*)": [[Atom(rb"\Seen"), Atom(b"$x"), Atom(rb"\*")]],
    b"(a)(b)": [[Atom(b"a")], [Atom(b"b")]],
    b"BODY[HEADER.FIELDS (SUBJECT FROM)]<0> x": [Atom(b"BODY[HEADER.FIELDS (SUBJECT FROM)]<0>"), Atom(b"x")],
    b"BODY[] [Gmail]/x [open": [Atom(b"BODY[]"), Atom(b"[Gmail]/x"), Atom(b"[open")],
    b"Entw\xc3\xbcrfe": [Atom("Entwürfe".encode())],
    b"{x} a{3": [Atom(b"{"), Atom(b"x}"), Atom(b"a"), Atom(b"{"), Atom(b"3")],
}


@pytest.mark.parametrize("line", CASES, ids=ascii)
def test_values(line: bytes) -> None:
    values = read_values([line], 0, 5)
    assert values == CASES[line]
    assert [type(one) for one in values] == [type(one) for one in CASES[line]]


def test_literals_stand_where_they_were_announced() -> None:
    frame = [b"* X ({3}", b'a"(', b" ~{1}", b"\0", b" (b {0}", b"", b"))"]
    assert read_values(frame, 4, 5) == [[b'a"(', b"\0", [Atom(b"b"), b""]]]


@pytest.mark.parametrize(
    "frame",
    [[b"(a"], [b"a)"], [b'"open'], [b'"a\\'], [b"a\x01b"], [b"(" * 6 + b")" * 6], [b"x", b"lit", b"y"]],
    ids=ascii,
)
def test_what_is_no_value_is_refused(frame: list[bytes]) -> None:
    with pytest.raises(Garbled):
        read_values(frame, 0, 5)


def test_depth_is_bounded_and_costs_no_recursion() -> None:
    assert read_values([b"(" * 25 + b")" * 25], 0, 25)
    with pytest.raises(Garbled) as caught:
        read_values([b"(" * 60_000], 0, 25)
    assert caught.value.problem.code == "imap.too_deep"


@given(st.text())
def test_every_string_that_is_sent_reads_back_as_itself(text: str) -> None:
    for utf8 in (False, True):
        try:
            piece = astring(text, utf8=utf8)
        except Misused:
            assert any(mark in "\0\r\n" or "\ud800" <= mark <= "\udfff" for mark in text)
            continue
        frame = [b"{%d}" % len(piece.data), piece.data, b""] if isinstance(piece, Literal) else [piece]
        assert read_values(frame, 0, 3) == [text.encode()]


@given(st.binary(max_size=300))
def test_any_line_is_read_or_refused(line: bytes) -> None:
    try:
        read_values([line], 0, 25)
    except Garbled as refusal:
        assert refusal.problem.code.startswith("imap.")
