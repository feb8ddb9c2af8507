"""Scripts for events in the rule book: what is read, what is refused, and where they have no part."""

from __future__ import annotations

from datetime import date

import pytest

from eilbote.sieve.build import build_script
from eilbote.sieve.rule import Event, OwnScript, Where
from eilbote.sieve.rule_book import judge_book
from eilbote.sieve.rule_edit import with_replaced
from eilbote.sieve.rule_text import entry_text
from eilbote.sieve.script import Script, read_script
from eilbote.sieve.server_script import choose

EVENTS = OwnScript("s", "keep;", on=(Event.COPY, Event.FLAG), mailbox="Steuer")


def test_it_is_written_and_read_and_edited() -> None:
    text = entry_text(EVENTS)
    book, problems = judge_book(text)
    assert (book.entries, problems) == ((EVENTS,), ())
    other = OwnScript("s", "discard;", on=(Event.FLAG,), mailbox="Steuer")
    assert judge_book(with_replaced(f"# oben\n{text}", "s", other))[0].entries == (other,)


@pytest.mark.parametrize(
    ("keys", "code"),
    [
        ('on = ["copy"]', "rules.value_empty"),
        ('mailbox = "Steuer"', "rules.value_empty"),
        ('on = ["delete"]\nmailbox = "Steuer"', "rules.bad_value"),
        ('on = [1]\nmailbox = "Steuer"', "rules.bad_value"),
        ('on = ["copy"]\nmailbox = "Steuer"\nwhere = "server"', "rules.bad_value"),
        ('on = ["append"]\nmailbox = "Inbox"', "rules.bad_value"),
    ],
)
def test_what_is_half_or_wrong_is_refused(keys: str, code: str) -> None:
    _, problems = judge_book(f'[[script]]\nname = "s"\nsieve = "keep;"\n{keys}\n')
    assert [one.problem.code for one in problems] == [code]


@pytest.mark.parametrize("command", ['vacation "weg"', 'reject "nein"', 'ereject "nein"'])
def test_what_answers_a_sender_is_refused_at_its_place(command: str) -> None:
    name = command.partition(" ")[0]
    text = f'require "{name}";\nif true {{\n  {command};\n}}\n'
    found = read_script(text, event=True)
    assert not isinstance(found, Script)
    assert [(one.problem.code, one.at.line, one.at.column) for one in found] == [
        ("sieve.not_for_events", 3, 3)
    ]
    assert isinstance(read_script(text), Script)
    through = read_script('require "include"; include "a";', included={"a": text}, event=True)
    assert not isinstance(through, Script)
    assert [one.script for one in through] == ["a"]


def test_it_judges_no_new_mail_and_goes_to_no_server() -> None:
    today = date(2026, 11, 2)
    assert "include" not in build_script([EVENTS], today)
    assert choose([EVENTS], ["imapsieve"], [], today).entries == ()
    asked = choose([EVENTS], ["imapsieve"], [], today, wanted={"s"})
    assert [one.why.code for one in asked.stays] == ["rules.stays.events"]
    assert EVENTS.where is Where.HERE
