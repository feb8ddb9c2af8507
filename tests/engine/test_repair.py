"""Repair puts right whatever was broken by hand, on both stores, and says what it was."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from eilbote.engine import act
from eilbote.engine.repair import file_findings, nightly_repair, repair_accounts
from eilbote.engine.setup import set_keep
from eilbote.engine.verify import Healed, VerifyReport
from eilbote.mail.keep import read_keep
from eilbote.mail.mailbox import FLAGGED, SEEN, MailboxName, UidSet
from eilbote.store.update_values import FlagChange, MailboxUpdate
from tests.engine.world import mail
from tests.faults.embedded import Embedded, embedded
from tests.faults.lying import instead


@pytest.fixture(params=["sqlite", "postgres"])
async def here(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Embedded]:
    """Six mails in step."""
    url = "" if request.param == "sqlite" else str(request.getfixturevalue("postgres_url"))
    async with embedded(tmp_path / "home", store_url=url, lying=True) as made:
        made.server.store.create("Archiv")
        for number in range(6):
            made.inbox.append(mail(number))
        assert (await made.sync()).new == 6
        yield made


async def repaired(here: Embedded, *, content: bool = False) -> VerifyReport:
    """The inbox after a repair; afterwards nothing differs, and a further repair heals nothing."""
    account = here.app.store.accounts.get(here.account.id)
    reports = [one async for one in repair_accounts(here.app, [account], content=content)]
    assert all(one.ok for one in reports), reports
    again = [one async for one in repair_accounts(here.app, [account], content=content)]
    assert all(one.healed == Healed() for one in again), again
    assert here.held() == here.there()
    return next(one for one in reports if one.mailbox == "INBOX")


def sql(here: Embedded, statement: str) -> None:
    with here.app.store.database.write() as session:
        assert session.run(statement) > 0


def apply(here: Embedded, update: MailboxUpdate) -> None:
    mailbox = here.app.store.mailboxes.find(here.account.id, MailboxName("INBOX"))
    assert mailbox is not None
    here.app.store.messages.apply(mailbox.id, update, 1.0)


def spoil(folder: Path, at: int = -20) -> None:
    (pack,) = folder.rglob("*.pack")
    whole = bytearray(pack.read_bytes())
    whole[at] ^= 0xFF
    pack.write_bytes(whole)


async def test_nothing_to_repair(here: Embedded) -> None:
    assert (await repaired(here)).healed == Healed()


async def test_a_hole_in_the_rows(here: Embedded) -> None:
    sql(here, "DELETE FROM placement WHERE uid = 4")
    assert (await repaired(here)).healed == Healed(missing=1, counts=1)


async def test_a_removal_that_the_server_never_made(here: Embedded) -> None:
    message = here.ids()[4]
    apply(here, MailboxUpdate(removed=UidSet.of([4])))
    assert (await repaired(here)).healed == Healed(missing=1)
    assert here.ids()[4] == message


async def test_a_message_row_that_is_lost(here: Embedded) -> None:
    sql(here, "DELETE FROM message WHERE id IN (SELECT message FROM placement WHERE uid IN (2, 5))")
    assert (await repaired(here)).healed == Healed(missing=2)


async def test_a_content_row_that_is_lost(here: Embedded) -> None:
    sql(
        here,
        "DELETE FROM content WHERE id IN (SELECT m.content FROM message m JOIN placement p"
        " ON p.message = m.id WHERE p.uid = 3)",
    )
    assert (await repaired(here)).healed == Healed(content=1)


async def test_damage_on_disk(here: Embedded, tmp_path: Path) -> None:
    before = here.ids()
    spoil(tmp_path / "home")
    assert (await repaired(here)).healed == Healed(content=6)
    assert here.ids() == before
    assert not here.app.store.journal.conflicts()


async def test_a_pack_that_is_gone(here: Embedded, tmp_path: Path) -> None:
    (pack,) = (tmp_path / "home").rglob("*.pack")
    here.app.store.bodies.packs.close()
    pack.unlink()
    assert (await repaired(here)).healed == Healed(content=6)


async def test_a_mail_that_only_we_have_becomes_a_tombstone(here: Embedded) -> None:
    message = here.ids()[2]
    here.inbox.expunge([2])
    here.inbox.forget_vanished()
    assert (await repaired(here)).healed == Healed(extra=1)
    assert here.app.store.messages.identity(message).message_id == "m1@example.org"


async def test_flags_are_taken_over_and_what_is_owed_wins(here: Embedded) -> None:
    apply(here, MailboxUpdate(flags=[FlagChange(5, frozenset({SEEN}), 0)]))
    act.change_flags(here.app, [here.ids()[3]], add=[FLAGGED])
    assert (await repaired(here)).healed == Healed(flags=1)
    assert FLAGGED in here.inbox.messages[3].flags


async def test_counts_that_are_wrong(here: Embedded) -> None:
    sql(here, "UPDATE mailbox SET messages = 17, unread = 3 WHERE name = 'INBOX'")
    assert (await repaired(here)).healed == Healed(counts=1)
    mailbox = here.app.store.mailboxes.find(here.account.id, MailboxName("INBOX"))
    assert mailbox is not None
    assert (mailbox.messages, mailbox.unread) == (6, 6)


async def test_watermarks_that_promise_too_much(here: Embedded) -> None:
    here.inbox.append(mail(6))
    modseq, uidnext = here.inbox.highestmodseq, here.inbox.uidnext
    sql(
        here,
        f"UPDATE mailbox SET modseq = {modseq}, uidnext = {uidnext}, cursor_uid = {uidnext - 1}, exist = 7"
        " WHERE name = 'INBOX'",
    )
    assert (await here.sync()).new == 0, "a pass believes what it remembers"
    assert (await repaired(here)).healed == Healed(missing=1)


async def test_other_bytes_on_the_server_win_and_are_logged(here: Embedded) -> None:
    message = here.inbox.messages[3]
    message.raw = message.raw.replace(b"Nachricht", b"Botschaft")
    assert (await repaired(here, content=True)).healed == Healed(content=1)
    assert [one.rule for one in here.app.store.journal.conflicts()] == ["other-bytes"]


async def test_quarantine_is_tried_again_at_once(here: Embedded) -> None:
    here.server.faults.fetch_without_body.add(7)
    here.inbox.append(mail(6))
    await here.sync()
    assert [one.uid for one in here.app.store.messages.in_quarantine()] == [7]
    here.server.faults.fetch_without_body.clear()
    await here.sync()
    assert here.app.store.messages.in_quarantine(), "a pass waits a day"
    assert (await repaired(here)).healed == Healed(quarantined=1)
    assert not here.app.store.messages.in_quarantine()


async def test_what_cannot_be_healed_stays_a_difference(here: Embedded) -> None:
    here.server.faults.fetch_without_body.add(7)
    here.inbox.append(mail(6))
    await here.sync()
    reports = [one async for one in repair_accounts(here.app, [here.account])]
    (inbox,) = [one for one in reports if one.mailbox == "INBOX"]
    assert (inbox.ok, inbox.quarantined, inbox.healed) == (False, 1, Healed())


async def test_mailboxes_on_one_side(here: Embedded) -> None:
    here.server.store.create("Neu").append(mail(50))
    reports = {one.mailbox: one async for one in repair_accounts(here.app, [here.account])}
    assert (reports["Neu"].ok, reports["Neu"].healed) == (True, Healed(missing=1))
    here.server.store.delete("Neu")
    reports = {one.mailbox: one async for one in repair_accounts(here.app, [here.account])}
    assert (reports["Neu"].ok, reports["Neu"].healed) == (True, Healed(extra=1))


async def test_numbers_that_changed(here: Embedded) -> None:
    before = sorted(here.ids().values())
    here.inbox.renumber()
    await repaired(here)
    assert sorted(here.ids().values()) == before


async def test_damage_in_mails_that_are_here_in_part(here: Embedded, tmp_path: Path) -> None:
    set_keep(here.app, here.account.address, read_keep("headers"))
    await here.sync()
    spoil(tmp_path / "home")
    account = here.app.store.accounts.get(here.account.id)
    reports = [one async for one in repair_accounts(here.app, [account])]
    (inbox,) = [one for one in reports if one.mailbox == "INBOX"]
    assert (inbox.ok, inbox.left_out, inbox.healed) == (True, 6, Healed(content=6))


async def test_a_server_that_lies_deletes_nothing(here: Embedded) -> None:
    """Findings only make the next look complete: what seems gone is asked for once more (M3, M7)."""
    await file_findings(here.app, here.account)
    here.lie(instead(rb"\* ESEARCH [^\r]*", b'* ESEARCH (TAG "E1") UID ALL 1:5'))
    reports = [one async for one in repair_accounts(here.app, [here.account])]
    here.lie()
    assert len(here.held()) == 6, reports
    await repaired(here)


async def test_a_snapshot_older_than_a_sync_takes_nothing_back(here: Embedded) -> None:
    """Museum M7: what was found before a sync brought new mail must not touch that mail."""
    apply(here, MailboxUpdate(removed=UidSet.of([4])))
    compared = await file_findings(here.app, here.account)
    assert sum(one.report.missing for one in compared) == 1
    here.inbox.append(mail(6))
    await here.sync()
    await here.sync()
    assert here.held() == here.there()
    assert all(one.ok for one in await here.verify())


async def test_at_night_the_owner_repairs_by_itself(here: Embedded, tmp_path: Path) -> None:
    spoil(tmp_path / "home")
    sql(here, "DELETE FROM placement WHERE uid = 4")
    with here.app.store.ownership.join(here.app.clock, "serve"):
        reports = await nightly_repair(here.app, here.account)
    (inbox,) = [one for one in reports if one.mailbox == "INBOX"]
    assert (inbox.ok, inbox.healed) == (True, Healed(missing=1, content=5, counts=1))
    assert here.held() == here.there()


async def test_an_account_that_cannot_be_reached_is_said_to_be(here: Embedded) -> None:
    await here.server.stop()
    reports = [one async for one in repair_accounts(here.app, [here.account])]
    assert [one.problem is not None for one in reports] == [True]
    await here.server.__aenter__()
