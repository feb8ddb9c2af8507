"""Which list a page shows: its path and what it is narrowed to. From these alone the server knows what
"all of this list" means when something is done with it; a browser never says which mails those are.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, datetime, time, timedelta
from urllib.parse import parse_qsl, quote, urlencode, urlsplit

from msgspec import Struct

from eilbote.engine import browse, conversations
from eilbote.engine.app import App
from eilbote.engine.browse import Listed
from eilbote.engine.labels import Label, labels_of
from eilbote.errors import Misused, Problem
from eilbote.store.values import Narrowed, Only, PageMark, User

BY_CONVERSATION = "conversation"


class Scope(Struct, frozen=True):
    """A list: `path` is `/inbox`, `/all`, `/box/7` or `/search`; `search` is what is searched for; `only`
    and `label` narrow the others; `by` says whether each conversation has one row."""

    path: str
    search: str = ""
    only: str = ""
    label: str = ""
    by: str = ""
    mark: str = ""
    """Where the page that is shown begins, as the address says it."""
    many: bool = False
    """A long page, for a script that puts its rows to those that are there."""

    @property
    def size(self) -> int:
        """Mails of a page."""
        return browse.LONG_PAGE if self.many else browse.PAGE

    @property
    def mailbox(self) -> int:
        """The mailbox shown, 0 where it is none alone."""
        return _mailbox_in(self.path)

    @property
    def query(self) -> str:
        """What must be said again when a link leads back to this list."""
        fields = {"q": self.search, "only": self.only, "label": self.label}
        return urlencode({name: value for name, value in fields.items() if value}, quote_via=quote)

    @property
    def address(self) -> str:
        return self.path + (f"?{self.query}" if self.query else "")

    def narrowed_to(self, only: str) -> str:
        """The same list, narrowed to another kind of mail."""
        return Scope(self.path, self.search, only, self.label).address


class List(Struct, frozen=True):
    """What stands in the middle."""

    scope: Scope
    listed: Listed
    labels: Mapping[int, Sequence[Label]]
    title: str = ""
    problem: Problem | None = None

    @property
    def path(self) -> str:
        return self.scope.path

    @property
    def after(self) -> str:
        return self.scope.mark

    @property
    def mailbox(self) -> int:
        return self.scope.mailbox

    @property
    def search(self) -> str:
        return self.scope.search

    @property
    def query(self) -> str:
        mark = f"after={self.after}" if self.after else ""
        return "&".join(part for part in (self.scope.query, mark) if part)

    def mail_path(self, mail: int) -> str:
        """Where a mail of this list is read."""
        return f"{self.path}/{mail}" + (f"?{self.query}" if self.query else "")

    @property
    def next_path(self) -> str:
        """The next page, older mail; empty at the end."""
        mark = self.listed.after
        if mark is None:
            return ""
        return f"{self.scope.address}{'&' if self.scope.query else '?'}after={written(mark)}"

    def mark_of(self, place: int) -> str:
        """The mark of a row, by its place in the page."""
        return written(self.listed.marks[place])


def list_of(app: App, user: User, scope: Scope, *, growing: bool = False) -> List:
    """A page of a list. Gone `store.no_mailbox`; Misused `page.bad_mark`. A search that makes no sense
    is told in the page."""
    problem = None
    mark = read_mark(scope.mark)
    title = browse.mailbox_of(app, user, scope.mailbox).name if scope.mailbox else ""
    try:
        listed = _listed(app, user, scope, mark, growing=growing)
    except Misused as error:
        if scope.path != "/search":
            raise
        listed, problem = Listed(()), error.problem
    return List(scope, listed, labels_of(app, listed.mails), title, problem)


def _listed(app: App, user: User, scope: Scope, mark: PageMark | None, *, growing: bool) -> Listed:
    if scope.path == "/search":
        if not scope.search.strip():
            return Listed(())
        return browse.found_page(app, user, scope.search, mark, size=scope.size, growing=growing)
    only = browse.narrowed(app, user, scope.only, scope.label)
    boxes = _mailboxes(app, user, scope)
    if scope.by == BY_CONVERSATION and only == Narrowed():
        return conversations.page(app, boxes, mark)
    return browse.page(app, boxes, mark, only, scope.size)


def ids_of(app: App, user: User, scope: Scope, limit: int) -> list[int]:
    """The newest `limit` mails of a whole list. Gone `store.no_mailbox`; Misused `search.*`."""
    if scope.path == "/search":
        return browse.found_ids(app, user, scope.search, limit) if scope.search.strip() else []
    only = browse.narrowed(app, user, scope.only, scope.label)
    return app.store.messages.ids_in(_mailboxes(app, user, scope), only, limit)


def _mailboxes(app: App, user: User, scope: Scope) -> list[int]:
    match scope.path:
        case "/inbox":
            return browse.inboxes_of(app, user)
        case "/all":
            return browse.ordinary_mailboxes(app, user)
        case _:
            return [browse.mailbox_of(app, user, scope.mailbox).id]


def scope_at(address: str) -> Scope:
    """The list that an address of ours leads to: what no list of ours has becomes the inbox."""
    if not address.isprintable() or "\\" in address:
        return Scope("/inbox")
    try:
        parts = urlsplit(address)
        fields = dict(parse_qsl(parts.query, max_num_fields=10)) if len(parts.query) < _LONGEST else {}
    except ValueError:  # no address, or with more fields than any of ours
        return Scope("/inbox")
    path = "/" + "/".join(parts.path.split("/")[1 : 3 if parts.path.startswith("/box/") else 2])
    if parts.scheme or parts.netloc or not (path in _PATHS or _mailbox_in(path)):
        return Scope("/inbox")
    only = fields.get("only", "")
    return Scope(path, fields.get("q", ""), only if only in set(Only) else "", fields.get("label", ""))


def written(mark: PageMark) -> str:
    """A mark as addresses carry it."""
    return f"{mark.date}.{mark.mailbox}.{mark.uid}"


def read_mark(text: str) -> PageMark | None:
    """Where a page begins. Misused `page.bad_mark`."""
    if not text:
        return None
    try:
        date, mailbox, uid = (int(part) for part in text[:80].split("."))
    except ValueError:
        raise Misused("page.bad_mark") from None
    if max(abs(date), abs(mailbox), abs(uid)) >= 2**62:
        raise Misused("page.bad_mark")
    return PageMark(date, mailbox, uid)


def day_mark(day: str) -> str:
    """The mark before the newest mail of a day (2026-01-31) and all older, by the machine's time zone.
    Misused `page.bad_mark`."""
    try:
        midnight = datetime.combine(date.fromisoformat(day[:10]), time.min).astimezone()
        return written(PageMark(int((midnight + timedelta(days=1)).timestamp()) - 1, 0, 0))
    except (ValueError, OverflowError, OSError):
        raise Misused("page.bad_mark") from None


_PATHS = ("/inbox", "/all", "/search")
_LONGEST = 20_000


def _mailbox_in(path: str) -> int:
    number = path.removeprefix("/box/")
    return int(number) if number != path and number.isascii() and number.isdigit() and len(number) < 19 else 0
