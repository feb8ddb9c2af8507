"""The rule book's text: read strictly with every problem at its line, and written as a person would."""

from __future__ import annotations

import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from eilbote.errors import Misused
from eilbote.sieve.rule import (
    Attachment,
    Copy,
    Delete,
    Flagging,
    HeaderField,
    How,
    Label,
    Larger,
    Mark,
    Match,
    Move,
    Older,
    OwnScript,
    Reply,
    Rule,
    Sender,
    Subject,
    Where,
)
from eilbote.sieve.rule_book import LARGEST, MOST_ENTRIES, judge_book, read_book
from eilbote.sieve.rule_check import faults
from eilbote.sieve.rule_edit import with_entry
from eilbote.sieve.rule_text import entry_text
from tests.sieve.made_rules import RULE

BOOK = """\
# Meine Regeln

# Was vom Steuerberater kommt, gehört in die Buchhaltung.
[[rule]]
name = "Steuerberater"
if = [
    {from = ["@steuerberater.example", "Frau Groß"]},
    {subject = "Rechnung", how = "begins", not = true},   # keine Rechnungen
    {larger = "1.5 MB"},
    {attachment = true},
]
match = "any"
then = [{move = "Buchhaltung"}, {mark = "flagged"}, {label = "steuer"}]
account = "anna@example.org"
where = "server"

[[script]]
name = "eigenes"
run = false
sieve = '''
# [[rule]] hier ist keine
keep;
'''

[[rule]]
name = "Weg"
if = {field = "X-Spam"}
then = {delete = true}
stop = false
enabled = false
"""


def test_a_book_is_read() -> None:
    book = read_book(BOOK)
    first = Rule(
        "Steuerberater",
        (
            Sender(False, ("@steuerberater.example", "Frau Groß")),
            Subject(True, ("Rechnung",), How.BEGINS),
            Larger(False, 3 << 19),
            Attachment(False),
        ),
        (Move("Buchhaltung"), Mark(Flagging.FLAGGED), Label(("steuer",))),
        Match.ANY,
        stop=True,
        account="anna@example.org",
        where=Where.SERVER,
    )
    script = OwnScript("eigenes", "# [[rule]] hier ist keine\nkeep;\n", run=False)
    last = Rule("Weg", (HeaderField(False, ("X-Spam",)),), (Delete(),), stop=False, enabled=False)
    assert book.entries == (first, script, last)
    assert book.of("ANNA@example.org") == book.entries
    assert book.of("ben@example.org") == (script, last)
    assert book.entry("STEUERBERATER") is book.entries[0]
    assert book.entry("anders") is None


def test_an_empty_book_has_no_rules() -> None:
    assert read_book("").entries == read_book("# nichts\n").entries == ()


@given(RULE)
def test_rules_that_are_made_have_no_fault(rule: Rule) -> None:
    assert not [*faults(rule)]


@given(RULE)
def test_every_rule_is_read_as_it_was_written(rule: Rule) -> None:
    assert read_book(entry_text(rule)).entries == (rule,)


@given(st.text(st.characters(exclude_categories=["Cs"]), max_size=60))
def test_every_script_is_read_as_it_was_written(text: str) -> None:
    script = OwnScript("x", text.replace("\r", "\n"))
    assert read_book(entry_text(script)).entries == (script,)


def rule(*lines: str) -> str:
    return "\n".join(("[[rule]]", 'name = "x"', *lines))


MOVE = 'then = [{move = "A"}]'


@pytest.mark.parametrize(
    ("text", "line", "code", "told"),
    [
        (rule('if = [\n{from = "a@b@c"},\n]', MOVE), 4, "bad_value", {"key": "from", "value": "a@b@c"}),
        (rule('if = [{from = "Anna"},\n{form = "Anna"}]', MOVE), 4, "unknown_key", {"key": "form"}),
        (rule('if = [{from = "Anna", to = "Ben"}]', MOVE), 3, "two_in_one", {"key": "to", "other": "from"}),
        (rule("if = [{}]", MOVE), 3, "bad_value", {"key": "if"}),
        (rule('if = "Anna"', MOVE), 3, "bad_value", {"key": "if", "value": "Anna"}),
        (rule("if = [3]", MOVE), 3, "bad_value", {"key": "if", "value": "3"}),
        (rule('if = [{subject = ""}]', MOVE), 3, "value_empty", {"key": "subject"}),
        (rule("if = [{subject = []}]", MOVE), 3, "value_empty", {"key": "subject"}),
        (rule("if = [{subject = 5}]", MOVE), 3, "bad_value", {"key": "subject", "value": "5"}),
        (rule('if = [{subject = "a", how = "like"}]', MOVE), 3, "bad_value", {"key": "how"}),
        (rule('if = [{subject = "a\\u0000"}]', MOVE), 3, "character", {"character": "U+0000"}),
        (rule('if = [{subject = "' + "a" * 1001 + '"}]', MOVE), 3, "value_long", {"limit": "1000"}),
        (rule('if = [{larger = "viel"}]', MOVE), 3, "bad_value", {"key": "larger", "value": "viel"}),
        (rule('if = [{larger = "9999G"}]', MOVE), 3, "bad_value", {"key": "larger"}),
        (rule("if = [{larger = true}]", MOVE), 3, "bad_value", {"key": "larger", "value": "true"}),
        (rule('if = [{older = "0d"}]', MOVE), 3, "bad_value", {"key": "older"}),
        (rule('if = [{before = "2026-02-30"}]', MOVE), 3, "bad_value", {"key": "before"}),
        (rule("if = [{spam = 101}]", MOVE), 3, "bad_value", {"key": "spam"}),
        (rule("if = [{list = false}]", MOVE), 3, "bad_value", {"key": "list", "value": "false"}),
        (rule('if = [{attachment = "image/png/x"}]', MOVE), 3, "bad_value", {"key": "attachment"}),
        (rule('if = [{field = "X Mailer"}]', MOVE), 3, "bad_value", {"key": "field"}),
        (rule('if = [{language = "deutsch!"}]', MOVE), 3, "bad_value", {"key": "language"}),
        (rule('match = "some"', MOVE), 3, "bad_value", {"expected": '"all", "any", "none"'}),
        (rule("stop = 1", MOVE), 3, "bad_value", {"key": "stop"}),
        (rule('sotp = "x"', MOVE), 3, "unknown_key", {"key": "sotp"}),
        (rule('a.b = "x"', MOVE), 3, "unknown_key", {}),
        (rule('account = "anna"', MOVE), 3, "bad_value", {"key": "account"}),
        (rule('then = [{label = "zwei Wörter"}]'), 3, "bad_value", {"key": "label"}),
        (rule('then = [{forward = "nobody"}]'), 3, "bad_value", {"key": "forward"}),
        (rule('then = [{forward = "a@example.org, b@example.org"}]'), 3, "bad_value", {"key": "forward"}),
        (rule('then = [{reply = "weg", days = 0}]'), 3, "bad_value", {"key": "days"}),
        (rule('then = [{mark = "purple"}]'), 3, "bad_value", {"expected": '"read", "flagged"'}),
        (rule("then = [{delete = false}]"), 3, "bad_value", {"key": "delete"}),
        (
            rule('then = [{move = "A"},\n{move = "B"}]'),
            4,
            "contradiction",
            {"first": "move", "second": "move"},
        ),
        (rule('then = [{keep = true},\n{reject = "nein"}]'), 3, "contradiction", {"first": "reject"}),
        (rule('then = [{reply = "a"},\n{reply = "b"}]'), 3, "contradiction", {"first": "reply"}),
        (rule(), 1, "no_action", {"rule": "x"}),
        (rule('where = "server"', 'if = [{older = "3d"}]', MOVE), 3, "here_only", {"key": "older"}),
        (rule('where = "moon"', MOVE), 3, "bad_value", {"key": "where"}),
        ("[[rule]]\n" + MOVE, 1, "value_empty", {"key": "name"}),
        (rule(MOVE) + "\n\n" + rule(MOVE).replace('"x"', '"X"'), 6, "same_name", {"first": "1"}),
        ("[[script]]\nname = 'a'\nsieve = 3", 3, "bad_value", {"key": "sieve"}),
        ("[[script]]\nname = 'a'", 1, "value_empty", {"key": "sieve"}),
        ("\nlimit = 3\n", 2, "unknown_table", {"table": "limit"}),
        (rule(MOVE) + "\n[[rules]]\n", 4, "unknown_table", {"table": "rules"}),
        (rule(MOVE) + "\n[rule.if]\n", 4, "unknown_table", {"table": "[rule.if]"}),
        ("[rule]\nname = 'x'\n", 1, "unknown_table", {"table": "[rule]"}),
        (rule("if = [{from = 'a'\n]", MOVE), 3, "syntax", {}),
        (rule('if = "offen', MOVE), 3, "syntax", {}),
        (rule("if = " + "[" * 100_000), 3, "too_deep", {}),
    ],
)
def test_a_problem_has_its_line_and_key(text: str, line: int, code: str, told: dict[str, str]) -> None:
    _, problems = judge_book(text)
    first = problems[0]
    assert (first.problem.code, first.at.line) == (f"rules.{code}", line)
    assert first.problem.parameters["place"] == f"rules.toml:{line}"
    assert {key: first.problem.parameters[key] for key in told} == told
    with pytest.raises(Misused) as raised:
        read_book(text)
    assert raised.value.problem == first.problem


def test_several_problems_are_told_at_once() -> None:
    _, problems = judge_book(rule('if = [{larger = "x"}, {spam = 0}]', "match = 3", 'then = [{mark = "x"}]'))
    assert [each.problem.parameters["key"] for each in problems] == ["larger", "match", "mark"]


def test_a_book_is_bounded() -> None:
    many = "\n".join(rule(MOVE).replace('"x"', f'"{number}"') for number in range(MOST_ENTRIES + 1))
    assert judge_book(many)[1][0].problem.code == "rules.book_many"
    assert judge_book("#" * (LARGEST + 1))[1][0].problem.code == "rules.book_large"
    assert judge_book("# " + "ü" * (LARGEST // 2))[1][0].problem.code == "rules.book_large"
    assert read_book("#" * LARGEST).entries == ()


@pytest.mark.parametrize(
    "unit",
    [
        "[[rule]]\n",
        '"""',
        "'''",
        '"',
        "{",
        "}",
        "a.",
        "a=1\n",
        "a = {b.",
        "\\",
        "# x\n",
        "[[",
        "a = [1,\n",
        "\x00",
        "€",
    ],
)
def test_hostile_text_is_judged_quickly(unit: str) -> None:
    text = unit * (200_000 // len(unit))
    began = time.process_time()
    judge_book(text)
    judge_book(f'[[rule]]\nname = "x"\nif = {text}')
    assert time.process_time() - began < 5


@settings(max_examples=300)
@given(st.text("[]{}\"'#=.,\n \\arule3", max_size=60))
def test_any_text_is_read_or_judged(text: str) -> None:
    book, problems = judge_book(f"[[rule]]\n{text}")
    assert problems or book.entries


def test_a_book_of_a_thousand_rules_is_read_quickly() -> None:
    text = "\n".join(
        entry_text(
            Rule(
                f"Regel {n}", (Sender(False, (f"@firma{n}.example",)), Older(False, n + 1)), (Move(f"A/{n}"),)
            )
        )
        for n in range(MOST_ENTRIES)
    )
    began = time.process_time()
    assert len(read_book(text).entries) == MOST_ENTRIES
    assert time.process_time() - began < 3


def test_a_new_rule_reads_well() -> None:
    text = with_entry(
        "# Regeln\n",
        Rule(
            "Newsletter",
            (Subject(False, ("Angebot", "Rabatt")), Sender(True, ("chef@example.org",))),
            (Copy("Archiv"), Reply("Danke.\n\nViele Grüße\n", 3)),
            stop=True,
        ),
    )
    assert text == (
        '# Regeln\n\n[[rule]]\nname = "Newsletter"\nif = [\n'
        '    {subject = ["Angebot", "Rabatt"]},\n'
        '    {from = "chef@example.org", not = true},\n]\n'
        'then = [\n    {copy = "Archiv"},\n'
        '    {reply = """\nDanke.\n\nViele Grüße\n""", days = 3},\n]\nstop = true\n'
    )


@pytest.mark.parametrize(
    ("text", "line", "column"),
    [('# x\n[[rule]]\nname = "a"\nif = [{larger = ' + "9" * 5_000 + "}]\n", 4, 17), ("\ufeff# x\n", 1, 1)],
    ids=["a number too long to be read", "a byte order mark"],
)
def test_what_no_reader_takes_has_its_place(text: str, line: int, column: int) -> None:
    book, (problem,) = judge_book(text)
    assert not book.entries
    assert problem.problem.code == "rules.syntax"
    assert (problem.at.line, problem.at.column) == (line, column)
