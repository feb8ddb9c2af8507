"""Arguments of a command or test, sorted out by its row of the vocabulary: tags, places, kinds (RFC 5228
section 2.6), and texts with their encoded characters and variables.

Notes every problem with its place; gives something harmless in the place of what is wrong.
"""

from __future__ import annotations

from collections.abc import Iterable

from eilbote.errors import Misused, Problem
from eilbote.sieve.argument_checks import wrong_argument
from eilbote.sieve.bound import NameSpaceUnknown, Template, Value, Words, divide
from eilbote.sieve.comparator import Comparator
from eilbote.sieve.lexer import MAX_PROBLEMS
from eilbote.sieve.matching import MatchType, can_match
from eilbote.sieve.strings import decode_characters
from eilbote.sieve.tree import Argument, Command, Number, Tag, Test, Text, TextList
from eilbote.sieve.values import Limits, Position, ScriptProblem
from eilbote.sieve.vocabulary import IMPLIED, LISTS, Kind, TagWord, Word

_NUMBERS = (Kind.NUMBER,)
_CONSTANT = (Kind.CONSTANT, Kind.CONSTANTS, Kind.COMPARATOR, Kind.RELATION)
_OF_VARIABLES = (Kind.VARIABLE, Kind.VARIABLES)


class Binder:
    """What is enabled in one script, and what is wrong with it so far."""

    def __init__(self, limits: Limits) -> None:
        self.problems: list[ScriptProblem] = []
        self.enabled: set[str] = set()
        self._limits = limits

    def enable(self, names: Iterable[str]) -> None:
        """These extensions may be used from here on."""
        for name in names:
            self.enabled.add(name)
            self.enabled.update(IMPLIED.get(name, ()))

    def needs(self, at: Position, extension: str, name: str) -> None:
        """Note where a name stands whose extension was not asked for."""
        if extension and extension not in self.enabled:
            self.wrong(at, "sieve.missing_require", name=name, extension=extension)

    def arguments(self, node: Command | Test, word: Word) -> tuple[dict[str, Value], tuple[Value, ...]]:
        """Tags, then arguments in their order (RFC 5228 section 2.6)."""
        tags: dict[str, Value] = {}
        groups: dict[str, str] = {}
        places: dict[str, Position] = {}
        given: list[Argument] = []
        waiting: TagWord | None = None
        for argument in node.arguments:
            if waiting is not None and isinstance(argument, Tag):
                self.wrong(places[waiting.name], "sieve.tag_value_missing", tag=f":{waiting.name}")
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
                self.wrong(argument.at, "sieve.unknown_tag", command=word.name, tag=f":{argument.name}")
                return {}, ()
            self.needs(argument.at, tag.needs, f":{tag.name}")
            if given:
                self.wrong(argument.at, "sieve.tag_too_late", command=word.name, tag=f":{tag.name}")
            if tag.name in tags:
                self.wrong(argument.at, "sieve.tag_twice", tag=f":{tag.name}")
            elif tag.group and tag.group in groups:
                first = f":{groups[tag.group]}"
                self.wrong(argument.at, "sieve.tags_together", first=first, second=f":{tag.name}")
            groups[tag.group] = tag.name
            places[tag.name] = argument.at
            tags[tag.name] = None
            waiting = tag if tag.value is not None else None
        if waiting is not None:
            self.wrong(places[waiting.name], "sieve.tag_value_missing", tag=f":{waiting.name}")
            return {}, ()
        for name, at in places.items():
            tag = word.tag(name)
            if tag is not None and tag.with_tag and tag.with_tag not in tags:
                self.wrong(at, "sieve.tag_needs_tag", tag=f":{name}", other=f":{tag.with_tag}")
        if word.one_of and word.one_of not in groups:
            choice = ", ".join(f":{tag.name}" for tag in word.tags if tag.group == word.one_of)
            self.wrong(node.at, "sieve.tag_missing", command=word.name, tags=choice)
            return {}, ()
        arguments = self._placed(node, word, given)
        if arguments is None:
            return {}, ()
        if word.first_optional and word.arguments[0] in _OF_VARIABLES and arguments[0] is not None:
            self.needs(given[0].at, "variables", word.name)  # RFC 5232 section 2
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
            self.wrong(node.at, "sieve.argument_missing", command=word.name, form=word.form())
            return None
        elif missing < 0:
            self.wrong(given[len(kinds)].at, "sieve.argument_extra", command=word.name, form=word.form())
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
            self.wrong(argument.at, "sieve.wants_number", of=of)
            return 1
        if isinstance(argument, Text):
            words = self._words(argument, kind)
            return (words,) if kind in LISTS else words
        if isinstance(argument, TextList):
            if kind in LISTS:
                return tuple(self._words(text, kind) for text in argument.items)
            self.wrong(argument.at, "sieve.wants_text", of=of)
            return argument.items[0]
        code = "sieve.wants_list" if kind in LISTS else "sieve.wants_text"
        self.wrong(argument.at, code, of=of)
        harmless = Template(argument.at, "", ())  # is looked at no more
        return (harmless,) if kind in LISTS else harmless

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
            self.wrong(text.at, "sieve.unknown_namespace", name=short(str(unknown)))
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
            self.wrong(named.at, "sieve.unknown_comparator", comparator=short(named.value))
            return
        if comparator not in (Comparator.OCTET, Comparator.ASCII_CASEMAP):
            self.needs(named.at, f"comparator-{comparator.value}", comparator.value)
        match = next((each for each in MatchType if each.value in tags), MatchType.IS)
        if not can_match(match, comparator):
            parameters = {"comparator": comparator.value, "match": f":{match.value}"}
            self.wrong(named.at, "sieve.comparator_unsuitable", **parameters)

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

    def wrong(self, at: Position, code: str, **parameters: str) -> None:
        """Note a problem."""
        if len(self.problems) < 10 * MAX_PROBLEMS:
            self.problems.append(ScriptProblem(at, Problem(code, parameters)))


def short(text: str) -> str:
    """A text as a sentence can quote it."""
    return text if len(text) <= 60 else text[:59] + "…"
