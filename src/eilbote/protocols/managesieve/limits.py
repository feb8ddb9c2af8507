"""How much a ManageSieve server may make us hold: every bound of the engine in one value. Values only."""

from __future__ import annotations

from msgspec import Struct

KIB = 1024
MIB = 1024 * KIB


class Limits(Struct, frozen=True):
    """Bytes where nothing else is said.

    `line`: one line between two literals. `words`: atoms, strings and parentheses of one line of an answer,
    its literals included; `depth`: parentheses within each other. `literal`: one literal, so one script.
    `lines`: lines of one answer (capabilities, scripts), and `answer` their bytes together. `challenges`:
    questions in one login. `buffer`: the receive buffer; at least four times `line`.
    """

    line: int = 16 * KIB
    words: int = 200
    depth: int = 5
    literal: int = 4 * MIB
    lines: int = 10_000
    answer: int = 5 * MIB
    challenges: int = 20
    buffer: int = 64 * KIB
