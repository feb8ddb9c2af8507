"""Verify finds each kind of difference, and takes nothing for a difference that is none."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from eilbote.engine import act
from eilbote.engine.verify import VerifyReport, verify_accounts
from eilbote.mail.mailbox import FLAGGED, SEEN, MailboxName, UidSet
from eilbote.store.update_values import FlagChange, MailboxUpdate
from tests.engine.world import mail
from tests.faults.embedded import Embedded, add_account, embedded
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


async def inbox(here: Embedded, *, content: bool = False) -> VerifyReport:
    reports = [one async for one in verify_accounts(here.app, [here.account], content=content)]
    return next(one for one in reports if one.mailbox == "INBOX")


def apply(here: Embedded, update: MailboxUpdate) -> None:
    mailbox = here.app.store.mailboxes.find(here.account.id, MailboxName("INBOX"))
    assert mailbox is not None
    here.app.store.messages.apply(mailbox.id, update, 1.0)


async def test_both_sides_the_same(here: Embedded) -> None:
    report = await inbox(here, content=True)
    assert report.ok
    assert (report.server, report.store, report.pending) == (6, 6, 0)


async def test_a_mail_that_is_missing_here(here: Embedded) -> None:
    apply(here, MailboxUpdate(removed=UidSet.of([4])))
    report = await inbox(here)
    assert (report.ok, report.missing, report.extra, report.examples) == (False, 1, 0, (4,))


async def test_a_mail_that_only_we_have(here: Embedded) -> None:
    here.inbox.expunge([2, 3])
    report = await inbox(here)
    assert (report.ok, report.missing, report.extra, report.examples) == (False, 0, 2, (2, 3))


async def test_flags_that_differ(here: Embedded) -> None:
    apply(here, MailboxUpdate(flags=[FlagChange(5, frozenset({SEEN}), 0)]))
    report = await inbox(here)
    assert (report.ok, report.flags_differ, report.examples) == (False, 1, (5,))


async def test_sizes_that_differ(here: Embedded) -> None:
    """A server that counts its mails wrongly is told so, once, and nothing goes on for ever."""
    here.lie(instead(rb"RFC822.SIZE \d+", b"RFC822.SIZE 3"))
    report = await inbox(here)
    assert (report.ok, report.content_differ) == (False, 6)


async def test_other_bytes_on_the_server_are_found_by_content_alone(here: Embedded) -> None:
    message = here.inbox.messages[3]
    message.raw = message.raw.replace(b"Nachricht", b"Botschaft")
    assert (await inbox(here)).ok, "the same number, flags and size"
    report = await inbox(here, content=True)
    assert (report.ok, report.content_differ, report.examples) == (False, 1, (3,))


async def test_damage_on_our_own_disk_is_found_by_content(here: Embedded, tmp_path: Path) -> None:
    (pack,) = (tmp_path / "home").rglob("*.pack")
    whole = bytearray(pack.read_bytes())
    whole[-20] ^= 0xFF  # in the block that these six small mails share
    pack.write_bytes(whole)
    assert (await inbox(here)).ok
    report = await inbox(here, content=True)
    assert (report.ok, report.content_differ) == (False, 6)


async def test_the_inbox_comes_first_and_the_others_by_name(here: Embedded) -> None:
    here.server.store.create("Anfang")
    await here.sync()
    names = {b"Anfang": b"Archiv", b"Archiv": b"Anfang"}
    swapped = re.compile(rb"(?<=\W)(Anfang|Archiv)(?=\W)")
    here.lie(
        lambda said, command: swapped.sub(lambda name: names[name[0]], said) if b"* LIST" in said else said
    )
    assert [one.mailbox for one in await here.verify()] == ["INBOX", "Anfang", "Archiv"]


async def test_a_whole_mailbox_on_one_side(here: Embedded) -> None:
    here.server.store.create("Neu").append(mail(50))
    here.server.store.delete("Archiv")
    reports = {one.mailbox: one for one in await here.verify()}
    assert (reports["Neu"].ok, reports["Neu"].missing) == (False, 1)
    assert "Archiv" not in reports, "an empty mailbox that went is no difference in mail"


async def test_a_mailbox_that_may_not_be_read_hides_no_other(here: Embedded) -> None:
    here.lie(
        lambda answer, command: answer.replace(b" OK ", b" NO [NOPERM] ") if b"INBOX" in command else answer
    )
    reports = {one.mailbox: one for one in await here.verify()}
    assert reports["Archiv"].ok
    assert not reports["INBOX"].ok
    assert reports["INBOX"].problem is not None
    assert reports["INBOX"].problem.code == "imap.refused"


async def test_four_billion_mails_that_are_not_there_cost_no_memory(here: Embedded) -> None:
    many = instead(rb"(ESEARCH.* ALL) [0-9:,]+", rb"\1 1:4294967295")
    here.lie(many)
    (report,) = [one for one in await here.verify() if not one.ok]
    assert report.problem is not None
    assert report.problem.code == "imap.flood", "six mails were told of"
    exist = instead(rb"\* \d+ EXISTS", b"* 4294967295 EXISTS")
    here.lie(lambda answer, command: many(exist(answer, command), command))
    report = await inbox(here)
    assert (report.ok, report.server, report.missing) == (False, 4294967295, 4294967289)
    assert report.examples == tuple(range(7, 17))


async def test_a_mailbox_that_was_never_read_is_missing_and_not_renumbered(here: Embedded) -> None:
    here.server.store["Archiv"].append(mail(7))
    here.server.store.create("Neu").append(mail(8))
    here.server.faults.refuse["SELECT"] = "later"
    await here.sync()
    reports = {one.mailbox: one for one in await here.verify()}
    assert (reports["Neu"].problem, reports["Neu"].missing) == (None, 1)


async def test_numbers_that_changed_are_a_problem_not_a_difference(here: Embedded) -> None:
    here.inbox.renumber()
    report = await inbox(here)
    assert report.problem is not None
    assert report.problem.code == "verify.uidvalidity"


async def test_pending_changes_are_no_difference(here: Embedded) -> None:
    ids = here.ids()
    act.change_flags(here.app, [ids[1]], add=[FLAGGED])
    act.move(here.app, [ids[2]], "Archiv")
    act.delete(here.app, [ids[3]], for_good=True)
    act.append(here.app, here.account, "INBOX", mail(70))
    act.copy(here.app, [ids[4]], "Archiv")
    reports = await here.verify()
    assert all(one.ok for one in reports), reports
    assert sum(one.pending for one in reports) == 5
    await here.sync()
    reports = await here.verify()
    assert all(one.ok and not one.pending for one in reports), reports


async def test_it_changes_nothing(here: Embedded) -> None:
    here.inbox.set_flags(1, [])
    here.inbox.append(mail(9))
    change = here.app.store.changes.latest(here.account.id)
    modseq = here.inbox.highestmodseq
    await here.verify()
    assert here.app.store.changes.latest(here.account.id) == change
    assert here.inbox.highestmodseq == modseq, "not even \\Seen"


async def test_an_account_that_cannot_be_reached_is_a_report_and_the_next_one_comes(here: Embedded) -> None:
    gone = add_account(here.app, 1, "weg@example.de")
    reports = [one async for one in verify_accounts(here.app, [gone, here.account])]
    assert reports[0].problem is not None
    assert not reports[0].ok
    assert all(one.ok for one in reports[1:])
