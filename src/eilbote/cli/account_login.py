"""What `account add`, `edit` and `test` share: the options that say which login is wanted, and how one that
was tried is told of."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps

import click

from eilbote.cli.command import Option, mark
from eilbote.cli.exits import DONE, UNREACHABLE, WARNED
from eilbote.cli.face import Face
from eilbote.cli.password import SecretSource
from eilbote.cli.shapes import account_shape
from eilbote.engine import setup
from eilbote.engine.accounts import is_local
from eilbote.engine.authorize import WantedSignIn
from eilbote.errors import Unreachable


def server_options(command: Callable[..., None]) -> Callable[..., None]:
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
    @click.option(
        "--oauth",
        cls=Option,
        is_flag=True,
        help=mark(
            "Sign in with a browser at the provider's own page. With --password-stdin or --password-command:"
            " what they give is an access token."
        ),
    )
    @click.option(
        "--device",
        cls=Option,
        is_flag=True,
        help=mark("Sign in with a code that is typed in a browser on any other device."),
    )
    @click.option(
        "--oauth-client-id",
        cls=Option,
        metavar="ID",
        default="",
        help=mark("Your registration at the provider; needed once for each provider."),
    )
    @click.option(
        "--oauth-client-file",
        cls=Option,
        metavar="FILE",
        default="",
        help=mark("File with the registration's secret, or as Google gives it to be downloaded."),
    )
    @click.option(
        "--oauth-issuer",
        cls=Option,
        metavar="URL",
        default="",
        help=mark("Authorization server of a provider that Eilbote does not know."),
    )
    @click.option(
        "--oauth-scope", cls=Option, metavar="SCOPE", default="", help=mark("What is asked for there.")
    )
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
        device: bool,
        oauth_client_id: str,
        oauth_client_file: str,
        oauth_issuer: str,
        oauth_scope: str,
        **others: object,
    ) -> None:
        if device and (password_stdin or password_command is not None):
            raise click.UsageError("--device, --password-stdin, --password-command")
        sign_in = WantedSignIn(oauth_issuer, oauth_client_id, oauth_client_file, scope=oauth_scope)
        source = SecretSource(password_stdin, password_command, oauth or device, device, sign_in)
        wanted = setup.Wanted(
            address, name, user, imap, smtp, pop3, security, auth=source.kind, direct=direct
        )
        command(face, wanted, source, **others)

    return wanting


def finish_test(face: Face, tested: setup.Tested, good: str, *, kept: bool) -> None:
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
                "The account is kept with the state “failing”. What is wrong, and what to do: "
                "eilbote doctor {address}"
            ),
            address=found.address,
        )
    raise click.exceptions.Exit(UNREACHABLE if isinstance(error, Unreachable) else WARNED)


def was_tried(tested: setup.Tested) -> bool:
    """Whether there is a server to receive from, whose login was tried."""
    return tested.account.pop3 is not None or not is_local(tested.account)
