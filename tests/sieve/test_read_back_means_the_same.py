"""Any script of simple pieces, however they are put together, decides the same before and after it was read
back as rules and built again.
"""

from __future__ import annotations

from datetime import date

from hypothesis import example, given, settings
from hypothesis import strategies as st

from eilbote.sieve.build import build_script
from eilbote.sieve.mail import MessageMail
from eilbote.sieve.read_back import read_back
from eilbote.sieve.rule import OwnScript, Rule
from eilbote.sieve.run import run
from eilbote.sieve.script import Script, read_script
from eilbote.sieve.values import Discard, FileInto, Keep, Redirect, Reject, Vacation, World

TODAY = date(2026, 11, 27)
REQUIRE = 'require ["fileinto", "copy", "imap4flags", "reject", "vacation"];\n'
MAILS = [
    f"From: {sender}@example.org\r\nTo: me@example.net\r\nSubject: {subject}\r\n\r\nText\r\n".encode()
    for sender, subject in (("a", "x"), ("b", "x y"), ("a", "y"), ("b", "z"))
]
PLAIN = st.sampled_from([
    'header :contains "subject" "x"', 'header :is "subject" ["x", "y"]', 'header :matches "subject" "x*"',
    'address "from" "a@example.org"', 'address :domain :contains "from" "example"', 'exists "x-none"',
    "true", "false", "size :over 1K",
])  # fmt: skip
TEST = st.recursive(
    PLAIN,
    lambda inner: st.one_of(
        inner.map("not {}".format),
        st.builds(
            "{} ({})".format,
            st.sampled_from(["allof", "anyof"]),
            st.lists(inner, min_size=1, max_size=3).map(", ".join),
        ),
    ),
    max_leaves=4,
)
ACTION = st.sampled_from([
    'fileinto "A";', 'fileinto "B";', 'fileinto :copy "A";', 'fileinto :flags "f" "B";', "keep;", "discard;",
    'redirect "r@example.com";', 'redirect :copy "s@example.com";', 'addflag "\\\\Seen";',
    'addflag ["f", "g"];', 'setflag "h";', 'keep :flags "\\\\Flagged";', 'removeflag "f";',
])  # fmt: skip
BLOCK = st.builds(
    lambda actions, stop: " ".join((*actions, *(["stop;"] if stop else []))),
    st.lists(ACTION, max_size=3),
    st.booleans(),
)
CHAIN = st.builds(
    lambda first, others, last: (
        "if {} {{ {} }}\n".format(*first)
        + "".join("elsif {} {{ {} }}\n".format(*each) for each in others)
        + (f"else {{ {last} }}\n" if last is not None else "")
    ),
    st.tuples(TEST, BLOCK),
    st.lists(st.tuples(TEST, BLOCK), max_size=2),
    st.one_of(st.none(), BLOCK),
)
SCRIPT = st.lists(st.one_of(CHAIN, CHAIN, BLOCK), min_size=1, max_size=4).map(
    lambda parts: REQUIRE + "\n".join(parts)
)


def decided(text: str, included: dict[str, str]) -> list[object]:
    """What becomes of each mail: places with their flags, who gets it; None where the script ended early."""
    script = read_script(text, included=included)
    assert isinstance(script, Script), (script, text)
    found: list[object] = []
    for raw in MAILS:
        outcome = run(script, MessageMail(raw), World(0.0))
        if outcome.problem is not None:
            found.append(None)
            continue
        said: set[object] = set()
        for action in outcome.actions:
            match action:
                case Keep():
                    said.add(("keep", frozenset(action.flags)))
                case FileInto():
                    said.add((action.mailbox, frozenset(action.flags)))
                case Redirect():
                    said.add(action.address)
                case Reject() | Vacation():
                    said.add(action.reason)
                case Discard():
                    pass
        found.append(said)
    return found


@settings(max_examples=300)
@given(SCRIPT)
@example(REQUIRE + 'addflag "\\\\Seen"; setflag "h";')
@example(REQUIRE + 'addflag "\\\\Seen"; fileinto :flags "f" "B"; stop;')
def test_what_is_read_back_decides_the_same(text: str) -> None:
    entries = read_back(text)
    scripts = {entry.name: entry.sieve for entry in entries if isinstance(entry, OwnScript)}
    assert decided(build_script(entries, TODAY), scripts) == decided(text, {})


def test_much_of_it_is_rules() -> None:
    texts = (
        'if header :contains "subject" "x" { fileinto "A"; stop; } elsif true { addflag "f"; }',
        'if not anyof (address "from" "a@example.org", exists "x-none") { redirect :copy "s@example.com"; }',
        'keep; fileinto "B";',
    )
    for text in texts:
        assert all(isinstance(entry, Rule) for entry in read_back(REQUIRE + text))
