"""From the responses of one command to its answer: what was listed, opened, fetched, copied.

Pure. Everything here tolerates what real servers leave out.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

from eilbote.errors import Garbled
from eilbote.mail.mailbox import RECENT, MailboxName, SpecialUse, UidSet, canonical_flag
from eilbote.protocols.imap.dates import internal_date
from eilbote.protocols.imap.responses import (
    Code,
    Exists,
    Fetch,
    ListedName,
    Response,
    Status,
    Vanished,
    number_of,
    text_of,
)
from eilbote.protocols.imap.roles import rank_by_name, role_by_attribute
from eilbote.protocols.imap.types import (
    AppendUid,
    CopyUid,
    FetchedFlags,
    FetchedIdentity,
    FetchedMessage,
    MailboxListing,
    MailboxStatus,
    Selected,
)
from eilbote.protocols.imap.wire import Token

_MESSAGE_ID = re.compile(
    rb"message-id:[ \t]*(?:\r?\n[ \t]+)*(.*?)(?:\r?\n(?![ \t])|$)", re.IGNORECASE | re.DOTALL
)


def listings_of(
    listed: Iterable[ListedName], statuses: Mapping[MailboxName, MailboxStatus]
) -> tuple[MailboxListing, ...]:
    """One listing for each name that LIST gave, with what LSUB says of it; roles by attribute, then
    by name where no mailbox has the role yet."""
    found: dict[MailboxName, MailboxListing] = {}
    for one in listed:
        before = found.get(one.name)
        subscribed = one.command == "LSUB" or "\\subscribed" in one.attributes
        if one.command == "LSUB" and before is None:
            continue  # subscribed to what is not there
        if before is not None:
            merged = before.attributes | (one.attributes if one.command != "LSUB" else frozenset())
            found[one.name] = replace(before, attributes=merged, subscribed=before.subscribed or subscribed)
        else:
            found[one.name] = MailboxListing(
                one.name, one.delimiter, one.attributes, None, subscribed, statuses.get(one.name)
            )
    return _with_roles(tuple(found.values()))


def _with_roles(listings: tuple[MailboxListing, ...]) -> tuple[MailboxListing, ...]:
    roles: dict[MailboxName, SpecialUse] = {}
    for one in listings:
        role = SpecialUse.INBOX if one.name == "INBOX" else role_by_attribute(one.attributes)
        if role is not None and (role is SpecialUse.INBOX or role not in roles.values()):
            roles[one.name] = role
    ranked = sorted(
        (rank[1], one.name, rank[0])
        for one in listings
        if one.name not in roles
        and one.selectable
        and (rank := rank_by_name(one.name, one.delimiter)) is not None
    )
    for _, name, role in ranked:
        if role not in roles.values():
            roles[name] = role
    return tuple(replace(one, role=roles.get(one.name)) for one in listings)


def selected_of(
    name: MailboxName, status: Status, responses: Sequence[Response], *, resync: bool
) -> Selected:
    """What a SELECT told. `resync`: a QRESYNC parameter was sent."""
    codes = {one.code.name: one.code for one in responses if isinstance(one, Status) and one.code.name}
    exists = 0
    vanished = UidSet()
    changed: list[FetchedFlags] = []
    for one in responses:
        match one:
            case Exists(count=count):
                exists = count
            case Vanished(uids=uids):
                vanished = vanished | uids
            case Fetch() | FetchedFlags():
                flags = fetched_flags(one)
                if flags is not None:
                    changed.append(flags)
    uidvalidity = _code_number(codes, "UIDVALIDITY")
    highestmodseq = _code_number(codes, "HIGHESTMODSEQ")
    return Selected(
        name=name,
        uidvalidity=uidvalidity,
        uidnext=_code_number(codes, "UIDNEXT"),
        exists=exists,
        highestmodseq=highestmodseq if highestmodseq < 2**63 else 0,
        read_only=status.code.name == "READ-ONLY",
        uid_not_sticky="UIDNOTSTICKY" in codes,
        permanent_flags=_permanent_flags(codes),
        mailbox_id=_mailbox_id(codes),
        # Without a mod-sequence, or after another UIDVALIDITY, the server could not resynchronise.
        resynced=resync and highestmodseq > 0,
        vanished=vanished,
        changed=tuple(changed),
    )


def _code_number(codes: Mapping[str, Code], name: str) -> int:
    code = codes.get(name)
    return number_of(code.arguments[0]) if code is not None and code.arguments else 0


def _permanent_flags(codes: Mapping[str, Code]) -> frozenset[str] | None:
    code = codes.get("PERMANENTFLAGS")
    if code is None or not code.arguments or not isinstance(code.arguments[0], list):
        return None
    return frozenset(canonical_flag(text_of(one)) for one in code.arguments[0])


def _mailbox_id(codes: Mapping[str, Code]) -> str:
    code = codes.get("MAILBOXID")
    inner = code.arguments[0] if code is not None and code.arguments else None
    return text_of(inner[0]) if isinstance(inner, list) and inner else ""


def fetched_flags(response: Response) -> FetchedFlags | None:
    """UID and flags of a FETCH; None where either is missing (museum M5)."""
    if isinstance(response, FetchedFlags):
        return replace(response, flags=response.flags - {RECENT}) if RECENT in response.flags else response
    if not isinstance(response, Fetch):
        return None
    uid, flags = response.uid, response.flags
    if uid is None or flags is None:
        return None
    return FetchedFlags(uid, flags - {RECENT}, response.modseq)


def fetched_identity(response: Response) -> FetchedIdentity | None:
    """What recognises a message; None for a FETCH that lacks the UID."""
    if not isinstance(response, Fetch) or response.uid is None:
        return None
    items = response.items
    header = next((value for key, value in items.items() if key.startswith("BODY[HEADER.FIELDS")), None)
    size = items.get("RFC822.SIZE")
    return FetchedIdentity(
        uid=response.uid,
        size=number_of(size),
        internal_date=_date_of(items),
        message_id=_message_id(header if isinstance(header, bytes) else b""),
        email_id=_email_id(items),
        flags=(response.flags or frozenset()) - {RECENT},
        modseq=response.modseq,
    )


def fetched_message(response: Response) -> FetchedMessage | None:
    """A message with its body; None for a FETCH that is none (flags told unasked, no UID)."""
    if not isinstance(response, Fetch) or response.uid is None or "RFC822.SIZE" not in response.items:
        return None
    items = response.items
    body = items.get("BODY[]", items.get("BODY[HEADER]"))
    labels = items.get("X-GM-LABELS")
    return FetchedMessage(
        uid=response.uid,
        flags=(response.flags or frozenset()) - {RECENT},
        internal_date=_date_of(items),
        size=number_of(items["RFC822.SIZE"]),
        modseq=response.modseq,
        raw=body if isinstance(body, bytes) else None,
        email_id=_email_id(items),
        labels=tuple(text_of(one) for one in labels) if isinstance(labels, list) else (),
    )


def _date_of(items: Mapping[str, Token]) -> float:
    date = items.get("INTERNALDATE")
    return internal_date(date) if isinstance(date, bytes) else 0.0


def _email_id(items: Mapping[str, Token]) -> str:
    inner = items.get("EMAILID")
    if isinstance(inner, list) and inner:
        return text_of(inner[0])
    return text_of(items.get("X-GM-MSGID"))


def _message_id(header: bytes) -> str:
    found = _MESSAGE_ID.search(header)
    if found is None:
        return ""
    # The same form as `mail.message` gives: without brackets, white space of folding taken out.
    text = re.sub(rb"\s+", b"", found[1]).decode("utf-8", "replace")
    return text[1:-1] if text.startswith("<") and text.endswith(">") else text


def copy_uid(responses: Iterable[Response]) -> CopyUid | None:
    """COPYUID, wherever it came: in the tagged answer, or untagged before it as with MOVE
    (RFC 6851 section 4.3)."""
    pairs: list[tuple[int, int]] = []
    uidvalidity = 0
    for one in responses:
        if not isinstance(one, Status) or one.code.name != "COPYUID" or len(one.code.arguments) < 3:
            continue
        validity, sources, targets = one.code.arguments[:3]
        before, after = _in_order(sources), _in_order(targets)
        if len(before) != len(after):
            continue  # the sets do not fit together, so nothing is known
        uidvalidity = number_of(validity)
        pairs += zip(before, after, strict=True)
    return CopyUid(uidvalidity, tuple(pairs)) if pairs else None


def _in_order(token: Token) -> list[int]:
    """The UIDs of a set in the order in which it names them, which pairs the two sets of COPYUID."""
    uids: list[int] = []
    for part in text_of(token).split(","):
        low, colon, high = part.partition(":")
        first, last = number_of(low), number_of(high) if colon else number_of(low)
        step = 1 if last >= first else -1
        if abs(last - first) > 1_000_000 or not first or not last:
            return []
        uids += range(first, last + step, step)
    return uids


def append_uid(status: Status) -> AppendUid | None:
    if status.code.name != "APPENDUID" or len(status.code.arguments) < 2:
        return None
    uidvalidity, uid = (number_of(one) for one in status.code.arguments[:2])
    return AppendUid(uidvalidity, uid) if uidvalidity and uid else None


def uid_set_of(token: Token) -> UidSet:
    """A sequence set of a response code. Raises Garbled."""
    try:
        return UidSet.parse(text_of(token))
    except ValueError:
        raise Garbled("imap.syntax", line=text_of(token)[:80]) from None
