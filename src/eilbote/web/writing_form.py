"""The pages of writing: the form with what stands in it, and what stands in its place once a mail was sent or
thrown away. Nothing is kept, sent or changed here.
"""

from __future__ import annotations

from collections.abc import Sequence

from fastapi import Response
from msgspec import Struct
from msgspec.structs import replace

from eilbote.engine import write_as, writing_sent, writings
from eilbote.engine.write_as import About
from eilbote.engine.writings import Form, Opened
from eilbote.engine.written import begun_with
from eilbote.errors import Problem
from eilbote.mail.draft import Priority
from eilbote.mail.identity import Identity
from eilbote.web.visit import Visit, user_of


class ShownFile(Struct, frozen=True):
    """A file as the form shows it; one without an id is kept only when the form is."""

    name: str
    size: int
    id: int = 0


class Shown(Struct, frozen=True):
    """What stands in the form. `beside`: the mail that another window has changed, or sent."""

    form: Form
    quoted: str
    files: Sequence[ShownFile]
    saved: float = 0.0
    hidden: Problem | None = None
    """Why it does not lie among the drafts."""
    layout_lost: bool = False
    beside: int = 0
    beside_sent: bool = False
    problem: Problem | None = None


def opened_page(visit: Visit, number: int, *, beside: int = 0, problem: Problem | None = None) -> Response:
    found = writings.opened(visit.app, user_of(visit), number)
    writing = writing_sent.settled(visit.app, found.writing)
    if writing.is_open:
        return form_page(visit, _of_writing(visit, replace(found, writing=writing), beside, problem))
    if not writing.is_sent:
        return visit.page("write_discarded.html", writing=writing, typed=found.content.typed)
    return visit.page(
        "write_sent.html",
        200 if problem is None else 403,
        writing=writing,
        typed=found.content.typed,
        mail=writing_sent.outgoing_of(visit.app, writing),
        warnings=writing_sent.warnings_of(visit.app, user_of(visit), found),
        problem=problem,
        now=visit.app.clock.now(),
    )


def refused_page(visit: Visit, form: Form, problem: Problem) -> Response:
    """What could not be kept stands in the form again."""
    if form.writing:
        found = writings.opened(visit.app, user_of(visit), form.writing)
        shown = _of_writing(visit, found, 0, problem)
        return form_page(visit, replace(shown, form=form))
    began = write_as.first_form(visit.app, user_of(visit), form.about)
    files = [ShownFile(one.name, len(one.content)) for one in began.files]
    begun = begun_with(began)
    return form_page(visit, Shown(form, begun.quoted, files, problem=problem))


def _of_writing(visit: Visit, found: Opened, beside: int, problem: Problem | None) -> Shown:
    begun, writing = found.content.begun, found.writing
    about = About(visit.language, begun.answers, False, begun.forwards)
    form = Form(writings.new_key(visit.app), found.content.typed, about, writing.id, writing.version)
    files = [ShownFile(one.name, one.size, one.id) for one in found.files]
    problem = problem or writing.problem
    sent = beside != 0 and writings.opened(visit.app, user_of(visit), beside).writing.is_sent
    return Shown(
        form,
        begun.quoted,
        files,
        saved=writing.saved,
        hidden=writing.problem,
        layout_lost=begun.layout_lost,
        beside=beside,
        beside_sent=sent,
        problem=problem,
    )


def form_page(visit: Visit, shown: Shown) -> Response:
    known = write_as.identities_for(visit.app, user_of(visit))
    sender = shown.form.typed.sender
    if all(one.address != sender for one in known):
        known = [Identity(sender), *known]
    return visit.page(
        "write.html",
        400 if shown.problem else 409 if shown.beside else 200,
        shown=shown,
        form=shown.form,
        typed=shown.form.typed,
        about=shown.form.about,
        identities=known,
        files=shown.files,
        shown_size=sum(one.size for one in shown.files),
        priorities=list(Priority),
    )
