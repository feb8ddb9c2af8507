"""Whether a mail is the first from somebody, as far as the index knows."""

from __future__ import annotations

from eilbote.engine.app import App
from eilbote.engine.identities import identities_of
from eilbote.engine.read import search_is_behind
from eilbote.search.values import Field, Some, Words
from eilbote.store.values import Placement


def is_first_contact(app: App, mail: Placement) -> bool:
    """Nothing else in the account is from or to this sender. False where the index has not read all mail."""
    senders = [one.spec for one in mail.envelope.sender[:1] if one.spec]
    account = app.store.accounts.get(mail.account)
    if not senders or any(one.owns(senders[0]) for one in identities_of(app, account)):
        return False
    if search_is_behind(app):
        return False
    known = Some((Words(senders[0], field=Field.SENDER), Words(senders[0], field=Field.RECIPIENT)))
    return all(found == mail.id for found in app.store.search.find(known, mail.account, 2))
