"""What a list is narrowed to, as a condition in SQL that both databases take and an index answers.

Placements are `p`, their messages `m`. The texts of the conditions on flags are those of the partial
indexes of migration 14: written otherwise, 100,000 rows would be read for each page.
"""

from __future__ import annotations

from typing import assert_never

from eilbote.store.conditions import Condition, joined
from eilbote.store.values import Narrowed, Only

NO_LABELS = (
    *("\\Seen", "\\Answered", "\\Flagged", "\\Deleted", "\\Draft", "$Forwarded", "$MDNSent"),
    *("$Junk", "$NotJunk", "Junk", "NonJunk", "NotJunk", "$HasAttachment", "$HasNoAttachment"),
)
"""Flags that programs set by themselves on very many mails: they alone make no mail a labelled one."""

_UNREAD = "length(replace(p.flags, '\\Seen', '')) = length(p.flags)"  # SQLite would turn `x = flags` around
_FLAGGED = "replace(p.flags, '\\Flagged', '') <> p.flags"


def _without_common(column: str) -> str:
    words = f"' ' || {column} || ' '"
    for flag in NO_LABELS:
        words = f"replace({words}, ' {flag} ', ' ')"
    return words


LABELLED = f"trim({_without_common('p.flags')}) <> ''"


def condition(narrowed: Narrowed, dialect: str) -> Condition:
    """The condition on `p` and `m`."""
    found: list[Condition] = []
    match narrowed.only:
        case Only.EVERYTHING:
            pass
        case Only.UNREAD:
            found.append((_UNREAD, []))
        case Only.FLAGGED:
            found.append((_FLAGGED, []))
        case Only.ATTACHED:
            found.append(("m.attachments > 0", []))
        case Only.MINE:
            found.append(_to_one_of(narrowed.addresses, dialect))
        case _:
            assert_never(narrowed.only)
    if narrowed.keyword:
        found.append((LABELLED, []))
        among = "replace(' ' || p.flags || ' ', ?, '') <> ' ' || p.flags || ' '"
        found.append((among, [f" {narrowed.keyword} "]))
    return joined(" AND ", found) if found else ("1 = 1", [])


def _to_one_of(addresses: tuple[str, ...], dialect: str) -> Condition:
    """Addresses stand in a header as ASCII, whatever the names around them are encoded in."""
    fields = []
    for column in ("m.recipient", "m.copied"):
        as_text = f"CAST({column} AS TEXT)" if dialect == "sqlite" else f"encode({column}, 'escape')"
        position = "instr" if dialect == "sqlite" else "strpos"
        fields.append(f"{position}(lower({as_text}), ?) > 0")
    return joined(
        " OR ", [(field, [one.lower()]) for one in addresses for field in fields] or [("1 = 0", [])]
    )
