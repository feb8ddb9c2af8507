"""`eilbote doctor`: what is wrong with an account, why, who must act, and what to do."""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import click

from eilbote.cli.command import Command, Option, mark
from eilbote.cli.completion import account_names
from eilbote.cli.exits import DONE, FAILED, UNREACHABLE, WARNED
from eilbote.cli.face import Face
from eilbote.cli.findings import report_shape, tell_report
from eilbote.cli.home import opened_home
from eilbote.cli.terminal import harmless
from eilbote.diagnosis.values import Report, Verdict
from eilbote.engine import diagnose
from eilbote.engine.accounts import only_account
from eilbote.engine.app import App
from eilbote.engine.diagnose import Diagnosed, Looking
from eilbote.engine.own_domain import BLOCKLISTS
from eilbote.errors import Misused

_LARGEST_FILE = 8 << 20
_LOOKING = {
    "machine": mark("looking at this computer"),
    "search": mark("looking for the servers"),
    "names": mark("looking up names"),
    "ports": mark("knocking at the servers"),
    "talk": mark("encryption and greeting"),
    "login": mark("logging in"),
    "trip": mark("sending a mail to yourself"),
    "records": mark("looking up records"),
    "policy": mark("fetching the policy (MTA-STS)"),
}


@click.command(
    "doctor",
    cls=Command,
    help=mark(
        "Find out what is wrong with an account or a domain: network, name lookup, encryption, login, "
        "mailbox, sending, records. One cause first, and what to do about it. Asks nobody but name servers "
        "and the account's own provider, and never tries a password more than once for each server."
    ),
)
@click.argument("target", metavar="[ADDRESS|ACCOUNT|DOMAIN]", required=False, shell_complete=account_names)
@click.option(
    "--replay",
    cls=Option,
    metavar="FILE",
    type=click.Path(path_type=Path),
    help=mark("Judge what was saved by --save or --share, without any network."),
)
@click.option(
    "--share",
    cls=Option,
    metavar="FILE",
    type=click.Path(path_type=Path),
    help=mark("Write what was seen for somebody who helps: without addresses, passwords and mail."),
)
@click.option(
    "--save",
    cls=Option,
    metavar="FILE",
    type=click.Path(path_type=Path),
    help=mark("Write all that was seen, for yourself."),
)
@click.option(
    "--round-trip",
    cls=Option,
    is_flag=True,
    help=mark("Also send one real mail to yourself, time its way, compare it, and remove it."),
)
@click.option(
    "--second",
    cls=Option,
    metavar="ADDRESS",
    default="",
    help=mark(
        "Another address of yours, elsewhere: also ask whether mail to it would be taken. With --round-trip, "
        "where it is an account here, also send one mail there and one back."
    ),
)
@click.option(
    "--deep",
    cls=Option,
    is_flag=True,
    help=mark(
        "Also look closer at the servers: other kinds of TLS, and a command behind STARTTLS. Of a domain: "
        "also ask its own servers whether they would send for a stranger; nothing is sent."
    ),
)
@click.option(
    "--fetch",
    cls=Option,
    is_flag=True,
    help=mark("Of a domain: fetch the file of the policy (MTA-STS) even where no record asks for it yet."),
)
@click.option(
    "--blocklists",
    cls=Option,
    is_flag=True,
    help=mark("Of a domain: also ask public blocklists, which thereby learn of the question."),
)
@click.option(
    "--all", "everything", cls=Option, is_flag=True, help=mark("Show every check, also the good ones.")
)
@click.pass_obj
def doctor(
    face: Face,
    target: str | None,
    *,
    replay: Path | None,
    share: Path | None,
    save: Path | None,
    round_trip: bool,
    second: str,
    deep: bool,
    fetch: bool,
    blocklists: bool,
    everything: bool,
) -> None:
    if target == "providers":  # no account is called so
        from eilbote.cli.providers import show_providers  # noqa: PLC0415  # only who asks for the table

        show_providers(face, "")
        return
    if replay is not None:
        diagnosed = diagnose.judge_file(_read(replay))
    else:
        with opened_home(face) as app, _shown_looking(face) as tell:
            diagnosed = asyncio.run(
                _diagnose(
                    app,
                    target,
                    tell,
                    round_trip=round_trip,
                    second=second,
                    deep=deep,
                    fetch=fetch,
                    blocklists=blocklists,
                )
            )
    if share is not None:
        _write(share, diagnose.transcript_to_share(diagnosed))
    if save is not None:
        _write(save, diagnose.transcript_whole(diagnosed))
    if face.json:
        face.record(report_shape(face, diagnosed.report))
    else:
        tell_report(face, diagnosed.report, everything=everything)
        if share is not None:
            face.note(mark("Written without personal data: {file}"), file=share)
    raise click.exceptions.Exit(exit_of(diagnosed.report))


async def _diagnose(
    app: App,
    target: str | None,
    tell: Callable[[Looking], None],
    *,
    round_trip: bool,
    second: str,
    deep: bool,
    fetch: bool,
    blocklists: bool,
) -> Diagnosed:
    if target is None:
        target = only_account(app, None).address
    if diagnose.is_account(app, target):
        return await diagnose.diagnose_account(
            app, target, tell, round_trip=round_trip, deep=deep, second=second
        )
    if "@" not in target:
        lists = BLOCKLISTS if blocklists else ()
        return await diagnose.diagnose_domain(
            app, target, tell, fetch=fetch, blocklists=lists, deep=deep, second=second
        )
    return await diagnose.diagnose_address(app, target, tell)


def exit_of(report: Report) -> int:
    """0 all is well, 1 warnings, 2 a failure, 3 something could not be tested."""
    return {Verdict.FAIL: FAILED, Verdict.ERROR: UNREACHABLE, Verdict.WARN: WARNED}.get(report.verdict, DONE)


@contextmanager
def _shown_looking(face: Face) -> Iterator[Callable[[Looking], None]]:
    """Shows what is being looked at, on a terminal only."""
    if face.json or not face.is_terminal(sys.stderr):
        yield lambda looking: None
        return
    from rich.console import Console  # noqa: PLC0415  # slow to load: only for a terminal

    console = Console(stderr=True)
    with console.status(face.text(_LOOKING["machine"]) + " …") as status:

        def tell(looking: Looking) -> None:
            where = f" · {looking.where}" if looking.where else ""
            shown = harmless(face.text(_LOOKING[looking.what]) + where).replace("[", r"\[")
            status.update(f"{shown} …")

        yield tell


def _read(file: Path) -> bytes:
    try:
        with file.open("rb") as stream:
            return stream.read(_LARGEST_FILE + 1)
    except OSError as problem:
        raise Misused("doctor.unreadable", file=file, reason=problem.strerror) from None


def _write(file: Path, data: bytes) -> None:
    try:
        number = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(number, "wb") as stream:
            stream.write(data)
    except OSError as problem:
        raise Misused("file.unwritable", file=file, reason=problem.strerror) from None
