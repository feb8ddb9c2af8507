"""An account's settings for other devices: as a value, and in the forms that their programs read.

The password is given out only where it is asked for by name.
"""

from __future__ import annotations

import asyncio
import io
from enum import StrEnum
from typing import assert_never

from eilbote.discovery.devices import apple, outlook, scanned, thunderbird
from eilbote.discovery.values import DeviceServer, DeviceSettings, Protocol
from eilbote.engine.accounts import find_account
from eilbote.engine.app import App
from eilbote.engine.connect import credential_of, smtp_user
from eilbote.errors import Misused
from eilbote.store.values import Account, Server


class Form(StrEnum):
    """In which form settings are written."""

    APPLE = "apple"
    THUNDERBIRD = "thunderbird"
    OUTLOOK = "outlook"
    SVG = "svg"
    PNG = "png"


MEDIA_TYPES = {
    Form.APPLE: "application/x-apple-aspen-config",
    Form.THUNDERBIRD: "application/xml",
    Form.OUTLOOK: "application/xml",
    Form.SVG: "image/svg+xml",
    Form.PNG: "image/png",
}


def device_settings(app: App, address: str) -> DeviceSettings:
    """What other devices need for this account. Gone `account.unknown`, Misused `account.only_here` where no
    server holds its mail."""
    return settings_of(find_account(app, address))


def settings_of(account: Account) -> DeviceSettings:
    """As `device_settings`."""
    if account.imap is not None:
        receiving = _server(Protocol.IMAP, account.imap, account.user)
    elif account.pop3 is not None:
        receiving = _server(Protocol.POP3, account.pop3, account.user)
    else:
        raise Misused("account.only_here", address=account.address)
    sending = _server(Protocol.SMTP, account.smtp, smtp_user(account)) if account.smtp is not None else None
    oauth = account.auth.is_token
    return DeviceSettings(account.address, account.name, receiving, sending, oauth)


def written(settings: DeviceSettings, form: Form, password: str | None = None) -> bytes:
    """The settings in one form. Misused `devices.no_place` where a password is given for one that has no
    place for it."""
    if password is not None and form is not Form.APPLE:
        raise Misused("devices.no_place", form=form.value)
    match form:
        case Form.APPLE:
            return apple(settings, password)
        case Form.THUNDERBIRD:
            return thunderbird(settings)
        case Form.OUTLOOK:
            return outlook(settings)
        case Form.SVG | Form.PNG:
            return _code(settings, form)
        case _:
            assert_never(form)


def code_for_terminal(settings: DeviceSettings) -> str:
    """The QR code in letters of a terminal."""
    import segno  # noqa: PLC0415  # hardly any command draws

    drawn = io.StringIO()
    segno.make(scanned(settings), micro=False, error="m").terminal(out=drawn, compact=True, border=2)
    return drawn.getvalue()


def code_for_page(settings: DeviceSettings) -> str:
    """The QR code as SVG of attributes alone, to stand in a page."""
    import segno  # noqa: PLC0415  # one page needs it

    drawn = io.BytesIO()
    code = segno.make(scanned(settings), micro=False, error="m")
    code.save(drawn, kind="svg", xmldecl=False, svgns=False, nl=False, omitsize=True, border=3)
    return drawn.getvalue().decode()


async def password_of(app: App, address: str) -> str:
    """The account's own password, to be put into a file that its user asked for. Misused
    `devices.no_password` of one that signs in with tokens."""
    account = await asyncio.to_thread(find_account, app, address)
    if account.auth.is_token:
        raise Misused("devices.no_password", address=account.address)
    return (await asyncio.to_thread(credential_of, app, account)).secret.reveal()


def _code(settings: DeviceSettings, form: Form) -> bytes:
    import segno  # noqa: PLC0415  # hardly any command draws

    drawn = io.BytesIO()
    segno.make(scanned(settings), micro=False, error="m").save(drawn, kind=form.value, scale=6, border=4)
    return drawn.getvalue()


def _server(protocol: Protocol, server: Server, user: str) -> DeviceServer:
    return DeviceServer(protocol, server.host, server.port, server.security.value, user)
