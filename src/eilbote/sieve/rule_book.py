"""The rule book: one TOML document with all rules and scripts of a home, in the order in which they run.

    # Was vom Steuerberater kommt, gehört in die Buchhaltung.
    [[rule]]
    name = "Steuerberater"
    if = [{from = "@steuerberater.example"}]
    then = [{move = "Buchhaltung"}]

    [[script]]
    name = "mein-skript"
    sieve = '''
    keep;
    '''

Reading is strict and bounded, with every problem at its line. An edit touches the block of its rule alone:
all other text stays as somebody wrote it, comments too.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator

import msgspec

from eilbote.errors import Misused, Problem
from eilbote.sieve.rule import OwnScript, Rule
from eilbote.sieve.rule_check import Fault
from eilbote.sieve.rule_reading import read_rule, read_script_table
from eilbote.sieve.toml_layout import Block, Layout, lay_out
from eilbote.sieve.values import Position, ScriptProblem

LARGEST = 1 << 20
"""Bytes of the document in UTF-8."""
MOST_ENTRIES = 1_000
MOST_PROBLEMS = 50
KINDS = ("rule", "script")

_LONG_NUMBER = re.compile(r"[0-9_]{4300,}+")
_LINE = re.compile(r"\(at line (\d{1,9}), column (\d{1,9})\)")


class Book(msgspec.Struct, frozen=True):
    """What a document says: rules and scripts in their order."""

    entries: tuple[Rule | OwnScript, ...] = ()

    def of(self, account: str) -> tuple[Rule | OwnScript, ...]:
        """Those that are for this account: its own and those for all."""
        wanted = account.lower()
        return tuple(each for each in self.entries if each.account.lower() in ("", wanted))

    def entry(self, name: str) -> Rule | OwnScript | None:
        """The rule or script of this name, upper and lower case being the same."""
        return next((each for each in self.entries if each.name.lower() == name.lower()), None)


def read_book(text: str) -> Book:
    """What the document says. Misused with the first of its problems; `place` names the line."""
    book, problems = judge_book(text)
    if problems:
        raise Misused(problems[0].problem)
    return book


def judge_book(text: str) -> tuple[Book, tuple[ScriptProblem, ...]]:
    """What the document says, and what is wrong with it and where, at most `MOST_PROBLEMS`. With a problem
    the book is not to be used."""
    try:
        layout, tables = _parse(text)
    except Misused as wrong:
        told = wrong.problem.parameters
        at = Position(int(told.get("line", 1)), int(told.get("column", 1)))
        return Book(), (ScriptProblem(at, wrong.problem),)
    problems: list[ScriptProblem] = []
    entries: list[Rule | OwnScript] = []
    names: dict[str, int] = {}
    for block, table in zip((each for each in layout.blocks if each.name in KINDS), tables, strict=True):
        entry: Rule | OwnScript
        found: tuple[Fault, ...]
        if block.name == "rule":
            entry, found = read_rule(table)
        else:
            entry, found = read_script_table(table)
        problems += (
            _at(block.line_of(fault.section, fault.index, fault.key), fault.problem) for fault in found
        )
        if (first := names.setdefault(entry.name.lower(), block.line)) != block.line and entry.name:
            parameters = {"place": "", "name": entry.name, "first": str(first)}
            problems.append(_at(block.line_of("", 0, "name"), Problem("rules.same_name", parameters)))
        entries.append(entry)
        if len(problems) >= MOST_PROBLEMS:
            break
    problems.sort(key=lambda found: found.at.line)
    return Book(tuple(entries)), tuple(problems[:MOST_PROBLEMS])


def _parse(text: str) -> tuple[Layout, list[dict[str, object]]]:
    """The document's blocks and, in the same order, the tables of rules and scripts. Misused."""
    if len(text) > LARGEST or len(text.encode("utf-8", "replace")) > LARGEST:
        raise Misused("rules.book_large", place=_place(1), line=1, limit=LARGEST)
    if text.startswith("\ufeff"):
        raise _syntax(1, 1, "Byte order mark (U+FEFF)")
    layout = lay_out(text.replace("\r\n", "\n"))
    wanted = [block for block in layout.blocks if block.name in KINDS]
    if len(wanted) > MOST_ENTRIES:
        line = wanted[MOST_ENTRIES].line
        raise Misused("rules.book_many", place=_place(line), line=line, limit=MOST_ENTRIES)
    for stranger in _strangers(layout):
        # It could make a known table part of another: nothing else is read.
        raise Misused(stranger.problem)
    try:
        document = tomllib.loads(text)
    except tomllib.TOMLDecodeError as problem:
        found = _LINE.search(str(problem))
        line, column = (int(found[1]), int(found[2])) if found else (text.count("\n") + 1, 1)
        reason = _LINE.sub("", str(problem)).removesuffix("(at end of document)").strip()[:200]
        raise _syntax(line, column, reason) from None
    except ValueError:  # Python reads no longer numbers (sys.set_int_max_str_digits)
        number = _LONG_NUMBER.search(text)
        before = text[: number.start()] if number else ""
        column = len(before) - before.rfind("\n")
        raise _syntax(before.count("\n") + 1, column, "Number with too many digits") from None
    tables = {kind: iter(document.get(kind, [])) for kind in KINDS}
    return layout, [next(tables[block.name]) for block in wanted]


def _strangers(layout: Layout) -> Iterator[ScriptProblem]:
    """What is neither a rule nor a script."""
    for key, line in layout.loose.items():
        yield _at(line, Problem("rules.unknown_table", {"place": "", "table": key[:60]}))
    for block in layout.blocks:
        if block.name not in KINDS:
            yield _at(block.line, Problem("rules.unknown_table", {"place": "", "table": block.name[:60]}))


def _at(line: int, problem: Problem) -> ScriptProblem:
    placed = Problem(problem.code, {**problem.parameters, "place": _place(line), "line": str(line)})
    return ScriptProblem(Position(line, 1), placed)


def _syntax(line: int, column: int, reason: str) -> Misused:
    return Misused("rules.syntax", place=_place(line), line=line, column=column, reason=reason)


def _place(line: int) -> str:
    return f"rules.toml:{line}"


def blocks_of(text: str) -> list[Block]:
    """The blocks of a document that `read_book` takes, in order."""
    return [block for block in lay_out(text).blocks if block.name in KINDS]


def line_of_script(text: str, name: str, line: int) -> int:
    """The line of the document in which a line of a script stands; with 0, that of the entry's name."""
    text = text.replace("\r\n", "\n")
    for entry, block in zip(read_book(text).entries, blocks_of(text), strict=True):
        if entry.name.lower() != name.lower():
            continue
        key = block.keys.get("sieve", block.line)
        if not line:
            return block.line_of("", 0, "name")
        # A text of several lines begins behind its quotes, mostly in the next line.
        opening = text.split("\n")[key - 1].partition("=")[2].strip()
        return key + line - (0 if opening in ("'''", '"""') else 1)
    return 1
