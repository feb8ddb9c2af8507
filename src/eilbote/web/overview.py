"""All accounts with how they are doing, as rows."""

from __future__ import annotations

from fastapi import APIRouter, Response

from eilbote.engine.condition import conditions
from eilbote.web.visit import SignedIn, user_of

routes = APIRouter()


@routes.get("/accounts")
def overview(visit: SignedIn) -> Response:
    return visit.page("overview.html", conditions=conditions(visit.app, user_of(visit)))
