"""Live placements of one mailbox, looked up by UID: the rows that applying and acting work on."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from eilbote.mail.mailbox import Uid, UidSet
from eilbote.store.database import Row, Session, chunked, in_list, integer, text

_MANY_RANGES = 500


class Placed(NamedTuple):
    """One live placement. `flags` is their canonical text. A tuple, because a first sync makes
    a hundred thousand of them, each soon a row."""

    uid: Uid
    message: int
    flags: str
    date: int
    modseq: int


_SELECT = "SELECT uid, message, flags, date, modseq FROM placement WHERE mailbox = ? AND "
_COLUMNS = ("mailbox", "uid", "message", "flags", "date", "modseq")


def at_uids(session: Session, mailbox: int, uids: Sequence[Uid]) -> dict[Uid, Placed]:
    """Those of `uids` that are live."""
    if not uids:
        return {}
    low, high = min(uids), max(uids)
    if high - low < 2 * len(uids):
        wanted = set(uids)
        rows = session.rows(_SELECT + "uid BETWEEN ? AND ?", (mailbox, low, high))
        return {one.uid: one for one in map(_placed, rows) if one.uid in wanted}
    found: list[Row] = []
    for chunk in chunked(uids):
        found += session.rows(_SELECT + f"uid IN {in_list(len(chunk))}", (mailbox, *chunk))
    return {one.uid: one for one in map(_placed, found)}


def within(session: Session, mailbox: int, uids: UidSet) -> list[Placed]:
    """Live placements inside a set of UIDs, however large its ranges are (VANISHED 1:4294967295)."""
    if len(uids.ranges) > _MANY_RANGES:
        rows = session.rows(_SELECT + "uid BETWEEN ? AND ?", (mailbox, uids.lowest, uids.highest))
        return [one for one in map(_placed, rows) if one.uid in uids]
    found: list[Row] = []
    for low, high in uids.ranges:
        found += session.rows(_SELECT + "uid BETWEEN ? AND ?", (mailbox, low, high))
    return [_placed(row) for row in found]


def uids(session: Session, mailbox: int) -> UidSet:
    """Every numbered UID. The ranges are found by the database: a hundred thousand neighbours must
    not become as many Python objects on every sync."""
    bounds = session.one(
        "SELECT b.messages - (SELECT count(*) FROM placement WHERE mailbox = b.id AND uid < 0),"
        " (SELECT min(uid) FROM placement WHERE mailbox = b.id AND uid > 0),"
        " (SELECT max(uid) FROM placement WHERE mailbox = b.id AND uid > 0) FROM mailbox b WHERE b.id = ?",
        (mailbox,),
    )
    if bounds is None or bounds[1] is None:
        return UidSet()
    count, low, high = (integer(value) for value in bounds)
    if high - low + 1 == count:
        return UidSet.range(low, high)
    rows = session.rows(
        "SELECT min(uid), max(uid) FROM (SELECT uid, uid - row_number() OVER (ORDER BY uid) AS island"
        " FROM placement WHERE mailbox = ? AND uid > 0) AS numbered GROUP BY island",
        (mailbox,),
    )
    return UidSet((integer(first), integer(last)) for first, last in rows)


def waiting(session: Session, mailbox: int) -> list[Placed]:
    """Placements that wait for the server's number, in the order of their making."""
    rows = session.rows(_SELECT + "uid < 0 ORDER BY uid DESC", (mailbox,))
    return [_placed(row) for row in rows]


def how_often(session: Session, mailbox: int, messages: Iterable[int]) -> Counter[int]:
    """How often each of some messages lies in a mailbox: usually once, twice for the moment in which a
    mail that waits here for its number turns up under another."""
    found: Counter[int] = Counter()
    for chunk in chunked(dict.fromkeys(messages)):
        rows = session.rows(
            f"SELECT message, mailbox FROM placement WHERE message IN {in_list(len(chunk))}", chunk
        )
        found.update(integer(message) for message, lies_in in rows if lies_in == mailbox)
    return found


def newly_there(session: Session, mailbox: int, placed: Sequence[int]) -> list[int]:
    """Those of the messages just placed in a mailbox that did not lie there already: news are they alone."""
    put, lying = Counter(placed), how_often(session, mailbox, placed)
    return sorted(message for message, times in put.items() if lying[message] == times)


def insert(session: Session, mailbox: int, placements: Iterable[Placed]) -> None:
    """New live placements; their UIDs must be free. Counts are the caller's."""
    session.insert_many("placement", _COLUMNS, [(mailbox, *one) for one in placements])


def _placed(row: Row) -> Placed:
    uid, message, flags, date, modseq = row
    return Placed(integer(uid), integer(message), text(flags), integer(date), integer(modseq))
