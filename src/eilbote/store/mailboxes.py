"""Mailboxes as rows: what the server listed, how far each is known, how much is in it."""

from __future__ import annotations

from collections.abc import Sequence

from msgspec.structs import replace

from eilbote.errors import Gone, Misused
from eilbote.mail.keep import Keep, read_keep
from eilbote.mail.mailbox import SEEN, MailboxName, SpecialUse, UidSet
from eilbote.store import changes
from eilbote.store.database import Database, Row, Session, integer, text
from eilbote.store.local import is_local, open_numbering
from eilbote.store.tombstones import bury_mailbox
from eilbote.store.values import ListedMailbox, Mailbox, Watermarks

COLUMNS = (
    "id, account, name, delimiter, role, selectable, subscribed, object_id,"
    " uidvalidity, uidnext, cursor_uid, modseq, exist, backfill, messages, unread, keep, applied"
)


class Mailboxes:
    """Finds and changes mailboxes without owing the server anything (for that see `Journal`)."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def all(self, account: int) -> list[Mailbox]:
        """The account's mailboxes: the inbox first, then by name."""
        with self._database.read() as session:
            return in_account(session, account)

    def get(self, mailbox: int) -> Mailbox:
        """Gone `store.no_mailbox`."""
        with self._database.read() as session:
            return by_id(session, mailbox)

    def find(self, account: int, name: str) -> Mailbox | None:
        """By its exact name; INBOX in any case (RFC 9051 section 5.1)."""
        with self._database.read() as session:
            return by_name(session, account, name)

    def upsert(self, account: int, listings: Sequence[ListedMailbox]) -> list[Mailbox]:
        """Remembers mailboxes as the server lists them. One that is not listed stays: absence is
        not evidence. Returns all mailboxes of the account."""
        with self._database.write() as session:
            known = {mailbox.name: mailbox for mailbox in in_account(session, account)}
            touched: list[int] = []
            for listed in listings:
                before = known.get(listed.name)
                if before is None or _differs(before, listed):
                    touched.append(_keep(session, account, listed))
            changes.record(session, account, [(changes.MAILBOX, mailbox, (0,)) for mailbox in touched])
            return in_account(session, account)

    def renamed(self, mailbox: int, name: MailboxName, *, tree: bool = True) -> None:
        """The server's mailbox has another name now, and with `tree` its children follow."""
        with self._database.write() as session:
            rename(session, by_id(session, mailbox), name, tree=tree)

    def gone(self, mailbox: int, now: float) -> int:
        """The server's mailbox is no more: what lay in it becomes tombstones. Returns how many."""
        with self._database.write() as session:
            found = by_id(session, mailbox)
            buried = bury_mailbox(session, found, now)
            changes.record(session, found.account, [(changes.MAILBOX, mailbox, (0,))])
            return buried

    def set_watermarks(self, mailbox: int, watermarks: Watermarks) -> None:
        """Moves the watermarks when there is nothing to apply with them."""
        with self._database.write() as session:
            if not save_watermarks(session, mailbox, watermarks):
                raise Gone("store.no_mailbox", mailbox=mailbox)

    def set_keep(self, mailbox: int, keep: Keep | None) -> None:
        """What of its mail is kept; None: as the account says."""
        with self._database.write() as session:
            written = "" if keep is None else str(keep)
            session.run("UPDATE mailbox SET keep = ? WHERE id = ?", (written, mailbox))

    def set_applied(self, mailbox: int, applied: str, backfill: UidSet | None = None) -> None:
        """The mode that its mail has been brought to; with `backfill`, what is to be fetched for it
        besides what is to be fetched anyway."""
        with self._database.write() as session:
            session.run("UPDATE mailbox SET applied = ? WHERE id = ?", (applied, mailbox))
            if backfill:
                marks = by_id(session, mailbox).watermarks
                save_watermarks(session, mailbox, replace(marks, backfill=marks.backfill | backfill))


def in_account(session: Session, account: int) -> list[Mailbox]:
    rows = session.rows(f"SELECT {COLUMNS} FROM mailbox WHERE account = ?", (account,))
    found = [_mailbox(row) for row in rows]
    return sorted(found, key=lambda mailbox: (mailbox.role is not SpecialUse.INBOX, mailbox.name))


def by_id(session: Session, mailbox: int) -> Mailbox:
    row = session.one(f"SELECT {COLUMNS} FROM mailbox WHERE id = ?", (mailbox,))
    if row is None:
        raise Gone("store.no_mailbox", mailbox=mailbox)
    return _mailbox(row)


def exists(session: Session, mailbox: int) -> bool:
    """Whether there is such a mailbox (still)."""
    return session.one("SELECT 1 FROM mailbox WHERE id = ?", (mailbox,)) is not None


def by_name(session: Session, account: int, name: str) -> Mailbox | None:
    """A mailbox by its name; None if there is none."""
    wanted = "INBOX" if name.upper() == "INBOX" else name
    row = session.one(f"SELECT {COLUMNS} FROM mailbox WHERE account = ? AND name = ?", (account, wanted))
    return _mailbox(row) if row else None


def rename(session: Session, mailbox: Mailbox, name: MailboxName, *, tree: bool) -> None:
    """Renames a mailbox, its row staying the same, and with `tree` all below it.
    Misused `store.mailbox_exists`."""
    if name == mailbox.name:
        return
    prefix = mailbox.name + mailbox.delimiter
    moved = [(mailbox.id, name)]
    if tree and mailbox.delimiter:
        moved += [
            (child.id, MailboxName(name + child.name[len(mailbox.name) :]))
            for child in in_account(session, mailbox.account)
            if child.name.startswith(prefix)
        ]
    for _, new in moved:
        if by_name(session, mailbox.account, new) is not None:
            raise Misused("store.mailbox_exists", mailbox=new)
    for child, new in moved:
        session.run("UPDATE mailbox SET name = ? WHERE id = ?", (new, child))
    changes.record(session, mailbox.account, [(changes.MAILBOX, child, (0,)) for child, _ in moved])


def insert(session: Session, account: int, listed: ListedMailbox) -> int:
    """A new row; returns its id. In a local account it begins to number its mail."""
    row = session.one(
        "INSERT INTO mailbox (account, name, delimiter, role, selectable, subscribed, object_id)"
        " VALUES (?, ?, ?, ?, ?, ?, ?) RETURNING id",
        (
            account,
            listed.name,
            listed.delimiter,
            listed.role,
            int(listed.selectable),
            int(listed.subscribed),
            listed.object_id,
        ),
    )
    assert row is not None
    if is_local(session, account):
        open_numbering(session, integer(row[0]))
    return integer(row[0])


def recount(session: Session, mailbox: int) -> tuple[int, int]:
    """Messages and unread as the placements themselves say: what the kept counts must equal."""
    rows = session.rows("SELECT flags FROM placement WHERE mailbox = ?", (mailbox,))
    return len(rows), sum(SEEN not in text(flags) for (flags,) in rows)


def save_watermarks(session: Session, mailbox: int, watermarks: Watermarks) -> int:
    return session.run(
        "UPDATE mailbox SET uidvalidity = ?, uidnext = ?, cursor_uid = ?, modseq = ?, exist = ?,"
        " backfill = ? WHERE id = ?",
        (
            watermarks.uidvalidity,
            watermarks.uidnext,
            watermarks.cursor,
            watermarks.modseq,
            watermarks.exists,
            str(watermarks.backfill),
            mailbox,
        ),
    )


def _keep(session: Session, account: int, listed: ListedMailbox) -> int:
    row = session.one("SELECT id FROM mailbox WHERE account = ? AND name = ?", (account, listed.name))
    if row is None:
        return insert(session, account, listed)
    session.run(
        "UPDATE mailbox SET delimiter = ?, role = ?, selectable = ?, subscribed = ?, object_id = ?"
        " WHERE id = ?",
        (
            listed.delimiter,
            listed.role,
            int(listed.selectable),
            int(listed.subscribed),
            listed.object_id,
            row[0],
        ),
    )
    return integer(row[0])


def _differs(known: Mailbox, listed: ListedMailbox) -> bool:
    return (known.delimiter, known.role, known.selectable, known.subscribed, known.object_id) != (
        listed.delimiter,
        listed.role,
        listed.selectable,
        listed.subscribed,
        listed.object_id,
    )


def _mailbox(row: Row) -> Mailbox:
    return Mailbox(
        id=integer(row[0]),
        account=integer(row[1]),
        name=MailboxName(text(row[2])),
        delimiter=text(row[3]),
        role=SpecialUse(text(row[4])) if row[4] is not None else None,
        selectable=bool(row[5]),
        subscribed=bool(row[6]),
        object_id=text(row[7]),
        watermarks=Watermarks(
            uidvalidity=integer(row[8]),
            uidnext=integer(row[9]),
            cursor=integer(row[10]),
            modseq=integer(row[11]),
            exists=integer(row[12]),
            backfill=UidSet.parse(text(row[13])),
        ),
        messages=integer(row[14]),
        unread=integer(row[15]),
        keep=read_keep(text(row[16])) if row[16] else None,
        applied=text(row[17]),
    )
