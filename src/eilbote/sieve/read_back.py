"""Simple Sieve to friendly rules, as Eilbote, Roundcube, Open-Xchange, Horde, Nextcloud and people write it.

A rule is an `if` whose tests and actions a friendly rule can say, or actions by themselves. What is more
than that stays a script, in its place among the rules, and so does the whole script where its parts hang
together (variables). Nothing is guessed: what is read back decides the same about every mail.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from datetime import date
from itertools import pairwise

from msgspec import Struct
from msgspec.structs import replace

from eilbote.sieve.build import answers_on, unanswered
from eilbote.sieve.parse import parse_script
from eilbote.sieve.read_actions import ACTIONS, read_actions
from eilbote.sieve.read_conditions import plain, read_condition_back
from eilbote.sieve.rule import AnyCondition, Match, OwnScript, Rule
from eilbote.sieve.rule_check import LONGEST_NAME, canonical, faults
from eilbote.sieve.script import Script, read_script
from eilbote.sieve.tree import Command, Test, Tree
from eilbote.sieve.write import write_script

_NAMES = (
    re.compile(r"\s*rule:\[(.*)\]\s*"),  # Roundcube, Eilbote
    re.compile(r"#\s*Flag:.*\|Rulename:(.*)"),  # Open-Xchange
    re.compile(r"\s*Filter:(.*)"),  # Nextcloud
)
_TODAY = re.compile(r"\s*today:\[(\d{4}-\d{2}-\d{2})\]\s*")
_OFF = re.compile(r"if\s+false\s*#[ \t]*(\S.*)", re.IGNORECASE)
_HANGING_TOGETHER = frozenset({"variables", "foreverypart", "ihave", "editheader"})
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]")


class _Piece(Struct, frozen=True):
    """A command at the top of the script, and the rule it is; None: none that is friendly."""

    command: Command
    rules: tuple[Rule, ...] | None


class _Before(Struct):
    """What earlier rules have done: the tests of those that answer, and whether flags are set."""

    answers: list[Test]
    flagged: bool = False


def read_back(text: str, name: str = "Sieve") -> tuple[Rule | OwnScript, ...]:
    """The rules and scripts that do what this script does, in order. `name` is for those without one.
    Never raises: what cannot be read at all is one script."""
    whole = (OwnScript(name, text),)
    tree, problems = parse_script(text)
    known = read_script(_without_includes(tree))
    if problems or not isinstance(known, Script) or not known.extensions.isdisjoint(_HANGING_TOGETHER):
        return whole
    pieces = [*_pieces(tree, text)]
    if not any(piece.rules for piece in pieces):
        return whole
    return tuple(_named(_entries(tree, pieces), name))


def read_rule_back(text: str) -> Rule | None:
    """The one rule that a script is; None where it is more, or less, or not simple."""
    found = read_back(text)
    return found[0] if len(found) == 1 and isinstance(found[0], Rule) else None


def _pieces(tree: Tree, text: str) -> Iterator[_Piece]:
    """Each command that does something. An `if` with its `elsif` and `else` is one."""
    commands = [command for command in tree.commands if command.name != "require"]
    lines = text.removeprefix("\ufeff").splitlines()
    before = _Before([])
    at = 0
    while at < len(commands):
        yield from _commented_out(commands[at].comments, commands[at])
        end = at + 1
        while end < len(commands) and commands[end].name in ("elsif", "else"):
            end += 1
        if commands[at].name == "if":
            chain = commands[at:end]
            rules = _chain(chain, lines, before, last=end == len(commands))
            yield from (_Piece(command, rules if command is chain[0] else ()) for command in chain)
        else:
            while end < len(commands) and commands[end].name in ACTIONS and commands[end - 1].name != "stop":
                end += 1
            rules = _loose(commands[at:end], before) if commands[at].name in ACTIONS else None
            end = end if rules is not None else at + 1
            yield from (
                _Piece(command, rules if command is commands[at] else ()) for command in commands[at:end]
            )
        before.flagged = before.flagged or any(map(_sets_flags, commands[at:end]))
        at = end
    if commands:
        yield from _commented_out(tree.comments, commands[-1])


def _commented_out(comments: tuple[str, ...], command: Command) -> Iterator[_Piece]:
    """Rules that are off as Open-Xchange writes it: whole in comments, below the comment with their name."""
    named = [number for number, comment in enumerate(comments) if _NAMES[1].fullmatch(comment)]
    for number, end in pairwise((*named, len(comments))):
        tree, problems = parse_script("\n".join(comments[number + 1 : end]))
        if not problems and len(tree.commands) == 1 and tree.commands[0].name == "if":
            hidden = replace(tree.commands[0], comments=(comments[number],))
            rule = _rule(hidden, [], _Before([]))
            if rule is not None:
                yield _Piece(command, (replace(rule, enabled=False),))


def _chain(chain: list[Command], lines: list[str], before: _Before, *, last: bool) -> tuple[Rule, ...] | None:
    """The rules of an `if` and what hangs on it: each but the last stops, or nothing comes after them."""
    rules: list[Rule] = []
    for number, command in enumerate(chain):
        rule = _rule(command, lines, before)
        if rule is None or (len(chain) > 1 and not rule.enabled):
            return None
        if number < len(chain) - 1 and not rule.stop:
            if not last:
                return None
            rule = replace(rule, stop=True)
        rules.append(rule)
    return tuple(rules)


def _rule(command: Command, lines: list[str], before: _Before) -> Rule | None:
    done = read_actions(command.block or (), unanswered(before.answers))
    if done is None or (done.sets_flags and before.flagged):
        return None
    whole = command.tests[0] if command.tests else Test(command.at, "true")
    test, enabled = _switched(whole, command, lines)
    today = _day(command.comments)
    said = None if test is None else _conditions(test, today)
    if said is None:
        return None
    match, conditions = said
    rule = _right(Rule(_name(command.comments), conditions, done.actions, match, done.stop, enabled))
    if rule is not None and test is not None and answers_on(rule):
        before.answers.append(plain(test))
    return rule


def _loose(commands: list[Command], before: _Before) -> tuple[Rule, ...] | None:
    """Actions for every mail."""
    done = read_actions(tuple(commands))
    if done is None or (done.sets_flags and before.flagged):
        return None
    rule = _right(Rule(_name(commands[0].comments), (), done.actions, stop=done.stop))
    if rule is not None and answers_on(rule):
        before.answers.append(plain(Test(commands[0].at, "true")))
    return None if rule is None else (rule,)


def _right(rule: Rule) -> Rule | None:
    """The rule in its one form, if it is right but for its name."""
    rule = canonical(rule)
    return None if any(faults(replace(rule, name="x"))) else rule


def _switched(test: Test, command: Command, lines: list[str]) -> tuple[Test | None, bool]:
    """The test of a rule, and whether it is on. Off is `if false # test` (Roundcube) or `allof (false, test)`
    (Eilbote)."""
    if test.name == "false":
        line = lines[command.at.line - 1] if command.at.line <= len(lines) else ""
        hidden = _OFF.match(line[command.at.column - 1 :])
        if hidden is None:
            return Test(test.at, "true"), False
        tree, problems = parse_script(f"if {hidden[1]} {{}}")
        good = not problems and len(tree.commands) == 1 and tree.commands[0].tests
        return (tree.commands[0].tests[0] if good else None), False
    if test.name == "allof" and len(test.tests) == 2 and test.tests[0].name == "false":
        return test.tests[1], False
    return test, True


def _conditions(test: Test, today: date | None) -> tuple[Match, tuple[AnyCondition, ...]] | None:
    if test.name == "true":
        return Match.ALL, ()
    one = read_condition_back(test, today)
    if one is not None:
        return Match.ALL, (one,)
    match = Match.ALL if test.name == "allof" else Match.ANY
    if test.name == "not" and test.tests[0].name == "anyof":
        test, match = test.tests[0], Match.NONE
    if test.name not in ("allof", "anyof"):
        return None
    inner = [read_condition_back(each, today) for each in test.tests if not _is_true(each, match)]
    found = tuple(each for each in inner if each is not None)
    return (match, found) if len(found) == len(inner) and found else None


def _is_true(test: Test, match: Match) -> bool:
    return match is Match.ALL and test.name == "true"


def _entries(tree: Tree, pieces: list[_Piece]) -> Iterator[Rule | OwnScript]:
    """The rules, and what lies between them as scripts."""
    needs = tuple(command for command in tree.commands if command.name == "require")
    needs = tuple(replace(command, comments=()) for command in needs)
    odd: list[Command] = []
    for piece in pieces:
        if piece.rules is None or (odd and piece.command.name in ("elsif", "else")):
            odd.append(piece.command)
            continue
        if odd and piece.rules:
            yield OwnScript(_name(odd[0].comments), write_script(Tree((*needs, *odd))))
            odd = []
        yield from piece.rules
    if odd:
        yield OwnScript(_name(odd[0].comments), write_script(Tree((*needs, *odd))))


def _named(entries: Iterable[Rule | OwnScript], name: str) -> Iterator[Rule | OwnScript]:
    """With a name for each that no other has."""
    taken: set[str] = set()
    counts: dict[str, int] = {}
    for number, entry in enumerate(entries, 1):
        wanted = free = (entry.name or f"{name} {number}")[:LONGEST_NAME]
        while free.lower() in taken:
            more = counts[wanted.lower()] = counts.get(wanted.lower(), 1) + 1
            free = f"{wanted[: LONGEST_NAME - 8]} ({more})"
        taken.add(free.lower())
        yield replace(entry, name=free)


def _name(comments: tuple[str, ...]) -> str:
    """The name in the comments above a command; a single line of comment is one too (Horde)."""
    for comment in reversed(comments):
        for pattern in _NAMES:
            if found := pattern.fullmatch(comment):
                return _clean(found[1])
    others = [each for each in comments if not _TODAY.fullmatch(each)]
    return _clean(others[0]) if len(others) == 1 else ""


def _clean(name: str) -> str:
    return (
        " ".join(_CONTROL.sub(" ", name).split())[:LONGEST_NAME].strip()
        if _CONTROL.search(name)
        else name.strip()
    )


def _day(comments: tuple[str, ...]) -> date | None:
    for comment in comments:
        if found := _TODAY.fullmatch(comment):
            try:
                return date.fromisoformat(found[1])
            except ValueError:
                return None
    return None


def _sets_flags(command: Command) -> bool:
    inner = any(map(_sets_flags, command.block or ()))
    return inner or command.name in ("addflag", "setflag", "include")


def _without_includes(tree: Tree) -> str:
    """The script, for a check that needs no other script."""
    return write_script(Tree(tuple(map(_uninclude, tree.commands))))


def _uninclude(command: Command) -> Command:
    block = None if command.block is None else tuple(map(_uninclude, command.block))
    if command.name == "include":
        return Command(command.at, "keep")
    return replace(command, block=block)
