"""As whom mail is written: the identities of an account, and the account that an address belongs to."""

from __future__ import annotations

from eilbote.engine.accounts import find_account
from eilbote.engine.app import App
from eilbote.errors import Misused
from eilbote.mail.identity import Identity
from eilbote.store.values import Account


def identities_of(app: App, account: Account) -> list[Identity]:
    """The usual one first; at least one, made of the account's address and name."""
    return [Identity(account.address, account.name)]


def sender_named(app: App, text: str) -> tuple[Account, Identity] | None:
    """Whose address this is, or part of; None where no account that sends has it."""
    for account in senders(app):
        for identity in identities_of(app, account):
            if identity.owns(text):
                return account, identity
    return None


def senders(app: App) -> list[Account]:
    """The accounts that mail can be sent from."""
    return [account for account in app.store.accounts.all() if account.can_send]


def usual_sender(app: App) -> Account:
    """The account that sends where nothing says which: that of the setting `send_from`, else the only one.
    Misused `account.none`, `send.no_sender`, `send.which_account`."""
    if app.config.send_from:
        return find_account(app, app.config.send_from)
    match senders(app):
        case [account]:
            return account
        case []:
            raise Misused("send.no_sender" if app.store.accounts.all() else "account.none")
        case several:
            raise Misused("send.which_account", accounts=", ".join(each.address for each in several))
