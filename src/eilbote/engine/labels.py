"""Labels as people see them: keywords on an IMAP server, written there as other programs write them.

A keyword is an ASCII word, so a name beyond it is written in modified UTF-7 and a space as `_`, as
Thunderbird does. Keywords that programs use among themselves are never labels. Nothing here changes mail.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from zlib import crc32

from msgspec import Struct

from eilbote.engine.app import App
from eilbote.errors import Misused
from eilbote.mail import mutf7
from eilbote.mail.mailbox import Flags, flags_from_text
from eilbote.store.rule_values import LOOK
from eilbote.store.values import Placement

LONGEST_NAME = 50
_CONFLICTS_LOOKED_AT = 20
HUES = 6
"""Colours that labels have, told apart in light and dark."""

KNOWN = ("$label1", "$label2", "$label3", "$label4", "$label5")
"""Labels that Thunderbird has from the beginning: Important, Work, Personal, To Do, Later."""

_AMONG_PROGRAMS = frozenset(
    {
        *("junk", "nonjunk", "notjunk", "forwarded", "mdnsent", "redirected", "receiptchecked", "recent"),
        *("spam", "notspam", "unsent", "hasattachment", "hasnoattachment", "submitted", "submitpending"),
        *("kmailforwarded", "kmailqueued", "kmailtodo", "kmailwatched", "kmailignored", "old", "passed"),
    }
)
_UNWRITABLE = dict.fromkeys(map(ord, ' (){}%*"]\\<>/'), "_")


class Label(Struct, frozen=True, order=True):
    """A label: its name, empty for one of `KNOWN`, which each language names in its own way; its keyword on
    the server, empty for a label of Gmail, which is no keyword; one of `HUES` colours."""

    name: str
    keyword: str
    hue: int


def labels_in(flags: Flags) -> list[Label]:
    """The labels among a mail's flags, in the order of their names."""
    return sorted(label for flag in flags if (label := label_of(flag)) is not None)


def label_of(keyword: str) -> Label | None:
    """The label that a keyword stands for; None for a system flag and a word among programs."""
    folded = keyword.lower()
    if folded in KNOWN:
        return Label("", folded, KNOWN.index(folded))
    if folded == LOOK.lower():
        return Label("", LOOK, 0)
    if folded.startswith(("\\", "$")) or folded in _AMONG_PROGRAMS:
        return None
    try:
        name = mutf7.decode(keyword.encode("ascii"))
    except ValueError:
        name = keyword  # of a program with a writing of its own
    name = name.replace("_", " ").strip()
    if not name or not name.isprintable():
        return None
    return Label(name, keyword, _hue(folded))


def gmail_label(name: str) -> Label:
    """A label of Gmail that no mailbox stands for."""
    return Label(name.removeprefix("\\"), "", _hue(name.lower()))


def keyword_of(name: str, known: Sequence[Label] = ()) -> str:
    """The keyword for a name that was typed: that of a label which is there already, in any letter case,
    else a new one. Misused `label.bad_name`."""
    name = " ".join(name.split())
    for label in known:
        if name.casefold() in (label.name.casefold(), label.keyword.casefold()) and label.keyword:
            return label.keyword
    if not name or len(name) > LONGEST_NAME or not name.isprintable():
        raise Misused("label.bad_name", limit=LONGEST_NAME)
    try:
        keyword = mutf7.encode(name).decode("ascii").translate(_UNWRITABLE)
    except ValueError:
        raise Misused("label.bad_name", limit=LONGEST_NAME) from None
    if len(keyword) > 100 or label_of(keyword) is None:
        raise Misused("label.bad_name", limit=LONGEST_NAME)
    return keyword


def labels_there(app: App, mailboxes: Iterable[int]) -> list[tuple[Label, int]]:
    """Every label that mails in these mailboxes have, by name, and how many have it."""
    found: Counter[Label] = Counter()
    for flags, count in app.store.messages.keywords([*mailboxes]):
        for label in labels_in(flags):
            found[label] += count
    return sorted(found.items())


def labels_of(app: App, mails: Sequence[Placement]) -> dict[int, list[Label]]:
    """The labels of some mails: keywords, and those of Gmail, which are the account's mailboxes, save the
    one that the mail is looked at in."""
    told = app.store.messages.labels_of([mail.id for mail in mails])
    found: dict[int, list[Label]] = {}
    for mail in mails:
        names = (one for one in told.get(mail.id, ()) if not one.startswith("\\") and one != mail.mailbox)
        found[mail.id] = [*labels_in(mail.flags), *map(gmail_label, names)]
    return found


def not_kept(app: App, accounts: Iterable[int], since: float) -> set[int]:
    """The accounts whose server refused a label lately: what was given is taken back here."""
    return {
        account
        for account in accounts
        for told in app.store.journal.conflicts(account, _CONFLICTS_LOOKED_AT)
        if told.rule == "flag-not-kept"
        and told.created >= since
        and labels_in(flags_from_text(told.detail.get("flags", "")))
    }


def _hue(word: str) -> int:
    return crc32(word.encode("utf-8", "replace")) % HUES
