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


class Quirk(Struct, frozen=True):
    """One behaviour of servers whose host ends in `host`, whose ID name holds `server` (lower case),
    or which announce `capability`. `distrusted`: capabilities not to be used with them."""

    name: str
    source: str
    seen: str
    distrusted: frozenset[str] = frozenset()
    traits: frozenset[Trait] = frozenset()
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
)


def quirks_of(host: str, server: str, capabilities: frozenset[str]) -> tuple[Quirk, ...]:
    """Every quirk of this server."""
    return tuple(quirk for quirk in QUIRKS if quirk.fits(host, server, capabilities))
