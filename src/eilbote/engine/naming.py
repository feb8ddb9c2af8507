"""What a mailbox that a person names is called on the server.

Courier, and Cyrus as it was set up for decades, keep every personal mailbox below `INBOX.`. Whoever
says `Projekte` means `INBOX.Projekte` there; the prefix is put before a name once and never twice.
"""

from __future__ import annotations

from eilbote.engine.app import App
from eilbote.mail.mailbox import MailboxName, SpecialUse


def delimiter_of(app: App, account: int) -> str:
    """What separates the levels of names in this account."""
    return next((one.delimiter for one in app.store.mailboxes.all(account) if one.delimiter), "/")


def personal_name(app: App, account: int, name: str) -> MailboxName:
    """`name` where this server keeps personal mailboxes: told by where its special mailboxes lie, or
    all of them where none is special."""
    prefix = "INBOX" + delimiter_of(app, account)
    others = [one for one in app.store.mailboxes.all(account) if one.role is not SpecialUse.INBOX]
    telling = [one.name for one in others if one.role is not None] or [one.name for one in others]
    below = [one for one in telling if one.upper().startswith(prefix)]
    if not telling or len(below) < len(telling):
        return MailboxName(name)
    own = name[len(prefix) :] if name.upper().startswith(prefix) else name
    return MailboxName(below[0][: len(prefix)] + own)
