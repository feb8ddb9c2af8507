"""What happened to mail in the mailboxes that scripts watch (RFC 6785): it came there, or its flags changed.

Of every mail in such a mailbox is kept what it was like when rules looked last, and at which change. What
rules do themselves is noted with it, in their own transaction: so nothing that they do is an event, and
nothing happens twice, whatever is killed. Decides nothing else.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from eilbote.mail.mailbox import Flags, flags_from_text, flags_to_text
from eilbote.store.changes import FLAGS, NEW, REMOVED
from eilbote.store.database import Database, Session, chunked, in_list, integer, real, text
from eilbote.store.envelopes import clean
from eilbote.store.rule_values import LOOK, ChangeFlags, Happened, Ruling
from eilbote.store.values import Change, Mailbox


class Lying(NamedTuple):
    """A mail in a mailbox as it was at this change; `own`: flags that rules gave it at their last run."""

    number: int
    flags: Flags
    own: Flags


class RuleEvents:
    """The watched mailboxes of accounts, and what happened there."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def watch(self, account: int, mailboxes: Sequence[Mailbox]) -> dict[int, int]:
        """Watches these and no others; of each that is watched, up to which change it was looked at. What
        lies in a mailbox when its watch begins was there before; it begins when the mailbox is complete."""
        wanted = {one.id for one in mailboxes}
        with self._database.read() as session:
            known = _watched(session, account)
        complete = [one for one in mailboxes if not one.watermarks.backfill and one.id not in known]
        if known.keys() <= wanted and not complete:
            return known
        with self._database.write() as session:
            for mailbox in known.keys() - wanted:
                session.run("DELETE FROM rule_watch WHERE mailbox = ?", (mailbox,))
            for one in complete:
                _begin(session, account, one.id)
            return _watched(session, account)

    def cursor(self, account: int, mailbox: int) -> int | None:
        """Up to which change a mailbox was looked at; None: it is not watched."""
        with self._database.read() as session:
            return _watched(session, account).get(mailbox)

    def advance(self, account: int, mailbox: int, number: int) -> None:
        """The mailbox was looked at up to this change."""
        with self._database.write() as session:
            session.run(
                "UPDATE rule_watch SET change_number = ? WHERE mailbox = ? AND account = ?",
                (number, mailbox, account),
            )

    def happened(self, account: int, mailbox: int, changes: Iterable[Change]) -> list[Happened]:
        """What these changes mean for the mails of a watched mailbox, oldest first."""
        kinds: dict[int, list[Change]] = {}
        for change in changes:
            if change.mailbox == mailbox and change.kind in (NEW, FLAGS, REMOVED):
                kinds.setdefault(change.message, []).append(change)
        found: list[Happened] = []
        gone = set(kinds)
        unnoted: list[tuple[int, int]] = []
        with self._database.read() as session:
            before = _lying(session, mailbox, list(kinds))
            for chunk in chunked(kinds):
                rows = session.rows(
                    "SELECT p.message, p.uid, p.flags, m.internal_date, m.size, c.size >= m.size"
                    " FROM placement p JOIN message m ON m.id = p.message JOIN content c ON c.id = m.content"
                    f" WHERE p.mailbox = ? AND p.message IN {in_list(len(chunk))}",
                    (mailbox, *chunk),
                )
                for row in rows:
                    message, flags = integer(row[0]), flags_from_text(text(row[2]))
                    gone.discard(message)
                    held = before.get(message)
                    later = [one for one in kinds[message] if held is None or one.number > held.number]
                    meant = _meant(session, mailbox, message, later, flags, held)
                    if meant is None:
                        unnoted += [(mailbox, message)] if held is None else []
                        continue
                    cause, changed = meant
                    found.append(
                        Happened(
                            mailbox,
                            message,
                            integer(row[1]),
                            flags,
                            real(row[3]),
                            integer(row[4]),
                            bool(row[5]),
                            later[-1].number,
                            cause,
                            changed,
                        )
                    )
        if unnoted or gone & before.keys():
            with self._database.write() as session:
                note(session, account, unnoted)
                for chunk in chunked(sorted(gone & before.keys())):
                    session.run(
                        f"DELETE FROM rule_lying WHERE mailbox = ? AND message IN {in_list(len(chunk))}",
                        (mailbox, *chunk),
                    )
        return sorted(found, key=lambda one: one.number)

    def looked(self, account: int, events: Sequence[Happened]) -> None:
        """Rules wanted nothing of these."""
        with self._database.write() as session:
            for event in events:
                if is_due(session, account, event):
                    note(session, account, [(event.mailbox, event.message)])


def is_due(session: Session, account: int, event: Happened) -> bool:
    """Whether no rule has looked at the mail since it happened, and the mail is as it was seen."""
    _latest(session, account)
    held = _lying(session, event.mailbox, [event.message]).get(event.message)
    if held is not None and held.number >= event.number:
        return False
    row = session.one(
        "SELECT flags FROM placement WHERE mailbox = ? AND uid = ? AND message = ?",
        (event.mailbox, event.uid, event.message),
    )
    return row is not None and flags_from_text(text(row[0])) == event.flags


def note(
    session: Session, account: int, places: Iterable[tuple[int, int]], ruling: Ruling | None = None
) -> None:
    """Mails in these places, as (mailbox, message), are as rules or people who take them back left them."""
    watched = _watched(session, account)
    wanted = [place for place in dict.fromkeys(places) if place[0] in watched]
    if not wanted:
        return
    number = _latest(session, account)
    effects = ruling.effects if ruling is not None and ruling.event is not None else ()
    own: Flags = frozenset().union(*(one.add | one.remove for one in effects if isinstance(one, ChangeFlags)))
    for mailbox, message in wanted:
        row = session.one("SELECT flags FROM placement WHERE mailbox = ? AND message = ?", (mailbox, message))
        if row is not None:
            session.run(
                "INSERT INTO rule_lying (mailbox, message, change_number, flags, own) VALUES (?, ?, ?, ?, ?)"
                " ON CONFLICT (mailbox, message) DO UPDATE SET change_number = excluded.change_number,"
                " flags = excluded.flags, own = excluded.own",
                (mailbox, message, number, text(row[0]), clean(flags_to_text(own))),
            )


def _meant(
    session: Session,
    mailbox: int,
    message: int,
    later: Sequence[Change],
    flags: Flags,
    held: Lying | None,
) -> tuple[str, Flags] | None:
    """The cause of an event and the flags that changed; None where nothing happened."""
    kinds = [one.kind for one in later]
    if not kinds or LOOK in flags:  # what a rule could not deal with waits for a person
        return None
    if held is None or REMOVED in kinds:
        # What lies there without a note has come, and was another when its event was judged.
        came = (held is None or NEW in kinds) and not _came_again(session, mailbox, message)
        return (_cause(session, mailbox, message), frozenset()) if came else None
    changed = flags ^ held.flags
    # A server may not keep what a rule has given: that it goes again is no event either.
    return None if changed <= held.own else ("flag", changed)


def _cause(session: Session, mailbox: int, message: int) -> str:
    """`copy` for what the account had elsewhere (a move counts as that, RFC 6785 section 4.3)."""
    elsewhere = session.one(
        "SELECT 1 FROM tombstone WHERE message = ?"
        " UNION ALL SELECT 1 FROM placement WHERE message = ? AND mailbox <> ?"
        " UNION ALL SELECT 1 FROM journal WHERE message = ? AND kind IN ('move', 'copy')"
        " UNION ALL SELECT 1 FROM message m JOIN message o ON o.content = m.content"
        " AND o.account = m.account AND o.id <> m.id WHERE m.id = ? LIMIT 1",
        (message, message, mailbox, message, message),
    )
    return "append" if elsewhere is None else "copy"


def _came_again(session: Session, mailbox: int, message: int) -> bool:
    """Whether the mailbox held the same bytes under another id, as before a download anew."""
    row = session.one(
        "SELECT 1 FROM message m JOIN message o ON o.content = m.content AND o.id <> m.id"
        " JOIN tombstone t ON t.message = o.id WHERE m.id = ? AND t.mailbox = ?"
        " AND NOT EXISTS (SELECT 1 FROM placement p WHERE p.message = o.id) LIMIT 1",
        (message, mailbox),
    )
    return row is not None


def _begin(session: Session, account: int, mailbox: int) -> None:
    number = _latest(session, account)
    session.run(
        "INSERT INTO rule_watch (mailbox, account, change_number) VALUES (?, ?, ?)",
        (mailbox, account, number),
    )
    session.run(
        "INSERT INTO rule_lying (mailbox, message, change_number, flags, own)"
        " SELECT mailbox, message, CAST(? AS BIGINT), flags, '' FROM placement WHERE mailbox = ?"
        " ON CONFLICT (mailbox, message) DO NOTHING",
        (number, mailbox),
    )


def _watched(session: Session, account: int) -> dict[int, int]:
    rows = session.rows("SELECT mailbox, change_number FROM rule_watch WHERE account = ?", (account,))
    return {integer(mailbox): integer(number) for mailbox, number in rows}


def _lying(session: Session, mailbox: int, messages: Sequence[int]) -> dict[int, Lying]:
    found: dict[int, Lying] = {}
    for chunk in chunked(messages):
        rows = session.rows(
            "SELECT message, change_number, flags, own FROM rule_lying"
            f" WHERE mailbox = ? AND message IN {in_list(len(chunk))}",
            (mailbox, *chunk),
        )
        for message, number, flags, own in rows:
            held = Lying(integer(number), flags_from_text(text(flags)), flags_from_text(text(own)))
            found[integer(message)] = held
    return found


def _latest(session: Session, account: int) -> int:
    """The account's latest change; nobody makes another before this transaction ends."""
    row = session.one(
        "UPDATE account SET change_number = change_number WHERE id = ? RETURNING change_number", (account,)
    )
    return integer(row[0]) if row else 0
