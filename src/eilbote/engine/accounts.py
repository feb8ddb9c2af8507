"""Which account is meant: found by its address, the start of it, or its name. No network here."""

from __future__ import annotations

from eilbote.engine.app import App
from eilbote.errors import Gone, Misused
from eilbote.store.values import Account


def is_local(account: Account) -> bool:
    """Whether the account has no IMAP server: its mailboxes live only here, acts are complete at once."""
    return account.imap is None


def find_account(app: App, name: str) -> Account:
    """The account with this address, or the only one whose address or name begins so.

    Raises Gone `account.unknown` or Misused `account.ambiguous`.
    """
    wanted = name.strip().lower()
    accounts = app.store.accounts.all()
    exact = [account for account in accounts if account.address.lower() == wanted]
    near = exact or [
        account
        for account in accounts
        if wanted and (account.address.lower().startswith(wanted) or account.name.lower() == wanted)
    ]
    match near:
        case [account]:
            return account
        case []:
            raise Gone("account.unknown", name=name)
        case _:
            raise Misused("account.ambiguous", name=name, accounts=", ".join(each.address for each in near))


def only_account(app: App, name: str | None) -> Account:
    """The named account, or the only one there is. Raises Misused `account.which`, `account.none`."""
    if name is not None:
        return find_account(app, name)
    match app.store.accounts.all():
        case [account]:
            return account
        case []:
            raise Misused("account.none")
        case several:
            raise Misused("account.which", accounts=", ".join(each.address for each in several))
