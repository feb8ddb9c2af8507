"""Accounts whose mailboxes live only here: no IMAP server numbers their mail and nothing is owed to one.

Their mailboxes give the numbers themselves: a UIDVALIDITY that no other mailbox ever had, and UIDs
that only grow (RFC 9051 section 2.3.1.1). A placement there never waits under a negative number.
"""

from __future__ import annotations

import json
from collections.abc import Sequence

from eilbote.mail.mailbox import MailboxName, SpecialUse, Uid
from eilbote.store.bodies import take_numbers
from eilbote.store.database import Session, integer, text
from eilbote.store.values import Mailbox

DELIMITER = "/"

ROLE_NAMES = {
    SpecialUse.INBOX: MailboxName("INBOX"),
    SpecialUse.ARCHIVE: MailboxName("Archive"),
    SpecialUse.DRAFTS: MailboxName("Drafts"),
    SpecialUse.JUNK: MailboxName("Junk"),
    SpecialUse.SENT: MailboxName("Sent"),
    SpecialUse.TRASH: MailboxName("Trash"),
}
"""The mailboxes that are made when they are first needed. The other roles are views of a server."""


def is_local(session: Session, account: int) -> bool:
    """Whether the account has no IMAP server. One that is gone has none to pay either."""
    row = session.one("SELECT servers FROM account WHERE id = ?", (account,))
    return row is None or json.loads(text(row[0])).get("imap") is None


def new_uids(session: Session, mailbox: Mailbox, count: int) -> Sequence[Uid]:
    """Numbers for placements that come into being here, ascending in the order of their making: the
    mailbox's own in a local account, negative ones that wait for the server's elsewhere."""
    if not is_local(session, mailbox.account):
        first = take_numbers(session, "waiting", count)
        return [-number for number in range(first, first + count)]
    row = session.one(
        "UPDATE mailbox SET uidnext = uidnext + ?, cursor_uid = uidnext + ? WHERE id = ? RETURNING uidnext",
        (count, count - 1, mailbox.id),
    )
    assert row is not None
    end = integer(row[0])
    return range(end - count, end)


def open_numbering(session: Session, mailbox: int) -> None:
    """Gives a new mailbox its UIDVALIDITY: its own id, which no mailbox ever gets again, not even one
    of the same name; and its first UID."""
    session.run("UPDATE mailbox SET uidvalidity = id, uidnext = 1 WHERE id = ?", (mailbox,))


def role_of(name: str) -> SpecialUse | None:
    """The role that a mailbox of this name has in a local account, where no server tells it."""
    return next((role for role, known in ROLE_NAMES.items() if known == name), None)
