"""What stands before every page: who may ask (Host, Origin, the form's token), how much, and what a
browser may do with the answer. Pages cannot forget it: a form that they see has passed.
"""

from __future__ import annotations

import asyncio
import hmac
from collections.abc import Mapping
from http.cookies import CookieError, SimpleCookie
from urllib.parse import parse_qsl

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

FORM = "eilbote.form"
"""Key of the scope under which a page finds the fields of the form that was sent."""

TOKEN_FIELD = "token"  # noqa: S105  # the name of a field

_LONGEST_FORM = 256 * 1024
_MOST_FIELDS = 1000
_FORM_SECONDS = 20.0
_SAFE = ("GET", "HEAD")

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


class Guard:
    """ASGI in front of ASGI."""

    def __init__(self, app: ASGIApp, *, hosts: frozenset[str], port: int) -> None:
        self._app = app
        self._hosts = hosts
        self._port = port

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return  # nothing else is spoken here
        headers = Headers(scope=scope)

        async def send_guarded(message: Message) -> None:
            if message["type"] == "http.response.start":
                _add_headers(MutableHeaders(scope=message))
            await send(message)

        refusal = self._refusal(scope["method"], headers)
        if refusal is None and scope["method"] not in _SAFE:
            refusal, form = await self._form(headers, receive)
            scope[FORM] = form
            receive = _nothing_more
        if refusal is not None:
            status, reason = refusal
            await PlainTextResponse(reason, status)(scope, receive, send_guarded)
            return
        await self._app(scope, receive, send_guarded)

    def _refusal(self, method: str, headers: Headers) -> tuple[int, str] | None:
        host = headers.get("host", "").lower()
        if host not in self._hosts:  # another name that leads here: DNS rebinding
            return 421, "This page answers to its own address only."
        from_elsewhere = headers.get("sec-fetch-site", "same-origin") not in ("same-origin", "none")
        if method in _SAFE:
            # A link from elsewhere may open a page; nothing else from there may load one.
            if from_elsewhere and headers.get("sec-fetch-mode") != "navigate":
                return 403, "Other sites may not load this."
            return None
        if method != "POST":
            return 405, "Not here."
        if headers.get("origin") != f"http://{host}" or from_elsewhere:
            return 403, "Forms of other sites are not taken."
        return None

    async def _form(
        self, headers: Headers, receive: Receive
    ) -> tuple[tuple[int, str] | None, Mapping[str, tuple[str, ...]]]:
        """The fields, all values of each, or why they are refused."""
        if headers.get("content-type", "").partition(";")[0].strip() != "application/x-www-form-urlencoded":
            return (415, "Only forms are taken."), {}
        body = bytearray()
        try:
            async with asyncio.timeout(_FORM_SECONDS):
                while True:
                    message = await receive()
                    if message["type"] != "http.request":
                        return (400, "The form broke off."), {}
                    body += message.get("body", b"")
                    if len(body) > _LONGEST_FORM:
                        return (413, "The form is too large."), {}
                    if not message.get("more_body"):
                        break
        except TimeoutError:
            return (408, "The form took too long."), {}
        form: dict[str, tuple[str, ...]] = {}
        try:
            pairs = parse_qsl(
                body.decode("ascii"), keep_blank_values=True, errors="strict", max_num_fields=_MOST_FIELDS
            )
        except ValueError:
            return (400, "The form cannot be read."), {}
        for name, value in pairs:
            form[name] = (*form.get(name, ()), value)
        cookies = cookies_in(headers)
        cookie = cookies.get(session_cookie(self._port)) or cookies.get(visit_cookie(self._port), "")
        given = form.get(TOKEN_FIELD, ("",))[0].encode()
        if not cookie or not hmac.compare_digest(form_token(cookie).encode(), given):
            return (403, "The form is not of this session. Load the page again."), {}
        return None, form


def _add_headers(headers: MutableHeaders) -> None:
    for name, value in _ALWAYS.items():
        headers[name] = value
    for name, value in _UNLESS_SAID.items():
        headers.setdefault(name, value)


async def _nothing_more() -> Message:
    return {"type": "http.disconnect"}
