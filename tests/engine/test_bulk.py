"""What is done with many mails at once: mails that are gone meanwhile, rights, and taking it back."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from eilbote.engine import act, bulk
from eilbote.engine.app import App
from eilbote.engine.users import set_rights
from eilbote.errors import EilboteError, Gone, NotAllowed
from eilbote.mail.mailbox import FLAGGED
from eilbote.store.values import Right, Role, User
from tests.store.given import Home, arrival
from tests.web.browser import given_user, opened


@pytest.fixture
def app(tmp_path: Path) -> Iterator[App]:
    with opened(tmp_path) as (app, _):
        yield app


def flagged(home: Home) -> set[int]:
    return {uid for uid, flags in home.store.messages.held_flags(home.inbox).items() if FLAGGED in flags}


def flag(app: App, user: User, ids: Sequence[int]) -> bulk.Changed:
    return bulk.change(app, user, "flag", ids, lambda part: act.change_flags(app, part, [FLAGGED]))


def test_a_mail_that_is_gone_keeps_nothing_from_the_others(app: App) -> None:
    home = Home(app.store)
    ids = home.arrive(*map(arrival, range(1, 4))).ids
    kim = app.store.users.get(given_user(app, "Kim"))
    home.remove("2")
    changed = flag(app, kim, ids)
    assert changed.mails == 2 and flagged(home) == {1, 3}
    assert bulk.undo(app, kim, changed.batch) == 2 and not flagged(home)
    assert bulk.undo(app, kim, changed.batch) == 0
    with pytest.raises(Gone):
        flag(app, kim, [ids[1]])


def test_a_mail_that_goes_while_others_are_changed(app: App, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bulk, "_AT_A_TIME", 1)
    home = Home(app.store)
    ids = home.arrive(*map(arrival, range(1, 4))).ids
    kim = app.store.users.get(given_user(app, "Kim"))

    def change(part: Sequence[int]) -> list[int]:
        if part == [ids[0]]:
            home.remove("2")
        return act.change_flags(app, part, [FLAGGED])

    assert bulk.change(app, kim, "flag", ids, change).mails == 2
    assert flagged(home) == {1, 3}


def test_other_peoples_mail_is_left_alone(app: App) -> None:
    home = Home(app.store)
    ids = home.arrive(*map(arrival, range(1, 3))).ids
    given_user(app, "Kim")
    lea = given_user(app, "Lea", Role.MEMBER)
    with pytest.raises(Gone):
        flag(app, app.store.users.get(lea), ids)
    set_rights(app, lea, {home.account: Right.READ})
    with pytest.raises(NotAllowed):
        flag(app, app.store.users.get(lea), [*ids, 99_999])
    assert not flagged(home)


def test_an_undo_that_was_cut_short_goes_on(app: App, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bulk, "_AT_A_TIME", 2)
    home = Home(app.store)
    ids = home.arrive(*map(arrival, range(1, 7))).ids
    kim = app.store.users.get(given_user(app, "Kim"))
    changed = flag(app, kim, ids)
    undo_all, left = app.store.journal.undo_all, [1]

    def killed(numbers: Sequence[int], now: float) -> int:
        if not left:
            raise EilboteError("store.full")
        left.pop()
        return undo_all(numbers, now)

    monkeypatch.setattr(app.store.journal, "undo_all", killed)
    with pytest.raises(EilboteError):
        bulk.undo(app, kim, changed.batch)
    assert len(flagged(home)) == 4
    monkeypatch.setattr(app.store.journal, "undo_all", undo_all)
    assert bulk.undo(app, kim, changed.batch) == 4
    assert not flagged(home)
