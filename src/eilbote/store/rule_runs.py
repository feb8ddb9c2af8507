"""What rules did with which mail and why: done in one transaction with its row of history, looked up, and
taken back.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import msgspec
from msgspec.structs import replace

from eilbote.delivery.values import WAITING, RecipientState, SendState
from eilbote.errors import Gone
from eilbote.store import debts as owed
from eilbote.store import outgoing_rows, placed, reversing, rule_events, rule_marks, rule_memory
from eilbote.store.bodies import Bodies
from eilbote.store.database import Database, Row, Session, Value, chunked, in_list, integer, real, text
from eilbote.store.envelopes import clean
from eilbote.store.mailboxes import by_id
from eilbote.store.problems import problem_from_text, problem_to_text
from eilbote.store.rule_effects import Doing
from eilbote.store.rule_values import (
    Asked,
    Batch,
    Deed,
    MemoryKind,
    Ruling,
    Run,
    RunOrigin,
    Told,
    Unfiltered,
)
from eilbote.store.values import DebtKind, Mailbox

_COLUMNS = (
    "account",
    "message",
    "mailbox",
    "batch",
    "origin",
    "ran",
    "revision",
    "rules",
    "deeds",
    "steps",
    "problem",
    "debts",
    "outgoing",
)
_SELECT = f"SELECT id, {', '.join(_COLUMNS)}, undone FROM rule_run"
_PAGE = 500
_DAY = 86_400.0

_encoder = msgspec.json.Encoder()
_deeds = msgspec.json.Decoder(tuple[Deed, ...])
_steps = msgspec.json.Decoder(tuple[Told, ...])
_numbers = msgspec.json.Decoder(tuple[int, ...])


class Performed(msgspec.Struct, frozen=True):
    """What became of a ruling: its row in history (0: none was needed), the journal's rows, the mails in
    the outbox, and of what was not sent because it was sent before, to whom."""

    run: int = 0
    debts: tuple[int, ...] = ()
    outgoing: tuple[int, ...] = ()
    answered_before: tuple[str, ...] = ()


class Undone(msgspec.Struct, frozen=True):
    """What taking back did: runs, mails that are as before, mails that were still in the outbox and are
    not sent, and mails that had been sent."""

    runs: int = 0
    mails: int = 0
    unsent: int = 0
    sent: int = 0

    def __add__(self, other: Undone) -> Undone:
        return Undone(
            self.runs + other.runs,
            self.mails + other.mails,
            self.unsent + other.unsent,
            self.sent + other.sent,
        )


class RuleRuns:
    """Which mail is to be filtered, what was done with it, and taking it back."""

    def __init__(self, database: Database, bodies: Bodies) -> None:
        self._database = database
        self._bodies = bodies

    # What is to be filtered

    def cursor(self, account: int) -> int | None:
        """Up to which change the account's mail was looked at; None: not begun."""
        with self._database.read() as session:
            return rule_marks.cursor(session, account)

    def begin(self, account: int, now: float) -> None:
        """What the account has now counts as there before."""
        with self._database.write() as session:
            rule_marks.begin(session, account, now)

    def advance(
        self,
        account: int,
        change: int | None,
        now: float,
        *,
        idle: Sequence[int] = (),
        revision: int = 0,
        elsewhere: Sequence[int] = (),
    ) -> None:
        """All mail up to this change was looked at (None: some of it still waits); of it rules wanted
        nothing with the `idle`. Mail that came `elsewhere` first has not come if it is in the inbox later."""
        with self._database.write() as session:
            rule_marks.mark(session, idle, revision, now)
            rule_marks.mark(session, elsewhere, 0, now)
            if change is not None:
                rule_marks.advance(session, account, change)

    def unfiltered(self, inbox: Mailbox, messages: Sequence[int], now: float) -> list[Unfiltered]:
        """Those of some messages that lie in the inbox, have come, and were not looked at; oldest first."""
        with self._database.read() as session:
            return rule_marks.unfiltered(session, inbox, messages, now)

    def remembered(
        self, account: int, kind: MemoryKind, pairs: Sequence[tuple[str, str]], now: float
    ) -> set[tuple[str, str]]:
        """Those of some (handle, item) that are remembered."""
        with self._database.read() as session:
            return rule_memory.among(session, account, kind, pairs, now)

    # What is done

    def perform(self, ruling: Ruling, now: float) -> Performed | None:
        """Does what rules decided about one mail, with its row of history and its mark, or nothing of
        it. None where the mail was looked at meanwhile, or lies there no more: nothing was done.
        NotAllowed `rules.sent_enough`; Gone for a mailbox that is gone; Unreachable `store.full`."""
        with self._database.write() as session:
            if ruling.once and rule_marks.is_marked(session, ruling.message):
                return None
            if ruling.event is not None and not rule_events.is_due(session, ruling.account, ruling.event):
                return None
            mailbox, uid = ruling.place
            lying = placed.at_uids(session, mailbox, [uid]).get(uid)
            if lying is None or lying.message != ruling.message:
                return None
            run = _written(session, ruling, by_id(session, mailbox).name, now) if ruling.noteworthy else 0
            doing = Doing(session, self._bodies, ruling, run, now)
            doing.carry_out()
            rule_marks.mark(session, [ruling.message, *doing.made], ruling.revision, now)
            rule_events.note(session, ruling.account, doing.touched, ruling)
            if run and (doing.debts or doing.outgoing):
                session.run(
                    "UPDATE rule_run SET debts = ?, outgoing = ? WHERE id = ?",
                    (_text(doing.debts), _text(doing.outgoing), run),
                )
            elif run and ruling.batch and ruling.problem is None:
                session.run("DELETE FROM rule_run WHERE id = ?", (run,))  # all was so already
                run = 0
            if ruling.batch and run:
                session.run("UPDATE rule_batch SET mails = mails + 1 WHERE id = ?", (ruling.batch,))
            return Performed(run, tuple(doing.debts), tuple(doing.outgoing), tuple(doing.answered_before))

    def begin_batch(self, revision: int, wanted: str, now: float) -> int:
        """A run that a person begins; its number."""
        with self._database.write() as session:
            row = session.one(
                "INSERT INTO rule_batch (began, revision, wanted) VALUES (?, ?, ?) RETURNING id",
                (now, revision, clean(wanted)),
            )
        assert row is not None
        return integer(row[0])

    def forget_empty(self, batch: int) -> bool:
        """Takes a run out of the list of runs where nothing came of it; whether it was so."""
        with self._database.write() as session:
            return session.run("DELETE FROM rule_batch WHERE id = ? AND mails = 0", (batch,)) == 1

    def batches(self, limit: int = 50) -> list[Batch]:
        """Runs that people began, the newest first."""
        with self._database.read() as session:
            rows = session.rows(
                "SELECT id, began, revision, wanted, mails FROM rule_batch ORDER BY id DESC LIMIT ?", (limit,)
            )
        return [
            Batch(integer(row[0]), real(row[1]), integer(row[2]), text(row[3]), integer(row[4]))
            for row in rows
        ]

    # Looking back

    def get(self, run: int) -> Run:
        """Gone `rules.no_run`."""
        with self._database.read() as session:
            row = session.one(f"{_SELECT} WHERE id = ?", (run,))
        if row is None:
            raise Gone("rules.no_run", id=run)
        return _run(row)

    def history(self, asked: Asked = Asked(), limit: int = 50, before: int | None = None) -> list[Run]:  # noqa: B008  # frozen
        """The newest first; `before`: only older than this number."""
        where, params = _condition(asked)
        if before is not None:
            where += " AND id < ?"
            params.append(before)
        with self._database.read() as session:
            rows = session.rows(f"{_SELECT} WHERE {where} ORDER BY id DESC LIMIT ?", (*params, limit))
        return [_run(row) for row in rows]

    def of_messages(self, messages: Sequence[int]) -> dict[int, list[Run]]:
        """What was done with these mails, by mail, the newest first; those without any are left out."""
        found: dict[int, list[Run]] = {}
        with self._database.read() as session:
            for chunk in chunked(messages):
                sql = f"{_SELECT} WHERE message IN {in_list(len(chunk))} ORDER BY id DESC"
                for row in session.rows(sql, chunk):
                    found.setdefault(integer(row[2]), []).append(_run(row))
        return found

    def standing(self, message: int, debt: int) -> int | None:
        """The run that made this change of a message and was not taken back; None where none did."""
        with self._database.read() as session:
            rows = session.rows(
                "SELECT id, debts FROM rule_run WHERE message = ? AND undone IS NULL", (message,)
            )
        return next((integer(run) for run, debts in rows if debt in _numbers.decode(text(debts))), None)

    def filtered_at(self, message: int) -> float | None:
        """When rules looked at a mail, whatever came of it; None: never."""
        with self._database.read() as session:
            row = session.one("SELECT marked FROM rule_mark WHERE message = ? AND revision > 0", (message,))
        return real(row[0]) if row else None

    def undo(self, run: int, now: float) -> Undone:
        """Takes back what one run did, as far as nobody changed it since: mail lies where it lay and has
        the flags it had, what it queued and no server has heard of is not sent. Gone `rules.no_run`."""
        self.get(run)
        with self._database.write() as session:
            row = session.one(f"{_SELECT} WHERE id = ?", (run,))
            if row is None or row[14] is not None:
                return Undone()
            return _taken_back(session, _run(row), now)

    def undo_all(self, asked: Asked, now: float) -> Undone:
        """Takes back all these runs, the newest first, each in a transaction of its own: a kill in
        between leaves runs that are taken back whole and runs that stand."""
        total = Undone()
        for run in self._each(replace(asked, standing=True)):
            total = total + self.undo(run, now)
        return total

    def _each(self, asked: Asked) -> Iterator[int]:
        before: int | None = None
        while page := self.history(asked, _PAGE, before):
            yield from (run.id for run in page if run.debts or run.outgoing)
            before = page[-1].id

    def prune(self, now: float, days: float) -> None:
        """Forgets runs and marks of mails that are gone, older than so many days, and what has expired."""
        before = now - days * _DAY
        with self._database.read() as session:
            old = "SELECT 1 FROM rule_run WHERE ran < ? UNION ALL SELECT 1 FROM rule_memory WHERE expires < ?"
            old += " UNION ALL SELECT 1 FROM rule_sent WHERE day < ? LIMIT 1"
            if session.one(old, (before, now, int(now // _DAY) - 1)) is None:
                return
        with self._database.write() as session:
            session.run("DELETE FROM rule_run WHERE ran < ?", (before,))
            session.run("DELETE FROM rule_batch WHERE began < ?", (before,))
            rule_marks.prune(session, before)
            rule_memory.prune(session, now, int(now // _DAY) - 1)


def erase(session: Session, messages: Sequence[int]) -> None:
    """What is told of erased messages goes: history holds their words."""
    for chunk in chunked(messages):
        for table in ("rule_run", "rule_mark"):
            session.run(f"DELETE FROM {table} WHERE message IN {in_list(len(chunk))}", chunk)


def _written(session: Session, ruling: Ruling, mailbox: str, now: float) -> int:
    rules = "".join(f"{name}\n" for name in dict.fromkeys(ruling.rules) if name)
    row = session.one(
        f"INSERT INTO rule_run ({', '.join(_COLUMNS)}) VALUES {in_list(len(_COLUMNS))} RETURNING id",
        (
            ruling.account,
            ruling.message,
            mailbox,
            ruling.batch,
            ruling.origin.value,
            now,
            ruling.revision,
            clean(f"\n{rules}") if rules else "",
            _text(ruling.deeds),
            _text(ruling.steps),
            problem_to_text(ruling.problem),
            "[]",
            "[]",
        ),
    )
    assert row is not None
    return integer(row[0])


def _taken_back(session: Session, run: Run, now: float) -> Undone:
    turned: set[int] = set()
    for debt in owed.undoable(session, run.debts):
        # A mailbox that was made stays: other mail may be on its way there.
        if debt.kind is not DebtKind.CREATE:
            reversing.undo(session, debt, "undo", now)
            turned.add(debt.message)
            # Taking back is nothing that happens to a mail: the script would do it again.
            places = [(debt.mailbox, debt.message), (debt.target_mailbox, debt.message)]
            rule_events.note(session, run.account, places)
    mails = outgoing_rows.find(session, f"id IN {in_list(len(run.outgoing))}", run.outgoing)
    before = (*WAITING, SendState.HELD, SendState.FAILED)
    waiting = [
        mail.id for mail in mails if not any(one.state is RecipientState.SENT for one in mail.recipients)
    ]
    moved = outgoing_rows.move(session, waiting, before, SendState.CANCELLED, now)
    for mail in moved:
        session.run("DELETE FROM outgoing_body WHERE outgoing = ?", (mail.id,))
    session.run("UPDATE rule_run SET undone = ? WHERE id = ?", (now, run.id))
    return Undone(1, int(bool(turned)), len(moved), len(run.outgoing) - len(moved))


def _condition(asked: Asked) -> tuple[str, list[Value]]:
    where: list[str] = ["1 = 1"]
    params: list[Value] = []
    for column, value in (("account", asked.account), ("message", asked.message), ("batch", asked.batch)):
        if value is not None:
            where.append(f"{column} = ?")
            params.append(value)
    if asked.rule:
        name = clean(asked.rule).replace("!", "!!").replace("%", "!%").replace("_", "!_")
        where.append("rules LIKE ? ESCAPE '!'")
        params.append(f"%\n{name}\n%")
    if asked.since is not None:
        where.append("ran >= ?")
        params.append(asked.since)
    if asked.until is not None:
        where.append("ran < ?")
        params.append(asked.until)
    if asked.standing:
        where.append("undone IS NULL")
    return " AND ".join(where), params


def _run(row: Row) -> Run:
    return Run(
        id=integer(row[0]),
        account=integer(row[1]),
        message=integer(row[2]),
        mailbox=text(row[3]),
        batch=integer(row[4]),
        origin=RunOrigin(text(row[5])),
        ran=real(row[6]),
        revision=integer(row[7]),
        rules=tuple(text(row[8]).strip("\n").split("\n")) if row[8] else (),
        deeds=_deeds.decode(text(row[9])),
        steps=_steps.decode(text(row[10])),
        problem=problem_from_text(row[11]),
        debts=_numbers.decode(text(row[12])),
        outgoing=_numbers.decode(text(row[13])),
        undone=None if row[14] is None else real(row[14]),
    )


def _text(values: object) -> str:
    return clean(_encoder.encode(values).decode())
