"""NOTIFY (RFC 5465): one connection hears of every mailbox. And what was heard, of it or of IDLE."""

from __future__ import annotations

from msgspec import Struct

from eilbote.mail.mailbox import MailboxName
from eilbote.protocols.imap.dialogue import Dialogue, Flow
from eilbote.protocols.imap.encode import command
from eilbote.protocols.imap.responses import StatusTold
from eilbote.protocols.imap.types import MailboxStatus

_EVERYTHING = b"(MessageNew MessageExpunge FlagChange)"


class Heard(Struct, frozen=True):
    """News from the server: of the open mailbox (`selected`), of others by name, of the list of
    mailboxes itself. `overflow`: it has not told everything (RFC 5465 section 5.8)."""

    selected: bool = False
    mailboxes: frozenset[MailboxName] = frozenset()
    listing: bool = False
    overflow: bool = False

    def __bool__(self) -> bool:
        return self.selected or bool(self.mailboxes) or self.listing or self.overflow


def start(dialogue: Dialogue) -> Flow[dict[MailboxName, MailboxStatus] | None]:
    """Asks for news of the open mailbox and of all personal ones, and for their STATUS now (RFC 5465
    section 3.1). None where the server cannot, or not for all of them."""
    if not dialogue.can("NOTIFY"):
        return None
    replies = yield (
        command(
            "NOTIFY",
            b"SET STATUS",
            b"(selected " + _EVERYTHING + b")",
            b"(personal (MessageNew MessageExpunge FlagChange MailboxName SubscriptionChange))",
            expects=[StatusTold],
        ),
    )
    dialogue.hears_all = replies[0].status.kind == "OK"
    if not dialogue.hears_all:
        return None
    told = (one for one in replies[0].untagged if isinstance(one, StatusTold))
    return {dialogue.name_from_wire(one.wire_name): one.status for one in told}


def heard(dialogue: Dialogue) -> Heard:
    """What was told since it was last asked for, and the open mailbox was opened."""
    unsolicited = dialogue.connection.unsolicited
    selected = unsolicited.is_stirred
    elsewhere = unsolicited.take_elsewhere()
    names = frozenset(dialogue.name_from_wire(name) for name in elsewhere.names) | dialogue.take_left()
    return Heard(selected, names, elsewhere.listing, elsewhere.overflow)
