"""`eilbote account settings`: what other devices need, as text, code or file; with --keep and --on-server,
what is kept of an account's mail here and there."""

from __future__ import annotations

import asyncio
import os
import sys
from pathlib import Path

import click

from eilbote.cli.account_facts import home_words
from eilbote.cli.command import Command, Option, mark
from eilbote.cli.completion import account_names
from eilbote.cli.face import Face
from eilbote.cli.home import opened_home
from eilbote.cli.shapes import JSON, account_shape
from eilbote.discovery.values import DeviceServer, DeviceSettings, Protocol
from eilbote.engine import setup
from eilbote.engine.address import is_loopback
from eilbote.engine.devices import Form, code_for_terminal, device_settings, password_of, written
from eilbote.errors import Misused
from eilbote.figures import number
from eilbote.mail.keep import KeepKind, read_keep
from eilbote.store.values import Account
from eilbote.sync.values import OnServer

_FORMS = ("text", "qr", *(one.value for one in Form))
_SUFFIXES = {
    ".mobileconfig": Form.APPLE,
    ".svg": Form.SVG,
    ".png": Form.PNG,
    ".xml": Form.THUNDERBIRD,
}


def _on_server(_context: click.Context, _parameter: click.Parameter, value: str | None) -> OnServer | None:
    match value:
        case None:
            return None
        case "keep":
            return OnServer()
        case "when-deleted":
            return OnServer(when_deleted=True)
        case _ if value.isascii() and value.isdigit() and len(value) < 5:
            return OnServer(days=int(value))
        case _:
            raise click.BadParameter(value)


@click.command(
    "settings",
    cls=Command,
    help=mark(
        "Show what a phone, tablet or mail program needs to use the same account: as text, as a QR code that "
        "Thunderbird for Android scans, as a profile for Apple devices, as a file for Thunderbird or Outlook."
        " No password is in it. With --keep or --on-server, choose instead what of each mail is kept here; "
        "every mail is here with its header at least, and what is left out is fetched when you open it."
    ),
    short_help=mark("Settings for other devices, and what is kept of an account's mail"),
)
@click.argument("address", shell_complete=account_names)
@click.option(
    "--format",
    "form",
    cls=Option,
    type=click.Choice(_FORMS),
    help=mark("How the settings are shown; else text, or what the name of the file says."),
)
@click.option(
    "--out",
    cls=Option,
    metavar="FILE",
    type=click.Path(path_type=Path),
    help=mark("Write them into a file."),
)
@click.option(
    "--with-password",
    cls=Option,
    is_flag=True,
    help=mark("Put the password into the profile for Apple devices. Delete that file after use."),
)
@click.option(
    "--keep",
    cls=Option,
    metavar="MODE",
    help=mark(
        "everything; headers; days:N (whole mails of the last N days); size:BYTES (larger mails without "
        "their attachments; k, M and G may follow). For a mailbox also account: what the account says."
    ),
)
@click.option("--mailbox", cls=Option, metavar="NAME", help=mark("Only for this mailbox."))
@click.option(
    "--on-server",
    cls=Option,
    metavar="keep|DAYS|when-deleted",
    callback=_on_server,
    help=mark(
        "Of a POP3 account: collected mail stays on the server, is deleted there so many days after "
        "collecting, or when it is deleted here."
    ),
)
@click.pass_obj
def settings(
    face: Face,
    address: str,
    *,
    form: str | None,
    out: Path | None,
    with_password: bool,
    keep: str | None,
    mailbox: str | None,
    on_server: OnServer | None,
) -> None:
    if keep is not None or on_server is not None:
        if form is not None or out is not None or with_password:
            raise click.UsageError("--keep, --on-server, --format, --out, --with-password")
        _keep(face, address, keep, mailbox, on_server)
    elif mailbox is not None:
        raise click.UsageError("--mailbox, --keep")
    else:
        _hand_out(face, address, form, out, with_password=with_password)


def _hand_out(face: Face, address: str, form: str | None, out: Path | None, *, with_password: bool) -> None:
    """The settings for other devices, shown or written."""
    if form is None and out is not None:
        form = _SUFFIXES.get(out.suffix.lower(), "text")
    with opened_home(face) as app:
        found = device_settings(app, address)
        password = asyncio.run(password_of(app, address)) if with_password else None
    if form in (None, "text", "qr"):
        if password is not None:
            raise Misused("devices.no_place", form=form or "text")
        text = code_for_terminal(found) if form == "qr" else "\n".join(_lines(face, found)) + "\n"
        if out is not None:
            _write(face, out, text.encode(), secret=False)
        elif face.json:
            face.record(devices_shape(found))
        else:
            for line in text.splitlines():
                face.line(line)
            _warn(face, found)
        return
    content = written(found, Form(form or ""), password)
    if out is not None:
        _write(face, out, content, secret=password is not None)
        _warn(face, found)
    else:
        sys.stdout.buffer.write(content)
        sys.stdout.buffer.flush()


def _lines(face: Face, found: DeviceSettings) -> list[str]:
    titles = {
        Protocol.IMAP: mark("Receive (IMAP)"),
        Protocol.POP3: mark("Receive (POP3)"),
        Protocol.SMTP: mark("Send (SMTP)"),
    }
    lines = [face.text(mark("Address: {address}"), address=found.address)]
    for server in found.servers:
        lines += ["", face.text(titles[server.protocol])]
        for title, value in (
            (mark("Server"), server.host),
            (mark("Port"), str(server.port)),
            (mark("Security"), _security(face, server)),
            (mark("User name"), server.user),
        ):
            lines.append(f"  {face.text(title)}: {value}")
    how = (
        mark("Login: you sign in on your provider's page")
        if found.oauth
        else mark("Login: the same password as here; it is not shown")
    )
    return [*lines, "", face.text(how)]


def _security(face: Face, server: DeviceServer) -> str:
    match server.security:
        case "tls":
            return "SSL/TLS"
        case "starttls":
            return "STARTTLS"
        case _:
            return face.text(mark("none"))


def _warn(face: Face, found: DeviceSettings) -> None:
    if any(is_loopback(server.host) for server in found.servers):
        face.note(mark("A server of this account is on this very machine; other devices do not reach it."))


def _write(face: Face, out: Path, content: bytes, *, secret: bool) -> None:
    try:
        number_of_file = os.open(out, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600 if secret else 0o644)
        with os.fdopen(number_of_file, "wb") as file:
            if secret:
                out.chmod(0o600)
            file.write(content)
    except OSError as problem:
        raise Misused("file.unwritable", file=out, reason=problem.strerror) from None
    if face.json:
        face.record({"file": str(out), "bytes": len(content)})
    else:
        face.say(mark("Written: {file}"), file=out)
    if secret:
        face.note(mark("The password is in that file. Delete it as soon as the device has it."))


def devices_shape(found: DeviceSettings) -> JSON:
    """`account settings` without --keep."""
    return {
        "address": found.address,
        "name": found.name,
        "login": "oauth" if found.oauth else "password",
        **{protocol.value: None for protocol in Protocol},
        **{
            one.protocol.value: {
                "host": one.host,
                "port": one.port,
                "security": one.security,
                "user": one.user,
            }
            for one in found.servers
        },
    }


def _keep(
    face: Face, address: str, keep: str | None, mailbox: str | None, on_server: OnServer | None
) -> None:
    if on_server is not None:
        with opened_home(face) as app:
            found = setup.keep_on_server(app, address, on_server)
        _tell(face, found, mark("{address}: {lives}."), lives=home_words(face, found))
    if keep is None:
        return
    mode = None if mailbox is not None and keep == "account" else read_keep(keep)
    with opened_home(face) as app:
        found = setup.set_keep(app, address, mode, mailbox)
    sentences = {
        KeepKind.EVERYTHING: mark("Of {place} everything is kept; what is missing comes with the next sync."),
        KeepKind.HEADERS: mark("Of {place} the headers are kept; the rest is fetched when you open a mail."),
        KeepKind.DAYS: mark("Of {place} the mails of the last {amount} days are kept whole, else headers."),
        KeepKind.SIZE: mark("Of {place} mails over {amount} bytes are kept without their attachments."),
    }
    done = mark("{place} is kept as the account is.") if mode is None else sentences[mode.kind]
    amount = number(mode.amount, face.catalogue.language) if mode is not None else ""
    _tell(face, found, done, place=mailbox or found.address, amount=amount)


def _tell(face: Face, found: Account, sentence: str, **more: str) -> None:
    if face.json:
        face.record(account_shape(found))
    else:
        face.say(sentence, address=found.address, **more)
