"""Mail as a person looks through it: page by page, conversation by conversation, found by words; only of
accounts that the user may read. Reads the local copy only.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from itertools import groupby, islice

from msgspec import Struct

from eilbote.engine import read
from eilbote.engine.app import App
from eilbote.engine.identities import identities_of
from eilbote.engine.users import accounts_of, may_change, may_read, readable_accounts
from eilbote.errors import Gone, Misused, NotAllowed
from eilbote.mail.download_name import download_name
from eilbote.mail.harmless_html import Harmless, harmless_html
from eilbote.mail.mailbox import SpecialUse
from eilbote.mail.message import Message, parse_message
from eilbote.search.parse import parse_query
from eilbote.search.values import Node
from eilbote.store.search import Hit
from eilbote.store.values import Account, Mailbox, Narrowed, Only, PageMark, Placement, User

PAGE = 50
"""Mails of a page."""

LONG_PAGE = 200
"""Mails of a page that is put to those before by a script."""

EVERYTHING = Narrowed()
_MOST_ADDRESSES = 50
_MOST_TOGETHER = 10_000

MOST_COUNTED = 1_000
"""Mails found that are counted one by one."""


class Listed(Struct, frozen=True):
    """A page of a list, newest first, and the mark of each mail; `after` is where the next page begins,
    None at the end. `total`: how many mails a search found, `more` than that where it is not all."""

    mails: tuple[Placement, ...]
    after: PageMark | None = None
    marks: tuple[PageMark, ...] = ()
    total: int = 0
    more: bool = False
    together: Mapping[int, int] = {}
    """How many mails of its conversation a row stands for."""
    unread: frozenset[int] = frozenset()
    """Rows whose conversation has unread mail."""


class AccountMailboxes(Struct, frozen=True):
    """An account and its mailboxes, the inbox first."""

    account: Account
    mailboxes: tuple[Mailbox, ...]


def mailboxes_of(app: App, user: User) -> list[AccountMailboxes]:
    """What the user can open, account by account."""
    return [
        AccountMailboxes(one, tuple(box for _, box in read.list_mailboxes(app, one.address)))
        for one in accounts_of(app, user)
    ]


def change_numbers(app: App, user: User) -> tuple[tuple[int, int], ...]:
    """The change counter of every account that the user may read: others after any change."""
    return tuple((one.id, one.change) for one in accounts_of(app, user))


def mailbox_of(app: App, user: User, mailbox: int) -> Mailbox:
    """Gone `store.no_mailbox`, also where the user may not read it."""
    found = app.store.mailboxes.get(mailbox)
    if not may_read(user, found.account):
        raise Gone("store.no_mailbox", mailbox=mailbox)
    return found


def inboxes_of(app: App, user: User) -> list[int]:
    """The inboxes of all accounts."""
    return [
        box.id for one in mailboxes_of(app, user) for box in one.mailboxes if box.role is SpecialUse.INBOX
    ]


def ordinary_mailboxes(app: App, user: User) -> list[int]:
    """Every mailbox that the user can open, save junk and trash."""
    left_out = (SpecialUse.JUNK, SpecialUse.TRASH)
    return [
        box.id
        for one in mailboxes_of(app, user)
        for box in one.mailboxes
        if box.selectable and box.role not in left_out
    ]


def narrowed(app: App, user: User, only: str, keyword: str) -> Narrowed:
    """What a list is narrowed to. Misused `page.bad_mark` where there is no such kind of mail."""
    try:
        kind = Only(only)
    except ValueError:
        raise Misused("page.bad_mark") from None
    own: tuple[str, ...] = ()
    if kind is Only.MINE:
        own = tuple(
            identity.address for one in accounts_of(app, user) for identity in identities_of(app, one)
        )
    return Narrowed(kind, keyword, own[:_MOST_ADDRESSES])


def page(
    app: App,
    mailboxes: Sequence[int],
    after: PageMark | None,
    only: Narrowed = EVERYTHING,
    size: int = PAGE,
) -> Listed:
    """A page of mailboxes that the user may read, as one list."""
    mails = app.store.messages.page(mailboxes, after, size + 1, only)
    shown = tuple(mail for mail, _ in mails[:size])
    marks = tuple(mark for _, mark in mails[:size])
    return Listed(shown, marks[-1] if len(mails) > size else None, marks)


def found_page(
    app: App,
    user: User,
    query: str,
    after: PageMark | None = None,
    *,
    size: int = PAGE,
    growing: bool = False,
) -> Listed:
    """A page of what a search finds, each mail once; `growing`: its last word is still being typed.
    Misused `search.*`."""
    tree = parsed(app, query, growing=growing)
    accounts = _asked_accounts(app, user)
    if accounts == []:
        return Listed(())
    start = Hit(after.date, after.uid) if after is not None else None
    hits = app.store.search.page(tree, accounts, start, size + 1)
    dates = {hit.message: hit.date for hit in hits[:size]}
    mails = tuple(once(app.store.messages.placements([*dates], brief=True)))
    total = app.store.search.count(tree, accounts, MOST_COUNTED + 1)
    marks = tuple(PageMark(dates[mail.id], 0, mail.id) for mail in mails)
    last = hits[size - 1] if len(hits) > size else None
    next_mark = PageMark(last.date, 0, last.message) if last else None
    return Listed(mails, next_mark, marks, min(total, MOST_COUNTED), total > MOST_COUNTED)


def found_ids(app: App, user: User, query: str, limit: int) -> list[int]:
    """The newest `limit` mails that a search finds. Misused `search.*`."""
    accounts = _asked_accounts(app, user)
    return [hit.message for hit in app.store.search.page(parsed(app, query), accounts, None, limit)]


def parsed(app: App, query: str, *, growing: bool = False) -> Node:
    """What is asked for; dates are those of the machine's time zone. Misused `search.*`."""
    now = datetime.fromtimestamp(app.clock.now(), UTC).astimezone()
    return parse_query(query, now, growing=growing)


def _asked_accounts(app: App, user: User) -> list[int] | None:
    """The accounts whose mail is searched; None: all that there are, none in an empty list."""
    found = readable_accounts(app, user)
    return None if found == [None] else [one.id for one in found if one is not None]


def conversation_of(app: App, mail: Placement) -> list[Placement]:
    """The mails of its conversation, oldest first, each once; their envelopes are brief."""
    return once(app.store.messages.thread(mail.account, mail.thread, brief=True))


def with_conversations(app: App, user: User, ids: Sequence[int], mailbox: int) -> list[int]:
    """These mails and all others of their conversations that lie in the same mailboxes: `mailbox`, or the
    inboxes where it is 0. Gone `store.no_message`."""
    mails = readable_mail(app, user, ids)
    boxes = [mailbox_of(app, user, mailbox).id] if mailbox else inboxes_of(app, user)
    threads = {(mail.account, mail.thread) for mail in mails}
    members = app.store.messages.members(boxes, [thread for _, thread in threads], _MOST_TOGETHER)
    found = [one.message for one in members if (one.account, one.thread) in threads]
    return list(dict.fromkeys([*ids, *found]))


def once(mails: Sequence[Placement]) -> list[Placement]:
    """The first placement of each mail; placements of one stand together."""
    return [next(places) for _, places in groupby(mails, key=lambda one: one.id)]


def readable_mail(app: App, user: User, ids: Sequence[int]) -> list[Placement]:
    """One placement of each mail. Gone `store.no_message`, also where the user may not read it."""
    found = {one.id: one for one in reversed(app.store.messages.placements(ids))}
    for id_ in ids:
        if id_ not in found or not may_read(user, found[id_].account):
            raise Gone("store.no_message", id=id_)
    return [found[id_] for id_ in ids]


def changeable_mail(app: App, user: User, ids: Sequence[int]) -> list[Placement]:
    """As `readable_mail`; NotAllowed `user.may_not_change` where the user may only read."""
    found = readable_mail(app, user, ids)
    if not all(may_change(user, one.account) for one in found):
        raise NotAllowed("user.may_not_change")
    return found


def message_of(app: App, mail: int) -> Message:
    """A mail that the user may read, read once for all that is to be known of it."""
    return parse_message(app.store.messages.raw(mail))


def html_of(message: Message) -> Harmless | None:
    """The mail's HTML made harmless, with its own pictures inside; None where it has none, or none
    that can be shown."""
    html = message.body_html()
    if not html:
        return None
    return harmless_html(html, own_pictures(message, html))


def own_pictures(message: Message, html: str) -> dict[str, bytes]:
    """The mail's own pictures that its HTML shows, by their Content-ID."""
    return {
        part.content_id: part.content()
        for part in islice((one for one in message.parts if one.content_id and not one.children), 200)
        if part.content_type.startswith("image/") and f"cid:{part.content_id}" in html
    }


def source_of(app: App, mail: int, limit: int) -> str:
    """The beginning of the mail's source, to be looked at."""
    return app.store.messages.raw(mail)[:limit].decode("utf-8", "replace")


def attachment_of(app: App, mail: int, number: str) -> tuple[str, bytes]:
    """An attachment's content, and a name to save it under on any system. Gone `attachment.unknown`,
    `store.headers_only`."""
    message = parse_message(app.store.messages.whole(mail))
    found = next((one for one in message.attachments if one.number == number), None)
    if found is None:
        raise Gone("attachment.unknown", number=number[:50])
    return download_name(found.file_name, found.number), found.content()
