"""The table of words: each has somebody who builds it, each extension and problem its name."""

from __future__ import annotations

import re
from pathlib import Path

import eilbote.sieve
from eilbote.catalogue import Catalogue
from eilbote.sieve import actions, conditions
from eilbote.sieve.vocabulary import COMMANDS, EXTENSIONS, TESTS

SOURCE = Path(eilbote.sieve.__file__).parent
FLOW = {"require", "if", "elsif", "else", "stop", "return", "include", "foreverypart", "break"}


def test_every_word_is_built() -> None:
    assert set(COMMANDS) == FLOW | set(actions.BUILDERS)
    assert set(TESTS) == {"not", "allof", "anyof"} | set(conditions.BUILDERS)


def test_every_word_and_tag_needs_an_extension_that_is_known() -> None:
    words = [*COMMANDS.values(), *TESTS.values()]
    needed = {word.needs for word in words} | {tag.needs for word in words for tag in word.tags}
    assert needed - {""} <= EXTENSIONS


def test_every_problem_has_its_sentences() -> None:
    codes = set()
    for file in SOURCE.glob("*.py"):
        codes |= set(re.findall(r'"(sieve\.[a-z_0-9]+)"', file.read_text(encoding="utf-8")))
    assert len(codes) > 60
    for catalogue in (Catalogue("de"), Catalogue("en")):
        assert {code for code in codes if not catalogue.knows(code)} == set()


def test_the_page_names_every_extension() -> None:
    page = (Path(__file__).parents[2] / "docs" / "sieve.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| ([^|]*) \| [^|]* \| (yes|partial|no) \|", page, re.MULTILINE)
    states = {name: state for names, state in rows for name in re.findall(r"`([^`]+)`", names)}
    assert {name for name, state in states.items() if state != "no"} == EXTENSIONS
    assert {"enclose", "replace", "mboxmetadata", "servermetadata"} <= {
        name for name, state in states.items() if state == "no"
    }
