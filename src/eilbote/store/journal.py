"""What we owe the servers: opened with a local change, closed by evidence, undone on request.

Local change and debt commit together. A debt is claimed by a conditional change of its state:
whoever's change counted has it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from eilbote.errors import Problem
from eilbote.mail.mailbox import Flags, MailboxName, Uid
from eilbote.mail.source import EnvelopeSource
from eilbote.store import acts, appending, conflicts, debts, folders, mailboxes, reversing, rule_refusals
from eilbote.store.acts import Places
from eilbote.store.bodies import Bodies
from eilbote.store.conflicts import NUMBER_TAKEN
from eilbote.store.database import Database, Session
from eilbote.store.settling import settle
from eilbote.store.tombstones import bury, take_away
from eilbote.store.update_values import Arrival
from eilbote.store.values import Conflict, Debt, DebtState, Mailbox

_UNPAID = (DebtState.OPEN, DebtState.SENT)


class Journal:
    """Local changes with their debts, and how debts end."""

    def __init__(self, database: Database, bodies: Bodies) -> None:
        self._database = database
        self._bodies = bodies

    # Local changes of mail (they return the debts' ids)

    def change_flags(self, places: Places, add: Flags, remove: Flags, origin: str, now: float) -> list[int]:
        """Adds and removes flags of placements given as (mailbox, uid)."""
        with self._database.write() as session:
            return _ids(acts.change_flags(session, places, add, remove, origin, now))

    def move(self, places: Places, target: int, origin: str, now: float) -> list[int]:
        """Moves placements to another mailbox of their account. Gone `store.no_mailbox`."""
        with self._database.write() as session:
            return _ids(acts.move(session, places, target, origin, now))

    def copy(self, places: Places, target: int, origin: str, now: float) -> list[int]:
        """Copies placements to another mailbox of their account. Gone `store.no_mailbox`."""
        with self._database.write() as session:
            return _ids(acts.copy(session, places, target, origin, now))

    def delete(self, places: Places, origin: str, now: float) -> list[int]:
        """Deletes placements on the server for good; 30 days of undo remain here."""
        with self._database.write() as session:
            return _ids(acts.delete(session, places, origin, now))

    def append(
        self,
        mailbox: int,
        raw: bytes,
        envelope: EnvelopeSource,
        flags: Flags,
        internal_date: float,
        origin: str,
        now: float,
    ) -> tuple[int, int]:
        """Stores a new mail and owes its upload; returns (message, debt)."""
        from eilbote.store.prepare import prepared_mail  # noqa: PLC0415  # loads the reading of mail

        arrival = Arrival(0, flags, internal_date, 0, raw, prepared_mail(raw, envelope))
        return self.append_all(mailbox, [arrival], origin, now)[0]

    def append_all(
        self, mailbox: int, arrivals: Sequence[Arrival], origin: str, now: float
    ) -> list[tuple[int, int]]:
        """Stores new mails, all of them or none, and owes the upload of each: (message, debt) in their
        order. The UIDs of the arrivals are not looked at."""
        with self._database.write() as session:
            made = appending.append(session, self._bodies, mailbox, arrivals, origin, now)
        return [(debt.message, debt.id) for debt in made]

    def owe_again(self, mailbox: int, now: float) -> list[int]:
        """Opens the uploads into a mailbox that the server refused for good, because what stood in
        the way may be gone: a full mailbox, a limit. Returns the debts."""
        with self._database.write() as session:
            return debts.owe_again(session, mailbox, now)

    # Local changes of mailboxes

    def create_mailbox(
        self, account: int, name: MailboxName, origin: str, now: float, *, delimiter: str = "/"
    ) -> tuple[Mailbox, int]:
        """A new, subscribed mailbox. Misused `store.mailbox_exists`. Returns it and the debt."""
        with self._database.write() as session:
            mailbox, debt = folders.create(session, account, name, delimiter, origin, now)
        return mailbox, debt.id

    def rename_mailbox(self, mailbox: int, name: MailboxName, origin: str, now: float) -> int:
        """Renames a mailbox and those below it. Misused `store.mailbox_exists`."""
        with self._database.write() as session:
            return folders.rename(session, mailbox, name, origin, now).id

    def remove_mailbox(self, mailbox: int, origin: str, now: float) -> int:
        """Removes a mailbox; what lay in it becomes tombstones."""
        with self._database.write() as session:
            return folders.remove(session, mailbox, origin, now).id

    def subscribe(self, mailbox: int, wanted: bool, origin: str, now: float) -> int:
        """Subscribes to a mailbox, or no longer."""
        with self._database.write() as session:
            return folders.subscribe(session, mailbox, wanted, origin, now).id

    # How debts are paid

    def get(self, debt: int) -> Debt:
        """Gone `store.no_debt`."""
        with self._database.read() as session:
            return debts.get(session, debt)

    def newest_open(self) -> dict[int, int]:
        """The number of the youngest unpaid debt of each account that has one."""
        with self._database.read() as session:
            return debts.newest_owed(session)

    def open_debts(self, account: int) -> list[Debt]:
        """What is unpaid (`open` or `sent`), in the order of making."""
        with self._database.read() as session:
            return debts.owed(session, account)

    def unanswered(self, account: int, before: float) -> list[Debt]:
        """Debts paid before that time whose placement, or a change of it, still waits for its number."""
        with self._database.read() as session:
            return debts.unanswered(session, account, before)

    def maker_of(self, placement: Uid) -> Debt | None:
        """The debt whose payment gives a waiting placement its number."""
        with self._database.read() as session:
            return debts.maker_of(session, placement)

    def latest_of(self, message: int) -> Debt | None:
        """The newest change of a message that was neither refused nor undone yet."""
        with self._database.read() as session:
            return debts.latest_of(session, message)

    def mark_sent(self, ids: Sequence[int], now: float) -> list[int]:
        """Claims open debts just before their command is written; returns those it got."""
        with self._database.write() as session:
            return debts.advance(session, ids, (DebtState.OPEN,), DebtState.SENT, now, attempt=True)

    def reopen(self, ids: Sequence[int], now: float) -> list[int]:
        """Sent debts of which it is proved that the server never carried them out."""
        with self._database.write() as session:
            return debts.advance(session, ids, (DebtState.SENT,), DebtState.OPEN, now)

    def placed(self, debt: int, uid: Uid, now: float) -> None:
        """The server's UID of the waiting placement is known, but the debt is not paid whole (a
        move made of copy and delete: the copy is there)."""
        with self._database.write() as session:
            self._settle(session, debts.get(session, debt), uid, now)

    def close(self, debt: int, now: float, uid: Uid | None = None) -> bool:
        """Evidence came: the debt is paid. `uid` is the number the server gave the waiting
        placement; without it the placement waits until the mail turns up in its mailbox. False if
        the debt was closed already."""
        with self._database.write() as session:
            if not debts.advance(session, [debt], _UNPAID, DebtState.DONE, now):
                return False
            if uid is not None:
                self._settle(session, debts.get(session, debt), uid, now)
        return True

    def fail(self, debt: int, problem: Problem, now: float) -> bool:
        """The server refused for good: the local change is taken back as far as nothing is lost by
        it (a mail that could not be uploaded stays, waiting). False if it was closed already."""
        with self._database.write() as session:
            if not debts.advance(session, [debt], _UNPAID, DebtState.FAILED, now, problem=problem):
                return False
            failed = debts.get(session, debt)
            reversing.take_back(session, failed, now)
            rule_refusals.note(session, failed, problem, now)
        return True

    # Conflicts and undo

    def conflict(
        self,
        debt: int,
        rule: str,
        detail: Mapping[str, str],
        now: float,
        *,
        message: int = 0,
        mailbox: int = 0,
    ) -> bool:
        """A written rule decided against a debt: it ends here, and the log says why. The local
        state is the caller's to set (`Messages.apply`). False if it was closed already."""
        with self._database.write() as session:
            if not debts.advance(session, [debt], _UNPAID, DebtState.CONFLICT, now):
                return False
            found = debts.get(session, debt)
            where, what = mailbox or found.mailbox, message or found.message
            conflicts.log_conflict(session, found.account, where, what, rule, detail, now, debt)
        return True

    def lost(self, debt: int, rule: str, detail: Mapping[str, str], now: float) -> bool:
        """A paid debt whose mail never turned up: what waited for it becomes a tombstone, and the log
        says why. False if it has ended otherwise meanwhile."""
        with self._database.write() as session:
            if not debts.advance(session, [debt], (DebtState.DONE,), DebtState.CONFLICT, now):
                return False
            found = debts.get(session, debt)
            conflicts.log_conflict(
                session, found.account, found.target_mailbox, found.message, rule, detail, now, debt
            )
            if mailboxes.exists(session, found.target_mailbox):
                mailbox = mailboxes.by_id(session, found.target_mailbox)
                held = acts.live_at(session, mailbox.id, found.placement)
                bury(session, mailbox, [held] if held else [], now)
        return True

    def conflicts(self, account: int | None = None, limit: int = 100) -> list[Conflict]:
        """The newest conflicts first."""
        with self._database.read() as session:
            return conflicts.read_conflicts(session, account, limit)

    def undo(self, debt: int, now: float, origin: str = "undo") -> list[int]:
        """Turns a change back by its opposite; returns the new debts' ids (none where the change
        could be withdrawn before it was sent). Misused `store.not_undoable`; Gone `store.no_debt`."""
        with self._database.write() as session:
            return _ids(reversing.undo(session, debts.get(session, debt), origin, now))

    def undo_all(self, numbers: Sequence[int], now: float, origin: str = "undo") -> int:
        """Turns changes back, the youngest first, each that can be and was not yet; all in one
        transaction. Returns of how many mails."""
        turned: set[int] = set()
        with self._database.write() as session:
            for debt in debts.undoable(session, numbers):
                reversing.undo(session, debt, origin, now)
                turned.add(debt.message)
        return len(turned)

    def accounts_of(self, numbers: Sequence[int]) -> set[int]:
        """The accounts of these rows."""
        with self._database.read() as session:
            return debts.accounts_of(session, numbers)

    def restore(self, messages: Sequence[int], origin: str, now: float) -> list[int]:
        """Brings removed messages back to where they lay last; returns the debts' ids."""
        with self._database.write() as session:
            return [
                made.id for message in messages for made in reversing.restore(session, message, origin, now)
            ]

    def _settle(self, session: Session, debt: Debt, uid: Uid, now: float) -> None:
        if debt.placement >= 0:
            return
        if not mailboxes.exists(session, debt.target_mailbox):
            return
        mailbox = mailboxes.by_id(session, debt.target_mailbox)
        arrived = acts.live_at(session, mailbox.id, uid)
        if arrived is not None:
            if not reversing.same_content(session, arrived.message, debt.message):
                detail = {"uid": str(uid)}
                conflicts.log_conflict(
                    session, debt.account, mailbox.id, debt.message, NUMBER_TAKEN, detail, now, debt.id
                )
                return
            take_away(session, mailbox, [arrived])
        settle(session, mailbox.id, debt.placement, uid)


def _ids(made: Sequence[Debt]) -> list[int]:
    return [debt.id for debt in made]
