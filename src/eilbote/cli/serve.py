"""`eilbote serve`: keeps all accounts in sync until it is stopped."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from functools import partial

import click

from eilbote.cli.command import Command, mark
from eilbote.cli.face import Face
from eilbote.cli.home import opened_home
from eilbote.cli.progress import shown_progress
from eilbote.cli.sync import show_report
from eilbote.engine.progress import Progress, Report, SyncReport
from eilbote.engine.serve import serve as serve_home


@click.command(
    "serve",
    cls=Command,
    help=mark(
        "Keep all accounts in sync until stopped with Ctrl-C or SIGTERM: a pass at an interval, and at "
        "once when something changed here or another command asks for it."
    ),
)
@click.pass_obj
def serve(face: Face) -> None:
    def passed(reports: list[SyncReport]) -> None:
        for report in _worth_telling(reports):
            show_report(face, report)

    with opened_home(face) as app:
        if not app.store.accounts.all():
            face.note(mark("There is no account yet. Add one: eilbote account add you@example.org"))
        greet = partial(face.note, mark("Serving {home}. Stop with Ctrl-C."), home=str(app.config.home))
        with shown_progress(face) as report:
            asyncio.run(serve_home(app, report=_greeting_first(greet, report), passed=passed))
    face.note(mark("Stopped."))


def _worth_telling(reports: Sequence[SyncReport]) -> list[SyncReport]:
    """Passes in which something happened: a quiet one is no news."""
    return [
        each
        for each in reports
        if each.new
        or each.changed
        or each.deleted
        or each.pushed
        or each.conflicts
        or each.problems
        or each.failed
    ]


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
