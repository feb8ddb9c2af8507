"""What one connection has agreed on and is about to say.

Shared by the modules that answer commands. It must never read input.
"""

from __future__ import annotations

from msgspec import Struct, field

from eilbote.testing.imap.behaviour import Behaviour, Faults
from eilbote.testing.imap.mailstore import Mailstore
from eilbote.testing.imap.selected import View
from eilbote.testing.imap.wire import mailbox


class Done(Struct, frozen=True):
    """The command's tagged OK: its text and response code."""

    text: str
    code: str = ""


class Talk(Struct):
    """The state of one connection. `view` is the selected mailbox, None if there is none."""

    store: Mailstore
    behaviour: Behaviour
    faults: Faults
    protected: bool
    enabled: set[str] = field(default_factory=set)
    view: View | None = None
    out: list[bytes] = field(default_factory=list)

    @property
    def utf8(self) -> bool:
        """Names and strings go as UTF-8 (RFC 6855 section 3, RFC 9051 appendix E)."""
        return bool(self.enabled & {"UTF8=ACCEPT", "IMAP4REV2"})

    @property
    def condstore(self) -> bool:
        return "CONDSTORE" in self.enabled

    @property
    def qresync(self) -> bool:
        return "QRESYNC" in self.enabled

    def enable_condstore(self) -> None:
        """A command that asks for mod-sequences switches them on (RFC 7162 section 3.1)."""
        if self.behaviour.has("CONDSTORE"):
            self.enabled.add("CONDSTORE")

    def send(self, line: bytes) -> None:
        """One response, without its CRLF."""
        self.out.append(line + b"\r\n")

    def name(self, mailbox_name: str) -> bytes:
        return mailbox(mailbox_name, utf8=self.utf8)
