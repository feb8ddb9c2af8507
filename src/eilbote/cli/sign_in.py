"""Signing in at a provider's page from the terminal: says where to go, and waits. No token is ever shown."""

from __future__ import annotations

import asyncio
import html
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager

from eilbote.cli.command import mark
from eilbote.cli.face import Face
from eilbote.cli.password import SecretSource
from eilbote.clock import rfc3339
from eilbote.engine.app import App
from eilbote.engine.authorize import (
    BrowserSignIn,
    Going,
    Pages,
    Plan,
    SignedIn,
    add_signed_in,
    has_client,
    keep_sign_in,
    last_sign_in,
    plan_sign_in,
    sign_in_by_code,
    sign_in_of,
)
from eilbote.errors import EilboteError
from eilbote.store.values import Account, NewAccount, Server

_LONGEST_LINE = 32 * 1024


def add_by_sign_in(face: Face, app: App, planned: NewAccount, source: SecretSource) -> Account:
    """Somebody signs in, and the account is stored with what was granted."""
    plan, granted = asyncio.run(_signed_in(face, app, planned, source))
    return add_signed_in(app, planned, plan, granted)


def sign_in_again(face: Face, app: App, account: Account, source: SecretSource) -> None:
    """Somebody signs in, and the account has what was granted from now on."""
    plan, granted = asyncio.run(_signed_in(face, app, account, source))
    keep_sign_in(app, account, plan, granted)


async def _signed_in(
    face: Face, app: App, account: Account | NewAccount, source: SecretSource
) -> tuple[Plan, SignedIn]:
    servers = (account.imap, account.pop3, account.smtp)
    _tell_registration(face, app, servers, source)
    before = last_sign_in(app, account.id) if isinstance(account, Account) else None
    plan = await plan_sign_in(app, servers, source.sign_in, before)
    if source.device:
        return plan, await sign_in_by_code(app, plan, lambda going: _tell(face, plan, going))
    pages = closing_pages(face)
    async with BrowserSignIn(app, plan, account.address, pages) as sign_in:
        _tell(face, plan, sign_in.going)
        with _typing(face, sign_in):
            return plan, await sign_in.tokens()


def _tell_registration(
    face: Face, app: App, servers: tuple[Server | None, ...], source: SecretSource
) -> None:
    """Where a client id is made, for whoever has none yet."""
    row, given = sign_in_of(servers), source.sign_in
    if row is None or given.issuer or given.client_id or given.client_file or has_client(app, row.id):
        return
    language = face.catalogue.language
    face.note(mark("A client id of your own is made at {name}:"), name=row.name)
    for line in (row.register.text(language), row.register.url, row.note.text(language)):
        face.note("  {line}", line=line)


def _tell(face: Face, plan: Plan, going: Going) -> None:
    if face.json:
        shape = {"url": going.url, "code": going.code, "until": rfc3339(going.until)}
        face.record({"sign_in": shape})
        sys.stdout.flush()
        return
    if going.code:
        face.note(
            mark("Open this address in a browser on any device and type the code {code} there:"),
            code=going.code,
        )
    else:
        face.note(
            mark("Open this address in a browser on this machine and sign in to {name}:"), name=plan.by.name
        )
    # As it is, whole: it has to be copied, so that no line of it may be broken.
    sys.stderr.write(f"\n{going.complete or going.url}\n\n")
    if not going.code and sys.stdin.isatty():
        face.note(
            mark(
                "If the browser is on another machine, it ends with an error page. Paste the address of that"
                " page here then, and press Enter."
            )
        )
    sys.stderr.flush()


@contextmanager
def _typing(face: Face, sign_in: BrowserSignIn) -> Iterator[None]:
    """Takes the address of the last page, where a person pastes it."""
    if not sys.stdin.isatty():
        yield
        return
    loop, pending = asyncio.get_running_loop(), bytearray()

    def read() -> None:
        block = os.read(0, _LONGEST_LINE)
        if not block:
            loop.remove_reader(0)
            return
        pending.extend(block)
        while b"\n" in pending:
            line, _, rest = bytes(pending).partition(b"\n")
            pending[:] = rest
            if line.strip():
                _take(face, sign_in, line.decode("utf-8", "replace"))
        del pending[_LONGEST_LINE:]

    loop.add_reader(0, read)
    try:
        yield
    finally:
        loop.remove_reader(0)


def _take(face: Face, sign_in: BrowserSignIn, line: str) -> None:
    try:
        sign_in.typed(line)
    except EilboteError as error:
        face.problem(error.problem, about="")


def closing_pages(face: Face) -> Pages:
    """What the browser shows at the end."""
    return Pages(
        _page(face, mark("You are signed in. You can close this window.")),
        _page(face, mark("The sign-in did not work. Eilbote says why; you can close this window.")),
        _page(face, mark("This answer belongs to another sign-in. You can close this window.")),
    )


def _page(face: Face, text: str) -> str:
    words = html.escape(face.text(text))
    return (
        f'<!doctype html><html lang="{face.catalogue.language}"><meta charset="utf-8">'
        f'<meta name="viewport" content="width=device-width"><title>Eilbote</title><p>{words}</p></html>'
    )
