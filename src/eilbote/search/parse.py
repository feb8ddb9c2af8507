"""The text of a query to its tree: words, "phrases", beginnings*, and operators in English and German.

    rechnung "neue adresse" -entwurf from:anna (to:kim OR cc:kim) after:2026-01 is:unread größer:5M

Reads any text: what is no operator is words, a bracket too many is none. Misused only where a
value makes no sense or the query is too large; the problem names the position (from 1).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta

from eilbote.errors import Misused
from eilbote.search.fold import words
from eilbote.search.values import (
    All,
    Dated,
    Field,
    HasAttachment,
    Inside,
    Mark,
    Marked,
    Node,
    Not,
    Sized,
    Some,
    Words,
)

LONGEST = 4_000
"""Characters of a query."""

MOST_TERMS = 200
DEEPEST = 20
_LARGEST_SIZE = 2**50

_TOKEN = re.compile(
    r"""\s*(?:
      (?P<open>\() | (?P<close>\))
    | (?P<minus>-(?=[^\s)-]))?
      (?:(?P<operator>[^\W\d_]{1,20}):(?=[^\s)]))?
      (?: "(?P<phrase>[^"]*)(?P<end>"?)(?P<more>\*?)
        | (?P<group>(?<=-)\()
        | (?P<word>[^\s"()]+) )?
    )""",
    re.VERBOSE,
)
_SIZE = re.compile(r"(\d{1,15})(?:[.,](\d{1,3}))?\s*([kmg]?)i?b?", re.IGNORECASE)
_DATE = re.compile(r"(\d{4})(?:[-/.](\d{1,2})(?:[-/.](\d{1,2}))?)?")
_GERMAN_DATE = re.compile(r"(\d{1,2})\.(\d{1,2})\.(\d{4})")
_AGO = re.compile(r"(\d{1,5})([hdwmytj])", re.IGNORECASE)

_FIELDS = {
    "from": Field.SENDER, "von": Field.SENDER,
    "to": Field.RECIPIENT, "an": Field.RECIPIENT,
    "cc": Field.COPIED, "kopie": Field.COPIED,
    "subject": Field.SUBJECT, "betreff": Field.SUBJECT,
    "file": Field.FILE, "filename": Field.FILE, "datei": Field.FILE,
    "body": Field.BODY, "text": Field.BODY,
}  # fmt: skip
_MARKS: dict[str, Node] = {
    "unread": Not(Marked(Mark.READ)), "ungelesen": Not(Marked(Mark.READ)), "neu": Not(Marked(Mark.READ)),
    "read": Marked(Mark.READ), "seen": Marked(Mark.READ), "gelesen": Marked(Mark.READ),
    "flagged": Marked(Mark.FLAGGED), "starred": Marked(Mark.FLAGGED),
    "markiert": Marked(Mark.FLAGGED), "wichtig": Marked(Mark.FLAGGED),
    "answered": Marked(Mark.ANSWERED), "beantwortet": Marked(Mark.ANSWERED),
    "unanswered": Not(Marked(Mark.ANSWERED)), "unbeantwortet": Not(Marked(Mark.ANSWERED)),
    "draft": Marked(Mark.DRAFT), "entwurf": Marked(Mark.DRAFT),
}  # fmt: skip
_ATTACHED = {"attachment", "attachments", "anhang", "anhänge", "anhaenge"}
_OR = {"OR", "ODER"}
_AND = {"AND", "UND"}


def parse_query(text: str, now: datetime, *, growing: bool = False) -> Node:
    """The tree of a query. `now` is an aware time: dates are those of its time zone. `growing`: the
    text is still being typed, so its last word may go on.

    Misused `search.too_long`, `search.too_many`, `search.too_deep`, `search.open_quote`,
    `search.bad_value`, and `search.empty` where nothing is asked for.
    """
    if len(text) > LONGEST:
        raise Misused("search.too_long", length=len(text), limit=LONGEST)
    parser = _Parser(text, now)
    if growing and text[-1:].isalnum():
        parser = _Parser(text + "*", now)
    node = parser.whole()
    if node is None:
        raise Misused("search.empty")
    return node


class _Parser:
    def __init__(self, text: str, now: datetime) -> None:
        self._text = text
        self._now = now
        self._at = 0
        self._terms = 0
        self._operators: dict[str, Callable[[str, int], Node | None]] = {
            **dict.fromkeys(("has", "hat", "mit"), self._has),
            **dict.fromkeys(("is", "ist"), self._is),
            **dict.fromkeys(("in",), self._in),
            **dict.fromkeys(("before", "vor", "older"), self._before),
            **dict.fromkeys(("after", "nach", "since", "seit", "newer"), self._after),
            **dict.fromkeys(("larger", "größer", "groesser", "grösser"), self._larger),
            **dict.fromkeys(("smaller", "kleiner"), self._smaller),
        }

    def whole(self) -> Node | None:
        """The whole text; a closing bracket without an opening one is no bracket."""
        found: list[Node] = []
        while True:
            node = self._either(0)
            if node is not None:
                found.append(node)
            if self._at >= len(self._text):
                return _all(found)
            self._at += 1

    def _either(self, depth: int) -> Node | None:
        """Parts between OR, up to a closing bracket, which is left, or the end."""
        if depth > DEEPEST:
            raise Misused("search.too_deep", position=self._at, limit=DEEPEST)
        parts: list[list[Node]] = [[]]
        while (token := self._next()) is not None:
            if token["close"]:
                self._at -= 1
                break
            word = token["word"]
            if token["open"] or token["group"]:
                node = self._either(depth + 1)
                self._at += 1
            elif word in _OR and not token["operator"]:
                parts.append([])
                continue
            elif word in _AND and not token["operator"]:
                continue
            else:
                node = self._term(token)
            if node is not None:
                parts[-1].append(_not(node) if token["minus"] else node)
        nodes = tuple(node for part in parts if (node := _all(part)) is not None)
        if len(nodes) < 2:
            return nodes[0] if nodes else None
        return Some(nodes)

    def _next(self) -> re.Match[str] | None:
        """The next bracket or term, None at the end. Any character that is no space is part of one."""
        found = _TOKEN.match(self._text, self._at)
        assert found is not None  # every part of the pattern may be empty
        self._at = found.end()
        return found if found.lastgroup else None

    def _term(self, token: re.Match[str]) -> Node | None:
        position = token.start() + len(token[0]) - len(token[0].lstrip()) + 1
        phrase, word, operator = token["phrase"], token["word"], (token["operator"] or "").casefold()
        if phrase is not None and not token["end"]:
            raise Misused("search.open_quote", position=position)
        self._terms += 1
        if self._terms > MOST_TERMS:
            raise Misused("search.too_many", position=position, limit=MOST_TERMS)
        value = phrase if phrase is not None else word or ""
        make = self._operators.get(operator)
        if make is not None and value:
            return make(value, position)
        field = _FIELDS.get(operator)
        if operator and field is None:
            value = f"{token['operator']}:{value}"
        prefix = bool(token["more"]) or (phrase is None and value.endswith("*"))
        found = words(value)
        return Words(value.rstrip("*"), prefix, field) if found else None

    def _has(self, value: str, position: int) -> Node:
        if value.casefold() not in _ATTACHED:
            raise _bad("has", value, position)
        return HasAttachment()

    def _is(self, value: str, position: int) -> Node:
        try:
            return _MARKS[value.casefold()]
        except KeyError:
            raise _bad("is", value, position) from None

    def _in(self, value: str, position: int) -> Node:
        return Inside(value)

    def _before(self, value: str, position: int) -> Node:
        return Dated(until=self._moment("before", value, position))

    def _after(self, value: str, position: int) -> Node:
        return Dated(since=self._moment("after", value, position))

    def _larger(self, value: str, position: int) -> Node:
        return Sized(above=_size("larger", value, position))

    def _smaller(self, value: str, position: int) -> Node:
        return Sized(below=_size("smaller", value, position))

    def _moment(self, operator: str, value: str, position: int) -> float:
        """The start of a day, month or year, or so long ago, in seconds since 1970."""
        midnight = self._now.replace(hour=0, minute=0, second=0, microsecond=0)
        try:
            match value.casefold():
                case "today" | "heute":
                    return midnight.timestamp()
                case "yesterday" | "gestern":
                    return (midnight - timedelta(days=1)).timestamp()
            if ago := _AGO.fullmatch(value):
                return (self._now - _span(int(ago[1]), ago[2].lower())).timestamp()
            if day := _GERMAN_DATE.fullmatch(value):
                return midnight.replace(year=int(day[3]), month=int(day[2]), day=int(day[1])).timestamp()
            if day := _DATE.fullmatch(value):
                year, month, number = int(day[1]), int(day[2] or 1), int(day[3] or 1)
                return midnight.replace(year=year, month=month, day=number).timestamp()
        except (ValueError, OverflowError):
            pass  # 31 February, year 0: named below like any other text that is no date
        raise _bad(operator, value, position)


def _all(nodes: Sequence[Node]) -> Node | None:
    """These together: None for none, itself for one."""
    if len(nodes) < 2:
        return nodes[0] if nodes else None
    return All(tuple(nodes))


def _not(node: Node) -> Node:
    return node.node if isinstance(node, Not) else Not(node)


def _span(count: int, unit: str) -> timedelta:
    match unit:
        case "h":
            return timedelta(hours=count)
        case "w":
            return timedelta(weeks=count)
        case "m":
            return timedelta(days=count * 30)
        case "y" | "j":
            return timedelta(days=count * 365)
        case _:
            return timedelta(days=count)


def _size(operator: str, value: str, position: int) -> int:
    """Bytes of `700`, `5M`, `1.5MB`, `2 GiB` (powers of 1,024, as mail programs count)."""
    found = _SIZE.fullmatch(value)
    if found is None:
        raise _bad(operator, value, position)
    whole, part, unit = found.groups()
    number = float(f"{whole}.{part or 0}") * 1024 ** " kmg".index(unit.lower() or " ")
    if number > _LARGEST_SIZE:
        raise _bad(operator, value, position)
    return int(number)


def _bad(operator: str, value: str, position: int) -> Misused:
    return Misused("search.bad_value", operator=operator, value=value[:60], position=position)
