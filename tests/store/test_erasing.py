"""Erased mail is in no file of the home any more; what others share stays."""

from __future__ import annotations

from pathlib import Path

import pytest

from eilbote.errors import Gone
from eilbote.mail.mailbox import FLAGGED
from eilbote.search.values import Document
from eilbote.store import Store
from eilbote.store.search import Covered
from tests.store.given import NOW, Home, arrival, raw_mail

SECRET = "Kontonummer-4711-streng-geheim"


def files_with(home: Path, words: str) -> list[str]:
    """Files below the home whose raw bytes hold the words."""
    return [str(path) for path in home.rglob("*") if path.is_file() and words.encode() in path.read_bytes()]


def secret_mail(uid: int) -> bytes:
    return f"Message-ID: <{SECRET}-{uid}@x>\r\nSubject: {SECRET}\r\n\r\n{SECRET} {uid}\r\n".encode()


@pytest.fixture(autouse=True)
def uncompressed(monkeypatch: pytest.MonkeyPatch) -> None:
    """Bodies lie as they are, so that their words can be looked for in the files."""
    monkeypatch.setattr("eilbote.store.blocks.shrinks", lambda _: False)


def test_erased_text_is_in_no_file(home: Home, tmp_path: Path) -> None:
    store = home.store
    raws = [secret_mail(uid) for uid in (1, 2)]
    made = home.arrive(
        arrival(1, raw=raws[0], message_id=f"{SECRET}@x"), arrival(2, raw=raws[1]), arrival(3), arrival(4)
    )
    store.journal.change_flags([(home.inbox, 1)], frozenset({FLAGGED}), frozenset(), "user", NOW)
    home.remove("2")
    before = raw_mail(3)
    assert files_with(tmp_path / "home" / "packs", SECRET)
    erased = store.erase([made.ids[0], made.ids[1], 9999], NOW)
    assert (erased.messages, erased.bytes) == (2, sum(map(len, raws)))
    assert files_with(tmp_path / "home", SECRET) == []
    assert store.messages.raw(made.ids[2]) == before
    assert home.held() == "3:4"
    assert str(store.messages.quarantined(home.inbox)) == "1"
    assert store.journal.open_debts(home.account) == []
    with pytest.raises(Gone):
        store.messages.raw(made.ids[0])
    with pytest.raises(Gone):
        store.journal.restore([made.ids[1]], "user", NOW)
    home.check()


def test_shared_content_stays_for_the_other_message(home: Home) -> None:
    first, second = home.arrive(arrival(1, 7), arrival(2, 7)).ids
    assert home.store.erase([first], NOW).bytes == 0
    assert home.store.messages.raw(second) == raw_mail(7)


def test_an_erasure_that_was_interrupted_goes_on_at_the_next_opening(
    home: Home, tmp_path: Path, url: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    (message,) = home.arrive(arrival(1, raw=secret_mail(1))).ids

    class Killed(BaseException):
        pass

    def killed(*_: object) -> None:
        raise Killed

    with monkeypatch.context() as patch:
        patch.setattr("eilbote.store.packs.Packs.overwrite", killed)
        with pytest.raises(Killed):
            home.store.erase([message], NOW)
    home.store.close()
    with Store.open(tmp_path / "home", url) as again:
        assert files_with(tmp_path / "home", SECRET) == []
        with again.database.read() as session:
            assert session.one("SELECT count(*) FROM erasure") == (0,)


def test_compaction_frees_what_is_unused_and_keeps_the_rest(home: Home, tmp_path: Path) -> None:
    store = home.store
    body = bytes(range(256)) * 300
    raws = [raw_mail(uid) + body for uid in range(1, 21)]
    ids = home.arrive(*(arrival(uid, raw=raw) for uid, raw in enumerate(raws, 1))).ids
    home.remove("2:20")
    assert store.compact() == 0  # tombstones still need their bodies
    forgotten = store.messages.expire(NOW + 24 * 3600)
    assert sorted(forgotten) == sorted(ids[1:])
    freed = store.compact()
    assert freed > 0
    assert store.compact() == 0
    assert store.messages.raw(ids[0]) == raws[0]
    packs = list((tmp_path / "home" / "packs").glob("*.pack"))
    assert [path.stat().st_size > 0 for path in packs] == [True]


def test_an_account_that_is_removed_leaves_nothing_after_compaction(home: Home, tmp_path: Path) -> None:
    home.arrive(arrival(1), arrival(2))
    home.store.accounts.remove(home.account)
    home.store.compact()
    assert sum(path.stat().st_size for path in (tmp_path / "home" / "packs").glob("*.pack")) == 0
    with pytest.raises(Gone):
        home.store.accounts.get("anna@example.org")


def test_the_index_holds_no_word_of_erased_mail(tmp_path: Path) -> None:
    word = "blaubeerkuchengeheimnis"
    with Store.open(tmp_path / "home") as store:
        home = Home(store)
        first, second = home.arrive(arrival(1), arrival(2)).ids
        documents = [
            Document(message, home.account, int(NOW), 100, 0, body=body)
            for message, body in ((first, f"ein {word} ist es"), (second, "offen sichtbar"))
        ]
        store.search.add(documents, Covered(second, 2))
        store.database.scrub()
        assert files_with(tmp_path / "home", word)
        store.erase([first], NOW)
        assert files_with(tmp_path / "home", word) == []
        assert files_with(tmp_path / "home", "offen")
    assert files_with(tmp_path / "home", word) == []
