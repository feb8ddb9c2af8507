"""`eilbote rules check`, `test` and `run`: whether rules are right, what they would do, and doing it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import click

from eilbote.cli.command import Command, Option, mark
from eilbote.cli.completion import mailbox_names
from eilbote.cli.exits import FAILED, WARNED
from eilbote.cli.face import Face
from eilbote.cli.home import opened_home
from eilbote.cli.options import account_option
from eilbote.cli.progress import shown_progress
from eilbote.cli.rule_shapes import check_shape, outcome_shape, trial_shape, tried_shape
from eilbote.cli.rule_words import action_words, deed_words, show_step
from eilbote.cli.shapes import problem_shape
from eilbote.cli.table import Column, Row
from eilbote.cli.terminal import harmless
from eilbote.engine import judge_files
from eilbote.engine.app import App
from eilbote.engine.chosen_rules import Wanted, how_many
from eilbote.engine.progress import Progress
from eilbote.engine.run_rules import run_rules
from eilbote.engine.try_rules import Tell, Trial, Tried, try_rules
from eilbote.figures import number
from eilbote.sieve.script import Script, read_script
from eilbote.sieve.values import Outcome, ScriptProblem
from eilbote.store.rule_values import Deed, Told

_SAMPLES = 3
"""Mails of each rule that a preview shows."""


@click.command(
    "check",
    cls=Command,
    help=mark(
        "Check a Sieve script, or a rule book (a file whose name ends in .toml), and name every problem with "
        "its place and its remedy. Needs no account. “-” is standard input."
    ),
)
@click.argument("file", metavar="FILE")
@click.pass_obj
def check(face: Face, file: str) -> None:
    text = judge_files.read_text(file)
    problems = judge_files.check_text(text, file, judge_files.scripts_beside(file))
    _name_problems(face, file, problems)
    if problems:
        raise click.exceptions.Exit(FAILED)
    face.say(mark("Nothing is wrong with it."))


def _name_problems(face: Face, file: str, problems: Sequence[ScriptProblem]) -> None:
    for one in problems:
        if face.json:
            face.record(check_shape(one, face.catalogue))
            continue
        said = face.catalogue.problem(one.problem)
        where = f"{one.script or file}:{one.at.line}:{one.at.column}"
        face.line(f"{harmless(where)}: {said.what}")
        if said.do:
            face.line(f"  → {said.do}")


_rule_option = click.option(
    "--rule", cls=Option, metavar="NAME", default="", help=mark("Only this rule or script of the book.")
)
_script_option = click.option(
    "--script", cls=Option, metavar="FILE", help=mark("This Sieve script in place of the book.")
)
_mailbox_option = click.option(
    "--mailbox",
    cls=Option,
    metavar="MAILBOX",
    help=mark("Only the mail of this mailbox; without it all that was received."),
    shell_complete=mailbox_names,
)
_search_option = click.option(
    "--search", "query", cls=Option, metavar="QUERY", help=mark("Only the mail that this finds.")
)


@click.command(
    "test",
    cls=Command,
    help=mark(
        "Show what the rules would do with the mail that is there, and why. Changes nothing. With --message, "
        "judge mails in files by a script; that needs no account."
    ),
)
@click.argument("files", nargs=-1, metavar="[MESSAGE]...")
@_script_option
@_rule_option
@click.option(
    "--message",
    "messages",
    cls=Option,
    multiple=True,
    metavar="FILE",
    help=mark("Judge the mail in this file."),
)
@click.option("--envelope-from", cls=Option, metavar="ADDRESS", help=mark("Who sent it, as a server knows."))
@click.option("--envelope-to", cls=Option, metavar="ADDRESS", help=mark("Whom it is for, as a server knows."))
@account_option
@_mailbox_option
@_search_option
@click.option(
    "--all", "every", cls=Option, is_flag=True, help=mark("Show every mail, not just a few of each rule.")
)
@click.pass_obj
def test(
    face: Face,
    *,
    files: Sequence[str],
    script: str | None,
    rule: str,
    messages: Sequence[str],
    envelope_from: str | None,
    envelope_to: str | None,
    account: str | None,
    mailbox: str | None,
    query: str | None,
    every: bool,
) -> None:
    if messages:
        if script is None:
            raise click.UsageError("--script")
        envelope = judge_files.Envelope(envelope_from, envelope_to)
        _judge_files(face, script, [*messages, *files], envelope)
        return
    if files:
        raise click.UsageError("--message")
    wanted = Wanted(rule, _text_of(script), account, mailbox, query)
    trial = Trial()
    samples: list[Tried] = []
    of_rule: Counter[str] = Counter()
    with opened_home(face) as app, _told(face, app, wanted, quiet=every) as tell:
        for tried in try_rules(app, wanted, trial, tell):
            if face.json:
                face.record(tried_shape(tried))
            elif every:
                _show_tried(face, tried)
            elif min(of_rule[name] for name in _rules_of(tried)) < _SAMPLES:
                of_rule.update(_rules_of(tried))
                samples.append(tried)
    for tried in samples:
        _show_tried(face, tried)
    if face.json:
        face.record(trial_shape(trial))
    else:
        _show_counts(face, trial)
    if trial.problems:
        raise click.exceptions.Exit(WARNED)


def _rules_of(tried: Tried) -> set[str]:
    """Empty text stands for a mail that could not be judged."""
    return {deed.rule for deed in tried.deeds} or {""}


@contextmanager
def _told(face: Face, app: App, wanted: Wanted, *, quiet: bool = False) -> Iterator[Tell]:
    """Shows how far it is, on a terminal, unless mails are shown while it goes on."""
    if quiet:
        yield lambda looked: None
        return
    total = how_many(app, wanted)
    with shown_progress(face) as report:
        yield lambda looked: report(Progress("", "rules", done=min(looked, total), total=total))


def _text_of(script: str | None) -> str | None:
    return None if script is None else judge_files.read_text(script)


def _judge_files(face: Face, name: str, mails: Sequence[str], envelope: judge_files.Envelope) -> None:
    """Each mail by itself; exit 1 where one could not be judged to the end."""
    script = read_script(judge_files.read_text(name), included=judge_files.scripts_beside(name))
    if not isinstance(script, Script):
        _name_problems(face, name, script)
        raise click.exceptions.Exit(FAILED)
    failed = False
    for mail in mails:
        outcome = judge_files.judge_file(script, mail, envelope)
        failed = failed or outcome.problem is not None
        if face.json:
            face.record(outcome_shape(mail, outcome, face.catalogue))
        else:
            _show_outcome(face, mail, outcome)
    if failed:
        raise click.exceptions.Exit(WARNED)


def _show_outcome(face: Face, mail: str, outcome: Outcome) -> None:
    face.line(harmless(mail), "bold")
    shape = outcome_shape(mail, outcome, face.catalogue)
    actions = shape["actions"]
    assert isinstance(actions, list)
    for one in actions:
        flags = tuple(one["flags"])
        face.line(f"  {deed_words(face, Deed(one['action'], one['argument'] or '', flags, one['line']))}")
    if outcome.implicit_keep:
        face.line("  " + face.text(mark("stays in the inbox")))
    for step in outcome.trace:
        show_step(face, Told(step.at.line, step.name, step.detail, step.result, step.rule, step.script))
    if outcome.problem is not None:
        face.problem(outcome.problem.problem, about=f"{mail}:{outcome.problem.at.line}", warning=True)


def _show_tried(face: Face, tried: Tried) -> None:
    sender = next((one.name or one.spec for one in tried.envelope.sender), "–")
    face.line(
        harmless(f"{tried.message}  {sender}: {tried.envelope.subject} ({tried.mailbox})")[:300], "bold"
    )
    for deed in tried.deeds:
        face.line(f"  → {deed_words(face, deed)}")
    for step in tried.steps:
        if step.result:
            show_step(face, step)
    if tried.problem is not None:
        face.problem(tried.problem, warning=True)


def _show_counts(face: Face, trial: Trial) -> None:
    language = face.catalogue.language
    if trial.deeds:
        face.line()
        columns = [
            Column(face.text(mark("Rule")), share=2),
            Column(face.text(mark("Action")), share=3),
            Column(face.text(mark("Mails")), right=True),
        ]
        rows = [
            Row(
                (
                    rule or "–",
                    action_words(face, action, argument),
                    number(count, language),
                )
            )
            for (rule, action, argument), count in sorted(trial.deeds.items())
        ]
        face.table(columns, rows)
    face.say(
        mark("{touched} of {looked} mails would change. Nothing was changed."),
        touched=number(trial.touched, language),
        looked=number(trial.looked, language),
    )


@click.command(
    "run",
    cls=Command,
    help=mark(
        "Carry the rules out over mail that is there. Where much of a mailbox would change, it asks first: "
        "--yes answers. Nobody is answered because of old mail."
    ),
)
@_script_option
@_rule_option
@account_option
@_mailbox_option
@_search_option
@click.option("--yes", "sure", cls=Option, is_flag=True, help=mark("However much it is."))
@click.option(
    "--send", "sends", cls=Option, is_flag=True, help=mark("Forward old mail too, where a rule says so.")
)
@click.pass_obj
def run(
    face: Face,
    *,
    script: str | None,
    rule: str,
    account: str | None,
    mailbox: str | None,
    query: str | None,
    sure: bool,
    sends: bool,
) -> None:
    wanted = Wanted(rule, _text_of(script), account, mailbox, query)
    with opened_home(face) as app, _told(face, app, wanted) as tell:
        done = run_rules(app, wanted, sure=sure, redirects=sends, tell=tell)
    if face.json:
        face.record(
            {
                "operation": "rules run",
                "run": str(done.batch) if done.batch else None,
                "looked": done.looked,
                "changed": done.changed,
                "queued": done.queued,
                "problems": [problem_shape(one) for one in done.problems],
            }
        )
    else:
        face.line(face.plural(mark("{count} mail changed."), mark("{count} mails changed."), done.changed))
        for one in done.problems:
            face.problem(one, warning=True)
        if done.batch:
            face.note(mark("Take all of it back: eilbote rules undo --run {run}"), run=done.batch)
    if done.problems:
        raise click.exceptions.Exit(WARNED)
