"""What is known of a mail provider, as values."""

from __future__ import annotations

from datetime import date
from enum import StrEnum

from msgspec import Struct


class Login(StrEnum):
    """What stands before the first login."""

    OWN = "own"
    APP_PASSWORD = "app"  # noqa: S105  # a kind of password, none itself
    ENABLE = "enable"
    OAUTH = "oauth"
    BRIDGE = "bridge"


class Endpoint(Struct, frozen=True):
    """Where a server listens; `security` is `tls` or `starttls`."""

    host: str
    port: int
    security: str


class Provider(Struct, frozen=True):
    """One provider. `user_is_local_part`: its IMAP server wants the address without its domain.
    `checked`: the day on which the row was last compared with its `source`."""

    id: str
    name: str
    domains: tuple[str, ...]
    imap: Endpoint
    smtp: Endpoint | None
    pop3: Endpoint | None
    user_is_local_part: bool
    login: Login
    help: str
    source: str
    checked: date
