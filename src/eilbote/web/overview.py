"""Accounts with their state, and their mailboxes."""

from __future__ import annotations

from fastapi import APIRouter, Response

from eilbote.engine import read
from eilbote.engine.users import accounts_of
from eilbote.web.visit import SignedIn, user_of

routes = APIRouter()


@routes.get("/accounts")
def overview(visit: SignedIn) -> Response:
    accounts = [
        (account, [mailbox for _, mailbox in read.list_mailboxes(visit.app, account.address)])
        for account in accounts_of(visit.app, user_of(visit))
    ]
    return visit.page("overview.html", accounts=accounts)
