"""The table of extensions in docs/sieve.md: each row is asked of the code."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from eilbote.sieve.mail import MessageMail
from eilbote.sieve.run import run
from eilbote.sieve.script import Script, read_script
from eilbote.sieve.values import MailboxSeen, Outcome, Said, World

PAGE = (Path(__file__).parents[2] / "docs" / "sieve.md").read_text(encoding="utf-8")
ROWS = re.findall(r"^\| ([^|]*) \| [^|]* \| (yes|partial|no) \|", PAGE, re.MULTILINE)
STATES = {name: state for names, state in ROWS for name in re.findall(r"`([^`]+)`", names)}

MAIL = MessageMail(
    b"From: Anna <anna+shop@example.com>\r\nTo: kim@example.de\r\nSubject: =?utf-8?q?Gr=C3=BC=C3=9Fe?=\r\n"
    b"Date: Fri, 27 Nov 2026 10:00:00 +0100\r\nX-Number: 5\r\nReceived: one\r\nReceived: two\r\n"
    b"Message-ID: <1@example.com>\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n"
    b"--b\r\nContent-Type: text/plain; charset=utf-8\r\n\r\n"
    b"Hallo, wir haben die Rechnung nicht erhalten und bitten um eine Antwort.\r\n"
    b"--b\r\nContent-Type: text/html\r\n\r\n<p>x <b>y</b></p>\r\n--b--\r\n"
)
WORLD = World(
    now=1_795_000_000.0,
    offset=3600,
    envelope_from="anna@example.com",
    envelope_to="kim@example.de",
    own_addresses=("kim@example.de",),
    mailboxes=(MailboxSeen("Archiv", "\\Archive", "id1"),),
    environment={"name": "Eilbote", "phase": "post", "imap.cause": "APPEND"},
    lists={":addrbook:default": frozenset({"anna+shop@example.com"})},
    said=Said(known=True, category="invoice", spam=1.0),
    received=1_795_000_000.0,
)

TESTS = {
    "body": 'body :text :contains "x y"',
    "comparator-i;ascii-casemap": 'allof (header :comparator "i;ascii-casemap" "subject" "gRüßE",'
    ' not header :comparator "i;ascii-casemap" "subject" "GRÜßE")',
    "comparator-i;octet": 'not header :comparator "i;octet" "to" "Kim@example.de"',
    "comparator-i;ascii-numeric": 'header :comparator "i;ascii-numeric" "x-number" "005"',
    "comparator-i;unicode-casemap": 'header :contains :comparator "i;unicode-casemap" "subject" "GRÜ"',
    "date": 'allof (date "date" "weekday" "5", date :zone "+0000" "date" "hour" "09",'
    ' currentdate "year" "2026")',
    "duplicate": "not duplicate",
    "encoded-character": 'header "subject" "Gr${unicode:fc}${hex:c3 9f}e"',
    "enotify": 'allof (valid_notify_method "mailto:a@example.com",'
    ' not valid_notify_method "xmpp:a@example.com",'
    ' notify_method_capability "mailto:a@example.com" "online" "maybe")',
    "envelope": 'allof (envelope "from" "anna@example.com", envelope "to" "kim@example.de",'
    ' not envelope :matches "auth" "*")',
    "environment": 'allof (environment "name" "Eilbote", environment "phase" "post",'
    ' not environment "nie" "x")',
    "extlists": 'allof (address :list "from" ":addrbook:default", valid_ext_list ":addrbook:default",'
    ' not valid_ext_list "https://example.com/list")',
    "imapsieve": 'environment "imap.cause" "APPEND"',
    "index": 'allof (header :index 2 "received" "two", header :index 1 :last "received" "two")',
    "mailbox": 'allof (mailboxexists "Archiv", not mailboxexists "Nie")',
    "mailboxid": 'allof (mailboxidexists "id1", not mailboxidexists "id2")',
    "mime": 'header :mime :anychild :contenttype "content-type" "text/html"',
    "regex": 'header :regex "x-number" "^[[:digit:]]$"',
    "relational": 'allof (header :count "eq" "received" "2", header :value "gt" "x-number" "4")',
    "spamtest": 'spamtest "10"',
    "spamtestplus": 'spamtest :percent "100"',
    "special-use": 'allof (specialuse_exists "\\\\Archive", not specialuse_exists "\\\\Sent")',
    "subaddress": 'allof (address :user "from" "anna", address :detail "from" "shop")',
    "virustest": 'virustest "0"',
    "vnd.eilbote.category": 'eilbote_category "invoice"',
    "vnd.eilbote.language": 'eilbote_language "de"',
    "vnd.eilbote.sender": 'eilbote_sender "known"',
    "vnd.eilbote.spam": 'eilbote_spam "100"',
}

ACTIONS = {
    "copy": ('fileinto :copy "A";', "A KEEP"),
    "editheader": ('addheader "X-New" "x"; deleteheader "Received";', "KEEP +X-New"),
    "ereject": ('ereject "no";', "REJECT"),
    "extracttext": (
        'foreverypart { if header :mime :type "content-type" "text" { extracttext :first 5 "t"; break; } }'
        ' fileinto "T-${t}";',
        "T-Hallo",
    ),
    "fileinto": ('fileinto "A";', "A"),
    "foreverypart": ('foreverypart { fileinto "P"; }', "P"),
    "ihave": ('if ihave "nie" { nie "x"; } elsif ihave "copy" { fileinto "A"; }', "A"),
    "imap4flags": ('addflag ["\\\\Seen", "("]; fileinto "A";', "A"),
    "include": ('include :personal "other"; include :optional "nie";', "OTHER"),
    "reject": ('reject "no";', "REJECT"),
    "vacation": ('vacation :days 0 "x";', "KEEP 86400"),
    "vacation-seconds": ('vacation :seconds 0 "x";', "KEEP 0"),
    "variables": ('set :upper :length "n" "äöü"; set :upperfirst "w" "wort"; fileinto "${n}${w}";', "3Wort"),
}
REQUIRED = (
    "fileinto",
    "foreverypart",
    "variables",
    "mime",
    "index",
    "imapsieve",
    "environment",
    "comparator-i;ascii-numeric",
)
INCLUDED = {"other": 'require "fileinto"; fileinto "OTHER";'}


def carried_out(extensions: tuple[str, ...], text: str) -> Outcome:
    names = ", ".join(f'"{one}"' for one in dict.fromkeys(extensions))
    script = read_script(f"require [{names}]; {text}", included=INCLUDED)
    assert isinstance(script, Script), script
    return run(script, MAIL, WORLD)


def test_every_row_is_asked() -> None:
    assert {*TESTS, *ACTIONS} == {name for name, state in STATES.items() if state != "no"}


@pytest.mark.parametrize("name", TESTS)
def test_what_a_test_of_the_row_says(name: str) -> None:
    done = carried_out((name, *REQUIRED), f'if {TESTS[name]} {{ fileinto "Y"; }}')
    assert done.problem is None
    assert [getattr(action, "mailbox", "") for action in done.actions] == ["Y"]


@pytest.mark.parametrize("name", ACTIONS)
def test_what_an_action_of_the_row_does(name: str) -> None:
    text, expected = ACTIONS[name]
    done = carried_out((name, *REQUIRED), text)
    assert done.problem is None
    words = {getattr(action, "mailbox", type(action).__name__.upper()) for action in done.actions}
    words |= {str(action.seconds) for action in done.actions if hasattr(action, "seconds")}
    words |= {f"+{edit.name}" for edit in done.edits if edit.added} - {"VACATION"}
    assert words - {"VACATION"} == set(expected.split())


@pytest.mark.parametrize("name", STATES)
def test_require_and_ihave_agree_with_the_row(name: str) -> None:
    built = STATES[name] != "no"
    assert isinstance(read_script(f'require "{name}"; keep;'), Script) == built
    done = carried_out(("ihave", "fileinto"), f'if ihave "{name}" {{ fileinto "Y"; }}')
    assert [getattr(action, "mailbox", "") for action in done.actions] == (["Y"] if built else [""])
