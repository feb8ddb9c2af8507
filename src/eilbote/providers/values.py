"""What is known of a mail provider, as values."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from enum import StrEnum


class Login(StrEnum):
    """What stands before the first login."""

    OWN = "own"
    APP_PASSWORD = "app"  # noqa: S105  # a kind of password, none itself
    ENABLE = "enable"
    OAUTH = "oauth"
    BRIDGE = "bridge"


@dataclass(frozen=True, slots=True)
class Endpoint:
    """Where a server listens; `security` is `tls` or `starttls`."""

    host: str
    port: int
    security: str


@dataclass(frozen=True, slots=True)
class Provider:
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
