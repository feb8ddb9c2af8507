"""Servers that keep personal mailboxes below `INBOX.`: Cyrus as it was set up for decades, and a
Maildir behind Dovecot set up as Courier was. The prefix is put before a name once, never twice."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from eilbote.engine import act
from eilbote.engine.mailboxes import create_mailbox, remove_mailbox, rename_mailbox, subscribe
from eilbote.errors import Misused
from tests.engine.world import Options, RealServer, World, mail, world
from tests.servers.cyrus import CyrusOptions
from tests.servers.dovecot_settings import DovecotOptions

KINDS: dict[str, Options] = {
    "cyrus": CyrusOptions(classic=True),
    "courier": DovecotOptions(format="maildir", separator=".", prefix="INBOX."),
}


@pytest.fixture(params=list(KINDS))
def here(
    request: pytest.FixtureRequest, server_like: Callable[[Options], RealServer], tmp_path: Path
) -> Iterator[World]:
    with world(server_like(KINDS[request.param]), tmp_path / "home") as made:
        yield made


def settled(here: World) -> None:
    here.assert_same()
    again = here.sync()
    assert (again.new, again.changed, again.deleted, again.pushed) == (0, 0, 0, 0)
    assert not here.app.store.journal.open_debts(here.account.id)


def test_everything_in_both_directions(here: World) -> None:
    here.server.append(here.user, [mail(n) for n in range(5)])
    here.server.append(here.user, [mail(7)], mailbox="INBOX.Sent")
    assert here.sync().new == 6
    ids = here.ids()
    act.archive(here.app, [ids[1]])
    act.delete(here.app, [ids[2]])
    act.junk(here.app, [ids[3]])
    act.change_flags(here.app, [ids[4]], add=["\\Flagged"])
    act.append(here.app, here.account, "Drafts", mail(9))
    here.sync()
    assert {box: len(mails) for box, mails in here.truth().items()} == {
        "INBOX": 2,
        "INBOX.Archive": 1,
        "INBOX.Trash": 1,
        "INBOX.Junk": 1,
        "INBOX.Sent": 1,
        "INBOX.Drafts": 1,
    }
    settled(here)


@pytest.mark.parametrize("name", ["Projekte", "INBOX.Projekte", "inbox.Projekte"])
def test_a_mailbox_made_here_lies_below_the_prefix_once(here: World, name: str) -> None:
    here.server.append(here.user, [mail(1), mail(2)])
    here.sync()
    create_mailbox(here.app, here.account, name)
    act.move(here.app, [here.ids()[1]], "Projekte")
    here.sync()
    assert set(here.truth()) == {"INBOX", "INBOX.Projekte"}
    settled(here)
    with pytest.raises(Misused):
        create_mailbox(here.app, here.account, "Projekte")
    rename_mailbox(here.app, here.account, "Projekte", "Vorhaben")
    here.sync()
    assert set(here.truth()) == {"INBOX", "INBOX.Vorhaben"}
    settled(here)
    subscribe(here.app, here.account, "Vorhaben", False)
    remove_mailbox(here.app, here.account, "Vorhaben")
    here.sync()
    assert set(here.truth()) == {"INBOX"}
    settled(here)


def test_a_mailbox_named_before_the_server_is_known(here: World) -> None:
    """Nothing tells of the prefix yet: the name is put right when it is carried."""
    create_mailbox(here.app, here.account, "Projekte")
    act.append(here.app, here.account, "Projekte", mail(1))
    here.sync()
    here.sync()
    assert list(here.truth()) == ["INBOX.Projekte"]
    assert not [one for one in here.app.store.mailboxes.all(here.account.id) if one.name == "Projekte"]
    settled(here)
