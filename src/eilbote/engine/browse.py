"""Mail as a person looks through it: page by page, conversation by conversation, found by words; only of
accounts that the user may read. Reads the local copy only.
"""

from __future__ import annotations

import heapq
from collections.abc import Sequence
from datetime import UTC, datetime
from itertools import groupby, islice

from msgspec import Struct

from eilbote.engine import read
from eilbote.engine.app import App
from eilbote.engine.users import accounts_of, may_change, may_read, readable_accounts
from eilbote.errors import Gone, NotAllowed
from eilbote.mail.download_name import download_name
from eilbote.mail.harmless_html import Harmless, harmless_html
from eilbote.mail.header_story import HeaderStory, header_story
from eilbote.mail.mailbox import SpecialUse
from eilbote.mail.message import Message, parse_message
from eilbote.search.parse import parse_query
from eilbote.store.values import Account, Mailbox, PageMark, Placement, User

PAGE = 50
"""Mails of a page."""

MOST_FOUND = 200
"""Mails that a search shows."""


class Listed(Struct, frozen=True):
    """A page of a list, newest first; `after` is where the next one begins, None at the end."""

    mails: tuple[Placement, ...]
    after: PageMark | None = None


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


def inbox_page(app: App, user: User, after: PageMark | None = None) -> Listed:
    """The inboxes of all accounts as one."""
    boxes = [box for one in mailboxes_of(app, user) for box in one.mailboxes if box.role is SpecialUse.INBOX]
    return _page(app, [box.id for box in boxes], after)


def mailbox_page(app: App, user: User, mailbox: int, after: PageMark | None = None) -> Listed:
    """One mailbox. Gone `store.no_mailbox`."""
    return _page(app, [mailbox_of(app, user, mailbox).id], after)


def found_page(app: App, user: User, query: str) -> Listed:
    """What a search finds, each mail once. Misused `search.*`."""
    tree = parse_query(query, datetime.fromtimestamp(app.clock.now(), UTC).astimezone())
    found: list[Placement] = []
    for account in readable_accounts(app, user):
        ids = app.store.search.find(tree, account.id if account else None, MOST_FOUND)
        found += once(app.store.messages.placements(ids))
    newest = heapq.nsmallest(MOST_FOUND, found, key=lambda one: -one.internal_date)
    return Listed(tuple(newest))


def conversation_of(app: App, mail: Placement) -> list[Placement]:
    """The mails of its conversation, oldest first, each once."""
    return once(app.store.messages.thread(mail.account, mail.thread))


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


def undoable_mail(app: App, user: User, ids: Sequence[int]) -> None:
    """As `changeable_mail`, for mails that may lie nowhere any more."""
    for id_ in ids:
        latest = app.store.journal.latest_of(id_)
        if latest is None:
            changeable_mail(app, user, [id_])
        elif not may_read(user, latest.account):
            raise Gone("store.no_message", id=id_)
        elif not may_change(user, latest.account):
            raise NotAllowed("user.may_not_change")


def html_of(app: App, mail: int) -> Harmless | None:
    """The mail's HTML made harmless, with its own pictures inside; None where it has none, or none
    that can be shown."""
    message = parse_message(app.store.messages.raw(mail))
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


def header_story_of(app: App, mail: int) -> HeaderStory:
    """What the mail's header tells of it."""
    return header_story(parse_message(app.store.messages.raw(mail)).headers)


def attachment_of(app: App, mail: int, number: str) -> tuple[str, bytes]:
    """An attachment's content, and a name to save it under on any system. Gone `attachment.unknown`,
    `store.headers_only`."""
    message = parse_message(app.store.messages.whole(mail))
    found = next((one for one in message.attachments if one.number == number), None)
    if found is None:
        raise Gone("attachment.unknown", number=number[:50])
    return download_name(found.file_name, found.number), found.content()


def _page(app: App, mailboxes: Sequence[int], after: PageMark | None) -> Listed:
    mails = app.store.messages.page(mailboxes, after, PAGE + 1)
    shown = tuple(mail for mail, _ in mails[:PAGE])
    return Listed(shown, mails[PAGE - 1][1] if len(mails) > PAGE else None)
