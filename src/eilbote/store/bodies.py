"""Bodies by their hash: each stored once, in packs, and read back only if the hash still fits.

It must never commit a row for bytes that are not on disk: packs are synced inside the writing
transaction, before its commit.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence
from typing import NamedTuple

from eilbote.errors import Gone
from eilbote.store.blocks import compressed, grouped
from eilbote.store.database import Database, Row, Session, blob, chunked, in_list, integer
from eilbote.store.packs import PACK_BYTES, Packs, Record, make_record
from eilbote.store.update_values import Block

_COLUMNS = ("id", "sha_key", "sha256", "size", "pack", "position", "length", "encoding", "skip")


class Stored(NamedTuple):
    """Where a body's row is, and whether it was there before."""

    content: int
    known: bool


def key_of(digest: bytes) -> int:
    """The first 63 bits of a hash: what the index holds."""
    return int.from_bytes(digest[:8], "big") >> 1


def take_numbers(session: Session, counter: str, count: int) -> int:
    """Reserves `count` numbers, never given again; returns the first."""
    row = session.one("UPDATE counter SET value = value + ? WHERE name = ? RETURNING value", (count, counter))
    assert row is not None
    return integer(row[0]) - count + 1


class Bodies:
    """The packs and the `content` rows that point into them."""

    def __init__(self, database: Database, packs: Packs) -> None:
        self._database = database
        self.packs = packs

    def store(
        self,
        session: Session,
        bodies: Sequence[tuple[bytes, bytes]],
        blocks: Sequence[Block] | None = None,
        anew: Collection[bytes] = (),
    ) -> list[Stored]:
        """Stores what is not stored yet of bodies given as (sha256, bytes); one result per body, in
        order. `blocks` are those of `prepare`, if it was asked. Bodies whose hash is in `anew` are
        written once more, because what lies on disk is damaged; their rows then point there. On
        return the bytes are safe on disk, and last if the session commits."""
        first = {digest: at for at, (digest, _) in reversed(list(enumerate(bodies)))}
        found = self._known(session, first)
        fresh = {at for digest, at in first.items() if digest not in found}
        if blocks is None:
            records = records_of([bodies[at] for at in sorted(fresh)])
        else:
            records = _fresh_records(bodies, blocks, fresh)
        places = self.write(session, records) if fresh else {}
        again = {digest: found[digest] for digest in anew if digest in found}
        if again:
            self.write(session, records_of([bodies[first[digest]] for digest in again]), again)
        return [
            Stored(places[digest], False) if digest in places else Stored(found[digest], True)
            for digest, _ in bodies
        ]

    def _known(self, session: Session, wanted: Collection[bytes]) -> dict[bytes, int]:
        known: dict[bytes, int] = {}
        for keys in chunked([key_of(digest) for digest in wanted]):
            sql = f"SELECT sha256, id FROM content WHERE sha_key IN {in_list(len(keys))}"
            for digest, content in session.rows(sql, keys):
                if digest in wanted:
                    known[blob(digest)] = integer(content)
        return known

    def write(
        self, session: Session, records: Sequence[Record], into: dict[bytes, int] | None = None
    ) -> dict[bytes, int]:
        """Appends records to the newest pack. Gives their bodies new rows, or moves the rows that
        `into` names (hash to content id) to the new place."""
        count = sum([len(record.table) for record in records])
        first = 0 if into is not None else take_numbers(session, "content", count)
        rows: list[Row] = []
        pack, position = self._appended(session, records)
        for record in records:
            length, encoding = record.length, record.encoding.value
            skip = 0
            for digest, size in record.table:
                content = into[digest] if into is not None else first + len(rows)
                rows.append((content, key_of(digest), digest, size, pack, position, length, encoding, skip))
                skip += size
            position += length
        moved = ", ".join(f"{name} = excluded.{name}" for name in _COLUMNS[4:])
        suffix = f"ON CONFLICT (id) DO UPDATE SET {moved}" if into is not None else ""
        session.insert_many("content", _COLUMNS, rows, suffix)
        session.run("UPDATE pack SET length = ? WHERE id = ?", (position, pack))
        return {blob(row[2]): integer(row[0]) for row in rows}

    def move(self, session: Session, contents: Sequence[int]) -> None:
        """Copies the bodies of these rows to the newest pack; the rows then point there."""
        into: dict[bytes, int] = {}
        bodies: list[tuple[bytes, bytes]] = []
        for chunk in chunked(contents):
            rows = session.rows(
                "SELECT id, pack, position, length, skip, size, sha256 FROM content"
                f" WHERE id IN {in_list(len(chunk))} ORDER BY pack, position, skip",
                chunk,
            )
            for row in rows:
                digest = blob(row[6])
                into[digest] = integer(row[0])
                bodies.append((digest, self._at(row[1:])))
        if bodies:
            self.write(session, records_of(bodies), into)

    def fresh_pack(self, session: Session) -> int:
        """Lets the next body begin a new pack."""
        pack = take_numbers(session, "pack", 1)
        session.run("INSERT INTO pack (id, length) VALUES (?, 0)", (pack,))
        return pack

    def _appended(self, session: Session, records: Sequence[Record]) -> tuple[int, int]:
        """Writes records; the pack and the position where they begin."""
        pack, end = self._open_pack(session)
        while not self.packs.append(pack, end, records, lambda: session.one("SELECT 1")):
            pack, end = self.fresh_pack(session), 0
        return pack, end

    def _open_pack(self, session: Session) -> tuple[int, int]:
        """The pack to append to and its committed length."""
        row = session.one("SELECT id, length FROM pack ORDER BY id DESC LIMIT 1")
        if row is not None and integer(row[1]) < PACK_BYTES:
            return integer(row[0]), integer(row[1])
        return self.fresh_pack(session), 0

    def raw(self, message: int) -> bytes:
        """The exact bytes of a message. Gone `store.no_message`, `store.body_missing` or
        `store.body_damaged`."""
        try:
            return self._read(message)
        except Gone as gone:
            if gone.problem.code == "store.no_message":
                raise
            return self._read(message)  # its record may have been moved between looking up and reading

    def raws(self, messages: Iterable[int], *, checked: bool = True) -> Iterator[tuple[int, bytes]]:
        """Messages with their bytes, in the order given; those that are gone are left out. Not
        `checked`: without hashing them, see `Packs.unchecked_body`."""
        read = self.packs.body if checked else self.packs.unchecked_body
        for chunk in chunked(messages, 200):
            with self._database.read() as session:
                rows = session.rows(
                    "SELECT m.id, c.pack, c.position, c.length, c.skip, c.size, c.sha256 FROM message m"
                    f" JOIN content c ON c.id = m.content WHERE m.id IN {in_list(len(chunk))}",
                    chunk,
                )
            places = {integer(row[0]): row[1:] for row in rows}
            for message in chunk:
                if message in places:
                    try:
                        pack, position, length, skip, size, digest = places[message]
                        place = (integer(pack), integer(position), integer(length))
                        yield message, read(*place, integer(skip), integer(size), blob(digest))
                    except Gone:
                        yield message, self.raw(message)

    def _read(self, message: int) -> bytes:
        with self._database.read() as session:
            row = session.one(
                "SELECT c.pack, c.position, c.length, c.skip, c.size, c.sha256 FROM message m"
                " JOIN content c ON c.id = m.content WHERE m.id = ?",
                (message,),
            )
        if row is None:
            raise Gone("store.no_message", id=message)
        return self._at(row)

    def _at(self, row: Row) -> bytes:
        pack, position, length, skip, size = (integer(value) for value in row[:5])
        return self.packs.body(pack, position, length, skip, size, blob(row[5]))


def records_of(bodies: Sequence[tuple[bytes, bytes]]) -> list[Record]:
    """Records of bodies (sha256, bytes) that nobody has prepared."""
    return [
        _record([bodies[at] for at in members], pays=pays)
        for members, pays in grouped([raw for _, raw in bodies])
    ]


def _fresh_records(
    bodies: Sequence[tuple[bytes, bytes]], blocks: Sequence[Block], fresh: Collection[int]
) -> list[Record]:
    """Records of the `fresh` among bodies that were prepared; a block of which some are stored
    already is made anew without them."""
    records: list[Record] = []
    for block in blocks:
        members = [bodies[at] for at in block.members if at in fresh]
        if len(members) == len(block.members):
            records.append(make_record(members, block.packed))
        elif members:
            records.append(_record(members, pays=block.packed is not None))
    return records


def _record(bodies: Sequence[tuple[bytes, bytes]], *, pays: bool) -> Record:
    return make_record(bodies, compressed(b"".join([raw for _, raw in bodies])) if pays else None)
