"""Turning local changes back: because the server refused, or because the user wants so.

Taking back owes nothing (the server never changed); undoing a change that was sent owes its
opposite. It must never lose a mail: what only lies here stays here.
"""

from __future__ import annotations

from typing import assert_never

from eilbote.errors import Gone, Misused
from eilbote.mail.mailbox import SEEN, Flags, MailboxName, SpecialUse, flags_from_text, flags_to_text
from eilbote.store import acts, changes, debts, folders, mailboxes
from eilbote.store.database import Session, integer, real, text
from eilbote.store.envelopes import clean
from eilbote.store.placed import Placed
from eilbote.store.tombstones import bury, take_away
from eilbote.store.values import Debt, DebtKind, DebtState, Mailbox


def take_back(session: Session, debt: Debt, now: float) -> None:
    """Makes undone here what the server refused to do."""
    match debt.kind:
        case DebtKind.FLAG:
            _reflag(session, debt, add=debt.remove, remove=debt.add)
        case DebtKind.MOVE:
            _put_back(session, debt, _unplace(session, debt))
        case DebtKind.COPY:
            _unplace(session, debt)
        case DebtKind.DELETE:
            _put_back(session, debt, _unbury(session, debt.message))
        case DebtKind.APPEND:
            pass  # the mail lies only here: it stays, waiting, and the problem says why
        case DebtKind.CREATE:
            _drop_if_empty(session, debt.mailbox, now)
        case DebtKind.RENAME:
            mailbox = mailboxes.by_id(session, debt.mailbox)
            mailboxes.rename(session, mailbox, MailboxName(debt.source), tree=True)
        case DebtKind.REMOVE_MAILBOX:
            pass  # the next listing shows it again, and its mails get their ids back by their content
        case DebtKind.SUBSCRIBE | DebtKind.UNSUBSCRIBE:
            wanted = int(debt.kind is DebtKind.UNSUBSCRIBE)
            session.run("UPDATE mailbox SET subscribed = ? WHERE id = ?", (wanted, debt.mailbox))
        case _:
            assert_never(debt.kind)


def undo(session: Session, debt: Debt, origin: str, now: float) -> list[Debt]:
    """See `Journal.undo`."""
    if debt.state in (DebtState.FAILED, DebtState.CONFLICT):
        raise Misused("store.not_undoable", debt=debt.id, state=debt.state)
    match debt.kind:
        case DebtKind.FLAG:
            uid = acts.place_of(session, debt.message, debt.mailbox)
            places = [(debt.mailbox, uid)] if uid is not None else []
            return acts.change_flags(session, places, debt.remove, debt.add, origin, now, debt.id)
        case DebtKind.MOVE:
            uid = acts.place_of(session, debt.message, debt.target_mailbox)
            places = [(debt.target_mailbox, uid)] if uid is not None else []
            return acts.move(session, places, debt.mailbox, origin, now, debt.id)
        case DebtKind.COPY if _shows_labels(session, debt.account):
            return []  # deleting the copy would delete the mail: there it is a label of it
        case DebtKind.COPY | DebtKind.APPEND:
            uid = acts.place_of(session, debt.message, debt.target_mailbox)
            places = [(debt.target_mailbox, uid)] if uid is not None else []
            return acts.delete(session, places, origin, now, debt.id)
        case DebtKind.DELETE:
            if debts.advance(session, [debt.id], (DebtState.OPEN,), DebtState.DONE, now):
                session.run("UPDATE journal SET undo_of = ? WHERE id = ?", (debt.id, debt.id))
                _put_back(session, debt, _unbury(session, debt.message))
                return []
            return restore(session, debt.message, origin, now, debt.id)
        case DebtKind.RENAME:
            return [folders.rename(session, debt.mailbox, MailboxName(debt.source), origin, now, debt.id)]
        case DebtKind.CREATE:
            return [folders.remove(session, debt.mailbox, origin, now, debt.id)]
        case DebtKind.SUBSCRIBE | DebtKind.UNSUBSCRIBE:
            wanted = debt.kind is DebtKind.UNSUBSCRIBE
            return [folders.subscribe(session, debt.mailbox, wanted, origin, now, debt.id)]
        case DebtKind.REMOVE_MAILBOX:
            raise Misused("store.not_undoable", debt=debt.id, state=debt.state)
        case _:
            assert_never(debt.kind)


def _shows_labels(session: Session, account: int) -> bool:
    """Whether the account's mailboxes are labels of the same mails, as on Gmail."""
    all_mail = "SELECT 1 FROM mailbox WHERE account = ? AND role = ?"
    return session.one(all_mail, (account, SpecialUse.ALL.value)) is not None


def restore(session: Session, message: int, origin: str, now: float, undo_of: int = 0) -> list[Debt]:
    """Puts a removed message back where it lay last, owing its upload. Gone `store.no_message`
    where nothing of it is kept. A message that lies somewhere owes nothing."""
    if session.one("SELECT 1 FROM placement WHERE message = ?", (message,)) is not None:
        return []
    row = session.one(
        "SELECT t.mailbox, t.flags, m.internal_date, t.account, t.mailbox_name FROM tombstone t"
        " JOIN message m ON m.id = t.message WHERE t.message = ?"
        " ORDER BY t.removed_at DESC, t.id DESC LIMIT 1",
        (message,),
    )
    if row is None:
        raise Gone("store.no_message", id=message)
    mailbox = _home_of(session, integer(row[3]), integer(row[0]), text(row[4]))
    _unbury(session, message)
    flags = flags_from_text(text(row[1]))
    return acts.append(session, mailbox, [(message, flags, real(row[2]))], origin, now, undo_of)


def same_content(session: Session, one: int, other: int) -> bool:
    """Whether two messages have the same bytes."""
    row = session.one(
        "SELECT 1 FROM message a JOIN message b ON a.content = b.content WHERE a.id = ? AND b.id = ?",
        (one, other),
    )
    return row is not None


def _home_of(session: Session, account: int, number: int, name: str) -> Mailbox:
    """The mailbox by id, or by name if it came back under another id, or else the inbox."""
    if mailboxes.exists(session, number):
        return mailboxes.by_id(session, number)
    found = mailboxes.by_name(session, account, name) or mailboxes.by_name(session, account, "INBOX")
    if found is None:
        raise Gone("store.no_mailbox", mailbox=name)
    return found


def _reflag(session: Session, debt: Debt, *, add: Flags, remove: Flags) -> None:
    uid = acts.place_of(session, debt.message, debt.mailbox)
    held = acts.live_at(session, debt.mailbox, uid) if uid is not None else None
    if held is None:
        return
    flags = clean(flags_to_text((flags_from_text(held.flags) | add) - remove))
    unread = (SEEN not in flags) - (SEEN not in held.flags)
    session.run(
        "UPDATE placement SET flags = ? WHERE mailbox = ? AND uid = ?", (flags, debt.mailbox, held.uid)
    )
    session.run("UPDATE mailbox SET unread = unread + ? WHERE id = ?", (unread, debt.mailbox))
    changes.record(session, debt.account, [(changes.FLAGS, debt.mailbox, (held.message,))])


def _unplace(session: Session, debt: Debt) -> str:
    """Takes the waiting placement of a move or copy away; returns its flags."""
    mailbox = _existing(session, debt.target_mailbox)
    held = acts.live_at(session, mailbox.id, debt.placement) if mailbox else None
    if mailbox is None or held is None:
        return ""
    take_away(session, mailbox, [held])
    return held.flags


def _put_back(session: Session, debt: Debt, flags: str) -> None:
    """The placement under the number that the server knows it by."""
    mailbox = _existing(session, debt.mailbox)
    if mailbox is None or acts.live_at(session, mailbox.id, debt.uid) is not None:
        return
    row = session.one("SELECT internal_date FROM message WHERE id = ?", (debt.message,))
    if row is not None:
        acts.put(session, mailbox, [Placed(debt.uid, debt.message, flags, int(real(row[0])), 0)])


def _unbury(session: Session, message: int) -> str:
    """Removes a message's tombstones; returns the flags of the latest."""
    rows = session.rows("SELECT flags FROM tombstone WHERE message = ? ORDER BY removed_at, id", (message,))
    session.run("DELETE FROM tombstone WHERE message = ?", (message,))
    return text(rows[-1][0]) if rows else ""


def _existing(session: Session, number: int) -> Mailbox | None:
    return mailboxes.by_id(session, number) if mailboxes.exists(session, number) else None


def _drop_if_empty(session: Session, number: int, now: float) -> None:
    """A mailbox that the server would not create goes; mails that were put there already stay as
    tombstones and can be restored elsewhere."""
    mailbox = _existing(session, number)
    if mailbox is None:
        return
    buried = session.rows(
        "SELECT uid, message, flags, date, modseq FROM placement WHERE mailbox = ?", (number,)
    )
    found = [
        Placed(integer(row[0]), integer(row[1]), text(row[2]), integer(row[3]), integer(row[4]))
        for row in buried
    ]
    bury(session, mailbox, found, now)
    session.run("DELETE FROM mailbox WHERE id = ?", (number,))
