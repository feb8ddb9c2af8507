"""Particular kinds of servers, played by the embedded one behind the go-between, and what a kind must
come to."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from msgspec.structs import replace

from eilbote.mail.mailbox import SpecialUse
from eilbote.testing.imap.behaviour import Behaviour
from eilbote.testing.imap.oddities import Oddities
from eilbote.testing.imap.personalities import BY_NAME, Personality
from tests.engine.world import mail
from tests.faults.embedded import NOW, Embedded, embedded
from tests.faults.outcome import codes


@asynccontextmanager
async def played(home: Path, kind: Personality | str, *, store_url: str = "") -> AsyncIterator[Embedded]:
    kind = BY_NAME[kind] if isinstance(kind, str) else kind
    mails = kind.store(lambda: NOW)
    async with embedded(home, kind.behaviour, mails=mails, lying=True, store_url=store_url) as here:
        yield here


def everything(here: Embedded) -> dict[str, dict[int, bytes]]:
    """Mailbox -> UID -> bytes in the store, empty ones left out."""
    names = [one.name for one in here.app.store.mailboxes.all(here.account.id)]
    return {name: held for name in names if (held := here.held(name))}


def all_there(here: Embedded) -> dict[str, dict[int, bytes]]:
    names = here.server.store.mailboxes
    return {name: there for name in names if (there := here.there(name))}


async def settled(here: Embedded) -> None:
    """Both sides the same but for what stays of deletions on a server without UIDPLUS, and nothing to do."""
    again = await here.sync()
    assert codes(again) == []
    assert (again.new, again.changed, again.deleted, again.pushed) == (0, 0, 0, 0)
    reports = await here.verify()
    assert all(one.ok for one in reports), [one for one in reports if not one.ok]
    assert not here.app.store.journal.open_debts(here.account.id)


def role(here: Embedded, wanted: SpecialUse) -> str:
    return next(one.name for one in here.app.store.mailboxes.all(here.account.id) if one.role is wanted)


@asynccontextmanager
async def odd(home: Path, oddities: Oddities, *gone: str, most: int = 30) -> AsyncIterator[Embedded]:
    """An ordinary server with these oddities and `most` mails in its INBOX."""
    behaviour = replace(Behaviour(), odd=oddities).without(*gone)
    async with embedded(home, behaviour, lying=True) as here:
        for number in range(most):
            here.inbox.append(mail(number))
        yield here
