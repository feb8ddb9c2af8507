"""What is wrong with a friendly rule, and the one way among several in which a right one is written.

Never raises: whoever reads rules (a document, options, a page) says where the fault stands.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator
from datetime import date
from typing import assert_never

from msgspec import Struct
from msgspec.structs import replace

from eilbote.errors import Problem
from eilbote.mail.address import is_address
from eilbote.mail.domain import domain_for_people, domain_for_wire, is_domain_on_wire
from eilbote.sieve.rule import (
    FINAL,
    AnyAction,
    AnyCondition,
    Archive,
    Attachment,
    Before,
    Body,
    Category,
    Contact,
    Copy,
    Delete,
    During,
    Flagging,
    Forward,
    HeaderField,
    How,
    Keep,
    Label,
    Language,
    Larger,
    MailingList,
    Mark,
    Move,
    Newer,
    Notify,
    Older,
    Part,
    Priority,
    Recipient,
    Redirect,
    Reject,
    Reply,
    Rule,
    Sender,
    SenderImportance,
    Since,
    Smaller,
    Spam,
    Subject,
    Where,
)
from eilbote.sieve.vocabulary import ADDRESS_FIELDS

MOST_CONDITIONS = 50
MOST_ACTIONS = 20
MOST_VALUES = 200
LONGEST_NAME = 200
LONGEST_VALUE = 1_000
LONGEST_TEXT = 20_000
LARGEST_SIZE = (1 << 31) - 1
"""RFC 5228 section 2.4.1: every implementation knows numbers up to this one."""
MOST_DAYS = 36_500
MOST_REPLY_DAYS = 365

_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]")
_CONTROL_IN_TEXT = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]")
_FIELD = re.compile(r"[!-9;-~]{1,100}")
_LANGUAGE = re.compile(r"[A-Za-z]{2,3}(?:-[A-Za-z0-9]{2,8}){0,3}")
_TYPE = re.compile(r"[A-Za-z0-9!#$&^_.+*-]{1,100}/[A-Za-z0-9!#$&^_.+*-]{1,100}")
_ENDING = re.compile(r"[A-Za-z0-9_-]{1,20}|.*[.*].*")
_LABEL = re.compile(r"[!#$&'+,./0-9:;<=>?@A-Z^_`a-z|}~\[-]{1,100}")
_DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_WILD = re.compile(r"(?<!\\)(?:\\\\)*[*?]")


class Fault(Struct, frozen=True):
    """What is wrong, and where in the rule: `section` is "if", "then" or empty for the rule itself,
    `index` counts its conditions or actions from 0."""

    section: str
    index: int
    key: str
    problem: Problem


def faults(rule: Rule) -> Iterator[Fault]:
    """Everything that is wrong with a rule, in its order. The parameter `place` of each is still empty."""
    yield from (Fault("", 0, "name", each) for each in _line("name", rule.name, LONGEST_NAME))
    if rule.name != rule.name.strip():
        yield Fault("", 0, "name", _bad("name", rule.name, rule.name.strip()))
    if rule.account and not is_address(rule.account):
        yield Fault("", 0, "account", _bad("account", rule.account, "anna@example.org"))
    for section, found, most in (
        ("if", len(rule.conditions), MOST_CONDITIONS),
        ("then", len(rule.actions), MOST_ACTIONS),
    ):
        if found > most:
            yield Fault("", 0, section, Problem("rules.values_many", _too_many(section, found, most)))
    for index, condition in enumerate(rule.conditions[:MOST_CONDITIONS]):
        yield from (Fault("if", index, _key(condition), each) for each in _condition(condition))
    for index, action in enumerate(rule.actions[:MOST_ACTIONS]):
        yield from (Fault("then", index, _key(action), each) for each in _action(action))
    if not rule.actions and not rule.stop:
        yield Fault("", 0, "then", Problem("rules.no_action", {"place": "", "rule": _short(rule.name)}))
    yield from _together(rule.actions)
    if rule.where is not Where.HERE and (reason := here_only(rule)):
        yield Fault(
            "", 0, "where", Problem("rules.here_only", {"place": "", "rule": rule.name, "key": reason})
        )


def here_only(rule: Rule) -> str:
    """The condition for which no server can carry the rule out; empty: a server can. Only here somebody
    knows what the assistant says, and what day it is when the rule was made long ago."""
    return next(
        (
            _key(each)
            for each in rule.conditions
            if isinstance(each, (Contact, Category, SenderImportance, Spam, Older, Newer))
        ),
        "",
    )


def canonical(rule: Rule) -> Rule:
    """The same rule, written in one way: marks and labels first, each once, spellings that are the same
    once, patterns as what they are. `read_back` gives rules in this form."""
    return replace(
        rule,
        conditions=tuple(map(canonical_condition, rule.conditions)),
        actions=_canonical_actions(rule.actions),
    )


def unwild(pattern: str) -> str | None:
    """The text that a pattern of `:matches` stands for, None where it has wildcards."""
    return None if _WILD.search(pattern) else re.sub(r"\\(.)", r"\1", pattern, flags=re.DOTALL)


def canonical_condition(condition: AnyCondition) -> AnyCondition:
    """One condition as `canonical` writes it."""
    match condition:
        case Sender() | Recipient():
            return replace(condition, who=_once_of(sorted(condition.who, key=_kind_of)))
        case Subject() | HeaderField():
            how, texts = plain_match(condition.how, condition.texts)
            return replace(condition, how=how, texts=texts)
        case Body():
            return replace(condition, texts=_once(condition.texts))
        case Attachment():
            kinds = (re.sub(r"^\*\.([A-Za-z0-9_-]{1,20})$", r"\1", each) for each in condition.kinds)
            return replace(condition, kinds=_once(sorted(kinds, key=lambda kind: "/" in kind)))
        case MailingList():
            return replace(condition, ids=_once(condition.ids))
        case Language():
            return replace(condition, languages=_once(each.lower() for each in condition.languages))
        case Category():
            return replace(condition, names=_once(condition.names))
        case _:
            return condition


def plain_match(how: How, texts: tuple[str, ...]) -> tuple[How, tuple[str, ...]]:
    """How texts are compared, a pattern as what it is: `Re:*` is a beginning."""
    if how is How.MATCHES and texts:
        plain = [unwild(each) for each in texts]
        if None not in plain:
            return How.IS, _once(each for each in plain if each is not None)
        for side, inner in ((How.BEGINS, [each[:-1] for each in texts]), (How.ENDS, [e[1:] for e in texts])):
            ends = [each[-1:] if side is How.BEGINS else each[:1] for each in texts]
            free = [unwild(each) for each in inner]
            whole = all(
                mark == "*" and (side is How.ENDS or _WILD.fullmatch(each[len(each[:-1].rstrip("\\")) :]))
                for mark, each in zip(ends, texts, strict=True)
            )
            if whole and all(free):
                return side, _once(each for each in free if each is not None)
    return how, (tuple(dict.fromkeys(texts)) if how is How.REGEX else _once(texts))


def _canonical_actions(actions: tuple[AnyAction, ...]) -> tuple[AnyAction, ...]:
    marks = {each.flag for each in actions if isinstance(each, Mark)}
    labels = dict.fromkeys(label for each in actions if isinstance(each, Label) for label in each.labels)
    first: list[AnyAction] = [Mark(flag) for flag in Flagging if flag in marks]
    if labels:
        first.append(Label(tuple(labels)))
    return (*first, *(each for each in actions if not isinstance(each, (Mark, Label))))


def _once(values: Iterable[str]) -> tuple[str, ...]:
    """Each value once, upper and lower case being the same; the first spelling stays."""
    found: dict[str, str] = {}
    for value in values:
        found.setdefault("".join(map(_same, value)), value)
    return tuple(found.values())


def _same(character: str) -> str:
    """Equal for all spellings that `build_conditions.spellings` makes of a letter."""
    return character.lower() if character.isascii() else lower_letter(upper_letter(character))


def lower_letter(character: str) -> str:
    """A letter beyond ASCII in lower case, where that is one letter beyond ASCII too."""
    return _one_letter(character, character.lower())


def upper_letter(character: str) -> str:
    """A letter beyond ASCII in upper case. `ß` stays, and so does a dotless `ı`, which would become `I`."""
    return _one_letter(character, character.upper())


def _one_letter(character: str, other: str) -> str:
    return other if len(other) == 1 and not other.isascii() else character


def _once_of(who: Iterable[str]) -> tuple[str, ...]:
    """As `_once`, and a domain is the same however it is spelled."""
    found: dict[str, str] = {}
    for each in who:
        name, at, domain = each.rpartition("@")
        found.setdefault(f"{name.lower()}@{domain_for_people(domain)}" if at else each.lower(), each)
    return tuple(found.values())


def _kind_of(who: str) -> int:
    """Domains, domains below one, addresses, names: the order of the tests that ask for them."""
    if who.startswith("@"):
        return 1 if who.startswith("@*.") else 0
    return 2 if "@" in who else 3


def _condition(condition: AnyCondition) -> Iterator[Problem]:
    key = _key(condition)
    match condition:
        case Sender() | Recipient():
            yield from _several(key, condition.who)
            for who in condition.who:
                if "@" in who and not is_somebody(who):
                    yield _bad(key, who, "anna@example.org, @example.org, Anna")
        case Subject():
            yield from _several(key, condition.texts)
        case HeaderField():
            yield from _several(key, condition.names)
            for name in condition.names:
                if not _FIELD.fullmatch(name):
                    yield _bad(key, name, "X-Mailer")
                elif condition.part is not Part.FIELD and name.lower() not in ADDRESS_FIELDS:
                    yield _bad("part", condition.part.value, "field")
            if condition.texts:
                yield from _several("value", condition.texts)
        case Body():
            yield from _several(key, condition.texts)
        case Larger() | Smaller():
            if not 0 < condition.size <= LARGEST_SIZE:
                yield _bad(key, str(condition.size), "1 … 2G")
        case Older() | Newer():
            if not 0 < condition.days <= MOST_DAYS:
                yield _bad(key, str(condition.days), "1d … 36500d")
        case Before() | Since():
            if not is_day(condition.day):
                yield _bad(key, condition.day, "2026-11-27")
        case During():
            days = [each for each in (condition.first, condition.last) if each]
            for day in days:
                if not is_day(day):
                    yield _bad(key, day, "2026-11-27")
            if not days or days != sorted(days):
                yield _bad(key, " … ".join(days), "2026-12-20 … 2027-01-06")
        case Attachment():
            if condition.kinds:
                yield from _several(key, condition.kinds)
            for kind in condition.kinds:
                pattern = _TYPE if "/" in kind else _ENDING
                if not pattern.fullmatch(kind):
                    yield _bad(key, kind, "pdf, *.pdf, image/*")
        case MailingList():
            if condition.ids:
                yield from _several(key, condition.ids)
        case Language():
            yield from _several(key, condition.languages)
            for language in condition.languages:
                if not _LANGUAGE.fullmatch(language):
                    yield _bad(key, language, "de, en, pt-BR")
        case Category():
            yield from _several(key, condition.names)
        case Spam():
            if not 0 < condition.percent <= 100:
                yield _bad(key, str(condition.percent), "1 … 100")
        case Contact() | Priority() | SenderImportance():
            pass
        case _:
            assert_never(condition)


def _action(action: AnyAction) -> Iterator[Problem]:
    key = _key(action)
    match action:
        case Move() | Copy():
            yield from _line(key, action.mailbox, LONGEST_NAME)
        case Label():
            yield from _several(key, action.labels)
            for label in action.labels:
                if not _LABEL.fullmatch(label):
                    yield _bad(key, label, "Rechnung, to-do")
        case Forward() | Redirect() | Notify():
            if not is_address(action.address):
                yield _bad(key, action.address, "anna@example.org")
            if isinstance(action, Notify):
                yield from _text("message", action.message, empty=True)
        case Reply():
            yield from _text(key, action.text)
            if not 0 < action.days <= MOST_REPLY_DAYS:
                yield _bad("days", str(action.days), "1 … 365")
            if action.subject:
                yield from _line("subject", action.subject, LONGEST_VALUE)
            if len(action.addresses) > MOST_VALUES:
                yield Problem("rules.values_many", _too_many("addresses", len(action.addresses), MOST_VALUES))
            for address in action.addresses:
                if not is_address(address):
                    yield _bad("addresses", address, "anna@example.org")
        case Reject():
            yield from _text(key, action.reason)
        case Archive() | Mark() | Delete() | Keep():
            pass
        case _:
            assert_never(action)


def _together(actions: tuple[AnyAction, ...]) -> Iterator[Fault]:
    """Actions that cannot be meant together. A mail has one place in the end; a refused one has none
    (RFC 5429 section 2.4); an answer is given once (RFC 5230 section 4.7)."""
    final: AnyAction | None = None
    counts = Counter(map(_key, actions))
    for index, action in enumerate(actions):
        clash: AnyAction | None = None
        if isinstance(action, FINAL):
            clash, final = final, action
        elif isinstance(action, Reply) and counts["reply"] > 1 and action is not actions[-1]:
            clash = next((each for each in actions[index + 1 :] if isinstance(each, Reply)), None)
        if clash is not None:
            yield _contradiction(index, clash, action)
    if isinstance(final, (Delete, Reject)):
        forbidden = (Keep,) if isinstance(final, Delete) else (Keep, Copy, Forward, Reply)
        for index, action in enumerate(actions):
            if isinstance(action, forbidden):
                yield _contradiction(index, final, action)


def _contradiction(index: int, one: AnyAction, other: AnyAction) -> Fault:
    parameters = {"place": "", "first": _key(one), "second": _key(other)}
    return Fault("then", index, _key(other), Problem("rules.contradiction", parameters))


def is_day(text: str) -> bool:
    """Whether this is a day of the calendar, as `2026-11-27`."""
    try:
        return _DAY.fullmatch(text) is not None and date.fromisoformat(text).year > 0
    except ValueError:
        return False


def is_somebody(who: str) -> bool:
    """Whether what has an `@` is an address or a domain, as `Sender` takes them."""
    if who.startswith("@"):
        return is_domain_on_wire(domain_for_wire(who[1:].removeprefix("*.")))
    return is_address(who)


def _several(key: str, values: tuple[str, ...]) -> Iterator[Problem]:
    if not values:
        yield Problem("rules.value_empty", {"place": "", "key": key})
    if len(values) > MOST_VALUES:
        yield Problem("rules.values_many", _too_many(key, len(values), MOST_VALUES))
    for value in values[:MOST_VALUES]:
        yield from _line(key, value, LONGEST_VALUE)


def _line(key: str, value: str, longest: int) -> Iterator[Problem]:
    if not value.strip():
        yield Problem("rules.value_empty", {"place": "", "key": key})
    elif len(value) > longest:
        yield Problem("rules.value_long", {"place": "", "key": key, "limit": str(longest)})
    elif found := _CONTROL.search(value):
        yield Problem("rules.character", {"place": "", "key": key, "character": f"U+{ord(found[0]):04X}"})


def _text(key: str, value: str, *, empty: bool = False) -> Iterator[Problem]:
    if not value.strip() and not (empty and not value):
        yield Problem("rules.value_empty", {"place": "", "key": key})
    elif len(value) > LONGEST_TEXT:
        yield Problem("rules.value_long", {"place": "", "key": key, "limit": str(LONGEST_TEXT)})
    elif found := _CONTROL_IN_TEXT.search(value):
        yield Problem("rules.character", {"place": "", "key": key, "character": f"U+{ord(found[0]):04X}"})


def _bad(key: str, value: str, expected: str) -> Problem:
    parameters = {"place": "", "key": key, "value": _short(value), "expected": expected}
    return Problem("rules.bad_value", parameters)


def _too_many(key: str, count: int, limit: int) -> dict[str, str]:
    return {"place": "", "key": key, "count": str(count), "limit": str(limit)}


def _key(each: Struct) -> str:
    return str(each.__struct_config__.tag)


def _short(value: str) -> str:
    return "".join(c if c.isprintable() else "�" for c in value[:60])
