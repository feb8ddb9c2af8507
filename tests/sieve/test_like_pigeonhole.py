"""The same scripts over the same mails here and in Dovecot's Pigeonhole: the same comes out.

`DIFFERENCES` names where it does not, and who is right; docs/sieve.md tells users of them.
"""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from eilbote.mail.headers import Headers, split_headers
from eilbote.sieve.parse import parse_script
from eilbote.sieve.write import write_script
from tests.servers.pigeonhole import Pigeonhole, PrintedAction, Verdict
from tests.sieve.chance_scripts import Chance
from tests.sieve.mails import ENVELOPES, MAILS
from tests.sieve.outcomes import Deed, deeds, ours, stored, world
from tests.sieve.probes import PROBES, script
from tests.sieve.test_check import RIGHT, WRONG
from tests.sieve.test_parse import BAD
from tests.sieve.whole_scripts import INCLUDED, SCRIPTS

# A test and the mails on which it comes out otherwise there (None: all).
DIFFERENCES: dict[str, tuple[str, ...] | None] = {
    # Pigeonhole reads a field of addresses up to the first that is none, and takes `a@b` out of `a@b@c`.
    'address "to" "good@example.org"': ("broken",),
    'address :count "gt" :comparator "i;ascii-numeric" "to" "1"': ("broken",),
    'address :detail :count "eq" :comparator "i;ascii-numeric" "to" "2"': ("broken",),
    'address :count "eq" :comparator "i;ascii-numeric" ["to", "cc"] ["2", "3"]': ("broken",),
    'address :regex :localpart "to" "^[a-d]$"': ("broken",),
    # RFC 4790 section 9.2.1 folds to capitals, Pigeonhole to small letters: they order `[` otherwise.
    'header :value "gt" "subject" "Rechnung Nr. 4710"': ("folded",),
    'header :value "lt" "subject" "s"': ("folded",),
    # Pigeonhole's date test looks at the first field alone and passes over `:index` (RFC 5260 section 6).
    'date :index 1 :last :originalzone "received" "minute" "29"': ("plain",),
    'date :index 2 :originalzone "received" "minute" "29"': ("plain",),
    # Of several names, Pigeonhole counts the fields of all together; here each name has its own first.
    'header :index 1 ["subject", "x-twice"] "one"': ("folded",),
    # Pigeonhole counts nothing where `:index` stands.
    'header :index 1 :count "eq" :comparator "i;ascii-numeric" "message-id" "1"': (
        "plain",
        "encoded",
        "group",
        "multipart",
        "forwarded",
        "cases",
    ),
    # Pigeonhole's string test compares octets where no comparator is named; RFC 5228 section 2.7.3 does not.
    'string :is ["a", "b"] ["c", "B"]': None,
    'string "${hex:4a 4B}" "jk"': None,
}


@pytest.fixture(scope="module")
def pigeonhole() -> Iterator[Pigeonhole]:
    tools = Pigeonhole({"sieve_max_actions": "64"})
    try:
        tools.make_mailboxes(["There"])
        for name, text in INCLUDED.items():
            tools.include(name, text)
        yield tools
    finally:
        tools.remove()


@pytest.mark.parametrize("group", PROBES)
def test_each_test_is_true_of_the_same_mails(group: str, pigeonhole: Pigeonhole) -> None:
    tests = PROBES[group]
    text = script(tests)
    wrong = []
    for name, mail in MAILS.items():
        sender, recipient = ENVELOPES.get(name, ENVELOPES["plain"])
        verdict = pigeonhole.test(text, mail, sender=sender, recipient=recipient)
        assert verdict.accepted and not verdict.failed, verdict.errors
        theirs = {each.said.removeprefix(_STORE) for each in verdict.actions}
        here = set(stored(ours(text, mail, world(name, sender, recipient))))
        for place, test in enumerate(tests):
            differ = (f"T{place}" in theirs) != (f"T{place}" in here)
            if differ != _foreseen(test, name):
                wrong.append((name, test, f"T{place}" in theirs))
    assert wrong == []


@pytest.mark.parametrize("name", SCRIPTS)
def test_each_script_does_the_same(name: str, pigeonhole: Pigeonhole) -> None:
    text = SCRIPTS[name]
    for mail in ("plain", "encoded", "folded", "multipart", "many"):
        sender, recipient = ENVELOPES.get(mail, ENVELOPES["plain"])
        verdict = pigeonhole.test(text, MAILS[mail], sender=sender, recipient=recipient)
        assert verdict.accepted, verdict.errors
        here = ours(text, MAILS[mail], world(mail, sender, recipient), included=INCLUDED)
        assert _printed(deeds(here)) == _deeds(verdict), mail


@pytest.mark.parametrize("seed", range(12))
def test_scripts_made_by_chance_do_the_same(seed: int, pigeonhole: Pigeonhole) -> None:
    chance = Chance(seed)
    for _ in range(5):
        text = chance.script()
        for name in ("plain", "many"):
            sender, recipient = ENVELOPES["plain"]
            verdict = pigeonhole.test(text, MAILS[name], sender=sender, recipient=recipient)
            assert verdict.accepted, verdict.errors
            around = world(name, sender, recipient)
            here = ours(text, MAILS[name], around)
            assert _printed(deeds(here)) == _deeds(verdict), (name, text)
            assert deeds(ours(text, MAILS[name], around, trace=True)) == deeds(here)
            again = write_script(parse_script(text)[0])
            assert deeds(ours(again, MAILS[name], around)) == deeds(here)


EDITS = (
    'addheader "X-New" "Büro"; addheader :last "X-New" "two words"; addheader "Subject" "%s y";' % ("x" * 90),
    'deleteheader "Received"; deleteheader :index 2 "X-Twice"; deleteheader :index 1 :last "X-Label";',
    'deleteheader :contains "To" ["kim", "p3@"]; deleteheader :matches "Subject" "n*"; addheader "To" "a@b";',
    'addheader "X-Twice" "0"; deleteheader :index 1 "X-Twice" "0"; deleteheader :last :index 1 "X-Twice";',
)  # fmt: skip


@pytest.mark.parametrize("edits", EDITS)
def test_headers_are_edited_alike(edits: str, pigeonhole: Pigeonhole) -> None:
    text = f'require "editheader"; {edits}'
    for name in ("plain", "folded", "many", "group"):
        verdict, stored_there = pigeonhole.deliver(
            text, MAILS[name], sender="a@b.example", recipient="k@b.example"
        )
        assert verdict.accepted, verdict.errors
        here = ours(text, MAILS[name])
        assert _fields(stored_there[0].raw) == _fields(here.headers or MAILS[name]), name


def _fields(raw: bytes) -> list[tuple[str, str]]:
    start, end, _ = split_headers(raw, 0, len(raw))
    return list(Headers(raw, start, end))


# Scripts that Pigeonhole takes although they can never work, and those that it refuses although they do.
TAKEN_THERE = (
    "(true, tru,", '"sub ject"', '"from:"', '"century"', '"CET"', 'fileinto "";', "a\r\nb", "(a)\\\\1",
    "hex:00", "${b.c}", "${global.c}",
)  # fmt: skip
REFUSED_THERE = ("what_is_this;", "what :is 1) { keep; }", "else { foo; }", "extlists")


@pytest.mark.parametrize("text", [text for text, _ in (*WRONG, *BAD)])
def test_what_is_wrong_here_is_wrong_there(text: str, pigeonhole: Pigeonhole) -> None:
    taken = any(piece in text for piece in TAKEN_THERE)
    assert (pigeonhole.compile(text).status == 0) is taken


@pytest.mark.parametrize("text", RIGHT)
def test_what_is_right_here_is_right_there(text: str, pigeonhole: Pigeonhole) -> None:
    refused = any(piece in text for piece in REFUSED_THERE) and 'allof (ihave "nobody' not in text
    assert (pigeonhole.compile(text).status != 0) is refused


def test_there_are_enough_of_them() -> None:
    assert len(PROBES) * len(MAILS) + len(SCRIPTS) * 5 >= 300
    known = {test for tests in PROBES.values() for test in tests}
    assert set(DIFFERENCES) <= known


def _foreseen(test: str, mail: str) -> bool:
    mails = DIFFERENCES.get(test, ())
    return mails is None or mail in mails


def _printed(found: list[Deed]) -> list[Deed]:
    """As its tools print texts: each control character as a question mark, line ends as two."""
    return [(what, text.replace("\n", "\r\n").translate(_SHOWN), flags) for what, text, flags in found]


_SHOWN = dict.fromkeys(range(32), "?")
_STORE = "store message in folder: "


def _deeds(verdict: Verdict) -> list[Deed]:
    """Pigeonhole's verdict in the form to compare."""
    if verdict.failed:
        return [("problem", "", frozenset())]
    found = [_deed(each) for each in (*verdict.actions, *verdict.implicit_keep)]
    return sorted(found, key=lambda deed: deed[:2])


def _deed(action: PrintedAction) -> Deed:
    details = [detail.partition(":") for detail in action.details]
    values = {name.strip(" =>+"): value.strip() for name, _, value in details}
    if action.said.startswith(_STORE):
        flags = values.get("add IMAP flags", "").lower().split()
        return ("store", action.said.removeprefix(_STORE), frozenset(flags))
    match action.said.split():
        case ["discard"]:
            return ("discard", "", frozenset())
        case ["redirect", *_, address]:
            return ("redirect", address.strip("<>"), frozenset())
        case ["reject", *_]:
            return ("reject", action.said.removeprefix("reject message with reason: "), frozenset())
        case ["send", "vacation", *_]:
            return ("vacation", f"{values.get('seconds', '')} {values.get('subject', '')}", frozenset())
        case ["send", "notification", *_]:
            return ("notify", values["importance"], frozenset())
    raise AssertionError(action)
