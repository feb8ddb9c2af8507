"""Mailboxes made, renamed, removed and subscribed here: at once in the store, at the next pass on
the server.
"""

from __future__ import annotations

from eilbote.engine.act import Act, Origin, check_allowed
from eilbote.engine.app import App
from eilbote.engine.naming import delimiter_of, personal_name
from eilbote.errors import Gone, Misused
from eilbote.mail.mailbox import MailboxName, SpecialUse
from eilbote.store.values import Account, Mailbox

_LONGEST_NAME = 1000


def create_mailbox(app: App, account: Account, name: str, *, origin: Origin = Origin.USER) -> Mailbox:
    """A new, subscribed mailbox, where the server keeps personal mailboxes; its levels are separated
    as the server separates them."""
    check_allowed(origin, Act.MAILBOX)
    delimiter = delimiter_of(app, account.id)
    made = personal_name(app, account.id, _checked(name, delimiter))
    mailbox, _ = app.store.journal.create_mailbox(
        account.id, made, origin.value, app.clock.now(), delimiter=delimiter
    )
    return mailbox


def rename_mailbox(app: App, account: Account, name: str, new: str, *, origin: Origin = Origin.USER) -> int:
    """Renames a mailbox and those below it. Returns the journal's number."""
    check_allowed(origin, Act.MAILBOX)
    mailbox = _own(app, account, name)
    delimiter = mailbox.delimiter or delimiter_of(app, account.id)
    target = personal_name(app, account.id, _checked(new, delimiter))
    if target == mailbox.name or target.startswith(mailbox.name + delimiter):
        raise Misused("mailbox.into_itself", mailbox=mailbox.name, new=target)
    return app.store.journal.rename_mailbox(mailbox.id, target, origin.value, app.clock.now())


def remove_mailbox(app: App, account: Account, name: str, *, origin: Origin = Origin.USER) -> int:
    """Deletes a mailbox with what lies in it; the mails can be brought back while undo lasts."""
    check_allowed(origin, Act.MAILBOX)
    mailbox = _own(app, account, name)
    return app.store.journal.remove_mailbox(mailbox.id, origin.value, app.clock.now())


def subscribe(app: App, account: Account, name: str, wanted: bool, *, origin: Origin = Origin.USER) -> int:
    """Subscribes to a mailbox, or no longer."""
    check_allowed(origin, Act.MAILBOX)
    mailbox = _found(app, account, name)
    return app.store.journal.subscribe(mailbox.id, wanted, origin.value, app.clock.now())


def _own(app: App, account: Account, name: str) -> Mailbox:
    """A mailbox that may be renamed or removed: INBOX may not."""
    mailbox = _found(app, account, name)
    if mailbox.role is SpecialUse.INBOX:
        raise Misused("mailbox.inbox_stays")
    return mailbox


def _found(app: App, account: Account, name: str) -> Mailbox:
    mailboxes = app.store.mailboxes
    mailbox = mailboxes.find(account.id, name) or mailboxes.find(
        account.id, personal_name(app, account.id, name)
    )
    if mailbox is None:
        raise Gone("mailbox.unknown", mailbox=name)
    return mailbox


def _checked(name: str, delimiter: str) -> MailboxName:
    if (
        not all(level.strip() for level in name.split(delimiter))
        or len(name) > _LONGEST_NAME
        or any(ord(character) < 32 or ord(character) == 127 for character in name)
        or name.upper() == "INBOX"
    ):
        raise Misused("mailbox.bad_name", mailbox=name[:100])
    return MailboxName(name)
