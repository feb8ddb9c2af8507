"""A query as a tree, without logic: what the parser makes and both databases are asked."""

from __future__ import annotations

from enum import StrEnum
from typing import TypeAlias

from msgspec import Struct


class Field(StrEnum):
    """Where words may stand. `RECIPIENT` is To and Cc together, as people mean it."""

    SUBJECT = "subject"
    SENDER = "from"
    RECIPIENT = "to"
    COPIED = "cc"
    FILE = "file"
    BODY = "body"


class Mark(StrEnum):
    """What a flag says of a mail."""

    READ = "read"
    FLAGGED = "flagged"
    ANSWERED = "answered"
    DRAFT = "draft"


class Words(Struct, frozen=True):
    """One or more words in this order and side by side, as typed; `prefix`: the last one may go on.
    `field` None means anywhere."""

    text: str
    prefix: bool = False
    field: Field | None = None


class HasAttachment(Struct, frozen=True):
    """With at least one attachment."""


class Dated(Struct, frozen=True):
    """Received at `since` or later, and before `until`; seconds since 1970, None without a bound."""

    since: float | None = None
    until: float | None = None


class Sized(Struct, frozen=True):
    """Larger than `above` and smaller than `below`, in bytes; None without a bound."""

    above: int | None = None
    below: int | None = None


class Inside(Struct, frozen=True):
    """In a mailbox of this name, full or its last part, or of this role; letter case apart."""

    mailbox: str


class Marked(Struct, frozen=True):
    """With this mark."""

    mark: Mark


class Not(Struct, frozen=True):
    node: Node


class All(Struct, frozen=True):
    """Every one of these, at least two."""

    nodes: tuple[Node, ...]


class Some(Struct, frozen=True):
    """At least one of these, at least two."""

    nodes: tuple[Node, ...]


Node: TypeAlias = Words | HasAttachment | Dated | Sized | Inside | Marked | Not | All | Some


class Document(Struct, frozen=True):
    """What the index knows of one mail: its text by field, and what filters ask of it.

    `date` is the internal date in whole seconds since 1970, `size` in bytes."""

    message: int
    account: int
    date: int
    size: int
    attachments: int
    subject: str = ""
    sender: str = ""
    recipient: str = ""
    copied: str = ""
    body: str = ""
    file: str = ""
