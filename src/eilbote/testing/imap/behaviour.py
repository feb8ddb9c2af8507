"""What a test server offers, and which faults it shows.

Capabilities can be switched off one by one; faults play the servers that the field reports. It
must never decide anything: the session reads it and acts.
"""

from __future__ import annotations

from msgspec import Struct, field
from msgspec.structs import replace

from eilbote.testing.imap.oddities import Oddities

CAPABILITIES = frozenset(
    {
        "IMAP4rev1",
        "IMAP4rev2",
        "APPENDLIMIT",
        "BINARY",
        "CONDSTORE",
        "CREATE-SPECIAL-USE",
        "ENABLE",
        "ESEARCH",
        "ID",
        "IDLE",
        "LIST-EXTENDED",
        "LIST-STATUS",
        "LITERAL+",
        "MOVE",
        "NAMESPACE",
        "OBJECTID",
        "QRESYNC",
        "QUOTA",
        "SASL-IR",
        "SPECIAL-USE",
        "STATUS=SIZE",
        "UIDPLUS",
        "UNSELECT",
        "UTF8=ACCEPT",
        "WITHIN",
    }
)
_BEFORE_LOGIN = frozenset({"IMAP4rev1", "IMAP4rev2", "LITERAL+", "SASL-IR", "ID", "ENABLE", "IDLE"})


class Behaviour(Struct, frozen=True):
    """What this server can do, and what it does oddly. `append_limit` in bytes; `starttls` offers it
    on plain lines; `prefix` stands before every personal mailbox but INBOX in NAMESPACE."""

    capabilities: frozenset[str] = CAPABILITIES
    mechanisms: tuple[str, ...] = ("PLAIN", "LOGIN", "SCRAM-SHA-1", "SCRAM-SHA-256")
    append_limit: int = 64 * 1024 * 1024
    line_limit: int = 64 * 1024
    starttls: bool = False
    plain_login_needs_tls: bool = False
    name: str = "Eilbote demo server"
    odd: Oddities = field(default_factory=Oddities)
    extra: tuple[str, ...] = ()
    """Announced without being done: SORT of a server that refuses it, marks by which a server is known."""
    prefix: str = ""

    def without(self, *names: str) -> Behaviour:
        """The same server lacking some capabilities; QRESYNC goes where CONDSTORE goes."""
        gone = set(names) | ({"QRESYNC"} if "CONDSTORE" in names else set())
        return replace(self, capabilities=self.capabilities - gone)

    def has(self, capability: str) -> bool:
        return capability in self.capabilities

    def told(self, *, logged_in: bool, protected: bool) -> list[str]:
        """The CAPABILITY list in this state of the connection."""
        names = sorted(self.capabilities if logged_in else self.capabilities & _BEFORE_LOGIN)
        names = [f"APPENDLIMIT={self.append_limit}" if name == "APPENDLIMIT" else name for name in names]
        if "QUOTA" in names:
            names.append("QUOTA=RES-STORAGE")
        if logged_in:
            return names + list(self.extra)
        if self.starttls and not protected:
            names.append("STARTTLS")
        if self.plain_login_needs_tls and not protected:
            names.append("LOGINDISABLED")
        return names + [f"AUTH={name}" for name in self.usable_mechanisms(protected=protected)]

    def usable_mechanisms(self, *, protected: bool) -> list[str]:
        hidden = () if protected or not self.plain_login_needs_tls else ("PLAIN", "LOGIN")
        return [name for name in self.mechanisms if name not in hidden]


class Faults(Struct):
    """What goes wrong. Tests set and clear these at any time; UIDs count in every mailbox.

    `refuse`: command name to the text of its NO. `drop_at`: the connection ends when this command
    arrives, before any reply. `bye_at`: the same, with an untagged BYE. `mute_at`: from this
    command on the connection stays open and says nothing (half-open). `drop_after_bytes`: each
    connection ends after so many bytes sent to the client.
    """

    refuse: dict[str, str] = field(default_factory=dict)
    drop_at: str = ""
    bye_at: str = ""
    mute_at: str = ""
    drop_after_bytes: int | None = None
    fetch_without_uid: set[int] = field(default_factory=set)
    fetch_omits: set[int] = field(default_factory=set)
    fetch_without_flags: set[int] = field(default_factory=set)
    fetch_without_body: set[int] = field(default_factory=set)
    unavailable: set[int] = field(default_factory=set)
    """A FETCH of one of these bodies ends there with NO [UNAVAILABLE]."""
    uidvalidity_untold: bool = False
    uidnext_untold: bool = False
