"""What certain servers announce and do not keep, or do in a way of their own. Each row is named, dated,
and says where it was seen.

Facts only, keyed by host, by the name that the server gives in its ID, or by a telling capability.
"""

from __future__ import annotations

from enum import StrEnum

from msgspec import Struct


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


class Quirk(Struct, frozen=True):
    """One behaviour of servers whose host ends in `host`, whose ID name holds `server` (lower case),
    or which announce `capability`. `distrusted`: capabilities not to be used with them. `mirrors`:
    mailboxes that only show mail lying elsewhere, by name or (ending in the delimiter) by what they lie
    below; they are not synced."""

    name: str
    source: str
    seen: str
    distrusted: frozenset[str] = frozenset()
    traits: frozenset[Trait] = frozenset()
    mirrors: tuple[str, ...] = ()
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


QUIRKS = (
    Quirk(
        "icloud-qresync",  # malformed VANISHED and no ENABLED answer: messages seemed deleted
        "Mailspring-Sync MailUtils.cpp",
        "2026-09",
        distrusted=frozenset({"QRESYNC"}),
        host="mail.me.com",
        capability="XAPPLEPUSHSERVICE",
    ),
    Quirk(
        "exchange-rev2",  # announces IMAP4rev2 through a proxy that answers parts of it with BAD
        "imapflow commands/list.js",
        "2026-08",
        distrusted=frozenset({"IMAP4REV2"}),
        host="outlook.office365.com",
    ),
    Quirk(
        "cyrus-status-mailboxid",
        "Cyrus 3.6.1 of Debian 12, tried",
        "2026-11-27",
        traits=frozenset({Trait.STATUS_MAILBOXID_GARBLED}),
        server="cyrus",
    ),
    Quirk(
        "coremail-noop",
        "flowcrypt#1011; EmailEngine imap-client.js",
        "2026-11",
        traits=frozenset({Trait.NOOP_IS_NO_SIGN}),
        server="coremail",
    ),
    Quirk(
        "proton-bridge-uids",  # after an update of the Bridge clients deleted other messages
        "proton-bridge#220",
        "2026-11",
        traits=frozenset({Trait.UIDS_MAY_SHIFT}),
        server="proton",
    ),
    Quirk(
        "proton-bridge-mirrors",  # every mail lies in All Mail and once more below each label
        "himalaya#453; Mailspring-Sync",
        "2026-11",
        mirrors=("All Mail", "Labels/"),
        server="proton",
    ),
    Quirk(
        "gmail-flags",
        "MailFlow",
        "2026-11",
        traits=frozenset({Trait.FLAGS_UNPUSHED}),
        capability="X-GM-EXT-1",
    ),
)


def quirks_of(host: str, server: str, capabilities: frozenset[str]) -> tuple[Quirk, ...]:
    """Every quirk of this server."""
    return tuple(quirk for quirk in QUIRKS if quirk.fits(host, server, capabilities))
