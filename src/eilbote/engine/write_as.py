"""Writing by a user of the page: as whom, what the form begins with, and the mail exactly as the form says
it. Only mail that the user may read is answered or sent on, only accounts that the user may change send.
"""

from __future__ import annotations

from msgspec import Struct
from msgspec.structs import replace

from eilbote.catalogue import Language
from eilbote.engine import browse
from eilbote.engine.app import App
from eilbote.engine.complete import Contact, complete_address
from eilbote.engine.identities import identities_of, sender_named, senders
from eilbote.engine.read import checked_id
from eilbote.engine.send import Handling
from eilbote.engine.users import may_change, readable_accounts
from eilbote.engine.write import Letter, Queued, first_draft, queue_draft, sending_time
from eilbote.errors import Misused, NotAllowed
from eilbote.mail.draft import Draft
from eilbote.mail.envelope import Address
from eilbote.mail.identity import Identity, same_address
from eilbote.mail.typed_addresses import typed_addresses
from eilbote.store.values import User


class About(Struct, frozen=True):
    """What is written: a new mail, an answer to a mail here (`everyone`: to all of its people), or a mail
    sent on within the text. `language`: of the person."""

    language: Language
    answers: str = ""
    everyone: bool = False
    forwards: str = ""


class Typed(Struct, frozen=True):
    """What the form says. `sender` is the address of an identity; people are as they were typed, and what
    is empty stays empty. `quotes`: with the text of the mail that is answered or sent on. `markdown`: the
    text is that. `at`: when it is to leave, as people say it (`tomorrow 8:00`), empty for now."""

    sender: str
    to: str
    cc: str
    bcc: str
    subject: str
    text: str
    quotes: bool = True
    markdown: bool = False
    at: str = ""


def identities_for(app: App, user: User) -> list[Identity]:
    """As whom the user may write."""
    accounts = [one for one in senders(app) if may_change(user, one.id)]
    return [identity for account in accounts for identity in identities_of(app, account)]


def first_form(app: App, user: User, about: About) -> Draft:
    """What the form shows before anything is typed. Gone `store.no_message`, `store.headers_only`;
    NotAllowed `user.may_not_write`; Misused `send.one_original`."""
    original = about.answers or about.forwards
    sender = ""
    if original:
        mail = browse.readable_mail(app, user, [checked_id(original)])[0]
        account = app.store.accounts.get(mail.account)
        if not (account.can_send and may_change(user, account.id)):
            sender = _usual(app, user)
    else:
        sender = _usual(app, user)
    return first_draft(app, _letter(about, sender))[1]


def send_typed(app: App, user: User, about: About, typed: Typed, handling: Handling) -> Queued:
    """Queues the mail; it is on disk then. A time that was typed takes the place of that in `handling`.

    Raises as `write_mail` and `first_form`; Misused `send.bad_time`, `send.past`."""
    original = about.answers or about.forwards
    if original:
        browse.readable_mail(app, user, [checked_id(original)])
    named = sender_named(app, typed.sender)
    if named is None or not may_change(user, named[0].id):
        raise NotAllowed("user.may_not_write")
    letter = _letter(about, typed.sender)
    account, draft, _ = first_draft(app, letter)
    draft = replace(
        draft,
        to=typed_addresses(typed.to, "To"),
        cc=typed_addresses(typed.cc, "Cc"),
        bcc=typed_addresses(typed.bcc, "Bcc"),
        subject=typed.subject,
        text=typed.text,
        markdown=typed.markdown,
        quoted=draft.quoted if typed.quotes else "",
    )
    if not (draft.to or draft.cc or draft.bcc):
        raise Misused("send.nobody")
    if typed.at.strip():
        handling = replace(handling, at=sending_time(app, typed.at), delay=0.0)
    return queue_draft(app, account, draft, letter, handling)


def people_for(app: App, user: User, text: str, limit: int) -> list[Address]:
    """Who may be meant by the beginning of a name or address, the most likely first: only from mail that
    the user may read."""
    asked = readable_accounts(app, user)
    found: dict[str, Contact] = {}
    for account in asked:
        for one in complete_address(app, text, account.address if account else None, limit):
            found.setdefault(same_address(one.address.spec), one)
    best = sorted(found.values(), key=_likely) if len(asked) > 1 else found.values()
    return [one.address for one in best][:limit]


def _likely(one: Contact) -> tuple[int, int, float]:
    return (-one.written, -one.received, -one.last)


def _letter(about: About, sender: str) -> Letter:
    return Letter(
        sender=sender,
        answers=about.answers,
        everyone=about.everyone,
        forwards=about.forwards,
        language=about.language,
    )


def _usual(app: App, user: User) -> str:
    """The address that a new mail is written from at first."""
    known = identities_for(app, user)
    if not known:
        raise NotAllowed("user.may_not_write")
    named = sender_named(app, app.config.send_from) if app.config.send_from else None
    return named[1].address if named is not None and named[1] in known else known[0].address
