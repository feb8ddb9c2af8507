"""What a rule calls a mailbox, and which one that is."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from eilbote.config import Config
from eilbote.engine.app import App, open_app
from eilbote.engine.rule_homes import Homes
from eilbote.errors import Misused
from eilbote.mail.mailbox import MailboxName, SpecialUse
from eilbote.store.values import ListedMailbox
from tests.store.given import ANNA, NOW


@pytest.fixture
def app(tmp_path: Path) -> Iterator[App]:
    with open_app(Config(tmp_path / "home", key_file=str(tmp_path / "key"))) as opened:
        opened.store.accounts.add(ANNA, NOW)
        yield opened


def homes(app: App, *listed: ListedMailbox) -> Homes:
    delimiter = listed[0].delimiter if listed else "/"
    inbox = ListedMailbox(MailboxName("INBOX"), delimiter, SpecialUse.INBOX)
    app.store.mailboxes.upsert(1, [inbox, *listed])
    return Homes(app, 1)


def test_a_mailbox_by_its_name_its_role_or_its_id(app: App) -> None:
    found = homes(
        app,
        ListedMailbox(MailboxName("Ablage"), role=SpecialUse.ARCHIVE, object_id="F7"),
        ListedMailbox(MailboxName("Archive")),
    )
    assert found.named("Archive").name == "Archive"
    assert found.named("Archive", special_use="\\Archive").name == "Ablage"
    assert found.named("Nie", mailbox_id="F7").name == "Ablage"
    assert found.named("Nie", mailbox_id="F8").name == "Nie"
    assert found.named("inbox").name == "INBOX"
    junk = found.named("Spam", special_use="\\Junk")
    assert (junk.name, junk.role) == ("Spam", SpecialUse.JUNK)
    assert found.of_role(SpecialUse.TRASH).name == "Trash"


def test_where_all_lies_below_the_inbox_new_mailboxes_do_too(app: App) -> None:
    found = homes(app, ListedMailbox(MailboxName("INBOX.Gesendet"), ".", SpecialUse.SENT))
    target = found.named("Projekte/Alpha")
    assert (target.name, target.delimiter) == ("INBOX.Projekte.Alpha", ".")
    assert found.named("INBOX.Projekte").name == "INBOX.Projekte"
    assert found.named("Gesendet").name == "INBOX.Gesendet"


@pytest.mark.parametrize("name", ["", "a//b", "/a", "a\nb", "x" * 1001])
def test_what_can_be_no_name_is_refused(app: App, name: str) -> None:
    with pytest.raises(Misused):
        homes(app).named(name)
