"""What is known of a domain of one's own before anybody is asked: through whom its mail goes out, which keys
it is signed with, where its users read and send.
"""

from __future__ import annotations

from collections.abc import Sequence

from eilbote.diagnosis.evidence import OwnDomain, Place, Protocol, Selector
from eilbote.engine import dkim
from eilbote.engine.app import App
from eilbote.engine.keys_seen import keys_seen
from eilbote.mail.domain import domain_for_wire
from eilbote.providers.outgoing import Outgoing, outgoing_at, outgoing_of
from eilbote.providers.table import provider_at, provider_of
from eilbote.store.values import Account

_RESERVED = ("test", "example", "invalid", "localhost", "local", "internal", "onion", "arpa", "home", "lan")
_MOST_ACCOUNTS = 5
_EXAMPLES = ("example.com", "example.net", "example.org")


BLOCKLISTS = ("zen.spamhaus.org", "ix.dnsbl.manitu.net", "dbl.spamhaus.org")
"""Asked only by who wants them to be: a list learns what it is asked about."""


def own_domain_of(app: App, account: Account) -> OwnDomain | None:
    """The domain of an account; None where it is a provider's, or none that there could be (RFC 6761)."""
    name = domain_for_wire(account.address.rpartition("@")[2])
    if provider_of(account.address) is not None or _is_nobodys(name):
        return None
    return _own(app, name, [account])


def domain_alone(app: App, name: str) -> OwnDomain:
    """The domain with what its accounts in this home tell of it."""
    mine = [
        one for one in app.store.accounts.all() if domain_for_wire(one.address.rpartition("@")[2]) == name
    ]
    return _own(app, name, mine)


def _own(app: App, name: str, accounts: Sequence[Account]) -> OwnDomain:
    sends = next((found for one in accounts if (found := _outgoing(one)) is not None), None)
    selectors = [key for one in accounts if (key := _own_key(app, one, name)) is not None]
    seen = [key for one in accounts[:_MOST_ACCOUNTS] for key in keys_seen(app, one, name)]
    selectors += [one for one in seen if one.name not in {key.name for key in selectors}]
    # What its mail is really signed with need not be guessed.
    if sends is not None and not any(one.certain for one in seen):
        selectors += [Selector(one, sends.name) for one in sends.selectors]
    return OwnDomain(
        name,
        sends.name if sends is not None else "",
        sends.includes if sends is not None else (),
        tuple(dict.fromkeys(selectors)),
        _servers(accounts),
        direct=any(one.direct for one in accounts),
    )


def _outgoing(account: Account) -> Outgoing | None:
    if account.smtp is None or account.direct:
        return None
    provider = provider_at(account.smtp.host, account.smtp.port)
    return outgoing_of(provider.id) if provider is not None else outgoing_at(account.smtp.host)


def _own_key(app: App, account: Account, name: str) -> Selector | None:
    published = dkim.published(app, account)
    if published is None:
        return None
    selector, _, domain = published.name.partition("._domainkey.")
    return Selector(selector, "", published.text, certain=True) if domain == name else None


def _servers(accounts: Sequence[Account]) -> tuple[Place, ...]:
    places: list[Place] = []
    for one in accounts[:1]:
        for protocol, server in ((Protocol.IMAP, one.imap), (Protocol.SMTP, one.smtp)):
            if server is not None:
                places.append(Place(protocol, server.host, server.port, server.security.value))
    return tuple(places)


def _is_nobodys(name: str) -> bool:
    return (
        "." not in name
        or name.startswith("[")
        or name.rpartition(".")[2] in _RESERVED
        or any(name == one or name.endswith("." + one) for one in _EXAMPLES)
    )
