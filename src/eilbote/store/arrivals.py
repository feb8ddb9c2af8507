"""Stores arriving mail: the hot path of a first sync.

A thousand mails cost about twenty statements, none of them per mail. Applying the same arrivals
again changes nothing. It must never give a message id twice, nor lose one that the user knows.
"""

from __future__ import annotations

from collections.abc import Sequence

from msgspec import Struct, field

from eilbote.mail.mailbox import SEEN, Flags, Uid, flags_from_text, flags_to_text
from eilbote.store import placed as placements
from eilbote.store.bodies import Bodies, Stored, take_numbers
from eilbote.store.conflicts import OTHER_BYTES, log_conflict
from eilbote.store.database import Row, Session, chunked, in_list, integer
from eilbote.store.envelopes import ENVELOPE_COLUMNS, clean
from eilbote.store.findings import damaged_among
from eilbote.store.overlay import Overlay
from eilbote.store.placed import Placed
from eilbote.store.settling import Waiting, adoptable, settle
from eilbote.store.threads import assign
from eilbote.store.update_values import Arrival, Block
from eilbote.store.values import Mailbox

_MESSAGE_COLUMNS = (
    "id",
    "account",
    "content",
    "size",
    "message_key",
    "thread",
    "internal_date",
    "email_id",
    *ENVELOPE_COLUMNS,
)


class Outcome(Struct):
    """What arrivals changed so far; `ids` in the order of the arrivals."""

    ids: list[int] = field(default_factory=list)
    fresh: list[int] = field(default_factory=list)
    placed: list[Placed] = field(default_factory=list)
    settled: list[int] = field(default_factory=list)
    replaced: list[int] = field(default_factory=list)
    unread: int = 0


def store_arrivals(
    session: Session,
    bodies: Bodies,
    mailbox: Mailbox,
    arrivals: Sequence[Arrival],
    blocks: Sequence[Block] | None,
    overlay: Overlay,
    now: float,
) -> Outcome:
    """Stores bodies, messages and placements; the caller adds counts and change numbers."""
    outcome = Outcome()
    live = placements.at_uids(session, mailbox.id, [arrival.uid for arrival in arrivals])
    damaged = damaged_among(session, mailbox.id, list(live)) if live else set()
    anew = {one.prepared.sha256 for one in arrivals if one.uid in damaged}
    stored = bodies.store(session, [(one.prepared.sha256, one.raw) for one in arrivals], blocks, anew)
    waiting = adoptable(session, mailbox.id)
    homeless = _homeless(session, mailbox.account, [one.content for one in stored if one.known])
    new: list[tuple[int, Arrival, Stored]] = []
    taken: dict[Uid, int] = {}
    repeated: list[tuple[int, int]] = []
    for arrival, body in zip(arrivals, stored, strict=True):
        held = live.get(arrival.uid)
        if held is not None:
            outcome.ids.append(held.message)
            _compare(session, mailbox, held, arrival, body, outcome, now, healed=arrival.uid in damaged)
        elif arrival.uid in taken:  # the same UID twice in one batch: the first has it
            repeated.append((len(outcome.ids), taken[arrival.uid]))
            outcome.ids.append(0)
            continue
        elif (adopted := _adopted(session, mailbox, waiting, arrival, body)) is not None:
            outcome.ids.append(adopted)
            outcome.settled.append(adopted)
        elif body.content in homeless:
            message = homeless.pop(body.content)
            outcome.ids.append(message)
            outcome.placed.append(_place(arrival, message, overlay.over(arrival.uid, arrival.flags)))
        else:
            new.append((len(outcome.ids), arrival, body))
            outcome.ids.append(0)
        taken[arrival.uid] = len(outcome.ids) - 1
    if new:
        _insert_messages(session, mailbox.account, new, outcome, overlay)
    for at, first in repeated:
        outcome.ids[at] = outcome.ids[first]
    placements.insert(session, mailbox.id, outcome.placed)
    outcome.unread = sum(SEEN not in one.flags for one in outcome.placed)
    return outcome


def insert_messages(
    session: Session, account: int, arrivals: Sequence[Arrival], bodies: Sequence[Stored]
) -> list[int]:
    """New message rows for bodies that are stored; returns their ids."""
    outcome = Outcome(ids=[0] * len(arrivals))
    new = [(at, arrival, body) for at, (arrival, body) in enumerate(zip(arrivals, bodies, strict=True))]
    _insert_messages(session, account, new, outcome, Overlay())
    return outcome.ids


def _insert_messages(
    session: Session,
    account: int,
    new: Sequence[tuple[int, Arrival, Stored]],
    outcome: Outcome,
    overlay: Overlay,
) -> None:
    first = take_numbers(session, "message", len(new))
    ids = range(first, first + len(new))
    kept = [arrival.thread for _, arrival, _ in new]
    threads = assign(session, account, [arrival.prepared for _, arrival, _ in new], ids, kept)
    texts: dict[Flags, str] = {}
    rows: list[Row] = []
    labels: list[Row] = []
    for message, (at, arrival, body), (key, thread) in zip(ids, new, threads, strict=True):
        flags = overlay.over(arrival.uid, arrival.flags) if overlay.wishes else arrival.flags
        written = texts.get(flags)
        if written is None:
            written = texts[flags] = clean(flags_to_text(flags))
        size, date = arrival.size or len(arrival.raw), arrival.internal_date
        email_id = clean(arrival.email_id) if arrival.email_id else ""
        rows.append(
            (message, account, body.content, size, key, thread, date, email_id, *arrival.prepared.columns)
        )
        outcome.ids[at] = message
        outcome.placed.append(Placed(arrival.uid, message, written, int(date), arrival.modseq))
        if arrival.labels:
            labels += [(message, clean(label)) for label in dict.fromkeys(arrival.labels)]
    session.insert_many("message", _MESSAGE_COLUMNS, rows)
    session.insert_many("label", ("message", "label"), labels, "ON CONFLICT DO NOTHING")
    outcome.fresh += ids


def _place(arrival: Arrival, message: int, flags: Flags) -> Placed:
    written = clean(flags_to_text(flags))
    return Placed(arrival.uid, message, written, int(arrival.internal_date), arrival.modseq)


def _homeless(session: Session, account: int, contents: Sequence[int]) -> dict[int, int]:
    """Messages of the account with one of these contents that lie nowhere any more, by content:
    a mail that comes back keeps its id."""
    found: dict[int, int] = {}
    for chunk in chunked(dict.fromkeys(contents)):
        rows = session.rows(
            "SELECT content, id FROM message WHERE account = ?"
            f" AND content IN {in_list(len(chunk))}"
            " AND NOT EXISTS (SELECT 1 FROM placement WHERE message = message.id) ORDER BY id DESC",
            (account, *chunk),
        )
        found.update((integer(content), integer(message)) for content, message in rows)
    return found


def _compare(
    session: Session,
    mailbox: Mailbox,
    held: Placed,
    arrival: Arrival,
    body: Stored,
    outcome: Outcome,
    now: float,
    *,
    healed: bool,
) -> None:
    """An arrival for a UID that is live: the same bytes change nothing, others win. `healed`: what
    was here is damaged, so that whatever comes is more than that."""
    row = session.one(
        "SELECT m.content, m.size, c.size FROM message m JOIN content c ON c.id = m.content WHERE m.id = ?",
        (held.message,),
    )
    if row is not None and row[0] == body.content and not healed:
        return
    in_part = row is not None and integer(row[1]) > integer(row[2])
    part_came = arrival.size > len(arrival.raw)
    # A part of a mail takes the place of a smaller part only.
    less = row is not None and (not in_part or len(arrival.raw) <= integer(row[2]))
    if part_came and less and not healed:
        return
    if row is not None and row[0] != body.content and not in_part and not part_came:
        detail = {"uid": str(arrival.uid), "content": str(row[0])}
        log_conflict(session, mailbox.account, mailbox.id, held.message, OTHER_BYTES, detail, now)
    settings = ", ".join(f"{name} = ?" for name in ENVELOPE_COLUMNS)
    session.run(
        f"UPDATE message SET content = ?, size = ?, {settings} WHERE id = ?",
        (body.content, arrival.size or len(arrival.raw), *arrival.prepared.columns, held.message),
    )
    outcome.replaced.append(held.message)


def _adopted(
    session: Session, mailbox: Mailbox, waiting: list[Waiting], arrival: Arrival, body: Stored
) -> int | None:
    """The message of ours that was waiting for just this number, if there is one."""
    for at, one in enumerate(waiting):
        if one.content == body.content:
            del waiting[at]
            settle(session, mailbox.id, one.uid, arrival.uid)
            return one.message
    return None


def flags_of(placed: Placed) -> Flags:
    """A placement's flags as a set."""
    return flags_from_text(placed.flags)
