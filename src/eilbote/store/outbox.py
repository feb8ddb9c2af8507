"""The outbox: mails to be sent, the journal of sending them, the dialogue of each attempt.

Whatever an answer promised is on disk before the answer. A mail is claimed by one conditional change
of its state: whoever's change counted has it. Nothing here decides what a state means.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from eilbote.delivery.values import (
    ENDED,
    UNDER_WAY,
    WAITING,
    Copy,
    Outgoing,
    Phase,
    Recipient,
    SendState,
    Settled,
    Submission,
)
from eilbote.errors import Gone, NotAllowed, Problem
from eilbote.store import appending, outgoing_attempts, outgoing_queue, rule_refusals
from eilbote.store import outgoing_rows as rows
from eilbote.store.bodies import Bodies
from eilbote.store.database import Database, Session, blob, chunked, in_list, integer, real, text
from eilbote.store.envelopes import clean
from eilbote.store.outgoing_attempts import Attempt
from eilbote.store.problems import problem_to_text
from eilbote.store.update_values import Arrival


class Outbox:
    """Queueing, claiming, settling."""

    def __init__(self, database: Database, bodies: Bodies) -> None:
        self._database = database
        self._bodies = bodies

    # Into the outbox

    def add(self, mails: Sequence[Submission], now: float) -> list[Outgoing]:
        """Queues mails, all of them or none; they are on disk when this returns. A mail with the key of
        an earlier one of its account is that one, and is not queued again; NotAllowed `send.key_reused`
        where the earlier one had other bytes or recipients."""
        with self._database.write() as session:
            return [outgoing_queue.add(session, mail, now) for mail in mails]

    # Looking

    def get(self, mail: int) -> Outgoing:
        """Gone `send.unknown`."""
        with self._database.read() as session:
            return _get(session, mail)

    def all(
        self,
        account: int | None = None,
        *,
        states: Sequence[SendState] | None = None,
        limit: int = 50,
        before: int | None = None,
    ) -> list[Outgoing]:
        """Newest first, of one account or all, at most `limit`; `before`: only older than this id."""
        where, params = ["1 = 1"], list[int | str]()
        if account is not None:
            where.append("account = ?")
            params.append(account)
        if states is not None:
            where.append(f"state IN {in_list(len(states))}")
            params += [state.value for state in states]
        if before is not None:
            where.append("id < ?")
            params.append(before)
        with self._database.read() as session:
            return rows.find(session, " AND ".join(where), (*params, limit), " ORDER BY id DESC LIMIT ?")

    def counts(self, account: int) -> dict[SendState, int]:
        """How many mails of an account are in each state."""
        with self._database.read() as session:
            found = session.rows(
                "SELECT state, count(*) FROM outgoing WHERE account = ? GROUP BY state", (account,)
            )
        return {SendState(text(state)): integer(count) for state, count in found}

    def states(self, accounts: Sequence[int]) -> list[tuple[int, str, int, float]]:
        """Per account and state: how many mails, and when the latest of them changed. Other values after
        any change of the outbox."""
        with self._database.read() as session:
            sql = "SELECT account, state, count(*), max(touched) FROM outgoing GROUP BY account, state"
            found = session.rows(sql + " ORDER BY account, state")
        wanted = set(accounts)
        return [
            (integer(row[0]), text(row[1]), integer(row[2]), real(row[3]))
            for row in found
            if row[0] in wanted
        ]

    def of_message_id(self, message_id: str) -> list[Outgoing]:
        """The mails that were queued with this Message-ID (without its angle brackets), the newest first."""
        with self._database.read() as session:
            return rows.find(session, "message_id = ?", (clean(message_id),), " ORDER BY id DESC LIMIT 100")

    def of_key(self, account: int, key: str) -> Outgoing | None:
        """The mail of an account that was queued under this idempotency key."""
        with self._database.read() as session:
            found = rows.find(session, "account = ? AND submission_key = ?", (account, clean(key)))
        return found[0] if found else None

    def raw(self, mail: int) -> bytes:
        """The frozen bytes. Gone `send.no_bytes` where they are not kept any more."""
        return self.raws([mail])[mail]

    def raws(self, mails: Sequence[int]) -> dict[int, bytes]:
        """The frozen bytes of several. Gone `send.no_bytes` where one's are not kept any more."""
        found: dict[int, bytes] = {}
        with self._database.read() as session:
            for chunk in chunked(mails):
                sql = f"SELECT outgoing, raw FROM outgoing_body WHERE outgoing IN {in_list(len(chunk))}"
                found.update((integer(mail), blob(raw)) for mail, raw in session.rows(sql, chunk))
        missing = next((mail for mail in mails if mail not in found), None)
        if missing is not None:
            raise Gone("send.no_bytes", id=missing)
        return found

    def next_due(self) -> dict[int, float]:
        """When the next mail of each account that has one waiting may go; of an account that pauses, not
        before its next try, if there is one. At once (0) where a mail is under way: where nobody sends
        just now, a process that died has left it."""
        states = [state.value for state in WAITING]
        left = [state.value for state in UNDER_WAY]
        with self._database.read() as session:
            under_way = session.rows(
                f"SELECT DISTINCT account FROM outgoing WHERE state IN {in_list(len(left))}", left
            )
            found = session.rows(
                "SELECT o.account, min(o.not_before), p.account, min(p.next_try) FROM outgoing o"
                " LEFT JOIN sending_pause p ON p.account = o.account"
                f" WHERE o.state IN {in_list(len(states))} GROUP BY o.account, p.account",
                states,
            )
        due: dict[int, float] = {}
        for account, earliest, paused, next_try in found:
            if paused is None:
                due[integer(account)] = real(earliest)
            elif next_try is not None:
                due[integer(account)] = max(real(earliest), real(next_try))
        return due | {integer(account): 0.0 for (account,) in under_way}

    def unsettled_accounts(self) -> frozenset[int]:
        """Accounts with such mails as `unsettled` gives, or with news in which a delivery report may be."""
        with self._database.read() as session:
            found = session.rows(
                "SELECT account FROM outgoing WHERE state IN (?, ?)"
                " UNION SELECT s.account FROM sending_looked s JOIN account a ON a.id = s.account"
                " WHERE a.change_number > s.change_number",
                (SendState.SENT.value, SendState.UNCERTAIN.value),
            )
        return frozenset(integer(account) for (account,) in found)

    def unsettled(self, account: int) -> list[Outgoing]:
        """Mails of an account that were sent, or may have been, and of which something is still open."""
        states = (SendState.SENT.value, SendState.UNCERTAIN.value)
        with self._database.read() as session:
            return rows.find(session, "account = ? AND state IN (?, ?)", (account, *states), " ORDER BY id")

    def delayed(self, account: int, before: float) -> list[Outgoing]:
        """Mails of an account that should have left before that time, were tried and still wait."""
        states = [state.value for state in WAITING]
        where = f"account = ? AND state IN {in_list(len(states))} AND attempts > 0 AND begins < ?"
        with self._database.read() as session:
            return rows.find(session, where, (account, *states, before), " ORDER BY id")

    # Sending: each of these is on disk when it returns

    def claim(self, account: int, now: float, limit: int) -> list[Outgoing]:
        """Takes up to `limit` mails of an account whose time has come, oldest first. They are this
        caller's alone until they are settled or given back."""
        states = [state.value for state in WAITING]
        where = f"account = ? AND state IN {in_list(len(states))} AND not_before <= ?"
        params: tuple[int | float | str, ...] = (account, *states, now)
        with self._database.read() as session:
            if session.one(f"SELECT 1 FROM outgoing WHERE {where} LIMIT 1", params) is None:
                return []
        with self._database.write() as session:
            chosen = session.rows(
                f"SELECT id FROM outgoing WHERE {where} ORDER BY not_before, id LIMIT ?", (*params, limit)
            )
            ids = [integer(row[0]) for row in chosen]
            return rows.move(session, ids, WAITING, SendState.CLAIMED, now)

    def advance(self, mails: Sequence[int], after: SendState, now: float) -> None:
        """Mails that this caller claimed go on to `after`. NotAllowed `send.not_claimed` where one is
        not under way any more: then nothing is changed."""
        with self._database.write() as session:
            if len(rows.move(session, mails, UNDER_WAY, after, now)) != len(mails):
                raise NotAllowed("send.not_claimed")

    def record(
        self,
        now: float,
        *,
        ending: Mapping[int, Sequence[Recipient]] | None = None,
        settled: Mapping[int, Settled] | None = None,
        attempts: Mapping[int, Attempt] | None = None,
    ) -> None:
        """One moment of sending in one transaction. `ending`: the end of these mails is about to be
        written, with what was answered for their recipients so far (empty: nothing worth keeping).
        `settled`: what finished attempts mean; `attempts`: their dialogues. NotAllowed
        `send.not_claimed` where one is not under way any more: then nothing is changed."""
        with self._database.write() as session:
            if ending:
                moved = rows.move(session, list(ending), UNDER_WAY, SendState.DOT_SENT, now)
                if len(moved) != len(ending):
                    raise NotAllowed("send.not_claimed")
                for mail, recipients in ending.items():
                    if recipients:
                        told = rows.recipients_to_text(recipients)
                        session.run("UPDATE outgoing SET recipients = ? WHERE id = ?", (told, mail))
            for mail, one in (settled or {}).items():
                _settle(session, mail, one, now)
            for mail, attempt in (attempts or {}).items():
                outgoing_attempts.keep(session, mail, attempt)
                if attempt.phase is not Phase.ANSWERED:
                    outgoing_attempts.trim(session, mail)

    def give_back(self, mails: Sequence[int], now: float) -> None:
        """Claimed mails of which no server was told wait again."""
        before = (SendState.CLAIMED, SendState.DATA_OPEN)
        with self._database.write() as session:
            for mail in rows.move(session, mails, before, SendState.DEFERRED, now):
                if not mail.attempts:
                    rows.move(session, [mail.id], (SendState.DEFERRED,), SendState.ACCEPTED, now)

    def recover(self, account: int, found: Callable[[SendState], SendState], now: float) -> list[Outgoing]:
        """What a process that died left in the middle of sending goes on in the state that `found`
        says. Only for who holds the account. Returns those mails."""
        states = [state.value for state in UNDER_WAY]
        where = f"account = ? AND state IN {in_list(len(states))}"
        params: tuple[int | str, ...] = (account, *states)
        with self._database.read() as session:
            if session.one(f"SELECT 1 FROM outgoing WHERE {where}", params) is None:
                return []
        with self._database.write() as session:
            left = rows.find(session, where, params)
            recovered: list[Outgoing] = []
            for mail in left:
                after = found(mail.state)
                if after is SendState.UNCERTAIN:
                    problem = problem_to_text(Problem("send.uncertain"))
                    session.run(
                        "UPDATE outgoing SET uncertain_since = ?, problem = ? WHERE id = ?",
                        (now, problem, mail.id),
                    )
                recovered += rows.move(session, [mail.id], UNDER_WAY, after, now)
            return recovered

    # What a person, or evidence, decides

    def change(
        self,
        mail: int,
        before: Sequence[SendState],
        after: SendState,
        now: float,
        *,
        recipients: Callable[[Outgoing], Sequence[Recipient]] | None = None,
        not_before: float | None = None,
        resent: bool = False,
        problem: Problem | None = None,
    ) -> Outgoing:
        """Moves one mail from one of the states `before` to `after`, and changes what else is given.
        `recipients` is told the mail as it lies here at that moment; what it raises changes nothing.
        NotAllowed `send.wrong_state` where it is in another state (perhaps since a moment ago); Gone
        `send.unknown`."""
        with self._database.write() as session:
            found = _moved(session, mail, before, after, now)
            session.run(
                "UPDATE outgoing SET recipients = ?, not_before = ?, resent = resent + ?, problem = ?"
                " WHERE id = ?",
                (
                    rows.recipients_to_text(found.recipients if recipients is None else recipients(found)),
                    found.not_before if not_before is None else not_before,
                    int(resent),
                    problem_to_text(problem),
                    mail,
                ),
            )
            if after in (SendState.CANCELLED, SendState.DONE):
                _drop_body(session, mail)
            return _get(session, mail)

    def retry(self, mail: int, recipients: Callable[[Outgoing], Sequence[Recipient]], now: float) -> Outgoing:
        """A failed or waiting mail begins anew, at once. `recipients` and errors: as in `change`."""
        before = (SendState.FAILED, SendState.HELD, *WAITING)
        with self._database.write() as session:
            found = _moved(session, mail, before, SendState.ACCEPTED, now)
            session.run(
                "UPDATE outgoing SET recipients = ?, not_before = ?, begins = ?, attempts = 0, told = 0,"
                " problem = NULL WHERE id = ?",
                (rows.recipients_to_text(recipients(found)), now, now, mail),
            )
            return _get(session, mail)

    def make_copies(
        self, mailbox: int, copies: Sequence[tuple[int, Arrival]], origin: str, now: float
    ) -> list[int]:
        """Puts the copies of sent mails, given as (mail, copy), into a mailbox and owes their upload, in
        one transaction with the note that they are made: a mail that has its copy gets no second one.
        Returns the mails that got one."""
        with self._database.write() as session:
            wanted = {
                mail.id
                for mail in rows.find(
                    session,
                    f"id IN {in_list(len(copies))} AND state = 'sent' AND copying = 'wanted'",
                    [mail for mail, _ in copies],
                )
            }
            chosen = [(mail, arrival) for mail, arrival in copies if mail in wanted]
            arrivals = [arrival for _, arrival in chosen]
            made = appending.append(session, self._bodies, mailbox, arrivals, origin, now) if chosen else []
            for (mail, _), debt in zip(chosen, made, strict=True):
                session.run(
                    "UPDATE outgoing SET copying = ?, copy_debt = ?, touched = ? WHERE id = ?",
                    (Copy.MADE.value, debt.id, now, mail),
                )
            return [mail for mail, _ in chosen]

    def copy_found(self, mail: int, now: float) -> None:
        """The provider has filed a copy by itself."""
        with self._database.write() as session:
            session.run(
                "UPDATE outgoing SET copying = ?, touched = ? WHERE id = ? AND copying = 'wanted'",
                (Copy.PROVIDER.value, now, mail),
            )

    def finish(self, account: int, now: float) -> int:
        """Sent mails whose copy lies where it belongs, or of which there is none to make, are done; so
        are those whose copy the server refused for good (it stays here). Returns how many."""
        sent = "account = ? AND state = 'sent'"
        with self._database.read() as session:
            if session.one(f"SELECT 1 FROM outgoing WHERE {sent}", (account,)) is None:
                return 0
        with self._database.write() as session:
            found = session.rows(
                f"SELECT id FROM outgoing WHERE {sent} AND (copying IN ('none', 'provider')"
                " OR (copying = 'made' AND NOT EXISTS (SELECT 1 FROM journal j"
                " WHERE j.id = copy_debt AND j.state IN ('open', 'sent'))))",
                (account,),
            )
            for ids in chunked(integer(row[0]) for row in found):
                mine = f"IN {in_list(len(ids))}"
                session.run(f"UPDATE outgoing SET state = 'done', touched = ? WHERE id {mine}", (now, *ids))
                session.run(f"DELETE FROM outgoing_body WHERE outgoing {mine}", ids)
            return len(found)

    def note_told(self, mail: int, told: int) -> None:
        """Its sender was told of the delay up to this stage."""
        with self._database.write() as session:
            session.run("UPDATE outgoing SET told = ? WHERE id = ?", (told, mail))

    # Delivery reports

    def looked_at(self, account: int) -> int | None:
        """Up to which change of the account reports were looked for; None: it has sent nothing."""
        with self._database.read() as session:
            row = session.one("SELECT change_number FROM sending_looked WHERE account = ?", (account,))
        return integer(row[0]) if row else None

    def note_looked_at(self, account: int, change: int) -> None:
        """Reports were looked for up to this change."""
        with self._database.write() as session:
            session.run("UPDATE sending_looked SET change_number = ? WHERE account = ?", (change, account))

    def note_report(self, mail: int, state: SendState, recipients: Sequence[Recipient], now: float) -> None:
        """A delivery report has changed what is known of these recipients. A mail of which nobody knew
        whether it was sent goes on in `state`."""
        problem = next((one.problem for one in recipients if one.problem is not None), None)
        with self._database.write() as session:
            session.run(
                "UPDATE outgoing SET recipients = ?, problem = ?, touched = ?,"
                " state = CASE WHEN state = 'uncertain' THEN ? ELSE state END WHERE id = ?",
                (rows.recipients_to_text(recipients), problem_to_text(problem), now, state.value, mail),
            )

    # Attempts, and forgetting

    def forget_ended(self, before: float) -> int:
        """Forgets mails that ended before that time, with all that is kept of them."""
        states = [state.value for state in ENDED]
        where = f"state IN {in_list(len(states))} AND touched < ?"
        with self._database.read() as session:
            if session.one(f"SELECT 1 FROM outgoing WHERE {where}", (*states, before)) is None:
                return 0
        with self._database.write() as session:
            return session.run(f"DELETE FROM outgoing WHERE {where}", (*states, before))


def _get(session: Session, mail: int) -> Outgoing:
    found = rows.find(session, "id = ?", (mail,))
    if not found:
        raise Gone("send.unknown", id=mail)
    return found[0]


def _moved(
    session: Session, mail: int, before: Sequence[SendState], after: SendState, now: float
) -> Outgoing:
    """The mail in its new state. From here on it is this transaction's alone."""
    moved = rows.move(session, [mail], before, after, now)
    if not moved:
        raise NotAllowed("send.wrong_state", id=mail, state=_get(session, mail).state.value)
    return moved[0]


def _settle(session: Session, mail: int, settled: Settled, now: float) -> None:
    changed = session.run(
        "UPDATE outgoing SET state = ?, recipients = ?, not_before = ?, problem = ?,"
        " queue_id = CASE WHEN ? = '' THEN queue_id ELSE ? END, attempts = attempts + ?, touched = ?,"
        " uncertain_since = CASE WHEN ? = 'uncertain' THEN ? ELSE uncertain_since END"
        " WHERE id = ? AND state IN ('claimed', 'data-open', 'dot-sent')",
        (
            settled.state.value,
            rows.recipients_to_text(settled.recipients),
            settled.not_before,
            problem_to_text(settled.problem),
            clean(settled.queue_id),
            clean(settled.queue_id),
            int(settled.burns_attempt),
            now,
            settled.state.value,
            now,
            mail,
        ),
    )
    if changed != 1:
        raise NotAllowed("send.not_claimed")
    if settled.state is SendState.FAILED:
        why = next((one.problem for one in settled.recipients if one.problem is not None), settled.problem)
        row = session.one("SELECT submission_key FROM outgoing WHERE id = ?", (mail,))
        if why is not None and row is not None and row[0]:
            rule_refusals.note_unsent(session, text(row[0]), why, now)


def _drop_body(session: Session, mail: int) -> None:
    session.run("DELETE FROM outgoing_body WHERE outgoing = ?", (mail,))
