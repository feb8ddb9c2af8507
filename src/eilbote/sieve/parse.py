"""Tokens to a tree (RFC 5228 section 8.2). Knows the grammar, and no command or test by its name.

Goes on after a mistake at the next semicolon or block, so that several are named in one go. Never
raises; size, depth and number are bounded.
"""

from __future__ import annotations

from eilbote.errors import Problem
from eilbote.sieve.lexer import MAX_PROBLEMS, Kind, Places, Token, read_tokens
from eilbote.sieve.tree import Argument, Command, Number, Tag, Test, Text, TextList, Tree
from eilbote.sieve.values import Limits, Position, ScriptProblem

_BEFORE_TEST = ("if", "elsif", "not")


class _Lost(Exception):
    """The command cannot be read on; its problem is noted."""


def parse_script(text: str, limits: Limits | None = None) -> tuple[Tree, tuple[ScriptProblem, ...]]:
    """The tree of a script and what is wrong with its grammar, in order; where anything is, the tree
    holds only what could be read."""
    limits = limits or Limits()
    text = text.removeprefix("\ufeff")
    start = Position(1, 1)
    if len(text) > limits.script_bytes or len(text.encode("utf-8", "replace")) > limits.script_bytes:
        problem = Problem("sieve.too_long", {"limit": str(limits.script_bytes)})
        return Tree(()), (ScriptProblem(start, problem),)
    problems: list[ScriptProblem] = []
    places = Places(text)
    tokens = read_tokens(text, places, problems)
    tree = _Parser(tokens, places, problems, limits).whole()
    problems.sort(key=lambda found: (found.at.line, found.at.column))
    return tree, tuple(problems[:MAX_PROBLEMS])


class _Parser:
    def __init__(
        self, tokens: list[Token], places: Places, problems: list[ScriptProblem], limits: Limits
    ) -> None:
        self._tokens = tokens
        self._at = 0
        self._place = places.at
        self._problems = problems
        self._limits = limits
        self._commands = 0

    def whole(self) -> Tree:
        """Everything up to the end."""
        commands: list[Command] = []
        while True:
            found, comments = self._commands_until_brace(0)
            commands += found
            token = self._tokens[self._at]
            if token.kind is Kind.END:
                return Tree(tuple(commands), comments)
            self._wrong(token, "sieve.unexpected", found="}")
            self._at += 1

    def _commands_until_brace(self, depth: int) -> tuple[tuple[Command, ...], tuple[str, ...]]:
        """Commands up to a closing brace, which is left, or the end; and the comments before that."""
        found: list[Command] = []
        while True:
            comments = self._comments()
            token = self._tokens[self._at]
            if token.kind is Kind.END or (token.kind is Kind.MARK and token.text == "}"):
                return tuple(found), comments
            if len(self._problems) >= MAX_PROBLEMS or self._commands > self._limits.commands:
                self._at = len(self._tokens) - 1
                continue
            try:
                found.append(self._command(comments, depth))
            except _Lost:
                self._recover()

    def _command(self, comments: tuple[str, ...], depth: int) -> Command:
        token = self._tokens[self._at]
        if token.kind is not Kind.WORD:
            raise self._lost(token, "sieve.unexpected", found=_shown(token))
        self._count(token)
        self._at += 1
        arguments, tests, grouped = self._arguments(depth)
        end = self._next()
        at = self._place(token.offset)
        if end.kind is Kind.MARK and end.text == ";":
            self._at += 1
            return Command(at, token.text, arguments, tests, grouped, None, comments)
        if end.kind is Kind.MARK and end.text == "{":
            if depth >= self._limits.nesting:
                raise self._lost(end, "sieve.too_deep", limit=str(self._limits.nesting))
            self._at += 1
            block, _ = self._commands_until_brace(depth + 1)
            close = self._next()
            if close.kind is Kind.END:
                raise self._lost(end, "sieve.open_block")
            self._at += 1
            return Command(at, token.text, arguments, tests, grouped, block, comments)
        if end.kind is Kind.END or end.kind is Kind.WORD or (end.kind is Kind.MARK and end.text == "}"):
            # The commonest of all mistakes: said at the end of the command that lacks it.
            previous = self._tokens[self._at - 1]
            self._wrong(previous, "sieve.missing_semicolon", command=token.text)
            return Command(at, token.text, arguments, tests, grouped, None, comments)
        raise self._lost(end, "sieve.unexpected", found=_shown(end))

    def _arguments(self, depth: int) -> tuple[tuple[Argument, ...], tuple[Test, ...], bool]:
        """What follows a name: arguments, then a test or a list of tests or nothing."""
        found: list[Argument] = []
        while True:
            token = self._next()
            at = self._place(token.offset)
            match token.kind:
                case Kind.TEXT | Kind.MULTILINE:
                    found.append(Text(at, token.text, token.kind is Kind.MULTILINE))
                case Kind.NUMBER:
                    found.append(Number(at, int(token.text)))
                case Kind.TAG:
                    found.append(Tag(at, token.text))
                case Kind.MARK if token.text == "[":
                    found.append(self._list(at))
                    continue
                case Kind.MARK if token.text == "(":
                    return tuple(found), self._tests(depth + 1), True
                case Kind.WORD if self._begins_test():
                    return tuple(found), (self._test(depth + 1),), False
                case _:
                    return tuple(found), (), False
            self._at += 1

    def _begins_test(self) -> bool:
        """Whether the word here is a test, rather than the next command after a missing semicolon: a
        command that begins a line is one."""
        here, before = self._tokens[self._at], self._tokens[self._at - 1]
        if before.kind is Kind.WORD and before.text in _BEFORE_TEST:
            return True
        return self._place(here.offset).line == self._place(before.end or before.offset).line

    def _list(self, at: Position) -> TextList:
        items: list[Text] = []
        opened = self._tokens[self._at]
        self._at += 1
        while True:
            token = self._next()
            if token.kind not in (Kind.TEXT, Kind.MULTILINE):
                if token.kind is Kind.END:
                    raise self._lost(opened, "sieve.open_bracket", bracket="[")
                raise self._lost(token, "sieve.list_of_texts", found=_shown(token))
            items.append(Text(self._place(token.offset), token.text, token.kind is Kind.MULTILINE))
            self._at += 1
            token = self._next()
            self._at += 1
            if token.kind is Kind.MARK and token.text == "]":
                return TextList(at, tuple(items))
            if not (token.kind is Kind.MARK and token.text == ","):
                self._at -= 1
                if token.kind is Kind.END:
                    raise self._lost(opened, "sieve.open_bracket", bracket="[")
                raise self._lost(token, "sieve.comma_missing", found=_shown(token))

    def _tests(self, depth: int) -> tuple[Test, ...]:
        found: list[Test] = []
        opened = self._tokens[self._at]
        self._at += 1
        while True:
            found.append(self._test(depth))
            token = self._next()
            if token.kind is Kind.MARK and token.text in ",)":
                self._at += 1
                if token.text == ")":
                    return tuple(found)
                continue
            if token.kind is Kind.END:
                raise self._lost(opened, "sieve.open_bracket", bracket="(")
            raise self._lost(token, "sieve.comma_missing", found=_shown(token))

    def _test(self, depth: int) -> Test:
        token = self._next()
        if token.kind is not Kind.WORD:
            raise self._lost(token, "sieve.no_test_here", found=_shown(token))
        if depth > self._limits.nesting:
            raise self._lost(token, "sieve.too_deep", limit=str(self._limits.nesting))
        self._count(token)
        self._at += 1
        arguments, tests, grouped = self._arguments(depth)
        return Test(self._place(token.offset), token.text, arguments, tests, grouped)

    def _count(self, token: Token) -> None:
        self._commands += 1
        if self._commands > self._limits.commands:
            raise self._lost(token, "sieve.too_many_commands", limit=str(self._limits.commands))

    def _next(self) -> Token:
        """The token here, comments passed over."""
        while (token := self._tokens[self._at]).kind is Kind.COMMENT:
            self._at += 1
        return token

    def _comments(self) -> tuple[str, ...]:
        """The comments here, passed over."""
        start = self._at
        self._next()
        return tuple(token.text for token in self._tokens[start : self._at])

    def _wrong(self, token: Token, code: str, **parameters: str) -> None:
        self._problems.append(ScriptProblem(self._place(token.offset), Problem(code, parameters)))

    def _lost(self, token: Token, code: str, **parameters: str) -> _Lost:
        self._wrong(token, code, **parameters)
        return _Lost()

    def _recover(self) -> None:
        """On to behind the next semicolon or block, or before the brace that closes the block around."""
        depth = 0
        while (token := self._next()).kind is not Kind.END:
            if token.kind is Kind.MARK:
                if token.text == "{":
                    depth += 1
                elif token.text == "}":
                    if not depth:
                        return
                    depth -= 1
                    if not depth:
                        self._at += 1
                        return
                elif token.text == ";" and not depth:
                    self._at += 1
                    return
            self._at += 1


def _shown(token: Token) -> str:
    """A token as a person would point to it."""
    match token.kind:
        case Kind.TEXT | Kind.MULTILINE:
            shown = f'"{token.text}"'
        case Kind.TAG:
            shown = f":{token.text}"
        case Kind.END:
            return "…"
        case _:
            shown = token.text
    return shown if len(shown) <= 40 else shown[:39] + "…"
