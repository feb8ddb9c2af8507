"""The line below a subject: the beginning of the text, read once, never of what is not here."""

from __future__ import annotations

from pathlib import Path

import pytest

from eilbote.engine.beginnings import Beginnings
from eilbote.store.values import Placement
from tests.store.given import Home, arrival
from tests.web.browser import opened

RAW = """Subject: Hallo\r
Content-Type: text/plain; charset=utf-8\r
\r
Grüße\r
aus  Kiel\r
> zitiert\r
""".encode()


def test_text_begins_in_the_writers_own_words(tmp_path: Path) -> None:
    with opened(tmp_path) as (app, _):
        Home(app.store).arrive(arrival(1, raw=RAW))
        (mail,) = app.store.messages.list_placements(limit=5)
        assert Beginnings().of(app, [mail]) == {mail.id: "Grüße aus Kiel"}


def test_what_was_read_is_not_read_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with opened(tmp_path) as (app, _):
        Home(app.store).arrive(arrival(1, raw=RAW), arrival(2, raw=RAW.replace(b"Kiel", b"Bonn")))
        mails = app.store.messages.list_placements(limit=5)
        beginnings = Beginnings()
        first = beginnings.of(app, mails[:1])
        asked: list[int] = []
        read = app.store.messages.stream_raw

        def counted(ids, *, checked=True):  # type: ignore[no-untyped-def]
            asked.extend(ids)
            return read(ids, checked=checked)

        monkeypatch.setattr(app.store.messages, "stream_raw", counted)
        both = beginnings.of(app, mails)
        assert first.items() <= both.items() and len(both) == 2
        assert asked == [mails[1].id]


def test_a_large_mail_and_one_that_is_gone_have_no_beginning(tmp_path: Path) -> None:
    with opened(tmp_path) as (app, _):
        Home(app.store).arrive(arrival(1, raw=RAW + b"x" * 600_000))
        (large,) = app.store.messages.list_placements(limit=5)
        gone = Placement(999, 1, "", large.mailbox, large.uid, large.flags, large.envelope, 0.0, 5, "x", 1)
        assert Beginnings().of(app, [large, gone]) == {large.id: "", 999: ""}
