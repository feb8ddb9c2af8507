"""What was just done with which mails, kept in a cookie until the next page has said so: with it the page
offers to take it back.
"""

from __future__ import annotations

import re

from fastapi import Response
from msgspec import Struct

from eilbote.web.visit import Visit

_KEPT = re.compile(r"([a-z]{1,12})\.(\d{1,18}(?:-\d{1,18}){0,99})", re.ASCII)


class Done(Struct, frozen=True):
    """An act and its mails; without an act nothing was done."""

    act: str = ""
    ids: tuple[str, ...] = ()

    def keep(self, response: Response, port: int) -> Response:
        """For the next page."""
        response.set_cookie(
            _cookie(port), f"{self.act}.{'-'.join(self.ids)}", max_age=60, httponly=True, samesite="strict"
        )
        return response

    def leave(self, response: Response, port: int) -> Response:
        """It was said."""
        if self.act:
            response.delete_cookie(_cookie(port), httponly=True, samesite="strict")
        return response


def take_done(visit: Visit) -> Done:
    """What the page before this one did."""
    found = _KEPT.fullmatch(visit.cookies.get(_cookie(visit.site.port), ""))
    return Done(found[1], tuple(found[2].split("-"))) if found else Done()


def _cookie(port: int) -> str:
    return f"eilbote-done-{port}"
