"""Debts as rows: written with the local change they stand for, found, and claimed one by one."""

from __future__ import annotations

from collections.abc import Sequence

from msgspec.structs import replace

from eilbote.errors import Gone, Problem
from eilbote.mail.mailbox import flags_from_text, flags_to_text
from eilbote.store.database import Row, Session, chunked, in_list, integer, real, text
from eilbote.store.envelopes import clean
from eilbote.store.local import is_local
from eilbote.store.problems import problem_from_text, problem_to_text
from eilbote.store.values import Debt, DebtKind, DebtState

_COLUMNS = (
    "account",
    "kind",
    "state",
    "mailbox",
    "uidvalidity",
    "uid",
    "message",
    "source",
    "target",
    "target_mailbox",
    "placement",
    "add_flags",
    "remove_flags",
    "origin",
    "created",
    "touched",
    "attempts",
    "undo_of",
)
_SELECT = f"SELECT id, {', '.join(_COLUMNS)}, problem FROM journal"
OWED = "state IN ('open', 'sent')"
"""What is not paid yet."""


def owe(session: Session, debts: Sequence[Debt]) -> list[Debt]:
    """Writes new debts of one account; returns them with their ids, in the same order. In a local
    account, where there is nobody to pay, they are born done."""
    if debts and is_local(session, debts[0].account):
        debts = [replace(debt, state=DebtState.DONE) for debt in debts]
    written: list[Debt] = []
    sql = f"INSERT INTO journal ({', '.join(_COLUMNS)}) VALUES {_marks()} RETURNING id"
    for debt in debts:
        row = session.one(sql, _to_row(debt))
        assert row is not None
        written.append(replace(debt, id=integer(row[0])))
    return written


def get(session: Session, debt: int) -> Debt:
    """Gone `store.no_debt`."""
    row = session.one(f"{_SELECT} WHERE id = ?", (debt,))
    if row is None:
        raise Gone("store.no_debt", debt=debt)
    return _debt(row)


def owed(session: Session, account: int) -> list[Debt]:
    """An account's unpaid debts in the order of their making."""
    return [
        _debt(row) for row in session.rows(f"{_SELECT} WHERE account = ? AND {OWED} ORDER BY id", (account,))
    ]


def newest_owed(session: Session) -> dict[int, int]:
    """The number of the youngest unpaid debt of each account that has one."""
    rows = session.rows(f"SELECT account, max(id) FROM journal WHERE {OWED} GROUP BY account")
    return {integer(account): integer(newest) for account, newest in rows}


def unanswered(session: Session, account: int, before: float) -> list[Debt]:
    """Paid debts, ended before that time, for whose waiting placement no number ever came while
    somebody still needs it."""
    rows = session.rows(
        f"{_SELECT} WHERE account = ? AND state = 'done' AND placement < 0 AND touched < ?"
        " AND (EXISTS (SELECT 1 FROM placement p"
        " WHERE p.mailbox = journal.target_mailbox AND p.uid = journal.placement)"
        " OR EXISTS (SELECT 1 FROM journal c WHERE c.mailbox = journal.target_mailbox"
        " AND c.uid = journal.placement AND c.state IN ('open', 'sent'))) ORDER BY id",
        (account, before),
    )
    return [_debt(row) for row in rows]


def maker_of(session: Session, placement: int) -> Debt | None:
    """The debt that made a waiting placement."""
    row = session.one(f"{_SELECT} WHERE placement = ?", (placement,))
    return _debt(row) if row else None


def latest_of(session: Session, message: int) -> Debt | None:
    """The newest change of a message that can still be undone."""
    row = session.one(
        f"{_SELECT} WHERE message = ? AND undo_of = 0 AND state NOT IN ('failed', 'conflict')"
        " AND NOT EXISTS (SELECT 1 FROM journal u WHERE u.message = journal.message"
        " AND u.undo_of = journal.id) ORDER BY id DESC LIMIT 1",
        (message,),
    )
    return _debt(row) if row else None


def undoable(session: Session, numbers: Sequence[int]) -> list[Debt]:
    """Those of some debts that can still be undone, the youngest first."""
    found: list[Debt] = []
    for chunk in chunked(numbers):
        rows = session.rows(
            f"{_SELECT} WHERE id IN {in_list(len(chunk))} AND undo_of = 0"
            " AND state NOT IN ('failed', 'conflict') AND NOT EXISTS (SELECT 1 FROM journal u"
            " WHERE u.message = journal.message AND u.undo_of = journal.id)",
            chunk,
        )
        found += map(_debt, rows)
    return sorted(found, key=lambda debt: -debt.id)


def accounts_of(session: Session, numbers: Sequence[int]) -> set[int]:
    """The accounts whose debts these are."""
    found: set[int] = set()
    for chunk in chunked(numbers):
        rows = session.rows(f"SELECT DISTINCT account FROM journal WHERE id IN {in_list(len(chunk))}", chunk)
        found |= {integer(account) for (account,) in rows}
    return found


def advance(
    session: Session,
    debts: Sequence[int],
    before: Sequence[DebtState],
    after: DebtState,
    now: float,
    *,
    problem: Problem | None = None,
    attempt: bool = False,
) -> list[int]:
    """Moves debts from one of the states `before` to `after`; returns those that were in one.
    A claim: what another took already is not among them."""
    moved: list[int] = []
    states = [state.value for state in before]
    for chunk in chunked(debts):
        rows = session.rows(
            "UPDATE journal SET state = ?, touched = ?, problem = ?, attempts = attempts + ?"
            f" WHERE id IN {in_list(len(chunk))} AND state IN {in_list(len(states))} RETURNING id",
            (after.value, now, problem_to_text(problem), int(attempt), *chunk, *states),
        )
        moved += [integer(row[0]) for row in rows]
    return sorted(moved)


def owe_again(session: Session, mailbox: int, now: float) -> list[int]:
    """Refused uploads whose mail still waits in this mailbox are open once more."""
    rows = session.rows(
        "SELECT id FROM journal WHERE target_mailbox = ? AND kind = 'append' AND state = 'failed'"
        " AND placement < 0 AND EXISTS (SELECT 1 FROM placement p"
        " WHERE p.mailbox = journal.target_mailbox AND p.uid = journal.placement) ORDER BY id",
        (mailbox,),
    )
    return advance(session, [integer(row[0]) for row in rows], (DebtState.FAILED,), DebtState.OPEN, now)


def _marks() -> str:
    return in_list(len(_COLUMNS))


def _to_row(debt: Debt) -> Row:
    return (
        debt.account,
        debt.kind.value,
        debt.state.value,
        debt.mailbox,
        debt.uidvalidity,
        debt.uid,
        debt.message,
        debt.source,
        debt.target,
        debt.target_mailbox,
        debt.placement,
        clean(flags_to_text(debt.add)),
        clean(flags_to_text(debt.remove)),
        debt.origin,
        debt.created,
        debt.created,
        debt.attempts,
        debt.undo_of,
    )


def _debt(row: Row) -> Debt:
    return Debt(
        id=integer(row[0]),
        account=integer(row[1]),
        kind=DebtKind(text(row[2])),
        state=DebtState(text(row[3])),
        mailbox=integer(row[4]),
        uidvalidity=integer(row[5]),
        uid=integer(row[6]),
        message=integer(row[7]),
        source=text(row[8]),
        target=text(row[9]),
        target_mailbox=integer(row[10]),
        placement=integer(row[11]),
        add=flags_from_text(text(row[12])),
        remove=flags_from_text(text(row[13])),
        origin=text(row[14]),
        created=real(row[15]),
        attempts=integer(row[17]),
        undo_of=integer(row[18]),
        problem=problem_from_text(row[19]),
    )
