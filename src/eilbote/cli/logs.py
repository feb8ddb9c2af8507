"""`eilbote logs explain`: what a mail server's log tells of failures, why, and what to do."""

from __future__ import annotations

import re
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import click

from eilbote.catalogue import Sentences
from eilbote.cli.command import Command, Group, Option, mark
from eilbote.cli.exits import DONE, WARNED
from eilbote.cli.face import Face
from eilbote.cli.terminal import harmless, styled, wrapped
from eilbote.diagnosis.logs.statuses import meaning
from eilbote.diagnosis.logs.values import Explained
from eilbote.diagnosis.logs.values import Group as Failures
from eilbote.engine.explain_logs import explain, explain_file
from eilbote.errors import Problem
from eilbote.figures import number, size

_WIDEST = 100
_SHOWN = 20


@click.group("logs", cls=Group, help=mark("Understand the logs of mail servers."))
def logs() -> None:
    pass


@logs.command(
    "explain",
    cls=Command,
    help=mark(
        "Read a log of Postfix, Dovecot or Exim, or a transcript of Eilbote itself, and say what failed, how "
        "often, why, and what to do. FILE may be packed with gzip and of any size; - reads from standard "
        "input. Nothing leaves this computer."
    ),
    short_help=mark("Say what a mail server's log means"),
)
@click.argument("file", metavar="FILE", type=click.Path(path_type=Path, allow_dash=True))
@click.option(
    "--all",
    "everything",
    cls=Option,
    is_flag=True,
    help=mark("Show every group, not only the most frequent."),
)
@click.pass_obj
def explain_(face: Face, file: Path, *, everything: bool) -> None:
    with _shown_progress(face) as tell:
        explained = explain(sys.stdin.buffer, tell) if str(file) == "-" else explain_file(file, tell)
    if face.json:
        face.record(explained_shape(face, explained))
    else:
        _tell(face, explained, everything=everything)
    raise click.exceptions.Exit(WARNED if explained.groups or explained.problem else DONE)


@contextmanager
def _shown_progress(face: Face) -> Iterator[Callable[[int], None]]:
    if face.json or not face.is_terminal(sys.stderr):
        yield lambda count: None
        return
    from rich.console import Console  # noqa: PLC0415  # slow to load: only for a terminal

    console = Console(stderr=True)
    with console.status(face.text(mark("reading")) + " …") as status:
        yield lambda count: status.update(
            f"{face.text(mark('reading'))} · {size(count, face.catalogue.language)} …"
        )


def _tell(face: Face, explained: Explained, *, everything: bool) -> None:
    programs = ", ".join(one.value.capitalize() for one in explained.programs) or "–"
    language = face.catalogue.language
    face.say(
        mark(
            "{lines} lines ({programs}): {failures} tell of a failure, {other} of none, {unknown} are "
            "unknown."
        ),
        lines=number(explained.lines, language),
        programs=programs,
        failures=number(explained.failures, language),
        other=number(explained.other, language),
        unknown=number(explained.unknown, language),
    )
    if explained.problem:
        face.say(mark("The file ends too early: {reason}"), reason=harmless(explained.problem))
    if explained.lines and explained.unknown == explained.lines:
        face.say(mark("No line of it is known: is it a log of Postfix, Dovecot or Exim?"))
        return
    if not explained.groups:
        face.say(mark("No failure was found in it."))
        return
    shown = explained.groups if everything else explained.groups[:_SHOWN]
    for group in shown:
        _tell_group(face, group)
    left = len(explained.groups) - len(shown)
    if left:
        face.line()
        face.say(mark("{count} further groups: --all shows them."), count=left)
    if explained.ungrouped:
        face.say(
            mark("{count} further failures were of too many different kinds to be shown."),
            count=number(explained.ungrouped, language),
        )


def _tell_group(face: Face, group: Failures) -> None:
    said = sentences(face, group)
    face.line()
    head = f"{number(group.count, face.catalogue.language)} × {group.program.value.capitalize()}"
    times = " – ".join(dict.fromkeys(harmless(one) for one in (group.first, group.last) if one))
    face.line(f"{styled(head, 'bold') if face.colour() else head}{'  ' + times if times else ''}".rstrip())
    _wrap(face, "  ", harmless(said.what[:1].upper() + said.what[1:]))
    if group.status and (words := meaning(group.status, face.catalogue.language)):
        _wrap(face, "  ", f"{group.status}: {words}.")
    if said.do:
        _wrap(face, "  → ", harmless(said.do))
    for line in wrapped(harmless(group.example), _cells(face) - 4)[:3]:
        face.line(f"    {line}", "dim")


def sentences(face: Face, group: Failures) -> Sentences:
    """What a group means and what to do."""
    host = group.host or face.text(mark("the other server"))
    link = re.search(r"https?://\S{4,200}", group.example)
    parameters = {"host": host, "port": "", "text": group.text, "link": link[0] if link else ""}
    return face.catalogue.problem(Problem(group.code, parameters))


def explained_shape(face: Face, explained: Explained) -> dict[str, object]:
    """`logs explain --json`: see docs/schemas/explained-log.json."""
    return {
        "lines": explained.lines,
        "failures": explained.failures,
        "other": explained.other,
        "unknown": explained.unknown,
        "ungrouped": explained.ungrouped,
        "programs": [one.value for one in explained.programs],
        "problem": explained.problem,
        "groups": [_group_shape(face, one) for one in explained.groups],
    }


def _group_shape(face: Face, group: Failures) -> dict[str, object]:
    said = sentences(face, group)
    return {
        "program": group.program.value,
        "cause": group.cause,
        "means": said.what,
        "do": said.do,
        "text": group.text,
        "status": group.status,
        "status_means": meaning(group.status, face.catalogue.language) if group.status else "",
        "host": group.host,
        "hosts": group.hosts,
        "count": group.count,
        "first": group.first,
        "last": group.last,
        "example": group.example,
    }


def _wrap(face: Face, lead: str, text: str) -> None:
    for at, line in enumerate(wrapped(text, _cells(face) - len(lead))):
        face.line((lead if at == 0 else " " * len(lead)) + line)


def _cells(face: Face) -> int:
    return min(face.cells(), _WIDEST) if face.is_terminal() else _WIDEST
