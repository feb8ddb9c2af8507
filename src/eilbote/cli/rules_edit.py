"""`eilbote rules edit|remove|enable|disable|order`: changes of the rule book."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import click

from eilbote.cli.command import Command, Option, mark
from eilbote.cli.exits import USAGE
from eilbote.cli.face import Face
from eilbote.cli.home import opened_home
from eilbote.cli.rule_text_file import read_text
from eilbote.cli.rules_list import entry_shape
from eilbote.engine import edit_rules as door
from eilbote.engine.app import App
from eilbote.errors import Misused, Problem
from eilbote.sieve.ready_made import offers
from eilbote.sieve.rule import OwnScript, Rule
from eilbote.sieve.rule_text import entry_text
from eilbote.sieve.values import ScriptProblem


@click.command(
    "edit",
    cls=Command,
    help=mark(
        "Edit the rule book in your editor ($VISUAL, $EDITOR), or take it from a file; - reads standard "
        "input. Nothing is saved while something in it is wrong."
    ),
    short_help=mark("Edit the rule book"),
)
@click.argument("file", required=False, type=click.Path(path_type=Path, allow_dash=True))
@click.option(
    "--revision",
    cls=Option,
    type=click.IntRange(0),
    metavar="N",
    help=mark("Save only if the book is still this one (as rules show --json said)."),
)
@click.pass_obj
def edit(face: Face, file: Path | None, revision: int | None) -> None:
    with opened_home(face) as app:
        held = door.saved_book(app)
        there = door.on_server(app)
        text = _edited(face, app, held.text) if file is None else read_text(file)
        if text is None or text == held.text:
            saved = held
        else:
            problems = door.judge_text(app, text)
            if problems:
                _tell_problems(face, problems, file)
                raise click.exceptions.Exit(USAGE)
            saved = door.save_text(app, text, held.revision if revision is None else revision)
        count = len(door.entries(app))
        _note_server(face, app, there)
    if face.json:
        face.record({"revision": saved.revision, "entries": count, "changed": saved != held})
    elif saved == held:
        face.say(mark("Nothing has changed."))
    else:
        face.say(face.plural(mark("Saved: {count} rule."), mark("Saved: {count} rules."), count))


def _edited(face: Face, app: App, text: str) -> str | None:
    """The text as the editor leaves it, again and again while it is wrong and its writer goes on; None where
    the writer gives up. What was written stays in a file then."""
    if not is_terminal():
        raise Misused("rules.no_editor")
    import tempfile  # noqa: PLC0415  # only an editor needs a file

    handle, name = tempfile.mkstemp(prefix="eilbote-rules-", suffix=".toml")
    path = Path(name)
    with os.fdopen(handle, "w", encoding="utf-8") as file:
        file.write(text or _beginning(face))
    while True:
        try:
            click.edit(filename=name)
        except click.ClickException as failed:
            raise Misused("rules.editor_failed", reason=failed.message, file=name) from None
        written = read_text(path)
        problems = door.judge_text(app, written)
        if not problems:
            path.unlink()
            return written
        _tell_problems(face, problems, path)
        if not click.confirm(face.text(mark("Go on editing?")), default=True, err=True):
            face.note(mark("Your text is kept in {file}; nothing was saved."), file=name)
            raise click.exceptions.Exit(USAGE)


def is_terminal() -> bool:
    """Whether a person sits there who can use an editor."""
    return sys.stdin.isatty() and sys.stdout.isatty()


def _beginning(face: Face) -> str:
    """What an empty book shows in an editor: a rule in comments."""
    example = entry_text(offers(face.catalogue.text)[-1].rules[0])
    lines = [face.text(mark("Rules run from top to bottom. An example:")), "", *example.splitlines()]
    return "".join(f"# {line}".rstrip() + "\n" for line in lines)


def _tell_problems(face: Face, problems: tuple[ScriptProblem, ...], file: Path | None) -> None:
    for found in problems:
        place = f"{file or 'rules.toml'}:{found.at.line}"
        if "place" in found.problem.parameters:
            face.problem(Problem(found.problem.code, {**found.problem.parameters, "place": place}))
        else:
            face.problem(found.problem, about=place)


@click.command(
    "remove", cls=Command, help=mark("Remove rules or scripts. What they did stays in the history.")
)
@click.argument("names", nargs=-1, required=True, metavar="NAME...")
@click.pass_obj
def remove(face: Face, names: tuple[str, ...]) -> None:
    with opened_home(face) as app:
        there = door.on_server(app)
        door.remove_entries(app, names)
        _note_server(face, app, there)
    _tell(face, mark("{name} is removed."), names)


@click.command("enable", cls=Command, help=mark("Switch rules or scripts on."))
@click.argument("names", nargs=-1, required=True, metavar="NAME...")
@click.pass_obj
def enable(face: Face, names: tuple[str, ...]) -> None:
    with opened_home(face) as app:
        there = door.on_server(app)
        door.switch_entries(app, names, True)
        _note_server(face, app, there)
    _tell(face, mark("{name} is switched on."), names)


@click.command("disable", cls=Command, help=mark("Switch rules or scripts off, and keep them."))
@click.argument("names", nargs=-1, required=True, metavar="NAME...")
@click.pass_obj
def disable(face: Face, names: tuple[str, ...]) -> None:
    with opened_home(face) as app:
        there = door.on_server(app)
        door.switch_entries(app, names, False)
        _note_server(face, app, there)
    _tell(face, mark("{name} is switched off."), names)


@click.command(
    "order", cls=Command, help=mark("Put a rule or script at another place in the list (1 is the first).")
)
@click.argument("name")
@click.argument("place", type=click.IntRange(1, 1000), metavar="N")
@click.pass_obj
def order(face: Face, name: str, place: int) -> None:
    with opened_home(face) as app:
        there = door.on_server(app)
        door.order_entry(app, name, place - 1)
        _note_server(face, app, there)
        entry = door.entry_named(app, name)
        number = [each.name for each in door.entries(app)].index(entry.name) + 1
    if face.json:
        face.record(entry_shape(face, number, entry))
    else:
        face.say(mark("{name} is number {place} now."), name=entry.name, place=number)


def _note_server(face: Face, app: App, before: tuple[Rule | OwnScript, ...]) -> None:
    """A server goes on with the rules that it was given, whatever the book says since."""
    if door.on_server(app) != before:
        face.note(mark("The server still has its rules as they were. Bring them there: eilbote rules push"))


def _tell(face: Face, sentence: str, names: tuple[str, ...]) -> None:
    for name in names:
        if face.json:
            face.record({"name": name})
        else:
            face.say(sentence, name=name)
