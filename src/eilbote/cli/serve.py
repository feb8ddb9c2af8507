"""`eilbote serve`: keeps all accounts in sync, and the web page open, until it is stopped."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from contextlib import AbstractAsyncContextManager
from functools import partial

import click

from eilbote.cli.command import Command, Option, mark
from eilbote.cli.delivered import show_delivered
from eilbote.cli.event_shapes import event_shape
from eilbote.cli.face import Face
from eilbote.cli.home import opened_home
from eilbote.cli.progress import shown_progress
from eilbote.cli.sync import show_report
from eilbote.config import checked_listen
from eilbote.engine.app import App
from eilbote.engine.events import (
    Checked,
    Event,
    Interrupted,
    PageOpened,
    Passed,
    Sent,
    Shared,
    Told,
    Watching,
    WatchState,
)
from eilbote.engine.progress import Progress, Report, SyncReport
from eilbote.engine.serve import serve as serve_home
from eilbote.store.values import Holder


@click.command(
    "serve",
    cls=Command,
    help=mark(
        "Keep all accounts current until stopped with Ctrl-C or SIGTERM: new mail and changes as soon as "
        "the servers tell of them, changes made here at once. The web page is open meanwhile, on this "
        "machine alone."
    ),
)
@click.option(
    "--listen",
    cls=Option,
    metavar="HOST:PORT",
    help=mark("Address of this machine and port of the web page; off: no page (setting listen)."),
)
@click.option(
    "--link",
    cls=Option,
    is_flag=True,
    help=mark("Print a sign-in link for a new owner of the web page, also where there are users."),
)
@click.pass_obj
def serve(face: Face, listen: str | None, link: bool) -> None:
    def told(event: Event) -> None:
        if face.json:
            face.record(event_shape(event))
            face.hand_on()
            return
        match event:
            case Passed(report=report) if _worth_telling(report):
                show_report(face, report)
            case Sent(delivered=delivered):
                show_delivered(face, delivered)
            case Watching(state=WatchState.STOPPED, account=account, problem=problem) if problem is not None:
                face.problem(problem, about=account, warning=True)
            case Checked(reports=reports) if not all(one.ok and one.healed is None for one in reports):
                from eilbote.cli.verify import conclude  # noqa: PLC0415  # once a night, and seldom then

                conclude(face, reports)
            case Shared(mine=mine, others=others):
                _tell_who_has_what(face, mine, others)
            case Interrupted(problem=problem):
                face.problem(problem, warning=True)
            case PageOpened(address=address, link=link):
                tell_page(face, address, link)
            case _:
                pass
        face.hand_on()

    with opened_home(face) as app:
        if not app.store.accounts.all():
            face.note(mark("There is no account yet. Add one: eilbote account add you@example.org"))
        greet = partial(face.note, mark("Serving {home}. Stop with Ctrl-C."), home=str(app.config.home))
        with shown_progress(face) as report:
            page = opened_page(face, app, listen, told, link=link)
            asyncio.run(serve_home(app, report=_greeting_first(greet, report), told=told, beside=page))
    face.note(mark("Stopped."))


def opened_page(
    face: Face, app: App, listen: str | None, told: Told, *, link: bool = False
) -> AbstractAsyncContextManager[object] | None:
    """The web page, to be opened beside serving; None where it is switched off. `listen` is what the
    command line says, if anything; `link` asks for a way in for another owner."""
    where = app.config.listen if listen is None else checked_listen(listen, "--listen")
    if where == "off":
        return None
    from eilbote.web.page import page_beside  # noqa: PLC0415  # no other command pays for it

    return page_beside(app, where, face.catalogue.language, told, link=link)


def tell_page(face: Face, address: str, link: str) -> None:
    """Where the page is, and how to get in for the first time."""
    if link:
        face.note(
            mark("The web page is open. Set up your sign-in there within 15 minutes: {link}"), link=link
        )
    else:
        face.note(mark("The web page is open: {address}"), address=address)


def _worth_telling(report: SyncReport) -> bool:
    """A pass in which something happened: a quiet one is no news."""
    return bool(
        report.new
        or report.changed
        or report.deleted
        or report.pushed
        or report.conflicts
        or report.problems
        or report.failed
    )


def _tell_who_has_what(face: Face, mine: Sequence[str], others: Sequence[tuple[str, Holder]]) -> None:
    """Accounts shared with other processes; nothing where there is nobody to share them with."""
    if others:
        face.note(mark("Kept current here: {accounts}."), accounts=", ".join(mine) or "–")
    for account, holder in others:
        face.note(
            mark("{account} is kept current by process {pid} on {host}."),
            account=account,
            pid=str(holder.pid),
            host=holder.host,
        )


def _greeting_first(greet: Callable[[], None], report: Report) -> Report:
    """Greets at the first sign of work: a home that another process serves gives none."""
    greeted = False

    def told(progress: Progress) -> None:
        nonlocal greeted
        if not greeted:
            greeted = True
            greet()
        report(progress)

    return told
