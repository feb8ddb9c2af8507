"""The rule builder's form: its fields to a rule, and a rule to its fields. Every row of a condition sends the
same five fields and every row of an action the same five, so that the form works without a script.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from msgspec import Struct
from msgspec.structs import replace

from eilbote.catalogue import Catalogue, mark
from eilbote.errors import Problem
from eilbote.sieve.rule import (
    AnyAction,
    AnyCondition,
    During,
    HeaderField,
    How,
    Match,
    Notify,
    Part,
    Reply,
    Rule,
    Subject,
    Where,
)
from eilbote.sieve.rule_check import canonical
from eilbote.sieve.rule_reading import read_rule
from eilbote.sieve.rule_table import action_table, condition_table

MOST_ROWS = 60
_LONGEST = 20_000

GROUPS: tuple[tuple[str, tuple[tuple[str, str], ...]], ...] = (
    (
        mark("The mail"),
        (
            ("from", mark("Sender")),
            ("to", mark("Recipient")),
            ("subject", mark("Subject")),
            ("text", mark("Text of the mail")),
            ("attachment", mark("Attachment")),
            ("list", mark("Mailing list")),
            ("language", mark("Language")),
            ("priority", mark("Urgency")),
            ("field", mark("Other field")),
        ),
    ),
    (
        mark("Size and time"),
        (
            ("larger", mark("Larger than")),
            ("smaller", mark("Smaller than")),
            ("older", mark("Older than")),
            ("newer", mark("At most as old as")),
            ("since", mark("Dated since")),
            ("before", mark("Dated before")),
            ("during", mark("Today is between")),
        ),
    ),
    (
        mark("What the assistant says"),
        (
            ("contact", mark("Known sender")),
            ("importance", mark("Importance of the sender")),
            ("category", mark("Category")),
            ("spam", mark("Spam")),
        ),
    ),
)
"""Conditions as they are offered, with their names."""

ACTIONS: tuple[tuple[str, str], ...] = (
    ("move", mark("Move to")),
    ("copy", mark("Copy to")),
    ("archive", mark("Archive")),
    ("label", mark("Give a label")),
    ("read", mark("Mark as read")),
    ("flagged", mark("Flag")),
    ("forward", mark("Forward to")),
    ("redirect", mark("Send on, not keep")),
    ("reply", mark("Answer by itself")),
    ("notify", mark("Notify")),
    ("delete", mark("Delete")),
    ("reject", mark("Refuse")),
    ("keep", mark("Leave in the inbox")),
)

COMPARED = ("subject", "field")
"""Conditions whose text is compared in one of many ways."""
_COMMAS = ("from", "to", "list", "attachment", "language", "category", "label")
_KINDS = frozenset(kind for _, kinds in GROUPS for kind, _ in kinds)
_ACTIONS = frozenset(kind for kind, _ in ACTIONS)


class ConditionRow(Struct, frozen=True):
    """One condition as it is typed. `op`: how it is compared, with "!" before it for the opposite. `extra`:
    the names of fields, or the second day. `problem`: what is wrong with it."""

    kind: str = "from"
    op: str = ""
    value: str = ""
    extra: str = ""
    part: str = "field"
    problem: Problem | None = None


class ActionRow(Struct, frozen=True):
    """One action as it is typed. `more`: the days between two answers, or the text of a notice; `about`: an
    answer's subject; `own`: addresses that it is for."""

    kind: str = "move"
    value: str = ""
    more: str = ""
    about: str = ""
    own: str = ""
    problem: Problem | None = None


class RuleForm(Struct, frozen=True):
    """All that stands in the form. `before` and `mark` name the rule that is changed, as it was opened."""

    name: str = ""
    match: str = Match.ALL.value
    conditions: tuple[ConditionRow, ...] = (ConditionRow(),)
    actions: tuple[ActionRow, ...] = (ActionRow(),)
    stop: bool = True
    enabled: bool = True
    account: str = ""
    where: str = Where.HERE.value
    before: str = ""
    mark: str = ""
    problems: tuple[Problem, ...] = ()


def form_of(rule: Rule, mark: str = "") -> RuleForm:
    """The form that shows a rule; with a mark it changes that one."""
    return RuleForm(
        rule.name,
        rule.match.value,
        tuple(map(_condition_row, rule.conditions)),
        tuple(row for one in rule.actions for row in _action_rows(one)),
        rule.stop,
        rule.enabled,
        rule.account,
        rule.where.value,
        rule.name if mark else "",
        mark,
    )


def is_carried(rule: Rule) -> bool:
    """Whether the form says the rule as it is. Values that begin or end with a space, or names with a comma,
    it does not."""
    typed, _ = rule_typed(form_of(rule))
    return canonical(typed) == canonical(rule)


def form_sent(fields: Mapping[str, tuple[str, ...]]) -> RuleForm:
    """What was typed."""

    def one(name: str) -> str:
        return fields.get(name, ("",))[0][:_LONGEST]

    conditions = _rows(fields, ("kind", "op", "value", "extra", "part"))
    actions = _rows(fields, ("then", "what", "more", "about", "own"))
    return RuleForm(
        one("name").strip(),
        one("match") if one("match") in set(Match) else Match.ALL.value,
        tuple(ConditionRow(k if k in _KINDS else "from", o, v, e, p) for k, o, v, e, p in conditions),
        tuple(ActionRow(k if k in _ACTIONS else "move", v, m, a, o) for k, v, m, a, o in actions),
        bool(one("stop")),
        not one("off"),
        one("account"),
        one("where") if one("where") in set(Where) else Where.HERE.value,
        one("before"),
        one("mark"),
    )


def _rows(fields: Mapping[str, tuple[str, ...]], names: Sequence[str]) -> list[list[str]]:
    count = min(MOST_ROWS, len(fields.get(names[0], ())))
    columns = [[*fields.get(name, ()), *[""] * count][:count] for name in names]
    return [[value[:_LONGEST] for value in row] for row in zip(*columns, strict=True)]


def changed(form: RuleForm, do: str) -> RuleForm:
    """The form after a button that adds or takes away a row."""
    word, _, number = do.partition("-")
    at = int(number) if number.isascii() and number.isdecimal() and len(number) < 4 else -1
    match word:
        case "condition":
            return replace(form, conditions=(*form.conditions, ConditionRow())[:MOST_ROWS])
        case "action":
            return replace(
                form, actions=(*form.actions, ActionRow("label" if form.actions else "move"))[:MOST_ROWS]
            )
        case "without":
            return (
                replace(form, conditions=form.conditions[:at] + form.conditions[at + 1 :])
                if at >= 0
                else form
            )
        case "undo":
            return replace(form, actions=form.actions[:at] + form.actions[at + 1 :]) if at >= 0 else form
        case _:
            return form


def rule_typed(form: RuleForm) -> tuple[Rule, RuleForm]:
    """The rule of a form, and the form with its problems where they are; with one the rule is not to be
    used (`is_right`)."""
    table: dict[str, object] = {
        "name": form.name or "?",
        "match": form.match,
        "if": [_condition(row) for row in form.conditions],
        "then": [_action(row) for row in form.actions],
        "stop": form.stop,
        "enabled": form.enabled,
        "account": form.account,
        "where": form.where,
    }
    rule, faults = read_rule(table)
    conditions, actions = list(form.conditions), list(form.actions)
    problems: list[Problem] = []
    for fault in faults:
        if fault.section == "if" and fault.index < len(conditions):
            conditions[fault.index] = replace(conditions[fault.index], problem=fault.problem)
        elif fault.section == "then" and fault.index < len(actions):
            actions[fault.index] = replace(actions[fault.index], problem=fault.problem)
        else:
            problems.append(fault.problem)
    return rule, replace(form, conditions=tuple(conditions), actions=tuple(actions), problems=tuple(problems))


_NEEDS_NO_VALUE = ("attachment", "list", "priority", "contact", "importance", "language")


def tryable(form: RuleForm) -> tuple[Rule | None, bool]:
    """The rule as far as it is typed, to be tried; None where nothing is asked for yet. Whether it does
    something yet; where not, it only shows for which mail it is."""
    conditions = tuple(
        row
        for row in form.conditions
        if row.value.strip() or row.extra.strip() or row.kind in _NEEDS_NO_VALUE
    )
    if form.conditions and not conditions:
        return None, False
    right = tuple(row for row in form.actions if not _is_wrong(row))
    rule, checked = rule_typed(replace(form, conditions=conditions, actions=right or (_SIGN,)))
    return (rule if is_right(checked) else None), bool(right)


_SIGN = ActionRow("label", "tried")


def _is_wrong(row: ActionRow) -> bool:
    _, checked = rule_typed(RuleForm("x", conditions=(), actions=(row,)))
    return not is_right(checked)


def is_right(form: RuleForm) -> bool:
    """Whether nothing is wrong with it."""
    conditions, actions = form.conditions, form.actions
    return not (
        form.problems or any(row.problem for row in conditions) or any(row.problem for row in actions)
    )


def in_words(form: RuleForm, said: Catalogue) -> RuleForm:
    """The form with its problems in words: what rule files call `from`, a page calls the sender."""
    names = {kind: said.text(name) for _, kinds in GROUPS for kind, name in kinds}
    names |= {kind: said.text(name) for kind, name in ACTIONS}

    def worded(problem: Problem | None) -> Problem | None:
        if problem is None:
            return None
        told = {
            name: names.get(value, value) if name in ("key", "first", "second", "other") else value
            for name, value in problem.parameters.items()
        }
        return Problem(problem.code, told)

    return replace(
        form,
        conditions=tuple(replace(row, problem=worded(row.problem)) for row in form.conditions),
        actions=tuple(replace(row, problem=worded(row.problem)) for row in form.actions),
        problems=tuple(one for problem in form.problems if (one := worded(problem)) is not None),
    )


def name_for(rule: Rule, said: Catalogue) -> str:
    """A name for a rule that was given none: what it asks for first, or what it does."""
    for condition in rule.conditions:
        values = condition_table(condition).get(str(condition.__struct_config__.tag))
        first = values[0] if isinstance(values, list) and values else values
        if isinstance(first, str) and first:
            return " ".join(first.split())[:60].strip()
    return said.text("Rule")


def _condition_row(condition: AnyCondition) -> ConditionRow:
    table = condition_table(condition)
    kind = str(condition.__struct_config__.tag)
    sign = "!" if condition.negated else ""
    match condition:
        case Subject(how=how):
            return ConditionRow(kind, sign + how.value, _lines(table[kind]))
        case HeaderField(how=how, part=part):
            value = _lines(table.get("value", ""))
            return ConditionRow(kind, sign + how.value, value, _lines(table[kind], ", "), part.value)
        case During(first=first, last=last):
            return ConditionRow(kind, sign, first, last)
        case _:
            shown = "" if table[kind] is True else _lines(table[kind])
            return ConditionRow(kind, sign, shown.removesuffix("d") if kind in ("older", "newer") else shown)


def _condition(row: ConditionRow) -> dict[str, object]:
    kind, negated, how = row.kind, row.op.startswith("!"), row.op.removeprefix("!")
    table: dict[str, object] = {"not": True} if negated else {}
    value = row.value.strip()
    match kind:
        case "subject":
            return {kind: _several(kind, row.value), "how": _how(how), **table}
        case "field":
            table |= {kind: _several("list", row.extra), "how": _how(how)}
            if row.part in set(Part) and row.part != Part.FIELD:
                table["part"] = row.part
            if texts := _several(kind, row.value):
                table["value"] = texts
            return table
        case "attachment" | "list":
            return {kind: _several(kind, value) or True, **table}
        case "from" | "to" | "text" | "language" | "category":
            return {kind: _several(kind, row.value), **table}
        case "older" | "newer":
            return {kind: value if not value.isdecimal() else f"{value}d", **table}
        case "larger" | "smaller":
            return {kind: value.replace(" ", ""), **table}
        case "during":
            return {kind: [value, row.extra.strip()], **table}
        case _:
            return {kind: value, **table}


def _how(how: str) -> str:
    return how if how in set(How) else How.CONTAINS.value


def _action_rows(action: AnyAction) -> Iterable[ActionRow]:
    table = action_table(action)
    kind = str(action.__struct_config__.tag)
    match action:
        case Reply():
            own = ", ".join(action.addresses)
            yield ActionRow(kind, action.text, str(action.days), action.subject, own)
        case Notify():
            yield ActionRow(kind, action.address, action.message)
        case _:
            value = table[kind]
            if kind == "mark":
                yield ActionRow(str(value))
            else:
                yield ActionRow(kind, "" if value is True else _lines(value, ", "))


def _action(row: ActionRow) -> dict[str, object]:
    value = row.value.strip()
    match row.kind:
        case "read" | "flagged":
            return {"mark": row.kind}
        case "archive" | "delete" | "keep":
            return {row.kind: True}
        case "label":
            return {"label": _several("label", row.value)}
        case "reply":
            days = row.more.strip()
            table: dict[str, object] = {"reply": row.value.replace("\r\n", "\n")}
            table["days"] = (f"{days}d" if days.isdecimal() else days) if days else "7d"
            if row.about.strip():
                table["subject"] = row.about.strip()
            return {**table, "addresses": own} if (own := _several("list", row.own)) else table
        case "reject":
            return {"reject": row.value.replace("\r\n", "\n")}
        case "notify":
            message = row.more.replace("\r\n", "\n")
            return {"notify": value, "message": message} if message.strip() else {"notify": value}
        case _:
            return {row.kind: value}


def _several(kind: str, typed: str) -> list[str]:
    """Values, one a line; of kinds in which a comma means nothing, also between commas."""
    lines = typed.replace("\r\n", "\n").split("\n")
    if kind in _COMMAS:
        lines = [part for line in lines for part in line.split(",")]
    return [line.strip() for line in lines if line.strip()]


def _lines(value: object, between: str = "\n") -> str:
    return between.join(map(str, value)) if isinstance(value, list) else str(value)
