"""Invitations on the page: answered by one click, once, and saved for a calendar."""

from __future__ import annotations

from fastapi import APIRouter, Response

from eilbote.catalogue import Catalogue, mark
from eilbote.engine import browse, read
from eilbote.engine.invitations import AnswerWords, answer_invitation, calendar_of, invited_by
from eilbote.engine.send import Handling
from eilbote.errors import Gone, Misused
from eilbote.mail.invitation import ANSWERS, Answer
from eilbote.web.acting import safe_path
from eilbote.web.content import saved
from eilbote.web.visit import SignedIn, Visit, to, user_of

routes = APIRouter(prefix="/mail")

_SUBJECTS: dict[Answer, str] = {
    "accepted": mark("Accepted: {title}"),
    "tentative": mark("Tentative: {title}"),
    "declined": mark("Declined: {title}"),
}
_TEXTS: dict[Answer, str] = {
    "accepted": mark("I accept the invitation."),
    "tentative": mark("I may come."),
    "declined": mark("I cannot come."),
}


@routes.post("/{mail}/invitation")
def answer(visit: SignedIn, mail: str) -> Response:
    given = next((one for one in ANSWERS if one == visit.field("answer")), None)
    if given is None:
        raise Misused("page.unknown_act")
    key = visit.field("key")[:100]
    handling = Handling(
        delay=float(visit.preferences.undo_seconds), key=f"invitation:{key}:{given}" if key else ""
    )
    number = read.checked_id(mail)
    answer_invitation(visit.app, user_of(visit), number, given, _words(visit, number, given), handling)
    return to(safe_path(visit.field("back")))


@routes.get("/{mail}/invitation.ics")
def save(visit: SignedIn, mail: str) -> Response:
    (found,) = browse.readable_mail(visit.app, user_of(visit), [read.checked_id(mail)])
    return saved(calendar_of(visit.app, found.id), "invitation.ics")


def _words(visit: Visit, mail: int, given: Answer) -> AnswerWords:
    user = user_of(visit)
    (placement,) = browse.readable_mail(visit.app, user, [mail])
    invited = invited_by(visit.app, user, placement, browse.message_of(visit.app, mail))
    if invited is None:
        raise Gone("invitation.none")
    words = Catalogue(visit.language)
    title = invited.invitation.title or words.text("(no subject)")
    return AnswerWords(words.text(_SUBJECTS[given], title=title), words.text(_TEXTS[given]))
