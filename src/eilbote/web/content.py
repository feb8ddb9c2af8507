"""What belongs to one mail beside its page: its HTML for the frame, its bytes, its attachments. None of it
may run, load anything, or stay in a cache.
"""

from __future__ import annotations

import asyncio

from fastapi import APIRouter, Response
from fastapi.responses import HTMLResponse, StreamingResponse

from eilbote.engine import browse, read
from eilbote.engine.attached import picture_in, zip_of
from eilbote.errors import Gone
from eilbote.mail.download_name import attachment_disposition
from eilbote.web.pictures import was_asked_for
from eilbote.web.visit import SignedIn, Visit, user_of

routes = APIRouter(prefix="/mail")

# A frame of no origin: no scripts, no forms, nothing loaded; its pictures are inside of it.
_FRAME = {
    "Content-Security-Policy": (
        "default-src 'none'; style-src 'unsafe-inline'; img-src data:; base-uri 'none'; form-action 'none';"
        " frame-ancestors 'self'; sandbox allow-popups allow-popups-to-escape-sandbox"
    ),
    "X-Frame-Options": "SAMEORIGIN",
}
_SHOWN = {"Content-Security-Policy": "default-src 'none'; sandbox", "Content-Disposition": "inline"}
_SAVED = {"Content-Security-Policy": "default-src 'none'; sandbox"}


@routes.get("/{mail}/html")
async def html(visit: SignedIn, mail: str, pictures: str = "") -> Response:
    """`pictures`: the user asked for those that lie elsewhere."""
    number = await asyncio.to_thread(_readable, visit, mail)
    if was_asked_for(visit, number, pictures):
        with_pictures = await visit.site.pictures.html_with_pictures(number)
        harmless = with_pictures.harmless if with_pictures else None
    else:
        with_pictures = None
        message = await asyncio.to_thread(browse.message_of, visit.app, number)
        harmless = await asyncio.to_thread(browse.html_of, message)
    if harmless is None:
        raise Gone("page.unknown")
    text = visit.site.rendering.page(
        "mail_html.html",
        visit.language,
        harmless=harmless,
        pictures=with_pictures,
        theme=visit.preferences.theme,
    )
    return HTMLResponse(text, headers=_FRAME)


@routes.get("/{mail}/raw")
def raw(visit: SignedIn, mail: str) -> Response:
    _readable(visit, mail)
    return saved(read.raw_mail(visit.app, mail), f"mail-{read.checked_id(mail)}.eml")


@routes.get("/{mail}/part/{number}")
def part(visit: SignedIn, mail: str, number: str) -> Response:
    name, data = browse.attachment_of(visit.app, _readable(visit, mail), number)
    return saved(data, name)


@routes.get("/{mail}/picture/{number}")
def picture(visit: SignedIn, mail: str, number: str) -> Response:
    """A picture that hangs on a mail, for the page to show: by its bytes, whatever the mail calls it."""
    kind, data = picture_in(visit.app, _readable(visit, mail), number)
    return Response(data, media_type=kind, headers=_SHOWN)


@routes.get("/{mail}/attachments.zip")
def attachments(visit: SignedIn, mail: str) -> Response:
    found = _readable(visit, mail)
    headers = {**_SAVED, "Content-Disposition": attachment_disposition(f"attachments-{found}.zip")}
    return StreamingResponse(zip_of(visit.app, found), media_type="application/zip", headers=headers)


def _readable(visit: Visit, mail: str) -> int:
    """Gone `store.no_message`, also where the user may not read it."""
    return browse.readable_mail(visit.app, user_of(visit), [read.checked_id(mail)])[0].id


def saved(data: bytes, name: str) -> Response:
    """Bytes of a mail, to be saved and never shown."""
    headers = {**_SAVED, "Content-Disposition": attachment_disposition(name)}
    return Response(data, media_type="application/octet-stream", headers=headers)
