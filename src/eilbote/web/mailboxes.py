"""Mailboxes made, renamed, deleted and emptied on the page. All of it asks for the right to change the
account first; what cannot be taken back is asked about before.
"""

from __future__ import annotations

from fastapi import APIRouter, Response

from eilbote.engine import act, browse, bulk, mailboxes
from eilbote.engine.read import checked_id
from eilbote.engine.users import may_change
from eilbote.errors import EilboteError, Gone, Misused, NotAllowed, Problem
from eilbote.mail.mailbox import SpecialUse
from eilbote.store.values import Account, Mailbox, Narrowed
from eilbote.web.done import Done
from eilbote.web.visit import SignedIn, Visit, to, user_of

routes = APIRouter(prefix="/mailboxes")

_EMPTIED = (SpecialUse.TRASH, SpecialUse.JUNK)


@routes.get("")
def list_mailboxes(visit: SignedIn, account: str) -> Response:
    return _page(visit, checked_id(account), None)


@routes.post("")
def create(visit: SignedIn) -> Response:
    account = _account(visit, checked_id(visit.field("account")))
    try:
        mailboxes.create_mailbox(visit.app, account, visit.field("name").strip())
    except Misused as error:
        return _page(visit, account.id, error.problem)
    return to(f"/mailboxes?account={account.id}")


@routes.post("/{box}/rename")
def rename(visit: SignedIn, box: int) -> Response:
    mailbox, account = _mailbox(visit, box)
    try:
        mailboxes.rename_mailbox(visit.app, account, mailbox.name, visit.field("name").strip())
    except Misused as error:
        return _page(visit, account.id, error.problem)
    return to(f"/mailboxes?account={account.id}")


@routes.get("/{box}/delete")
def ask_to_delete(visit: SignedIn, box: int) -> Response:
    mailbox, _ = _mailbox(visit, box)
    return _question(visit, mailbox, "delete")


@routes.post("/{box}/delete")
def delete(visit: SignedIn, box: int) -> Response:
    mailbox, account = _mailbox(visit, box)
    try:
        mailboxes.remove_mailbox(visit.app, account, mailbox.name)
    except EilboteError as error:
        return _page(visit, account.id, error.problem)
    return to(f"/mailboxes?account={account.id}")


@routes.get("/{box}/empty")
def ask_to_empty(visit: SignedIn, box: int) -> Response:
    mailbox, _ = _mailbox(visit, box)
    return _question(visit, mailbox, "empty")


@routes.post("/{box}/empty")
def empty(visit: SignedIn, box: int) -> Response:
    app, (mailbox, _) = visit.app, _mailbox(visit, box)
    if mailbox.role not in _EMPTIED:
        raise Misused("page.unknown_act")
    ids = app.store.messages.ids_in([mailbox.id], Narrowed(), bulk.MOST_AT_ONCE)
    back = to(f"/box/{mailbox.id}")
    if not ids:
        return back
    erased = bulk.change(app, user_of(visit), "erase", ids, lambda part: act.delete(app, part, for_good=True))
    return Done("erase", erased.batch, erased.mails).keep(back, visit.site.port)


def _account(visit: Visit, account: int) -> Account:
    """Gone `account.unknown` where the user may not read it, NotAllowed `user.may_not_change`."""
    found = next(
        (one.account for one in browse.mailboxes_of(visit.app, user_of(visit)) if one.account.id == account),
        None,
    )
    if found is None:
        raise Gone("account.unknown", name=account)
    if not may_change(user_of(visit), account):
        raise NotAllowed("user.may_not_change")
    return found


def _mailbox(visit: Visit, box: int) -> tuple[Mailbox, Account]:
    """Gone `store.no_mailbox`; otherwise as `_account`."""
    mailbox = browse.mailbox_of(visit.app, user_of(visit), box)
    return mailbox, _account(visit, mailbox.account)


def _page(visit: Visit, account: int, problem: Problem | None) -> Response:
    owner = _account(visit, account)
    (found,) = (one for one in browse.mailboxes_of(visit.app, user_of(visit)) if one.account.id == account)
    return visit.page(
        "mailboxes.html", 400 if problem else 200, account=owner, mailboxes=found.mailboxes, problem=problem
    )


def _question(visit: Visit, mailbox: Mailbox, act: str) -> Response:
    return visit.page(
        "mailbox_question.html",
        mailbox=mailbox,
        act=act,
        days=visit.app.config.undo_days,
        most=bulk.MOST_AT_ONCE,
    )
