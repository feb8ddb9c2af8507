"""Problems as JSON text in a column. Never a secret: problems hold none."""

from __future__ import annotations

import json

from eilbote.errors import Problem
from eilbote.store.database import Value, text

AGAIN = "problem NOT LIKE '%\"store.erased\"%'"
"""A condition on a column of problems: what was erased here for good is never fetched again."""


def problem_to_text(problem: Problem | None) -> str | None:
    """The column's value; NULL for no problem."""
    if problem is None:
        return None
    kept = {
        "code": problem.code,
        "parameters": dict(problem.parameters),
        "retry_after": problem.retry_after,
    }
    return json.dumps(kept)


def problem_from_text(value: Value) -> Problem | None:
    """The inverse of `problem_to_text`."""
    if value is None:
        return None
    kept = json.loads(text(value))
    return Problem(kept["code"], kept["parameters"], kept["retry_after"])
