"""Mailboxes: listed, counted, made, renamed, removed, subscribed, measured against quotas, as flows.

It must never take an unusable listing for an empty one.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from msgspec.structs import replace

from eilbote.errors import Garbled
from eilbote.mail.mailbox import MailboxName, SpecialUse
from eilbote.protocols.imap import encode
from eilbote.protocols.imap.connection import Reply
from eilbote.protocols.imap.dialogue import Dialogue, Flow, ask_one, check
from eilbote.protocols.imap.encode import Command, command
from eilbote.protocols.imap.responses import Listed, Quota, QuotaRoots, StatusTold
from eilbote.protocols.imap.roles import rank_by_name, role_by_attribute
from eilbote.protocols.imap.traits import Trait
from eilbote.protocols.imap.types import MailboxListing, MailboxStatus

UNSPEAKABLE = frozenset(b"\0\r\n")
_PIPELINED = 100
"""STATUS commands on the wire at once: enough to hide the round trips, few enough for any server."""


def list_mailboxes(dialogue: Dialogue, *, status: bool) -> Flow[tuple[MailboxListing, ...]]:
    """Every mailbox with its role and whether it is subscribed, and with `status` its STATUS.

    One command where the server has LIST-EXTENDED and LIST-STATUS (RFC 5258, RFC 5819), else LIST
    and LSUB together and STATUS for each, pipelined.
    """
    extended = dialogue.can("LIST-EXTENDED")
    with_status = status and extended and dialogue.can("LIST-STATUS")
    if extended:
        options = [b"SUBSCRIBED"]
        if dialogue.can("SPECIAL-USE"):
            options.append(b"SPECIAL-USE")
        if with_status:
            options.append(b"STATUS " + _status_items(dialogue))
        reply = yield from ask_one(_list(b'"*"', b"RETURN " + encode.listed(options)))
        replies = [reply]
    else:
        replies = yield _list(b'"*"'), command("LSUB", b'""', b'"*"', expects=[Listed])
        check(replies[0])
    listings = _listings(dialogue, replies)
    if not listings:
        # Every account has an INBOX (RFC 9051 section 5.1): nothing at all is no listing.
        raise Garbled("imap.syntax", text="LIST")
    if status and not with_status:
        counted = yield from count(dialogue, [one.name for one in listings if one.selectable])
        listings = tuple(replace(one, status=counted.get(one.name)) for one in listings)
    return listings


def count(dialogue: Dialogue, names: Sequence[MailboxName]) -> Flow[dict[MailboxName, MailboxStatus]]:
    """STATUS of each mailbox; those that the server refuses are left out."""
    items = _status_items(dialogue)
    found: dict[MailboxName, MailboxStatus] = {}
    for start in range(0, len(names), _PIPELINED):
        replies = yield tuple(
            command("STATUS", dialogue.name_to_wire(name), items, expects=[StatusTold])
            for name in names[start : start + _PIPELINED]
        )
        found |= _statuses(dialogue, replies)
    return found


def exists(dialogue: Dialogue, name: MailboxName) -> Flow[bool]:
    """Is there a mailbox of exactly this name?"""
    wanted = dialogue.name_to_wire(name)
    reply = yield from ask_one(command("LIST", b'""', wanted, expects=[Listed]))
    return any(
        isinstance(one, Listed)
        and dialogue.name_from_wire(one.wire_name) == name
        and "\\nonexistent" not in one.attributes
        for one in reply.untagged
    )


def act(dialogue: Dialogue, verb: str, *names: MailboxName) -> Flow[None]:
    """CREATE, DELETE, RENAME, SUBSCRIBE or UNSUBSCRIBE (RFC 9051 section 6.3.4 to 6.3.8)."""
    yield from ask_one(command(verb, *(dialogue.name_to_wire(name) for name in names)))


def create_for(dialogue: Dialogue, name: MailboxName, role: SpecialUse) -> Flow[None]:
    """CREATE with a role where the server can (RFC 6154 section 3), else without."""
    arguments = [dialogue.name_to_wire(name)]
    if dialogue.can("CREATE-SPECIAL-USE"):
        arguments.append(b"(USE (\\" + role.value.title().encode("ascii") + b"))")
    yield from ask_one(command("CREATE", *arguments))


def quotas(dialogue: Dialogue, name: MailboxName) -> Flow[tuple[Quota, ...]]:
    """The quotas that bind a mailbox (RFC 9208 section 4.2); empty where the server has none."""
    if not dialogue.can("QUOTA"):
        return ()
    asked = command("GETQUOTAROOT", dialogue.name_to_wire(name), expects=[Quota, QuotaRoots])
    reply = yield from ask_one(asked)
    return tuple(one for one in reply.untagged if isinstance(one, Quota))


def _list(*arguments: bytes) -> Command:
    return command("LIST", b'""', *arguments, expects=[Listed, StatusTold])


def _status_items(dialogue: Dialogue) -> bytes:
    items = [b"MESSAGES", b"UIDNEXT", b"UIDVALIDITY", b"UNSEEN"]
    if dialogue.has_condstore:
        items.append(b"HIGHESTMODSEQ")
    if dialogue.can("OBJECTID") and not dialogue.shows(Trait.STATUS_MAILBOXID_GARBLED):
        items.append(b"MAILBOXID")  # RFC 8474 section 4.3
    return encode.listed(items)


def _statuses(dialogue: Dialogue, replies: Iterable[Reply]) -> dict[MailboxName, MailboxStatus]:
    return {
        dialogue.name_from_wire(one.wire_name): one.status
        for reply in replies
        for one in reply.untagged
        if isinstance(one, StatusTold)
    }


def _listings(dialogue: Dialogue, replies: Sequence[Reply]) -> tuple[MailboxListing, ...]:
    """One listing for each name; what LSUB knows and LIST does not is subscribed but not there."""
    statuses = _statuses(dialogue, replies)
    found: dict[MailboxName, MailboxListing] = {}
    for reply in replies:
        for one in reply.untagged:
            if not isinstance(one, Listed) or UNSPEAKABLE & set(one.wire_name):
                continue  # a name that no command can hold names nothing we could open
            name = dialogue.name_from_wire(one.wire_name)
            before = found.get(name)
            if one.subscribed_only:
                if before is not None:
                    found[name] = replace(before, subscribed=True)
            elif before is None:
                subscribed = "\\subscribed" in one.attributes
                found[name] = MailboxListing(
                    name, one.delimiter, one.attributes, None, subscribed, statuses.get(name)
                )
            else:
                attributes = before.attributes | one.attributes
                subscribed = before.subscribed or "\\subscribed" in attributes
                found[name] = replace(before, attributes=attributes, subscribed=subscribed)
    return with_roles(tuple(found.values()))


def with_roles(listings: tuple[MailboxListing, ...]) -> tuple[MailboxListing, ...]:
    """Gives each role to at most one mailbox: by the server's attribute, else by the best name."""
    taken: dict[MailboxName, SpecialUse] = {}
    for one in listings:
        role = SpecialUse.INBOX if one.name == "INBOX" else role_by_attribute(one.attributes)
        if role is not None and role not in taken.values():
            taken[one.name] = role
    ranked = sorted(
        (rank[1], one.name, rank[0])
        for one in listings
        if one.name not in taken
        and one.selectable
        and (rank := rank_by_name(one.name, one.delimiter)) is not None
    )
    for _, name, role in ranked:
        if role not in taken.values():
            taken[name] = role
    return tuple(replace(one, role=taken.get(one.name)) for one in listings)
