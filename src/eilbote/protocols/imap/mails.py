"""Mails of the open mailbox: opened, searched, fetched, flagged, copied, moved, appended, as flows.

Only UID commands; never a plain EXPUNGE, which would also remove what others marked (museum M14).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence

from eilbote.errors import Garbled, Misused, NotAllowed, Refused
from eilbote.mail.mailbox import MAX_UID, RECENT, Flags, MailboxName, ModSeq, Uid, UidSet
from eilbote.protocols.imap import encode
from eilbote.protocols.imap.connection import Reply
from eilbote.protocols.imap.dates import internal_date
from eilbote.protocols.imap.dialogue import Dialogue, Flow, ask, ask_one, check, statuses
from eilbote.protocols.imap.encode import Command, Literal, Piece, command
from eilbote.protocols.imap.fetch import Fetch
from eilbote.protocols.imap.responses import (
    Exists,
    Expunged,
    FlagsDefined,
    Found,
    Listed,
    Recent,
    StatusTold,
    Vanished,
)
from eilbote.protocols.imap.search import ALL, SearchKey, Uids
from eilbote.protocols.imap.traits import Trait
from eilbote.protocols.imap.types import (
    AppendUid,
    CopyUid,
    FetchedFlags,
    FetchedIdentity,
    FetchedLabels,
    Known,
    Selected,
    Stored,
    StoreMode,
)

_MESSAGE_ID = re.compile(
    rb"message-id:[ \t]*(?:\r?\n[ \t]+)*(.*?)(?:\r?\n(?![ \t])|\Z)", re.IGNORECASE | re.DOTALL
)
_SECTION = re.compile(r"HEADER|TEXT|[0-9]+(?:\.[0-9]+)*(?:\.MIME)?", re.ASCII)
_MOST_MODSEQ = 2**63 - 1
_PAGE = 1000
"""Messages that every server answers at once."""
_MOST_PAGES = 1000
_GONE = [Exists, Expunged, Recent, Vanished, Fetch]


# --- opening ------------------------------------------------------------------------------------


def select(dialogue: Dialogue, name: MailboxName, *, read_only: bool, known: Known | None) -> Flow[Selected]:
    """SELECT or EXAMINE; with `known` and QRESYNC the answer holds what changed since (RFC 7162
    section 3.2.5)."""
    arguments: list[Piece] = [dialogue.name_to_wire(name)]
    resync = known is not None and known.modseq > 0 and known.uidvalidity > 0 and dialogue.has_qresync
    if resync and known is not None:
        parts = [encode.number(known.uidvalidity), encode.number(known.modseq)]
        if known.uids:
            sets = encode.sequence_sets(known.uids)
            parts += sets[:1] if len(sets) == 1 else []  # the set is optional; too long, it is left out
        arguments.append(b"(QRESYNC " + encode.listed(parts) + b")")
    elif dialogue.has_condstore:
        arguments.append(b"(CONDSTORE)")
    dialogue.leave_mailbox()
    verb = "EXAMINE" if read_only else "SELECT"
    reply = yield from ask_one(
        # LIST comes too in IMAP4rev2 (RFC 9051 section 6.3.2)
        command(verb, *arguments, alone=True, expects=[Exists, Recent, FlagsDefined, Vanished, Fetch, Listed])
    )
    dialogue.connection.unsolicited.forget_mailbox()
    dialogue.selected = _selected(name, reply, resync=resync, known=known)
    return dialogue.selected


def _selected(name: MailboxName, reply: Reply, *, resync: bool, known: Known | None) -> Selected:
    exists = 0
    vanished = UidSet()
    changed: dict[Uid, FetchedFlags] = {}
    for one in reply.untagged:
        match one:
            case Exists(count=count):
                exists = count
            case Vanished(uids=uids):
                vanished = vanished | uids
            case Fetch():
                told = one.as_flags()
                if told is not None:
                    changed[told.uid] = told
            case _:
                pass
    codes = {status.code.name: status.code for status in statuses([reply]) if status.code is not None}
    numbers = {name: code.number for name, code in codes.items()}
    highest = numbers.get("HIGHESTMODSEQ", 0)
    if highest > _MOST_MODSEQ or "NOMODSEQ" in codes:
        highest = 0
    # A number out of range (RFC 9051 section 9, `nz-number`) is none.
    uidvalidity, uidnext = (
        numbers.get(name, 0) if numbers.get(name, 0) <= MAX_UID else 0 for name in ("UIDVALIDITY", "UIDNEXT")
    )
    same = known is not None and known.uidvalidity == uidvalidity and known.modseq <= highest
    mailbox_id = codes.get("MAILBOXID")
    permanent = codes.get("PERMANENTFLAGS")
    return Selected(
        name=name,
        uidvalidity=uidvalidity,
        uidnext=uidnext,
        exists=exists,
        highestmodseq=highest,
        read_only="READ-ONLY" in codes,
        uid_not_sticky="UIDNOTSTICKY" in codes,
        permanent_flags=permanent.flags if permanent is not None else None,
        mailbox_id=mailbox_id.first if mailbox_id is not None else "",
        # Under another UIDVALIDITY, or with a mod-sequence that is gone or went down, the server could
        # not resynchronise, whatever it said.
        resynced=resync and same,
        vanished=vanished,
        changed=tuple(changed.values()),
    )


def unselect(dialogue: Dialogue) -> Flow[None]:
    """Leaves the open mailbox without expunging anything (RFC 3691). Without UNSELECT it stays open,
    which harms nothing."""
    if dialogue.selected is not None and dialogue.can("UNSELECT"):
        yield from ask_one(command("UNSELECT", alone=True))
        dialogue.leave_mailbox()


# --- asking -------------------------------------------------------------------------------------


def search(dialogue: Dialogue, key: SearchKey = ALL) -> Flow[UidSet]:
    """UID SEARCH, in the short form of ESEARCH where the server has it (RFC 9051 section 6.4.4)."""
    arguments: list[Piece] = []
    if dialogue.can("ESEARCH"):
        arguments.append(b"RETURN (ALL)")
    pieces = key.pieces(utf8=dialogue.utf8)
    plain = all(isinstance(one, bytes) and one.isascii() for one in pieces)
    # RFC 6855 section 3: after ENABLE UTF8=ACCEPT there is no CHARSET any more
    if not plain and not dialogue.utf8:
        arguments.append(b"CHARSET UTF-8")
    reply = yield from ask_one(command("UID SEARCH", *arguments, pieces, expects=[Found]))
    found = UidSet()
    for one in reply.untagged:
        if isinstance(one, Found):
            found = found | one.numbers
    return found


_MORE_THAN_TOLD = 10_000
"""UIDs beyond the number of messages that a SEARCH may name: some that came a moment ago."""


def list_uids(dialogue: Dialogue) -> Flow[UidSet]:
    """Every UID. Where SEARCH is refused (Mail2World) or gives fewer than there are messages (Yahoo
    stops at 1000), they are fetched instead: all at once, and where even that is not all, page by
    page of sequence numbers."""
    try:
        found = yield from search(dialogue)
    except Refused as refusal:
        if refusal.problem.retry_after is not None:
            raise
        found = UidSet()
    messages = max(0, dialogue.connection.messages)
    if len(found) > 2 * messages + _MORE_THAN_TOLD:
        raise Garbled("imap.flood", limit=messages)
    if len(found) < messages:
        replies = yield from ask(*_fetches(UidSet.range(1, MAX_UID), b"(UID)"))
        found = found | UidSet.of(one.uid for one in _fetched(replies) if one.uid is not None)
    first = 1
    while len(found) < dialogue.connection.messages and first < _PAGE * _MOST_PAGES:
        last = min(first + _PAGE - 1, dialogue.connection.messages)
        page = b"%d:%d" % (first, last)
        replies = yield (command("FETCH", page, b"(UID)", expects=[Fetch, Expunged, Vanished]),)
        told = UidSet.of(one.uid for one in _fetched(replies) if one.uid is not None)
        if not told:
            break  # refused, or the count was a lie
        found = found | told
        first = last + 1
    return found


def search_within(dialogue: Dialogue, uids: UidSet, key: SearchKey = ALL) -> Flow[UidSet]:
    """Those of `uids` that exist and match; several commands where the set is long."""
    found = UidSet()
    for part in encode.sequence_sets(uids):
        found = found | (yield from search(dialogue, Uids(UidSet.parse(part.decode("ascii"))) & key))
    return found & uids


def fetch_flags(dialogue: Dialogue, uids: UidSet, changed_since: ModSeq) -> Flow[tuple[FetchedFlags, ...]]:
    """Flags; with `changed_since` only those changed after that mod-sequence (RFC 7162 section 3.1.4)."""
    items = b"(UID FLAGS MODSEQ)" if dialogue.has_condstore else b"(UID FLAGS)"
    modifier = (b"(CHANGEDSINCE " + encode.number(changed_since) + b")",) if changed_since else ()
    replies = yield from ask(*_fetches(uids, items, *modifier))
    found: dict[Uid, FetchedFlags] = {}
    for fetch in _fetched(replies):
        told = fetch.as_flags()
        if told is not None:
            found[told.uid] = told
    return tuple(found.values())


def fetch_labels(dialogue: Dialogue, uids: UidSet, changed_since: ModSeq) -> Flow[tuple[FetchedLabels, ...]]:
    """Gmail's labels and conversations; with `changed_since` of what changed after that mod-sequence."""
    modifier = (b"(CHANGEDSINCE " + encode.number(changed_since) + b")",) if changed_since else ()
    replies = yield from ask(*_fetches(uids, b"(UID X-GM-LABELS X-GM-THRID)", *modifier))
    return tuple(
        FetchedLabels(one.uid, one.labels, one.thread_id)
        for one in _fetched(replies)
        if one.uid is not None and one.thread_id  # news of flags alone tell of no labels
    )


def fetch_identities(dialogue: Dialogue, uids: UidSet) -> Flow[tuple[FetchedIdentity, ...]]:
    """What recognises messages without their bodies: some 300 bytes each."""
    items = [b"UID", b"FLAGS", b"INTERNALDATE", b"RFC822.SIZE", *_identity_items(dialogue)]
    items.append(b"BODY.PEEK[HEADER.FIELDS (MESSAGE-ID)]")
    replies = yield from ask(*_fetches(uids, encode.listed(items)))
    found: dict[Uid, FetchedIdentity] = {}
    for fetch in _fetched(replies):
        if fetch.uid is not None and fetch.size is not None:
            header = next((value for value in fetch.sections.values() if value is not None), b"")
            found[fetch.uid] = FetchedIdentity(
                fetch.uid,
                0 if dialogue.shows(Trait.SIZES_UNRELIABLE) else fetch.size,
                fetch.internal_date or 0.0,
                message_id(header),
                fetch.email_id,
                fetch.flags or frozenset(),
                fetch.modseq,
            )
    return tuple(found.values())


def fetch_sizes(uids: UidSet) -> Flow[dict[Uid, int]]:
    """RFC822.SIZE of messages."""
    replies = yield from ask(*_fetches(uids, b"(UID RFC822.SIZE)"))
    return {one.uid: one.size for one in _fetched(replies) if one.uid is not None and one.size is not None}


def fetch_arrivals(uids: UidSet) -> Flow[dict[Uid, tuple[int, float]]]:
    """RFC822.SIZE and INTERNALDATE of messages."""
    replies = yield from ask(*_fetches(uids, b"(UID RFC822.SIZE INTERNALDATE)"))
    return {
        one.uid: (one.size, one.internal_date or 0.0)
        for one in _fetched(replies)
        if one.uid is not None and one.size is not None
    }


def fetch_sections(dialogue: Dialogue, wanted: Mapping[Uid, Sequence[str]]) -> Flow[tuple[Fetch, ...]]:
    """Of each message its own sections (`HEADER`, `2.1`, `2.MIME`), beside what a whole mail comes with."""
    commands = []
    for uid, sections in wanted.items():
        items = _mail_items(dialogue)
        for section in sections:
            if _SECTION.fullmatch(section) is None:
                raise Misused("imap.argument", what=section)
            items.append(b"BODY.PEEK[" + section.encode("ascii") + b"]")
        commands += _fetches(UidSet.of([uid]), encode.listed(items))
    replies = yield from ask(*commands)
    return tuple(one for one in _fetched(replies) if one.uid is not None and one.sections)


def fetch_structures(uids: UidSet) -> Flow[tuple[Fetch, ...]]:
    """ENVELOPE and BODYSTRUCTURE as the server made them."""
    replies = yield from ask(*_fetches(uids, b"(UID ENVELOPE BODYSTRUCTURE)"))
    return tuple(one for one in _fetched(replies) if one.uid is not None and one.structure is not None)


def mail_fetches(dialogue: Dialogue, uids: UidSet, *, headers_only: bool) -> list[Command]:
    """The streaming commands that fetch whole mails, or their headers. `BODY.PEEK[]`, never RFC822:
    nothing becomes \\Seen, and iCloud answers RFC822 with nothing."""
    section = "HEADER" if headers_only else ""
    items = [*_mail_items(dialogue), b"BODY.PEEK[" + section.encode("ascii") + b"]"]
    return [
        command("UID FETCH", part, encode.listed(items), streams=section)
        for part in encode.sequence_sets(uids)
    ]


def _mail_items(dialogue: Dialogue) -> list[bytes]:
    items = [b"UID", b"FLAGS", b"INTERNALDATE", b"RFC822.SIZE", *_identity_items(dialogue)]
    if dialogue.has_condstore:
        items.append(b"MODSEQ")
    if dialogue.can("X-GM-EXT-1"):
        items += [b"X-GM-LABELS", b"X-GM-THRID"]
    return items


def _identity_items(dialogue: Dialogue) -> list[bytes]:
    if dialogue.can("X-GM-EXT-1"):
        return [b"X-GM-MSGID"]
    return [b"EMAILID"] if dialogue.can("OBJECTID") else []  # RFC 8474 section 5.1


def _fetches(uids: UidSet, items: bytes, *modifiers: bytes) -> list[Command]:
    return [
        command("UID FETCH", part, items, *modifiers, expects=[Fetch, Vanished])
        for part in encode.sequence_sets(uids)
    ]


def _fetched(replies: Iterable[Reply]) -> list[Fetch]:
    return [one for reply in replies for one in reply.untagged if isinstance(one, Fetch)]


def message_id(header: bytes) -> str:
    """The Message-ID without its brackets and without the white space of folding."""
    found = _MESSAGE_ID.search(header)
    if found is None:
        return ""
    text = re.sub(rb"\s+", b"", found[1]).decode("utf-8", "replace")
    return text[1:-1] if text.startswith("<") and text.endswith(">") else text


# --- changing -----------------------------------------------------------------------------------


def store_flags(uids: UidSet, mode: StoreMode, flags: Flags, unchanged_since: ModSeq) -> Flow[Stored]:
    """Adds, removes or replaces flags. With `unchanged_since` what was changed meanwhile is left
    alone and named (RFC 7162 section 3.1.3)."""
    modifier = (b"(UNCHANGEDSINCE " + encode.number(unchanged_since) + b")",) if unchanged_since else ()
    words = mode.value.encode("ascii") + b"FLAGS", encode.flags(flags - {RECENT})
    replies = yield tuple(
        command("UID STORE", part, *modifier, *words, expects=[Fetch]) for part in encode.sequence_sets(uids)
    )
    modified = UidSet()
    for reply in replies:
        code = reply.status.code
        if code is not None and code.name == "MODIFIED":
            modified = modified | code.uids
        else:  # with MODIFIED a NO means only that not all was changed
            check(reply)
    told = {one.uid: one for fetch in _fetched(replies) if (one := fetch.as_flags()) is not None}
    return Stored(modified, tuple(told.values()))


def copy(dialogue: Dialogue, uids: UidSet, target: MailboxName) -> Flow[CopyUid | None]:
    """UID COPY; the new UIDs where the server tells them."""
    return (yield from _transfer(dialogue, "UID COPY", uids, target))


def move(dialogue: Dialogue, uids: UidSet, target: MailboxName) -> Flow[CopyUid | None]:
    """UID MOVE (RFC 6851). NotAllowed where the server has none."""
    if not dialogue.can("MOVE"):
        raise NotAllowed("imap.no_move", host=dialogue.host)
    return (yield from _transfer(dialogue, "UID MOVE", uids, target))


def _transfer(dialogue: Dialogue, verb: str, uids: UidSet, target: MailboxName) -> Flow[CopyUid | None]:
    """One command after another, so that a refusal stops the rest."""
    pairs: list[tuple[Uid, Uid]] = []
    uidvalidity = 0
    for part in encode.sequence_sets(uids):
        name = dialogue.name_to_wire(target)
        reply = yield from ask_one(command(verb, part, name, expects=_GONE))
        # Untagged before the reply as with MOVE (RFC 6851 section 4.3), or in the reply itself.
        for status in statuses([reply]):
            if status.code is not None and status.code.name == "COPYUID":
                told = status.code.copied
                if told is not None:
                    uidvalidity = told.uidvalidity
                    pairs += told.pairs
    return CopyUid(uidvalidity, tuple(pairs)) if pairs else None


def expunge(dialogue: Dialogue, uids: UidSet) -> Flow[None]:
    """UID EXPUNGE of exactly these, if they are marked as deleted (RFC 4315 section 2.1)."""
    if not dialogue.can("UIDPLUS"):
        raise NotAllowed("imap.no_uidplus", host=dialogue.host)
    yield from ask(*(command("UID EXPUNGE", part, expects=_GONE) for part in encode.sequence_sets(uids)))


def append(
    dialogue: Dialogue, name: MailboxName, raw: bytes, flags: Flags, arrived: float | None
) -> Flow[AppendUid | None]:
    """APPEND, byte for byte; the new UID where the server tells it. Misused `imap.too_large` where
    the server has said that it takes no mail of this size (APPENDLIMIT, RFC 7889)."""
    limit = append_limit(dialogue.capabilities)
    if limit is not None and len(raw) > limit:
        raise Misused("imap.too_large", size=len(raw), limit=limit)
    arguments: list[Piece] = [dialogue.name_to_wire(name)]
    if flags - {RECENT}:
        arguments.append(encode.flags(flags - {RECENT}))
    if arrived is not None:
        try:
            arguments.append(b'"' + internal_date(arrived) + b'"')
        except ValueError:
            raise Misused("imap.argument", what=f"date {arrived}") from None
    arguments.append(Literal(raw))
    reply = yield from ask_one(command("APPEND", *arguments, expects=[Exists, Recent]))
    code = reply.status.code
    return code.appended if code is not None and code.name == "APPENDUID" else None


def append_limit(capabilities: frozenset[str]) -> int | None:
    """The largest mail that the server takes, None if it has not said."""
    for name in capabilities:
        value = name.removeprefix("APPENDLIMIT=")
        if value != name and value.isdigit():
            return int(value[:19])
    return None


def noop(dialogue: Dialogue) -> Flow[None]:
    """Asks for news of the open mailbox. Coremail ends sessions that say nothing but NOOP: there a
    STATUS goes with it."""
    asked = [command("NOOP")]
    if dialogue.shows(Trait.NOOP_IS_NO_SIGN):
        asked.append(command("STATUS", b"INBOX", b"(MESSAGES)", expects=[StatusTold]))
    yield from ask(*asked)
