"""At which providers one signs in on their own page, and what is known of that. Asks no network."""

from __future__ import annotations

import tomllib
from collections.abc import Iterable
from datetime import date
from functools import cache
from pathlib import Path

import msgspec

from eilbote.providers.values import Menu


class SignIn(msgspec.Struct, frozen=True):
    """One authorization server; see `sign_in.toml` for the fields."""

    id: str
    name: str
    hosts: tuple[str, ...]
    issuer: str
    authorize: str
    token: str
    scope: str
    redirect: str
    secret: bool
    source: str
    checked: date
    register: Menu
    note: Menu
    device: str = ""
    extra: tuple[tuple[str, str], ...] = ()


class _Table(msgspec.Struct, frozen=True):
    server: tuple[SignIn, ...]


@cache
def sign_ins() -> tuple[SignIn, ...]:
    """Every row."""
    text = Path(__file__).with_name("sign_in.toml").read_text(encoding="utf-8")
    return msgspec.convert(tomllib.loads(text), _Table).server


def sign_in_at(hosts: Iterable[str]) -> SignIn | None:
    """Whose tokens one of these mail servers takes, None if that is not known."""
    wanted = {host.lower() for host in hosts}
    return next((one for one in sign_ins() if wanted.intersection(one.hosts)), None)


def sign_in_named(name: str) -> SignIn | None:
    """By its `id` or its issuer."""
    return next((one for one in sign_ins() if name in (one.id, one.issuer)), None)
