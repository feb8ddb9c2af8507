"""Whole mails on demand: what the mode of a mailbox left out is fetched when somebody asks for it.

The wish is filed, and one pass over the mail's mailbox fetches it: by this process if nobody else
owns the home, else by the one that does. What has come stays until its mailbox gets another mode.
"""

from __future__ import annotations

from eilbote.engine.app import App
from eilbote.engine.owner import sync_accounts
from eilbote.engine.read import checked_id
from eilbote.errors import EilboteError, Gone, Problem
from eilbote.store.values import Account, AccountState, Finding, FindingKind


async def fetch_whole(app: App, mail_id: str) -> Problem | None:
    """Makes sure that all of a mail is here. None if it is; else why it could not be fetched.

    Raises Misused `mail.bad_id`, Gone `store.no_message`.
    """
    number = checked_id(mail_id)
    places = [one for one in app.store.messages.get(number) if not one.whole]
    numbered = [one for one in places if one.uid > 0]
    if not places:
        return None
    if not numbered:
        return Problem("store.headers_only", {"id": mail_id})
    place = numbered[0]
    account = app.store.accounts.get(place.account)
    if account.state is AccountState.PAUSED:
        return Problem("demand.paused", {"id": mail_id, "address": account.address})
    mailbox = app.store.mailboxes.find(account.id, place.mailbox)
    if mailbox is None:
        return Problem("store.headers_only", {"id": mail_id})
    wish = Finding(mailbox.id, FindingKind.WANTED, place.uid)
    app.store.findings.file([wish], app.clock.now())
    try:
        return await _brought(app, account, mailbox.name, number)
    finally:
        app.store.findings.withdraw([wish])


async def _brought(app: App, account: Account, mailbox: str, number: int) -> Problem | None:
    try:
        (report,) = await sync_accounts(app, [account.address], mailbox=mailbox)
    except EilboteError as error:
        return error.problem
    try:
        if all(one.whole for one in app.store.messages.get(number)):
            return None
    except Gone as gone:  # the server has it no more
        return gone.problem
    if report.failed is not None:
        return report.failed
    met = [problem for name, problem in report.problems if name == mailbox]
    return met[0] if met else Problem("store.headers_only", {"id": str(number)})
