"""Local changes of mailboxes themselves, each with its debt. `source` keeps the name that the
server knows, `target` the new one.
"""

from __future__ import annotations

from eilbote.errors import Misused
from eilbote.mail.mailbox import MailboxName
from eilbote.store import changes, mailboxes
from eilbote.store.database import Session
from eilbote.store.debts import OWED, owe
from eilbote.store.local import is_local, role_of
from eilbote.store.tombstones import bury_mailbox
from eilbote.store.values import Debt, DebtKind, DebtState, ListedMailbox, Mailbox


def create(
    session: Session,
    account: int,
    name: MailboxName,
    delimiter: str,
    origin: str,
    now: float,
    undo_of: int = 0,
) -> tuple[Mailbox, Debt]:
    """Misused `store.mailbox_exists`."""
    if mailboxes.by_name(session, account, name) is not None:
        raise Misused("store.mailbox_exists", mailbox=name)
    role = role_of(name) if is_local(session, account) else None
    number = mailboxes.insert(session, account, ListedMailbox(name, delimiter, role))
    mailbox = mailboxes.by_id(session, number)
    return mailbox, _owe(session, DebtKind.CREATE, mailbox, origin, now, target=name, undo_of=undo_of)


def rename(
    session: Session, number: int, name: MailboxName, origin: str, now: float, undo_of: int = 0
) -> Debt:
    """The mailbox and all below it. Misused `store.mailbox_exists`."""
    mailbox = mailboxes.by_id(session, number)
    mailboxes.rename(session, mailbox, name, tree=True)
    return _owe(session, DebtKind.RENAME, mailbox, origin, now, target=name, undo_of=undo_of)


def remove(session: Session, number: int, origin: str, now: float, undo_of: int = 0) -> Debt:
    """What lay in it becomes tombstones; what was owed inside it needs no paying any more."""
    mailbox = mailboxes.by_id(session, number)
    bury_mailbox(session, mailbox, now)
    session.run(
        f"UPDATE journal SET state = 'done', touched = ? WHERE mailbox = ? AND {OWED}"
        " AND kind IN ('flag', 'delete', 'append')",
        (now, number),
    )
    changes.record(session, mailbox.account, [(changes.MAILBOX, number, (0,))])
    return _owe(session, DebtKind.REMOVE_MAILBOX, mailbox, origin, now, undo_of=undo_of)


def subscribe(session: Session, number: int, wanted: bool, origin: str, now: float, undo_of: int = 0) -> Debt:
    """Also where it was so before: the server may think otherwise."""
    mailbox = mailboxes.by_id(session, number)
    session.run("UPDATE mailbox SET subscribed = ? WHERE id = ?", (int(wanted), number))
    changes.record(session, mailbox.account, [(changes.MAILBOX, number, (0,))])
    kind = DebtKind.SUBSCRIBE if wanted else DebtKind.UNSUBSCRIBE
    return _owe(session, kind, mailbox, origin, now, undo_of=undo_of)


def _owe(
    session: Session,
    kind: DebtKind,
    mailbox: Mailbox,
    origin: str,
    now: float,
    *,
    undo_of: int,
    target: str = "",
) -> Debt:
    debt = Debt(
        id=0,
        account=mailbox.account,
        kind=kind,
        state=DebtState.OPEN,
        mailbox=mailbox.id,
        uidvalidity=mailbox.watermarks.uidvalidity,
        uid=0,
        message=0,
        source=mailbox.name,
        target=target,
        origin=origin,
        created=now,
        undo_of=undo_of,
    )
    return owe(session, [debt])[0]
