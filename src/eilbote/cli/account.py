"""`eilbote account`: add, list, show, edit, test, settings, pause, resume, remove, trust."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Callable
from functools import wraps

import click
from msgspec.structs import replace

from eilbote.cli.account_facts import STATES, describe_account, home_words, server_words, tell_of_pause
from eilbote.cli.command import Group, Option, mark
from eilbote.cli.completion import account_names
from eilbote.cli.exits import DONE, UNREACHABLE, WARNED
from eilbote.cli.face import Face
from eilbote.cli.home import opened_home
from eilbote.cli.password import SecretSource
from eilbote.cli.shapes import account_shape, holder_shape, pause_shape, watch_shape
from eilbote.cli.table import Column, Row
from eilbote.engine import setup
from eilbote.engine.accounts import find_account, is_local
from eilbote.errors import NotAllowed, Unreachable
from eilbote.figures import long_date, number
from eilbote.mail.keep import KeepKind, read_keep
from eilbote.providers.values import Login
from eilbote.secret import Secret
from eilbote.store.values import Account, AccountState
from eilbote.sync.values import OnServer

account = Group(
    name="account",
    help=mark("Add, show, test and remove mail accounts. Passwords are sealed at rest and never shown."),
    lazy={
        "identity": ("eilbote.cli.identity", "identity", mark("As whom mail is written: names, signatures")),
        "dkim": ("eilbote.cli.dkim", "dkim", mark("Sign mail that is sent directly")),
    },
)


def _server_options(command: Callable[..., None]) -> Callable[..., None]:
    """Gives a command what is wanted of an account, and where its secret comes from."""

    @click.option("--imap", cls=Option, metavar="HOST:PORT", default="", help=mark("IMAP server."))
    @click.option("--smtp", cls=Option, metavar="HOST:PORT", default="", help=mark("SMTP server."))
    @click.option("--pop3", cls=Option, metavar="HOST:PORT", default="", help=mark("POP3 server."))
    @click.option(
        "--direct",
        cls=Option,
        is_flag=True,
        help=mark("Send straight to the recipients' servers, for those who run their own domain."),
    )
    @click.option(
        "--security",
        cls=Option,
        type=click.Choice(["tls", "starttls", "none"]),
        help=mark("How the line is protected; none only for this machine itself."),
    )
    @click.option("--user", cls=Option, default="", help=mark("User name, if it is not the address."))
    @click.option("--name", cls=Option, default="", help=mark("Name for the account."))
    @click.option(
        "--password-stdin", cls=Option, is_flag=True, help=mark("Read the password from standard input.")
    )
    @click.option(
        "--password-command",
        cls=Option,
        metavar="CMD",
        help=mark("Command whose first line of output is the password."),
    )
    @click.option("--oauth", cls=Option, is_flag=True, help=mark("The secret is an OAuth access token."))
    @click.pass_obj
    @wraps(command)
    def wanting(
        face: Face,
        /,
        address: str,
        *,
        imap: str,
        smtp: str,
        pop3: str,
        direct: bool,
        security: str | None,
        user: str,
        name: str,
        password_stdin: bool,
        password_command: str | None,
        oauth: bool,
        **others: object,
    ) -> None:
        source = SecretSource(password_stdin, password_command, oauth)
        wanted = setup.Wanted(address, name, user, imap, smtp, pop3, security, source.kind, direct=direct)
        command(face, wanted, source, **others)

    return wanting


@account.command("add", help=mark("Add an account and try its login."), short_help=mark("Add an account"))
@click.argument("address")
@_server_options
@click.option(
    "--local",
    cls=Option,
    is_flag=True,
    help=mark("Without a server to receive from: mailboxes that live only here."),
)
def add(face: Face, wanted: setup.Wanted, source: SecretSource, *, local: bool) -> None:
    wanted = replace(wanted, local=local)
    with opened_home(face) as app:
        planned = setup.planned_account(app, wanted)
        if local and planned.smtp is None:
            tested = asyncio.run(setup.add_account(app, planned, Secret("")))
            _finish_test(face, tested, mark("{address} is set up; its mail lives only here."), kept=True)
        _hint_before_login(face, planned.address, typed=sys.stdin.isatty() and not source.given)
        secret = source.read(face, planned.address)
        tested = asyncio.run(setup.add_account(app, planned, secret))
    good = (
        mark("{address} is set up; the login works.")
        if _was_tried(tested)
        else mark("{address} is set up. The login for sending is tried with the first mail.")
    )
    _finish_test(face, tested, good, kept=True)


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
@_server_options
@click.option("--password", cls=Option, is_flag=True, help=mark("Ask for a new password."))
def edit(face: Face, wanted: setup.Wanted, source: SecretSource, *, password: bool) -> None:
    with opened_home(face) as app:
        found = find_account(app, wanted.address)
        secret = source.read(face, found.address) if source.given or password else None
        tested = asyncio.run(setup.change_account(app, found.address, wanted, secret))
    good = (
        mark("{address} is changed; the login works.")
        if _was_tried(tested)
        else mark("{address} is changed. The login for sending is tried with the next mail.")
    )
    _finish_test(face, tested, good, kept=True)


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
        if not _was_tried(tested) and tested.account.smtp is None
        else mark("{address}: the login works.")
    )
    _finish_test(face, tested, good, kept=False)


def _on_server(_context: click.Context, _parameter: click.Parameter, value: str | None) -> OnServer | None:
    match value:
        case None:
            return None
        case "keep":
            return OnServer()
        case "when-deleted":
            return OnServer(when_deleted=True)
        case _ if value.isascii() and value.isdigit() and len(value) < 5:
            return OnServer(days=int(value))
        case _:
            raise click.BadParameter(value)


@account.command(
    "settings",
    help=mark(
        "Choose what of each mail is kept here, for an account or for one of its mailboxes. Every mail "
        "is here with its header at least; what is left out is fetched when you open it. The next sync "
        "fetches what is wanted and leaves out the rest; mail on the server is never touched."
    ),
    short_help=mark("Choose what is kept of an account's mail"),
)
@click.argument("address", shell_complete=account_names)
@click.option(
    "--keep",
    cls=Option,
    metavar="MODE",
    help=mark(
        "everything; headers; days:N (whole mails of the last N days); size:BYTES (larger mails without "
        "their attachments; k, M and G may follow). For a mailbox also account: what the account says."
    ),
)
@click.option("--mailbox", cls=Option, metavar="NAME", help=mark("Only for this mailbox."))
@click.option(
    "--on-server",
    cls=Option,
    metavar="keep|DAYS|when-deleted",
    callback=_on_server,
    help=mark(
        "Of a POP3 account: collected mail stays on the server, is deleted there so many days after "
        "collecting, or when it is deleted here."
    ),
)
@click.pass_obj
def settings(
    face: Face, address: str, *, keep: str | None, mailbox: str | None, on_server: OnServer | None
) -> None:
    if keep is None and on_server is None:
        raise click.UsageError("--keep, --on-server")
    if on_server is not None:
        with opened_home(face) as app:
            found = setup.keep_on_server(app, address, on_server)
        _tell(face, found, mark("{address}: {lives}."), lives=home_words(face, found))
    if keep is None:
        return
    mode = None if mailbox is not None and keep == "account" else read_keep(keep)
    with opened_home(face) as app:
        found = setup.set_keep(app, address, mode, mailbox)
    sentences = {
        KeepKind.EVERYTHING: mark("Of {place} everything is kept; what is missing comes with the next sync."),
        KeepKind.HEADERS: mark("Of {place} the headers are kept; the rest is fetched when you open a mail."),
        KeepKind.DAYS: mark("Of {place} the mails of the last {amount} days are kept whole, else headers."),
        KeepKind.SIZE: mark("Of {place} mails over {amount} bytes are kept without their attachments."),
    }
    done = mark("{place} is kept as the account is.") if mode is None else sentences[mode.kind]
    amount = number(mode.amount, face.catalogue.language) if mode is not None else ""
    _tell(face, found, done, place=mailbox or found.address, amount=amount)


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


def _finish_test(face: Face, tested: setup.Tested, good: str, *, kept: bool) -> None:
    found, error = tested.account, tested.error
    if face.json:
        face.record(account_shape(found))
    elif error is None:
        face.say(good, address=found.address)
    if error is None:
        raise click.exceptions.Exit(DONE)
    face.problem(error.problem, about=found.address)
    if kept:
        face.note(
            mark(
                "The account is kept with the state “failing”. "
                "When the cause is gone: eilbote account test {address}"
            ),
            address=found.address,
        )
    raise click.exceptions.Exit(UNREACHABLE if isinstance(error, Unreachable) else WARNED)


def _was_tried(tested: setup.Tested) -> bool:
    """Whether there is a server to receive from, whose login was tried."""
    return tested.account.pop3 is not None or not is_local(tested.account)


_HINTS = {
    Login.APP_PASSWORD: mark(
        "{provider} lets mail programs in only with a password made for them (an “app password”). "
        "Your usual password will be refused."
    ),
    Login.ENABLE: mark(
        "{provider} lets mail programs in only after you have switched on IMAP in its web mailer's settings."
    ),
    Login.OAUTH: mark(
        "{provider} takes no passwords from mail programs any more, only access tokens (--oauth)."
    ),
    Login.BRIDGE: mark(
        "{provider} is reached through its program on this machine; use the password that it shows."
    ),
}


def _hint_before_login(face: Face, address: str, *, typed: bool) -> None:
    provider = setup.known_provider(address)
    if provider is None or not typed:
        return
    if provider.login in _HINTS:
        face.note(_HINTS[provider.login], provider=provider.name)
        if provider.help:
            face.note("  {url}", url=provider.help)
