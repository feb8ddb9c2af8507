"""What servers refused to do for a rule: history tells it, and the mail is marked for a look. What was thrown
away because it went on to somebody comes back where it did not.
"""

from __future__ import annotations

import msgspec

from eilbote.errors import Problem
from eilbote.store import acts, debts, reversing
from eilbote.store.database import Session, integer, text
from eilbote.store.problems import problem_to_text
from eilbote.store.rule_effects import ORIGIN
from eilbote.store.rule_values import LOOK, Deed
from eilbote.store.values import Debt, DebtKind

_MOVING = (DebtKind.MOVE, DebtKind.COPY, DebtKind.CREATE)
_ELSEWHERE = {"fileinto", "discard", "reject"}
"""Why a mail does not lie in the inbox any more, beside a redirect."""
_deeds = msgspec.json.Decoder(tuple[Deed, ...])
_numbers = msgspec.json.Decoder(tuple[int, ...])


def note_unsent(session: Session, key: str, problem: Problem, now: float) -> None:
    """A mail that a rule had queued under `key` goes to nobody. Those of others are none of this."""
    origin, _, rest = key.partition(":")
    number = rest.partition(":")[0]
    if origin != ORIGIN or not number.isdecimal():
        return
    row = session.one(
        "SELECT message, debts, deeds FROM rule_run WHERE id = ? AND undone IS NULL", (int(number),)
    )
    if row is None:
        return
    message = integer(row[0])
    deeds = {deed.action for deed in _deeds.decode(text(row[2]))}
    if "redirect" in deeds and not deeds & _ELSEWHERE:
        for debt in debts.undoable(session, _numbers.decode(text(row[1]))):
            if debt.kind is DebtKind.MOVE:
                reversing.undo(session, debt, ORIGIN, now)
    _mark(session, int(number), message, problem, now)


def note(session: Session, debt: Debt, problem: Problem, now: float) -> None:
    """Says so of the run that owed it. The first refusal of a run is its reason; of what else failed by it
    nothing more is said. What somebody else owed is none of this."""
    if debt.origin != ORIGIN or debt.kind not in _MOVING:
        return
    rows = session.rows(
        "SELECT id, message, debts FROM rule_run WHERE account = ? AND ran = ? AND undone IS NULL",
        (debt.account, debt.created),
    )
    for run, message, owed in rows:
        if debt.id in _numbers.decode(text(owed)):
            # After a mailbox that was not made, the mail is not back yet: its own debt fails next.
            flag = debt.kind is not DebtKind.CREATE
            _mark(session, integer(run), integer(message), problem, now, flag=flag)


def _mark(
    session: Session, run: int, message: int, problem: Problem, now: float, *, flag: bool = True
) -> None:
    said = problem_to_text(problem)
    session.run("UPDATE rule_run SET problem = ? WHERE id = ? AND problem IS NULL", (said, run))
    if flag:
        places = session.rows("SELECT mailbox, uid FROM placement WHERE message = ?", (message,))
        lying = [(integer(mailbox), integer(uid)) for mailbox, uid in places]
        acts.change_flags(session, lying, frozenset({LOOK}), frozenset(), ORIGIN, now)
