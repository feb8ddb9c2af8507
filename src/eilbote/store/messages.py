"""Stored mail: what arrived, where it lies, what it is recognised by.

Every changing method is one transaction. Nothing here decides what should change.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from eilbote.errors import Gone
from eilbote.mail.address import read_addresses
from eilbote.mail.mailbox import Flags, MailboxName, Uid, UidSet, flags_from_text
from eilbote.mail.thread import message_key
from eilbote.mail.words import text_of
from eilbote.store import applying, labels, mailboxes, reading, rematch, tombstones
from eilbote.store import placed as placements
from eilbote.store.bodies import Bodies
from eilbote.store.database import Database, Row, Session, blob, chunked, in_list, integer, real, text
from eilbote.store.local import new_uids
from eilbote.store.narrowing import condition
from eilbote.store.problems import AGAIN, problem_from_text
from eilbote.store.update_values import Applied, Arrival, MailboxUpdate
from eilbote.store.values import (
    Candidate,
    HeldIdentity,
    Identity,
    Lying,
    Member,
    Narrowed,
    PageMark,
    People,
    Placement,
    Quarantined,
    Watermarks,
)
from eilbote.sync.state import LabelsNow

_MANY_UIDS = 1000
_PAGE = 1000


class Messages:
    """The account's mail, as rows; bodies come from `Bodies`."""

    def __init__(self, database: Database, bodies: Bodies) -> None:
        self._database = database
        self._bodies = bodies

    # What sync writes

    def apply(self, mailbox: int, update: MailboxUpdate, now: float) -> Applied:
        """Stores all that one step of a sync found in a mailbox, or nothing of it.

        Bodies are synced to disk before the commit. Flags are the server's; unpaid flag debts are
        laid over them. An arrival for a UID that is live changes nothing if the bytes are the same;
        other bytes win and are logged as a conflict. An arrival whose bytes a waiting placement
        has, for which the server was asked, gives that placement its UID. An arrival whose bytes a
        message has that lies nowhere any more gives that message its place back. Gone
        `store.no_mailbox`; Unreachable `store.full`."""
        with self._database.write() as session:
            return applying.apply(session, self._bodies, mailbox, update, now)

    def take_in(self, mailbox: int, arrivals: Sequence[Arrival], now: float) -> Applied:
        """Stores new mail in a mailbox of a local account, which gives it its numbers: the UIDs of
        the arrivals are not looked at. All of it or nothing; otherwise as `apply`."""
        with self._database.write() as session:
            home = mailboxes.by_id(session, mailbox)
            numbered = [
                one._replace(uid=uid)
                for uid, one in zip(new_uids(session, home, len(arrivals)), arrivals, strict=True)
            ]
            return applying.apply(session, self._bodies, mailbox, MailboxUpdate(arrivals=numbered), now)

    def renumber(
        self,
        mailbox: int,
        watermarks: Watermarks,
        pairs: Sequence[tuple[Uid, Uid]],
        lost: UidSet,
        now: float,
    ) -> None:
        """A new UIDVALIDITY: placements go from their old UID to their new one, debts follow.
        `lost` (old UIDs), and any placement that no pair names, become tombstones."""
        with self._database.write() as session:
            rematch.renumber(session, mailbox, watermarks, pairs, lost, now)

    def has_expired(self, before: float) -> bool:
        """Is there a removal older than `before`?"""
        with self._database.read() as session:
            return session.one("SELECT 1 FROM tombstone WHERE removed_at < ? LIMIT 1", (before,)) is not None

    def expire(self, before: float, before_rules: float | None = None) -> list[int]:
        """Forgets removals and ended debts older than `before` (what rules did: `before_rules`), and
        returns the ids of messages forgotten with them, so that the index forgets them too."""
        with self._database.write() as session:
            return tombstones.expire(session, before, before if before_rules is None else before_rules)

    # What sync reads

    def held_uids(self, mailbox: int) -> UidSet:
        """The UIDs that are live here."""
        with self._database.read() as session:
            return placements.uids(session, mailbox)

    def held_flags(self, mailbox: int, uids: UidSet | None = None) -> dict[Uid, Flags]:
        """The flags of every live UID, or of those in `uids`."""
        known: dict[str, Flags] = {}
        found: dict[Uid, Flags] = {}
        with self._database.read() as session:
            for uid, flags in _of_uids(session, "uid, flags", mailbox, uids):
                words = text(flags)
                if words not in known:
                    known[words] = flags_from_text(words)
                found[integer(uid)] = known[words]
        return found

    def held_labels(self, mailbox: int, uids: UidSet) -> dict[Uid, LabelsNow]:
        """Labels and threads of the mails under these UIDs."""
        with self._database.read() as session:
            return labels.held(session, mailbox, uids)

    def sizes(self, mailbox: int, uids: UidSet | None = None) -> dict[Uid, int]:
        """The size of each mail in bytes, as the server counts it; not of one whose row is lost."""
        with self._database.read() as session:
            rows = _of_uids(session, "uid, (SELECT size FROM message WHERE id = message)", mailbox, uids)
            return {integer(uid): integer(size) for uid, size in rows if size is not None}

    def hashes(self, mailbox: int, uids: UidSet | None = None) -> dict[Uid, str]:
        """The SHA-256 (hex) that each mail's bytes had when they were stored."""
        sha = "(SELECT c.sha256 FROM message m JOIN content c ON c.id = m.content WHERE m.id = message)"
        with self._database.read() as session:
            rows = _of_uids(session, f"uid, {sha}", mailbox, uids)
            return {integer(uid): blob(digest).hex() for uid, digest in rows if digest is not None}

    def lying(self, mailbox: int) -> Iterator[Lying]:
        """Every live placement of a mailbox by UID, page by page: those that wait for a number first.
        What changes meanwhile may be seen or not."""
        after = -(2**62)
        while True:
            with self._database.read() as session:
                page = reading.lying(session, mailbox, after, _PAGE)
            if not page:
                return
            yield from page
            after = page[-1].uid

    def waiting(self, mailbox: int) -> list[tuple[Uid, int]]:
        """Placements without the server's number: (negative uid, message)."""
        with self._database.read() as session:
            return [(one.uid, one.message) for one in placements.waiting(session, mailbox)]

    def quarantined(self, mailbox: int, before: float | None = None) -> UidSet:
        """UIDs that were put aside because they could not be read; all, or those last tried before
        that time."""
        since = "" if before is None else f" AND created < ? AND {AGAIN}"
        params = (mailbox,) if before is None else (mailbox, before)
        with self._database.read() as session:
            rows = session.rows(f"SELECT uid FROM quarantine WHERE mailbox = ?{since}", params)
            return UidSet.of([integer(uid) for (uid,) in rows])

    def mailboxes_with_quarantine(self, account: int, before: float) -> set[int]:
        """Mailboxes of the account with mails that were put aside and last tried before that time."""
        with self._database.read() as session:
            rows = session.rows(
                "SELECT DISTINCT q.mailbox FROM quarantine q JOIN mailbox b ON b.id = q.mailbox"
                f" WHERE b.account = ? AND q.created < ? AND {AGAIN}",
                (account, before),
            )
        return {integer(mailbox) for (mailbox,) in rows}

    def in_quarantine(self, account: int | None = None) -> list[Quarantined]:
        """What is in quarantine and why, of one account or of all."""
        where = "" if account is None else " WHERE b.account = ?"
        with self._database.read() as session:
            rows = session.rows(
                "SELECT a.address, b.name, q.uid, q.problem, q.created FROM quarantine q"
                " JOIN mailbox b ON b.id = q.mailbox JOIN account a ON a.id = b.account"
                f"{where} ORDER BY a.id, b.name, q.uid",
                () if account is None else (account,),
            )
        found = []
        for address, mailbox, uid, told, created in rows:
            problem = problem_from_text(told)
            assert problem is not None  # the column takes no NULL
            name = MailboxName(text(mailbox))
            found.append(Quarantined(text(address), name, integer(uid), problem, real(created)))
        return found

    def identity(self, message: int) -> Identity:
        """By what a message, live or removed, is recognised. Gone `store.no_message`."""
        with self._database.read() as session:
            found = rematch.identity_of(session, message)
        if found is None:
            raise Gone("store.no_message", id=message)
        return found

    def held_identities(self, mailbox: int) -> list[HeldIdentity]:
        """The identity of every live UID, for recognising them under a new UIDVALIDITY."""
        with self._database.read() as session:
            return rematch.held_identities(session, mailbox)

    def candidates(self, account: int, identities: Sequence[Identity]) -> list[list[Candidate]]:
        """For each identity, what the account holds or held that looks like the same mail."""
        with self._database.read() as session:
            return rematch.candidates(session, account, identities)

    def busiest(self, account: int, since: float) -> list[int]:
        """Mailboxes by how much mail of after `since` lies in them, most first; none without any."""
        with self._database.read() as session:
            rows = session.rows(
                "SELECT m.id FROM mailbox m JOIN placement p ON p.mailbox = m.id AND p.date > ?"
                " WHERE m.account = ? GROUP BY m.id ORDER BY count(*) DESC, m.id",
                (int(since), account),
            )
        return [integer(mailbox) for (mailbox,) in rows]

    def arrived_by_day(self, account: int, since: float) -> dict[int, int]:
        """How many mails of the account arrived on each day (seconds since 1970, divided by 86,400) from
        `since` on, those that were written here left out; days without any are not named."""
        with self._database.read() as session:
            rows = session.rows(
                "SELECT p.date / 86400, count(DISTINCT p.message) FROM mailbox m"
                " JOIN placement p ON p.mailbox = m.id AND p.date >= ?"
                " WHERE m.account = ? AND coalesce(m.role, '') NOT IN ('sent', 'drafts')"
                " GROUP BY p.date / 86400",
                (int(since), account),
            )
        return {integer(day): integer(count) for day, count in rows}

    # What faces read

    def list_placements(
        self,
        *,
        mailbox: int | None = None,
        account: int | None = None,
        limit: int = 50,
    ) -> list[Placement]:
        """The newest placements of a mailbox, of an account, or of everything."""
        with self._database.read() as session:
            if mailbox is not None:
                chosen = [mailbox]
            else:
                where, params = ("WHERE account = ?", (account,)) if account is not None else ("", ())
                rows = session.rows(f"SELECT id FROM mailbox {where} ORDER BY id", params)
                chosen = [integer(row[0]) for row in rows]
            return reading.newest(session, chosen, limit)

    def page(
        self,
        mailboxes: Sequence[int],
        after: PageMark | None,
        limit: int,
        narrowed: Narrowed = Narrowed(),  # noqa: B008  # frozen
    ) -> list[tuple[Placement, PageMark]]:
        """Placements of these mailboxes by date, newest first, from behind the mark on; brief, as in
        `placements`."""
        only = condition(narrowed, self._database.dialect)
        with self._database.read() as session:
            return reading.page(session, mailboxes, after, limit, only)

    def ids_in(self, mailboxes: Sequence[int], narrowed: Narrowed, limit: int) -> list[int]:
        """Up to `limit` messages that lie in these mailboxes, each once."""
        only = condition(narrowed, self._database.dialect)
        with self._database.read() as session:
            return reading.ids(session, mailboxes, limit, only)

    def keywords(self, mailboxes: Sequence[int]) -> list[tuple[Flags, int]]:
        """The sets of flags of labelled mails in these mailboxes, and how many have each."""
        with self._database.read() as session:
            return [(flags_from_text(flags), count) for flags, count in reading.keywords(session, mailboxes)]

    def placements(self, messages: Sequence[int], *, brief: bool = False) -> list[Placement]:
        """Live placements of messages, in the order asked for. `brief`: their envelopes name the first
        people of each field only, as lists need them."""
        with self._database.read() as session:
            return reading.of_messages(session, messages, brief=brief)

    def get(self, message: int) -> list[Placement]:
        """Where a message lies. Gone `store.no_message` if it lies nowhere."""
        found = self.placements([message])
        if not found:
            raise Gone("store.no_message", id=message)
        return found

    def people(self, messages: Sequence[int]) -> list[People]:
        """Who wrote these messages and whom they were for."""
        found: list[People] = []
        with self._database.read() as session:
            for chunk in chunked(messages):
                rows = session.rows(
                    "SELECT internal_date, sender, recipient, copied FROM message"
                    f" WHERE id IN {in_list(len(chunk))}",
                    chunk,
                )
                found += [
                    People(real(date), *(read_addresses(text_of(blob(field))) for field in fields))
                    for date, *fields in rows
                ]
        return found

    def places(self, messages: Sequence[int]) -> list[tuple[int, Uid, int]]:
        """Live placements of messages as (mailbox, uid, message), for acting on them."""
        with self._database.read() as session:
            return reading.places(session, messages)

    def thread(self, account: int, thread: int, *, brief: bool = False) -> list[Placement]:
        """A conversation, oldest first; `brief` as in `placements`."""
        with self._database.read() as session:
            return reading.of_thread(session, account, thread, brief=brief)

    def with_message_id(self, account: int, message_id: str) -> list[Placement]:
        """Where the mails of an account lie that have this Message-ID (without its angle brackets)."""
        key = message_key(message_id)
        with self._database.read() as session:
            rows = session.rows(
                "SELECT id, message_id FROM message WHERE thread = ? AND message_key = ? AND account = ?"
                " UNION SELECT id, message_id FROM message"
                " WHERE message_key = ? AND message_key <> thread AND account = ?",
                (key, key, account, key, account),
            )
            ids = [integer(number) for number, own in rows if own == message_id]
            return reading.of_messages(session, ids)

    def labels(self, message: int) -> list[str]:
        """The labels that the server gave a message (X-GM-LABELS)."""
        with self._database.read() as session:
            sql = "SELECT label FROM label WHERE message = ? ORDER BY label"
            return [text(label) for (label,) in session.rows(sql, (message,))]

    def labels_of(self, messages: Sequence[int]) -> dict[int, list[str]]:
        """The labels that the server gave these messages; those without any are left out."""
        found: dict[int, list[str]] = {}
        with self._database.read() as session:
            for chunk in chunked(messages):
                sql = (
                    f"SELECT message, label FROM label WHERE message IN {in_list(len(chunk))} ORDER BY label"
                )
                for message, label in session.rows(sql, chunk):
                    found.setdefault(integer(message), []).append(text(label))
        return found

    def members(self, mailboxes: Sequence[int], threads: Sequence[int], limit: int) -> list[Member]:
        """Up to `limit` placements in these mailboxes of mails of these conversations."""
        found: list[Member] = []
        with self._database.read() as session:
            for chunk in chunked(threads):
                found += reading.members(session, mailboxes, chunk, limit - len(found))
        return found

    def newest(self) -> int:
        """The highest id that a message was ever given; 0 for none."""
        with self._database.read() as session:
            row = session.one("SELECT value FROM counter WHERE name = 'message'")
        return integer(row[0]) if row else 0

    def ids_of(self, account: int) -> list[int]:
        """Every message of an account, removed ones too."""
        with self._database.read() as session:
            rows = session.rows("SELECT id FROM message WHERE account = ? ORDER BY id", (account,))
        return [integer(row[0]) for row in rows]

    def raw(self, message: int) -> bytes:
        """The exact bytes received, checked against their hash. Gone `store.no_message`,
        `store.body_missing`, `store.body_damaged`."""
        return self._bodies.raw(message)

    def whole(self, message: int) -> bytes:
        """As `raw`; Gone `store.headers_only` for a mail whose body is not here."""
        raw = self.raw(message)
        if self.identity(message).size > len(raw):
            raise Gone("store.headers_only", id=message)
        return raw

    def stream_raw(self, messages: Iterable[int], *, checked: bool = True) -> Iterator[tuple[int, bytes]]:
        """Messages with their bytes, one after the other; unknown ones are left out. Not `checked`:
        bytes that rotted on disk are not noticed. For what can be made anew, such as an index:
        hashing takes a third of the time, and `verify` looks for damage anyway."""
        return self._bodies.raws(messages, checked=checked)


def _of_uids(session: Session, columns: str, mailbox: int, uids: UidSet | None) -> Iterator[Row]:
    """Columns of the live, numbered placements of a mailbox, of all or of some UIDs."""
    head = f"SELECT {columns} FROM placement WHERE mailbox = ? AND "
    if uids is None:
        yield from session.stream(head + "uid > 0 ORDER BY uid", (mailbox,))
    elif len(uids.ranges) > _MANY_UIDS:
        rows = session.stream(head + "uid BETWEEN ? AND ? ORDER BY uid", (mailbox, uids.lowest, uids.highest))
        yield from (row for row in rows if row[0] in uids)
    else:
        for low, high in uids.ranges:
            yield from session.stream(head + "uid BETWEEN ? AND ? ORDER BY uid", (mailbox, low, high))
