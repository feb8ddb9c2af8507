"""The log of decisions between two truths: which rule decided, and what was put aside."""

from __future__ import annotations

import json
from collections.abc import Mapping

from eilbote.store.database import Row, Session, integer, real, text
from eilbote.store.values import Conflict

OTHER_BYTES = "other-bytes"
"""The server showed other bytes under a UID that we held: the server's bytes won."""
NUMBER_TAKEN = "number-taken"
"""The UID that the server named for our copy held another mail: that mail stayed."""


def log_conflict(
    session: Session,
    account: int,
    mailbox: int,
    message: int,
    rule: str,
    detail: Mapping[str, str],
    now: float,
    debt: int = 0,
) -> None:
    """Adds a row to the log."""
    session.run(
        "INSERT INTO conflict (account, mailbox, message, debt, rule, detail, created)"
        " VALUES (?, ?, ?, ?, ?, ?, ?)",
        (account, mailbox, message, debt, rule, json.dumps(dict(detail)), now),
    )


def read_conflicts(session: Session, account: int | None, limit: int) -> list[Conflict]:
    """The newest conflicts, of one account or of all."""
    where = "WHERE account = ?" if account is not None else ""
    params = (account, limit) if account is not None else (limit,)
    rows = session.rows(
        "SELECT id, account, mailbox, message, debt, rule, detail, created FROM conflict"
        f" {where} ORDER BY id DESC LIMIT ?",
        params,
    )
    return [_conflict(row) for row in rows]


def _conflict(row: Row) -> Conflict:
    return Conflict(
        id=integer(row[0]),
        account=integer(row[1]),
        mailbox=integer(row[2]),
        message=integer(row[3]),
        debt=integer(row[4]),
        rule=text(row[5]),
        detail=json.loads(text(row[6])),
        created=real(row[7]),
    )
