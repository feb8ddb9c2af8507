"""`eilbote rules add`: a rule made of options, or scripts from a file."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click
from msgspec.structs import replace

from eilbote.catalogue import Catalogue
from eilbote.cli.command import Command, Option, mark
from eilbote.cli.completion import account_names
from eilbote.cli.face import Face
from eilbote.cli.home import opened_home
from eilbote.cli.rule_options import actions_of, conditions_of, option_of, rule_options
from eilbote.cli.rule_text_file import read_text
from eilbote.cli.rules_list import entry_shape, in_words
from eilbote.cli.terminal import harmless
from eilbote.engine import edit_rules as door
from eilbote.engine.accounts import find_account
from eilbote.errors import Misused, Problem
from eilbote.rule_words import action_said, condition_said
from eilbote.sieve.read_back import read_back
from eilbote.sieve.rule import (
    Body,
    Copy,
    Match,
    Move,
    OwnScript,
    Recipient,
    Rule,
    Sender,
    Subject,
    stops_by_itself,
)
from eilbote.sieve.rule_check import faults


@rule_options
@click.command(
    "add",
    cls=Command,
    help=mark(
        "Add a rule: conditions that must all hold, and what is then done. An option given several times "
        "holds if one of its values does; --not-from and so on turn a condition around. A rule that moves, "
        "redirects, rejects or deletes is the last for its mail, unless --go-on says otherwise."
    ),
    short_help=mark("Add a rule"),
    epilog=mark(
        "eilbote rules add --from @steuerberater.example --move Buchhaltung\n"
        "eilbote rules add --subject Rechnung --attachment pdf --copy Buchhaltung\n"
        "eilbote rules add --priority high --not-list --mark flagged --move Dringend"
    ),
)
@click.option("--name", cls=Option, metavar="TEXT", help=mark("What the rule is called."))
@click.option(
    "--account",
    cls=Option,
    metavar="ADDRESS",
    shell_complete=account_names,
    help=mark("Only for this account."),
)
@click.option("--any", "any_", cls=Option, is_flag=True, help=mark("One condition is enough."))
@click.option("--none", "none_", cls=Option, is_flag=True, help=mark("No condition may hold."))
@click.option("--every-mail", cls=Option, is_flag=True, help=mark("For every mail: no condition."))
@click.option("--stop/--go-on", cls=Option, default=None, help=mark("Whether later rules see the mail."))
@click.option("--off", cls=Option, is_flag=True, help=mark("Do not switch it on yet."))
@click.option(
    "--at", cls=Option, type=click.IntRange(1, 1000), metavar="N", help=mark("Its place in the list.")
)
@click.option(
    "--script",
    cls=Option,
    type=click.Path(path_type=Path, allow_dash=True),
    metavar="FILE",
    help=mark("Add a Sieve script from a file; - reads standard input."),
)
@click.option(
    "--read-back",
    "back",
    cls=Option,
    is_flag=True,
    help=mark("With --script: simple parts become rules, the rest stays."),
)
@click.pass_obj
def add(
    face: Face,
    /,
    name: str | None,
    account: str | None,
    any_: bool,
    none_: bool,
    every_mail: bool,
    stop: bool | None,
    off: bool,
    at: int | None,
    script: Path | None,
    back: bool,
    **given: Any,
) -> None:
    with opened_home(face) as app:
        owner = "" if account is None else find_account(app, account).address
        if script is not None:
            new = _from_script(script, name, owner, back, off)
        else:
            match = Match.ANY if any_ else Match.NONE if none_ else Match.ALL
            new = (_from_options(face, given, name, owner, match, every_mail, stop, off),)
        added = door.add_entries(app, new, None if at is None else at - 1)
        numbers = [each.name for each in door.entries(app)]
    for entry in added:
        if face.json:
            face.record(entry_shape(face, numbers.index(entry.name) + 1, entry))
        else:
            face.say(mark("Added: {name}"), name=entry.name)
            face.line(f"  {harmless(in_words(face, entry))}")
    if not face.json:
        face.note(mark("See what it would do: eilbote rules test"))


def _from_options(
    face: Face,
    given: dict[str, Any],
    name: str | None,
    account: str,
    match: Match,
    every_mail: bool,
    stop: bool | None,
    off: bool,
) -> Rule:
    conditions, actions = conditions_of(given), actions_of(given)
    if bool(conditions) is every_mail:
        raise Misused("rules.which_mail")
    stop = stops_by_itself(actions) if stop is None else stop
    rule = Rule(name or "…", conditions, actions, match, stop, not off, account)
    for fault in faults(rule):
        place = option_of(fault, conditions, actions)
        raise Misused(Problem(fault.problem.code, {**fault.problem.parameters, "place": place}))
    if name is None:
        rule = replace(rule, name=_name(rule, face.catalogue))
    return rule


def _name(rule: Rule, said: Catalogue) -> str:
    """A name for a rule that got none: what it looks for, and where that goes."""
    match rule.conditions:
        case (Sender(negated=False, who=(first, *_)) | Recipient(negated=False, who=(first, *_)), *_):
            wanted = first
        case (Subject(negated=False, texts=(first, *_)) | Body(negated=False, texts=(first, *_)), *_):
            wanted = first
        case (condition, *_):
            wanted = condition_said(condition, said)
        case _:
            wanted = said.text(mark("every mail"))
    places = [each.mailbox for each in rule.actions if isinstance(each, (Move, Copy))]
    goals = places or [action_said(each, said) for each in rule.actions]
    goal = goals[0] if goals else said.text(mark("no later rule"))
    return f"{wanted.strip()[:60]} → {goal.strip()[:60]}"


def _from_script(
    file: Path, name: str | None, account: str, back: bool, off: bool
) -> tuple[Rule | OwnScript, ...]:
    text = read_text(file)
    title = name or (file.stem if file.name != "-" else "Sieve")
    found = read_back(text, title) if back else (OwnScript(title, text),)
    return tuple(
        Rule(
            each.name, each.conditions, each.actions, each.match, each.stop, each.enabled and not off, account
        )
        if isinstance(each, Rule)
        else OwnScript(each.name, each.sieve, not off, account)
        for each in found
    )
