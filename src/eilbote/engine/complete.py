"""Who may be meant while an address is typed: people whom mail was written to, then those who wrote.

Nothing is kept for it: the search index finds the newest mail with somebody of that name, and what is
found is counted. So an erased mail leaves no trace here, and no list has to be tended.
"""

from __future__ import annotations

from collections.abc import Iterable

from msgspec import Struct

from eilbote.engine.accounts import find_account
from eilbote.engine.app import App
from eilbote.engine.identities import identities_of
from eilbote.mail.envelope import Address
from eilbote.mail.identity import Identity, same_address
from eilbote.search.fold import spellings, words
from eilbote.search.values import All, Field, Inside, Node, Words
from eilbote.store.values import Account

NEWEST = 400
"""Mails of each kind that are counted: what is older says little of whom somebody writes to now."""

_HALF_LIFE = 60 * 86_400.0
_WRITTEN_TO = 5.0
"""How much more it counts to have written to somebody than to have got a mail."""


class Contact(Struct, frozen=True):
    """Somebody who may be meant. `written` and `received`: how many of the newest mails found went to
    them, or came; `last`: the newest of them, in seconds since 1970."""

    address: Address
    written: int
    received: int
    last: float


class _Count(Struct):
    """What is added up of one address."""

    spec: str
    name: str = ""
    written: int = 0
    received: int = 0
    last: float = 0.0
    score: float = 0.0


def complete_address(app: App, text: str, account: str | None = None, limit: int = 10) -> list[Contact]:
    """The people whose name or address has words that begin as those of `text` do, the most likely first;
    for an empty one those whom mail was written to lately. Raises Gone `account.unknown`."""
    owner = find_account(app, account).id if account is not None else None
    counts: dict[str, _Count] = {}
    asked = [one for one in dict.fromkeys(spelling.strip() for spelling in spellings(text)) if one]
    if text.strip() and not asked:
        return []  # signs alone, of which the index knows nothing
    found = app.store.search.find(_written(text), owner, NEWEST)
    own = [identity for one in app.store.accounts.all() for identity in identities_of(app, one)]
    for sent in app.store.messages.people(found):
        _add(counts, app, (*sent.to, *sent.cc), sent.date, asked, own, written=True)
    if text.strip():
        found = app.store.search.find(Words(text, prefix=True, field=Field.SENDER), owner, NEWEST)
        for got in app.store.messages.people(found):
            _add(counts, app, got.sender, got.date, asked, own, written=False)
    best = sorted(counts.values(), key=lambda one: (-one.score, one.spec))[:limit]
    return [Contact(Address(one.name, one.spec), one.written, one.received, one.last) for one in best]


def known_people(app: App, account: Account) -> frozenset[str]:
    """The addresses that the newest mails of an account went to, in lower case."""
    found = app.store.search.find(Inside("sent"), account.id, NEWEST * 10)
    people = (one for sent in app.store.messages.people(found) for one in (*sent.to, *sent.cc))
    return frozenset(one.spec.lower() for one in people if one.spec)


def _written(text: str) -> Node:
    sent = Inside("sent")
    return All((Words(text, prefix=True, field=Field.RECIPIENT), sent)) if text.strip() else sent


def _add(
    counts: dict[str, _Count],
    app: App,
    people: Iterable[Address],
    date: float,
    asked: list[str],
    own: list[Identity],
    *,
    written: bool,
) -> None:
    """Counts those among the people of a mail who may be meant."""
    weight = 0.5 ** (max(app.clock.now() - date, 0.0) / _HALF_LIFE)
    for one in people:
        if not one.spec or not _is_meant(one, asked) or any(each.owns(one.spec) for each in own):
            continue
        count = counts.setdefault(same_address(one.spec), _Count(one.spec))
        if one.name and (not count.name or date >= count.last):
            count.name = one.name
        count.last = max(count.last, date)
        if written:
            count.written += 1
            count.score += weight * _WRITTEN_TO
        else:
            count.received += 1
            count.score += weight


def _is_meant(one: Address, asked: list[str]) -> bool:
    """Whether every word that was typed, in one of its spellings, begins a word of the name or address."""
    if not asked:
        return True
    there = words(f"{one.name} {one.spec}")
    return any(all(any(word.startswith(typed) for word in there) for typed in way.split()) for way in asked)
