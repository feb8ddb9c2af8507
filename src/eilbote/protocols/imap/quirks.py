"""What certain servers announce and do not keep. Each row is dated and names its source.

Facts only, keyed by host and by the name that the server gives in its ID.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Quirk:
    """Capabilities not to be used with servers whose host ends in `host`, or whose ID name holds
    `server` (lower case)."""

    host: str
    server: str
    distrusted: frozenset[str]
    source: str


QUIRKS = (
    # Malformed VANISHED and no ENABLED answer: messages seemed deleted (Mailspring-Sync, 2026-09).
    Quirk("mail.me.com", "", frozenset({"QRESYNC"}), "Mailspring-Sync MailUtils.cpp, seen 2026-09"),
    # Announces IMAP4rev2 features through a proxy that answers LSUB with BAD (imapflow, 2026-08).
    Quirk("outlook.office365.com", "", frozenset({"IMAP4REV2"}), "imapflow commands/list.js, seen 2026-08"),
)


def distrusted(host: str, server: str) -> frozenset[str]:
    """Capabilities that this server announces and that must not be relied on."""
    found: set[str] = set()
    for quirk in QUIRKS:
        if (quirk.host and host.lower().endswith(quirk.host)) or (
            quirk.server and quirk.server in server.lower()
        ):
            found |= quirk.distrusted
    return frozenset(found)
