"""A dry run tells what a pass would do, and changes nothing anywhere."""

from __future__ import annotations

from pathlib import Path

import pytest

from eilbote.engine import act
from eilbote.engine.mailboxes import create_mailbox
from eilbote.engine.preview import preview_accounts
from eilbote.mail.mailbox import FLAGGED
from eilbote.sync.state import ApplyFlags, Fetch, Push, Rematch, Remove
from eilbote.testing.imap.behaviour import Behaviour
from tests.engine.world import mail
from tests.faults.embedded import Embedded, add_account, embedded

KINDS = {"qresync": Behaviour(), "neither": Behaviour().without("CONDSTORE", "OBJECTID")}
CHANGING = (
    "APPEND",
    "CREATE",
    "DELETE",
    "RENAME",
    "SUBSCRIBE",
    "UID STORE",
    "UID MOVE",
    "UID COPY",
    "UID EXPUNGE",
)


def everything(here: Embedded) -> object:
    """All that both sides hold and owe."""
    store, account = here.app.store, here.account.id
    return (
        store.mailboxes.all(account),
        store.messages.list_placements(account=account, limit=1000),
        store.journal.open_debts(account),
        store.changes.latest(account),
        store.accounts.get(account),
        {
            name: (box.uidnext, box.highestmodseq, box.uids)
            for name, box in here.server.store.mailboxes.items()
        },
        sorted(here.server.store.subscribed),
    )


@pytest.mark.parametrize("behaviour", KINDS.values(), ids=list(KINDS))
async def test_it_tells_all_and_changes_nothing(behaviour: Behaviour, tmp_path: Path) -> None:
    async with embedded(tmp_path / "home", behaviour) as here:
        here.server.store.create("Archiv")
        for number in range(6):
            here.inbox.append(mail(number))
        await here.sync()
        ids = here.ids()
        act.change_flags(here.app, [ids[1]], add=["wort"], remove=[])
        act.move(here.app, [ids[2]], "Archiv")
        act.delete(here.app, [ids[3]], for_good=True)
        act.append(here.app, here.account, "INBOX", mail(70))
        create_mailbox(here.app, here.account, "Neu")
        here.inbox.append(mail(7))
        here.inbox.set_flags(4, [FLAGGED])
        here.inbox.expunge([5])
        here.server.store.create("Fremd").append(mail(8))
        before = everything(here)
        here.server.sessions.clear()
        (preview,) = await preview_accounts(here.app, [here.account])
        assert everything(here) == before
        assert not [name for one in here.server.sessions for name in one.commands if name in CHANGING]
        assert preview.failed is None
        pushed = [(step.kind, step.detail) for step in preview.steps if isinstance(step, Push)]
        assert pushed == [
            ("flag", "+wort"),
            ("move", "Archiv"),
            ("delete", ""),
            ("append", "INBOX"),
            ("create", "Neu"),
        ]
        assert {step.mailbox: list(step.uids) for step in preview.steps if isinstance(step, Fetch)} == {
            "INBOX": [7],
            "Fremd": [1],
        }
        flags = [change for step in preview.steps if isinstance(step, ApplyFlags) for change in step.changes]
        assert [(change.uid, change.flags) for change in flags] == [(4, frozenset({FLAGGED}))]
        if behaviour.has("QRESYNC"):
            assert [list(step.uids) for step in preview.steps if isinstance(step, Remove)] == [[5]]
        report = await here.sync()
        assert (report.new, report.deleted, report.pushed, report.failed) == (2, 1, 5, None)


async def test_a_quiet_account_has_no_steps(tmp_path: Path) -> None:
    async with embedded(tmp_path / "home") as here:
        here.inbox.append(mail(1))
        await here.sync()
        (preview,) = await preview_accounts(here.app, [here.account])
        assert preview.steps == ()


async def test_a_renumbered_mailbox_is_told(tmp_path: Path) -> None:
    async with embedded(tmp_path / "home") as here:
        here.inbox.append(mail(1))
        await here.sync()
        here.inbox.renumber()
        (preview,) = await preview_accounts(here.app, [here.account])
        assert [type(step) for step in preview.steps] == [Rematch]
        assert (await here.sync()).new == 0


async def test_it_needs_no_ownership(tmp_path: Path) -> None:
    async with embedded(tmp_path / "home") as here:
        here.inbox.append(mail(1))
        with here.app.store.ownership.join(here.app.clock, "serve"):
            (preview,) = await preview_accounts(here.app, [here.account])
        assert [list(step.uids) for step in preview.steps if isinstance(step, Fetch)] == [[1]]


async def test_one_mailbox_alone_and_an_account_that_cannot_be_reached(tmp_path: Path) -> None:
    async with embedded(tmp_path / "home") as here:
        here.server.store.create("Archiv").append(mail(2))
        here.inbox.append(mail(1))
        gone = add_account(here.app, 1, "weg@example.de")
        failed, preview = await preview_accounts(here.app, [gone, here.account], mailbox="Archiv")
        assert failed.failed is not None
        assert {step.mailbox for step in preview.steps} == {"Archiv"}
