"""Cases in which other programs lost or doubled mail, each a test that fails where they failed.

M13, a line that died without a word, is in test_serving.py (real server) and tests/engine/test_watch.py.
"""

from __future__ import annotations

import asyncio
import re
from pathlib import Path

import pytest

from eilbote.clock import SystemClock
from eilbote.engine import act
from eilbote.mail.mailbox import DELETED, FLAGGED, MailboxName, UidSet
from eilbote.net.credential import Credential
from eilbote.net.imap import ImapSession
from eilbote.net.terms import Terms
from eilbote.secret import Secret
from eilbote.store.update_values import MailboxUpdate
from eilbote.store.values import Security, Server
from eilbote.testing.imap.behaviour import Behaviour
from tests.engine.world import mail
from tests.faults.embedded import Embedded, embedded
from tests.faults.invariants import i16_nothing_after_logout_and_no_plain_expunge
from tests.faults.lying import Lie
from tests.faults.outcome import KINDS, kinds


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
        session = await ImapSession.open(server, credential, Terms(SystemClock()))
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


async def test_m1_a_mail_that_is_told_of_and_not_yet_given(tmp_path: Path) -> None:
    """SELECT (QRESYNC) tells of UID 4; FETCH and SEARCH do not have it yet. When they do, nothing else
    changes: neither UIDNEXT, nor the mod-sequence, nor the count."""
    async with embedded(tmp_path / "home") as here:
        fill(here, 1, 2, 3)
        await here.sync()
        fill(here, 4, 5)
        here.inbox.hidden = {4}
        await here.sync()
        assert set(here.held()) == {1, 2, 3, 5}
        here.inbox.hidden = set()
        await here.sync()
        await assert_settled(here)


@kinds
async def test_m6_a_hole_in_the_store_is_named_and_closed(behaviour: Behaviour, tmp_path: Path) -> None:
    """One mail of many is missing here, and newer ones came. `verify` names it; the next time the
    mailbox changes, its count does not add up, and every UID is compared."""
    async with embedded(tmp_path / "home", behaviour) as here:
        fill(here, *range(30))
        await here.sync()
        mailbox = here.app.store.mailboxes.find(here.account.id, "INBOX")
        assert mailbox is not None
        hole = MailboxUpdate(removed=UidSet.of([7]))
        here.app.store.messages.apply(mailbox.id, hole, 1.0)
        inbox = next(one for one in await here.verify() if one.mailbox == "INBOX")
        assert (inbox.ok, inbox.missing, inbox.examples) == (False, 1, (7,))
        fill(here, 40)
        await here.sync()
        await assert_settled(here)
        assert all(one.ok for one in await here.verify())


@kinds
async def test_m7_a_listing_older_than_the_mail_retracts_nothing(
    behaviour: Behaviour, tmp_path: Path
) -> None:
    """Mail arrives, from another client and by our own upload, while a pass compares an older listing
    with the store, and while `verify` reads at the same time."""
    async with embedded(tmp_path / "home", behaviour, lying=True) as here:
        fill(here, *range(10))
        await here.sync()
        here.inbox.expunge([2, 3])
        late = iter([50, 51])

        def arrives(answer: bytes, command: bytes) -> bytes:
            if command.startswith((b"SELECT", b"UID SEARCH", b"UID FETCH")) and answer.startswith(b"E"):
                for number in late:
                    fill(here, number)
                    break
            return answer

        act.append(here.app, here.account, "INBOX", mail(60))
        here.lie(arrives)
        await asyncio.gather(here.sync(), here.verify())
        assert set(here.held().values()) >= {mail(number) for number in (0, *range(3, 10))}
        here.lie()
        await here.sync()
        assert sorted(here.there().values()) == sorted(mail(one) for one in (0, *range(3, 10), 50, 51, 60))
        await assert_settled(here)


async def test_m14_without_uidplus_nothing_of_another_client_is_expunged(tmp_path: Path) -> None:
    """Another client has marked mail 2 as deleted and may still change its mind."""
    behaviour = Behaviour().without("UIDPLUS", "IMAP4rev2")
    async with embedded(tmp_path / "home", behaviour) as here:
        fill(here, 1, 2, 3)
        await here.sync()
        here.inbox.set_flags(2, {DELETED})
        act.delete(here.app, [here.ids()[1]], for_good=True)
        for _ in range(2):
            await here.sync()
        assert set(here.there()) == {1, 2, 3}
        assert DELETED in here.inbox.messages[1].flags
        i16_nothing_after_logout_and_no_plain_expunge([list(one.commands) for one in here.server.sessions])


@kinds
@pytest.mark.parametrize("deed", ["delete", "move"])
async def test_m15_numbers_that_changed_without_a_word_destroy_nothing(
    deed: str, behaviour: Behaviour, tmp_path: Path
) -> None:
    """The same UIDVALIDITY, and other mails under its numbers: what is moved or deleted is recognised
    by its content first."""
    async with embedded(tmp_path / "home", behaviour) as here:
        here.server.store.create("Archiv")
        fill(here, *range(1, 7))
        await here.sync()
        chosen = here.ids()[2]
        if deed == "delete":
            act.delete(here.app, [chosen], for_good=True)
        else:
            act.move(here.app, [chosen], "Archiv")
        here.inbox.expunge([1])
        here.inbox.renumber(uidvalidity=here.inbox.uidvalidity)  # mail 3 has number 2 now
        for _ in range(2):
            assert (await here.sync()).failed is None
        assert sorted(here.there().values()) == [mail(number) for number in range(3, 7)]
        assert list(here.there("Archiv").values()) == ([mail(2)] if deed == "move" else [])
        await assert_settled(here)


def _enabled_nothing(answer: bytes, command: bytes) -> bytes:
    """ENABLE is answered and enables nothing; mod-sequences are not told."""
    if answer.startswith(b"* ENABLED"):
        return b"* ENABLED\r\n"
    return _without_effect(re.sub(rb" ?\[?HIGHESTMODSEQ \d+\]?", b"", answer), command)


def _without_effect(answer: bytes, command: bytes) -> bytes:
    """SELECT with QRESYNC is answered as one without."""
    told = answer.startswith(b"* VANISHED") or b" FETCH (" in answer
    return b"" if told and command.startswith(b"SELECT") else answer


@pytest.mark.parametrize("lie", [_enabled_nothing, _without_effect], ids=["not enabled", "without effect"])
async def test_m17_an_extension_is_believed_by_its_effect(lie: Lie, tmp_path: Path) -> None:
    """QRESYNC is announced, and does nothing: arrivals, flags and deletions are seen all the same."""
    async with embedded(tmp_path / "home", lying=True) as here:
        here.lie(lie)
        fill(here, *range(6))
        await here.sync()
        here.inbox.set_flags(3, [FLAGGED])
        assert (await here.sync()).changed == 1, "a flag, and nothing else"
        here.inbox.expunge([2])
        fill(here, 8)
        await here.sync()
        await assert_settled(here)
        inbox = next(one for one in await here.verify() if one.mailbox == "INBOX")
        assert inbox.ok, inbox
