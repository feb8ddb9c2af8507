"""What each extension does, row by row: a script, a mail, and what must come of it.

Rows of what Pigeonhole has too stand here again where the value of the answer matters more than that it
is the same; what it lacks stands here alone.
"""

from __future__ import annotations

from collections.abc import Mapping

import msgspec
import pytest

from eilbote.sieve.values import (
    Discard,
    FileInto,
    HeaderEdit,
    Importance,
    Keep,
    Notify,
    Position,
    Redirect,
    Reject,
    Remembered,
    Said,
    Vacation,
    World,
)
from tests.sieve.mails import MAILS
from tests.sieve.outcomes import deeds, ours, stored, world

NUMERIC = "relational, comparator-i;ascii-numeric"

# Extensions, a test, and the mails that it is true of.
TRUE_OF: list[tuple[str, str, str]] = [
    ("", 'header "subject" "rechnung nr. 4711"', "plain"),
    ("", 'header :comparator "i;octet" "subject" "rechnung nr. 4711"', ""),
    ("", 'header :contains "subject" "bestätigung für"', "encoded"),
    ("", 'header :matches "subject" "*\\\\?\\\\?*"', "group"),
    ("", 'address :domain "to" "example.net"', "group"),
    ("", 'address :localpart "to" ["a", "d"]', "group"),
    ("", 'address "return-path" "owner-list@lists.example.net"', "folded"),
    ("", 'exists ["list-id", "precedence"]', "folded"),
    ("", "size :over 2K", ""),
    ("", "not size :over 100", "no headers, bare"),
    ("comparator-i;unicode-casemap", 'header :comparator "i;unicode-casemap" "subject" "VIELE"', "many"),
    (
        "comparator-i;unicode-casemap",
        'header :comparator "i;unicode-casemap" :contains "subject" "BESTÄTIG"',
        "encoded",
    ),
    ("comparator-i;ascii-numeric", 'header :comparator "i;ascii-numeric" "x-number" "42"', "folded"),
    (NUMERIC, 'header :count "ge" :comparator "i;ascii-numeric" "to" "2"', "many"),
    (NUMERIC, 'header :value "lt" :comparator "i;ascii-numeric" "x-priority" "3"', "plain"),
    ("subaddress", 'address :detail "from" "bestellung"', "encoded"),
    ("subaddress", 'address :user "to" "kim"', "plain, encoded, multipart, forwarded"),
    ("regex", 'header :regex "subject" "^(re|fwd): "', "group, forwarded"),
    ("date", 'date :zone "+0000" "date" "date" "2026-06-28"', "encoded"),
    ("date, relational", 'date :value "gt" :originalzone "date" "year" "2026"', "many"),
    ("date, index", 'date :index 2 :originalzone "received" "minute" "29"', "plain"),
    ("index", 'header :index 1 :last "x-twice" "three"', "folded"),
    ("body", 'body :contains "GRÜSSE AUS"', ""),
    ("body", 'body :text :contains "aus dem Laden"', "multipart"),
    ("body", 'body :content "application/pdf" :contains "%PDF-1.4"', "multipart"),
    ("body", 'body :raw :contains "--inner"', "multipart"),
    ("mime", 'header :mime :anychild :type "content-type" "image"', "multipart"),
    ("mime", 'header :mime :anychild :param "filename" "content-disposition" "rechnung.pdf"', "multipart"),
    ("mime", 'address :mime :anychild :domain "from" "inner.example"', "forwarded"),
    ("mime", 'exists :mime :anychild "content-description"', "forwarded"),
    ("encoded-character", 'header :contains "subject" "${unicode:00E4}tigung"', "encoded"),
    ("vnd.eilbote.language", 'eilbote_language "de"', "encoded"),
]  # fmt: skip


@pytest.mark.parametrize(("extensions", "test", "mails"), TRUE_OF)
def test_a_test_is_true_of_these_mails_and_no_others(extensions: str, test: str, mails: str) -> None:
    names = ", ".join(f'"{name}"' for name in (*extensions.split(", "), "fileinto") if name)
    text = f'require [{names}]; if {test} {{ fileinto "yes"; }}'
    found = {name for name, mail in MAILS.items() if stored(ours(text, mail, world(name)))}
    assert found == set(mails.split(", ")) - {""}


IMAP = "imapsieve, environment"
SENDER = "vnd.eilbote.sender"
CATEGORY = "vnd.eilbote.category"
FRIEND = {"said": Said(known=True, importance=Importance.HIGH)}
SEEN = {"seen_before": {("h", "Rechnung Nr. 4711")}}
# The mail is of 1,770,179,280 s, now is some two days before.
SUMMER = {"offset": 3600, "offset_at": lambda seconds: 7200 if seconds > 1_770_100_000 else 3600}
LISTS = {"urn:friends": frozenset({"anna@steuerberater.example"})}

# Extensions, what World holds beside what it always holds, a test, and its answer for the mail `plain`.
ANSWERS: list[tuple[str, Mapping[str, object], str, bool]] = [
    ("envelope", {"envelope_from": "a+b@example.org"}, 'envelope "from" "A+B@example.org"', True),
    ("envelope", {"envelope_from": ""}, 'envelope "from" ""', True),
    ("envelope", {"envelope_from": ""}, 'envelope :domain "from" ""', True),
    ("envelope", {"envelope_from": "<>"}, 'envelope :localpart "from" ""', True),
    ("envelope", {}, 'envelope "from" ""', False),
    ("envelope", {}, 'envelope :contains ["from", "to"] ""', False),
    ("envelope", {"auth": "kim"}, 'envelope "auth" "kim"', True),
    ("envelope", {"envelope_to": "kim@example.org"}, 'envelope :localpart "to" ["li", "kim"]', True),
    ("envelope, subaddress", {"envelope_to": "kim+x+y@example.org"}, 'envelope :detail "to" "x+y"', True),
    ("spamtest", {}, 'spamtest "0"', True),
    ("spamtest", {"said": Said(spam=0.0)}, 'spamtest "1"', True),
    ("spamtest", {"said": Said(spam=1.0)}, 'spamtest "10"', True),
    ("spamtestplus", {"said": Said(spam=0.99)}, 'spamtest :percent "99"', True),
    ("spamtestplus", {}, 'spamtest :percent "0"', True),
    ("virustest", {}, 'virustest "0"', True),
    ("virustest", {"said": Said(virus=5)}, 'virustest "5"', True),
    ("date", {}, 'currentdate "date" "2026-02-02"', True),
    ("date", {"offset": 3600}, 'currentdate "hour" "03"', True),
    ("date", {"offset": 3600}, 'currentdate :zone "-0500" "time" "21:40:00"', True),
    ("date", {"offset": 3600}, 'currentdate "zone" "+0100"', True),
    ("date", {"offset": 3600}, 'currentdate "iso8601" "2026-02-02T03:40:00+01:00"', True),
    ("date", {"offset": 3600}, 'date "date" "hour" "05"', True),
    ("date", SUMMER, 'date "date" "hour" "06"', True),
    ("date", SUMMER, 'date "date" "zone" "+0200"', True),
    ("date", SUMMER, 'date :zone "+0100" "date" "hour" "05"', True),
    ("date", SUMMER, 'date :originalzone "date" "hour" "05"', True),
    ("date", SUMMER, 'currentdate "hour" "03"', True),
    ("imap4flags", {"flags": ("\\Seen", "rot")}, 'hasflag ["x", "ROT"]', True),
    ("imap4flags", {"flags": ("\\Seen",)}, 'hasflag :contains "een"', True),
    ("imap4flags", {}, 'hasflag "\\\\Seen"', False),
    ("mailbox", {}, 'mailboxexists ["inbox", "There"]', True),
    ("mailbox", {}, 'mailboxexists "there"', False),
    ("mailboxid", {}, 'mailboxidexists "F-there"', True),
    ("mailboxid", {}, 'mailboxidexists ["F-there", "F-none"]', False),
    ("mailboxid", {}, 'mailboxidexists ""', False),
    ("special-use", {}, 'specialuse_exists ["\\\\junk", "\\\\Trash"]', True),
    ("special-use", {}, 'specialuse_exists "There" "\\\\Junk"', False),
    ("special-use", {}, 'specialuse_exists "Junk" "\\\\Junk"', True),
    ("environment", {"environment": {"name": "Eilbote"}}, 'environment "NAME" "eilbote"', True),
    ("environment", {}, 'environment :contains "name" ""', False),
    (IMAP, {"environment": {"imap.cause": "APPEND"}}, 'environment "imap.cause" "APPEND"', True),
    (IMAP, {"environment": {"imap.mailbox": "A"}}, 'environment :matches "imap.mailbox" "?"', True),
    ("imapsieve", {"flags": ("x",)}, 'hasflag "x"', True),
    ("extlists", {"lists": LISTS}, 'address :list "from" ["urn:none", "urn:friends"]', True),
    ("extlists", {"lists": LISTS}, 'address :list "to" "urn:friends"', False),
    ("extlists", {"lists": LISTS}, 'valid_ext_list "urn:friends"', True),
    ("extlists", {"lists": LISTS}, 'valid_ext_list ["urn:friends", "urn:none"]', False),
    (
        "extlists, variables",
        {"lists": LISTS},
        'allof (address :list "from" "urn:friends", string :matches "${0}" "anna@*")',
        True,
    ),
    ("duplicate", {}, "duplicate", False),
    ("duplicate", {"seen_before": {("", "<plain-1@steuerberater.example>")}}, "duplicate", True),
    ("duplicate", SEEN, 'duplicate :header "subject" :handle "h"', True),
    ("duplicate", {"seen_before": {("", "7")}}, 'duplicate :uniqueid "7"', True),
    ("duplicate", {"seen_before": {("x", "7")}}, 'duplicate :uniqueid "7"', False),
    ("ihave", {}, 'ihave ["ihave", "mime", "vnd.eilbote.spam"]', True),
    ("ihave", {}, 'ihave ["mime", "convert"]', False),
    ("enotify", {}, 'valid_notify_method ["mailto:a@example.org"]', True),
    ("enotify", {}, 'valid_notify_method ["mailto:a@example.org", "xmpp:a@example.org"]', False),
    ("enotify", {}, 'notify_method_capability "mailto:a@example.org" "Online" "maybe"', True),
    ("enotify", {}, 'notify_method_capability "xmpp:a@example.org" "online" "maybe"', False),
    (SENDER, FRIEND, 'eilbote_sender "known"', True),
    (SENDER, FRIEND, 'eilbote_sender "HIGH"', True),
    (SENDER, {"said": Said(known=False)}, 'eilbote_sender "unknown"', True),
    (SENDER, {"said": Said(first_contact=True)}, 'eilbote_sender ["high", "first-contact"]', True),
    (SENDER, {}, 'eilbote_sender :matches "*"', False),
    (CATEGORY, {"said": Said(category="invoice")}, 'eilbote_category ["order", "invoice"]', True),
    (CATEGORY, {}, 'eilbote_category :contains ""', False),
    ("vnd.eilbote.spam", {"said": Said(spam=0.905)}, 'eilbote_spam ["90", "91"]', True),
    ("vnd.eilbote.spam", {}, 'eilbote_spam :contains ""', False),
]  # fmt: skip


@pytest.mark.parametrize(("extensions", "around", "test", "expected"), ANSWERS)
def test_a_test_asks_what_is_around(
    extensions: str, around: Mapping[str, object], test: str, expected: bool
) -> None:
    names = ", ".join(f'"{name}"' for name in (*extensions.split(", "), "fileinto"))
    text = f'require [{names}]; if {test} {{ fileinto "yes"; }}'
    seen = msgspec.structs.replace(world(), **around)
    for trace in (True, False):
        assert stored(ours(text, MAILS["plain"], seen, trace=trace)) == (["yes"] if expected else [])


AT = Position(1, 1)
NOWHERE = Position(0, 0)
KEPT = Keep(NOWHERE, implicit=True)

# A script of one line (after its `require`) and its actions.
ACTIONS: list[tuple[str, str, list[object]]] = [
    ("", "keep;", [Keep(AT)]),
    ("", "", [Keep(NOWHERE, implicit=True)]),
    ("", "discard;", [Discard(AT)]),
    ("fileinto", 'fileinto "A/B";', [FileInto(AT, "A/B")]),
    ("fileinto, mailbox", 'fileinto :create "A";', [FileInto(AT, "A", create=True)]),
    (
        "fileinto, special-use",
        'fileinto :specialuse "\\\\Junk" "Spam";',
        [FileInto(AT, "Spam", special_use="\\Junk")],
    ),
    ("fileinto, mailboxid", 'fileinto :mailboxid "F1" "Spam";', [FileInto(AT, "Spam", mailbox_id="F1")]),
    ("fileinto, copy", 'fileinto :copy "A";', [FileInto(AT, "A", copy=True), Keep(NOWHERE, implicit=True)]),
    ("imap4flags", 'keep :flags ["\\\\Seen a", "A"];', [Keep(AT, ("\\Seen", "a"))]),
    ("imap4flags", 'addflag ["x", "in valid(", "\\\\"];', [Keep(NOWHERE, ("x", "in"), implicit=True)]),
    ("", 'redirect "li@example.com";', [Redirect(AT, "li@example.com")]),
    ("copy", 'redirect :copy "li@example.com";', [Redirect(AT, "li@example.com", True), KEPT]),
    ("extlists", 'redirect :list "urn:friends";', [Redirect(AT, "", False, "urn:friends")]),
    ("reject", 'reject "Nein";', [Reject(AT, "Nein")]),
    ("ereject", 'ereject "Nein";', [Reject(AT, "Nein", protocol=True)]),
    (
        "enotify",
        'notify :importance "1" :from "k@example.org" :options ["a=b"] :message "Neu" "mailto:l@a.example";',
        [Notify(AT, "mailto:l@a.example", "k@example.org", 1, ("a=b",), "Neu"), KEPT],
    ),
]  # fmt: skip


@pytest.mark.parametrize(("extensions", "text", "expected"), ACTIONS)
def test_an_action_is_what_the_script_says(extensions: str, text: str, expected: list[object]) -> None:
    names = ", ".join(f'"{name}"' for name in extensions.split(", ") if name)
    found = ours((f"require [{names}];\n" if names else "") + text, MAILS["plain"])
    line = 2 if names else 1
    assert [
        msgspec.structs.replace(action, at=AT) if action.at == Position(line, 1) else action
        for action in found.actions
    ] == expected


def test_vacation_has_days_seconds_and_a_handle() -> None:
    def answer(text: str) -> Vacation:
        (found,) = (
            action
            for action in ours('require "vacation-seconds"; ' + text, MAILS["plain"]).actions
            if isinstance(action, Vacation)
        )
        return found

    assert [
        answer(f'vacation {how} "weg";').seconds
        for how in ("", ":days 3", ":days 0", ":days 100000", ":seconds 0", ":seconds 90")
    ] == [7 * 86_400, 3 * 86_400, 86_400, 365 * 86_400, 0, 90]
    full = answer('vacation :subject "S" :from "K <k@example.org>" :addresses ["b@example.org"] :mime "M";')
    assert (full.subject, full.sender, full.addresses, full.mime) == (
        "S",
        "K <k@example.org>",
        ("b@example.org",),
        True,
    )
    # RFC 5230 section 4.2: what is said tells one answer from another, a handle does so by its name.
    assert answer('vacation "a";').handle == answer('vacation :days 2 "a";').handle
    assert answer('vacation "a";').handle != answer('vacation "b";').handle
    assert answer('vacation :handle "h" "a";').handle == "h"


def test_duplicate_remembers_what_it_saw() -> None:
    text = 'require "duplicate"; if duplicate :handle "h" :header "subject" :seconds 60 {} if duplicate {}'
    found = ours(text, MAILS["plain"])
    seen = Remembered("h", "Rechnung Nr. 4711", 60)
    assert found.remembered == (seen, Remembered("", "<plain-1@steuerberater.example>", 7 * 86_400))
    # RFC 7352 section 3.2: seen before, it is remembered anew only with `:last`.
    before = msgspec.structs.replace(world(), seen_before={("h", "Rechnung Nr. 4711")})
    again = text.replace("if duplicate {}", "")
    assert ours(again, MAILS["plain"], before).remembered == ()
    assert ours(again.replace(":seconds", ":last :seconds"), MAILS["plain"], before).remembered == (seen,)
    assert ours(again, MAILS["no headers"]).remembered == ()
    failing = ours('require ["duplicate", "ihave"]; if duplicate { stop; } error "x";', MAILS["plain"])
    assert failing.problem is not None and failing.remembered == ()


def test_edited_headers_are_seen_and_given_back() -> None:
    text = (
        'require ["editheader", "variables", "fileinto", "body"];\n'
        'addheader "X-Sorted" "Büro"; deleteheader "Received";\n'
        'deleteheader :contains "Subject" "4711"; addheader :last "Subject" "Neu";\n'
        'if header :matches "x-sorted" "*" { fileinto "${1}"; }\n'
        'if body :contains "Rechnung" { fileinto "B"; }'
    )
    found = ours(text, MAILS["plain"])
    assert stored(found) == ["Büro", "B"]
    assert found.edits == (
        HeaderEdit(Position(2, 1), True, "X-Sorted", "Büro"),
        HeaderEdit(Position(3, 1), False, "Subject", "Rechnung Nr. 4711"),
        HeaderEdit(Position(3, 42), True, "Subject", "Neu", last=True),
    )
    assert found.headers is not None
    assert found.headers.startswith(b"X-Sorted: ") and found.headers.endswith(b"\r\nSubject: Neu\r\n\r\n")
    assert found.headers.count(b"Received:") == 2 and b"4711\r\n" not in found.headers
    assert ours("keep;", MAILS["plain"]).headers is None


def test_no_value_adds_a_second_field() -> None:
    text = 'require ["editheader", "encoded-character"]; addheader "X-A" "a${hex:0d 0a}Bcc: b@example.org";'
    found = ours(text, MAILS["plain"])
    assert found.problem is not None and found.headers is None and found.edits == ()
    wrong = ours('require ["editheader", "variables"]; set "n" "a b"; addheader "${n}" "x";', MAILS["plain"])
    assert wrong.problem is not None and wrong.problem.problem.code == "sieve.header_name"


def test_what_variables_make_is_checked_when_it_is_known() -> None:
    for extensions, command, code in [
        ("variables", 'redirect "${a}";', "bad_address"),
        ("variables, fileinto", 'fileinto "${a}";', "bad_mailbox"),
        ("variables, vacation", 'vacation :from "${a}" "x";', "bad_address"),
        ("variables, enotify", 'notify "${a}";', "bad_method"),
        ("variables, date", 'if date "${a}" "${a}" "x" {}', "bad_date_part"),
        ("variables, date", 'if currentdate :zone "${a}" "hour" "x" {}', "bad_zone"),
        ("variables, regex", 'set "a" "(b"; if header :regex "subject" "${a}" {}', "regex_invalid"),
        ("variables, imap4flags", 'setflag "${a}" "x";', "bad_variable"),
    ]:
        names = ", ".join(f'"{name}"' for name in extensions.split(", "))
        found = ours(f"require [{names}];\n{command}", MAILS["plain"])
        assert found.problem is not None, command
        assert (found.problem.problem.code, found.problem.at.line) == (f"sieve.{code}", 2)
        assert deeds(found) == [("problem", "", frozenset())]


def test_rules_and_included_scripts_are_named() -> None:
    text = (
        'require ["include", "fileinto"];\n# rule:[Eins]\nif true { include "a"; }\n'
        '# rule:[Zwei]\nfileinto "B";\n# rule:[]\nfileinto "C";\n'
    )
    included = {"a": 'require "fileinto";\nfileinto "A";\n# rule:[Drei]\nfileinto "D";'}
    for trace in (True, False):
        found = ours(text, MAILS["plain"], included=included, trace=trace)
        assert stored(found) == ["A", "D", "B", "C"]
        assert found.rules == ("Eins", "Drei", "Zwei", "")
    steps = ours(text, MAILS["plain"], included=included, trace=True).trace
    assert [(step.name, step.rule, step.script) for step in steps] == [
        ("true", "Eins", ""),
        ("include", "Eins", ""),
        ("fileinto", "Eins", "a"),
        ("fileinto", "Drei", "a"),
        ("fileinto", "Zwei", ""),
        ("fileinto", "", ""),
    ]
    alone = ours('require "include"; include "a"; keep;', MAILS["plain"], included=included)
    assert alone.rules == ("a", "Drei", "")
    broken = {"a": 'require "ihave";\n\nerror "x";'}
    failed = ours('require "include"; include "a";', MAILS["plain"], included=broken)
    assert failed.problem is not None
    assert (failed.problem.script, failed.problem.at) == ("a", Position(3, 1))


def test_steps_show_what_variables_held_and_what_was_compared() -> None:
    keys = ", ".join(f'"key number {number}"' for number in range(100))
    text = (
        'require ["variables", "fileinto"]; if header :matches "subject" "* *" { fileinto "x/${1}"; }\n'
        f'if header "subject" [{keys}] {{}} if exists ["x-none", "to"] {{}}'
    )
    steps = ours(text, MAILS["plain"], trace=True).trace
    assert [step.detail for step in steps[:2]] == [
        'header :matches "subject" "* *" ← "Rechnung Nr. 4711"',
        'fileinto "x/${1}" ← "x/Rechnung"',
    ]
    assert steps[2].detail.endswith('… ← "Rechnung Nr. 4711"') and steps[2].result is False
    assert steps[3].detail == 'exists ["x-none", "to"] ← "to"'


def test_half_a_character_is_never_handed_on() -> None:
    octets = 'if string :comparator "i;octet" :matches "ä" "??" { fileinto "${1}"; }'
    address = 'if address :matches "from" "*" { fileinto "${1}"; }'
    for test in (octets, address):
        text = f'require ["variables", "fileinto"]; {test}'
        (mailbox,) = stored(ours(text, b"From: caf\xe9\xff\xc3 <\xc3(\xff@\xe9>\r\n\r\n"))
        assert mailbox.encode()


def test_a_body_sets_no_match_variables() -> None:
    text = (
        'require ["body", "variables", "fileinto"]; if header :matches "subject" "* *" {}\n'
        'if body :matches "*Guten*" { fileinto "${1}"; }'
    )
    assert stored(ours(text, MAILS["plain"])) == ["Rechnung"]


def test_a_world_that_says_nothing() -> None:
    assert deeds(ours("if size :over 1 { keep; }", b"", World(now=0))) == [("store", "INBOX", frozenset())]
