"""The script of ours on a server: what can be in it, in which order, and how it is known again."""

from __future__ import annotations

from datetime import date

import pytest
from msgspec.structs import replace

from eilbote.sieve.rule import (
    Contact,
    Copy,
    Delete,
    Flagging,
    Mark,
    Move,
    Notify,
    Older,
    OwnScript,
    Rule,
    Subject,
    Where,
)
from eilbote.sieve.script import Script, read_script
from eilbote.sieve.server_script import (
    Chosen,
    Entry,
    Found,
    build_for_server,
    carries,
    choose,
    compared,
    is_ours,
    rule_at,
    unsealed,
)

TODAY = date(2026, 11, 27)
DOVECOT = ("fileinto", "mailbox", "copy", "imap4flags", "variables", "include", "enotify", "envelope", "body")


def moving(name: str, **more: object) -> Rule:
    return replace(Rule(name, (Subject(texts=(name,)),), (Move(name),), stop=True), **more)


def marking(name: str, *, stop: bool = False) -> Rule:
    return Rule(name, (Subject(texts=(name,)),), (Mark(Flagging.FLAGGED),), stop=stop)


HERE = Rule("hier", (Contact(),), (Move("Bekannte"),))


def chosen(*entries: Entry, wanted: frozenset[str] | None = None, alone: bool = True) -> Chosen:
    return choose(entries, DOVECOT, ("mailto",), TODAY, wanted=wanted, alone=alone)


def names(found: Chosen) -> tuple[list[str], dict[str, str]]:
    return [one.name for one in found.entries], {one.name: one.why.code for one in found.stays}


@pytest.mark.parametrize(
    ("entry", "code"),
    [
        (HERE, "knows"),
        (Rule("alt", (Older(days=30),), (Move("Alt"),)), "knows"),
        (Rule("weg", (Subject(texts=("x",)),), (Delete(),)), "deletes"),
        (OwnScript("falsch", "nope;"), "wrong"),
        (OwnScript("eigen", 'require "vnd.eilbote.spam";\nkeep;\n'), "knows"),
        (OwnScript("dazu", 'require "include";\ninclude :personal "x";\n'), "wrong"),
        (OwnScript("zahl", 'require "relational";\nkeep;\n'), "extensions"),
    ],
)
def test_what_stays_here(entry: Entry, code: str) -> None:
    assert names(chosen(entry)) == ([], {entry.name: f"rules.stays.{code}"})


def test_a_way_to_notify_that_the_server_has_not() -> None:
    rule = Rule("sagen", (Subject(texts=("x",)),), (Notify("anna@example.org"),))
    assert names(chosen(rule))[0] == ["sagen"]
    lacking = choose((rule,), DOVECOT, ("xmpp",), TODAY)
    assert lacking.stays[0].why.parameters["extensions"] == "mailto"


def test_a_rule_that_deletes_goes_there_when_named() -> None:
    rule = Rule("Weg", (Subject(texts=("x",)),), (Delete(),))
    assert names(chosen(rule, wanted=frozenset({"weg"}))) == (["Weg"], {})
    assert names(chosen(replace(rule, where=Where.SERVER))) == (["Weg"], {})


def test_none_overtakes_a_rule_that_stays() -> None:
    first, second = moving("a"), moving("b")
    assert names(chosen(first, HERE, second)) == (
        ["a"],
        {"hier": "rules.stays.knows", "b": "rules.stays.behind"},
    )
    assert names(chosen(first, HERE, second, wanted=frozenset({"b"})))[0] == ["b"]
    assert names(chosen(HERE, replace(second, where=Where.SERVER)))[0] == ["b"]


def test_what_keeps_later_rules_from_a_mail_stays_with_them() -> None:
    """The server's stop ends nothing here: the mail would be sorted after all."""
    stopping = marking("a", stop=True)
    script = OwnScript("s", 'if header :contains "subject" "x" { stop; }\n')
    for entry in (stopping, script):
        left = names(chosen(entry, moving("b"), HERE))
        assert left == (
            [],
            {
                entry.name: "rules.stays.stops",
                "b": "rules.stays.behind",
                "hier": "rules.stays.knows",
            },
        )
    assert names(chosen(stopping, moving("b")))[0] == ["a", "b"]
    assert names(chosen(marking("a"), moving("b"), HERE))[0] == ["a", "b"]


def test_rules_for_all_accounts_stay_while_there_are_several() -> None:
    own = moving("b", account="kim@example.de")
    assert names(chosen(own, moving("a"), alone=False)) == (["b"], {"a": "rules.stays.all_accounts"})


def test_what_is_switched_off_does_not_count() -> None:
    off = moving("aus", enabled=False, where=Where.SERVER)
    assert names(chosen(off, moving("a"), OwnScript("nie", "nope;", run=False))) == (["a"], {})


def test_a_script_beside_others_must_leave_their_texts_alone() -> None:
    """With `variables` a text of another rule would be read as one."""
    hard = OwnScript("schwer", 'require "variables";\nset "a" "b";\n')
    assert names(chosen(hard))[0] == ["schwer"]
    assert names(chosen(moving("a"), hard))[1] == {"schwer": "rules.stays.alone"}


SCRIPT = OwnScript("eigenes", 'require ["fileinto"];\nif size :over 1M { fileinto "Groß"; }\n')
ENTRIES: tuple[Entry, ...] = (
    moving("Rechnung"),
    SCRIPT,
    Rule("Zwei", (Subject(texts=("2",)),), (Copy("Zwei"),)),
)


@pytest.mark.parametrize("entries", [ENTRIES, ENTRIES[:1], ENTRIES[1:2]])
def test_it_is_one_script_that_knows_its_rules(entries: tuple[Entry, ...]) -> None:
    text = build_for_server(entries, DOVECOT, TODAY)
    script = read_script(text)
    assert isinstance(script, Script)
    assert "include" not in script.extensions
    assert is_ours(text)
    assert is_ours(text.replace("\n", "\r\n") + "\r\n")
    assert carries(text, ENTRIES) == {one.name for one in entries}
    assert text == build_for_server(entries, DOVECOT, TODAY)


def test_what_is_there_beside_what_is_wanted() -> None:
    text = build_for_server(ENTRIES, DOVECOT, TODAY)
    assert compared(text.replace("\n", "\r\n"), text) is Found.SAME
    assert compared(build_for_server(ENTRIES[:1], DOVECOT, TODAY), text) is Found.OLD
    for foreign in (text.replace("Groß", "Klein"), text.split("\n", 1)[1], "keep;", ""):
        assert compared(foreign, text) is Found.FOREIGN
    assert compared(None, text) is Found.MISSING


def test_a_rule_that_has_changed_since_is_still_there() -> None:
    text = build_for_server(ENTRIES, DOVECOT, TODAY)
    changed = replace(moving("Rechnung"), actions=(Move("Belege"),))
    assert carries(text, (changed, HERE)) == {"Rechnung"}


def test_in_a_foreign_script_what_counts_is_what_it_does() -> None:
    foreign = 'require "fileinto";\n# rule:[Liste]\nif header :contains "subject" "x" { fileinto "A"; }\n'
    same = Rule("Anders genannt", (Subject(texts=("x",)),), (Move("A"),))
    other = Rule("Liste", (Subject(texts=("y",)),), (Move("B"),))
    assert carries(foreign.replace('"A"; }', '"A"; stop; }'), (replace(same, stop=True), other)) == {
        "Anders genannt"
    }


def test_a_line_of_it_belongs_to_a_rule() -> None:
    text = build_for_server(ENTRIES, DOVECOT, TODAY)
    lines = text.split("\n")
    assert rule_at(text, lines.index("# script:[eigenes]") + 3) == "eigenes"
    assert rule_at(text, len(lines)) == "Zwei"
    assert rule_at(text, 1) == ""


def test_without_the_seal_it_is_what_was_sealed() -> None:
    assert unsealed(build_for_server((SCRIPT,), DOVECOT, TODAY)).strip() == SCRIPT.sieve.strip()
    assert unsealed("keep;\n") == "keep;\n"
