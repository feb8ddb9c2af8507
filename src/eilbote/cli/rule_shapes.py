"""The JSON shapes of rules: problems, actions, reasons, rows of history."""

from __future__ import annotations

from typing import assert_never

from eilbote.catalogue import Catalogue
from eilbote.cli.shapes import moment, problem_shape
from eilbote.engine.rule_history import Told as Row
from eilbote.engine.try_rules import Trial, Tried
from eilbote.sieve.values import (
    Action,
    Discard,
    FileInto,
    Keep,
    Notify,
    Outcome,
    Redirect,
    Reject,
    ScriptProblem,
    Step,
    Vacation,
)
from eilbote.store.rule_runs import Undone
from eilbote.store.rule_values import Deed, Told

JSON = dict[str, object]


def check_shape(found: ScriptProblem, catalogue: Catalogue) -> JSON:
    """A line of `rules check`."""
    said = catalogue.problem(found.problem)
    return {
        "line": found.at.line,
        "column": found.at.column,
        "problem": said.what,
        "remedy": said.do,
        "code": found.problem.code,
        "script": found.script,
    }


def outcome_shape(path: str, outcome: Outcome, catalogue: Catalogue) -> JSON:
    """A line of `rules test --message`."""
    return {
        "message": path,
        "actions": [
            action_shape(one) for one in outcome.actions if not (isinstance(one, Keep) and one.implicit)
        ],
        "implicit_keep": outcome.implicit_keep,
        "implicit_flags": [
            flag for one in outcome.actions if isinstance(one, Keep) and one.implicit for flag in one.flags
        ],
        "headers_changed": outcome.headers is not None,
        "header_edits": [
            {"edit": "add" if one.added else "delete", "name": one.name, "value": one.value}
            for one in outcome.edits
        ],
        "trace": [_step_shape(one) for one in outcome.trace],
        "problem": None if outcome.problem is None else check_shape(outcome.problem, catalogue),
        "warnings": [check_shape(one, catalogue) for one in outcome.warnings],
    }


def action_shape(action: Action) -> JSON:
    """One of `actions` in `rules test --message`."""
    flags: tuple[str, ...] = ()
    argument: str | None = None
    more: JSON = {}
    match action:
        case Keep():
            name, flags = "keep", action.flags
        case FileInto():
            name, argument, flags = "fileinto", action.mailbox, action.flags
            more = {"copy": action.copy, "create": action.create, "special_use": action.special_use or None}
        case Redirect():
            name, argument, more = "redirect", action.address, {"copy": action.copy}
        case Discard():
            name = "discard"
        case Reject():
            name, argument = "ereject" if action.protocol else "reject", action.reason
        case Vacation():
            name, argument = "vacation", action.reason
            more = {"seconds": action.seconds, "subject": action.subject or None}
        case Notify():
            name, argument, more = "notify", action.method, {"message": action.message or None}
        case _:
            assert_never(action)
    return {"action": name, "argument": argument, "flags": list(flags), "line": action.at.line, **more}


def _step_shape(step: Step) -> JSON:
    return {
        "line": step.at.line,
        "column": step.at.column,
        "name": step.name,
        "detail": step.detail,
        "result": step.result,
        "rule": step.rule,
        "script": step.script,
    }


def tried_shape(tried: Tried) -> JSON:
    """A line of `rules test`."""
    return {
        "id": str(tried.message),
        "account": tried.address,
        "mailbox": tried.mailbox,
        "subject": tried.envelope.subject,
        "from": ", ".join(map(str, tried.envelope.sender)),
        "date": moment(tried.envelope.date if tried.envelope.date is not None else tried.internal_date),
        "actions": [deed_shape(one) for one in tried.deeds],
        "trace": [told_shape(one) for one in tried.steps],
        "problem": None if tried.problem is None else problem_shape(tried.problem),
    }


def trial_shape(trial: Trial) -> JSON:
    """The last line of `rules test`."""
    return {
        "looked": trial.looked,
        "touched": trial.touched,
        "problems": trial.problems,
        "counts": [
            {"rule": rule, "action": action, "argument": argument or None, "mails": count}
            for (rule, action, argument), count in sorted(trial.deeds.items())
        ],
    }


def deed_shape(deed: Deed) -> JSON:
    """One of `actions` of a mail of the store."""
    return {
        "action": deed.action,
        "argument": deed.argument or None,
        "flags": list(deed.flags),
        "line": deed.line,
        "rule": deed.rule,
        "refused": deed.refused or None,
    }


def told_shape(step: Told) -> JSON:
    """One of `trace` of a mail of the store."""
    return {
        "line": step.line,
        "name": step.name,
        "detail": step.detail,
        "result": step.result,
        "rule": step.rule,
        "script": step.script,
    }


def row_shape(row: Row) -> JSON:
    """A line of `rules history`."""
    run = row.run
    return {
        "id": str(run.id),
        "mail": str(run.message),
        "account": row.address,
        "mailbox": run.mailbox,
        "now_in": None if row.mail is None else row.mail.mailbox,
        "subject": "" if row.mail is None else row.mail.envelope.subject,
        "origin": run.origin.value,
        "run": str(run.batch) if run.batch else None,
        "date": moment(run.ran),
        "revision": run.revision,
        "rules": list(run.rules),
        "actions": [deed_shape(one) for one in run.deeds],
        "trace": [told_shape(one) for one in run.steps],
        "problem": None if run.problem is None else problem_shape(run.problem),
        "outgoing": [str(one) for one in run.outgoing],
        "undone": None if run.undone is None else moment(run.undone),
    }


def undone_shape(undone: Undone) -> JSON:
    """`rules undo`."""
    return {
        "operation": "undo",
        "runs": undone.runs,
        "mails": undone.mails,
        "unsent": undone.unsent,
        "sent": undone.sent,
    }
