"""How mailboxes of one account are called in another: by their role, their levels and the delimiter.

Pure: names in, names out. What a name cannot hold there is replaced, and whoever asks can tell by
comparing.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from msgspec import Struct

from eilbote.mail.mailbox import MailboxName, SpecialUse

INBOX = "INBOX"
_CAREFUL_LENGTH = 60
_UNDECODED = re.compile("[\udc80-\udcff]")
"""How Python writes such bytes (PEP 383)."""
_VIEWS = frozenset({SpecialUse.FLAGGED, SpecialUse.IMPORTANT})
"""Mailboxes that only show again what lies elsewhere."""


class Named(Struct, frozen=True):
    """A mailbox as the naming must know it; `delimiter` may be empty."""

    name: MailboxName
    delimiter: str
    role: SpecialUse | None = None


class Pair(Struct, frozen=True):
    """Where the mail of a mailbox goes. `target` is None for a view, whose mail goes with the
    mailboxes where it lies."""

    source: MailboxName
    target: MailboxName | None


class Style(Struct, frozen=True):
    """How an account calls its mailboxes: the delimiter, and what stands before every name but
    INBOX (`INBOX.` on Courier)."""

    delimiter: str
    prefix: str


def style_of(mailboxes: Sequence[Named]) -> Style:
    """The style that the mailboxes of an account show: by where those with a role lie, or all of them
    where none has one."""
    delimiter = next((one.delimiter for one in mailboxes if one.delimiter), "/")
    prefix = INBOX + delimiter
    others = [one for one in mailboxes if one.name.upper() != INBOX]
    telling = [one.name for one in others if one.role is not None] or [one.name for one in others]
    if not telling or not all(name.upper().startswith(prefix) for name in telling):
        return Style(delimiter, "")
    return Style(delimiter, telling[0][: len(prefix)])


def levels_of(name: str, style: Style) -> tuple[str, ...]:
    """A name level by level, without the account's prefix."""
    if name.upper() == INBOX:
        return (INBOX,)
    bare = name.removeprefix(style.prefix)
    return tuple(bare.split(style.delimiter)) if style.delimiter else (bare,)


def name_for(levels: Sequence[str], style: Style) -> MailboxName:
    """What a mailbox with these levels is called in an account. A delimiter inside a level, control
    characters and half characters become `_`; a level without a sign becomes one. Bytes of a file's
    name that are no UTF-8 are read as Windows-1252."""
    if len(levels) == 1 and levels[0].upper() == INBOX:
        return MailboxName(INBOX)
    return MailboxName(
        style.prefix + style.delimiter.join(_fitting(level, style.delimiter) for level in levels)
    )


def careful_name(name: str, style: Style) -> MailboxName:
    """The name as no server refuses it, for one that was: letters, digits, blanks, `-` and `_` alone, and
    no level longer than 60 signs. Two names may become one."""
    return name_for([_careful(level) for level in levels_of(name, style)], style)


def _careful(level: str) -> str:
    return re.sub(r"[^\w -]", "_", level)[:_CAREFUL_LENGTH].strip(" -") or "_"


def pair_mailboxes(source: Sequence[Named], target: Sequence[Named]) -> list[Pair]:
    """For each source mailbox the one in the target account: the one with the same role, or of the
    same name. Mailboxes below one that has a role follow it. `\\All` goes to the archive."""
    theirs = style_of(target)
    ours = style_of(source)
    of_role = {one.role: one.name for one in target if one.role is not None}
    followed = {
        levels_of(one.name, ours): found
        for one in source
        if (found := _by_role(one, of_role)) is not None and one.name.upper() != INBOX
    }
    return [Pair(one.name, _target(one, ours, theirs, of_role, followed)) for one in source]


def _by_role(one: Named, of_role: dict[SpecialUse, MailboxName]) -> MailboxName | None:
    if one.role is SpecialUse.ALL:
        return of_role.get(SpecialUse.ARCHIVE)
    return of_role.get(one.role) if one.role is not None else None


def _target(
    one: Named,
    ours: Style,
    theirs: Style,
    of_role: dict[SpecialUse, MailboxName],
    followed: dict[tuple[str, ...], MailboxName],
) -> MailboxName | None:
    if one.role in _VIEWS:
        return None
    if one.name.upper() == INBOX:
        return MailboxName(INBOX)
    found = _by_role(one, of_role)
    if found is not None:
        return found
    if one.role is SpecialUse.ALL:
        return name_for(("Archive",), theirs)
    levels = levels_of(one.name, ours)
    for depth in range(len(levels) - 1, 0, -1):
        above = followed.get(levels[:depth])
        if above is not None:
            return MailboxName(
                theirs.delimiter.join((above, *_all_fitting(levels[depth:], theirs.delimiter)))
            )
    return name_for(levels, theirs)


def _all_fitting(levels: Iterable[str], delimiter: str) -> list[str]:
    return [_fitting(level, delimiter) for level in levels]


def _as_windows(found: re.Match[str]) -> str:
    return bytes([ord(found[0]) - 0xDC00]).decode("cp1252", "replace")


def _fitting(level: str, delimiter: str) -> str:
    text = _UNDECODED.sub(_as_windows, level).encode("utf-8", "replace").decode()
    text = "".join("_" if ord(sign) < 32 or ord(sign) == 127 else sign for sign in text)
    return (text.replace(delimiter, "_") if delimiter else text) or "_"
