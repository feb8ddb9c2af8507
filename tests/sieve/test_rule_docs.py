"""The page about rules names every condition, action and ready-made rule, and its examples are right."""

from __future__ import annotations

import re
from pathlib import Path

from eilbote.catalogue import Catalogue
from eilbote.sieve.ready_made import offers
from eilbote.sieve.rule import OwnScript
from eilbote.sieve.rule_book import read_book
from eilbote.sieve.rule_reading import ACTIONS, CONDITIONS
from eilbote.sieve.script import Script, read_script

PAGE = (Path(__file__).parents[2] / "docs" / "rules.md").read_text(encoding="utf-8")


def section(title: str) -> str:
    return PAGE.partition(f"## {title}\n")[2].partition("\n## ")[0]


def keys(title: str) -> set[str]:
    cells = re.findall(r"^\| (`.+?`) \|", section(title), re.MULTILINE)
    return {key for cell in cells for key in re.findall(r"`([a-z-]+)`", cell)}


def test_every_condition_action_and_offer_is_described() -> None:
    assert keys("Conditions") == set(CONDITIONS)
    assert keys("Actions") == set(ACTIONS)
    assert keys("Ready-made") == {offer.key for offer in offers(Catalogue("en").text)}


def test_the_example_is_a_right_book() -> None:
    example = re.findall(r"```toml\n(.+?)```", PAGE, re.DOTALL)
    assert len(example) == 2
    book = read_book(example[0])
    assert [entry.name for entry in book.entries] == ["Tax adviser", "Large offers", "old"]
    script = book.entries[2]
    assert isinstance(script, OwnScript)
    assert isinstance(read_script(script.sieve), Script)
    (watching,) = read_book(example[1]).entries
    assert isinstance(watching, OwnScript) and watching.on
    assert isinstance(read_script(watching.sieve, event=True), Script)
