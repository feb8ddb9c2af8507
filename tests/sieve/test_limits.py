"""Hostile scripts and hostile mails: bounded, with a problem that names the place, and the mail kept."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from eilbote.sieve.mail import MessageMail
from eilbote.sieve.run import run
from eilbote.sieve.script import Script, read_script
from eilbote.sieve.state import MAX_STEPS
from eilbote.sieve.values import Keep, Limits, Outcome, Position
from tests.sieve.mails import MAILS
from tests.sieve.outcomes import ours, stored, world
from tests.sieve.probes import PROBES, script
from tests.sieve.whole_scripts import INCLUDED, SCRIPTS

MANY_PARTS = (
    b"Content-Type: multipart/mixed; boundary=b\r\n\r\n"
    + b"--b\r\nX-A: b\r\n\r\ntext\r\n" * 900
    + b"--b--\r\n"
)
DEEP_PARTS = b"".join(
    b"Content-Type: multipart/mixed; boundary=b%d\r\n\r\n" % depth
    + b"--b%d\r\nX-A: b\r\n\r\ntext\r\n" % depth * 20
    + b"--b%d\r\n" % depth
    for depth in range(45)
)


def problem(found: Outcome) -> tuple[str, Position]:
    """The problem of a run that failed, and nothing else may be left of it."""
    assert found.problem is not None
    assert found.actions == (Keep(Position(0, 0), implicit=True),)
    assert (found.implicit_keep, found.edits, found.headers, found.remembered) == (True, (), None, ())
    return found.problem.problem.code.removeprefix("sieve."), found.problem.at


ONE_TOO_MANY: list[tuple[str, Limits, str, int]] = [
    ("keep;\n" * 40, Limits(instructions=30), "too_many_instructions", 0),
    (
        'require "fileinto";\n' + "".join(f'fileinto "{n}";\n' for n in range(9)),
        Limits(actions=8),
        "too_many_actions",
        10,
    ),
    ("".join(f'redirect "a{n}@b.example";' for n in range(5)), Limits(redirects=4), "too_many_redirects", 1),
    (
        'require "variables";\n' + "".join(f'set "v{n}" "x";\n' for n in range(6)),
        Limits(variables=5),
        "too_many_variables",
        7,
    ),
    (
        'require ["imap4flags", "variables"];\n' + "".join(f'addflag "v{n}" "x";\n' for n in range(6)),
        Limits(variables=5),
        "too_many_variables",
        7,
    ),
    (
        'require "duplicate";\n' + "".join(f'if duplicate :uniqueid "{n}" {{}}\n' for n in range(5)),
        Limits(actions=4),
        "too_many_actions",
        6,
    ),
]  # fmt: skip


@pytest.mark.parametrize(("text", "limits", "code", "line"), ONE_TOO_MANY)
def test_each_limit_ends_the_script_and_keeps_the_mail(
    text: str, limits: Limits, code: str, line: int
) -> None:
    found, at = problem(ours(text, MAILS["plain"], limits=limits))
    assert (found, at.line) == (code, line)
    assert ours(text, MAILS["plain"]).problem is None


def test_included_scripts_multiply_no_work() -> None:
    included = {f"s{n}": f'require "include"; include "s{n + 1}"; include "s{n + 1}";' for n in range(25)}
    included["s25"] = "keep;"
    text = 'require "include"; include "s0";'
    assert problem(ours(text, MAILS["plain"], included=included))[0] == "too_many_instructions"


HOSTILE: dict[str, str] = {
    "loops within loops": """
require ["foreverypart", "mime"];
foreverypart { foreverypart { foreverypart { foreverypart { if header :mime "x-a" "c" { stop; } } } } }
""",
    "loops over all below": """
require ["foreverypart", "mime"];
foreverypart { if header :mime :anychild "x-a" "c" { stop; } if exists :mime :anychild "x-c" { stop; } }
""",
    "variables that grow": """
require ["variables", "foreverypart"];
set "a" "0123456789012345678901234567890123456789";
foreverypart { set "a" "${a}${a}${a}${a}"; set :quotewildcard :length "b" "${a}"; }
""",
    "many large texts": """
require ["variables", "foreverypart"];
set "a" "01234567890123456789012345678901";
set "a" "${a}${a}${a}${a}${a}${a}${a}${a}"; set "a" "${a}${a}${a}${a}${a}${a}${a}${a}";
set "a" "${a}${a}${a}${a}${a}${a}${a}${a}"; set "a" "${a}${a}${a}${a}${a}${a}${a}${a}";
foreverypart { if string :matches ["${a}", "${a}", "${a}", "${a}"] ["*?9*?9*?x", "*8*7*6*x"] { stop; } }
""",
    "headers edited for every part": """
require ["editheader", "foreverypart"];
foreverypart { addheader "X-B" "c"; deleteheader "X-B"; deleteheader "X-None"; }
""",
    "texts of every part": """
require ["foreverypart", "extracttext", "variables"];
foreverypart { extracttext "a"; extracttext :upper "b"; }
""",
    "expressions for every part": """
require ["foreverypart", "regex", "mime", "variables"];
foreverypart { if header :regex :mime :anychild "x-a" ["(b|bb|bbb)+c", "b*b*b*b*c"] { stop; } }
""",
}


@pytest.mark.parametrize("name", HOSTILE)
@pytest.mark.timeout(30)
def test_hostile_scripts_end(name: str) -> None:
    for mail in (MANY_PARTS, DEEP_PARTS, MAILS["multipart"], b"X-A: " + b"b" * 300_000 + b"\r\n\r\n"):
        found = ours(HOSTILE[name], mail)
        if found.problem is not None:
            problem(found)


def test_expressions_that_never_end_are_refused_for_the_mail() -> None:
    for kind, key in (
        ("regex", "(a|aa)*(a|aa)*c"),
        ("regex", "a*a*a*a*a*b"),
        ("matches", "*?a*?a*?a*?a*?a*c"),
    ):
        text = f'require ["regex", "body"];\nif body :raw :{kind} "{key}" {{ discard; }}'
        found = ours(text, b"Subject: a\r\n\r\n" + b"a" * 100_000)
        if found.problem is not None:
            code, at = problem(found)
            assert code in ("regex_too_costly", "match_too_long") and at == Position(2, 4)
        else:
            assert found.implicit_keep


def test_a_trace_has_an_end() -> None:
    text = 'require ["foreverypart"]; foreverypart { foreverypart { if true {} } if true {} if true {} }'
    steps = ours(text, MANY_PARTS * 1, trace=True).trace
    assert 900 < len(steps) <= MAX_STEPS
    deep = "if true {}" * 6000
    assert len(ours(deep, MAILS["plain"], trace=True).trace) == MAX_STEPS
    long = ours(f'if header "subject" "{"x" * 5000}" {{}}', MAILS["plain"], trace=True)
    assert len(long.trace[0].detail) <= 400


ALL = [script(tests) for tests in PROBES.values()]


@pytest.fixture(scope="module")
def scripts() -> list[Script]:
    found = [read_script(text, included=INCLUDED) for text in (*ALL, *SCRIPTS.values())]
    return [each for each in found if isinstance(each, Script)]


PIECES = [
    b"From: ", b"To: ", b"Subject: ", b"Date: ", b"Content-Type: ", b"X-Twice: ", b"a@b", b"<>", b"(", b'"',
    b"=?utf-8?q?=C3?=", b"multipart/mixed; boundary=b", b"--b", b"--b--", b"\r\n", b"\n", b"\r\n ", b";",
    b"\x00", b"\xff", b"text/html", b"message/rfc822", b"Mon, 2 Feb 2026 10:00:00 +0100", b":", b",",
]  # fmt: skip


@settings(max_examples=40)
@given(mail=st.binary(max_size=300) | st.lists(st.sampled_from(PIECES), max_size=40).map(b"".join))
def test_any_mail_is_judged(scripts: list[Script], mail: bytes) -> None:
    for each in scripts:
        for trace in (False, True):
            found = run(each, MessageMail(mail), world("plain", "a@b.example", "<>"), trace=trace)
            assert found.actions or found.implicit_keep is False


def test_quick_and_traced_runs_decide_the_same(scripts: list[Script]) -> None:
    for each in scripts:
        for name, mail in MAILS.items():
            quick, traced = (
                run(each, MessageMail(mail), world(name), trace=trace) for trace in (False, True)
            )
            assert quick.actions == traced.actions and quick.rules == traced.rules
            assert quick.trace == () and stored(quick) == stored(traced)
