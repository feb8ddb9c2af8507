"""`eilbote rules list|show`: the rule book, as it stands, in words, and as Sieve."""

from __future__ import annotations

import click

from eilbote.cli.command import Command, Option, mark
from eilbote.cli.completion import account_names
from eilbote.cli.face import Face
from eilbote.cli.home import opened_home
from eilbote.cli.table import Column, Row
from eilbote.cli.terminal import harmless
from eilbote.engine import edit_rules as door
from eilbote.engine.accounts import find_account
from eilbote.rule_words import action_said, condition_said, sentence
from eilbote.sieve.rule import OwnScript, Rule, Where
from eilbote.sieve.rule_table import rule_table, script_table
from eilbote.sieve.rule_text import entry_text

JSON = dict[str, object]
_WHERE = {Where.PENDING: mark("on the way to the server"), Where.SERVER: mark("on the server")}


@click.command("list", cls=Command, help=mark("List the rules and scripts in the order in which they run."))
@click.option(
    "--account",
    cls=Option,
    metavar="ADDRESS",
    shell_complete=account_names,
    help=mark("Only those for this account."),
)
@click.pass_obj
def list_(face: Face, account: str | None) -> None:
    with opened_home(face) as app:
        found = [*enumerate(door.entries(app), 1)]
        if account is not None:
            address = find_account(app, account).address.lower()
            found = [(number, each) for number, each in found if each.account.lower() in ("", address)]
    if face.json:
        for number, entry in found:
            face.record(entry_shape(face, number, entry))
        return
    if not found:
        face.say(
            mark(
                "There is no rule yet. Add one: eilbote rules add --from @example.org --move NAME, or "
                "see: eilbote rules ready-made"
            )
        )
        return
    several = any(entry.account for _, entry in found)
    columns = [
        Column("#", right=True),
        Column(face.text(mark("Name")), share=2),
        *([Column(face.text(mark("Account")), share=1)] if several else []),
        Column(face.text(mark("What it says")), share=5),
        Column(face.text(mark("State")), style="dim"),
    ]
    rows = [
        Row(
            (
                str(number),
                entry.name,
                *([entry.account or face.text(mark("all"))] if several else []),
                in_words(face, entry),
                _state(face, entry),
            ),
            "" if _is_on(entry) else "dim",
        )
        for number, entry in found
    ]
    face.table(columns, rows)


@click.command(
    "show",
    cls=Command,
    help=mark("Show the rule book, or one rule; with --sieve as the Sieve that is carried out."),
    short_help=mark("Show the rule book or one rule"),
)
@click.argument("name", required=False)
@click.option("--sieve", cls=Option, is_flag=True, help=mark("As Sieve."))
@click.option(
    "--account",
    cls=Option,
    metavar="ADDRESS",
    shell_complete=account_names,
    help=mark("With --sieve: the whole script of this account."),
)
@click.pass_obj
def show(face: Face, name: str | None, sieve: bool, account: str | None) -> None:
    with opened_home(face) as app:
        if name is not None:
            entry = door.entry_named(app, name)
            text = door.sieve_of(app, entry) if sieve else entry_text(entry)
            if face.json:
                number = [each.name for each in door.entries(app)].index(entry.name) + 1
                face.record({**entry_shape(face, number, entry), "sieve": door.sieve_of(app, entry)})
                return
        elif sieve:
            address = "" if account is None else find_account(app, account).address
            text = door.sieve_of_account(app, address)
        else:
            text = door.saved_book(app).text
        if face.json:
            face.record({"revision": door.saved_book(app).revision, "sieve" if sieve else "text": text})
            return
    for line in text.rstrip("\n").split("\n") if text.strip() else ():
        face.line(harmless(line))


def entry_shape(face: Face, number: int, entry: Rule | OwnScript) -> JSON:
    """A rule or script as JSON: its table, and in words. `number`: its place in the list."""
    on = _is_on(entry)
    shape: JSON = {
        "number": number,
        "kind": "rule" if isinstance(entry, Rule) else "script",
        "name": entry.name,
        "account": entry.account or None,
        "enabled": on,
        "where": entry.where.value,
    }
    if isinstance(entry, OwnScript):
        events: JSON = {"on": [one.value for one in entry.on], "mailbox": entry.mailbox} if entry.on else {}
        return {**shape, "sieve": script_table(entry)["sieve"], **events}
    table = rule_table(entry)
    said = face.catalogue
    return {
        **shape,
        "match": entry.match.value,
        "if": table.get("if", []),
        "then": table.get("then", []),
        "stop": entry.stop,
        "words": {
            "if": [condition_said(each, said) for each in entry.conditions],
            "then": [action_said(each, said) for each in entry.actions],
            "sentence": sentence(entry, said),
        },
    }


def in_words(face: Face, entry: Rule | OwnScript) -> str:
    """What a rule says, in one sentence; of a script only that it is one."""
    return (
        face.text(mark("Sieve script")) if isinstance(entry, OwnScript) else sentence(entry, face.catalogue)
    )


def _state(face: Face, entry: Rule | OwnScript) -> str:
    if not _is_on(entry):
        return face.text(mark("off")) if isinstance(entry, Rule) else face.text(mark("only included"))
    if isinstance(entry, OwnScript) and entry.on:
        return face.text(mark("on events"))
    return face.text(_WHERE[entry.where]) if entry.where in _WHERE else ""


def _is_on(entry: Rule | OwnScript) -> bool:
    return entry.enabled if isinstance(entry, Rule) else entry.run
