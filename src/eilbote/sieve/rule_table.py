"""A friendly rule as a plain table of texts, numbers and lists: what its document, the JSON of the faces
and the options of a command have in common. `rule_reading.py` reads it back.

    {"name": "Post vom Amt", "if": [{"from": "@amt.example"}, {"subject": "Bescheid", "not": True}],
     "then": [{"move": "Amt"}, {"mark": "flagged"}]}
"""

from __future__ import annotations

from typing import assert_never

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
    Forward,
    HeaderField,
    How,
    Keep,
    Label,
    Language,
    Larger,
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

Table = dict[str, object]


def rule_table(rule: Rule) -> Table:
    """The table of a rule; what goes without saying is not said."""
    table: Table = {"name": rule.name}
    if rule.match is not Match.ALL:
        table["match"] = rule.match.value
    if rule.conditions:
        table["if"] = [condition_table(each) for each in rule.conditions]
    if rule.actions:
        table["then"] = [action_table(each) for each in rule.actions]
    if rule.stop is not stops_by_itself(rule.actions):
        table["stop"] = rule.stop
    if not rule.enabled:
        table["enabled"] = False
    if rule.account:
        table["account"] = rule.account
    if rule.where is not Where.HERE:
        table["where"] = rule.where.value
    return table


def script_table(script: OwnScript) -> Table:
    """The table of a script."""
    table: Table = {"name": script.name, "sieve": script.sieve}
    if not script.run:
        table["run"] = False
    if script.on:
        table["on"] = [each.value for each in script.on]
        table["mailbox"] = script.mailbox
    if script.account:
        table["account"] = script.account
    if script.where is not Where.HERE:
        table["where"] = script.where.value
    return table


def condition_table(condition: AnyCondition) -> Table:
    """The table of a condition."""
    table = _condition_table(condition)
    if condition.negated:
        table["not"] = True
    return table


def _condition_table(condition: AnyCondition) -> Table:
    key = str(condition.__struct_config__.tag)
    match condition:
        case Sender() | Recipient():
            return {key: _one(condition.who)}
        case Contact():
            return {key: condition.known.value}
        case Subject():
            table: Table = {key: _one(condition.texts)}
            return table if condition.how is How.CONTAINS else {**table, "how": condition.how.value}
        case HeaderField():
            table = {key: _one(condition.names)}
            if condition.texts:
                table["value"] = _one(condition.texts)
            if condition.part is not Part.FIELD:
                table["part"] = condition.part.value
            return table if condition.how is How.CONTAINS else {**table, "how": condition.how.value}
        case Body():
            return {key: _one(condition.texts)}
        case Priority():
            return {key: condition.level.value}
        case Larger() | Smaller():
            return {key: size_text(condition.size)}
        case Older() | Newer():
            return {key: f"{condition.days}d"}
        case Before() | Since():
            return {key: condition.day}
        case During():
            return {key: [condition.first, condition.last]}
        case Attachment():
            return {key: _one(condition.kinds) if condition.kinds else True}
        case MailingList():
            return {key: _one(condition.ids) if condition.ids else True}
        case Language():
            return {key: _one(condition.languages)}
        case Category():
            return {key: _one(condition.names)}
        case SenderImportance():
            return {key: condition.at_least.value}
        case Spam():
            return {key: condition.percent}
        case _:
            assert_never(condition)


def action_table(action: AnyAction) -> Table:
    """The table of an action."""
    key = str(action.__struct_config__.tag)
    match action:
        case Move() | Copy():
            return {key: action.mailbox}
        case Label():
            return {key: _one(action.labels)}
        case Mark():
            return {key: action.flag.value}
        case Forward() | Redirect():
            return {key: action.address}
        case Reply():
            table: Table = {key: action.text, "days": action.days}
            if action.subject:
                table["subject"] = action.subject
            return {**table, "addresses": _one(action.addresses)} if action.addresses else table
        case Reject():
            return {key: action.reason}
        case Notify():
            table = {key: action.address}
            return {**table, "message": action.message} if action.message else table
        case Archive() | Delete() | Keep():
            return {key: True}
        case _:
            assert_never(action)


def size_text(size: int) -> str:
    """A size as `read_size` reads it, as short as it can be said exactly."""
    for unit, letter in ((1 << 30, "G"), (1 << 20, "M"), (1 << 10, "K")):
        if size and size % unit == 0:
            return f"{size // unit}{letter}"
    return str(size)


def _one(values: tuple[str, ...]) -> str | list[str]:
    return values[0] if len(values) == 1 else list(values)
