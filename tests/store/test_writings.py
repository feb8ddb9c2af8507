"""What is being written, as rows: nothing typed is lost, and drafts do not pile up, on both databases."""

from __future__ import annotations

from pathlib import Path

import pytest

from eilbote.errors import Gone
from eilbote.mail.mailbox import DRAFT
from eilbote.store import Store
from eilbote.store.update_values import Arrival
from eilbote.store.values import DebtKind
from eilbote.store.writings import Writing, WritingState, WrittenFile
from tests.store.given import NOW, Home, arrival

FILE = WrittenFile("größe.txt", "text/plain", 3, "ab12")


def begun(home: Home, key: str = "a", **given: int) -> Writing:
    made, is_new = home.store.writings.begin(home.account, key, key, '{"x":1}', [FILE], NOW, **given)
    assert is_new
    return made


def draft(number: int) -> Arrival:
    return arrival(number, flags=[DRAFT])


def shown(home: Home, writing: Writing, number: int) -> tuple[int, list[int]]:
    done = home.store.writings.show(writing, home.archive, draft(number), "user", NOW)
    assert done is not None
    return done


def test_a_form_begins_one(home: Home) -> None:
    first = begun(home)
    again, is_new = home.store.writings.begin(home.account, "a", "a", "{}", [FILE], NOW)
    assert (again, is_new) == (first, False)
    assert [one.name for one in home.store.writings.files(first.id)] == ["größe.txt"]
    assert home.store.writings.find(key="a") == first
    assert home.store.writings.find() is None
    with pytest.raises(Gone):
        home.store.writings.get(first.id + 1)


def test_a_save_that_meets_another_changes_nothing(home: Home) -> None:
    before = begun(home)
    saved = home.store.writings.save(before, home.account, "b", '{"x":2}', NOW + 1)
    assert saved is not None and (saved.version, saved.editor) == (before.version + 1, "b")
    assert home.store.writings.save(before, home.account, "a", '{"x":3}', NOW + 2) is None
    assert home.store.writings.get(before.id).content == '{"x":2}'


def test_a_draft_that_no_server_has_heard_of_leaves_nothing(home: Home) -> None:
    writing = begun(home)
    messages: list[int] = []
    for number in range(1, 6):
        message, gone = shown(home, writing, number)
        assert gone == messages[-1:]
        messages.append(message)
        assert home.store.writings.behind() == []
        assert home.store.writings.show(writing, home.archive, draft(9), "user", NOW) is None
        saved = home.store.writings.save(
            home.store.writings.get(writing.id), home.account, "a", f'{{"x":{number}0}}', NOW
        )
        assert saved is not None
        writing = saved
    assert home.store.writings.behind() == [writing]
    assert [one.id for one in home.store.messages.list_placements(mailbox=home.archive, limit=9)] == [
        messages[-1]
    ]
    (owed,) = home.store.journal.open_debts(home.account)
    assert (owed.kind, owed.message) == (DebtKind.APPEND, messages[-1])
    for gone_by in messages[:-1]:
        with pytest.raises(Gone):
            home.store.messages.get(gone_by)
    home.check()


def test_a_draft_that_is_on_its_way_is_deleted_there(home: Home) -> None:
    writing = begun(home)
    first, _ = shown(home, writing, 1)
    (debt,) = home.store.journal.open_debts(home.account)
    assert home.store.journal.mark_sent([debt.id], NOW) == [debt.id]
    writing = home.store.writings.save(
        home.store.writings.get(writing.id), home.account, "a", "{}", NOW
    ) or pytest.fail("not saved")
    second, gone = shown(home, writing, 2)
    assert gone == []
    home.store.journal.close(debt.id, NOW, 7)
    deletion, upload = home.store.journal.open_debts(home.account)
    assert (deletion.kind, deletion.uid, deletion.message) == (DebtKind.DELETE, 7, first)
    assert (upload.kind, upload.message) == (DebtKind.APPEND, second)
    home.check()


def test_it_ends_once_and_its_draft_goes(home: Home) -> None:
    writing = begun(home)
    message, _ = shown(home, writing, 1)
    assert home.store.writings.find(message=message) is not None
    assert home.store.writings.end(writing.id, WritingState.SENT, "user", NOW, outgoing=5) == [message]
    assert home.store.writings.end(writing.id, WritingState.DISCARDED, "user", NOW) is None
    ended = home.store.writings.find(outgoing=5)
    assert ended is not None and (ended.state, ended.message) == (WritingState.SENT, 0)
    assert home.store.journal.open_debts(home.account) == []
    assert not home.store.writings.add_files(writing.id, [FILE], NOW)
    assert not home.store.writings.reopen(writing.id, WritingState.DISCARDED, NOW)
    assert home.store.writings.reopen(writing.id, WritingState.SENT, NOW)
    assert [one.id for one in home.store.writings.behind()] == [writing.id]
    home.check()


def test_files_come_and_go_and_are_named_as_long_as_they_are_needed(home: Home) -> None:
    writing = begun(home)
    (kept,) = home.store.writings.files(writing.id)
    other = WrittenFile("b", "image/png", 4, "cd34", "cid@x")
    assert home.store.writings.add_files(writing.id, [other], NOW)
    assert home.store.writings.files_on_disk() == {"ab12", "cd34"}
    assert home.store.writings.remove_file(writing.id, kept.id, NOW) == kept
    assert home.store.writings.remove_file(writing.id, kept.id, NOW) is None
    assert home.store.writings.get(writing.id).version == writing.version + 2
    home.store.writings.end(writing.id, WritingState.DISCARDED, "user", NOW)
    home.store.writings.forget(home.store.writings.ended(NOW + 1))
    assert home.store.writings.files_on_disk() == set()


def test_what_is_forgotten_is_nothing_that_is_still_needed(home: Home) -> None:
    unseen, seen = begun(home, "a"), begun(home, "b")
    shown(home, seen, 1)
    assert [one.id for one in home.store.writings.left_alone(NOW + 1)] == [seen.id]
    left = home.store.writings.left_alone(NOW + 1)
    home.store.writings.add_files(seen.id, [FILE], NOW)
    home.store.writings.forget(left)
    assert {one.id for one in home.store.writings.behind()} == {unseen.id, seen.id}


def test_it_goes_with_its_account(home: Home) -> None:
    writing = begun(home)
    home.store.accounts.remove(home.account)
    with pytest.raises(Gone):
        home.store.writings.get(writing.id)
    assert home.store.writings.files_on_disk() == set()


class Killed(BaseException):
    """The process ends here."""


class Killer:
    """Ends the process at the step with this number."""

    def __init__(self) -> None:
        self.left = -1

    def __call__(self, step: str) -> None:
        self.left -= 1
        if self.left == 0:
            raise Killed(step)


def test_killed_at_any_step_one_of_both_drafts_is_there(tmp_path: Path, url: str | None) -> None:
    for step in range(1, 100):
        killer = Killer()
        with Store.open(tmp_path / "home", url, observer=killer) as store:
            home = Home(store)
            writing = begun(home)
            shown(home, writing, 1)
            writing = store.writings.save(
                store.writings.get(writing.id), home.account, "a", "{}", NOW
            ) or pytest.fail("not saved")
            killer.left = step
            try:
                shown(home, writing, 2)
            except Killed:
                ended = False
            else:
                ended = killer.left > 0
            killer.left = -1
            after = store.writings.get(writing.id)
            places = store.messages.list_placements(mailbox=home.archive, limit=9)
            assert [one.id for one in places] == [after.message]
            assert [one.message for one in store.journal.open_debts(home.account)] == [after.message]
            home.check()
            store.accounts.remove(home.account)
        if ended:
            break
    assert 2 < step < 99
