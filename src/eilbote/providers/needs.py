"""What somebody has to do at a provider before a mail program gets in, and what age a row has."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from enum import StrEnum

from msgspec import Struct

from eilbote.providers.values import Access, Login, Menu, Provider

OLD_DAYS = 180
"""A row that was compared with its sources longer ago shows its age."""


class Needed(StrEnum):
    """One thing that comes before the login."""

    SWITCH_ON = "switch_on"
    """Access by mail programs has to be switched on."""
    APP_PASSWORD = "app_password"  # noqa: S105  # a kind of password, none itself
    """The mailbox's own password is refused; one has to be made for this program."""
    TWO_STEP = "two_step"
    """Where two-step login is on, one has to be made."""
    OAUTH = "oauth"
    """No password works: one signs in at the provider's own page."""
    BRIDGE = "bridge"
    """A program of the provider has to run on this machine."""
    NO_ACCESS = "no_access"
    """No mail program is let in."""


class Need(Struct, frozen=True):
    """One thing to do, and where; `menu` None where that is not known."""

    kind: Needed
    menu: Menu | None = None


def access_of(provider: Provider) -> Access:
    """What is known of the access, else what the kind of login implies."""
    if provider.access is not None:
        return provider.access
    login = provider.login
    return Access(
        provider.source,
        provider.checked,
        own_password=login in (Login.OWN, Login.ENABLE),
        app_password=login is Login.APP_PASSWORD,
        oauth=login is Login.OAUTH,
    )


def needs_of(provider: Provider) -> tuple[Need, ...]:
    """What comes before the login there, in order."""
    return tuple(_needs(provider, access_of(provider)))


def _needs(provider: Provider, access: Access) -> Iterator[Need]:
    match provider.login:
        case Login.NONE:
            yield Need(Needed.NO_ACCESS)
            return
        case Login.BRIDGE:
            yield Need(Needed.BRIDGE)
            return
        case Login.OAUTH:
            yield Need(Needed.OAUTH)
    if access.switch_on is not None or provider.login is Login.ENABLE:
        yield Need(Needed.SWITCH_ON, access.switch_on)
    if provider.login is Login.APP_PASSWORD:
        yield Need(Needed.APP_PASSWORD, access.make_password)
    elif access.two_step:
        yield Need(Needed.TWO_STEP, access.make_password)


def age_of(checked: date, today: date) -> int | None:
    """The days since a row was compared with its sources, None while they are few enough."""
    days = (today - checked).days
    return days if days > OLD_DAYS else None
