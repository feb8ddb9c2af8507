"""The settings of the home, for owners: read as a table, changed one by one."""

from __future__ import annotations

from fastapi import APIRouter, Response

from eilbote.engine.system_settings import change_setting, list_settings, settings_file
from eilbote.errors import EilboteError, Problem
from eilbote.web.visit import Owner, Visit, to

routes = APIRouter(prefix="/settings/system")


@routes.get("")
def system(visit: Owner) -> Response:
    return _page(visit, None)


@routes.post("")
def change(visit: Owner) -> Response:
    name = visit.field("name")
    try:
        change_setting(visit.app, name, visit.field("value")[:1000])
    except EilboteError as error:
        return _page(visit, error.problem)
    return to(f"/settings/system#{name}")


def _page(visit: Visit, problem: Problem | None) -> Response:
    return visit.page(
        "system.html",
        200 if problem is None else 400,
        settings=list_settings(visit.app),
        file=settings_file(visit.app),
        home=visit.app.config.home,
        problem=problem,
    )
