"""What can go wrong, sorted by who must act.

A `Problem` is a stable code with parameters; it never holds a sentence (the catalogue does) and
never a secret. Every exception that crosses a border of the package is one of the six classes
below; foreign exceptions are translated once, where they enter.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Problem:
    """A named thing that went wrong.

    `code` is stable and dotted (`net.certificate`); `parameters` fill the catalogue's sentences;
    `retry_after` is in seconds, None where trying again changes nothing.
    """

    code: str
    parameters: Mapping[str, str] = field(default_factory=dict)
    retry_after: float | None = None

    def __str__(self) -> str:
        inside = ", ".join(f"{name}={value}" for name, value in self.parameters.items())
        return f"{self.code}({inside})" if inside else self.code


class EilboteError(Exception):
    """Root of the tree: carries its `Problem`. Raise one of the classes below, never this one."""

    def __init__(
        self, problem: Problem | str, /, retry_after: float | None = None, **parameters: object
    ) -> None:
        if isinstance(problem, str):
            shown = {name: str(value) for name, value in parameters.items()}
            problem = Problem(problem, shown, retry_after)
        super().__init__(str(problem))
        self.problem = problem


class Unreachable(EilboteError):
    """The network or the peer is not there now; later may work."""


class Refused(EilboteError):
    """The peer understood and said no, in words that the problem quotes."""


class Garbled(EilboteError):
    """The peer broke the protocol; only a new connection helps."""


class Misused(EilboteError):
    """The caller asked for something that can never work: wrong input, or our own mistake."""


class NotAllowed(EilboteError):
    """A policy of ours forbids it (a second owner, an insecure connection)."""


class Gone(EilboteError):
    """What was asked for is no longer, or was never, there."""
