"""Options that several commands share."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

import click

from eilbote.cli.command import Option, mark
from eilbote.cli.completion import account_names

F = TypeVar("F", bound=Callable[..., Any])


def account_option(command: F) -> F:
    """`--account`, as every command that reads or changes mail takes it."""
    return click.option(
        "--account",
        cls=Option,
        metavar="ADDRESS",
        help=mark("Only this account."),
        shell_complete=account_names,
    )(command)


def accounts_argument(command: F) -> F:
    """`ACCOUNT ...`, as every command that goes through accounts takes it."""
    return click.argument("accounts", nargs=-1, metavar="[ACCOUNT]...", shell_complete=account_names)(command)


def offline_option(command: F) -> F:
    """`--offline`, as every command takes it that fetches what a mode left out."""
    return click.option(
        "--offline", cls=Option, is_flag=True, help=mark("Only what is here; ask no server for the rest.")
    )(command)


def limit_option(command: F) -> F:
    """`--limit`, as every command that lists takes it."""
    return click.option(
        "--limit",
        cls=Option,
        type=click.IntRange(1, 1_000_000),
        metavar="N",
        default=50,
        help=mark("How many at most (50)."),
    )(command)
