"""What is offered while a search is typed: people after `from:` and `to:`."""

from __future__ import annotations

from fastapi import APIRouter
from msgspec import Struct, to_builtins

from eilbote.engine import write_as
from eilbote.mail.typed_addresses import as_typed
from eilbote.web.visit import SignedIn, user_of

routes = APIRouter()

_LONGEST_ASKED = 100
_MOST_PEOPLE = 8


class _Person(Struct, frozen=True):
    """Somebody who may be meant: as shown, and the address that is searched for."""

    shown: str
    address: str


@routes.get("/search-people")
def people(visit: SignedIn, q: str = "") -> list[dict[str, str]]:
    """Who may be meant, as it is typed; only of mail that the user may read."""
    found = write_as.people_for(visit.app, user_of(visit), q[:_LONGEST_ASKED], _MOST_PEOPLE)
    return [to_builtins(_Person(as_typed([one]), one.spec)) for one in found]
