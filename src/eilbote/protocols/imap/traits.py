"""What a server may be known for, as values: the behaviours that flows and engine ask about.

It must never name a server; `quirks.py` does.
"""

from __future__ import annotations

from enum import StrEnum

from msgspec import Struct

from eilbote.mail.mailbox import SpecialUse


class Trait(StrEnum):
    """A behaviour that the flows must know of."""

    STATUS_MAILBOXID_GARBLED = "status-mailboxid-garbled"
    """STATUS (MAILBOXID) is answered with stray bytes of memory."""
    NOOP_IS_NO_SIGN = "noop-is-no-sign"
    """NOOP does not keep the session alive; STATUS does."""
    UIDS_MAY_SHIFT = "uids-may-shift"
    """A UID may come to name another message under the same UIDVALIDITY: what lies under it is looked
    at before anything is done to it, and samples are compared in every pass."""
    FLAGS_UNPUSHED = "flags-unpushed"
    """IDLE never tells of changed flags: they are asked for."""
    LABELS = "labels"
    """A mailbox is a label: one mail lies in several, under one X-GM-MSGID."""
    EXPUNGE_TAKES_A_LABEL = "expunge-takes-a-label"
    """UID EXPUNGE deletes in the trash and in spam only; elsewhere it takes one label, or does what a
    setting of the account says."""
    SIZES_UNRELIABLE = "sizes-unreliable"
    """RFC822.SIZE is not the number of bytes that come: nothing is recognised or judged by it."""
    LOGIN_BEFORE_PLAIN = "login-before-plain"
    """AUTHENTICATE PLAIN may be refused where LOGIN with the same password is not: LOGIN is the one try."""


class Quirk(Struct, frozen=True):
    """One behaviour of servers whose host ends in `host`, whose ID name holds `server` (lower case),
    or which announce `capability`.

    `distrusted`: capabilities not to be used with them. `mirrors`: mailboxes that only show mail lying
    elsewhere, by name or (ending in the delimiter) by what they lie below, `mirror_roles` by their role;
    they are not synced. `shows_at_most`: numbers of mails at which a mailbox stops showing older ones.
    `everywhere`: known of these servers, and met by what the flows do for every server; docs/servers.md
    says where.
    """

    name: str
    source: str
    seen: str
    distrusted: frozenset[str] = frozenset()
    traits: frozenset[Trait] = frozenset()
    mirrors: tuple[str, ...] = ()
    mirror_roles: frozenset[SpecialUse] = frozenset()
    shows_at_most: frozenset[int] = frozenset()
    everywhere: bool = False
    host: str = ""
    server: str = ""
    capability: str = ""

    def fits(self, host: str, server: str, capabilities: frozenset[str]) -> bool:
        """Whether a server is of this kind."""
        return bool(
            (self.host and host.lower().endswith(self.host))
            or (self.server and self.server in server.lower())
            or (self.capability and self.capability in capabilities)
        )
