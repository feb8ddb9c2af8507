"""Whether a tree makes sense before it runs: known words, `require`, order, arguments of the right kind.

Gives the checked tree and every problem with its place. Runs nothing. What stands under an `ihave`
that is false is not looked at (RFC 5463 section 4).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from msgspec import Struct

from eilbote.errors import Misused, Problem
from eilbote.sieve.argument_checks import wrong_argument
from eilbote.sieve.bound import Bound, NameSpaceUnknown, Template, Value, Words, divide
from eilbote.sieve.comparator import Comparator
from eilbote.sieve.lexer import MAX_PROBLEMS
from eilbote.sieve.matching import MatchType, can_match
from eilbote.sieve.strings import decode_characters
from eilbote.sieve.tree import Argument, Command, Number, Tag, Test, Text, TextList, Tree
from eilbote.sieve.values import Limits, Position, ScriptProblem
from eilbote.sieve.vocabulary import COMMANDS, EXTENSIONS, IMPLIED, TESTS, Kind, TagWord, Word

_RULE = re.compile(r"\s*rule:\[(.*)\]\s*")
_NUMBERS = (Kind.NUMBER,)
_LISTS = (
    Kind.TEXTS,
    Kind.CONSTANTS,
    Kind.FIELDS,
    Kind.ADDRESS_FIELDS,
    Kind.ENVELOPE_PARTS,
    Kind.KEYS,
    Kind.MAILBOXES,
    Kind.FLAGS,
    Kind.VARIABLES,
)
_CONSTANT = (Kind.CONSTANT, Kind.CONSTANTS, Kind.COMPARATOR, Kind.RELATION)
_OF_VARIABLES = (Kind.VARIABLE, Kind.VARIABLES)
_ENDS = ("stop", "error", "return")


class Checked(Struct):
    """A checked script: its commands, the extensions that it uses, and what `include` names."""

    commands: tuple[Bound, ...]
    extensions: frozenset[str]


def check_tree(tree: Tree, limits: Limits | None = None) -> tuple[Checked, tuple[ScriptProblem, ...]]:
    """The checked tree and what is wrong; with any problem the tree must not run."""
    checker = _Checker(limits or Limits())
    commands = checker.script(tree.commands)
    problems = sorted(checker.problems, key=lambda found: (found.at.line, found.at.column))
    return Checked(commands, frozenset(checker.enabled)), tuple(problems[:MAX_PROBLEMS])


class _Checker:
    def __init__(self, limits: Limits) -> None:
        self.problems: list[ScriptProblem] = []
        self.enabled: set[str] = set()
        self._limits = limits
        self._loops: list[str] = []
        self._rule = ""
        self._ignored = False

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
                self._wrong(command.at, "sieve.else_without_if", command=command.name)
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
            self._wrong(command.at, code, name=command.name)
            return None
        if word.name == "require":
            self._wrong(command.at, "sieve.require_late")
            return None
        self._needs(command.at, word.needs, word.name)
        tags, arguments = self._arguments(command, word)
        tests = self._tests(command, word)
        certain = tests[0].certain if tests and word.tests else None
        bound = Bound(word, command, tags, arguments, tests, (), certain, self._rule)
        if word.block:
            if command.block is None:
                self._wrong(command.at, "sieve.block_missing", command=word.name)
            elif certain is not False:
                if word.name == "foreverypart":
                    self._loops.append(_constant(tags.get("name")))
                bound.block = self._block(command.block)
                if word.name == "foreverypart":
                    self._loops.pop()
        elif command.block is not None:
            self._wrong(command.at, "sieve.block_extra", command=word.name)
        if word.name == "global":
            self._needs(command.at, "variables", word.name)  # RFC 6609 section 3.4
        if word.name == "break":
            self._break(command, _constant(tags["name"]) if "name" in tags else None)
        if word.name == "extracttext" and not self._loops:
            self._wrong(command.at, "sieve.outside_loop", command=word.name)
        return bound

    def _break(self, command: Command, name: str | None) -> None:
        if not self._loops:
            self._wrong(command.at, "sieve.outside_loop", command="break")
        elif name is not None and name not in self._loops:
            self._wrong(command.at, "sieve.no_such_loop", name=name)

    def _tests(self, node: Command | Test, word: Word) -> tuple[Bound, ...]:
        if not word.tests:
            if node.tests and node.tests[0].name in COMMANDS:
                self._wrong(node.tests[0].at, "sieve.missing_semicolon", command=word.name)
            elif node.tests:
                self._wrong(node.tests[0].at, "sieve.test_extra", command=word.name)
            return ()
        if not node.tests:
            self._wrong(node.at, "sieve.test_missing", command=word.name)
            return ()
        if word.tests == 1:
            if node.grouped:
                self._wrong(node.tests[0].at, "sieve.one_test", command=word.name)
            one = self._test(node.tests[0])
            return (one,) if one else ()
        if not node.grouped:
            self._wrong(node.tests[0].at, "sieve.tests_in_brackets", command=word.name)
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
            self._wrong(test.at, code, name=test.name)
            return None
        self._needs(test.at, word.needs, word.name)
        tags, arguments = self._arguments(test, word)
        tests = self._tests(test, word)
        bound = Bound(word, test, tags, arguments, tests, (), None, self._rule)
        results = [each.certain for each in tests]
        match word.name:
            case "ihave" if arguments:
                names = {each.value for each in bound.texts(0)}
                bound.certain = names <= EXTENSIONS
                if bound.certain:
                    self._enable(names)
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
        _, arguments = self._arguments(command, COMMANDS["require"])
        if command.tests or command.block is not None:
            self._wrong(command.at, "sieve.argument_extra", command="require")
        if not arguments or not isinstance(arguments[0], tuple):
            return
        for text in arguments[0]:
            if isinstance(text, Text) and text.value not in EXTENSIONS:
                self._wrong(text.at, "sieve.unknown_extension", extension=_short(text.value))
        self._enable(text.value for text in arguments[0])

    def _enable(self, names: Iterable[str]) -> None:
        for name in names:
            self.enabled.add(name)
            self.enabled.update(IMPLIED.get(name, ()))

    def _needs(self, at: Position, extension: str, name: str) -> None:
        if extension and extension not in self.enabled:
            self._wrong(at, "sieve.missing_require", name=name, extension=extension)

    def _arguments(self, node: Command | Test, word: Word) -> tuple[dict[str, Value], tuple[Value, ...]]:
        """Tags, then arguments in their order (RFC 5228 section 2.6)."""
        tags: dict[str, Value] = {}
        groups: dict[str, str] = {}
        places: dict[str, Position] = {}
        given: list[Argument] = []
        waiting: TagWord | None = None
        for argument in node.arguments:
            if waiting is not None and isinstance(argument, Tag):
                self._wrong(places[waiting.name], "sieve.tag_value_missing", tag=f":{waiting.name}")
                return {}, ()
            if waiting is not None:
                tags[waiting.name] = self._value(argument, waiting.value, f":{waiting.name}")
                waiting = None
                continue
            if not isinstance(argument, Tag):
                given.append(argument)
                continue
            tag = word.tag(argument.name)
            if tag is None:
                self._wrong(argument.at, "sieve.unknown_tag", command=word.name, tag=f":{argument.name}")
                return {}, ()
            self._needs(argument.at, tag.needs, f":{tag.name}")
            if given:
                self._wrong(argument.at, "sieve.tag_too_late", command=word.name, tag=f":{tag.name}")
            if tag.name in tags:
                self._wrong(argument.at, "sieve.tag_twice", tag=f":{tag.name}")
            elif tag.group and tag.group in groups:
                first = f":{groups[tag.group]}"
                self._wrong(argument.at, "sieve.tags_together", first=first, second=f":{tag.name}")
            groups[tag.group] = tag.name
            places[tag.name] = argument.at
            tags[tag.name] = None
            waiting = tag if tag.value is not None else None
        if waiting is not None:
            self._wrong(places[waiting.name], "sieve.tag_value_missing", tag=f":{waiting.name}")
            return {}, ()
        for name, at in places.items():
            tag = word.tag(name)
            if tag is not None and tag.with_tag and tag.with_tag not in tags:
                self._wrong(at, "sieve.tag_needs_tag", tag=f":{name}", other=f":{tag.with_tag}")
        if word.one_of and word.one_of not in groups:
            choice = ", ".join(f":{tag.name}" for tag in word.tags if tag.group == word.one_of)
            self._wrong(node.at, "sieve.tag_missing", command=word.name, tags=choice)
            return {}, ()
        arguments = self._placed(node, word, given)
        if arguments is None:
            return {}, ()
        if word.first_optional and word.arguments[0] in _OF_VARIABLES and arguments[0] is not None:
            self._needs(given[0].at, "variables", word.name)  # RFC 5232 section 2
        self._compared(node, word, tags, places)
        self._checked(word, tags, arguments)
        return tags, arguments

    def _placed(self, node: Command | Test, word: Word, given: list[Argument]) -> tuple[Value, ...] | None:
        kinds = word.arguments
        missing = len(kinds) - len(given)
        if missing == 1 and word.first_optional:
            kinds = kinds[1:]
        elif missing == 1 and word.last_optional:
            kinds = kinds[:-1]
        elif missing > 0:
            self._wrong(node.at, "sieve.argument_missing", command=word.name)
            return None
        elif missing < 0:
            self._wrong(given[len(kinds)].at, "sieve.argument_extra", command=word.name)
            return None
        values = [self._value(each, kind, word.name) for each, kind in zip(given, kinds, strict=True)]
        if len(kinds) < len(word.arguments):
            return (None, *values) if word.first_optional else (*values, None)
        return tuple(values)

    def _value(self, argument: Argument, kind: Kind | None, of: str) -> Value:
        """The argument as its kind wants it; of another one it is a problem, and something harmless."""
        if kind in _NUMBERS:
            if isinstance(argument, Number):
                return argument.value
            self._wrong(argument.at, "sieve.wants_number", of=of)
            return 1
        if isinstance(argument, Text):
            words = self._words(argument, kind)
            return (words,) if kind in _LISTS else words
        if isinstance(argument, TextList):
            if kind in _LISTS:
                return tuple(self._words(text, kind) for text in argument.items)
            self._wrong(argument.at, "sieve.wants_text", of=of)
            return argument.items[0]
        code = "sieve.wants_list" if kind in _LISTS else "sieve.wants_text"
        self._wrong(argument.at, code, of=of)
        harmless = Template(argument.at, "", ())  # is looked at no more
        return (harmless,) if kind in _LISTS else harmless

    def _words(self, text: Text, kind: Kind | None) -> Words:
        """The text with encoded characters decoded and variables found."""
        if "$" not in text.value or kind in _CONSTANT:
            return text
        if "encoded-character" in self.enabled:
            # RFC 5228 section 2.4.2.4; before variables, as RFC 5229 section 3 wants it.
            try:
                text = Text(text.at, decode_characters(text.value), text.multiline)
            except Misused as wrong:
                self.problems.append(ScriptProblem(text.at, wrong.problem))
                return Template(text.at, "", ())
        if "variables" not in self.enabled:
            return text
        try:
            return divide(text, shared="include" in self.enabled)
        except NameSpaceUnknown as unknown:
            self._wrong(text.at, "sieve.unknown_namespace", name=_short(str(unknown)))
            return text

    def _compared(
        self, node: Command | Test, word: Word, tags: dict[str, Value], places: dict[str, Position]
    ) -> None:
        """Whether comparator and match type go together (RFC 5228 section 2.7.3)."""
        named = tags.get("comparator")
        if not isinstance(named, Text):
            return
        comparator = next((each for each in Comparator if each.value == named.value), None)
        if comparator is None:
            self._wrong(named.at, "sieve.unknown_comparator", comparator=_short(named.value))
            return
        if comparator not in (Comparator.OCTET, Comparator.ASCII_CASEMAP):
            self._needs(named.at, f"comparator-{comparator.value}", comparator.value)
        match = next((each for each in MatchType if each.value in tags), MatchType.IS)
        if not can_match(match, comparator):
            parameters = {"comparator": comparator.value, "match": f":{match.value}"}
            self._wrong(named.at, "sieve.comparator_unsuitable", **parameters)

    def _checked(self, word: Word, tags: dict[str, Value], arguments: tuple[Value, ...]) -> None:
        """The values, by their kinds."""
        sorted_out = [
            *((tag.value, tags[tag.name]) for tag in word.tags if tag.name in tags and tag.value is not None),
            *zip(word.arguments, arguments, strict=True),
        ]
        for kind, value in sorted_out:
            texts = value if isinstance(value, tuple) else (value,)
            for text in texts:
                if isinstance(text, Text):
                    problem = wrong_argument(kind, text.value, frozenset(tags), self.enabled, self._limits)
                    if problem is not None:
                        self.problems.append(ScriptProblem(text.at, problem))

    def _wrong(self, at: Position, code: str, **parameters: str) -> None:
        if len(self.problems) < 10 * MAX_PROBLEMS:
            self.problems.append(ScriptProblem(at, Problem(code, parameters)))


def _constant(value: Value) -> str:
    return value.value if isinstance(value, Text) else ""


def _short(text: str) -> str:
    return text if len(text) <= 60 else text[:59] + "…"
