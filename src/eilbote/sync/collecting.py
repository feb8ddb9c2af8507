"""Which mails of a maildrop are new, and which may be deleted there.

POP3 knows no state: what was seen is known by its unique id (RFC 1939 section 7) together with its
size, and where the server has no such ids, gives one to several mails or changes them, by the mail
itself. It must never take two mails for one because an id says so, and never let a mail be deleted
whose content was not compared or kept under the same id and size.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from hashlib import sha256

from msgspec import Struct

from eilbote.sync.values import Listed, OnServer, Seen

_DAY = 24 * 3600.0


class Matched(Struct, frozen=True):
    """A listing held against what was seen. `known`: number -> what it is; `unknown`: to be looked at;
    `absent`: seen and not listed any more under its id, so that an unknown mail may be one of them; or
    deleted, and its id is listed again: a server may give it to another mail then (RFC 1939 section 7)."""

    known: Mapping[int, Seen]
    unknown: tuple[Listed, ...]
    absent: tuple[Seen, ...]


def match(listed: Sequence[Listed], seen: Iterable[Seen]) -> Matched:
    """Recognises by unique id and size. An id listed twice is no id."""
    trusted = trusted_ids(listed)
    rows: dict[str, Seen] = {}
    others: list[Seen] = []
    for row in seen:
        if row.uidl in trusted and row.uidl not in rows:
            rows[row.uidl] = row
        else:
            others.append(row)
    known: dict[int, Seen] = {}
    unknown: list[Listed] = []
    for mail in listed:
        same = rows.get(mail.uidl)  # holds trusted ids alone
        fits = same is not None and (None in (same.size, mail.size) or same.size == mail.size)
        if same is not None and fits and not _is_back(same):
            known[mail.number] = same
        else:
            unknown.append(mail)
    taken = {row.id for row in known.values()}
    gone = [row for row in others if row.sha256 and not row.deleted]
    absent = [row for row in rows.values() if row.id not in taken and row.sha256] + gone
    return Matched(known, tuple(unknown), tuple(sorted(absent, key=lambda row: row.id)))


def _is_back(listed: Seen) -> bool:
    """Deleted, and its id is listed again: by its content it is that mail or another one. What was
    erased here has none left, and must not come again."""
    return listed.deleted and bool(listed.sha256)


def trusted_ids(listed: Iterable[Listed]) -> frozenset[str]:
    """The unique ids that are listed once, and so are ids."""
    counted = Counter(mail.uidl for mail in listed)
    return frozenset(uidl for uidl, count in counted.items() if count == 1 and uidl)


def worth_a_look(unknown: Iterable[Listed], absent: Iterable[Seen]) -> list[Listed]:
    """Unknown mails that have the size of an absent one: their header tells whether they are it."""
    sizes = {row.size for row in absent}
    return [mail for mail in unknown if mail.size is not None and mail.size in sizes]


def recognise(heads: Mapping[Listed, bytes], absent: Iterable[Seen]) -> dict[Listed, Seen]:
    """Pairs mails with absent ones of the same header and size, each once."""
    waiting: dict[tuple[bytes, int | None], list[Seen]] = {}
    for row in absent:
        if row.head:
            waiting.setdefault((row.head, row.size), []).append(row)
    pairs: dict[Listed, Seen] = {}
    for mail, head in heads.items():
        rows = waiting.get((head, mail.size))
        if rows:
            pairs[mail] = rows.pop(0)
    return pairs


def head_of(raw: bytes) -> bytes:
    """The hash by which a header is recognised: of RETR and of TOP alike, whatever ends it."""
    end = raw.find(b"\r\n\r\n")
    return sha256((raw if end < 0 else raw[:end]).rstrip(b"\r\n")).digest()


def is_due(row: Seen, policy: OnServer, removed: Collection[int], now: float) -> bool:
    """May this mail be deleted on the server? `removed`: messages that were deleted here."""
    if policy.when_deleted and row.message in removed:
        return True
    return policy.days is not None and now >= row.collected + policy.days * _DAY
