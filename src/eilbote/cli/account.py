"""`eilbote account`: list, show, edit, test, pause, resume, remove, trust."""

from __future__ import annotations

import asyncio
import sys

import click

from eilbote.cli.account_facts import STATES, describe_account, server_words, tell_of_pause
from eilbote.cli.account_login import finish_test, server_options, was_tried
from eilbote.cli.command import Group, Option, mark
from eilbote.cli.completion import account_names
from eilbote.cli.exits import UNREACHABLE, WARNED
from eilbote.cli.face import Face
from eilbote.cli.home import opened_home
from eilbote.cli.password import SecretSource
from eilbote.cli.shapes import account_shape, holder_shape, pause_shape, watch_shape
from eilbote.cli.sign_in import sign_in_again
from eilbote.cli.table import Column, Row
from eilbote.engine import setup
from eilbote.engine.accounts import find_account
from eilbote.errors import NotAllowed, Unreachable
from eilbote.figures import long_date
from eilbote.store.values import Account, AccountState

account = Group(
    name="account",
    help=mark("Add, show, test and remove mail accounts. Passwords are sealed at rest and never shown."),
    lazy={
        "add": ("eilbote.cli.account_add", "add", mark("Add an account")),
        "discover": (
            "eilbote.cli.account_add",
            "discover_",
            mark("Find the mail servers of an address, without a login"),
        ),
        "settings": (
            "eilbote.cli.account_settings",
            "settings",
            mark("Settings for other devices, and what is kept of an account's mail"),
        ),
        "identity": ("eilbote.cli.identity", "identity", mark("As whom mail is written: names, signatures")),
        "dkim": ("eilbote.cli.dkim", "dkim", mark("Sign mail that is sent directly")),
    },
)


@account.command("list", help=mark("List all accounts."), short_help=mark("List all accounts"))
@click.pass_obj
def list_(face: Face) -> None:
    with opened_home(face) as app:
        accounts = app.store.accounts.all()
    if face.json:
        for each in accounts:
            face.record(account_shape(each))
        return
    if not accounts:
        face.say(mark("There is no account yet. Add one: eilbote account add you@example.org"))
        return
    columns = [
        Column(face.text(mark("Address")), style="bold"),
        Column(face.text(mark("State"))),
        Column(face.text(mark("IMAP server")), share=2),
        Column(face.text(mark("Last sync"))),
        Column(face.text(mark("Name")), share=1),
    ]
    rows = [
        Row(
            (
                each.address,
                face.text(STATES[each.state][0]),
                server_words(face, each.imap),
                long_date(each.synced, face.catalogue.language) or "–",
                each.name,
            ),
            "dim" if each.state is AccountState.PAUSED else "",
        )
        for each in accounts
    ]
    face.table(columns, rows)


@account.command("show", help=mark("Show one account."), short_help=mark("Show one account"))
@click.argument("address", shell_complete=account_names)
@click.pass_obj
def show(face: Face, address: str) -> None:
    with opened_home(face) as app:
        found = find_account(app, address)
        holder = app.store.ownership.holder(found.id)
        watched = app.store.watches.all().get(found.id) if holder is not None else None
        paused = app.store.sending_pauses.of(found.id)
    if face.json:
        face.record(
            {
                **account_shape(found),
                "watch": watched and watch_shape(watched),
                "holder": holder and holder_shape(holder),
                "sending_paused": paused and pause_shape(paused),
            }
        )
    else:
        describe_account(face, found, watched, holder)
        if paused is not None:
            tell_of_pause(face, found, paused)


@account.command(
    "edit",
    help=mark("Change servers, user name, name or password, then try the login again."),
    short_help=mark("Change an account"),
)
@click.argument("address")
@server_options
@click.option("--password", cls=Option, is_flag=True, help=mark("Ask for a new password."))
def edit(face: Face, wanted: setup.Wanted, source: SecretSource, *, password: bool) -> None:
    with opened_home(face) as app:
        found = find_account(app, wanted.address)
        if source.signs_in:
            setup.note_change(app, found.address, wanted, None)
            sign_in_again(face, app, find_account(app, found.address), source)
            secret = None
        else:
            secret = source.read(face, found.address) if source.given or password else None
        tested = asyncio.run(setup.change_account(app, found.address, wanted, secret))
    good = (
        mark("{address} is changed; the login works.")
        if was_tried(tested)
        else mark("{address} is changed. The login for sending is tried with the next mail.")
    )
    finish_test(face, tested, good, kept=True)


@account.command("test", help=mark("Try the login of an account."), short_help=mark("Try the login"))
@click.argument("address", shell_complete=account_names)
@click.pass_obj
def test(face: Face, address: str) -> None:
    with opened_home(face) as app:
        tested = asyncio.run(setup.test_account(app, find_account(app, address).address))
        sending = asyncio.run(setup.test_sending(app, tested.account.address))
    if sending is not None:
        face.problem(sending.problem, about=tested.account.address, warning=tested.error is None)
        if tested.error is None:
            if face.json:
                face.record(account_shape(tested.account))
            raise click.exceptions.Exit(UNREACHABLE if isinstance(sending, Unreachable) else WARNED)
    good = (
        mark("{address} lives only here; there is no login to try.")
        if not was_tried(tested) and tested.account.smtp is None
        else mark("{address}: the login works.")
    )
    finish_test(face, tested, good, kept=False)


@account.command(
    "pause",
    help=mark("Leave an account out of every sync until it is resumed. Its mail stays readable."),
    short_help=mark("Leave an account out of every sync"),
)
@click.argument("address", shell_complete=account_names)
@click.pass_obj
def pause(face: Face, address: str) -> None:
    with opened_home(face) as app:
        found = setup.pause_account(app, address)
    _tell(face, found, mark("{address} is paused."))


@account.command("resume", help=mark("End a pause."), short_help=mark("End a pause"))
@click.argument("address", shell_complete=account_names)
@click.pass_obj
def resume(face: Face, address: str) -> None:
    with opened_home(face) as app:
        found = setup.resume_account(app, address)
    _tell(face, found, mark("{address} takes part in every sync again."))


@account.command(
    "remove",
    help=mark("Remove an account and its local copy. What lies on the server stays there."),
    short_help=mark("Remove an account and its local copy"),
)
@click.argument("address", shell_complete=account_names)
@click.option("--yes", cls=Option, is_flag=True, help=mark("Do not ask."))
@click.pass_obj
def remove(face: Face, address: str, yes: bool) -> None:
    with opened_home(face) as app:
        found = find_account(app, address)
        if not yes:
            if not sys.stdin.isatty():
                raise NotAllowed("cli.needs_yes", what=found.address)
            question = face.text(
                mark("Remove {address} and its local copy? The mail on the server stays. [y/N] "),
                address=found.address,
            )
            sys.stderr.write(question)
            sys.stderr.flush()
            if sys.stdin.readline().strip().lower() not in ("y", "yes", "j", "ja"):
                face.note(mark("Nothing was changed."))
                return
        setup.remove_account(app, found.address)
    _tell(face, found, mark("{address} and its local copy are removed. The mail on the server is untouched."))


@account.command(
    "trust",
    help=mark(
        "Trust the one certificate with this SHA-256 fingerprint, although no authority vouches for it. "
        "Compare the fingerprint with what the server's operator tells you."
    ),
    short_help=mark("Trust one certificate by its fingerprint"),
)
@click.argument("address", shell_complete=account_names)
@click.argument("fingerprint")
@click.option("--remove", cls=Option, is_flag=True, help=mark("Trust it no longer."))
@click.pass_obj
def trust(face: Face, address: str, fingerprint: str, remove: bool) -> None:
    with opened_home(face) as app:
        found = setup.trust_certificate(app, address, fingerprint, remove=remove)
    done = (
        mark("The certificate is trusted for {address} no longer.")
        if remove
        else mark(
            "The certificate is trusted for {address}. Take it back: "
            "eilbote account trust --remove {address} {fingerprint}"
        )
    )
    _tell(face, found, done, fingerprint=fingerprint)


def _tell(face: Face, found: Account, sentence: str, **more: str) -> None:
    if face.json:
        face.record(account_shape(found))
    else:
        face.say(sentence, address=found.address, **more)
