"""A private authorization server for tests, built with Authlib: it checks codes, verifiers, redirect
addresses, clients and refresh tokens as the RFCs ask, over TLS on one loopback port.

What a person would do at its page is `person`; how it treats renewals are the fields of `Manners`. Every
question for a token is remembered, and `gate` can hold its answers back.
"""

from __future__ import annotations

import json
import secrets
import ssl
import threading
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import trustme
from authlib.oauth2.rfc6749 import AuthorizationServer, OAuth2Error, OAuth2Request, grants
from authlib.oauth2.rfc6749.requests import BasicOAuth2Payload
from authlib.oauth2.rfc7636 import CodeChallenge
from authlib.oauth2.rfc8628 import DeviceAuthorizationEndpoint, DeviceCodeGrant

from tests.servers.ports import LOOPBACK

CLIENT, CLIENT_SECRET, PERSON = "eilbote-of-mine", "client-secret-7", "kim@firma.test"
SCOPE = "mail offline_access"


@dataclass
class Manners:
    """How it behaves. `rotates`: each renewal gives another refresh token, and the old one is dead; used
    again, it is forgiven for `grace` times, then the whole family is revoked."""

    rotates: bool = True
    grace: int = 0
    secret: bool = False
    life: int = 3600
    interval: int = 5
    device_life: int = 600
    slow_down: int = 0
    """So many questions for a device code are told to slow down."""
    person: str = "agrees"
    """Or `denies`, `waits`."""
    instead: tuple[int, bytes] | None = None
    """What is answered to every question for a token instead."""


class Logins(Mapping[str, str]):
    """Who may log in at a mail server that takes this server's tokens."""

    def __init__(self, authorization: Authorization) -> None:
        self._authorization = authorization

    def __getitem__(self, user: str) -> str:
        if user != PERSON:
            raise KeyError(user)
        return self._authorization.newest

    def __iter__(self) -> Iterator[str]:
        return iter([PERSON])

    def __len__(self) -> int:
        return 1


@dataclass
class _Client:
    secret: bool

    def get_client_id(self) -> str:
        return CLIENT

    def get_default_redirect_uri(self) -> str:
        return "http://127.0.0.1"

    def get_allowed_scope(self, scope: str) -> str:
        return " ".join(word for word in scope.split() if word in SCOPE.split())

    def check_redirect_uri(self, uri: str) -> bool:
        parts = urlsplit(uri)  # RFC 8252 section 7.3: any port
        return parts.scheme == "http" and parts.hostname in ("127.0.0.1", "localhost") and parts.path == ""

    def check_client_secret(self, secret: str) -> bool:
        return self.secret and secret == CLIENT_SECRET

    def check_endpoint_auth_method(self, method: str, endpoint: str) -> bool:
        return method == ("client_secret_post" if self.secret else "none")

    def check_response_type(self, kind: str) -> bool:
        return kind == "code"

    def check_grant_type(self, kind: str) -> bool:
        return True


@dataclass
class _Code:
    code: str
    redirect_uri: str
    scope: str
    user: str
    code_challenge: str
    code_challenge_method: str

    def get_redirect_uri(self) -> str:
        return self.redirect_uri

    def get_scope(self) -> str:
        return self.scope


@dataclass
class _Refresh:
    family: int
    dead: bool = False
    reused: int = 0

    def check_client(self, client: _Client) -> bool:
        return True

    def get_scope(self) -> str:
        return SCOPE


@dataclass
class _Device:
    user_code: str
    until: float

    def get_client_id(self) -> str:
        return CLIENT

    def get_scope(self) -> str:
        return SCOPE

    def get_user_code(self) -> str:
        return self.user_code

    def is_expired(self) -> bool:
        return time.monotonic() > self.until


class _Request(OAuth2Request):
    def __init__(self, method: str, uri: str, fields: dict[str, str]) -> None:
        super().__init__(method, uri)
        self.payload = BasicOAuth2Payload(fields)
        self._fields = fields

    @property
    def args(self) -> dict[str, str]:
        return self._fields

    @property
    def form(self) -> dict[str, str]:
        return self._fields


Answer = tuple[int, Any, list[tuple[str, str]]]


class _Server(AuthorizationServer):
    def __init__(self, outer: Authorization) -> None:
        super().__init__(scopes_supported=SCOPE.split())
        self._outer = outer
        self.register_token_generator("default", outer._generate)

    def query_client(self, client_id: str) -> _Client | None:
        return _Client(self._outer.manners.secret) if client_id == CLIENT else None

    def save_token(self, token: Any, request: Any) -> None:
        pass

    def send_signal(self, name: str, *args: Any, **kwargs: Any) -> None:
        pass

    def create_oauth2_request(self, request: _Request) -> _Request:
        return request

    def handle_response(self, status: int, body: Any, headers: Any) -> Answer:
        return status, body, list(headers)


class Authorization:
    """`issuer` names it; `tokens` are the access tokens that are good now. End it with `stop`."""

    def __init__(self, authority: trustme.CA, manners: Manners | None = None) -> None:
        self.manners = manners or Manners()
        self.asked: list[dict[str, str]] = []
        self.tokens: dict[str, None] = {}
        self.refreshes: dict[str, _Refresh] = {}
        self.gate = threading.Event()
        self.gate.set()
        self.arrived = threading.Event()
        """A question for a token is here."""
        self.answered = 0
        self.codes: dict[str, _Code] = {}
        self.devices: dict[str, _Device] = {}
        self._families = 0
        self._renewing: _Refresh | None = None
        self._lock = threading.Lock()
        self._server = _made(self)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        authority.issue_cert("localhost", LOOPBACK).configure_cert(context)
        self._http = _http(self, context)
        self.port = self._http.server_address[1]
        self._thread = threading.Thread(target=self._http.serve_forever, daemon=True)
        self._thread.start()

    @property
    def issuer(self) -> str:
        return f"https://localhost:{self.port}"

    @property
    def newest(self) -> str:
        """The access token that the mail servers take now."""
        return next(reversed(self.tokens), "none is good")

    @property
    def renewals(self) -> int:
        """How many questions for a renewed token came in."""
        return sum(one.get("grant_type") == "refresh_token" for one in self.asked)

    def stop(self) -> None:
        self.gate.set()
        self._http.shutdown()
        self._http.server_close()
        self._thread.join()

    def hold(self) -> None:
        """The next answers about tokens wait for `gate`; `arrived` says that somebody has asked."""
        self.arrived.clear()
        self.gate.clear()

    def revoke_tokens(self) -> None:
        """No access token is good any more; they can be renewed."""
        self.tokens.clear()

    def sign_out(self) -> None:
        """The person takes everything back."""
        self.tokens.clear()
        for one in self.refreshes.values():
            one.dead, one.reused = True, 1000

    def _generate(self, **given: Any) -> dict[str, Any]:
        access, token = f"access-{secrets.token_urlsafe(24)}", dict[str, Any]()
        self.tokens[access] = None
        token = {"token_type": "Bearer", "access_token": access, "expires_in": self.manners.life}
        if given["include_refresh_token"]:
            renewing = given["grant_type"] == "refresh_token"
            if not renewing:
                self._families += 1
            family = self._renewing.family if renewing and self._renewing else self._families
            token["refresh_token"] = f"refresh-{secrets.token_urlsafe(24)}"
            self.refreshes[token["refresh_token"]] = _Refresh(family)
        return token

    def _refresh(self, text: str) -> _Refresh | None:
        found = self.refreshes.get(text)
        if found is None:
            return None
        if found.dead:
            found.reused += 1
            if found.reused > self.manners.grace:
                for one in self.refreshes.values():  # RFC 9700 section 4.14.2
                    if one.family == found.family:
                        one.dead, one.reused = True, 1000
                return None
        self._renewing = found
        return found

    def answer(self, method: str, target: str, content: bytes) -> Answer:
        """What is said to one request."""
        parts = urlsplit(target)
        fields = dict(parse_qsl(parts.query if method == "GET" else content.decode()))
        request = _Request(method, f"https://localhost{target}", fields)
        match parts.path:
            case "/.well-known/oauth-authorization-server":
                return 200, self._metadata(), []
            case "/authorize":
                return self._authorized(request)
            case "/device":
                with self._lock:
                    answer: Answer = self._server.create_endpoint_response("device_authorization", request)
                return answer
            case "/introspect":
                return 200, self._introspected(fields.get("token", "")), []
            case "/token":
                return self._token(request, fields)
            case _:
                return 404, {}, []

    def _token(self, request: _Request, fields: dict[str, str]) -> Answer:
        self.asked.append(fields)
        if self.manners.instead is not None:
            self.arrived.set()
            return *self.manners.instead, []
        with self._lock:
            answer: Answer = self._server.create_token_response(request)
        self.arrived.set()
        self.gate.wait(60)
        self.answered += 1
        return answer

    def _authorized(self, request: _Request) -> Answer:
        """The person at the page: decides at once."""
        user = PERSON if self.manners.person == "agrees" else None
        try:
            grant = self._server.get_consent_grant(request, user)
        except OAuth2Error as error:
            return 400, dict(error.get_body()), []
        answer: Answer = self._server.create_authorization_response(request, user, grant)
        return answer

    def _introspected(self, token: str) -> dict[str, Any]:
        """What a mail server is told about a token (RFC 7662)."""
        if token not in self.tokens:
            return {"active": False}
        return {"active": True, "username": PERSON, "scope": SCOPE}

    def _metadata(self) -> dict[str, Any]:
        return {
            "issuer": self.issuer,
            "authorization_endpoint": f"{self.issuer}/authorize",
            "token_endpoint": f"{self.issuer}/token",
            "device_authorization_endpoint": f"{self.issuer}/device",
        }


def _made(outer: Authorization) -> _Server:
    class CodeGrant(grants.AuthorizationCodeGrant):
        TOKEN_ENDPOINT_AUTH_METHODS = ["none", "client_secret_post"]  # noqa: RUF012  # Authlib's way

        def save_authorization_code(self, code: str, request: Any) -> None:
            data = request.payload.data
            outer.codes[code] = _Code(
                code,
                request.payload.redirect_uri,
                request.payload.scope,
                request.user,
                data.get("code_challenge", ""),
                data.get("code_challenge_method", ""),
            )

        def query_authorization_code(self, code: str, client: Any) -> _Code | None:
            return outer.codes.get(code)

        def delete_authorization_code(self, code: Any) -> None:
            outer.codes.pop(code.code, None)

        def authenticate_user(self, code: Any) -> str:
            return PERSON

    class RefreshGrant(grants.RefreshTokenGrant):
        TOKEN_ENDPOINT_AUTH_METHODS = ["none", "client_secret_post"]  # noqa: RUF012

        @property
        def INCLUDE_NEW_REFRESH_TOKEN(self) -> bool:  # noqa: N802
            return outer.manners.rotates

        def authenticate_refresh_token(self, text: str) -> _Refresh | None:
            return outer._refresh(text)

        def authenticate_user(self, token: Any) -> str:
            return PERSON

        def revoke_old_credential(self, token: Any) -> None:
            if outer.manners.rotates:
                token.dead = True

    class Devices(DeviceAuthorizationEndpoint):
        CLIENT_AUTH_METHODS = ["none", "client_secret_post"]  # noqa: RUF012

        @property
        def EXPIRES_IN(self) -> int:  # noqa: N802
            return outer.manners.device_life

        @property
        def INTERVAL(self) -> int:  # noqa: N802
            return outer.manners.interval

        def get_verification_uri(self) -> str:
            return f"{outer.issuer}/activate"

        def save_device_credential(self, client_id: str, scope: str, data: Any) -> None:
            until = time.monotonic() + outer.manners.device_life
            outer.devices[data["device_code"]] = _Device(data["user_code"], until)

    class DeviceGrant(DeviceCodeGrant):
        TOKEN_ENDPOINT_AUTH_METHODS = ["none", "client_secret_post"]  # noqa: RUF012

        def query_device_credential(self, code: str) -> _Device | None:
            return outer.devices.get(code)

        def query_user_grant(self, user_code: str) -> tuple[str, bool] | None:
            if outer.manners.slow_down or outer.manners.person == "waits":
                return None
            return PERSON, outer.manners.person == "agrees"

        def should_slow_down(self, credential: Any) -> bool:
            outer.manners.slow_down = max(0, outer.manners.slow_down - 1)
            return outer.manners.person != "waits"

    server = _Server(outer)
    server.register_grant(CodeGrant, [CodeChallenge(required=True)])
    server.register_grant(RefreshGrant)
    server.register_grant(DeviceGrant)
    server.register_endpoint(Devices)
    return server


def _http(outer: Authorization, context: ssl.SSLContext) -> ThreadingHTTPServer:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            content = self.rfile.read(int(self.headers.get("Content-Length", "0")))
            status, body, headers = outer.answer(self.command, self.path, content)
            data = body if isinstance(body, bytes) else json.dumps(body or {}).encode()
            self.send_response(status)
            for name, value in headers:
                if name.lower() != "content-length":
                    self.send_header(name, value)
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        do_POST = do_GET  # noqa: N815  # the name that http.server looks for

        def log_message(self, *_: object) -> None:
            pass

    class Server(ThreadingHTTPServer):
        daemon_threads = True

        def handle_error(self, *_: object) -> None:
            pass  # clients that are killed leave

        def finish_request(self, request: Any, address: Any) -> None:
            request.settimeout(60)
            with context.wrap_socket(request, server_side=True) as wrapped:
                super().finish_request(wrapped, address)

    return Server((LOOPBACK, 0), Handler)
