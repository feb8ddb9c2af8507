"""The few facts of a mail that lists show and threads need: its envelope.

Values only; `message.py` makes them. Never the body.
"""

from __future__ import annotations

from msgspec import Struct


class Address(Struct, frozen=True):
    """One mail address as shown and as sent: `name` decoded, `spec` the bare `local@domain`."""

    name: str
    spec: str

    def __str__(self) -> str:
        return f"{self.name} <{self.spec}>" if self.name and self.spec else self.name or self.spec


class Envelope(Struct, frozen=True):
    """What a list shows of a mail, read from its headers alone; every field may be empty.

    `message_id` and `references` (oldest first, In-Reply-To last) stand without angle brackets.
    `date` is the Date header in seconds since 1970 UTC, None if absent or unreadable.
    `attachments` counts the parts a reader would call attachments.
    """

    message_id: str = ""
    subject: str = ""
    sender: tuple[Address, ...] = ()
    to: tuple[Address, ...] = ()
    cc: tuple[Address, ...] = ()
    date: float | None = None
    references: tuple[str, ...] = ()
    attachments: int = 0
