"""Scripts that are grammatical and wrong: what is said of them, and where."""

from __future__ import annotations

import pytest

from eilbote.sieve.script import Script, read_script
from eilbote.sieve.values import Limits
from eilbote.sieve.vocabulary import COMMANDS, TESTS

# A script, then line, column and code of each problem.
WRONG = [
    # names
    ("kep;", [(1, 1, "unknown_command")]),
    ("if tru { keep; }", [(1, 4, "unknown_test")]),
    ('header "a" "b";', [(1, 1, "test_as_command")]),
    ("if keep { stop; }", [(1, 4, "command_as_test")]),
    ("if anyof (true, tru, not fals) {}", [(1, 17, "unknown_test"), (1, 26, "unknown_test")]),
    # require
    ('require "fileinto2";', [(1, 9, "unknown_extension")]),
    ('require ["fileinto", "x", "copy", "y"];', [(1, 22, "unknown_extension"), (1, 35, "unknown_extension")]),
    ('fileinto "A";', [(1, 1, "missing_require")]),
    ('require "fileinto";\nfileinto :copy "A";', [(2, 10, "missing_require")]),
    ('if header :regex "a" "b" {}', [(1, 11, "missing_require")]),
    ('if header :count "eq" "a" "1" {}', [(1, 11, "missing_require")]),
    ('if address :user "from" "b" {}', [(1, 12, "missing_require")]),
    ('if header :comparator "i;ascii-numeric" "a" "1" {}', [(1, 23, "missing_require")]),
    ('require "variables"; set :encodeurl "a" "b";', [(1, 26, "missing_require")]),
    ('keep; require "fileinto";', [(1, 7, "require_late")]),
    ('if true { require "fileinto"; }', [(1, 11, "require_late")]),
    ('require "fileinto" { keep; }', [(1, 1, "argument_extra")]),
    ("require 1;", [(1, 9, "wants_list")]),
    ("require;", [(1, 1, "argument_missing")]),
    # order and blocks
    ("else { keep; }", [(1, 1, "else_without_if")]),
    ("if true {} keep; elsif true {}", [(1, 18, "else_without_if")]),
    ("if true {} else {} else {}", [(1, 20, "else_without_if")]),
    ("if true;", [(1, 1, "block_missing")]),
    ("keep { stop; }", [(1, 1, "block_extra")]),
    ("if {}", [(1, 1, "test_missing")]),
    ("if not {} {}", [(1, 11, "unexpected")]),
    ("if not { keep; }", [(1, 4, "test_missing")]),
    ("stop true;", [(1, 6, "test_extra")]),
    ("if true false {}", [(1, 9, "test_extra")]),
    ("stop keep;", [(1, 6, "missing_semicolon")]),
    ("if (true) {}", [(1, 5, "one_test")]),
    ("if not (true, false) {}", [(1, 9, "one_test")]),
    ("if anyof true {}", [(1, 10, "tests_in_brackets")]),
    ("if allof {}", [(1, 4, "test_missing")]),
    ("else true {}", [(1, 1, "else_without_if"), (1, 6, "test_extra")]),
    # tags
    ("keep :now;", [(1, 6, "unknown_tag")]),
    ('if header :is :is "a" "b" {}', [(1, 15, "tag_twice")]),
    ('if header :is :contains "a" "b" {}', [(1, 15, "tags_together")]),
    ('if address :all :domain "from" "b" {}', [(1, 17, "tags_together")]),
    ('if header "a" :is "b" {}', [(1, 15, "tag_too_late")]),
    ('if header "a" "b" :is {}', [(1, 19, "tag_too_late")]),
    ('if header "a" "b" :comparator {}', [(1, 19, "tag_too_late"), (1, 19, "tag_value_missing")]),
    ("if size 1 {}", [(1, 4, "tag_missing")]),
    ("if size :over :under 1 {}", [(1, 15, "tags_together")]),
    ('require "index"; if header :last "a" "b" {}', [(1, 28, "tag_needs_tag")]),
    ('require "mime"; if header :anychild "a" "b" {}', [(1, 27, "tag_needs_tag")]),
    ('require "vacation"; vacation :days :subject "a" "b";', [(1, 30, "tag_value_missing")]),
    ('require "vacation"; vacation :days "3" "b";', [(1, 36, "wants_number")]),
    # arguments
    ("redirect;", [(1, 1, "argument_missing")]),
    ('redirect "a@example.org" "b@example.org";', [(1, 26, "argument_extra")]),
    ("redirect 1;", [(1, 10, "wants_text")]),
    ('redirect ["a@example.org"];', [(1, 10, "wants_text")]),
    ('if header "a" {}', [(1, 4, "argument_missing")]),
    ('if header "a" "b" "c" {}', [(1, 19, "argument_extra")]),
    ('if header 1 "b" {}', [(1, 11, "wants_list")]),
    ('if size :over "1K" {}', [(1, 15, "wants_number")]),
    ("discard 1;", [(1, 9, "argument_extra")]),
    # values
    ('redirect "anna@example.org, li@example.org";', [(1, 10, "bad_address")]),
    ('redirect "Friends: anna@example.org;";', [(1, 10, "bad_address")]),
    ('require "imap4flags"; setflag "a" "b";', [(1, 31, "missing_require")]),
    ('require "imap4flags"; if hasflag "a" "b" {}', [(1, 34, "missing_require")]),
    ('redirect "a@b@c";', [(1, 10, "bad_address")]),
    ('redirect "";', [(1, 10, "bad_address")]),
    ('redirect "a@example.org\r\nBcc: b@example.org";', [(1, 10, "bad_address")]),
    ('require "vacation"; vacation :from "nobody" "x";', [(1, 36, "bad_address")]),
    ('if header "sub ject" "x" {}', [(1, 11, "bad_field")]),
    ('if header ["subject", "from:"] "x" {}', [(1, 23, "bad_field")]),
    ('if address "subject" "x" {}', [(1, 12, "no_address_field")]),
    ('require "envelope"; if envelope "cc" "x" {}', [(1, 33, "bad_envelope_part")]),
    ('if header :comparator "i;klingon" "a" "b" {}', [(1, 23, "unknown_comparator")]),
    (
        'require "comparator-i;ascii-numeric"; if header :contains :comparator "i;ascii-numeric" "a" "b" {}',
        [(1, 71, "comparator_unsuitable")],
    ),
    ('require "relational"; if header :value "more" "a" "b" {}', [(1, 40, "bad_relation")]),
    ('require "date"; if date "date" "century" "20" {}', [(1, 32, "bad_date_part")]),
    ('require "date"; if date :zone "CET" "date" "hour" "20" {}', [(1, 31, "bad_zone")]),
    ('require "fileinto"; fileinto "";', [(1, 30, "bad_mailbox")]),
    ('require "fileinto"; fileinto "a\r\nb";', [(1, 30, "bad_mailbox")]),
    ('require "enotify"; notify "tel:123";', [(1, 27, "bad_method")]),
    ('require "enotify"; notify :importance "9" "mailto:a@example.org";', [(1, 39, "bad_importance")]),
    ('require "regex"; if header :regex "subject" ["a", "(b"] {}', [(1, 51, "regex_invalid")]),
    ('require "regex"; if header :regex "subject" "(a)\\\\1" {}', [(1, 45, "regex_back_reference")]),
    ('require "encoded-character"; if exists "${hex:00}" {}', [(1, 40, "encoded_character")]),
    (
        'require ["fileinto", "special-use", "mailboxid"]; fileinto :mailboxid "F" :specialuse "J" "A";',
        [(1, 75, "tags_together")],
    ),
    ('require "include"; global "a";', [(1, 20, "missing_require")]),
    # variables
    ('require "variables"; set "1a" "b";', [(1, 26, "bad_variable")]),
    ('require "variables"; set "a.b" "b";', [(1, 26, "bad_variable")]),
    ('require "variables"; set "a" "${b.c}";', [(1, 30, "unknown_namespace")]),
    ('require "variables"; set "a" "${global.c}";', [(1, 30, "unknown_namespace")]),
    ('require "variables"; set "global.a" "x";', [(1, 26, "bad_variable")]),
    ('require "variables"; set :lower :upper "a" "x";', [(1, 33, "tags_together")]),
    ('require "variables"; set "a";', [(1, 22, "argument_missing")]),
    # loops, ihave
    ('require "ihave"; if not ihave "copy" { stop; } foo;', [(1, 48, "unknown_command")]),
    ('if true { keep; } else { stop; } foo;', [(1, 34, "unknown_command")]),
    ('require "ihave"; if true {} elsif ihave "copy" { stop; } foo;', [(1, 58, "unknown_command")]),
    ("require \"foreverypart\"; break;", [(1, 25, "outside_loop")]),
    (
        'require "foreverypart"; foreverypart :name "a" { break :name "b"; }',
        [(1, 50, "no_such_loop")],
    ),
    ('require ["foreverypart", "extracttext"]; extracttext "a";', [(1, 42, "outside_loop")]),
    ('if ihave "copy" {}', [(1, 4, "missing_require")]),
    ('require "ihave"; if not ihave "copy" {} else { fileinto "A"; }', [(1, 48, "missing_require")]),
    # several at once
    (
        'kep;\nif header "a" { redirect "x"; }\nfileinto "A";\n',
        [
            (1, 1, "unknown_command"),
            (2, 4, "argument_missing"),
            (2, 26, "bad_address"),
            (3, 1, "missing_require"),
        ],
    ),
]  # fmt: skip

RIGHT = [
    'require "ihave"; if ihave "nobody-has-this" { foo; } else { stop; } what_is_this;',
    'require "ihave"; if ihave "nobody-has-this" { what_is_this 1 :x; } else { keep; }',
    'require "ihave"; if not ihave "nobody-has-this" { error "so"; } what_is_this;',
    'require ["ihave", "fileinto"]; if ihave "copy" { fileinto :copy "A"; } fileinto :copy "B";',
    'require "ihave"; if allof (ihave "nobody-has-this", what :is 1) { keep; }',
    'require "ihave"; if anyof (ihave "copy", what :is 1) { keep; }',
    'require "ihave"; if ihave "nobody-has" { foo; } elsif ihave ["copy", "date"] { keep; } else { foo; }',
    'require ["vacation-seconds"]; vacation :seconds 60 "x";',
    'require ["comparator-i;octet", "comparator-i;ascii-casemap"]; keep;',
    'require ["variables", "include"]; set "global.a" "${global.b}";',
    'require ["variables"]; redirect "${a}";',
    'require "fileinto"; fileinto "${a}";',
    'require ["imap4flags"]; setflag "x"; addflag ["x", "y z"]; if hasflag ["x"] { keep :flags "a"; }',
    'redirect "Anna <anna@example.org>"; redirect "\\"A, B\\" <b@example.org>";',
    'require ["imap4flags", "variables"]; setflag "x" "y"; if hasflag "x" "y" { removeflag "x" ["y"]; }',
    'require "editheader"; deleteheader "Subject"; deleteheader :index 1 :last "Subject" ["a"];',
    'require "special-use"; if specialuse_exists "\\\\Junk" {} elsif specialuse_exists "A" ["\\\\Junk"] {}',
    'require ["extlists", "variables"]; redirect :list "urn:x"; if header :list "from" "urn:x" {}',
    'require ["enotify"]; notify "MAILTO:a@example.org?subject=x";',
    'require ["fileinto"]; if true { fileinto "Büro & Co"; }',
]


def problems(text: str, limits: Limits | None = None) -> list[tuple[int, int, str]]:
    found = read_script(text, limits=limits)
    if isinstance(found, Script):
        return []
    return [(each.at.line, each.at.column, each.problem.code.removeprefix("sieve.")) for each in found]


@pytest.mark.parametrize(("text", "expected"), WRONG)
def test_what_is_wrong_is_named_with_its_place(text: str, expected: list[tuple[int, int, str]]) -> None:
    assert problems(text) == expected


@pytest.mark.parametrize("text", RIGHT)
def test_what_is_right_has_no_problems(text: str) -> None:
    assert problems(text) == []


def test_who_forgot_an_argument_is_shown_the_form() -> None:
    forms = []
    for text in ('if header "a" {}', "if size :over {}", "redirect;", 'if header "a" "b" "c" {}'):
        found = read_script(text)
        assert not isinstance(found, Script)
        forms.append(found[0].problem.parameters.get("form"))
    assert forms == ['header ["…"] ["…"]', "size :over 1K", 'redirect "…"', 'header ["…"] ["…"]']
    assert [COMMANDS[name].form() for name in ("if", "keep", "set")] == ["if … { … }", "keep", 'set "…" "…"']
    assert [TESTS[name].form() for name in ("size", "anyof")] == ["size :over 1K", "anyof (…, …)"]


def test_included_scripts_are_checked_too() -> None:
    found = read_script(
        'require "include"; include "a"; include :global "a";\ninclude "none"; include :optional "none";',
        included={"a": "keep;\nkep;"},
        shared={"a": "stop"},
    )
    assert not isinstance(found, Script)
    assert [(each.script, each.at.line, each.problem.code) for each in found] == [
        ("a", 2, "sieve.unknown_command"),
        ("global:a", 1, "sieve.missing_semicolon"),
        ("", 2, "sieve.include_missing"),
    ]


def test_scripts_that_include_themselves_are_refused() -> None:
    inner = 'require "include"; include "b";'
    outer = 'require "include"; include "a";'
    for included in ({"a": inner, "b": outer}, {"a": outer}):
        found = read_script(outer, included=included)
        assert not isinstance(found, Script)
        assert "sieve.include_loop" in [each.problem.code for each in found]


def test_included_scripts_are_bounded() -> None:
    chain = {f"s{n}": f'require "include"; if true {{ include "s{n + 1}"; }}' for n in range(40)} | {
        "s40": "keep;"
    }
    start = 'require "include"; include "s0";'
    found = read_script(start, included=chain)
    assert not isinstance(found, Script) and found[0].problem.code == "sieve.too_deep"
    short = {f"s{n}": f'require "include"; include "s{n + 1}";' for n in range(20)} | {"s20": "keep;"}
    assert isinstance(read_script(start, included=short), Script)
    nested = {**short, "s20": "if true {" * 15 + "keep;" + "}" * 15}
    found = read_script(start, included=nested)
    assert not isinstance(found, Script) and found[-1].problem.code == "sieve.too_deep"
    many = {f"s{n}": "keep;" for n in range(70)}
    found = read_script('require "include";' + "".join(f'include "s{n}";' for n in range(70)), included=many)
    assert not isinstance(found, Script) and found[0].problem.code == "sieve.too_many_includes"
