"""A test of a script to the condition of a friendly rule that asks the same; None where none does.

The other way round from `build_conditions.py`, and for what other programs write in place of it.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import date

from msgspec.structs import replace

from eilbote.sieve.build_conditions import (
    PARTS,
    condition_test,
    language_test,
    list_test,
    priority_test,
    text,
)
from eilbote.sieve.rule import (
    AnyCondition,
    Attachment,
    Before,
    Body,
    Category,
    Contact,
    During,
    HeaderField,
    How,
    Known,
    Language,
    Larger,
    Level,
    MailingList,
    Newer,
    Older,
    Part,
    Priority,
    Recipient,
    Sender,
    SenderImportance,
    Since,
    Smaller,
    Spam,
    Subject,
)
from eilbote.sieve.rule_check import canonical_condition, is_somebody, plain_match
from eilbote.sieve.tree import Argument, Number, Tag, Test, Text, TextList
from eilbote.sieve.values import Importance, Position

_NOWHERE = Position(0, 0)
_TODAY = date(2000, 1, 1)  # for building tests that know no day
_ANY_LIST = list_test(())
_LEVELS = {level: priority_test(level) for level in (Level.HIGH, Level.LOW)}
_NORMAL = priority_test(Level.NORMAL).tests[0]
_TAGS_WITH_VALUE = frozenset({"comparator", "value", "count", "param", "zone", "content", "index"})
_MATCHES = ("is", "contains", "matches", "regex", "value")
_PART_OF = {name: part for part, name in PARTS.items()}
_IMPORTANCES = [each.value for each in Importance]


def read_condition_back(test: Test, today: date | None) -> AnyCondition | None:
    """The condition that asks what this test asks. `today`: the day from which the script counts ages,
    None where it counts none."""
    test, negated = _without_not(plain(test))
    condition = _read(test, today)
    if condition is None:
        return None
    condition = canonical_condition(condition)
    return replace(condition, negated=not condition.negated) if negated else condition


def plain(test: Test) -> Test:
    """The test without its places, so that two which ask the same are equal."""
    return Test(
        _NOWHERE,
        test.name,
        tuple(map(_plain_argument, test.arguments)),
        tuple(map(plain, test.tests)),
        test.grouped,
    )


class _Parts:
    """A test's tags with their values, and what follows them, as texts."""

    def __init__(self, test: Test) -> None:
        self.tags: dict[str, tuple[str, ...]] = {}
        self.rest: list[tuple[str, ...]] = []
        waiting = ""
        for argument in test.arguments:
            if isinstance(argument, Tag):
                self.tags[argument.name] = ()
                waiting = argument.name if argument.name in _TAGS_WITH_VALUE else ""
            elif waiting:
                self.tags[waiting] = texts_of(argument)
                waiting = ""
            else:
                self.rest.append(texts_of(argument))

    def match(self, *others: str) -> str | None:
        """The match type, where it compares without case and no other tag than `others` stands there."""
        kinds = [name for name in _MATCHES if name in self.tags]
        allowed = {*others, *kinds, "comparator"}
        folding = {("i;ascii-casemap",), ("i;unicode-casemap",)}
        if len(kinds) > 1 or not self.tags.keys() <= allowed:
            return None
        if self.tags.get("comparator", ("i;ascii-casemap",)) not in folding:
            return None
        return kinds[0] if kinds else "is"


def _read(test: Test, today: date | None) -> AnyCondition | None:
    if test.name in ("anyof", "allof"):
        return _whole(test)
    read = _READERS.get(test.name)
    parts = _Parts(test)
    if read is not None:
        return read(parts)
    if test.name == "date":
        return _date(parts, today)
    return None


def _whole(test: Test) -> AnyCondition | None:
    """A condition that takes several tests to ask."""
    if test == _ANY_LIST:
        return MailingList()
    for level, asked in _LEVELS.items():
        if test == asked:
            return Priority(level=level)
    if test == _NORMAL:
        return Priority(True, Level.NORMAL)
    inner = [_read(each, None) for each in test.tests]
    if test.name == "allof":
        match inner:
            case [During(negated=False, last=""), During(negated=False, first="")]:
                assert isinstance(inner[0], During) and isinstance(inner[1], During)
                return During(first=inner[0].first, last=inner[1].last)
        return None
    if len(inner) < 2 or any(each is None or each.negated for each in inner):
        return None
    together = _together([each for each in inner if each is not None])
    if together is None or condition_test(together, _TODAY) != test:
        return None  # the tests are several conditions
    return together


def _together(conditions: list[AnyCondition]) -> AnyCondition | None:
    first = conditions[0]
    match first:
        case Sender() | Recipient() if all(type(each) is type(first) for each in conditions):
            who = tuple(name for each in conditions for name in each.who)  # type: ignore[union-attr]
            return canonical_condition(replace(first, who=who))
        case Attachment(kinds=(_, *_)) if all(isinstance(each, Attachment) for each in conditions):
            kinds = tuple(kind for each in conditions for kind in each.kinds)  # type: ignore[union-attr]
            return canonical_condition(replace(first, kinds=kinds))
        case Language() if len(conditions) == 2 and isinstance(conditions[1], Language):
            return first
        case _:
            return None


def _header(parts: _Parts) -> AnyCondition | None:
    if "mime" in parts.tags:
        return _mime(parts)
    kind = parts.match()
    if kind is None or kind == "value" or len(parts.rest) != 2:
        return None
    fields, keys = parts.rest
    how, values = plain_match(How(kind), keys)
    lower = tuple(each.lower() for each in fields)
    if how is How.CONTAINS and lower in (("from",), ("to", "cc")) and not any("@" in each for each in values):
        return Sender(who=values) if lower == ("from",) else Recipient(who=values)
    if lower == ("subject",):
        return Subject(texts=values, how=how)
    if lower == ("list-id",) and how is How.CONTAINS:
        return MailingList(ids=values)
    if lower == ("content-language",) and kind == "matches":
        languages = tuple(keys[::3])
        if _same(language_test(languages, here=False), fields, keys):
            return Language(languages=languages)
    return HeaderField(names=fields, texts=values, how=how)


def _mime(parts: _Parts) -> AnyCondition | None:
    """What `build_conditions` asks of parts; a file by any of its names."""
    if parts.match("mime", "anychild", "param", "contenttype") != "matches" or len(parts.rest) != 2:
        return None
    fields, keys = parts.rest
    lower = sorted(each.lower() for each in fields)
    if "anychild" not in parts.tags:
        return None
    if "param" in parts.tags:
        named = sorted(each.lower() for each in parts.tags["param"]) == ["filename", "name"]
        both = lower == ["content-disposition", "content-type"]
        # What has neither dot nor star would be read as the end of a name.
        good = all(("." in each or "*" in each) and "/" not in each for each in keys)
        return Attachment(kinds=keys) if named and both and good and "contenttype" not in parts.tags else None
    if "contenttype" in parts.tags:
        typed = lower == ["content-type"] and all("/" in each for each in keys)
        return Attachment(kinds=keys) if typed else None
    return Attachment() if lower == ["content-disposition"] and keys == ("attachment*",) else None


def _address(parts: _Parts) -> AnyCondition | None:
    kind = parts.match("all", "domain", "localpart")
    if kind is None or kind == "value" or len(parts.rest) != 2:
        return None
    asked = [_PART_OF[name] for name in ("all", "domain", "localpart") if name in parts.tags]
    part = asked[0] if asked else Part.ADDRESS
    fields, keys = parts.rest
    how, values = plain_match(How(kind), keys)
    lower = tuple(each.lower() for each in fields)
    if lower in (("from",), ("to", "cc")):
        who: tuple[str, ...] = ()
        if how is How.IS and part is Part.DOMAIN:
            who = tuple("@" + each for each in values)
        elif how is How.ENDS and part is Part.DOMAIN and all(each.startswith(".") for each in values):
            who = tuple("@*" + each for each in values)
        elif how is How.IS and part is Part.ADDRESS and all("@" in each[1:] for each in values):
            who = values
        if who and all(map(is_somebody, who)):
            return Sender(who=who) if lower == ("from",) else Recipient(who=who)
    return HeaderField(names=fields, texts=values, how=how, part=part)


def _exists(parts: _Parts) -> AnyCondition | None:
    return HeaderField(names=parts.rest[0]) if not parts.tags and len(parts.rest) == 1 else None


def _size(parts: _Parts) -> AnyCondition | None:
    if len(parts.tags) != 1 or len(parts.rest) != 1:
        return None
    size = int(parts.rest[0][0])
    return Larger(size=size) if "over" in parts.tags else Smaller(size=size)


def _body(parts: _Parts) -> AnyCondition | None:
    # RFC 5173 section 5: `:text` goes without saying.
    if parts.match("text") != "contains" or len(parts.rest) != 1:
        return None
    return Body(texts=parts.rest[0])


def _date(parts: _Parts, today: date | None) -> AnyCondition | None:
    day = _day(parts, ("date",))
    if day is None:
        return None
    relation, found = day
    match relation:
        case "lt":
            return Before(day=found.isoformat())
        case "ge":
            return Since(day=found.isoformat())
        case "le" | "gt" if today is not None:
            days = (today - found).days - 1
            return (Older if relation == "le" else Newer)(days=days) if days > 0 else None
        case _:
            return None


def _currentdate(parts: _Parts) -> AnyCondition | None:
    day = _day(parts, ())
    if day is None or day[0] not in ("ge", "le"):
        return None
    return During(first=day[1].isoformat()) if day[0] == "ge" else During(last=day[1].isoformat())


def _day(parts: _Parts, fields: tuple[str, ...]) -> tuple[str, date] | None:
    """What a test of a whole day compares, and how."""
    if parts.match() != "value" or len(parts.rest) != len(fields) + 2:
        return None
    named = [tuple(each.lower() for each in rest) for rest in parts.rest[:-1]]
    days = parts.rest[-1]
    if named != [*((each,) for each in fields), ("date",)] or len(days) != 1:
        return None
    try:
        found = date.fromisoformat(days[0])
    except ValueError:
        return None
    return (parts.tags["value"][0].lower(), found) if found.isoformat() == days[0] else None


def _sender(parts: _Parts) -> AnyCondition | None:
    if parts.match() != "is" or len(parts.rest) != 1:
        return None
    words = list(parts.rest[0])
    if words == ["known"]:
        return Contact(known=Known.KNOWN)
    if words == ["first-contact"]:
        return Contact(known=Known.FIRST)
    if words and words == _IMPORTANCES[-len(words) :]:
        return SenderImportance(at_least=Importance(words[0]))
    return None


def _category(parts: _Parts) -> AnyCondition | None:
    return Category(names=parts.rest[0]) if parts.match() == "is" and len(parts.rest) == 1 else None


def _spam(parts: _Parts) -> AnyCondition | None:
    numeric = parts.tags == {"value": ("ge",), "comparator": ("i;ascii-numeric",)}
    if not numeric or len(parts.rest) != 1 or not re.fullmatch(r"[0-9]{1,3}", parts.rest[0][0]):
        return None
    return Spam(percent=int(parts.rest[0][0]))


def _language(parts: _Parts) -> AnyCondition | None:
    return Language(languages=parts.rest[0]) if parts.match() == "is" and len(parts.rest) == 1 else None


_READERS: dict[str, Callable[[_Parts], AnyCondition | None]] = {
    "header": _header,
    "address": _address,
    "exists": _exists,
    "size": _size,
    "body": _body,
    "currentdate": _currentdate,
    "eilbote_sender": _sender,
    "eilbote_category": _category,
    "eilbote_spam": _spam,
    "eilbote_language": _language,
}


def _same(test: Test, fields: tuple[str, ...], keys: tuple[str, ...]) -> bool:
    return [texts_of(each) for each in test.arguments[1:]] == [tuple(e.lower() for e in fields), keys]


def _without_not(test: Test) -> tuple[Test, bool]:
    negated = False
    while test.name == "not":
        test, negated = test.tests[0], not negated
    return test, negated


def _plain_argument(argument: Argument) -> Argument:
    match argument:
        case Text():
            return text(argument.value)
        case TextList(items=(only,)):
            return text(only.value)
        case TextList():
            return TextList(_NOWHERE, tuple(text(each.value) for each in argument.items))
        case Number():
            return Number(_NOWHERE, argument.value)
        case Tag():
            return Tag(_NOWHERE, argument.name)


def texts_of(argument: Argument) -> tuple[str, ...]:
    """The texts of an argument, a number as its digits."""
    match argument:
        case Text():
            return (argument.value,)
        case TextList():
            return tuple(each.value for each in argument.items)
        case Number():
            return (str(argument.value),)
        case Tag():
            return ()
