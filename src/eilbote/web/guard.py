"""What stands before every page: who may ask (Host, Origin, the form's token), how much, and what a
browser may do with the answer. Pages cannot forget it: a form that they see has passed. Files come only
from who is signed in, and go again unless a page has taken them.
"""

from __future__ import annotations

import asyncio
import hmac
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from http.cookies import CookieError, SimpleCookie
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import parse_qsl

from msgspec import Struct
from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

FORM = "eilbote.form"
"""Key of the scope under which a page finds the fields of the form that was sent."""

if TYPE_CHECKING:
    from eilbote.web.multipart import FormReader

RECEIVED = "eilbote.received"
"""Key of the scope under which a page finds the files that came with the form, as `Received`."""

TOKEN_FIELD = "token"  # noqa: S105  # the name of a field

_LONGEST_FORM = 256 * 1024
_MOST_FIELDS = 10_100
"""As many mails as one act may change (`engine/bulk`), and what a form says besides."""

_FORM_SECONDS = 20.0
_LONGEST_UPLOAD = 1 << 30
"""Bytes that are read at all: more than any mail holds, so that a page can say so."""
_UPLOAD_SECONDS = 900.0
_SILENT_SECONDS = 20.0
_SAFE = ("GET", "HEAD")
_MISDIRECTED = 421

_CONTENT_POLICY = (
    "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self'; connect-src 'self';"
    " frame-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
_ALWAYS = {
    "X-Content-Type-Options": "nosniff",
    # Not no-referrer: under it a browser sends the Origin of our own forms as null.
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=(), payment=(), usb=()",
}
_UNLESS_SAID = {
    "Content-Security-Policy": _CONTENT_POLICY,
    "X-Frame-Options": "DENY",
    "Cache-Control": "no-store",
}


def session_cookie(port: int) -> str:
    """The name of the cookie that holds the session. With the port, because browsers give a cookie of one
    port of a machine to all."""
    return f"eilbote-{port}"


def visit_cookie(port: int) -> str:
    """The name of the cookie of who is not signed in yet, for the form's token alone."""
    return f"eilbote-visit-{port}"


def form_token(cookie: str) -> str:
    """What a form must bring along that belongs to this cookie: no other site can know it."""
    return hmac.digest(cookie.encode("utf-8", "replace"), b"form", "sha256").hex()


def cookies_in(headers: Headers) -> dict[str, str]:
    """Cookies by name; none where they cannot be read."""
    try:
        return {name: morsel.value for name, morsel in SimpleCookie(headers.get("cookie", "")).items()}
    except CookieError:
        return {}


class Uploads(Struct, frozen=True):
    """Where files of forms come to lie (`fresh` names one that is not there yet), and whether the session
    in a cookie is that of somebody who may send any."""

    fresh: Callable[[], Path]
    may_send: Callable[[str], bool]


class Refused(Exception):
    """A request is not taken: an HTTP status and the code of the problem that says why. `form` is what was
    typed, as far as it was read."""

    def __init__(self, status: int, code: str, form: Mapping[str, tuple[str, ...]] | None = None) -> None:
        super().__init__(code)
        self.status = status
        self.code = code
        self.form = form or {}


Told = Callable[[Request, Refused], Awaitable[Response]]
"""Makes a refusal a page in the visitor's language."""


class Guard:
    """ASGI in front of ASGI."""

    def __init__(
        self, app: ASGIApp, *, hosts: frozenset[str], port: int, uploads: Uploads, told: Told
    ) -> None:
        self._app = app
        self._told = told
        self._hosts = hosts
        self._port = port
        self._uploads = uploads

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return  # nothing else is spoken here
        headers = Headers(scope=scope)

        async def send_guarded(message: Message) -> None:
            if message["type"] == "http.response.start":
                add_headers(MutableHeaders(scope=message))
            await send(message)

        refusal = self._refusal(scope["method"], headers)
        if refusal is not None:
            await (await self._answer(scope, refusal))(scope, receive, send_guarded)
        elif scope["method"] in _SAFE:
            await self._app(scope, receive, send_guarded)
        elif headers.get("content-type", "").partition(";")[0].strip().lower() == "multipart/form-data":
            await self._with_files(headers, scope, receive, send_guarded)
        else:
            try:
                scope[FORM] = await self._form(headers, receive)
            except Refused as refused:
                await (await self._answer(scope, refused))(scope, receive, send_guarded)
                return
            await self._app(scope, _nothing_more, send_guarded)

    def _refusal(self, method: str, headers: Headers) -> Refused | None:
        host = headers.get("host", "").lower()
        if host not in self._hosts:  # another name that leads here: DNS rebinding
            return Refused(_MISDIRECTED, "page.other_address")
        from_elsewhere = headers.get("sec-fetch-site", "same-origin") not in ("same-origin", "none")
        if method in _SAFE:
            # A link from elsewhere may open a page; nothing else from there may load one.
            if from_elsewhere and headers.get("sec-fetch-mode") != "navigate":
                return Refused(403, "page.other_site")
            return None
        if method != "POST":
            return Refused(405, "page.unknown_act")
        if headers.get("origin") != f"http://{host}" or from_elsewhere:
            return Refused(403, "page.other_site")
        return None

    async def _form(self, headers: Headers, receive: Receive) -> Mapping[str, tuple[str, ...]]:
        """The fields, all values of each."""
        if headers.get("content-type", "").partition(";")[0].strip() != "application/x-www-form-urlencoded":
            raise Refused(415, "page.unreadable_form")
        body = bytearray()
        async for piece in _body(receive, _FORM_SECONDS):
            body += piece
            if len(body) > _LONGEST_FORM:
                raise Refused(413, "page.large_form")
        try:
            pairs = parse_qsl(
                body.decode("ascii"), keep_blank_values=True, errors="strict", max_num_fields=_MOST_FIELDS
            )
        except ValueError:
            raise Refused(400, "page.unreadable_form") from None
        values: dict[str, list[str]] = {}
        for name, value in pairs:
            values.setdefault(name, []).append(value)
        form = {name: tuple(given) for name, given in values.items()}
        if not self._is_of(headers, form):
            raise Refused(403, "page.other_session", form)
        return form

    async def _with_files(self, headers: Headers, scope: Scope, receive: Receive, send: Send) -> None:
        """Hands a form with files on. Those that the page did not take are gone when it has answered."""
        from eilbote.web import multipart  # noqa: PLC0415  # no other form needs it

        session = cookies_in(headers).get(session_cookie(self._port), "")
        boundary = multipart.boundary_of(headers.get("content-type", ""))
        refused: Refused | None
        if not session or not await asyncio.to_thread(self._uploads.may_send, session):
            refused = Refused(403, "page.other_session")
        elif not 0 < len(boundary) <= 70:  # RFC 2046 section 5.1.1
            refused = Refused(400, "page.unreadable_form")
        else:
            fresh = self._uploads.fresh
            reader = multipart.FormReader(boundary, fresh, lambda form: self._is_of(headers, form))
            try:
                refused = await _taken(reader, scope, receive)
                if refused is None:
                    await self._app(scope, _nothing_more, send)
                    return
            finally:
                await asyncio.to_thread(reader.forget)
        await (await self._answer(scope, refused))(scope, receive, send)

    async def _answer(self, scope: Scope, refused: Refused) -> Response:
        if refused.status == _MISDIRECTED:  # nothing of ours is shown under another name
            return PlainTextResponse("This page answers to its own address only.", refused.status)
        return await self._told(Request(scope), refused)

    def _is_of(self, headers: Headers, form: Mapping[str, tuple[str, ...]]) -> bool:
        """Whether the form has the token of the browser's cookie."""
        cookies = cookies_in(headers)
        cookie = cookies.get(session_cookie(self._port)) or cookies.get(visit_cookie(self._port), "")
        given = form.get(TOKEN_FIELD, ("",))[0].encode()
        return bool(cookie) and hmac.compare_digest(form_token(cookie).encode(), given)


async def _taken(reader: FormReader, scope: Scope, receive: Receive) -> Refused | None:
    """Reads the form; what came stands in the scope then, or it is said why it is not taken."""
    try:
        await _fed(reader, receive)
        scope[RECEIVED] = reader.received()
    except Refused as refused:
        return refused
    except OSError as error:
        return Refused(507, f"The file cannot be kept here: {error.strerror or 'no room'}.")
    scope[FORM] = reader.fields
    return None


async def _fed(reader: FormReader, receive: Receive) -> None:
    """Everything that comes, in a thread: a disk may be slow."""
    size = 0
    async for piece in _body(receive, _UPLOAD_SECONDS):
        size += len(piece)
        if size > _LONGEST_UPLOAD:
            raise Refused(413, "page.large_form")
        await asyncio.to_thread(reader.feed, piece)


async def _body(receive: Receive, seconds: float) -> AsyncIterator[bytes]:
    """What the browser sends, piece by piece, for so long at most and never silent for long."""
    until = asyncio.get_running_loop().time() + seconds
    while True:
        try:
            left = min(until, asyncio.get_running_loop().time() + _SILENT_SECONDS)
            async with asyncio.timeout_at(left):
                message = await receive()
        except TimeoutError:
            raise Refused(408, "page.slow_form") from None
        if message["type"] != "http.request":
            raise Refused(400, "page.unreadable_form")
        yield message.get("body", b"")
        if not message.get("more_body"):
            return


def add_headers(headers: MutableHeaders) -> None:
    """What every answer says to the browser, unless it says something of its own where it may."""
    for name, value in _ALWAYS.items():
        headers[name] = value
    for name, value in _UNLESS_SAID.items():
        headers.setdefault(name, value)


async def _nothing_more() -> Message:
    return {"type": "http.disconnect"}
