"""When a draft goes into its mailbox: seldom enough for servers, soon enough for who changes the device."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest

from eilbote.engine.show_drafts import is_due, show
from eilbote.engine.written import Content, Typed
from eilbote.store.values import Security, Server
from eilbote.store.writings import Writing, WritingState
from tests.engine.world import world
from tests.servers.dovecot import Dovecot
from tests.servers.ports import free_ports


def writing(saved: float, shown_at: float, message: int) -> Writing:
    return Writing(1, 1, "k", "k", 2, "{}", saved, message=message, shown_at=shown_at)


@pytest.mark.parametrize(
    ("paused", "since", "message", "size", "due"),
    [
        (1.0, 10.0, 0, 0, False),
        (6.0, 10.0, 0, 0, True),
        (6.0, 10.0, 5, 0, False),
        (6.0, 31.0, 5, 0, True),
        (1.0, 31.0, 5, 0, False),
        (1.0, 91.0, 5, 0, True),
        (1.0, 91.0, 0, 0, True),
        (6.0, 31.0, 5, 20_000_000, False),
        (1.0, 131.0, 5, 20_000_000, False),
        (6.0, 131.0, 5, 20_000_000, True),
        (6.0, 6.0, 0, 20_000_000, True),
    ],
)
def test_a_draft_is_due(paused: float, since: float, message: int, size: int, due: bool) -> None:
    now = 1000.0
    assert is_due(writing(now - paused, now - since, message), size, now) is due


@pytest.mark.parametrize(("apart", "most"), [(1.0, 2), (4.0, 4), (6.0, 11), (20.0, 34)])
def test_fifty_saves_are_few_drafts(apart: float, most: int) -> None:
    now, shown_at, message, shown = 0.0, 0.0, 0, 0
    saved, behind = 0.0, False
    for _ in range(int(50 * apart) + 200):
        now += 1
        if now % apart == 0 and now <= 50 * apart:
            saved, behind = now, True
        if behind and is_due(writing(saved, shown_at, message), 0, now):
            shown_at, message, behind, shown = now, 1, False, shown + 1
    assert not behind and 1 <= shown <= most


def test_a_draft_that_is_replaced_on_its_way_never_reaches_the_server(
    dovecot: Dovecot, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with world(dovecot, tmp_path / "home") as here:
        with here.server.imap(here.user) as client:
            client.create("Drafts")
        here.sync()
        store, account = here.app.store, here.account.id
        (port,) = free_ports(1)
        store.accounts.update(account, smtp=Server("127.0.0.1", port, Security.NONE))
        content = Content(Typed(here.account.address, subject="Entwurf", text="Text")).as_text()
        made, _ = store.writings.begin(account, "k", "k", content, [], here.app.clock.now())
        assert show(here.app, made)
        mark_sent = store.journal.mark_sent

        def withdrawn_first(ids: Sequence[int], now: float) -> list[int]:
            store.writings.end(made.id, WritingState.DISCARDED, "user", now)
            return mark_sent(ids, now)

        monkeypatch.setattr(store.journal, "mark_sent", withdrawn_first)
        here.sync()
        assert here.truth().get("Drafts", {}) == {}
        monkeypatch.undo()
        store.writings.reopen(made.id, WritingState.DISCARDED, here.app.clock.now())
        assert show(here.app, store.writings.get(made.id))
        here.sync()
        assert len(here.truth()["Drafts"]) == 1
        here.assert_same()
