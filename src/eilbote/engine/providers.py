"""What is known of the providers, for whoever asks: all rows, or those that a name fits."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime

from msgspec import Struct

from eilbote.clock import Clock
from eilbote.errors import Gone
from eilbote.providers.needs import Need, access_of, age_of, needs_of
from eilbote.providers.table import provider_at, provider_by_mx, provider_of, providers
from eilbote.providers.values import Access, Login, Provider
from eilbote.secret import Secret


class Known(Struct, frozen=True):
    """A row, what comes before the login there, the day on which the older of both was last compared with its
    sources, and how many days ago that was, None while they are few."""

    provider: Provider
    access: Access
    needs: tuple[Need, ...]
    checked: date
    age: int | None


def known_providers(clock: Clock, name: str = "") -> tuple[Known, ...]:
    """Every row; of `name`, which may be an id, a domain, an address, or the host of a server, the one that
    it belongs to. Gone `provider.unknown`."""
    today = datetime.fromtimestamp(clock.now(), UTC).date()
    if not name:
        return tuple(_known(row, today) for row in providers())
    wanted = name.strip().lower()
    found = next((row for row in providers() if wanted in (row.id, row.name.lower())), None)
    found = (
        found or provider_of(f"@{wanted.rpartition('@')[2]}") or provider_at(wanted) or provider_by_mx(wanted)
    )
    if found is None:
        raise Gone("provider.unknown", name=name)
    return (_known(found, today),)


def before_login(provider: Provider) -> tuple[Need, ...]:
    """What has to be done at the provider before a login can work."""
    return needs_of(provider)


def looks_wrong(provider: Provider, secret: Secret) -> bool:
    """Whether this is surely none of the provider's app passwords, where only those work: one that is tried
    and refused counts against the mailbox. Nothing of the secret is kept or told."""
    shape = access_of(provider).shape
    if provider.login is not Login.APP_PASSWORD or not shape:
        return False
    return re.fullmatch(shape, re.sub(r"[\s-]", "", secret.reveal()).lower()) is None


def _known(row: Provider, today: date) -> Known:
    access = access_of(row)
    checked = min(row.checked, access.checked)
    return Known(row, access, needs_of(row), checked, age_of(checked, today))
