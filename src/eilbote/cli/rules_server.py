"""`eilbote rules push|pull|activate|deactivate|remote`: rules that an account's own server carries out."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence

import click

from eilbote.cli.command import Command, Option, mark
from eilbote.cli.exits import WARNED
from eilbote.cli.face import Face
from eilbote.cli.home import opened_home
from eilbote.cli.options import account_option
from eilbote.cli.shapes import problem_shape
from eilbote.cli.table import Column, Row
from eilbote.engine.accounts import only_account
from eilbote.engine.address import server_from
from eilbote.engine.app import App
from eilbote.engine.place_rules import Placed, name_server, take_back
from eilbote.engine.place_rules import activate as make_active
from eilbote.engine.place_rules import push as push_rules
from eilbote.engine.pull_rules import Remote, look
from eilbote.engine.pull_rules import pull as pull_script
from eilbote.sieve.server_script import Found, Stay
from eilbote.store.values import Account, Server

FOUND = {
    Found.SAME: mark("as the rule book says"),
    Found.OLD: mark("the rule book has changed since; push again"),
    Found.FOREIGN: mark("another program has changed it"),
    Found.MISSING: mark("missing"),
}
"""What is said of our script on a server."""


def _server_options(command: Callable[..., None]) -> Callable[..., None]:
    """`--server` and `--security`, as every command takes them that speaks with the server."""
    command = click.option(
        "--security",
        cls=Option,
        type=click.Choice(["tls", "starttls", "none"]),
        help=mark("How the line is protected; none only for this machine itself."),
    )(command)
    return click.option(
        "--server",
        cls=Option,
        metavar="HOST:PORT",
        help=mark("The ManageSieve server, from now on. Otherwise it is found by itself."),
    )(command)


_replace_option = click.option(
    "--replace",
    "replacing",
    cls=Option,
    is_flag=True,
    help=mark("Take the place of a script that another program has made or changed."),
)


def _account(app: App, name: str | None, server: str | None, security: str | None) -> Account:
    account = only_account(app, name)
    if server is None:
        return account
    return name_server(app, account, server_from(server, "managesieve", security))


@click.command(
    "push",
    cls=Command,
    help=mark(
        "Let the account's own server carry rules out (ManageSieve), also while Eilbote does not run; here "
        "they then rest. Without names: all that the server can, as long as no mail is treated otherwise."
    ),
    short_help=mark("Let the server carry rules out"),
)
@click.argument("rules", nargs=-1, metavar="[RULE]...")
@_replace_option
@account_option
@_server_options
@click.pass_obj
def push(
    face: Face,
    *,
    rules: Sequence[str],
    replacing: bool,
    account: str | None,
    server: str | None,
    security: str | None,
) -> None:
    with opened_home(face) as app:
        chosen = _account(app, account, server, security)
        done = asyncio.run(push_rules(app, chosen, rules, replacing=replacing))
    _tell_placed(face, done)


@click.command(
    "deactivate",
    cls=Command,
    help=mark(
        "Let the server carry out nothing any more. The rules that it had are carried out here again; the "
        "script of Eilbote is deleted there, others stay without effect."
    ),
    short_help=mark("Take rules back from the server"),
)
@account_option
@_server_options
@click.pass_obj
def deactivate(face: Face, *, account: str | None, server: str | None, security: str | None) -> None:
    with opened_home(face) as app:
        done = asyncio.run(take_back(app, _account(app, account, server, security)))
    _tell_placed(face, done)


@click.command(
    "activate",
    cls=Command,
    help=mark(
        "Let a script that lies on the server filter there. What the rule book says of its rules follows, so "
        "that none is carried out here and there."
    ),
    short_help=mark("Let a script on the server filter"),
)
@click.argument("script", metavar="SCRIPT")
@_replace_option
@account_option
@_server_options
@click.pass_obj
def activate(
    face: Face,
    *,
    script: str,
    replacing: bool,
    account: str | None,
    server: str | None,
    security: str | None,
) -> None:
    with opened_home(face) as app:
        chosen = _account(app, account, server, security)
        done = asyncio.run(make_active(app, chosen, script, replacing=replacing))
    _tell_placed(face, done)


@click.command(
    "pull",
    cls=Command,
    help=mark(
        "Bring a script of the server into the rule book, as rules where it is simple. Without a name: the "
        "one that filters, which goes on doing so. Any other is switched off in the book."
    ),
    short_help=mark("Bring a script of the server into the rule book"),
)
@click.argument("script", required=False, metavar="[SCRIPT]")
@account_option
@_server_options
@click.pass_obj
def pull(
    face: Face, *, script: str | None, account: str | None, server: str | None, security: str | None
) -> None:
    with opened_home(face) as app:
        done = asyncio.run(pull_script(app, _account(app, account, server, security), script or ""))
    if face.json:
        face.record(
            {
                "account": done.account,
                "script": done.script,
                "active": done.active,
                "entries": [one.name for one in done.entries],
                "known": done.known,
            }
        )
        return
    for one in done.entries:
        face.line(f"  {one.name}")
    face.say(mark("New in the rule book: {count}"), count=str(len(done.entries)))
    if done.known:
        face.say(mark("There already: {count}"), count=str(done.known))
    if not done.active and done.entries:
        face.note(mark("They are switched off. Look at them, and switch on what you want."))
    elif done.entries:
        face.note(mark("The server goes on carrying them out. Take them over: eilbote rules deactivate"))


@click.command(
    "remote",
    cls=Command,
    help=mark(
        "Show which scripts lie on the account's server, which one filters, and whether that fits the rule "
        "book. Exit 1 where it does not."
    ),
    short_help=mark("Show the scripts on the server"),
)
@account_option
@_server_options
@click.pass_obj
def remote(face: Face, *, account: str | None, server: str | None, security: str | None) -> None:
    with opened_home(face) as app:
        found = asyncio.run(look(app, _account(app, account, server, security)))
    if face.json:
        face.record(_remote_shape(found))
    else:
        _tell_remote(face, found)
    foreign = any(one.found in (Found.OLD, Found.FOREIGN) for one in found.scripts if one.active)
    if found.lost or found.both or foreign:
        raise click.exceptions.Exit(WARNED)


def _tell_remote(face: Face, found: Remote) -> None:
    if not found.scripts:
        face.say(mark("No scripts lie on {server}."), server=_words(found.server))
    else:
        columns = [
            Column(face.text(mark("Script")), share=2, style="bold"),
            Column(face.text(mark("Filters"))),
            Column(face.text(mark("State")), share=3),
        ]
        rows = [
            Row(
                (
                    one.name,
                    face.text(mark("yes")) if one.active else "–",
                    face.text(FOUND[one.found]) if one.found is not None else "",
                )
            )
            for one in found.scripts
        ]
        face.table(columns, rows)
    if found.there:
        face.say(mark("Carried out there: {rules}"), rules=", ".join(found.there))
    if found.lost:
        face.say(
            mark("Carried out nowhere, against the book: {rules}"),
            rules=", ".join(found.lost),
        )
        face.note(mark("Push them again: eilbote rules push"))
    if found.both:
        face.say(mark("Carried out here and there: {rules}"), rules=", ".join(found.both))
        face.note(mark("Choose one: eilbote rules push, or eilbote rules deactivate"))
    _tell_stays(face, found.stays)


def _tell_placed(face: Face, done: Placed) -> None:
    if face.json:
        face.record(
            {
                "account": done.account,
                "server": _words(done.server),
                "changed": done.changed,
                "there": list(done.there),
                "stays": [_stay_shape(stay) for stay in done.stays],
                "warnings": [
                    {"line": one.line, "column": one.column, "text": one.text} for one in done.warnings
                ],
            }
        )
        return
    if done.there:
        face.say(mark("Carried out by {server}:"), server=_words(done.server))
        for name in done.there:
            face.line(f"  {name}")
    else:
        face.say(
            mark("{server} carries out no rules of the book; they are carried out here."),
            server=_words(done.server),
        )
    for one in done.warnings:
        face.note(mark("The server remarks: {text}"), text=one.text)
    _tell_stays(face, done.stays)


def _tell_stays(face: Face, stays: Sequence[Stay]) -> None:
    if stays:
        face.say(mark("Stays here:"))
    for stay in stays:
        face.line(f"  {stay.name}: {face.catalogue.problem(stay.why).what}")


def _remote_shape(found: Remote) -> dict[str, object]:
    return {
        "account": found.account,
        "server": _words(found.server),
        "scripts": [
            {"name": one.name, "active": one.active, "state": one.found and one.found.value}
            for one in found.scripts
        ],
        "there": list(found.there),
        "lost": list(found.lost),
        "both": list(found.both),
        "stays": [_stay_shape(stay) for stay in found.stays],
        "extensions": list(found.extensions),
    }


def _stay_shape(stay: Stay) -> dict[str, object]:
    return {"name": stay.name, "problem": problem_shape(stay.why)}


def _words(server: Server) -> str:
    return f"{server.host}:{server.port}"
