"""addheader and deleteheader (RFC 5293) as functions of a run: every later test sees the edited header."""

from __future__ import annotations

from collections.abc import Callable

from eilbote.sieve.bound import Bound
from eilbote.sieve.building import Building
from eilbote.sieve.comparing import Source
from eilbote.sieve.header_edits import HeaderBlock, read_block
from eilbote.sieve.state import Run
from eilbote.sieve.texts import text_of
from eilbote.sieve.values import HeaderEdit

Deed = Callable[[Run], None]


def addheader(bound: Bound, building: Building) -> Deed:
    """RFC 5293 section 4."""
    at, last = bound.node.at, "last" in bound.tags
    name, value = text_of(bound.text(0)), text_of(bound.text(1))

    def add(run: Run) -> None:
        field, text = name(run), value(run)
        block = _block(run).added(field, text, last=last)
        run.edited(bytes(block), (HeaderEdit(at, True, field, text, last),))

    return add


def deleteheader(bound: Bound, building: Building) -> Deed:
    """RFC 5293 section 5. Fields that end loops stay: see `header_edits.PROTECTED`."""
    at, name, index = bound.node.at, text_of(bound.text(0)), bound.tag_number("index")
    last = "last" in bound.tags
    # Each field is asked alone, and a match sets no variable.
    probe = None
    if bound.arguments[1] is not None:
        source = Source(lambda run: (run.candidate,))
        probe = building.compared(bound, 1, source, sets_variables=False)

    def delete(run: Run) -> None:
        field = name(run)

        def matches(value: str) -> bool:
            assert probe is not None
            run.candidate = value
            return probe.test(run)

        gone = _block(run).deleted(field, matches if probe else None, index=index, last=last)
        if gone.values:
            edits = tuple(HeaderEdit(at, False, field, value) for value in gone.values)
            run.edited(bytes(gone.block), edits)

    return delete


def _block(run: Run) -> HeaderBlock:
    block = read_block(run.mail.header())
    run.spend(len(block.fields))  # reading them takes as long
    return block
