"""NOTIFY (RFC 5465): one connection hears of every mailbox. And what of it, or of IDLE, was heard."""

from __future__ import annotations

from msgspec import Struct

from eilbote.mail.mailbox import MailboxName
from eilbote.protocols.imap.dialogue import Dialogue, Flow
from eilbote.protocols.imap.encode import command
from eilbote.protocols.imap.responses import Listed, Status, StatusTold, Untagged

_EVERYTHING = b"(MessageNew MessageExpunge FlagChange)"


class Heard(Struct, frozen=True):
    """News from the server: of the open mailbox (`selected`), of others by name, of the list of
    mailboxes itself. `overflow`: it no longer tells everything (RFC 5465 section 5.8)."""

    selected: bool = False
    mailboxes: frozenset[MailboxName] = frozenset()
    listing: bool = False
    overflow: bool = False

    def __bool__(self) -> bool:
        return self.selected or bool(self.mailboxes) or self.listing or self.overflow


def start(dialogue: Dialogue) -> Flow[bool]:
    """Asks for news of the open mailbox and of all personal ones (RFC 5465 section 3.1); False where
    the server cannot, or not for all of them."""
    if not dialogue.can("NOTIFY"):
        return False
    replies = yield (
        command(
            "NOTIFY",
            b"SET",
            b"(selected " + _EVERYTHING + b")",
            b"(personal (MessageNew MessageExpunge FlagChange MailboxName SubscriptionChange))",
        ),
    )
    return replies[0].status.kind == "OK"


def heard(dialogue: Dialogue, response: Untagged) -> Heard:
    """What one response that nobody asked for is news of."""
    match response:
        case Status(code=code):
            return Heard(overflow=code is not None and code.name == "NOTIFICATIONOVERFLOW")
        case StatusTold(wire_name=name):
            return Heard(mailboxes=frozenset({dialogue.name_from_wire(name)}))
        case Listed():
            return Heard(listing=True)
        case _:
            return Heard(selected=True)


def together(one: Heard, other: Heard) -> Heard:
    """Both."""
    return Heard(
        one.selected or other.selected,
        one.mailboxes | other.mailboxes,
        one.listing or other.listing,
        one.overflow or other.overflow,
    )
