"""What Eilbote is, what it does with mail, its keys and its search: help without a manual."""

from __future__ import annotations

from importlib.metadata import version

from fastapi import APIRouter, Response

from eilbote.web.visit import SignedIn

routes = APIRouter()


@routes.get("/help")
def help_page(visit: SignedIn) -> Response:
    return visit.page("help.html", version=version("eilbote"), home=visit.app.config.home)
