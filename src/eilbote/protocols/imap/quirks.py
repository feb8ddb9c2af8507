"""What certain servers announce and do not keep. Each row is dated and names its source.

Facts only, keyed by host, by the name that the server gives in its ID, or by a telling capability.
"""

from __future__ import annotations

from msgspec import Struct


class Quirk(Struct, frozen=True):
    """Capabilities not to be used with servers whose host ends in `host`, whose ID name holds
    `server` (lower case), or which announce `capability`."""

    distrusted: frozenset[str]
    source: str
    host: str = ""
    server: str = ""
    capability: str = ""


QUIRKS = (
    # Malformed VANISHED and no ENABLED answer: messages seemed deleted.
    Quirk(
        frozenset({"QRESYNC"}),
        "Mailspring-Sync MailUtils.cpp, seen 2026-09",
        host="mail.me.com",
        capability="XAPPLEPUSHSERVICE",
    ),
    # Announces IMAP4rev2 through a proxy that answers parts of it with BAD.
    Quirk(frozenset({"IMAP4REV2"}), "imapflow commands/list.js, seen 2026-08", host="outlook.office365.com"),
)


def distrusted(host: str, server: str, capabilities: frozenset[str]) -> frozenset[str]:
    """Capabilities that this server announces and that must not be relied on."""
    found: set[str] = set()
    for quirk in QUIRKS:
        if (
            (quirk.host and host.lower().endswith(quirk.host))
            or (quirk.server and quirk.server in server.lower())
            or (quirk.capability and quirk.capability in capabilities)
        ):
            found |= quirk.distrusted
    return frozenset(found)
