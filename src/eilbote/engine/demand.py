"""Whole mails on demand: what the mode of a mailbox left out is fetched when somebody asks for it.

The wishes are filed, and one pass over the mails' mailbox fetches them: by this process if nobody else
owns the home, else by the one that does. What has come stays until its mailbox gets another mode.
"""

from __future__ import annotations

from collections.abc import Sequence

from eilbote.engine.app import App
from eilbote.engine.owner import sync_accounts
from eilbote.engine.progress import Report
from eilbote.engine.read import checked_id
from eilbote.errors import EilboteError, Gone, Problem
from eilbote.mail.mailbox import Uid
from eilbote.store.values import Account, AccountState, Finding, FindingKind, Mailbox


async def fetch_whole(app: App, mail_id: str) -> Problem | None:
    """Makes sure that all of a mail is here. None if it is; else why it could not be fetched.

    Raises Misused `mail.bad_id`, Gone `store.no_message`.
    """
    number = checked_id(mail_id)
    places = [one for one in app.store.messages.get(number) if not one.whole]
    numbered = [one for one in places if one.uid > 0]
    if not places:
        return None
    not_here = Problem("store.headers_only", {"id": mail_id})
    if not numbered:
        return not_here
    account = app.store.accounts.get(numbered[0].account)
    mailbox = app.store.mailboxes.find(account.id, numbered[0].mailbox)
    if mailbox is None:
        return not_here
    met = await fetch_all_whole(app, account, [(mailbox, [numbered[0].uid])])
    try:
        if all(one.whole for one in app.store.messages.get(number)):
            return None
    except Gone as gone:  # the server has it no more
        return gone.problem
    return met[0][1] if met else not_here


async def fetch_all_whole(
    app: App,
    account: Account,
    wanted: Sequence[tuple[Mailbox, Sequence[Uid]]],
    report: Report = lambda progress: None,
) -> list[tuple[str, Problem]]:
    """Asks for all of these mails, mailbox by mailbox, in one pass. Which of them are here now, the
    store tells; what is returned was met on the way, with the name of the mailbox, or the account's
    address with what ended the pass."""
    if account.state is AccountState.PAUSED:
        return [(account.address, Problem("demand.paused", {"address": account.address}))]
    wishes = [Finding(mailbox.id, FindingKind.WANTED, uid) for mailbox, uids in wanted for uid in uids]
    names = [mailbox.name for mailbox, _ in wanted]
    app.store.findings.file(wishes, app.clock.now())
    try:
        only = names[0] if len(names) == 1 else None
        (done,) = await sync_accounts(app, [account.address], mailbox=only, report=report)
    except EilboteError as error:
        return [(account.address, error.problem)]
    finally:
        app.store.findings.withdraw(wishes)
    met = [(name, problem) for name, problem in done.problems if name in names]
    return met if done.failed is None else [(account.address, done.failed), *met]
