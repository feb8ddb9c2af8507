"""Which mailbox on the server is which of ours: kept, renamed, gone.

Pure. An unusable listing must never cost a mailbox: without INBOX in it nothing is gone.
"""

from __future__ import annotations

from collections.abc import Sequence

from msgspec import Struct

from eilbote.mail.mailbox import MailboxName, Uid, UidValidity


class MailboxFacts(Struct, frozen=True):
    """What tells one mailbox from another; empty or 0 where unknown."""

    name: MailboxName
    object_id: str = ""
    uidvalidity: UidValidity = 0
    uidnext: Uid = 0


class MailboxMatch(Struct, frozen=True):
    """`renamed`: (our name, the server's new name). `gone`: ours that are listed no more; to be
    confirmed by asking for each before anything is removed."""

    renamed: tuple[tuple[MailboxName, MailboxName], ...] = ()
    gone: tuple[MailboxName, ...] = ()


def match_mailboxes(listed: Sequence[MailboxFacts], held: Sequence[MailboxFacts]) -> MailboxMatch:
    """Compares the names; among those that differ, recognises a rename by the server's mailbox id
    (RFC 8474), else by a UIDVALIDITY that no other mailbox has."""
    listed_names = {one.name for one in listed}
    if not any(name.upper() == "INBOX" for name in listed_names):
        return MailboxMatch()
    held_names = {one.name for one in held}
    absent = [one for one in held if one.name not in listed_names]
    new = [one for one in listed if one.name not in held_names]
    renamed = []
    for ours in absent:
        same = [theirs for theirs in new if _is_same(ours, theirs)]
        rivals = [other for other in absent if same and _is_same(other, same[0])]
        if len(same) == 1 and len(rivals) == 1:
            renamed.append((ours.name, same[0].name))
    moved = {name for name, _ in renamed}
    return MailboxMatch(tuple(renamed), tuple(one.name for one in absent if one.name not in moved))


def _is_same(ours: MailboxFacts, theirs: MailboxFacts) -> bool:
    if ours.object_id and theirs.object_id:
        return ours.object_id == theirs.object_id
    return 0 < ours.uidvalidity == theirs.uidvalidity and theirs.uidnext >= ours.uidnext
