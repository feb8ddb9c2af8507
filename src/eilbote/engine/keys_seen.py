"""The DKIM keys that an account's own mail was signed with, as far as such mails came back and are kept.

A mail proves nothing by itself: only where the server that keeps it has verified the signature is its key
taken for certain, and for a month, as keys are changed.
"""

from __future__ import annotations

from eilbote.diagnosis.evidence import Selector
from eilbote.engine.app import App
from eilbote.engine.returned_signatures import selectors_of
from eilbote.mail.auth_results import own_results
from eilbote.mail.headers import Headers
from eilbote.mail.message import parse_message
from eilbote.store.values import Account

_LOOKED_AT = 300
_MOST_READ = 10
_MOST_KEYS = 3
_CERTAIN_SECONDS = 30 * 86_400.0


def keys_seen(app: App, account: Account, domain: str) -> list[Selector]:
    """Keys of this domain in the newest mails whose author is the account's address; the certain ones first.
    Blocks."""
    address, since = account.address.lower(), app.clock.now() - _CERTAIN_SECONDS
    mine = {
        one.id: one.internal_date
        for one in app.store.messages.list_placements(account=account.id, limit=_LOOKED_AT)
        if any(author.spec.lower() == address for author in one.envelope.sender)
    }
    certain: dict[str, bool] = {}
    for message, raw in app.store.messages.stream_raw(list(mine)[:_MOST_READ]):
        headers = parse_message(raw).headers
        vouched = _is_vouched_for(headers, domain) and mine[message] > since
        for name in selectors_of(headers, domain):
            certain[name] = certain.get(name, False) or vouched
    found = sorted(certain.items(), key=lambda one: not one[1])[:_MOST_KEYS]
    return [Selector(name, certain=is_certain) for name, is_certain in found]


def _is_vouched_for(headers: Headers, domain: str) -> bool:
    """The server that keeps the mail has verified a signature of exactly this domain."""
    own = own_results(headers)
    return own is not None and any(
        one.method == "dkim"
        and one.result == "pass"
        and one.named("header.d", "header.i").rpartition("@")[2].rstrip(".") == domain.lower()
        for one in own.results
    )
