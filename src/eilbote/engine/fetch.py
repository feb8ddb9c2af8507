"""Gets the mails a mailbox still lacks, newest first, and stores them batch by batch.

Each batch and the watermarks that cover it are one transaction, so that a kill repeats at most
one batch. A mail that the server lists but will not give is put in quarantine and named; it never
holds up the others (C3 rule 3, museum M3, M5).
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Collection, Sequence
from contextlib import aclosing
from typing import assert_never

from msgspec.structs import replace

from eilbote.engine.gmail import HAVE_ALL_LABELS
from eilbote.engine.keep import window_of
from eilbote.engine.observe import labels_now, still_there
from eilbote.engine.round import Round
from eilbote.errors import Garbled, Gone, Problem, Refused
from eilbote.mail.keep import KeepKind, Share
from eilbote.mail.mailbox import UidSet
from eilbote.mail.thread import server_thread
from eilbote.net.imap import ImapSession
from eilbote.protocols.imap.types import FetchedIdentity, FetchedMessage
from eilbote.store.prepare import Batch
from eilbote.store.update_values import Applied, Arrival, FlagChange, MailboxUpdate, Prepared
from eilbote.store.values import Candidate, Debt, DebtKind, FindingKind, Identity, Mailbox

# The newest mails come in a small first portion so that a reader has something at once; the rest
# in portions large enough that the pauses between commands do not count.
_FIRST_PORTION = 500
_PORTION = 20_000
_MOST_ASKED_SINGLY = 1_000
"""A server that gives so little ends a mailbox's pass; the next one goes on behind these."""
_AHEAD = 2
"""Batches that are prepared and stored while the next is received."""
_MOST_REFUSALS = 200
"""In one mailbox and pass, before all of it counts as refused: some ten for each mail that is broken."""
_NOTHING = Batch([], [])


async def fetch_mailbox(round_: Round, mailbox: Mailbox, wanted: UidSet) -> None:
    """Fetches and stores `wanted`, the mailbox's whole backfill."""
    work = _Fetching(round_, mailbox, wanted)
    try:
        await round_.connections.tried_plain(work.run)
    except Garbled as error:
        if error.problem.code != "imap.literal_too_long":
            raise
        # The connection is lost over one mail: those of its size are put aside, the others fetched.
        if not await work.put_large_aside(int(error.problem.parameters["limit"])):
            raise
        await work.run()


def _portions(wanted: UidSet) -> Sequence[UidSet]:
    first = next(wanted.chunks(_FIRST_PORTION, newest_first=True), UidSet())
    rest = (wanted - first).chunks(_PORTION, newest_first=True)
    return [portion for portion in (first, *rest) if portion]


class _Fetching:
    """One mailbox's fetch: what remains, and the watermarks that say so."""

    imap: ImapSession

    def __init__(self, round_: Round, mailbox: Mailbox, wanted: UidSet) -> None:
        self.round = round_
        self.mailbox = mailbox
        self.remaining = wanted
        self.total = len(wanted)
        self.put_aside = 0
        self.window = window_of(round_.app, round_.account, mailbox)
        self.wanted_whole = UidSet()
        self.refusals = 0

    async def run(self) -> None:
        """Fetches all that remains."""
        name = self.mailbox.name
        async with self.round.connections.session(mailbox=name) as self.imap:
            if self.imap.selected is None or self.imap.selected.name != name:
                await self.imap.select(name)
            await self.recognise_moved()
            found = await self.round.call(self.round.app.store.findings.of, self.mailbox.id)
            self.wanted_whole = UidSet.of(one.uid for one in found if one.kind is FindingKind.WANTED)
            for portion in _portions(self.remaining):
                missing = await self.fetch_around(portion)
                if missing:
                    await self.ask_singly(missing)
                if self.round.connections.compressing:
                    await self.imap.compress(self.round.app.config.compress)

    async def put_large_aside(self, limit: int) -> bool:
        """Puts mails in quarantine that are larger than we take; False if there are none."""
        name = self.mailbox.name
        async with self.round.connections.session(mailbox=name) as imap:
            await imap.select(name)
            sizes = await imap.fetch_sizes(self.remaining)
        large = {uid: size for uid, size in sizes.items() if size > limit and uid in self.remaining}
        found = [
            (uid, Problem("sync.too_large", {"mailbox": name, "uid": str(uid), "size": str(size)}))
            for uid, size in sorted(large.items())
        ]
        if found:
            await self._store(quarantined=found)
            self.round.problems += [(name, problem) for _, problem in found]
        return bool(found)

    async def recognise_moved(self) -> None:
        """Gives mails that only changed their place their new placement, without a download; on Gmail
        also those that lie in another mailbox: each label shows the same mails."""
        store = self.round.app.store
        debts = await self.round.call(store.journal.open_debts, self.round.account.id)
        waits = any(debt.placement < 0 for debt in debts)
        if not (self.round.removed or waits or self.imap.has_labels):
            return
        moves = [debt for debt in debts if debt.kind is DebtKind.MOVE]
        moving, labels_tell = {debt.message for debt in moves}, self.imap.has_labels
        for portion in self.remaining.chunks(_PORTION, newest_first=True):
            found = await self.imap.fetch_identities(portion)
            identities = [
                Identity(one.email_id, one.message_id, one.size, one.internal_date) for one in found
            ]
            candidates = await self.round.call(store.messages.candidates, self.round.account.id, identities)
            moved = _pair_moved(found, candidates, self.mailbox.id, moving, gmail=labels_tell)
            met = {message for _, message, _ in moved} & moving
            if met and not labels_tell:
                # One that lies in its old place still was copied by somebody; a copy is a new message.
                moving -= await self._still_there([debt for debt in moves if debt.message in met])
                moved = _pair_moved(found, candidates, self.mailbox.id, moving, gmail=False)
            if moved:
                await self._store(moved_in=moved)
                if self.imap.has_labels and self.mailbox.role in HAVE_ALL_LABELS:
                    labels = await labels_now(self.imap, UidSet.of(uid for uid, _, _ in moved))
                    update = MailboxUpdate(labels=labels)
                    await self.round.call(store.messages.apply, self.mailbox.id, update, self.round.now)

    async def _still_there(self, moves: Sequence[Debt]) -> set[int]:
        """Which messages of these moves lie on the server where the moves found them."""
        store = self.round.app.store
        there: set[int] = set()
        for number in {debt.mailbox for debt in moves if debt.uid > 0}:
            uids = {debt.uid: debt.message for debt in moves if debt.mailbox == number and debt.uid > 0}
            try:
                source = await self.round.call(store.mailboxes.get, number)
                await self.imap.select(source.name)
                there |= {uids[uid] for uid in await still_there(self.imap, UidSet.of(uids))}
            except (Refused, Gone):  # the old place is gone, and so is what lay there
                continue
        await self.imap.select(self.mailbox.name)
        return there

    async def fetch_around(self, portion: UidSet) -> UidSet:
        """As `fetch`, where the server refuses because of single mails (Yahoo's `[UNAVAILABLE] UID FETCH
        Server error`): the rest is asked for in halves, down to the mails that it will not give. Those
        are among what is returned; `ask_singly` puts them aside. Raises the refusal where it looks
        like one of everything."""
        missing = UidSet()
        waiting = [portion]
        while waiting:
            part = waiting.pop()
            try:
                missing = missing | await self.fetch(part)
            except Refused:
                self.refusals += 1
                if self.refusals > _MOST_REFUSALS:
                    raise
                left = part & self.remaining
                if len(left) <= 1:
                    missing = missing | left
                    continue
                half = -(-len(left) // 2)
                waiting += reversed(list(left.chunks(half, newest_first=True)))
        return missing

    async def fetch(self, portion: UidSet) -> UidSet:
        """Brings of each mail of `portion` into the store what its mode wants; returns the UIDs for
        which nothing usable came."""
        shares = await self._shares(portion)
        # The newest mails of a window of days come first, as all newest mails do.
        missing = UidSet()
        if shares[Share.WHOLE]:
            missing = await self._stream(shares[Share.WHOLE])
        if shares[Share.TEXT]:
            missing = missing | await self._excerpts(shares[Share.TEXT])
        if shares[Share.HEADER]:
            missing = missing | await self._stream(shares[Share.HEADER], headers_only=True)
        return missing

    async def _shares(self, portion: UidSet) -> dict[Share, UidSet]:
        """How much of each mail is wanted. Of a mail that the server tells no size of, all is."""
        shares = dict.fromkeys(Share, UidSet())
        match self.window.keep.kind:
            case KeepKind.EVERYTHING:
                return {**shares, Share.WHOLE: portion}
            case KeepKind.HEADERS:
                whole = portion & self.wanted_whole
                return {**shares, Share.WHOLE: whole, Share.HEADER: portion - whole}
            case KeepKind.DAYS | KeepKind.SIZE:
                asked = portion - self.wanted_whole
                told = await self.imap.fetch_arrivals(asked)
                sorted_out: dict[Share, list[int]] = {share: [] for share in Share}
                for uid, (size, arrived) in told.items():
                    if uid in asked:
                        sorted_out[self.window.share(size, arrived)].append(uid)
                shares = {share: UidSet.of(uids) for share, uids in sorted_out.items()}
                return {**shares, Share.WHOLE: portion - shares[Share.TEXT] - shares[Share.HEADER]}
            case _:
                assert_never(self.window.keep.kind)

    async def _excerpts(self, uids: UidSet) -> UidSet:
        """Mails without their large parts; those that cannot be taken apart come whole."""
        from eilbote.engine.excerpt import fetch_excerpts  # noqa: PLC0415  # one mode reads structures

        got = UidSet()
        async for batch in fetch_excerpts(self.imap, uids, self.window.keep.amount):
            await self._take_in(batch, None, Share.TEXT)
            got = got | UidSet.of(one.uid for one in batch)
        return await self._stream(uids - got) if uids - got else UidSet()

    async def _stream(self, portion: UidSet, *, headers_only: bool = False) -> UidSet:
        """Streams mails, or their headers, into the store; returns the UIDs for which nothing usable
        came. While one batch is received, those before it are prepared and stored, each after the
        one before."""
        got = UidSet()
        share = Share.HEADER if headers_only else Share.WHOLE
        await self.round.preparer.expect(len(portion))
        under_way: deque[asyncio.Task[None]] = deque()
        try:
            async with aclosing(self.imap.fetch_messages(portion, headers_only=headers_only)) as batches:
                async for batch in batches:
                    whole = [one for one in batch if one.raw is not None and one.uid in portion]
                    if len(under_way) == _AHEAD:
                        await under_way[0]
                        under_way.popleft()
                    before = under_way[-1] if under_way else None
                    under_way.append(asyncio.create_task(self._take_in(whole, before, share)))
                    got = got | UidSet.of(one.uid for one in whole)
        except asyncio.CancelledError:
            for task in under_way:
                task.cancel()
            raise
        finally:  # what came before the line broke is stored
            ends = await asyncio.gather(*under_way, return_exceptions=True)
        for end in ends:
            if end is not None:
                raise end
        return portion - got

    async def _take_in(
        self, batch: Sequence[FetchedMessage], before: asyncio.Task[None] | None, share: Share
    ) -> None:
        """Prepares a batch at once, and stores it when `before` is stored; else not at all."""
        prepared = await self.round.preparer.prepare([one.raw or b"" for one in batch])
        if before is not None:
            await before
        await self._store(batch=batch, prepared=prepared, share=share)

    async def ask_singly(self, missing: UidSet) -> None:
        """A second try for each mail that did not come; what fails again is quarantined."""
        still_listed = await self.imap.search_uids(within=missing)
        gone = missing - still_listed
        if gone:
            await self._store(gone=gone)
        for uid in still_listed:
            if self.put_aside >= _MOST_ASKED_SINGLY:
                raise Garbled("sync.gives_too_little", mailbox=self.mailbox.name, count=self.put_aside)
            problem = Problem("sync.no_body", {"mailbox": self.mailbox.name, "uid": str(uid)})
            try:
                left = await self.fetch(UidSet.of([uid]))
            except Refused as refusal:
                shown = {**problem.parameters, "text": refusal.problem.parameters.get("text", "")}
                problem, left = Problem("sync.mail_refused", shown), UidSet.of([uid])
            if left:
                self.put_aside += 1
                await self._store(quarantined=[(uid, problem)])
                self.round.problems.append((self.mailbox.name, problem))

    async def _store(
        self,
        *,
        batch: Sequence[FetchedMessage] = (),
        prepared: Batch = _NOTHING,
        moved_in: Sequence[tuple[int, int, FlagChange]] = (),
        quarantined: Sequence[tuple[int, Problem]] = (),
        gone: UidSet | None = None,
        share: Share = Share.WHOLE,
    ) -> None:
        covered = UidSet.of(
            [*(one.uid for one in batch), *(one[0] for one in moved_in), *(uid for uid, _ in quarantined)]
        )
        self.remaining = self.remaining - (covered | (gone or UidSet()))
        if gone:
            # Told of by the mailbox, and given neither by FETCH nor by SEARCH: it counts no more as
            # accounted for, so that the next round looks again while the server still counts it.
            marks = self.mailbox.watermarks
            exists = max(0, marks.exists - len(gone))
            self.mailbox = replace(self.mailbox, watermarks=replace(marks, exists=exists))
        applied = await self.round.call(
            self._apply, batch, prepared, moved_in, quarantined, self.remaining, share
        )
        tally = self.round.tally
        tally.new += applied.new
        tally.changed += applied.changed
        if self.round.indexer is not None:
            await self.round.indexer.committed(applied.ids)
        self.round.bytes_fetched += sum(one.size for one in batch)
        self.round.tell("fetch", self.mailbox.name, self.total - len(self.remaining), self.total)

    def _apply(
        self,
        batch: Sequence[FetchedMessage],
        prepared: Batch,
        moved_in: Sequence[tuple[int, int, FlagChange]],
        quarantined: Sequence[tuple[int, Problem]],
        remaining: UidSet,
        share: Share,
    ) -> Applied:
        store = self.round.app.store
        self.mailbox = replace(self.mailbox, watermarks=replace(self.mailbox.watermarks, backfill=remaining))
        update = MailboxUpdate(
            arrivals=[_arrival(one, known, share) for one, known in zip(batch, prepared.mails, strict=True)],
            blocks=prepared.blocks,
            moved_in=moved_in,
            quarantined=quarantined,
            watermarks=self.mailbox.watermarks,
        )
        return store.messages.apply(self.mailbox.id, update, self.round.now)


def _arrival(fetched: FetchedMessage, prepared: Prepared, share: Share) -> Arrival:
    raw = fetched.raw or b""
    return Arrival(
        fetched.uid,
        fetched.flags,
        fetched.internal_date,
        fetched.modseq,
        raw,
        prepared,
        fetched.email_id,
        fetched.labels,
        fetched.size if share is not Share.WHOLE else 0,
        server_thread(fetched.thread_id),
    )


def _pair_moved(
    found: Sequence[FetchedIdentity],
    candidates: Sequence[Sequence[Candidate]],
    mailbox: int,
    moving: Collection[int],
    *,
    gmail: bool,
) -> list[tuple[int, int, FlagChange]]:
    """Which arrivals are mails that we hold: tombstones, mails waiting here for their number, and
    mails that a change made here is just moving elsewhere (`moving`); each once.

    On Gmail the same X-GM-MSGID in another mailbox is the same message; elsewhere a mail that
    still lies in its old place has been copied, and a copy is a new message."""
    taken: set[int] = set()
    moved = []
    for one, possible in zip(found, candidates, strict=True):
        for candidate in possible:
            waiting = candidate.uid < 0 and (candidate.mailbox == mailbox or candidate.message in moving)
            homeless = candidate.removed_at is not None or waiting
            same = (
                candidate.identity.email_id == one.email_id
                if candidate.identity.email_id and one.email_id
                else int(candidate.identity.internal_date) == int(one.internal_date) or candidate.uid < 0
            )
            if same and candidate.message not in taken and (homeless or (gmail and bool(one.email_id))):
                taken.add(candidate.message)
                moved.append((one.uid, candidate.message, FlagChange(one.uid, one.flags, one.modseq)))
                break
    return moved
