"""What a server refused to do for a rule: history tells it, and the mail is marked for a look. The change
is not taken back here.
"""

from __future__ import annotations

import msgspec

from eilbote.errors import Problem
from eilbote.store import acts
from eilbote.store.database import Session, integer, text
from eilbote.store.problems import problem_to_text
from eilbote.store.rule_effects import ORIGIN
from eilbote.store.rule_values import LOOK
from eilbote.store.values import Debt, DebtKind

_MOVING = (DebtKind.MOVE, DebtKind.COPY, DebtKind.CREATE)
_numbers = msgspec.json.Decoder(tuple[int, ...])


def note(session: Session, debt: Debt, problem: Problem, now: float) -> None:
    """Says so of the run that owed it. The first refusal of a run is its reason; of what else failed by it
    nothing more is said. What somebody else owed is none of this."""
    if debt.origin != ORIGIN or debt.kind not in _MOVING:
        return
    rows = session.rows(
        "SELECT id, message, debts FROM rule_run WHERE account = ? AND ran = ? AND undone IS NULL",
        (debt.account, debt.created),
    )
    for run, message, debts in rows:
        if debt.id not in _numbers.decode(text(debts)):
            continue
        session.run(
            "UPDATE rule_run SET problem = ? WHERE id = ? AND problem IS NULL",
            (problem_to_text(problem), run),
        )
        places = session.rows("SELECT mailbox, uid FROM placement WHERE message = ?", (message,))
        lying = [(integer(mailbox), integer(uid)) for mailbox, uid in places]
        if debt.kind is not DebtKind.CREATE:  # before the mail is back
            acts.change_flags(session, lying, frozenset({LOOK}), frozenset(), ORIGIN, now)
