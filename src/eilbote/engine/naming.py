"""What a mailbox that a person names is called on the server.

Courier, and Cyrus as it was set up for decades, keep every personal mailbox below `INBOX.`. Whoever
says `Projekte` means `INBOX.Projekte` there; the prefix is put before a name once and never twice.
"""

from __future__ import annotations

from eilbote.engine.app import App
from eilbote.mail.mailbox import MailboxName
from eilbote.sync.naming import Named, Style, style_of


def delimiter_of(app: App, account: int) -> str:
    """What separates the levels of names in this account."""
    return style_in(app, account).delimiter


def personal_name(app: App, account: int, name: str) -> MailboxName:
    """`name` where this server keeps personal mailboxes: told by where its special mailboxes lie, or
    all of them where none is special."""
    prefix = style_in(app, account).prefix
    own = name[len(prefix) :] if name.upper().startswith(prefix.upper()) else name
    return MailboxName(prefix + own)


def style_in(app: App, account: int) -> Style:
    """How this account calls its mailboxes."""
    found = app.store.mailboxes.all(account)
    return style_of([Named(one.name, one.delimiter, one.role) for one in found])
