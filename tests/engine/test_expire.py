"""What can no longer be undone is forgotten, and nothing else."""

from __future__ import annotations

from pathlib import Path

import pytest
from msgspec.structs import replace

from eilbote.engine.act import undo
from eilbote.engine.expire import forget_expired
from eilbote.engine.read import search_mail
from eilbote.engine.setup import remove_account
from eilbote.errors import Gone
from tests.engine.world import mail
from tests.faults.embedded import embedded

DAY = 24 * 3600.0


class Later:
    """A clock that runs ahead of the real one."""

    def __init__(self, real: object, seconds: float) -> None:
        self._real = real
        self._seconds = seconds

    def now(self) -> float:
        return float(self._real.now()) + self._seconds  # type: ignore[attr-defined]

    def __getattr__(self, name: str) -> object:
        return getattr(self._real, name)


async def test_removed_mail_is_forgotten_after_the_days_of_undo(tmp_path: Path) -> None:
    async with embedded(tmp_path / "home") as here:
        for number in range(3):
            here.inbox.append(mail(number))
        await here.sync()
        gone, *kept = here.app.store.messages.ids_of(here.account.id)
        here.inbox.expunge([1])
        await here.sync()
        almost = replace(here.app, clock=Later(here.app.clock, 29 * DAY))
        assert forget_expired(almost) == 0
        assert here.app.store.messages.identity(gone).message_id == "m0@example.org"
        later = replace(here.app, clock=Later(here.app.clock, 31 * DAY))
        assert forget_expired(later) == 1
        with pytest.raises(Gone):
            here.app.store.messages.identity(gone)
        assert list(here.app.store.messages.ids_of(here.account.id)) == kept
        assert set(here.held()) == {2, 3}


async def test_what_the_server_removed_can_be_brought_back(tmp_path: Path) -> None:
    async with embedded(tmp_path / "home") as here:
        here.inbox.append(mail(1))
        here.inbox.append(mail(2))
        await here.sync()
        gone, _ = here.app.store.messages.ids_of(here.account.id)
        here.inbox.expunge([1])
        await here.sync()
        assert set(here.held()) == {2}
        assert undo(here.app, [gone])
        await here.sync()
        assert sorted(here.there().values()) == sorted([mail(1), mail(2)])
        assert here.held() == here.there()
        assert {place.uid for place in here.app.store.messages.get(gone)} == {3}


async def test_a_removed_account_leaves_nothing_behind(tmp_path: Path) -> None:
    async with embedded(tmp_path / "home") as here:
        here.inbox.append(mail(1, subject="Kennwort Zitronenfalter"))
        await here.sync()
        assert search_mail(here.app, "zitronenfalter", None, 10)
        remove_account(here.app, here.account.address)
        assert here.app.store.accounts.all() == []
        left = b"".join(file.read_bytes() for file in (tmp_path / "home").rglob("*") if file.is_file())
        assert b"itronenfalter" not in left
