"""An account of which only headers are kept: fetched so, shown so, compared so, completed later."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from eilbote.engine import act, read
from eilbote.engine.owner import sync_accounts
from eilbote.engine.setup import set_keep
from eilbote.errors import Gone
from eilbote.mail.keep import read_keep
from tests.engine.world import World, mail, world
from tests.servers.dovecot import Dovecot
from tests.servers.dovecot_settings import DovecotOptions


@pytest.fixture
def here(dovecot_like: Callable[[DovecotOptions], Dovecot], tmp_path: Path) -> Iterator[World]:
    with world(dovecot_like(DovecotOptions()), tmp_path / "home", "") as made:
        set_keep(made.app, made.account.address, read_keep("headers"))
        made.server.append(made.user, [mail(n) for n in range(5)])
        made.sync()
        yield made


def test_only_the_header_is_fetched_and_shown(here: World) -> None:
    listed = here.app.store.messages.list_placements(account=here.account.id)
    assert [one.size for one in listed] == [len(mail(n)) for n in reversed(range(5))]
    header = mail(4).partition(b"\r\n\r\n")[0] + b"\r\n\r\n"
    assert here.app.store.messages.raw(listed[0].id) == header
    shown = read.show_mail(here.app, str(listed[0].id))
    assert (shown.headers_only, shown.text) == (True, "")
    with pytest.raises(Gone, match="headers_only"):
        here.app.store.messages.whole(listed[0].id)


def test_comparing_takes_it_for_no_difference(here: World) -> None:
    assert all(one.ok for one in here.verify())
    assert here.sync().new == 0


def test_missing_bodies_come_with_the_next_pass_and_only_once(here: World) -> None:
    before = {one.uid: one.id for one in here.app.store.messages.list_placements(account=here.account.id)}
    set_keep(here.app, here.account.address, read_keep("everything"))
    assert here.sync().new == 0
    after = here.app.store.messages.list_placements(account=here.account.id)
    assert {one.uid: one.id for one in after} == before
    assert [here.app.store.messages.whole(one.id) for one in after] == [mail(n) for n in reversed(range(5))]
    assert not here.app.store.journal.conflicts()
    here.assert_same()


def test_a_mail_without_its_body_is_never_uploaded(here: World) -> None:
    first = here.app.store.messages.list_placements(account=here.account.id)[0]
    act.delete(here.app, [first.id], for_good=True)
    here.sync()
    here.app.store.journal.restore([first.id], "user", 1.0)
    (report,) = asyncio.run(sync_accounts(here.app))
    assert [problem.code for _, problem in report.problems] == ["store.headers_only"]
    assert len(here.truth()["INBOX"]) == 4
