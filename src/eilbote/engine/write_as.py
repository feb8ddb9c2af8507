"""Writing by a user of the page: as whom, and what the form begins with. Only mail that the user may read is
answered or sent on, only accounts that the user may change send.
"""

from __future__ import annotations

from msgspec import Struct

from eilbote.catalogue import Language
from eilbote.engine import browse
from eilbote.engine.app import App
from eilbote.engine.complete import Contact, complete_address
from eilbote.engine.identities import identities_of, sender_named, senders
from eilbote.engine.read import checked_id, is_whole
from eilbote.engine.users import may_change, readable_accounts
from eilbote.engine.write import Letter, first_draft
from eilbote.errors import NotAllowed
from eilbote.mail.draft import Draft
from eilbote.mail.envelope import Address
from eilbote.mail.identity import Identity, same_address
from eilbote.store.values import User


class About(Struct, frozen=True):
    """What is written: a new mail, an answer to a mail here (`everyone`: to all of its people), or a mail
    sent on within the text or, `attached`, as it is. `language`: of the person;
    `sender`: the address that they like to write from, empty: none."""

    language: Language
    answers: str = ""
    everyone: bool = False
    forwards: str = ""
    attached: bool = False
    sender: str = ""


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
            sender = _usual(app, user, about.sender)
    else:
        sender = _usual(app, user, about.sender)
    return first_draft(app, _letter(about, sender))[1]


def is_held_in_part(app: App, user: User, mail: str) -> bool:
    """Whether it has to be fetched before it is sent on. Gone `store.no_message`, also where the user may
    not read it."""
    browse.readable_mail(app, user, [checked_id(mail)])
    return not is_whole(app, mail)


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
        attached=about.attached,
        language=about.language,
    )


def _usual(app: App, user: User, wanted: str) -> str:
    """The address that a new mail is written from at first."""
    known = identities_for(app, user)
    if not known:
        raise NotAllowed("user.may_not_write")
    if any(one.address == wanted for one in known):
        return wanted
    named = sender_named(app, app.config.send_from) if app.config.send_from else None
    return named[1].address if named is not None and named[1] in known else known[0].address
