"""What was just done with rules, kept in a cookie until the next page has said so. The cookie gives no right:
what may be taken back, the engine asks.
"""

from __future__ import annotations

import re
from urllib.parse import quote, unquote

from fastapi import Response
from msgspec import Struct

from eilbote.web.visit import Visit

_KEPT = re.compile(r"([a-z-]{1,16})\.(\d{1,18})\.([A-Za-z0-9_.~%-]{0,2000})", re.ASCII)


class RuleDone(Struct, frozen=True):
    """What was done (empty: nothing), the number with which it is taken back (0: it cannot be), and the
    rule's name, or how many mails."""

    act: str = ""
    number: int = 0
    about: str = ""

    def keep(self, response: Response, port: int) -> Response:
        """For the next page."""
        value = f"{self.act}.{self.number}.{quote(self.about[:200], safe='')}"
        response.set_cookie(_cookie(port), value, max_age=60, httponly=True, samesite="strict")
        return response

    def leave(self, response: Response, port: int) -> Response:
        """It was said."""
        if self.act:
            response.delete_cookie(_cookie(port), httponly=True, samesite="strict")
        return response


def take_rule_done(visit: Visit) -> RuleDone:
    """What the page before this one did."""
    found = _KEPT.fullmatch(visit.cookies.get(_cookie(visit.site.port), ""))
    return RuleDone(found[1], int(found[2]), unquote(found[3])) if found else RuleDone()


def _cookie(port: int) -> str:
    return f"eilbote-ruled-{port}"
