"""`eilbote rules ready-made`: rules for what many people need, to look at and to add."""

from __future__ import annotations

import click

from eilbote.cli.command import Command, Option, mark
from eilbote.cli.completion import account_names
from eilbote.cli.face import Face
from eilbote.cli.home import opened_home
from eilbote.cli.rules_list import entry_shape
from eilbote.cli.table import Column, Row
from eilbote.engine import edit_rules as door
from eilbote.engine.accounts import find_account
from eilbote.errors import Gone, Misused, Problem
from eilbote.sieve.ready_made import Offer, offers
from eilbote.sieve.rule import Rule
from eilbote.sieve.rule_check import faults
from eilbote.sieve.rule_text import entry_text


@click.command(
    "ready-made",
    cls=Command,
    help=mark("Show ready-made rules for what many people need, and add them with --add."),
    short_help=mark("Ready-made rules"),
)
@click.argument("names", nargs=-1, metavar="[NAME]...")
@click.option("--add", "adding", cls=Option, is_flag=True, help=mark("Add them to the rule book."))
@click.option(
    "--from",
    "senders",
    cls=Option,
    multiple=True,
    metavar="WHO",
    help=mark("For business-partners: their addresses or @domains."),
)
@click.option(
    "--account",
    cls=Option,
    metavar="ADDRESS",
    shell_complete=account_names,
    help=mark("Only for this account."),
)
@click.pass_obj
def ready_made(
    face: Face, names: tuple[str, ...], adding: bool, senders: tuple[str, ...], account: str | None
) -> None:
    offered = offers(face.catalogue.text, senders)
    unknown = [name for name in names if name not in {offer.key for offer in offered}]
    if unknown:
        raise Gone("rules.no_ready_made", name=unknown[0], known=", ".join(offer.key for offer in offered))
    wanted = [offer for offer in offered if offer.key in names or not names]
    for offer in wanted:
        for fault in (fault for rule in offer.rules for fault in faults(rule)):
            raise Misused(
                Problem(fault.problem.code, {**fault.problem.parameters, "place": f"--{fault.key}"})
            )
    if not adding:
        _show_offers(face, wanted, whole=bool(names))
        return
    if not names:
        raise Misused("rules.ready_made_unnamed")
    with opened_home(face) as app:
        owner = "" if account is None else find_account(app, account).address
        rules = [
            Rule(each.name, each.conditions, each.actions, each.match, each.stop, each.enabled, owner)
            for offer in wanted
            for each in offer.rules
        ]
        added = door.add_entries(app, rules)
        numbers = [each.name for each in door.entries(app)]
    for entry in added:
        if face.json:
            face.record(entry_shape(face, numbers.index(entry.name) + 1, entry))
        else:
            face.say(mark("Added: {name}"), name=entry.name)
    if not face.json:
        face.note(mark("See what it would do: eilbote rules test"))


def _show_offers(face: Face, wanted: list[Offer], *, whole: bool) -> None:
    for offer in wanted:
        if face.json:
            rules = [entry_shape(face, number, rule) for number, rule in enumerate(offer.rules, 1)]
            face.record({"key": offer.key, "title": offer.title, "about": offer.about, "rules": rules})
        elif whole:
            face.line("\n".join(entry_text(rule) for rule in offer.rules).rstrip("\n"))
    if face.json or whole:
        return
    columns = [
        Column(face.text(mark("Key"))),
        Column(face.text(mark("Name")), share=1),
        Column(face.text(mark("What for")), share=3),
    ]
    face.table(columns, [Row((offer.key, offer.title, offer.about)) for offer in wanted])
