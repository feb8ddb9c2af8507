"""An account's settings for other devices: to read, to scan, to save. No password is in any of it."""

from __future__ import annotations

from fastapi import APIRouter, Response
from markupsafe import Markup

from eilbote.engine.address import is_loopback
from eilbote.engine.condition import account_of
from eilbote.engine.devices import MEDIA_TYPES, Form, code_for_page, settings_of, written
from eilbote.errors import Gone, Misused
from eilbote.mail.download_name import attachment_disposition
from eilbote.web.visit import SignedIn, user_of

routes = APIRouter(prefix="/accounts/{account:int}/devices")

_FILES = {Form.APPLE: "mobileconfig", Form.THUNDERBIRD: "xml", Form.OUTLOOK: "xml"}
_SAVED = {"Content-Security-Policy": "default-src 'none'; sandbox"}


@routes.get("")
def devices_page(visit: SignedIn, account: int) -> Response:
    found = account_of(visit.app, user_of(visit), account)
    try:
        settings = settings_of(found)
    except Misused as error:
        return visit.page("account_devices.html", account=found, settings=None, problem=error.problem)
    # Drawn by us out of the code's squares: nothing of the settings stands in it as text.
    picture = Markup(code_for_page(settings))  # noqa: S704
    near = any(is_loopback(one.host) for one in settings.servers)
    return visit.page(
        "account_devices.html", account=found, settings=settings, picture=picture, near=near, problem=None
    )


@routes.get("/{form}")
def settings_file(visit: SignedIn, account: int, form: str) -> Response:
    """One of the files. Gone `devices.no_form`."""
    found = account_of(visit.app, user_of(visit), account)
    wanted = next((one for one in _FILES if one.value == form), None)
    if wanted is None:
        raise Gone("devices.no_form", form=form[:40])
    name = f"{found.address}-{wanted.value}.{_FILES[wanted]}"
    headers = {**_SAVED, "Content-Disposition": attachment_disposition(name)}
    return Response(written(settings_of(found), wanted), media_type=MEDIA_TYPES[wanted], headers=headers)
