"""docs/servers.md: each row names a quirk or a fact that there is, a module that there is, and a test that
there is; no quirk is without its row."""

from __future__ import annotations

import ast
import re
from functools import cache
from pathlib import Path

import pytest

from eilbote.protocols.imap.quirks import QUIRKS
from eilbote.providers.table import providers, small_hoster

ROOT = Path(__file__).parents[2]
NAMED = re.compile(r"`([^`]+)`")


def rows() -> list[list[str]]:
    text = (ROOT / "docs" / "servers.md").read_text(encoding="utf-8")
    cells = [
        [cell.strip() for cell in line.strip().strip("|").split(" | ")]
        for line in text.splitlines()
        if line.startswith("|")
    ]
    return [one for one in cells if not one[0].startswith(("what ", "---"))]


ROWS = rows()
everyone = pytest.mark.parametrize("row", ROWS, ids=lambda row: row[0][:60])


@cache
def names_of_tests(path: Path) -> frozenset[str]:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    found = (one for one in ast.walk(tree) if isinstance(one, ast.FunctionDef | ast.AsyncFunctionDef))
    return frozenset(one.name for one in found if one.name.startswith("test_"))


@everyone
def test_what_a_row_names_is_there(row: list[str]) -> None:
    assert len(row) in (4, 5)
    assert all(row)
    (module,) = NAMED.findall(row[-2])
    assert (ROOT / "src" / "eilbote" / f"{module}.py").is_file()
    (test,) = NAMED.findall(row[-1])
    path, _, name = test.partition("::")
    assert name in names_of_tests(ROOT / path)


@everyone
def test_what_a_row_is_known_as_is_a_dated_fact(row: list[str]) -> None:
    if len(row) == 4:
        return  # of every server
    names = NAMED.findall(row[2])
    assert names
    table = {one.id: one for one in providers()}
    quirks = {one.name: one for one in QUIRKS}
    for name in names:
        if name in quirks:
            assert quirks[name].seen
        elif name == "small_hoster":
            assert small_hoster().checked.year
        else:
            provider, _, field = name.rpartition(".")
            assert getattr(table[provider], field), name


def test_every_quirk_has_its_row() -> None:
    named = {name for row in ROWS if len(row) == 5 for name in NAMED.findall(row[2])}
    assert {one.name for one in QUIRKS} <= named


def test_the_page_is_as_long_as_it_should_be() -> None:
    assert len(ROWS) > 70
