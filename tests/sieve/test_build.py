"""Friendly rules become Sieve that reads well, that means what they say, and that Pigeonhole takes too."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from eilbote.sieve.build import build_rule, build_script, mailto, needs_today, required
from eilbote.sieve.rule import (
    AnyAction,
    AnyCondition,
    Archive,
    Attachment,
    Before,
    Body,
    Category,
    Contact,
    Copy,
    Delete,
    During,
    Flagging,
    Forward,
    HeaderField,
    How,
    Keep,
    Known,
    Label,
    Language,
    Larger,
    Level,
    MailingList,
    Mark,
    Match,
    Move,
    Newer,
    Notify,
    Older,
    OwnScript,
    Part,
    Priority,
    Recipient,
    Redirect,
    Reject,
    Reply,
    Rule,
    Sender,
    SenderImportance,
    Since,
    Smaller,
    Spam,
    Subject,
)
from eilbote.sieve.rule_check import here_only
from eilbote.sieve.script import Script, read_script
from eilbote.sieve.values import Importance
from tests.servers.pigeonhole import Pigeonhole
from tests.sieve.made_rules import RULE

TODAY = date(2026, 11, 27)
SERVER = frozenset({"mailbox", "special-use"})


def test_a_script_reads_well() -> None:
    entries = (
        Rule(
            "Rechnungen",
            (
                Subject(False, ("Rechnung", "Quittung")),
                Sender(True, ("anna@example.org",)),
                Older(False, 30),
            ),
            (Move("Buchhaltung"), Mark(Flagging.READ), Label(("steuer",))),
            Match.ALL,
            stop=True,
        ),
        OwnScript("eigenes", "keep;"),
        OwnScript("nur-zum-einbinden", "keep;", run=False),
        Rule("Urlaub", (), (Reply("Ich bin weg.\n.\nAnna\n", 3, "Weg"),), enabled=False),
    )
    assert (
        build_script(entries, TODAY)
        == """\
require ["date", "fileinto", "imap4flags", "include", "mailbox", "relational", "vacation"];

# rule:[Rechnungen]
# today:[2026-11-27]
if allof (
    header :contains "subject" ["Rechnung", "Quittung"],
    not address :all :is "from" "anna@example.org",
    date :value "le" "date" "date" "2026-10-27"
) {
    addflag ["\\\\Seen", "steuer"];
    fileinto :create "Buchhaltung";
    stop;
}

# script:[eigenes]
include :personal "eigenes";

# rule:[Urlaub]
if false {
    vacation :days 3 :subject "Weg" text:
Ich bin weg.
..
Anna
.
;
}
"""
    )


ALL = (
    (Sender(False, ("@Müller.example", "@*.example.net", 'Frau "Groß"', "x@müller.example")), [
        'address :domain :is "from" ["Müller.example", "xn--mller-kva.example"]',
        'address :domain :matches "from" "*.example.net"',
        'address :all :is "from" ["x@müller.example", "x@xn--mller-kva.example"]',
        'header :contains "from" "Frau \\"Groß\\""',
    ]),
    (Recipient(False, ("team",)), ['header :contains ["to", "cc"] "team"']),
    (Contact(False, Known.KNOWN), ['eilbote_sender :is "known"']),
    (Contact(True, Known.FIRST), ['not eilbote_sender :is "first-contact"']),
    (Subject(False, ("a*\\",), How.BEGINS), ['header :matches "subject" "a\\\\*\\\\\\\\*"']),
    (Subject(False, ("?",), How.ENDS), ['header :matches "subject" "*\\\\?"']),
    (Subject(False, ("a?",), How.MATCHES), ['header :matches "subject" "a?"']),
    (Subject(False, ("^a+",), How.REGEX), ['header :regex "subject" "^a+"']),
    (Body(False, ("Kündigung",)), ['body :text :contains ["Kündigung", "KÜNDIGUNG"]']),
    (HeaderField(False, ("X-Loop",)), ['exists "X-Loop"']),
    (HeaderField(True, ("X-Loop",), ("a",), How.IS), ['not header :is "X-Loop" "a"']),
    (Priority(False, Level.HIGH), [
        'header :matches "x-priority" ["1*", "2*"]',
        'header :is "priority" "urgent"',
    ]),
    (Priority(False, Level.NORMAL), ["not anyof (", '"x-priority" ["4*", "5*"]']),
    (Larger(False, 5 << 20), ["size :over 5M"]),
    (Smaller(False, 1001), ["size :under 1001"]),
    (Newer(False, 7), ['date :value "gt" "date" "date" "2026-11-19"']),
    (Before(False, "2026-01-01"), ['date :value "lt" "date" "date" "2026-01-01"']),
    (Since(False, "2026-01-01"), ['date :value "ge" "date" "date" "2026-01-01"']),
    (During(False, "2026-12-20", "2027-01-06"), [
        'currentdate :value "ge" "date" "2026-12-20"',
        'currentdate :value "le" "date" "2027-01-06"',
    ]),
    (HeaderField(False, ("to",), ("x",), How.IS, Part.LOCAL), ['address :localpart :is "to" "x"']),
    (Attachment(False), ['header :mime :anychild :matches "content-disposition" "attachment*"']),
    (Attachment(False, ("pdf", "image/*")), ['"*.pdf"', ':contenttype :matches "content-type" "image/*"']),
    (MailingList(False), ['exists "list-id"', 'header :is "precedence" "list"']),
    (MailingList(False, ("dev.example.org",)), ['header :contains "list-id" "dev.example.org"']),
    (Language(False, ("de",)), [
        'header :matches "content-language" ["de", "de-*", "de,*"], eilbote_language :is "de"',
    ]),
    (Category(False, ("newsletter",)), ['eilbote_category :is "newsletter"']),
    (SenderImportance(False, Importance.NORMAL), ['eilbote_sender :is ["normal", "high"]']),
    (Spam(False, 80), ['eilbote_spam :value "ge" :comparator "i;ascii-numeric" "80"']),
)  # fmt: skip


@pytest.mark.parametrize(("condition", "tests"), ALL)
def test_every_condition_has_its_test(condition: AnyCondition, tests: Sequence[str]) -> None:
    script = " ".join(build_rule(Rule("x", (condition,), (Keep(),)), TODAY).split())
    for test in tests:
        assert test in script


@pytest.mark.parametrize(
    ("action", "command"),
    [
        (Move("A/B"), 'fileinto :create "A/B";'),
        (Copy("A"), 'fileinto :copy :create "A";'),
        (Archive(), 'fileinto :specialuse "\\\\Archive" :create "Archive";'),
        (Label(("a", "b")), 'addflag ["a", "b"];'),
        (Mark(Flagging.FLAGGED), 'addflag "\\\\Flagged";'),
        (Forward("a@example.org"), 'redirect :copy "a@example.org";'),
        (Redirect("a@example.org"), 'redirect "a@example.org";'),
        (Reply('Sie sagten "hallo".'), 'vacation :days 7 "Sie sagten \\"hallo\\".";'),
        (Delete(), "discard;"),
        (Reject("nein"), 'reject "nein";'),
        (Notify("a+b@example.org", "da"), 'notify :message "da" "mailto:a+b@example.org";'),
        (Keep(), "keep;"),
    ],
)
def test_every_action_has_its_command(action: AnyAction, command: str) -> None:
    lines = build_rule(Rule("x", (), (action,)), TODAY).splitlines()
    assert f"    {command}" in lines
    assert "    stop;" not in lines
    assert "    stop;" in build_rule(Rule("x", (), (action,), stop=True), TODAY).splitlines()


def test_how_many_conditions_must_hold() -> None:
    one, two = Subject(False, ("a",)), Subject(False, ("b",))
    heads = {
        (Match.ALL, ()): "if true {",
        (Match.ALL, (one,)): 'if header :contains "subject" "a" {',
        (
            Match.ALL,
            (one, two),
        ): 'if allof (header :contains "subject" "a", header :contains "subject" "b") {',
        (Match.ANY, (one,)): 'if anyof (header :contains "subject" "a") {',
        (Match.NONE, (one,)): 'if not anyof (header :contains "subject" "a") {',
    }
    for (match, conditions), head in heads.items():
        script = build_rule(Rule("x", conditions, (Keep(),), match), TODAY)
        assert head in script.splitlines()


def test_a_name_is_one_comment() -> None:
    script = build_rule(Rule("a]; discard; # [b]", (), (Keep(),)), TODAY)
    assert script == "# rule:[a]; discard; # [b]]\nif true {\n    keep;\n}\n"


def test_a_server_that_knows_less_is_asked_for_less() -> None:
    rule = Rule("x", (), (Archive(), Copy("B")))
    script = build_rule(rule, TODAY, {"fileinto", "copy"})
    assert 'fileinto "Archive";' in script
    assert 'fileinto :copy "B";' in script
    assert required((rule,), TODAY, {"fileinto"}) == {"fileinto", "copy"}
    assert required((rule,), TODAY) == {"fileinto", "copy", "mailbox", "special-use"}


def test_rules_that_only_run_here() -> None:
    reasons = [here_only(Rule("x", (condition,), (Keep(),))) for condition, _ in ALL]
    assert [each for each in reasons if each] == [
        "contact", "contact", "newer", "category", "importance", "spam",
    ]  # fmt: skip
    assert needs_today(Rule("x", (Older(False, 3),)))
    assert not needs_today(Rule("x", (Before(False, "2026-01-01"),)))


def test_a_mail_address_becomes_a_uri() -> None:
    assert mailto("a?b&c=%d@example.org") == "mailto:a%3Fb%26c%3D%25d@example.org"


@settings(max_examples=200)
@given(RULE)
def test_every_rule_is_right_sieve(rule: Rule) -> None:
    script = build_rule(rule, TODAY)
    read = read_script(script)
    assert isinstance(read, Script), (read, script)
    assert read.runs_here_only <= bool(here_only(rule) or "vnd.eilbote.language" in read.extensions)
    if not here_only(rule):
        served = read_script(build_rule(rule, TODAY, SERVER))
        assert isinstance(served, Script)
        assert not served.runs_here_only


def test_pigeonhole_takes_every_rule_without_the_assistant(pigeonhole: Pigeonhole) -> None:
    @settings(max_examples=15, phases=[Phase.generate])
    @given(st.lists(RULE, min_size=10, max_size=30))
    def compiles(rules: list[Rule]) -> None:
        taken = [
            rule for rule in rules if not any("vnd" in each for each in required((rule,), TODAY, SERVER))
        ]
        numbered = [replace(rule, name=f"{number} {rule.name}") for number, rule in enumerate(taken)]
        script = build_script(numbered, TODAY, SERVER)
        verdict = pigeonhole.compile(script)
        assert verdict.status == 0, verdict.errors + script

    compiles()
