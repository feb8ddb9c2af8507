"""The conditions and actions of a rule as options of `eilbote rules add`, made of one table.

An option given several times holds if one of its values does (`--from a --from b`); different options must
all hold. Each condition has its opposite, `--not-from` for `--from`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple, TypeVar

import click

from eilbote.cli.command import Option, mark
from eilbote.errors import Misused, Problem
from eilbote.sieve.rule import (
    AnyAction,
    AnyCondition,
    Flagging,
    How,
    Known,
    Level,
)
from eilbote.sieve.rule_check import Fault
from eilbote.sieve.rule_reading import read_action, read_condition
from eilbote.sieve.values import Importance

F = TypeVar("F", bound=Callable[..., Any])
ANY = "*"
"""The value of an option that stands without one: `--attachment` for any attachment."""


class _Condition(NamedTuple):
    key: str
    metavar: str
    meaning: str
    several: bool = True
    bare: bool = False
    choices: tuple[str, ...] = ()


class _Action(NamedTuple):
    key: str
    metavar: str
    """Empty: a switch."""
    meaning: str
    several: bool = False
    choices: tuple[str, ...] = ()


_CONDITIONS = (
    _Condition("from", "WHO", mark("Sender: an address, @domain, or a part of the name.")),
    _Condition("to", "WHO", mark("Recipient in To or Cc: an address, @domain, or a part of the name.")),
    _Condition("subject", "TEXT", mark("The subject has this in it; see --how.")),
    _Condition("text", "TEXT", mark("The text of the mail has this in it.")),
    _Condition("field", "NAME[:VALUE]", mark("A field is there, or has this in it; see --how.")),
    _Condition("attachment", "KIND", mark("A file: pdf, *rechnung*.pdf, image/*; alone, any."), bare=True),
    _Condition("list", "LIST", mark("A mailing list, by a part of its List-Id; alone, any."), bare=True),
    _Condition("language", "LANGUAGE", mark("The language: de, en.")),
    _Condition("priority", "", mark("The priority."), several=False, choices=tuple(map(str, Level))),
    _Condition("larger", "SIZE", mark("Larger than this: 500K, 5M."), several=False),
    _Condition("smaller", "SIZE", mark("Smaller than this."), several=False),
    _Condition("older", "TIME", mark("Older than this: 30d, 4w, 6m, 1y."), several=False),
    _Condition("newer", "TIME", mark("Not older than this."), several=False),
    _Condition("before", "DAY", mark("Dated before this day: 2026-11-27."), several=False),
    _Condition("since", "DAY", mark("Dated on this day or later."), several=False),
    _Condition(
        "during", "DAY..DAY", mark("Today is one of these days; an end may be missing."), several=False
    ),
    _Condition(
        "contact",
        "",
        mark("What the assistant knows of the sender."),
        several=False,
        choices=tuple(map(str, Known)),
    ),
    _Condition(
        "importance",
        "",
        mark("The assistant holds the sender for at least so important."),
        several=False,
        choices=tuple(map(str, Importance)),
    ),
    _Condition("category", "NAME", mark("The assistant's category.")),
    _Condition(
        "spam", "PERCENT", mark("The assistant holds it for spam with so many percent."), several=False
    ),
)

_ACTIONS = (
    _Action("move", "MAILBOX", mark("Move into this mailbox; it is made if need be.")),
    _Action("copy", "MAILBOX", mark("Copy into this mailbox."), several=True),
    _Action("archive", "", mark("Move into the archive.")),
    _Action("label", "WORD", mark("Set a keyword."), several=True),
    _Action("mark", "", mark("Mark it."), several=True, choices=tuple(map(str, Flagging))),
    _Action("forward", "ADDRESS", mark("Send it on as it is, and keep it."), several=True),
    _Action("redirect", "ADDRESS", mark("Send it on as it is, and do not keep it.")),
    _Action("reply", "TEXT", mark("Answer the sender; see --reply-days and --reply-subject.")),
    _Action("notify", "ADDRESS", mark("Tell somebody by a mail; see --notify-text."), several=True),
    _Action("reject", "TEXT", mark("Refuse it, and tell the sender why.")),
    _Action("delete", "", mark("Into the trash.")),
    _Action("keep", "", mark("Keep it in the inbox, whatever else happens.")),
)

_MORE = (
    Option(["--reply-days"], metavar="N", help=mark("Answer the same sender once in so many days (7).")),
    Option(["--reply-subject"], metavar="TEXT", help=mark("Subject of the answer.")),
    Option(["--notify-text"], metavar="TEXT", help=mark("What the notice says.")),
    Option(["--how"], type=click.Choice([*map(str, How)]), help=mark("How --subject and --field compare.")),
)


def rule_options(command: F) -> F:
    """All of them; their values come as one dictionary `given` of the keyword arguments left over."""
    options = [_condition_option(each, negated=False) for each in _CONDITIONS]
    options += [_condition_option(each, negated=True) for each in _CONDITIONS]
    options += [_action_option(each) for each in _ACTIONS]
    assert isinstance(command, click.Command)
    own = len(command.params) - sum(getattr(each, "general", False) for each in command.params)
    command.params[own:own] = [*options, *_MORE]
    return command


def conditions_of(given: dict[str, Any]) -> tuple[AnyCondition, ...]:
    """The conditions of the options. Misused with the option's name as `place`."""
    found: list[AnyCondition] = []
    for each in _CONDITIONS:
        for prefix in ("", "not-"):
            values = given.get(f"{'not' if prefix else 'if'}_{each.key}")
            if values in (None, ()):
                continue
            option = f"--{prefix}{each.key}"
            for table in _tables(each, values if each.several else (values,), given):
                if prefix:
                    table["not"] = True
                faults: list[Fault] = []
                condition = read_condition(table, 0, faults)
                _raise(faults, option)
                assert condition is not None
                found.append(condition)
    return tuple(found)


def actions_of(given: dict[str, Any]) -> tuple[AnyAction, ...]:
    """The actions of the options. Misused as `conditions_of`."""
    found: list[AnyAction] = []
    for each in _ACTIONS:
        values = given.get(f"then_{each.key}")
        if not values:
            continue
        for value in values if each.several else (values,):
            table: dict[str, object] = {each.key: value}
            if each.key == "reply":
                table |= _named(given, days="reply_days", subject="reply_subject")
            if each.key == "notify":
                table |= _named(given, message="notify_text")
            faults: list[Fault] = []
            action = read_action(table, 0, faults)
            _raise(faults, f"--{each.key}")
            assert action is not None
            found.append(action)
    return tuple(found)


def option_of(fault: Fault, conditions: Sequence[AnyCondition], actions: Sequence[AnyAction]) -> str:
    """The option in which a fault of the whole rule was given."""
    struct: Any = None
    if fault.section == "if":
        struct = conditions[fault.index]
    elif fault.section == "then":
        struct = actions[fault.index]
    if struct is None:
        return f"--{fault.key}" if fault.key in ("name", "account") else "rules add"
    negated = getattr(struct, "negated", False)
    return f"--{'not-' if negated else ''}{struct.__struct_config__.tag}"


def _tables(each: _Condition, values: Sequence[Any], given: dict[str, Any]) -> list[dict[str, object]]:
    """One table for all values of an option; for fields one for each."""
    how = _named(given, how="how") if each.key in ("subject", "field") else {}
    match each.key:
        case "field":
            tables: list[dict[str, object]] = []
            for value in values:
                name, colon, wanted = str(value).partition(":")
                table: dict[str, object] = {"field": name.strip(), **how}
                tables.append({**table, "value": wanted.strip()} if colon else table)
            return tables
        case "during":
            first, dots, last = str(values[0]).partition("..")
            return [{"during": [first, last if dots else first]}]
        case _ if each.bare and ANY in values:
            return [{each.key: True}]
        case _ if each.several:
            return [{each.key: [*map(str, values)], **how}]
        case _:
            return [{each.key: values[0]}]


def _named(given: dict[str, Any], **names: str) -> dict[str, object]:
    return {key: given[name] for key, name in names.items() if given.get(name) is not None}


def _raise(faults: Sequence[Fault], option: str) -> None:
    for fault in faults:
        raise Misused(Problem(fault.problem.code, {**fault.problem.parameters, "place": option}))


def _condition_option(each: _Condition, *, negated: bool) -> Option:
    prefix = "not-" if negated else ""
    more: dict[str, Any] = {"is_flag": False, "flag_value": ANY} if each.bare else {}
    return Option(
        [f"--{prefix}{each.key}", f"{'not' if negated else 'if'}_{each.key}"],
        metavar=None if each.choices else each.metavar,
        type=click.Choice(each.choices) if each.choices else str,
        multiple=each.several,
        hidden=negated,
        help=each.meaning,
        **more,
    )


def _action_option(each: _Action) -> Option:
    if not each.metavar and not each.choices:
        return Option([f"--{each.key}", f"then_{each.key}"], is_flag=True, help=each.meaning)
    return Option(
        [f"--{each.key}", f"then_{each.key}"],
        metavar=None if each.choices else each.metavar,
        type=click.Choice(each.choices) if each.choices else str,
        multiple=each.several,
        help=each.meaning,
    )
