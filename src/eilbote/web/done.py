"""What was just done with how many mails, kept in a cookie until the next page has said so: with the number
of its batch the page offers to take it back. The cookie gives no right: whose batch it is, the store knows.
"""

from __future__ import annotations

import re

from fastapi import Response
from msgspec import Struct

from eilbote.web.visit import Visit

_KEPT = re.compile(r"([a-z-]{1,16})\.(\d{1,18})\.(\d{1,9})", re.ASCII)


class Done(Struct, frozen=True):
    """An act, the number of its batch (0: it cannot be taken back) and of its mails; without an act
    nothing was done."""

    act: str = ""
    batch: int = 0
    count: int = 0

    def keep(self, response: Response, port: int) -> Response:
        """For the next page."""
        response.set_cookie(
            _cookie(port),
            f"{self.act}.{self.batch}.{self.count}",
            max_age=60,
            httponly=True,
            samesite="strict",
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
    return Done(found[1], int(found[2]), int(found[3])) if found else Done()


def _cookie(port: int) -> str:
    return f"eilbote-done-{port}"
