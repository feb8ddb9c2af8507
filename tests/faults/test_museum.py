"""Cases in which other programs lost or doubled mail, each a test that fails where they failed."""

from __future__ import annotations

from pathlib import Path

import pytest

from eilbote.clock import SystemClock
from eilbote.mail.mailbox import FLAGGED, MailboxName, UidSet
from eilbote.net.credential import Credential
from eilbote.net.imap import ImapSession
from eilbote.secret import Secret
from eilbote.store.values import Security, Server
from eilbote.testing.imap.behaviour import Behaviour
from tests.engine.world import mail
from tests.faults.embedded import Embedded, embedded

KINDS = {
    "qresync": Behaviour(),
    "condstore": Behaviour().without("QRESYNC"),
    "neither": Behaviour().without("CONDSTORE", "OBJECTID"),
}
kinds = pytest.mark.parametrize("behaviour", KINDS.values(), ids=list(KINDS))


def fill(here: Embedded, *numbers: int) -> None:
    for number in numbers:
        here.inbox.append(mail(number))


async def assert_settled(here: Embedded) -> None:
    assert here.held() == here.there()
    again = await here.sync()
    assert again.failed is None
    assert (again.new, again.changed, again.deleted) == (0, 0, 0)


@kinds
async def test_m1_both_watermarks_cover_only_what_is_stored(behaviour: Behaviour, tmp_path: Path) -> None:
    """A pass that dies in the middle of fetching leaves nothing invisible behind."""
    async with embedded(tmp_path / "home", behaviour) as here:
        fill(here, *range(40))
        here.server.faults.drop_after_bytes = 9_000
        broken = await here.sync()
        assert broken.failed is not None
        here.inbox.set_flags(3, [FLAGGED])
        here.server.faults.drop_after_bytes = None
        assert (await here.sync()).failed is None
        await assert_settled(here)


@kinds
async def test_m1_a_mail_that_becomes_visible_late(behaviour: Behaviour, tmp_path: Path) -> None:
    """UID 2 shows up after UID 3 was synced and the mod-sequence has passed both."""
    async with embedded(tmp_path / "home", behaviour) as here:
        fill(here, 1, 2, 3)
        here.inbox.hidden = {2}
        await here.sync()
        assert set(here.held()) == {1, 3}
        here.inbox.hidden = set()
        await here.sync()
        await assert_settled(here)


async def test_m2_every_vanished_after_any_command_is_seen(tmp_path: Path) -> None:
    """VANISHED comes with the answer to a NOOP, in several lines; all of them count."""
    async with embedded(tmp_path / "home") as here:
        fill(here, *range(9))
        server = Server(here.server.host, here.server.port, Security.NONE)
        credential = Credential("kim", Secret("geheim-1"))
        session = await ImapSession.open(server, credential, clock=SystemClock())
        await session.select(MailboxName("INBOX"))
        here.inbox.expunge([2])
        here.inbox.expunge([5, 6])
        here.inbox.expunge([9])
        await session.noop()
        assert session.take_unsolicited().vanished == UidSet.of([2, 5, 6, 9])
        await session.logout()


@kinds
async def test_m3_a_uid_missing_in_an_answer_is_no_deletion(behaviour: Behaviour, tmp_path: Path) -> None:
    async with embedded(tmp_path / "home", behaviour) as here:
        fill(here, *range(6))
        await here.sync()
        here.server.faults.fetch_omits = {2, 3}
        fill(here, 7)
        report = await here.sync()
        assert report.deleted == 0
        assert set(here.held()) == {1, 2, 3, 4, 5, 6, 7}
        here.server.faults.fetch_omits = set()
        await here.sync()
        await assert_settled(here)


@kinds
async def test_m4_retired_uids_are_normal(behaviour: Behaviour, tmp_path: Path) -> None:
    """UIDNEXT runs ahead because mails came and went between two passes: nothing waits for them."""
    async with embedded(tmp_path / "home", behaviour) as here:
        fill(here, 1, 2)
        await here.sync()
        fill(here, 3, 4, 5)
        here.inbox.expunge([3, 4, 5])
        report = await here.sync()
        assert (report.new, report.deleted) == (0, 0)
        await assert_settled(here)
        fill(here, 6)
        assert (await here.sync()).new == 1
        await assert_settled(here)


@kinds
@pytest.mark.parametrize("fault", ["fetch_without_uid", "fetch_without_body", "fetch_omits"])
async def test_m5_one_bad_mail_does_not_stop_the_others(
    behaviour: Behaviour, fault: str, tmp_path: Path
) -> None:
    """A FETCH without UID, without body, or missing: the mail is named, put aside, and comes later."""
    async with embedded(tmp_path / "home", behaviour) as here:
        fill(here, *range(5))
        setattr(here.server.faults, fault, {3})
        report = await here.sync()
        assert report.failed is None
        assert set(here.held()) == {1, 2, 4, 5}
        assert [problem.parameters["uid"] for _, problem in report.problems] == ["3"]
        inbox = next(one for one in await here.verify() if one.mailbox == "INBOX")
        assert not inbox.ok and inbox.quarantined == 1


@kinds
async def test_m8_a_new_uidvalidity_shows_no_ghosts(behaviour: Behaviour, tmp_path: Path) -> None:
    async with embedded(tmp_path / "home", behaviour) as here:
        fill(here, *range(30))
        await here.sync()
        ids = sorted(here.app.store.messages.ids_of(here.account.id))
        here.inbox.renumber(first_uid=500)
        here.inbox.append(mail(77))
        report = await here.sync()
        assert (report.new, report.deleted) == (1, 0)
        assert sorted(here.app.store.messages.ids_of(here.account.id))[:30] == ids
        await assert_settled(here)


@kinds
async def test_an_inbox_that_seems_empty_is_asked_again(behaviour: Behaviour, tmp_path: Path) -> None:
    """Everything is suddenly hidden, then there again: nothing was removed in between."""
    async with embedded(tmp_path / "home", behaviour) as here:
        fill(here, *range(30))
        await here.sync()
        here.inbox.expunge(range(1, 31))
        report = await here.sync()
        assert report.deleted == 30, "asked on a new connection, and really gone"
        await assert_settled(here)


@pytest.mark.parametrize("command", ["SELECT", "LIST", "UID FETCH", "UID SEARCH", "UID STORE", "UID MOVE"])
@pytest.mark.parametrize("fault", ["drop_at", "bye_at"])
async def test_a_connection_lost_at_any_command_costs_nothing(
    command: str, fault: str, tmp_path: Path
) -> None:
    async with embedded(tmp_path / "home", KINDS["qresync"]) as here:
        here.server.store.create("Archiv")
        fill(here, *range(5))
        await here.sync()
        fill(here, 6)
        journal = here.app.store.journal
        mailbox = here.app.store.mailboxes.find(here.account.id, "INBOX")
        target = here.app.store.mailboxes.find(here.account.id, "Archiv")
        assert mailbox is not None and target is not None
        journal.change_flags([(mailbox.id, 1)], frozenset({FLAGGED}), frozenset(), "user", 1.0)
        journal.move([(mailbox.id, 2)], target.id, "user", 1.0)
        setattr(here.server.faults, fault, command)
        assert (await here.sync()).failed is not None
        setattr(here.server.faults, fault, "")
        assert (await here.sync()).failed is None
        assert here.held("Archiv") == here.there("Archiv")
        assert FLAGGED in here.inbox.messages[1].flags
        await assert_settled(here)
