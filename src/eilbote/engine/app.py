"""An open home: the settings, the store, the vault and the clock that every verb works with.

Opening a home takes no ownership; only `sync` and `serve` do (one owner of an account, many readers).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from msgspec import Struct

from eilbote.clock import Clock, SystemClock
from eilbote.config import Config
from eilbote.engine.leash import Leash
from eilbote.net.trace import Trace
from eilbote.store import Store
from eilbote.store.vault import Vault


class App(Struct, frozen=True):
    """What a verb needs. `trace`, if any, receives the redacted wire dialogue; `leash`, if any, is
    asked before every word to a server, and ends the lines to it (see `engine/tenure`)."""

    config: Config
    store: Store
    vault: Vault
    clock: Clock
    trace: Trace | None = None
    leash: Leash | None = None


@contextmanager
def open_app(
    config: Config,
    *,
    clock: Clock | None = None,
    trace: Trace | None = None,
    observer: Callable[[str], None] | None = None,
) -> Iterator[App]:
    """Opens the home that `config` names, making it if it does not exist, and closes it again.

    `observer` is told before and after every persistence step, for tests that stop there.
    Raises the store's Problems: unreadable, full, not a home, made by a newer version.
    """
    clock = clock or SystemClock()
    store = Store.open(
        config.home, config.store or None, observer=observer, lease_seconds=config.lease_seconds
    )
    try:
        vault = Vault.open(config, clock)
        yield App(config, store, vault, clock, trace)
    finally:
        store.close()
