"""Local flag changes that the server does not know yet, laid over what it shows.

Without it, a flag set between reading the server and storing its answer would vanish from view
until the debt is paid.
"""

from __future__ import annotations

from collections.abc import Mapping

from msgspec import Struct, field

from eilbote.mail.mailbox import Flags, Uid, flags_from_text
from eilbote.store.database import Session, integer, text


class Overlay(Struct, frozen=True):
    """Per UID: flag changes in the order of their making, as (add, remove)."""

    wishes: Mapping[Uid, list[tuple[Flags, Flags]]] = field(default_factory=dict)

    def over(self, uid: Uid, flags: Flags) -> Flags:
        """The server's flags with our unpaid changes on top."""
        if uid not in self.wishes:
            return flags
        for add, remove in self.wishes[uid]:
            flags = (flags | add) - remove
        return flags


def owed_flags(session: Session, account: int, mailbox: int) -> Overlay:
    """The unpaid flag changes of one mailbox."""
    rows = session.rows(
        "SELECT uid, add_flags, remove_flags FROM journal WHERE account = ?"
        " AND state IN ('open', 'sent') AND kind = 'flag' AND mailbox = ? ORDER BY id",
        (account, mailbox),
    )
    wishes: dict[Uid, list[tuple[Flags, Flags]]] = {}
    for uid, add, remove in rows:
        change = (flags_from_text(text(add)), flags_from_text(text(remove)))
        wishes.setdefault(integer(uid), []).append(change)
    return Overlay(wishes)
