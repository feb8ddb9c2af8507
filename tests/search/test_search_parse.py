"""Queries as people type them, and as nobody should."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from eilbote.errors import Misused
from eilbote.search.parse import DEEPEST, LONGEST, MOST_TERMS, parse_query
from eilbote.search.values import (
    All,
    Dated,
    Field,
    HasAttachment,
    Inside,
    Mark,
    Marked,
    Node,
    Not,
    Sized,
    Some,
    Words,
)

BERLIN = timezone(timedelta(hours=1))
NOW = datetime(2026, 11, 23, 21, 0, tzinfo=BERLIN)
UNREAD = Not(Marked(Mark.READ))


def parse(text: str) -> Node:
    return parse_query(text, NOW)


def day(year: int, month: int = 1, number: int = 1) -> float:
    return datetime(year, month, number, tzinfo=BERLIN).timestamp()


@pytest.mark.parametrize(
    ("text", "node"),
    [
        ("Rechnung", Words("Rechnung")),
        ("rech*", Words("rech", prefix=True)),
        ('"neue Adresse"', Words("neue Adresse")),
        ('"neue Adr"*', Words("neue Adr", prefix=True)),
        ("E-Mail", Words("E-Mail")),
        ("http://example.org/a", Words("http://example.org/a")),
        ("Re: Angebot", All((Words("Re:"), Words("Angebot")))),
        ("eins zwei", All((Words("eins"), Words("zwei")))),
        ("eins UND zwei", All((Words("eins"), Words("zwei")))),
        ("eins OR zwei", Some((Words("eins"), Words("zwei")))),
        ("a b ODER c", Some((All((Words("a"), Words("b"))), Words("c")))),
        ("a (b OR c)", All((Words("a"), Some((Words("b"), Words("c")))))),
        ("-entwurf", Not(Words("entwurf"))),
        ("a -(b c)", All((Words("a"), Not(All((Words("b"), Words("c"))))))),
        ("-is:unread", Marked(Mark.READ)),
        ('-"zwei Worte"', Not(Words("zwei Worte"))),
        ("from:anna", Words("anna", field=Field.SENDER)),
        ("VON:anna@example.org", Words("anna@example.org", field=Field.SENDER)),
        ('an:"Kim Groß"', Words("Kim Groß", field=Field.RECIPIENT)),
        ("cc:kim", Words("kim", field=Field.COPIED)),
        ("betreff:rech*", Words("rech", prefix=True, field=Field.SUBJECT)),
        ("-subject:spam", Not(Words("spam", field=Field.SUBJECT))),
        ("datei:pdf", Words("pdf", field=Field.FILE)),
        ("has:attachment", HasAttachment()),
        ("hat:anhang", HasAttachment()),
        ("is:unread", UNREAD),
        ("ist:ungelesen", UNREAD),
        ("ist:beantwortet", Marked(Mark.ANSWERED)),
        ("in:Archiv", Inside("Archiv")),
        ('in:"Mein Ordner"', Inside("Mein Ordner")),
        ("larger:5M", Sized(above=5 * 2**20)),
        ("größer:1,5MB", Sized(above=3 * 2**19)),
        ("smaller:700", Sized(below=700)),
        ("kleiner:2GiB", Sized(below=2**31)),
        ("after:2026-11-23", Dated(since=day(2026, 11, 23))),
        ("nach:23.11.2026", Dated(since=day(2026, 11, 23))),
        ("before:2026-11", Dated(until=day(2026, 11))),
        ("vor:2026", Dated(until=day(2026))),
        ("after:7d", Dated(since=NOW.timestamp() - 7 * 86_400)),
        ("seit:2w", Dated(since=NOW.timestamp() - 14 * 86_400)),
        ("after:gestern", Dated(since=day(2026, 11, 22))),
    ],
)  # fmt: skip
def test_what_is_typed_is_what_is_meant(text: str, node: Node) -> None:
    assert parse(text) == node


@pytest.mark.parametrize(
    ("text", "node"),
    [
        ("a)", Words("a")),
        (") a", Words("a")),
        ("(a", Words("a")),
        ("((a) b", All((Words("a"), Words("b")))),
        ("a OR", Words("a")),
        ("OR a", Words("a")),
        ("a OR OR b", Some((Words("a"), Words("b")))),
        ("a - b", All((Words("a"), Words("b")))),
        ("a -- b", All((Words("a"), Words("b")))),
        (":) a", Words("a")),
        ("() a", Words("a")),
        ("from: anna", All((Words("from:"), Words("anna")))),
        ("!!! a ***", Words("a")),
        ("foo:bar", Words("foo:bar")),
    ],
)
def test_slips_are_forgiven(text: str, node: Node) -> None:
    assert parse(text) == node


@pytest.mark.parametrize(
    ("text", "code", "position"),
    [
        ('a "b', "search.open_quote", "3"),
        ("a  before:gestrn", "search.bad_value", "4"),
        ("after:2026-02-31", "search.bad_value", "1"),
        ("after:0000", "search.bad_value", "1"),
        ("before:99999y", "search.bad_value", "1"),
        ("larger:viel", "search.bad_value", "1"),
        ("larger:99999999999G", "search.bad_value", "1"),
        ("x is:schön", "search.bad_value", "3"),
        ("has:humor", "search.bad_value", "1"),
    ],
)
def test_a_value_that_makes_no_sense_is_named_with_its_position(text: str, code: str, position: str) -> None:
    with pytest.raises(Misused) as error:
        parse(text)
    assert error.value.problem.code == code
    assert error.value.problem.parameters["position"] == position


@pytest.mark.parametrize("text", ["", "   ", "!!!", "()", "OR", "-", "*", '""'])
def test_nothing_asked_for_is_said_so(text: str) -> None:
    with pytest.raises(Misused) as error:
        parse(text)
    assert error.value.problem.code == "search.empty"


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("a" * (LONGEST + 1), "search.too_long"),
        ("a " * (MOST_TERMS + 1), "search.too_many"),
        ("(" * (DEEPEST + 1) + "a", "search.too_deep"),
        ("-(" * (DEEPEST + 1) + "a", "search.too_deep"),
    ],
)
def test_queries_are_bounded(text: str, code: str) -> None:
    with pytest.raises(Misused) as error:
        parse(text)
    assert error.value.problem.code == code


def test_while_typing_the_last_word_may_go_on() -> None:
    assert parse_query("neue rech", NOW, growing=True) == All((Words("neue"), Words("rech", prefix=True)))
    assert parse_query("rech ", NOW, growing=True) == Words("rech")
    assert parse_query("from:ann", NOW, growing=True) == Words("ann", prefix=True, field=Field.SENDER)


def test_dates_are_those_of_the_asker() -> None:
    utc = parse_query("after:2026-11-23", datetime(2026, 11, 23, tzinfo=UTC))
    assert utc == Dated(since=day(2026, 11, 23) + 3600)


TYPED = st.text(alphabet=' \t()"*-:.aOR1Mäß\x00\ud800') | st.lists(
    st.sampled_from(
        ['"', "(", ")", "-", "OR", "from:", "after:", "2026", "7d", "*", "a", " ", "in:", "is:read"]
    )
).map("".join)


@given(TYPED | st.text())
@example("-" * LONGEST)
@example(")" * LONGEST)
@example(" " * LONGEST)
def test_any_text_gives_a_tree_or_a_problem_of_the_search(text: str) -> None:
    try:
        parse(text)
    except Misused as error:
        assert error.problem.code.startswith("search.")
