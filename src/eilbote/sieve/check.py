"""Whether a tree makes sense before it runs: known words, `require`, order, arguments of the right kind.

Gives the checked tree and every problem with its place. Runs nothing. What stands under an `ihave`
that is false is not looked at (RFC 5463 section 4).
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from msgspec import Struct

from eilbote.sieve.binding import Binder, short
from eilbote.sieve.bound import Bound, Value
from eilbote.sieve.lexer import MAX_PROBLEMS
from eilbote.sieve.tree import Command, Test, Text, Tree
from eilbote.sieve.values import Limits, ScriptProblem
from eilbote.sieve.vocabulary import COMMANDS, EXTENSIONS, TESTS, Word

_RULE = re.compile(r"\s*(?:rule|script):\[(.*)\]\s*")
_ENDS = ("stop", "error", "return")


class Checked(Struct):
    """A checked script: its commands, the extensions that it uses, and what `include` names."""

    commands: tuple[Bound, ...]
    extensions: frozenset[str]


def check_tree(tree: Tree, limits: Limits | None = None) -> tuple[Checked, tuple[ScriptProblem, ...]]:
    """The checked tree and what is wrong; with any problem the tree must not run."""
    checker = _Checker(limits or Limits())
    commands = checker.script(tree.commands)
    problems = sorted(checker.problems(), key=lambda found: (found.at.line, found.at.column))
    return Checked(commands, checker.extensions()), tuple(problems[:MAX_PROBLEMS])


class _Checker:
    def __init__(self, limits: Limits) -> None:
        self._binder = Binder(limits)
        self._loops: list[str] = []
        self._rule = ""

    def problems(self) -> list[ScriptProblem]:
        """What was found wrong."""
        return self._binder.problems

    def extensions(self) -> frozenset[str]:
        """What is enabled."""
        return frozenset(self._binder.enabled)

    def script(self, commands: Sequence[Command]) -> tuple[Bound, ...]:
        """The whole script, `require` first."""
        first = 0
        for command in commands:
            if command.name != "require":
                break
            self._require(command)
            first += 1
        return self._block(commands[first:], top=True)

    def _block(self, commands: Sequence[Command], *, top: bool = False) -> tuple[Bound, ...]:
        found: list[Bound] = []
        previous = ""
        settled = False  # of the chain of if and elsif here: whether one of them is certainly true
        refused = True  # whether all of them so far are certainly false
        for command in commands:
            if top:
                for comment in command.comments:
                    if named := _RULE.fullmatch(comment):
                        self._rule = named[1]
            if command.name in ("elsif", "else") and previous not in ("if", "elsif"):
                self._binder.wrong(command.at, "sieve.else_without_if", command=command.name)
            if command.name not in ("elsif", "else"):
                settled, refused = False, True
            previous = command.name
            if settled and command.name in ("elsif", "else"):
                continue
            bound = self._command(command)
            if bound is None:
                continue
            if command.name in ("if", "elsif") and bound.certain is False:
                # Stays, as the `elsif` behind it needs it.
                bound.block = ()
            found.append(bound)
            if command.name in ("if", "elsif", "else"):
                taken = bound.certain is True or command.name == "else"
                if taken and refused and bound.block and bound.block[-1].word.name in _ENDS:
                    break  # what follows is never reached
                settled = settled or taken
                refused = refused and bound.certain is False
        return tuple(found)

    def _command(self, command: Command) -> Bound | None:
        word = COMMANDS.get(command.name)
        if word is None:
            code = "sieve.test_as_command" if command.name in TESTS else "sieve.unknown_command"
            self._binder.wrong(command.at, code, name=command.name)
            return None
        if word.name == "require":
            self._binder.wrong(command.at, "sieve.require_late")
            return None
        self._binder.needs(command.at, word.needs, word.name)
        tags, arguments = self._binder.arguments(command, word)
        tests = self._tests(command, word)
        certain = tests[0].certain if tests and word.tests else None
        bound = Bound(word, command, tags, arguments, tests, (), certain, self._rule)
        if word.block:
            if command.block is None:
                self._binder.wrong(command.at, "sieve.block_missing", command=word.name)
            elif certain is not False:
                if word.name == "foreverypart":
                    self._loops.append(_constant(tags.get("name")))
                bound.block = self._block(command.block)
                if word.name == "foreverypart":
                    self._loops.pop()
        elif command.block is not None:
            self._binder.wrong(command.at, "sieve.block_extra", command=word.name)
        if word.name == "global":
            self._binder.needs(command.at, "variables", word.name)  # RFC 6609 section 3.4
        if word.name == "break":
            self._break(command, _constant(tags["name"]) if "name" in tags else None)
        if word.name == "extracttext" and not self._loops:
            self._binder.wrong(command.at, "sieve.outside_loop", command=word.name)
        return bound

    def _break(self, command: Command, name: str | None) -> None:
        if not self._loops:
            self._binder.wrong(command.at, "sieve.outside_loop", command="break")
        elif name is not None and name not in self._loops:
            self._binder.wrong(command.at, "sieve.no_such_loop", name=name)

    def _tests(self, node: Command | Test, word: Word) -> tuple[Bound, ...]:
        if not word.tests:
            if node.tests and node.tests[0].name in COMMANDS:
                self._binder.wrong(node.tests[0].at, "sieve.missing_semicolon", command=word.name)
            elif node.tests:
                self._binder.wrong(node.tests[0].at, "sieve.test_extra", command=word.name)
            return ()
        if not node.tests:
            self._binder.wrong(node.at, "sieve.test_missing", command=word.name)
            return ()
        if word.tests == 1:
            if node.grouped:
                self._binder.wrong(node.tests[0].at, "sieve.one_test", command=word.name)
            one = self._test(node.tests[0])
            return (one,) if one else ()
        if not node.grouped:
            self._binder.wrong(node.tests[0].at, "sieve.tests_in_brackets", command=word.name)
        found: list[Bound] = []
        for test in node.tests:
            bound = self._test(test)
            if bound is None:
                continue
            found.append(bound)
            if bound.certain is (word.name == "anyof"):
                break  # the others do not matter, and may use what is not there
        return tuple(found)

    def _test(self, test: Test) -> Bound | None:
        word = TESTS.get(test.name)
        if word is None:
            code = "sieve.command_as_test" if test.name in COMMANDS else "sieve.unknown_test"
            self._binder.wrong(test.at, code, name=test.name)
            return None
        self._binder.needs(test.at, word.needs, word.name)
        tags, arguments = self._binder.arguments(test, word)
        tests = self._tests(test, word)
        bound = Bound(word, test, tags, arguments, tests, (), None, self._rule)
        results = [each.certain for each in tests]
        match word.name:
            case "ihave" if arguments:
                names = {each.value for each in bound.texts(0)}
                bound.certain = names <= EXTENSIONS
                if bound.certain:
                    self._binder.enable(names)
            case "not" if results and results[0] is not None:
                bound.certain = not results[0]
            case "allof" | "anyof" if results:
                ending = word.name == "anyof"
                if ending in results:
                    bound.certain = ending
                elif None not in results and len(results) == len(test.tests):
                    bound.certain = not ending
        return bound

    def _require(self, command: Command) -> None:
        _, arguments = self._binder.arguments(command, COMMANDS["require"])
        if command.tests or command.block is not None:
            self._binder.wrong(
                command.at, "sieve.argument_extra", command="require", form=COMMANDS["require"].form()
            )
        if not arguments or not isinstance(arguments[0], tuple):
            return
        for text in arguments[0]:
            if isinstance(text, Text) and text.value not in EXTENSIONS:
                self._binder.wrong(text.at, "sieve.unknown_extension", extension=short(text.value))
        self._binder.enable(text.value for text in arguments[0])


def _constant(value: Value) -> str:
    return value.value if isinstance(value, Text) else ""
