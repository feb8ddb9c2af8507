"""Erases mail for good: rows, bodies, index, journal, and what databases keep of deleted rows.

First the rows go, together with a list of what is still to do on disk; then that is done, and the
list emptied. A crash in between leaves the list, and the next opening of the home goes on.
What remains afterwards: the hash and size of the erased bodies nowhere, their message ids as
numbers in the change feed.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence

from eilbote.errors import Problem
from eilbote.store import placed as placements
from eilbote.store import rule_runs
from eilbote.store.bodies import Bodies
from eilbote.store.collected import forget
from eilbote.store.database import Database, Row, Session, chunked, in_list, integer
from eilbote.store.local import is_local
from eilbote.store.mailboxes import by_id
from eilbote.store.problems import problem_to_text
from eilbote.store.reading import places
from eilbote.store.tombstones import take_away
from eilbote.store.values import Erased

Forget = Callable[[Sequence[int]], None]
"""Makes the search index forget messages for good."""


class Erasing:
    """Erasure, and the compaction of packs."""

    def __init__(self, database: Database, bodies: Bodies, forget: Forget) -> None:
        self._database = database
        self._bodies = bodies
        self._forget = forget
        self._compacting = threading.Lock()

    def erase(self, messages: Sequence[int], now: float) -> Erased:
        """Erases messages, wherever they lie, with every trace of their content that no other
        message shares. One that still lies on the server is not fetched again (its UID is put
        aside as `store.erased`). Ids that are unknown are passed over."""
        with self._database.write() as session:
            erased = self._erase_rows(session, messages, now)
        self.finish()
        return erased

    def finish(self) -> None:
        """Does what erasures left to do; cheap when there is nothing."""
        with self._database.read() as session:
            rows = session.rows("SELECT id, message, pack, position, length FROM erasure")
        if not rows:
            return
        records: dict[int, list[tuple[int, int]]] = {}
        for _, _, pack, position, length in rows:
            if pack:
                records.setdefault(integer(pack), []).append((integer(position), integer(length)))
        present = set(self._bodies.packs.numbers())
        for number, ranges in records.items():
            if number in present:
                self._bodies.packs.overwrite(number, ranges)
        self._forget([integer(row[1]) for row in rows if row[1]])
        self._database.scrub()
        with self._database.write() as session:
            for chunk in chunked(integer(row[0]) for row in rows):
                session.run(f"DELETE FROM erasure WHERE id IN {in_list(len(chunk))}", chunk)

    def compact(self, wasted: float = 0.25) -> int:
        """Rewrites packs of which more than the part `wasted` is not used any more, and drops
        bodies that no message has. Returns the bytes freed."""
        with self._compacting:
            return self._compact(wasted)

    def _compact(self, wasted: float) -> int:
        with self._database.write() as session:
            session.run(
                "DELETE FROM content WHERE NOT EXISTS (SELECT 1 FROM message WHERE content = content.id)"
            )
            doomed = self._wasteful(session, wasted)
            newest = session.one("SELECT max(id) FROM pack")
            if newest is not None and newest[0] in dict(doomed):
                self._bodies.fresh_pack(session)
        freed = 0
        for pack, length in doomed:
            freed += length - self._evacuate(pack)
            self._bodies.packs.remove(pack)
        self._drop_strays()
        return freed

    def _erase_rows(self, session: Session, messages: Sequence[int], now: float) -> Erased:
        found: list[int] = []
        contents: set[int] = set()
        for chunk in chunked(dict.fromkeys(messages)):
            rows = session.rows(f"SELECT id, content FROM message WHERE id IN {in_list(len(chunk))}", chunk)
            found += [integer(row[0]) for row in rows]
            contents |= {integer(row[1]) for row in rows}
        self._take_from_mailboxes(session, found, now)
        for chunk in chunked(found):
            for table in ("tombstone", "label", "journal", "conflict"):
                session.run(f"DELETE FROM {table} WHERE message IN {in_list(len(chunk))}", chunk)
            session.run(f"DELETE FROM message WHERE id IN {in_list(len(chunk))}", chunk)
        forget(session, found)
        rule_runs.erase(session, found)
        session.insert_many("erasure", ("message",), [(message,) for message in found])
        return Erased(len(found), self._erase_contents(session, contents))

    def _take_from_mailboxes(self, session: Session, messages: Sequence[int], now: float) -> None:
        by_mailbox: dict[int, list[int]] = {}
        for mailbox, uid, _ in places(session, messages):
            by_mailbox.setdefault(mailbox, []).append(uid)
        reason = problem_to_text(Problem("store.erased"))
        for number, uids in by_mailbox.items():
            live = placements.at_uids(session, number, uids)
            home = by_id(session, number)
            take_away(session, home, list(live.values()))
            if is_local(session, home.account):
                continue
            aside: list[Row] = [(number, uid, reason, now) for uid in uids if uid > 0]
            session.insert_many(
                "quarantine",
                ("mailbox", "uid", "problem", "created"),
                aside,
                "ON CONFLICT (mailbox, uid) DO UPDATE SET problem = excluded.problem",
            )

    def _erase_contents(self, session: Session, contents: set[int]) -> int:
        """Removes those contents that no message has any more; their neighbours in the same
        records move away, so that whole records can be overwritten. Returns the bytes erased."""
        doomed: list[Row] = []
        for chunk in chunked(sorted(contents)):
            doomed += session.rows(
                f"DELETE FROM content WHERE id IN {in_list(len(chunk))}"
                " AND NOT EXISTS (SELECT 1 FROM message WHERE content = content.id)"
                " RETURNING pack, position, length, size",
                chunk,
            )
        records = dict.fromkeys((integer(row[0]), integer(row[1]), integer(row[2])) for row in doomed)
        neighbours: list[int] = []
        for pack in {record[0] for record in records}:
            positions = {position for one, position, _ in records if one == pack}
            rows = session.stream("SELECT id, position FROM content WHERE pack = ?", (pack,))
            neighbours += [integer(content) for content, position in rows if position in positions]
        self._bodies.move(session, neighbours)
        session.insert_many("erasure", ("pack", "position", "length"), list(records))
        return sum(integer(row[3]) for row in doomed)

    def _wasteful(self, session: Session, wasted: float) -> list[tuple[int, int]]:
        """Packs and lengths of those that waste too much."""
        rows = session.rows(
            "SELECT pack.id, pack.length, coalesce(sum(live.length), 0) FROM pack"
            " LEFT JOIN (SELECT DISTINCT pack, position, length FROM content) AS live ON live.pack = pack.id"
            " GROUP BY pack.id, pack.length HAVING pack.length > 0"
        )
        sizes = [(integer(row[0]), integer(row[1]), int(row[2] or 0)) for row in rows]
        return [(pack, length) for pack, length, live in sizes if length - live > wasted * length]

    def _evacuate(self, pack: int) -> int:
        """Moves what lives in a pack to the newest one and forgets the pack. Returns bytes moved."""
        moved = 0
        while True:
            with self._database.write() as session:
                rows = session.rows(
                    "SELECT id, size FROM content WHERE pack = ? ORDER BY position, skip LIMIT 500", (pack,)
                )
                if not rows:
                    session.run("DELETE FROM erasure WHERE pack = ?", (pack,))
                    session.run("DELETE FROM pack WHERE id = ?", (pack,))
                    return moved
                before = self._total(session)
                self._bodies.move(session, [integer(row[0]) for row in rows])
                moved += self._total(session) - before

    def _total(self, session: Session) -> int:
        row = session.one("SELECT sum(length) FROM pack")
        return int(row[0] or 0) if row else 0

    def _drop_strays(self) -> None:
        """Deletes pack files that no row knows: of a compaction that was killed before its last step,
        or of a first append that never committed."""
        with self._database.write() as session:  # nobody is appending meanwhile
            known = {integer(row[0]) for row in session.rows("SELECT id FROM pack")}
            for number in self._bodies.packs.numbers():
                if number not in known:
                    self._bodies.packs.remove(number)
