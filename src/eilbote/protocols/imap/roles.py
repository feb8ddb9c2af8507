"""What a mailbox is for: by its attribute (RFC 6154), else by its name, in German and English."""

from __future__ import annotations

from unicodedata import normalize

from eilbote.mail.mailbox import SpecialUse

_BY_ATTRIBUTE = {
    "\\all": SpecialUse.ALL,
    "\\allmail": SpecialUse.ALL,
    "\\archive": SpecialUse.ARCHIVE,
    "\\drafts": SpecialUse.DRAFTS,
    "\\flagged": SpecialUse.FLAGGED,
    "\\starred": SpecialUse.FLAGGED,
    "\\important": SpecialUse.IMPORTANT,
    "\\junk": SpecialUse.JUNK,
    "\\spam": SpecialUse.JUNK,
    "\\sent": SpecialUse.SENT,
    "\\trash": SpecialUse.TRASH,
}

# In the order of preference where a server has several mailboxes of one kind.
NAMES: dict[SpecialUse, tuple[str, ...]] = {
    SpecialUse.SENT: (
        "sent",
        "gesendet",
        "sent items",
        "sent messages",
        "sent mail",
        "gesendete objekte",
        "gesendete elemente",
        "gesendete nachrichten",
        "gesendete e-mails",
        "sent-mail",
    ),
    SpecialUse.DRAFTS: ("drafts", "entwürfe", "entwurf", "draft", "entwuerfe"),
    SpecialUse.TRASH: (
        "trash",
        "papierkorb",
        "deleted items",
        "gelöschte objekte",
        "gelöschte elemente",
        "gelöscht",
        "deleted messages",
        "deleted",
        "bin",
        "geloescht",
        "mülleimer",
    ),
    SpecialUse.JUNK: (
        "junk",
        "spam",
        "spamverdacht",
        "junk-e-mail",
        "junk e-mail",
        "junk email",
        "junk mail",
        "bulk mail",
        "bulk",
        "unerwünscht",
        "werbung",
        "unerwünschte werbung",
        "spam-verdacht",
    ),
    SpecialUse.ARCHIVE: ("archive", "archiv", "archives", "archived"),
    SpecialUse.ALL: ("all mail", "alle nachrichten"),
    SpecialUse.FLAGGED: ("starred", "markiert"),
    SpecialUse.IMPORTANT: ("important", "wichtig"),
}
_GMAIL_ROOTS = ("[gmail]", "[google mail]")
_GMAIL_ONLY = (SpecialUse.ALL, SpecialUse.FLAGGED, SpecialUse.IMPORTANT)


def role_by_attribute(attributes: frozenset[str]) -> SpecialUse | None:
    """The role that the server itself names; attributes in lower case."""
    return next((_BY_ATTRIBUTE[one] for one in sorted(attributes) if one in _BY_ATTRIBUTE), None)


def rank_by_name(name: str, delimiter: str | None) -> tuple[SpecialUse, int] | None:
    """The role that a name suggests, and how well it fits (0 best). Only at the top level, below
    INBOX, or below Gmail's own root: `Projekte/Archiv` is somebody's project."""
    name = normalize("NFC", name)  # a Mac writes `Entwürfe` with a separate diaeresis
    parts = name.split(delimiter) if delimiter else [name]
    above = [part.lower() for part in parts[:-1]]
    if len(above) > 1 or (above and above[0] != "inbox" and above[0] not in _GMAIL_ROOTS):
        return None
    last = parts[-1].lower()
    for role, names in NAMES.items():
        if role in _GMAIL_ONLY and (not above or above[0] not in _GMAIL_ROOTS):
            continue
        if last in names:
            return role, names.index(last)
    return None
