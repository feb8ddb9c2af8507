"""Looks at one mailbox on the server and says what it shows, at the least cost the server allows.

QRESYNC, CONDSTORE or neither give the same `Shown`; nothing is decided and nothing stored here.
"""

from __future__ import annotations

from collections.abc import Iterable

from msgspec.structs import replace

from eilbote.engine.gmail import HAVE_ALL_LABELS
from eilbote.mail.mailbox import UidSet
from eilbote.mail.thread import server_thread
from eilbote.net.imap import ImapSession
from eilbote.protocols.imap.types import FetchedFlags, Known, Selected
from eilbote.store.values import Mailbox
from eilbote.sync.state import FlagsNow, LabelsNow, Shown

ALL_UIDS = UidSet.parse("1:*")


async def observe(imap: ImapSession, mailbox: Mailbox, *, complete: bool = False) -> Shown:
    """Opens the mailbox and gathers this round's facts. `complete` lists every UID, whatever the
    server said by itself. Raises the errors of `ImapSession`."""
    skipped = imap.skipped
    shown = await _observe(imap, mailbox, complete=complete)
    # An answer that could not be read may have told anything, and one who counts none where there
    # are some did not tell of their flags: nothing is taken as known from that.
    contradicts = bool(shown.present) and not shown.exists
    if (
        imap.has_labels
        and mailbox.role in HAVE_ALL_LABELS
        and shown.exists
        and mailbox.watermarks.uidvalidity
    ):
        shown = replace(shown, labelled=await labels_now(imap, ALL_UIDS, mailbox.watermarks.modseq))
    modseq = shown.modseq if imap.skipped == skipped and not contradicts else 0
    return replace(shown, modseq=modseq, shows_at_most=imap.shows_at_most)


async def labels_now(imap: ImapSession, uids: UidSet, changed_since: int = 0) -> tuple[LabelsNow, ...]:
    """Labels and conversations of mails in the open mailbox."""
    told = await imap.fetch_labels(uids, changed_since=changed_since)
    return tuple(LabelsNow(one.uid, frozenset(one.labels), server_thread(one.thread_id)) for one in told)


async def still_there(imap: ImapSession, uids: UidSet) -> UidSet:
    """Those of `uids` that the open mailbox still has. Absence from one answer is no evidence: what
    SEARCH does not name is asked for by FETCH too (C3 rules 3 and 6)."""
    found = await imap.search_uids(within=uids)
    return found | (UidSet.of(one.uid for one in await imap.fetch_flags(uids - found)) & uids)


def is_sticky(selected: Selected) -> bool:
    """Whether a UID means the same message the next time the mailbox is opened (RFC 9051 2.3.1.1)."""
    return selected.uidvalidity > 0 and not selected.uid_not_sticky


async def _observe(imap: ImapSession, mailbox: Mailbox, *, complete: bool) -> Shown:
    marks = mailbox.watermarks
    known = None
    if imap.has_qresync and marks.uidvalidity and marks.modseq:
        known = Known(marks.uidvalidity, marks.modseq)
    selected = await imap.select(mailbox.name, known=known)
    same = marks.uidvalidity and selected.uidvalidity == marks.uidvalidity and is_sticky(selected)
    if not same:
        present = UidSet() if marks.uidvalidity else await _list_uids(imap, selected)
        return _shown(selected, present=present)
    # A mod-sequence that went down covers nothing of what happened since (C3 rule 5).
    resynced = selected.resynced and selected.highestmodseq >= marks.modseq
    # Something changed, and it does not say what: it has QRESYNC by its name alone (museum M17).
    told = selected.vanished or selected.changed or not selected.exists
    resynced = resynced and (bool(told) or selected.highestmodseq == marks.modseq)
    if resynced and not complete:
        return _shown(selected, vanished=selected.vanished, changed=selected.changed)
    if resynced:
        # Its count did not add up: not even a count of none is believed.
        present = await imap.search_uids()
        return _shown(selected, present=present, vanished=selected.vanished, changed=selected.changed)
    return await _observe_without_qresync(imap, mailbox, selected, complete=complete)


async def _observe_without_qresync(
    imap: ImapSession, mailbox: Mailbox, selected: Selected, *, complete: bool
) -> Shown:
    modseq = mailbox.watermarks.modseq
    # A mod-sequence that went down, or is gone, proves nothing: every flag is read anew (C3 rule 5).
    if not modseq or selected.highestmodseq < modseq:
        if not selected.exists:
            return _shown(selected, present=UidSet())
        flags = await imap.fetch_flags(ALL_UIDS)
        # The listing, not the flags, says what is there: a FETCH may omit a message (museum M3).
        present = await _list_uids(imap, selected)
        return _shown(selected, present=present, changed=flags)
    changed: tuple[FetchedFlags, ...] = ()
    if selected.highestmodseq > modseq and selected.exists:
        changed = await imap.fetch_flags(ALL_UIDS, changed_since=modseq)
    if complete:
        return _shown(selected, present=await imap.search_uids(), changed=changed)
    return _shown(selected, changed=changed)


async def _list_uids(imap: ImapSession, selected: Selected) -> UidSet:
    return await imap.search_uids() if selected.exists else UidSet()


def _shown(
    selected: Selected,
    *,
    present: UidSet | None = None,
    vanished: UidSet | None = None,
    changed: Iterable[FetchedFlags] = (),
) -> Shown:
    return Shown(
        uidvalidity=selected.uidvalidity,
        # A server that does not tell UIDNEXT lifts no cursor.
        uidnext=selected.uidnext or 1,
        exists=selected.exists,
        modseq=selected.highestmodseq,
        present=present,
        vanished=vanished or UidSet(),
        changed=tuple(FlagsNow(one.uid, one.flags, one.modseq) for one in changed),
        sticky=is_sticky(selected),
    )
