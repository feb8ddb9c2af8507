"""Pictures that lie elsewhere, as the user asks for them: for one mail by a link that only our own page can
know, for all of a sender by a form, and back.
"""

from __future__ import annotations

import hmac

from fastapi import APIRouter, Response

from eilbote.engine import browse, read
from eilbote.engine.pictures import show_always, show_on_request, wish_of
from eilbote.web.acting import safe_path
from eilbote.web.visit import SignedIn, Visit, to, user_of

routes = APIRouter(prefix="/mail")


def asked_for(visit: Visit, mail: int) -> str:
    """What the address of a mail's frame must carry for its pictures to be fetched: no other page can make
    a browser of ours open a mail with them."""
    return hmac.digest(visit.session.encode("utf-8", "replace"), b"pictures:%d" % mail, "sha256").hex()[:32]


def was_asked_for(visit: Visit, mail: int, given: str) -> bool:
    return bool(given) and hmac.compare_digest(asked_for(visit, mail).encode(), given.encode())


@routes.post("/{mail}/pictures")
def decide(visit: SignedIn, mail: str) -> Response:
    """`always`, or `ask` again."""
    user = user_of(visit)
    (found,) = browse.readable_mail(visit.app, user, [read.checked_id(mail)])
    if visit.field("pictures") == "always":
        show_always(visit.app, user, found.id)
    else:
        show_on_request(
            visit.app, user, wish_of(visit.app, user, browse.message_of(visit.app, found.id)).sender
        )
    return to(safe_path(visit.field("back")))
