"""The text of a script to its tokens (RFC 5228 section 8.1), each with its offset.

One pass of one expression; never raises on any text: what is no token is a problem with its place,
and reading goes on behind it.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from enum import Enum, auto
from typing import NamedTuple

from eilbote.errors import Problem
from eilbote.sieve.values import Position, ScriptProblem

LARGEST_NUMBER = 2**63 - 1
"""RFC 5228 section 2.4.1 wants 31 bits at least."""

MAX_PROBLEMS = 50
"""Problems named at once; who has more than these reads no further."""

_QUANTIFIERS = {"": 1, "k": 1 << 10, "m": 1 << 20, "g": 1 << 30}
_ESCAPED = re.compile(r"\\(.)", re.DOTALL)
_TOKEN = re.compile(
    r"""[ \t\r\n]*+(?:
      (?P<word>[A-Za-z_][A-Za-z0-9_]*+)
    | "(?P<quoted>(?:[^"\\]|\\.)*+)(?P<closed>"?)
    | (?P<mark>[;,(){}\[\]])
    | :(?P<tag>[A-Za-z_][A-Za-z0-9_]*+)
    | \#(?P<comment>[^\n]*+)\n?
    | (?P<bracketed>/\*)
    | (?P<number>[0-9]++)(?P<quantifier>[KkMmGg]?)(?![A-Za-z0-9_])
    | (?P<end>\Z)
    )""",
    re.VERBOSE | re.DOTALL,
)
_MULTILINE = re.compile(r":[ \t]*+(?:\#[^\n]*+)?\r?\n")
# RFC 5228 section 8.1: a line with nothing but a dot ends the text.
_LAST_LINE = re.compile(r"^\.\r?$\n?", re.MULTILINE)
_DOTTED = re.compile(r"^\.(?=.)", re.MULTILINE)
_FORBIDDEN = re.compile("[\x00\ud800-\udfff]")  # RFC 5228 section 2.1: UTF-8 without NUL
_SPACE = re.compile(r"[ \t\r\n]*+")


class Kind(Enum):
    """What a token is."""

    WORD = auto()
    TEXT = auto()
    MULTILINE = auto()
    NUMBER = auto()
    TAG = auto()
    MARK = auto()
    COMMENT = auto()
    END = auto()


class Token(NamedTuple):
    """One token. `text` is the value: quotes undone, words and tags in lower case, digits multiplied."""

    kind: Kind
    text: str
    offset: int
    end: int = 0
    """The offset behind it, of texts, numbers and tags."""


class Places:
    """Offsets to line and column."""

    __slots__ = ("_starts",)

    def __init__(self, text: str) -> None:
        self._starts = [0, *(found.end() for found in re.finditer("\n", text))]

    def at(self, offset: int) -> Position:
        """Where the character of this offset stands."""
        line = bisect_right(self._starts, offset)
        return Position(line, offset - self._starts[line - 1] + 1)


def read_tokens(text: str, places: Places, problems: list[ScriptProblem]) -> list[Token]:
    """All tokens, the last of kind END; what is wrong is added to `problems`."""
    found: list[Token] = []
    add, match, at = found.append, _TOKEN.match, 0

    def wrong(offset: int, problem: Problem) -> None:
        problems.append(ScriptProblem(places.at(offset), problem))

    if forbidden := _FORBIDDEN.search(text):
        shown = f"U+{ord(forbidden[0]):04X}"
        wrong(forbidden.start(), Problem("sieve.bad_character", {"character": shown}))
    while len(problems) < MAX_PROBLEMS:
        token = match(text, at)
        if token is None:
            blank = _SPACE.match(text, at)
            assert blank is not None  # it may be empty
            offset = blank.end()
            shown = text[offset] if text[offset].isprintable() else f"U+{ord(text[offset]):04X}"
            wrong(offset, Problem("sieve.bad_character", {"character": shown}))
            at = offset + 1
            # A run of them is one mistake.
            while at < len(text) and text[at].isprintable() and match(text, at) is None:
                at += 1
            continue
        at = token.end()
        match token.lastgroup:
            case "word":
                word, start = token["word"].lower(), token.start("word")
                if word == "text" and (opened := _MULTILINE.match(text, at)):
                    last = _LAST_LINE.search(text, opened.end())
                    if last is None:
                        wrong(start, Problem("sieve.open_text"))
                        at = len(text)
                        continue
                    inside = text[opened.end() : last.start()].replace("\r\n", "\n")
                    at = last.end()
                    add(Token(Kind.MULTILINE, _DOTTED.sub("", inside), start, at))
                else:
                    add(Token(Kind.WORD, word, start))
            case "closed":
                inside, start = token["quoted"], token.start("quoted") - 1
                if not token["closed"]:
                    wrong(start, Problem("sieve.open_text"))
                    at = len(text)
                    continue
                if "\\" in inside:
                    inside = _ESCAPED.sub(r"\1", inside)
                add(Token(Kind.TEXT, inside, start, at))
            case "mark":
                add(Token(Kind.MARK, token["mark"], at - 1, at))
            case "tag":
                add(Token(Kind.TAG, token["tag"].lower(), token.start("tag") - 1, at))
            case "comment":
                add(Token(Kind.COMMENT, token["comment"].rstrip("\r"), token.start("comment") - 1))
            case "bracketed":
                closed = text.find("*/", at)
                if closed < 0:
                    wrong(at - 2, Problem("sieve.open_comment"))
                    at = len(text)
                else:
                    at = closed + 2
            case "quantifier":
                digits, start = token["number"], token.start("number")
                value = int(digits[:20]) * _QUANTIFIERS[token["quantifier"].lower()]
                if len(digits) > 20 or value > LARGEST_NUMBER:
                    wrong(start, Problem("sieve.number_too_large", {"limit": str(LARGEST_NUMBER)}))
                    value = 0
                add(Token(Kind.NUMBER, str(value), start, at))
            case _:
                add(Token(Kind.END, "", at))
                return found
    add(Token(Kind.END, "", len(text)))
    return found
