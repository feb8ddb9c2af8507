"""What `eilbote send` and `sendmail` share of their options, and what programs pass to `sendmail`."""

from __future__ import annotations

from collections.abc import Callable

import click

from eilbote.cli.command import Option, mark
from eilbote.cli.completion import account_names

AS_SENDMAIL = "--as-sendmail"
"""Put before the arguments of a call by the name `sendmail`."""

_IGNORED_FLAGS = ("-U", "-G", "-n", "-v", "-m")
_IGNORED_VALUES = ("-A", "-B", "-C", "-L", "-o", "-O", "-p", "-q", "-X")
"""What sendmail programs take and we need not: body type and error mode are found out, queueing is all we
do."""


def moment_and_more(command: Callable[..., None]) -> Callable[..., None]:
    """When and how it is sent: for both ways."""
    for option in reversed(
        (
            click.option(
                "--at",
                cls=Option,
                metavar="TIME",
                help=mark("Not before: 2026-11-28T08:00+01:00, 8:30, “tomorrow 8:00”, “in 2 hours”."),
            ),
            click.option(
                "--delay",
                cls=Option,
                type=click.IntRange(0, 31_536_000),
                metavar="SECONDS",
                default=0,
                help=mark("Wait so long; until then it can be taken back."),
            ),
            click.option(
                "--key",
                cls=Option,
                default="",
                help=mark("A name for this mail: given twice, it is queued once."),
            ),
            click.option(
                "--resend",
                cls=Option,
                is_flag=True,
                help=mark(
                    "If nobody knows whether it was sent, send it again rather than ask: it may arrive twice."
                ),
            ),
            click.option("--no-copy", cls=Option, is_flag=True, help=mark("No copy in the Sent mailbox.")),
            click.option(
                "--notify",
                cls=Option,
                metavar="WHEN",
                help=mark("Ask for delivery reports: success, failure, delay (with commas), or never."),
            ),
            click.option(
                "--require-tls",
                cls=Option,
                is_flag=True,
                help=mark("Only over protected lines, all the way, or not at all."),
            ),
        )
    ):
        command = option(command)
    return command


def sendmail_options(command: Callable[..., None]) -> Callable[..., None]:
    """What programs pass to `sendmail`."""
    options = [
        click.option("-t", "t", cls=Option, is_flag=True, help=mark("Recipients are in the mail's header.")),
        click.option(
            "-i", "dot_is_text", cls=Option, is_flag=True, help=mark("A dot alone on a line does not end it.")
        ),
        click.option(
            "-f", "-r", "sender_address", cls=Option, metavar="ADDR", help=mark("Address that reports go to.")
        ),
        click.option(
            "-F", "full_name", cls=Option, metavar="NAME", default="", help=mark("Name of the sender.")
        ),
        click.option(
            "-a",
            "--account",
            "account",
            cls=Option,
            metavar="ADDRESS",
            default="",
            help=mark("Account that sends."),
            shell_complete=account_names,
        ),
        click.option("-b", "mode", cls=Option, metavar="MODE", hidden=True),
        click.option("-N", "dsn", cls=Option, metavar="WHEN", hidden=True),
        click.option("-R", "dsn_return", cls=Option, metavar="full|hdrs", hidden=True),
        click.option("-V", "envid", cls=Option, metavar="ID", default="", hidden=True),
        click.option(AS_SENDMAIL, "as_sendmail", cls=Option, is_flag=True, hidden=True),
    ]
    options += [
        click.option(name, f"ignored_{name[1]}_", cls=Option, is_flag=True, hidden=True, expose_value=False)
        for name in _IGNORED_FLAGS
    ]
    options += [
        click.option(
            name,
            "options" if name == "-o" else f"ignored_{name[1]}",
            cls=Option,
            multiple=True,
            hidden=True,
            expose_value=name == "-o",
        )
        for name in _IGNORED_VALUES
    ]
    for option in reversed(options):
        command = option(command)
    return command
