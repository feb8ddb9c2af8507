"""UIDVALIDITY changed: finds every message again under its new number, and downloads none of them.

Never deletes because of the change, never takes a recognised mail for a new one (C3 rule 2).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Hashable, Sequence

from eilbote.engine.round import Round
from eilbote.mail.mailbox import Uid, UidSet
from eilbote.net.imap import ImapSession
from eilbote.protocols.imap.types import FetchedIdentity
from eilbote.store.update_values import FlagChange, MailboxUpdate
from eilbote.store.values import DebtKind, HeldIdentity, Identity, Mailbox, Watermarks
from eilbote.sync.state import Limits

_SAMPLES = 20


async def rematch(round_: Round, imap: ImapSession, mailbox: Mailbox, *, anew: bool = False) -> UidSet | None:
    """Gives the messages of `mailbox` their new UIDs in one transaction; leaves it open in `imap`.

    What is held but was not found becomes a tombstone. Returns what was not recognised and has to
    be fetched (`backfill`). A change to a UIDVALIDITY that the mailbox already has (UIDs that are
    not sticky) goes the same way. None, and nothing changed, where everything seems gone and this
    was not asked on a connection of its own (`anew`; C3 rule 7).
    """
    selected = await imap.select(mailbox.name)
    listed = await imap.search_uids() if selected.exists else UidSet()
    found = [one for one in await imap.fetch_identities(listed) if one.uid in listed]
    held = await round_.call(_held, round_, mailbox)
    if not listed and len(held) > Limits().suspicious_loss and not anew:
        return None
    pairs = match_identities(held, found)
    matched = UidSet.of(new for _, new in pairs)
    arrived = listed - matched
    lost = UidSet.of(one.uid for one in held) - UidSet.of(old for old, _ in pairs)
    watermarks = Watermarks(
        uidvalidity=selected.uidvalidity,
        uidnext=selected.uidnext or 1,
        cursor=max(selected.uidnext - 1, listed.highest),
        modseq=selected.highestmodseq,
        exists=selected.exists,
        backfill=arrived,
    )
    messages = round_.app.store.messages
    await round_.call(messages.renumber, mailbox.id, watermarks, pairs, lost, round_.now)
    flags = [FlagChange(one.uid, one.flags, one.modseq) for one in found if one.uid in matched]
    applied = await round_.call(messages.apply, mailbox.id, MailboxUpdate(flags=flags), round_.now)
    round_.tally.changed += applied.changed
    round_.tally.deleted += len(lost)
    round_.removed = round_.removed or bool(lost)
    return arrived


def _held(round_: Round, mailbox: Mailbox) -> list[HeldIdentity]:
    """What the server may show: all that lies here, and what was moved away or deleted here and not
    there yet; without its new number such a change would hit another message."""
    store = round_.app.store
    held = store.messages.held_identities(mailbox.id)
    known = {one.uid for one in held}
    return held + [
        HeldIdentity(debt.uid, debt.message, store.messages.identity(debt.message))
        for debt in store.journal.open_debts(round_.account.id)
        if debt.mailbox == mailbox.id
        and debt.uid > 0
        and debt.uid not in known
        and debt.kind in (DebtKind.MOVE, DebtKind.DELETE)
    ]


def may_be_same(held: Identity, found: FetchedIdentity) -> bool:
    """Whether what lies under a UID may be the message that we hold under it. In doubt it is: some
    servers round dates, and some count bytes wrongly."""
    if held.email_id and found.email_id:
        return held.email_id == found.email_id
    if held.message_id and found.message_id:
        return held.message_id == found.message_id
    return held.size == found.size or int(held.internal_date) == int(found.internal_date)


async def has_shifted(round_: Round, imap: ImapSession, mailbox: Mailbox) -> bool:
    """Whether UIDs of the open mailbox have come to name other messages: some of those we hold are
    compared, from the oldest to the newest."""
    held = await round_.call(round_.app.store.messages.held_identities, mailbox.id)
    step = max(1, len(held) // _SAMPLES)
    chosen = {one.uid: one.identity for one in sorted(held, key=lambda one: one.uid)[::step]}
    found = await imap.fetch_identities(UidSet.of(chosen))
    return any(one.uid in chosen and not may_be_same(chosen[one.uid], one) for one in found)


def match_identities(held: Sequence[HeldIdentity], found: Sequence[FetchedIdentity]) -> list[tuple[Uid, Uid]]:
    """Pairs (old UID, new UID) of the same content, each used once, in UID order among equals.

    By the server's own content id where both sides have one, else by Message-ID, size and
    arrival date, else (servers that reset the arrival date) by Message-ID and size, else (servers that
    tell no true size: 0) by Message-ID and arrival date.
    """
    pairs: list[tuple[Uid, Uid]] = []
    open_held = {one.uid: one for one in sorted(held, key=lambda one: one.uid)}
    open_found = {one.uid: one for one in sorted(found, key=lambda one: one.uid)}

    def pair_up(held_key: dict[Uid, Hashable], found_key: dict[Uid, Hashable]) -> None:
        waiting: dict[Hashable, list[Uid]] = defaultdict(list)
        for uid, key in reversed(held_key.items()):
            waiting[key].append(uid)
        for uid, key in found_key.items():
            if waiting.get(key):
                old = waiting[key].pop()
                pairs.append((old, uid))
                del open_held[old], open_found[uid]

    pair_up(
        {uid: one.identity.email_id for uid, one in open_held.items() if one.identity.email_id},
        {uid: one.email_id for uid, one in open_found.items() if one.email_id},
    )
    pair_up(
        {
            uid: (one.identity.message_id, one.identity.size, int(one.identity.internal_date))
            for uid, one in open_held.items()
        },
        {uid: (one.message_id, one.size, int(one.internal_date)) for uid, one in open_found.items()},
    )
    pair_up(
        {
            uid: (one.identity.message_id, one.identity.size)
            for uid, one in open_held.items()
            if one.identity.message_id
        },
        {uid: (one.message_id, one.size) for uid, one in open_found.items() if one.message_id},
    )
    pair_up(
        {
            uid: (one.identity.message_id, int(one.identity.internal_date))
            for uid, one in open_held.items()
            if one.identity.message_id
        },
        {
            uid: (one.message_id, int(one.internal_date))
            for uid, one in open_found.items()
            if one.message_id and not one.size
        },
    )
    return pairs
