"""People who use the web page of a running `eilbote serve`, over its own HTTP, as fast as it answers."""

from __future__ import annotations

import http.client
import re
import threading
import time
from urllib.parse import urlencode, urlsplit

_PASSWORD = "correct horse battery"
_TOKEN = re.compile(r'name="token" value="([0-9a-f]{64})"')


class Visitor:
    """One browser, without scripts, pictures or cache: one connection and its cookies."""

    def __init__(self, address: str) -> None:
        self.address = address
        parts = urlsplit(address)
        assert parts.hostname is not None
        self._line = http.client.HTTPConnection(parts.hostname, parts.port, timeout=60)
        self._cookies: dict[str, str] = {}
        self.seconds = 0.0
        """How long the last answer took, from the request to its last byte."""

    @property
    def headers(self) -> dict[str, str]:
        cookies = "; ".join(f"{name}={value}" for name, value in self._cookies.items())
        return {"Cookie": cookies, "Accept-Language": "de"}

    def get(self, path: str) -> str:
        """The page, after one redirection at most. Raises AssertionError where it is none."""
        status, text, location = self._ask("GET", path, None)
        if status == 303:
            status, text, _ = self._ask("GET", location, None)
        assert status == 200, (path, status)
        return text

    def post(self, path: str, fields: dict[str, str], page: str) -> None:
        """Sends a form of this page."""
        token = _TOKEN.search(page)
        assert token is not None, page[:500]
        status, text, _ = self._ask("POST", path, urlencode({"token": token[1], **fields}))
        assert status == 303, (path, status, text[:2000])

    def begin(self, link: str) -> None:
        """Makes the first user, signed in from now on."""
        path = urlsplit(link).path
        self.post(path, {"name": "Kim", "password": _PASSWORD}, self.get(path))

    def sign_in(self) -> None:
        fields = {"name": "Kim", "password": _PASSWORD, "code": ""}
        self.post("/sign-in", fields, self.get("/sign-in"))

    def listen(self) -> threading.Thread:
        """Opens the stream of news and reads it until the server closes it."""
        parts = urlsplit(self.address)
        assert parts.hostname is not None
        line = http.client.HTTPConnection(parts.hostname, parts.port)
        line.request("GET", "/live", headers=self.headers)
        stream = line.getresponse()
        assert stream.status == 200

        def read() -> None:
            while stream.readline():
                pass

        thread = threading.Thread(target=read, daemon=True)
        thread.start()
        return thread

    def _ask(self, method: str, path: str, form: str | None) -> tuple[int, str, str]:
        headers = self.headers
        if form is not None:
            headers |= {"Content-Type": "application/x-www-form-urlencoded", "Origin": self.address}
        started = time.monotonic()
        self._line.request(method, path, form, headers)
        answer = self._line.getresponse()
        text = answer.read().decode("utf-8", "replace")
        self.seconds = time.monotonic() - started
        for cookie in answer.headers.get_all("Set-Cookie") or ():
            name, _, value = cookie.partition(";")[0].partition("=")
            self._cookies[name] = value.strip('"')
        return answer.status, text, answer.headers.get("Location", "")
