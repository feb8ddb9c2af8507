"""Signing in at the web page: a link for the first time, then name, password and second factor; who
tries too often waits.

A token is random, shown once, and kept as its hash alone.
"""

from __future__ import annotations

from base64 import urlsafe_b64encode
from collections import OrderedDict
from collections.abc import Iterator
from contextlib import contextmanager
from hashlib import sha256

from msgspec import Struct

from eilbote.engine.app import App
from eilbote.engine.users import add_user, is_factor, is_password, new_hash
from eilbote.errors import Gone, NotAllowed
from eilbote.secret import Secret
from eilbote.store.values import Role, SignedIn, User

LINK_SECONDS = 15 * 60.0
SESSION_SECONDS = 12 * 3600.0
PASSWORD_LINK_SECONDS = 3 * 86_400.0

_WINDOW = 15 * 60.0
_MOST_FOR_NAME = 5
_MOST_FOR_ALL = 50
"""Failures within the window, after which the next try waits for its end."""

_REMEMBERED = 1000

_SEEN_SECONDS = 60.0
"""That a session is in use is written down no oftener."""


class _Failures(Struct):
    count: int
    until: float


class SignIns:
    """The door of one running page. Failures are counted here, and forgotten with it."""

    def __init__(self, app: App) -> None:
        self._app = app
        self._failures: OrderedDict[str, _Failures] = OrderedDict()
        self._seen: OrderedDict[str, float] = OrderedDict()
        self._nobody = ""

    def open_link(self, *, always: bool = False) -> str | None:
        """The token of a new link with which the first user is made, good for 15 minutes and one use;
        None where there is a user. `always`: then too, for another owner."""
        if self._app.store.users.any() and not always:
            return None
        token = self._new_token()
        self._app.store.users.put_link(_hashed(token), self._app.clock.now() + LINK_SECONDS)
        return token

    def is_link(self, token: str) -> bool:
        """Whether the link is still good."""
        return self._app.store.users.has_link(_hashed(token), self._app.clock.now())

    def use_link(self, token: str, name: str, password: Secret, browser: str = "") -> str:
        """Makes an owner, and signs in: the token of the session. Gone
        `user.link_gone`, Misused as `add_user`."""
        if not self.is_link(token):  # before the slow hash; `add_user` looks again
            raise Gone("user.link_gone")
        return self._begin(add_user(self._app, name, Role.OWNER, password, link=_hashed(token)), browser)

    def password_link(self, user: int) -> str:
        """The token of a link with which the user chooses a password: good for three days and one use,
        instead of the one before. Gone `user.unknown`."""
        token = self._new_token()
        expires = self._app.clock.now() + PASSWORD_LINK_SECONDS
        self._app.store.users.put_password_link(user, _hashed(token), expires)
        return token

    def password_link_of(self, token: str) -> User | None:
        """Whose password may be chosen with it."""
        return self._app.store.users.password_link_of(_hashed(token), self._app.clock.now())

    def use_password_link(self, token: str, password: Secret) -> None:
        """Sets the password; nobody is signed in by it, because a second factor may be asked for. Gone
        `user.link_gone`, Misused `user.short_password`."""
        if self.password_link_of(token) is None:  # before the slow hash; the store looks again
            raise Gone("user.link_gone")
        kept = new_hash(self._app, password)
        self._app.store.users.use_password_link(_hashed(token), kept, self._app.clock.now())

    def sign_in(self, name: str, password: Secret, code: str, browser: str = "") -> str:
        """The token of a new session; `browser` in short, for the list of sessions. NotAllowed
        `user.wrong_sign_in`, which does not say what of it was wrong, and `user.too_many_tries`."""
        names = (f"name:{sha256(name.casefold().encode('utf-8', 'replace')).hexdigest()}", "all")
        for key, most in zip(names, (_MOST_FOR_NAME, _MOST_FOR_ALL), strict=True):
            self._check_patience(key, most)
        for key in names:  # counted before the slow look, so that many at once are no way around it
            self._count(key)
        user = self._app.store.users.named(name)
        if not self._is_right(user, password, code) or user is None:
            raise NotAllowed("user.wrong_sign_in")
        for key in names:
            self._failures.pop(key, None)
        return self._begin(user.id, browser)

    @contextmanager
    def patiently(self, user: User) -> Iterator[None]:
        """Around a look at the password of a user who is signed in: whoever found the page open does not
        guess it there. NotAllowed `user.too_many_tries`."""
        key = f"own:{user.id}"
        self._check_patience(key, _MOST_FOR_NAME)
        self._count(key)
        yield
        self._failures.pop(key, None)

    def visitor(self, token: str) -> User | None:
        """Who is signed in with this session."""
        hashed, now = _hashed(token), self._app.clock.now()
        user = self._app.store.users.session_of(hashed, now)
        if user is not None and now - self._seen.get(hashed, 0.0) >= _SEEN_SECONDS:
            self._seen[hashed] = now
            self._app.store.users.note_seen(hashed, now, _SEEN_SECONDS)
            while len(self._seen) > _REMEMBERED:
                self._seen.popitem(last=False)
        return user

    def sessions(self, user: User, token: str) -> list[tuple[SignedIn, bool]]:
        """Where the user is signed in, the latest first, and which of them is the session of `token`."""
        hashed = _hashed(token)
        return [
            (one, one.id == hashed) for one in self._app.store.users.sessions(user.id, self._app.clock.now())
        ]

    def end_session(self, user: User, session: str) -> None:
        """One of the user's own sessions, by its id."""
        self._app.store.users.end_sessions(user.id, only=session)

    def end_other_sessions(self, user: User, token: str) -> None:
        """All of the user's sessions but that of `token`."""
        self._app.store.users.end_sessions(user.id, but=_hashed(token))

    def sign_out(self, token: str) -> None:
        self._app.store.users.end_session(_hashed(token))

    def _is_right(self, user: User | None, password: Secret, code: str) -> bool:
        if user is None:
            # As long as for a name that is there: the time tells nothing.
            self._nobody = self._nobody or new_hash(self._app, Secret("nobody's password"))
            is_password(self._nobody, password)
            return False
        return is_password(user.password, password) and (not user.factor or is_factor(self._app, user, code))

    def _begin(self, user: int, browser: str) -> str:
        token, now = self._new_token(), self._app.clock.now()
        self._app.store.users.begin_session(_hashed(token), user, now, now + SESSION_SECONDS, browser)
        return token

    def _new_token(self) -> str:
        return urlsafe_b64encode(self._app.clock.random_bytes(32)).decode().rstrip("=")

    def _check_patience(self, key: str, most: int) -> None:
        known, now = self._failures.get(key), self._app.clock.monotonic()
        if known is not None and known.count >= most and now < known.until:
            raise NotAllowed("user.too_many_tries", minutes=int((known.until - now) // 60) + 1)

    def _count(self, key: str) -> None:
        now = self._app.clock.monotonic()
        known = self._failures.get(key)
        if known is None or now >= known.until:
            self._failures[key] = known = _Failures(0, now + _WINDOW)
        known.count += 1
        self._failures.move_to_end(key)
        while len(self._failures) > _REMEMBERED:
            self._failures.popitem(last=False)


def _hashed(token: str) -> str:
    return sha256(token.encode("utf-8", "replace")).hexdigest()
