"""A plain table to a friendly rule: the document, the JSON of a page and the options of a command are read
here, in one way. The tables are those that `rule_table.py` makes.

Strict: a key that nobody knows is a fault, so that a slip of the pen never makes a rule for every mail.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from enum import StrEnum
from typing import TypeVar

from eilbote.errors import Problem
from eilbote.sieve.rule import (
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
    Event,
    Flagging,
    Forward,
    HeaderField,
    How,
    Keep,
    Known,
    Label,
    Language,
    Larger,
    Level,
    MailingList,
    Mark,
    Match,
    Move,
    Newer,
    Notify,
    Older,
    OwnScript,
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
    stops_by_itself,
)
from eilbote.sieve.rule_check import Fault, faults
from eilbote.sieve.values import Importance

_Word = TypeVar("_Word", bound=StrEnum)
_SIZE = re.compile(r"([0-9]{1,12})(?:[.,]([0-9]{1,2}))? ?([kmg]?)(?:i?b)?", re.IGNORECASE)
_SPAN = re.compile(r"([0-9]{1,5}) ?([dtwmyj]?)", re.IGNORECASE)
_DAYS = {"": 1, "d": 1, "t": 1, "w": 7, "m": 30, "y": 365, "j": 365}

RULE_KEYS = ("name", "match", "if", "then", "stop", "enabled", "account", "where")
SCRIPT_KEYS = ("name", "sieve", "run", "on", "mailbox", "account", "where")


class _Wrong(Exception):
    """A value that does not fit: what it should look like."""

    def __init__(self, key: str, value: object, expected: str) -> None:
        super().__init__(key)
        self.key, self.value, self.expected = key, value, expected


def read_rule(table: Mapping[str, object]) -> tuple[Rule, tuple[Fault, ...]]:
    """The rule of a table, and everything that is wrong with it; with a fault the rule is not to be used."""
    found: list[Fault] = []
    _unknown(table, RULE_KEYS, "", 0, found)
    actions: tuple[AnyAction, ...] = _each(table, "then", read_action, found)
    rule = Rule(
        _of(table, "name", _text, "", found),
        _each(table, "if", read_condition, found),
        actions,
        _of(table, "match", lambda key, value: _word(key, value, Match), Match.ALL, found),
        _of(table, "stop", _switch, stops_by_itself(actions), found),
        _of(table, "enabled", _switch, True, found),
        _of(table, "account", _text, "", found),
        _of(table, "where", lambda key, value: _word(key, value, Where), Where.HERE, found),
    )
    return rule, tuple(found) or tuple(faults(rule))


def read_script_table(table: Mapping[str, object]) -> tuple[OwnScript, tuple[Fault, ...]]:
    """The script of a table, whether it is right Sieve or not, and what is wrong with the table."""
    found: list[Fault] = []
    _unknown(table, SCRIPT_KEYS, "", 0, found)
    script = OwnScript(
        _of(table, "name", _text, "", found),
        _of(table, "sieve", _text, "", found),
        _of(table, "run", _switch, True, found),
        _of(table, "account", _text, "", found),
        _of(table, "where", lambda key, value: _word(key, value, Where), Where.HERE, found),
        _of(table, "on", _events, (), found),
        _of(table, "mailbox", _text, "", found),
    )
    if not found:
        found += _event_faults(script)
        named = faults(Rule(script.name, stop=True, account=script.account))
        found += named
        if "sieve" not in table:
            found.append(Fault("", 0, "sieve", Problem("rules.value_empty", {"place": "", "key": "sieve"})))
    return script, tuple(found)


def _event_faults(script: OwnScript) -> list[Fault]:
    """Events happen in a mailbox, and are seen here alone. What comes new into the inbox is no event: rules
    judge it."""
    if bool(script.on) != bool(script.mailbox):
        key = "mailbox" if script.on else "on"
        return [Fault("", 0, key, Problem("rules.value_empty", {"place": "", "key": key}))]
    if script.on and script.where is not Where.HERE:
        return [_fault("", 0, _Wrong("where", script.where.value, f'"{Where.HERE.value}"'))]
    if Event.APPEND in script.on and script.mailbox.upper() == "INBOX":
        return [_fault("", 0, _Wrong("on", Event.APPEND.value, '["copy", "flag"]'))]
    return []


def read_condition(table: Mapping[str, object], index: int, found: list[Fault]) -> AnyCondition | None:
    """The condition of a table with one of the keys of `CONDITIONS`; None with its faults in `found`."""
    more: tuple[str, ...]
    more = (
        ("not", "how", "value", "part")
        if "field" in table
        else ("not", "how")
        if "subject" in table
        else ("not",)
    )
    key = _main(table, tuple(CONDITIONS), more, "if", index, found)
    if key is None:
        return None
    try:
        negated = _switch("not", table.get("not", False))
        return CONDITIONS[key](table, negated)
    except _Wrong as wrong:
        found.append(_fault("if", index, wrong))
        return None


def read_action(table: Mapping[str, object], index: int, found: list[Fault]) -> AnyAction | None:
    """The action of a table with one of the keys of `ACTIONS`; None with its faults in `found`."""
    more = ("days", "subject", "addresses") if "reply" in table else ("message",) if "notify" in table else ()
    key = _main(table, tuple(ACTIONS), more, "then", index, found)
    if key is None:
        return None
    try:
        return ACTIONS[key](table)
    except _Wrong as wrong:
        found.append(_fault("then", index, wrong))
        return None


def read_size(text: str) -> int | None:
    """Bytes of `700`, `5M`, `1.5 MB` (powers of 1,024); None for what is no size."""
    found = _SIZE.fullmatch(text.strip())
    if found is None:
        return None
    unit = 1 << 10 * " kmg".index(found[3].lower() or " ")
    part = int(found[2] or 0) * unit // int(10 ** len(found[2] or ""))
    return int(found[1]) * unit + part


def read_days(text: str) -> int | None:
    """Days of `30d`, `4w`, `6m` (of 30 days), `1y` (of 365); None for what is none."""
    found = _SPAN.fullmatch(text.strip())
    return int(found[1]) * _DAYS[found[2].lower()] if found else None


def _text(key: str, value: object) -> str:
    if not isinstance(value, str):
        raise _Wrong(key, value, '"…"')
    return value.replace("\r\n", "\n")


def _texts(key: str, value: object) -> tuple[str, ...]:
    if isinstance(value, str):
        return (_text(key, value),)
    if not isinstance(value, list) or not all(isinstance(each, str) for each in value):
        raise _Wrong(key, value, '"…", ["…", "…"]')
    return tuple(_text(key, each) for each in value)


def _events(key: str, value: object) -> tuple[Event, ...]:
    return tuple(dict.fromkeys(_word(key, each, Event) for each in _texts(key, value)))


def _texts_or_any(key: str, value: object) -> tuple[str, ...]:
    return () if value is True else _texts(key, value)


def _switch(key: str, value: object) -> bool:
    if not isinstance(value, bool):
        raise _Wrong(key, value, "true, false")
    return value


def _on(key: str, value: object) -> None:
    if value is not True:
        raise _Wrong(key, value, "true")


def _word(key: str, value: object, words: type[_Word]) -> _Word:
    if isinstance(value, str) and value in [each.value for each in words]:
        return words(value)
    raise _Wrong(key, value, ", ".join(f'"{each.value}"' for each in words))


def _number(key: str, value: object) -> int:
    if isinstance(value, str) and value.isascii() and value.isdecimal() and len(value) < 10:
        return int(value)
    if not isinstance(value, int) or isinstance(value, bool):
        raise _Wrong(key, value, "1, 2, 3 …")
    return value


def _size(key: str, value: object) -> int:
    size = read_size(value) if isinstance(value, str) else value
    if not isinstance(size, int) or isinstance(size, bool):
        raise _Wrong(key, value, '"500K", "5M", "1G"')
    return size


def _days(key: str, value: object) -> int:
    days = read_days(value) if isinstance(value, str) else value
    if not isinstance(days, int) or isinstance(days, bool):
        raise _Wrong(key, value, '"30d", "4w", "6m", "1y"')
    return days


def _day(key: str, value: object) -> str:
    return value if isinstance(value, str) else str(value)  # TOML has days of its own


def _period(key: str, value: object) -> tuple[str, str]:
    if isinstance(value, list) and len(value) == 2:
        return _day(key, value[0]), _day(key, value[1])
    raise _Wrong(key, value, '["2026-12-20", "2027-01-06"]')


def _how(table: Mapping[str, object]) -> How:
    return _word("how", table.get("how", "contains"), How)


CONDITIONS: dict[str, Callable[[Mapping[str, object], bool], AnyCondition]] = {
    "from": lambda t, n: Sender(n, _texts("from", t["from"])),
    "to": lambda t, n: Recipient(n, _texts("to", t["to"])),
    "contact": lambda t, n: Contact(n, _word("contact", t["contact"], Known)),
    "subject": lambda t, n: Subject(n, _texts("subject", t["subject"]), _how(t)),
    "text": lambda t, n: Body(n, _texts("text", t["text"])),
    "field": lambda t, n: HeaderField(
        n,
        _texts("field", t["field"]),
        _texts("value", t["value"]) if "value" in t else (),
        _how(t),
        _word("part", t.get("part", "field"), Part),
    ),
    "priority": lambda t, n: Priority(n, _word("priority", t["priority"], Level)),
    "larger": lambda t, n: Larger(n, _size("larger", t["larger"])),
    "smaller": lambda t, n: Smaller(n, _size("smaller", t["smaller"])),
    "older": lambda t, n: Older(n, _days("older", t["older"])),
    "newer": lambda t, n: Newer(n, _days("newer", t["newer"])),
    "before": lambda t, n: Before(n, _day("before", t["before"])),
    "since": lambda t, n: Since(n, _day("since", t["since"])),
    "during": lambda t, n: During(n, *_period("during", t["during"])),
    "attachment": lambda t, n: Attachment(n, _texts_or_any("attachment", t["attachment"])),
    "list": lambda t, n: MailingList(n, _texts_or_any("list", t["list"])),
    "language": lambda t, n: Language(n, _texts("language", t["language"])),
    "category": lambda t, n: Category(n, _texts("category", t["category"])),
    "importance": lambda t, n: SenderImportance(n, _word("importance", t["importance"], Importance)),
    "spam": lambda t, n: Spam(n, _number("spam", t["spam"])),
}
"""How a condition is read, by its key."""


def _marked(kind: type[Archive] | type[Delete] | type[Keep], key: str, value: object) -> AnyAction:
    _on(key, value)
    return kind()


ACTIONS: dict[str, Callable[[Mapping[str, object]], AnyAction]] = {
    "move": lambda t: Move(_text("move", t["move"])),
    "copy": lambda t: Copy(_text("copy", t["copy"])),
    "archive": lambda t: _marked(Archive, "archive", t["archive"]),
    "label": lambda t: Label(_texts("label", t["label"])),
    "mark": lambda t: Mark(_word("mark", t["mark"], Flagging)),
    "forward": lambda t: Forward(_text("forward", t["forward"])),
    "redirect": lambda t: Redirect(_text("redirect", t["redirect"])),
    "reply": lambda t: Reply(
        _text("reply", t["reply"]),
        _days("days", t.get("days", 7)),
        _text("subject", t.get("subject", "")),
        _texts("addresses", t.get("addresses", [])),
    ),
    "delete": lambda t: _marked(Delete, "delete", t["delete"]),
    "reject": lambda t: Reject(_text("reject", t["reject"])),
    "notify": lambda t: Notify(_text("notify", t["notify"]), _text("message", t.get("message", ""))),
    "keep": lambda t: _marked(Keep, "keep", t["keep"]),
}
"""How an action is read, by its key."""

_Read = TypeVar("_Read")


def _of(
    table: Mapping[str, object],
    key: str,
    read: Callable[[str, object], _Read],
    default: _Read,
    found: list[Fault],
) -> _Read:
    if key not in table:
        return default
    try:
        return read(key, table[key])
    except _Wrong as wrong:
        found.append(_fault("", 0, wrong))
        return default


def _each(
    table: Mapping[str, object],
    section: str,
    read: Callable[[Mapping[str, object], int, list[Fault]], _Read | None],
    found: list[Fault],
) -> tuple[_Read, ...]:
    """The conditions or actions: a list of tables, or one table by itself."""
    value = table.get(section, [])
    items = [value] if isinstance(value, Mapping) else value
    if not isinstance(items, list):
        found.append(_fault("", 0, _Wrong(section, value, "[{…}, {…}]")))
        return ()
    good: list[_Read] = []
    for index, item in enumerate(items):
        if not isinstance(item, Mapping):
            found.append(_fault(section, index, _Wrong(section, item, "{…}")))
        elif (one := read(item, index, found)) is not None:
            good.append(one)
    return tuple(good)


def _main(
    table: Mapping[str, object],
    keys: tuple[str, ...],
    more: tuple[str, ...],
    section: str,
    index: int,
    found: list[Fault],
) -> str | None:
    """The one key that says what a condition or action is."""
    named = [key for key in table if key in keys and key not in more]
    before = len(found)
    _unknown(table, (*named[:1], *more) if named else (*keys, *more), section, index, found, known=keys)
    if not named and len(found) == before:
        found.append(_fault(section, index, _Wrong(section, "{}", ", ".join(keys))))
    return named[0] if len(found) == before else None


def _unknown(
    table: Mapping[str, object],
    allowed: tuple[str, ...],
    section: str,
    index: int,
    found: list[Fault],
    known: tuple[str, ...] = (),
) -> None:
    for key in table:
        if key not in allowed:
            if key in known:
                problem = Problem("rules.two_in_one", {"place": "", "key": key, "other": allowed[0]})
            else:
                expected = ", ".join(dict.fromkeys(allowed + known))
                parameters = {"place": "", "key": _shown(key), "known": expected}
                problem = Problem("rules.unknown_key", parameters)
            found.append(Fault(section, index, str(key), problem))


def _fault(section: str, index: int, wrong: _Wrong) -> Fault:
    parameters = {"place": "", "key": wrong.key, "value": _shown(wrong.value), "expected": wrong.expected}
    return Fault(section, index, wrong.key, Problem("rules.bad_value", parameters))


def _shown(value: object) -> str:
    """A value for a problem; of lists and tables only that they are some."""
    match value:
        case bool():
            return "true" if value else "false"
        case Mapping():
            return "{…}"
        case list():
            return "[…]"
        case _:
            return "".join(c if c.isprintable() else "�" for c in str(value)[:60])
