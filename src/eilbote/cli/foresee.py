"""What will become of a mail, shown before it is sent: `eilbote send --check`, and a word where a recipient's
domain takes no mail.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from eilbote.cli.command import mark
from eilbote.cli.face import Face
from eilbote.cli.shapes import problem_shape
from eilbote.cli.table import Column, Row
from eilbote.delivery.values import Foreseen
from eilbote.engine.app import App
from eilbote.engine.recipients import without_servers
from eilbote.engine.route import surroundings_of

_WORDS = {
    Foreseen.ENCRYPTED: (mark("arrives encrypted"), "green"),
    Foreseen.MAYBE_PLAIN: (mark("may arrive unencrypted"), "yellow"),
    Foreseen.IMPOSSIBLE: (mark("cannot arrive"), "bold red"),
    Foreseen.UNKNOWN: (mark("could not be found out"), "dim"),
}


def show_forecasts(face: Face, app: App, addresses: Sequence[str]) -> None:
    """A line for each domain among the addresses. A domain where mail cannot arrive is a warning."""
    from eilbote.engine.foresee import foresee  # noqa: PLC0415  # a warning needs no mail server

    found = asyncio.run(foresee(app, surroundings_of(app), addresses))
    rows: list[Row] = []
    for one in found:
        words, style = _WORDS[one.foreseen]
        if face.json:
            face.record(
                {
                    "domain": one.domain,
                    "foreseen": one.foreseen.value,
                    "policy": one.policy,
                    "reason": problem_shape(one.reason),
                }
            )
        sentences = face.catalogue.problem(one.reason)
        rows.append(Row((one.domain, face.text(words), sentences.why or sentences.what), style))
        face.warnings += one.foreseen is Foreseen.IMPOSSIBLE
    if not face.json:
        columns = [
            Column(face.text(mark("Domain")), style="bold"),
            Column(face.text(mark("Mail"))),
            Column(face.text(mark("Why")), share=1),
        ]
        face.table(columns, rows)


def warn_of_domains(face: Face, app: App, addresses: Sequence[str]) -> None:
    """Names domains that take no mail. Where DNS does not answer soon there is nothing to say, and none of
    it changes the exit code."""
    for problem in asyncio.run(without_servers(surroundings_of(app), addresses)):
        face.problem(problem, warning=True)
