"""Writing on the page: a new mail, an answer, a mail sent on. What is sent waits some seconds in the outbox,
where it can be taken back.
"""

from __future__ import annotations

from fastapi import APIRouter, Response
from msgspec import Struct

from eilbote.engine import write_as
from eilbote.engine.send import Handling
from eilbote.engine.write_as import About, Typed
from eilbote.errors import EilboteError, Gone, Problem
from eilbote.mail.draft import Draft
from eilbote.mail.typed_addresses import as_typed
from eilbote.web.visit import SignedIn, Visit, to, user_of

routes = APIRouter(prefix="/write")

_KEY_BYTES = 16
_LONGEST_ASKED = 100
_LONGEST_LINKED = 1000
_MOST_PEOPLE = 8


class _Form(Struct, frozen=True):
    """What stands in the form: what was typed, else what it begins with."""

    typed: Typed
    draft: Draft
    key: str
    """Names the mail, so that a form sent twice is one mail."""


@routes.get("")
def write(
    visit: SignedIn,
    answers: str = "",
    forwards: str = "",
    everyone: str = "",
    to: str = "",
    subject: str = "",
) -> Response:
    """`to` and `subject` are those of a link to an address: they only stand in the form."""
    about = About(visit.language, answers, bool(everyone), forwards)
    draft = write_as.first_form(visit.app, user_of(visit), about)
    wanted, title = to[:_LONGEST_LINKED] or as_typed(draft.to), subject[:_LONGEST_LINKED] or draft.subject
    typed = Typed(draft.identity.address, wanted, as_typed(draft.cc), "", title, "")
    return _page(visit, about, _Form(typed, draft, _new_key(visit)), None)


@routes.get("/people")
def people(visit: SignedIn, q: str = "") -> list[str]:
    """Who may be meant, as it is typed."""
    found = write_as.people_for(visit.app, user_of(visit), q[:_LONGEST_ASKED], _MOST_PEOPLE)
    return [as_typed([one]) for one in found]


@routes.post("")
def send(visit: SignedIn) -> Response:
    field = visit.field
    about = About(visit.language, field("answers"), bool(field("everyone")), field("forwards"))
    typed = Typed(
        sender=field("sender"),
        to=field("to"),
        cc=field("cc"),
        bcc=field("bcc"),
        subject=field("subject"),
        text=field("text"),
        quotes=bool(field("quotes")),
        markdown=bool(field("markdown")),
        at=field("at"),
    )
    key = field("key")[:100]
    handling = Handling(delay=float(visit.preferences.undo_seconds), key=f"page:{key}" if key else "")
    try:
        queued = write_as.send_typed(visit.app, user_of(visit), about, typed, handling)
    except Gone:
        raise
    except EilboteError as error:
        draft = write_as.first_form(visit.app, user_of(visit), about)
        return _page(visit, about, _Form(typed, draft, _new_key(visit)), error.problem)
    return to(f"/outbox/{queued.mail.id}")


def _page(visit: Visit, about: About, form: _Form, problem: Problem | None) -> Response:
    known = [one.address for one in write_as.identities_for(visit.app, user_of(visit))]
    return visit.page(
        "write.html",
        200 if problem is None else 400,
        about=about,
        form=form,
        identities=known if form.typed.sender in known else [form.typed.sender, *known],
        problem=problem,
    )


def _new_key(visit: Visit) -> str:
    return visit.app.clock.random_bytes(_KEY_BYTES).hex()
