"""What we remember: one interface, `Store`, over SQLite or PostgreSQL and the bodies on disk.

This package never talks to a network and never decides what should happen. Its values are
imported by everyone, so the databases themselves are loaded only when `Store` is asked for.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from eilbote.store.opened import Store

__all__ = ["Store"]


def __getattr__(name: str) -> object:
    if name == "Store":
        from eilbote.store.opened import Store  # noqa: PLC0415  # loads SQLite

        return Store
    raise AttributeError(name)
