"""Progress of long work, on a terminal only: one line per account, on standard error."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from msgspec import Struct, field

from eilbote.cli.command import mark
from eilbote.cli.face import Face
from eilbote.cli.terminal import harmless
from eilbote.engine.progress import Progress, Report
from eilbote.figures import number, size

if TYPE_CHECKING:
    from rich.progress import Progress as Bars
    from rich.progress import TaskID

_PHASES = {
    "connect": mark("connecting"),
    "push": mark("carrying changes to the server"),
    "look": mark("looking for changes"),
    "fetch": mark("fetching mail"),
    "index": mark("making it searchable"),
    "verify": mark("comparing"),
    "export": mark("writing mail into files"),
    "import": mark("taking mail in"),
    "rules": mark("going through the mail"),
}


class _Standing(Struct):
    """Where one account stands: mailboxes are worked on side by side, so their counts are added up."""

    task: TaskID
    phase: str = ""
    mailboxes: dict[str, tuple[int, int]] = field(default_factory=dict)


@contextmanager
def shown_progress(face: Face) -> Iterator[Report]:
    """Gives the function that long work reports to; it shows nothing where no terminal looks."""
    if face.json or not face.is_terminal(sys.stderr):
        yield lambda progress: None
        return
    with _bars() as bars:
        yield _Shower(face, bars)


def _bars() -> Bars:
    from rich.console import Console  # noqa: PLC0415  # slow to load: only for a terminal
    from rich.progress import BarColumn, SpinnerColumn, TextColumn  # noqa: PLC0415
    from rich.progress import Progress as Bars  # noqa: PLC0415
    from rich.table import Column  # noqa: PLC0415

    return Bars(
        SpinnerColumn("dots", finished_text="[green]✓"),
        TextColumn("{task.description}", table_column=Column(no_wrap=True, overflow="ellipsis", ratio=2)),
        BarColumn(bar_width=None, table_column=Column(ratio=1)),
        TextColumn("{task.fields[figures]}", table_column=Column(no_wrap=True, justify="right")),
        console=Console(stderr=True),
        transient=True,
        expand=True,
    )


class _Shower:
    def __init__(self, face: Face, bars: Bars) -> None:
        self._face = face
        self._bars = bars
        self._accounts: dict[str, _Standing] = {}

    def __call__(self, progress: Progress) -> None:
        standing = self._accounts.get(progress.account)
        if standing is None:
            standing = _Standing(self._bars.add_task("", total=None, figures=""))
            self._accounts[progress.account] = standing
        if standing.phase != progress.phase:
            standing.phase = progress.phase
            standing.mailboxes.clear()
        if progress.total:
            standing.mailboxes[progress.mailbox] = (progress.done, progress.total)
        done = sum(done for done, _ in standing.mailboxes.values())
        total = sum(total for _, total in standing.mailboxes.values())
        self._bars.update(
            standing.task,
            description=self._description(progress),
            completed=done,
            total=total or None,
            figures=self._figures(done, total, progress.bytes),
        )

    def _description(self, progress: Progress) -> str:
        phase = self._face.text(_PHASES.get(progress.phase, progress.phase))
        where = f" · {progress.mailbox}" if progress.mailbox else ""
        # Square brackets would be read as styles.
        return harmless(f"{progress.account}  {phase}{where}").replace("[", r"\[")

    def _figures(self, done: int, total: int, received: int) -> str:
        language = self._face.catalogue.language
        counted = f"{number(done, language)}/{number(total, language)}" if total else ""
        return "  ".join(part for part in (counted, size(received, language) if received else "") if part)
