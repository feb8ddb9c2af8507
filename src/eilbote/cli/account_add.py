"""`eilbote account add`, step by step: find the servers, say what the provider needs, ask for the password,
try both logins. And `eilbote account discover`, which stops before the login."""

from __future__ import annotations

import asyncio
import sys

import click
from msgspec.structs import replace

from eilbote.cli.account_login import finish_test, server_options, was_tried
from eilbote.cli.command import Command, Option, mark
from eilbote.cli.discovered import Teller, discovered_shape, show_discovered, tell_discovered
from eilbote.cli.exits import UNREACHABLE, WARNED, exit_code
from eilbote.cli.face import Face
from eilbote.cli.home import opened_home
from eilbote.cli.needed import tell_needs
from eilbote.cli.password import SecretSource
from eilbote.cli.shapes import account_shape
from eilbote.cli.sign_in import add_by_sign_in
from eilbote.engine import setup
from eilbote.engine.app import App
from eilbote.engine.discover import Discovered, discover
from eilbote.engine.providers import looks_wrong
from eilbote.errors import NotAllowed, Unreachable
from eilbote.providers.values import Login, Provider
from eilbote.secret import Secret
from eilbote.store.values import AuthKind


@click.command(
    "add",
    cls=Command,
    help=mark(
        "Add an account and try its login. Servers that are not given are found: in the built-in table of "
        "providers, by DNS, and by what the domain publishes. Each proves itself before any password."
    ),
    short_help=mark("Add an account"),
)
@click.argument("address")
@server_options
@click.option(
    "--local",
    cls=Option,
    is_flag=True,
    help=mark("Without a server to receive from: mailboxes that live only here."),
)
def add(face: Face, wanted: setup.Wanted, source: SecretSource, *, local: bool) -> None:
    wanted = replace(wanted, local=local)
    given = bool(wanted.imap or wanted.pop3)
    with opened_home(face) as app:
        found = None
        if setup.is_incomplete(wanted):
            found = _found(face, app, setup.free_address(app, wanted.address), wanted)
            wanted = setup.completed(replace(wanted, address=found.address), found)
        planned = setup.planned_account(app, wanted)
        if local and planned.smtp is None:
            tested = asyncio.run(setup.add_account(app, planned, Secret("")))
            finish_test(face, tested, mark("{address} is set up; its mail lives only here."), kept=True)
        provider = (found and found.provider) or setup.known_provider(planned.address)
        _check_provider(face, provider, source, given=given)
        if source.signs_in:
            add_by_sign_in(face, app, planned, source)
            tested = asyncio.run(setup.test_account(app, planned.address))
        else:
            tested = asyncio.run(
                setup.add_account(app, planned, _secret(face, provider, source, planned.address))
            )
        if found is not None and found.smtp is not None and tested.error is None:
            _try_sending(face, app, tested)
    good = (
        mark("{address} is set up; the login works.")
        if was_tried(tested)
        else mark("{address} is set up. The login for sending is tried with the first mail.")
    )
    finish_test(face, tested, good, kept=True)


@click.command(
    "discover",
    cls=Command,
    help=mark(
        "Find the mail servers of an address and have each prove itself by its certificate. Nobody logs in, "
        "nothing is stored, and no password is sent."
    ),
    short_help=mark("Find the mail servers of an address, without a login"),
)
@click.argument("address")
@click.pass_obj
def discover_(face: Face, address: str) -> None:
    with opened_home(face) as app:
        found = asyncio.run(discover(app, address, report=Teller(face)))
    if face.json:
        face.record(discovered_shape(found))
    else:
        show_discovered(face, found)
    if found.error is not None:
        _fail(face, found)


def _found(face: Face, app: App, address: str, wanted: setup.Wanted) -> Discovered:
    """What was found, agreed to where somebody has to. Where it cannot be used, the command ends."""
    found = asyncio.run(discover(app, address, report=Teller(face)))
    if found.meant:
        question = mark("Did you mean {meant}? [Y/n] ")
        if _asked(face, question, otherwise=False, empty=True, meant=found.meant):
            setup.free_address(app, found.meant)
            found = asyncio.run(discover(app, found.meant, report=Teller(face)))
        else:
            face.note(mark("Perhaps you meant {meant}."), meant=found.meant)
    tell_discovered(face, found)
    receives = bool(wanted.imap or wanted.pop3)
    # Of a provider of the table the servers are known, reached or not: the account is kept until they are.
    known = setup.known_provider(found.address) is not None and isinstance(found.error, Unreachable)
    if found.error is not None and not receives and not known:
        _fail(face, found)
    asking = [one for one in found.to_confirm if not (receives and one.protocol.value != "smtp")]
    if asking:
        servers = ", ".join(one.place for one in asking)
        question = mark("Nothing proves that these are your provider's servers: {servers}. Use them? [y/N] ")
        if not _asked(face, question, otherwise=False, empty=False, servers=servers):
            options = " ".join(f"--{one.protocol.value} {one.place}" for one in asking)
            raise NotAllowed(
                "discovery.not_confirmed", address=found.address, servers=servers, options=options
            )
    return found


def _fail(face: Face, found: Discovered) -> None:
    """The one cause, and what to type instead."""
    assert found.error is not None
    face.problem(found.error.problem, about=found.address)
    named = next((one.candidate for one in found.tried if one.candidate.protocol.value == "imap"), None)
    if named is not None and found.error.problem.code != "account.servers_unknown":
        face.note(
            mark("To name the server yourself: eilbote account add {address} --imap {place}"),
            address=found.address,
            place=named.place,
        )
    raise click.exceptions.Exit(exit_code(found.error))


def _try_sending(face: Face, app: App, tested: setup.Tested) -> None:
    """The other half: a found server to send by is tried too; where only that fails, the account is good."""
    error = asyncio.run(setup.test_sending(app, tested.account.address))
    if error is None:
        return
    face.problem(error.problem, about=tested.account.address, warning=True)
    if face.json:
        face.record(account_shape(tested.account))
    else:
        face.say(
            mark("{address} is set up; it receives mail, but cannot send."), address=tested.account.address
        )
    raise click.exceptions.Exit(UNREACHABLE if isinstance(error, Unreachable) else WARNED)


def _asked(face: Face, question: str, *, otherwise: bool, empty: bool, **more: str) -> bool:
    """Whether a person agrees; `otherwise` where none can be asked, `empty` for no word at all."""
    if face.json or not sys.stdin.isatty():
        return otherwise
    sys.stderr.write(face.text(question, **more))
    sys.stderr.flush()
    answer = sys.stdin.readline().strip().lower()
    return empty if not answer else answer in ("y", "yes", "j", "ja")


def _secret(face: Face, provider: Provider | None, source: SecretSource, address: str) -> Secret:
    """The password or token; one that does not look like what the provider gives out is wondered at."""
    secret = source.read(face, address)
    if provider is not None and source.kind is AuthKind.PASSWORD and looks_wrong(provider, secret):
        face.note(
            mark("This does not look like an app password of {provider}. It is tried once all the same."),
            provider=provider.name,
        )
    return secret


def _check_provider(face: Face, provider: Provider | None, source: SecretSource, *, given: bool) -> None:
    """Says what the provider needs before the login. Where no password can work, none is asked for, and none
    is sent: NotAllowed `account.no_access`, `account.oauth_only`. `given`: the server was named by the user,
    who may know better."""
    if provider is None:
        return
    tell_needs(face, provider, signs_in=source.signs_in)
    if given:
        return
    if provider.login is Login.NONE:
        raise NotAllowed("account.no_access", provider=provider.name)
    if provider.login is Login.OAUTH and source.kind in (AuthKind.PASSWORD, AuthKind.COMMAND):
        raise NotAllowed("account.oauth_only", provider=provider.name)
