"""What a reader of the mailboxes found or wants, until the owner's next pass has seen to it.

Whoever compares, or shows a mail whose body is not here, only files a finding; the one writer acts
on it (C3 rule 13, museum M7). A finding never names what to delete: it makes the next look complete.
"""

from __future__ import annotations

from collections.abc import Sequence

from eilbote.mail.mailbox import UidSet
from eilbote.store import placed as placements
from eilbote.store.database import Database, Session, chunked, in_list, integer, text
from eilbote.store.mailboxes import by_id, recount, save_watermarks
from eilbote.store.problems import AGAIN
from eilbote.store.values import Finding, FindingKind, Mailbox, Watermarks

_OF_MAILS = (FindingKind.DAMAGED, FindingKind.WANTED)


class Findings:
    """Filing, reading, and turning into work."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def file(self, findings: Sequence[Finding], now: float) -> None:
        """Remembers findings; the same one twice is one."""
        with self._database.write() as session:
            session.insert_many(
                "finding",
                ("mailbox", "kind", "uid", "created"),
                [(one.mailbox, one.kind.value, one.uid, now) for one in findings],
                "ON CONFLICT DO NOTHING",
            )

    def withdraw(self, findings: Sequence[Finding]) -> None:
        """They need not be seen to any more."""
        with self._database.write() as session:
            for one in findings:
                session.run(
                    "DELETE FROM finding WHERE mailbox = ? AND kind = ? AND uid = ?",
                    (one.mailbox, one.kind.value, one.uid),
                )

    def mailboxes(self, account: int) -> set[int]:
        """Mailboxes of the account with something to see to."""
        with self._database.read() as session:
            rows = session.rows(
                "SELECT DISTINCT f.mailbox FROM finding f JOIN mailbox b ON b.id = f.mailbox"
                " WHERE b.account = ?",
                (account,),
            )
        return {integer(mailbox) for (mailbox,) in rows}

    def of(self, mailbox: int) -> list[Finding]:
        """The findings of one mailbox."""
        with self._database.read() as session:
            return _of(session, mailbox)

    def take_up(self, mailbox: int) -> Mailbox:
        """Makes the findings of a mailbox the work of this round: mails to be fetched anew go into
        its backfill, a doubt about the whole makes the next look complete, kept counts are counted
        anew, placements without a message are dropped, quarantine is tried again. Findings about
        mails stay until the mail has come. Gone `store.no_mailbox`."""
        with self._database.write() as session:
            before = by_id(session, mailbox)
            found = _of(session, mailbox)
            kinds = {one.kind for one in found}
            if FindingKind.BROKEN in kinds:
                session.run(
                    "DELETE FROM placement WHERE mailbox = ?"
                    " AND NOT EXISTS (SELECT 1 FROM message WHERE id = placement.message)",
                    (mailbox,),
                )
            if kinds & {FindingKind.BROKEN, FindingKind.COUNT}:
                messages, unread = recount(session, mailbox)
                session.run(
                    "UPDATE mailbox SET messages = ?, unread = ? WHERE id = ?", (messages, unread, mailbox)
                )
            if FindingKind.RETRY in kinds:
                session.run(f"UPDATE quarantine SET created = 0 WHERE mailbox = ? AND {AGAIN}", (mailbox,))
            aside = {
                integer(uid)
                for (uid,) in session.rows(
                    "SELECT uid FROM quarantine WHERE mailbox = ? AND created > 0", (mailbox,)
                )
            }
            asked = [one.uid for one in found if one.kind in _OF_MAILS and one.uid not in aside]
            live = UidSet.of(placements.at_uids(session, mailbox, asked))
            marks = before.watermarks
            # Without the mod-sequence the next look lists every UID and reads every flag.
            doubted = FindingKind.LOOK in kinds or FindingKind.BROKEN in kinds
            marks = Watermarks(
                marks.uidvalidity,
                marks.uidnext,
                marks.cursor,
                0 if doubted else marks.modseq,
                marks.exists,
                marks.backfill | live,
            )
            if marks != before.watermarks:
                save_watermarks(session, mailbox, marks)
            session.run(
                "DELETE FROM finding WHERE mailbox = ? AND kind NOT IN (?, ?)",
                (mailbox, *(kind.value for kind in _OF_MAILS)),
            )
            _forget(session, mailbox, [uid for uid in asked if uid not in live], _OF_MAILS)
            return by_id(session, mailbox)


def damaged_among(session: Session, mailbox: int, uids: Sequence[int]) -> set[int]:
    """Those of `uids` whose bytes on disk were found damaged and have to be written anew."""
    wanted = set(uids)
    return {one.uid for one in _of(session, mailbox) if one.kind is FindingKind.DAMAGED} & wanted


def arrived(session: Session, mailbox: int, uids: Sequence[int]) -> None:
    """These mails have come: what was found or wanted of them is done."""
    if session.one("SELECT 1 FROM finding WHERE mailbox = ?", (mailbox,)) is not None:
        _forget(session, mailbox, uids, _OF_MAILS)


def put_aside(session: Session, mailbox: int, uids: Sequence[int]) -> None:
    """These mails did not come and are in quarantine: nobody waits for them any more."""
    _forget(session, mailbox, uids, (FindingKind.WANTED,))


def _forget(session: Session, mailbox: int, uids: Sequence[int], kinds: Sequence[FindingKind]) -> None:
    for chunk in chunked(uids):
        session.run(
            f"DELETE FROM finding WHERE mailbox = ? AND kind IN {in_list(len(kinds))}"
            f" AND uid IN {in_list(len(chunk))}",
            (mailbox, *(kind.value for kind in kinds), *chunk),
        )


def _of(session: Session, mailbox: int) -> list[Finding]:
    rows = session.rows("SELECT kind, uid FROM finding WHERE mailbox = ? ORDER BY kind, uid", (mailbox,))
    return [Finding(mailbox, FindingKind(text(kind)), integer(uid)) for kind, uid in rows]
