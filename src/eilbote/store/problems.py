"""Problems as JSON text in a column. Never a secret: problems hold none."""

from __future__ import annotations

import msgspec

from eilbote.errors import Problem
from eilbote.store.database import Value, text


class _Kept(msgspec.Struct):
    code: str
    parameters: dict[str, str] = {}
    retry_after: float | None = None


def problem_to_text(problem: Problem | None) -> str | None:
    """The column's value; NULL for no problem."""
    if problem is None:
        return None
    kept = _Kept(problem.code, dict(problem.parameters), problem.retry_after)
    return msgspec.json.encode(kept).decode()


def problem_from_text(value: Value) -> Problem | None:
    """The inverse of `problem_to_text`."""
    if value is None:
        return None
    kept = msgspec.json.decode(text(value), type=_Kept)
    return Problem(kept.code, kept.parameters, kept.retry_after)
