"""Servers that list, search and fetch in ways of their own: every mail comes, none is lost."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from eilbote.engine import act
from eilbote.mail.mailbox import FLAGGED
from eilbote.testing.imap.oddities import Oddities
from tests.engine.world import mail
from tests.faults.embedded import embedded
from tests.faults.outcome import codes
from tests.faults.played import odd, played, settled

ESEARCH = ("ESEARCH", "IMAP4rev2")


async def test_numbers_of_a_search_that_are_not_sorted(tmp_path: Path) -> None:
    """nextcloud/mail#5721."""
    async with odd(tmp_path / "home", Oddities(search_descending=True), *ESEARCH) as here:
        assert (await here.sync()).new == 30
        here.inbox.expunge([7])
        assert (await here.sync()).deleted == 1
        await settled(here)


@pytest.mark.parametrize("fetch_stops_too", [False, True])
async def test_a_search_that_stops_at_a_number(fetch_stops_too: bool, tmp_path: Path) -> None:
    """Yahoo: a thousand numbers, of ten thousand mails. The rest are fetched; where that stops too, page
    by page of sequence numbers."""
    async with odd(tmp_path / "home", Oddities(search_most=10), *ESEARCH, "CONDSTORE") as here:
        told = [0]

        def stops(answer: bytes, command: bytes) -> bytes:
            if command.startswith(b"UID FETCH") and command.endswith(b" (UID)") and answer.startswith(b"* "):
                told[0] += 1
                return answer if told[0] % 30 < 20 else b""
            return answer

        if fetch_stops_too:
            here.lie(stops)
        assert (await here.sync()).new == 30
        assert (await here.sync()).deleted == 0
        here.inbox.expunge([3, 29])
        assert (await here.sync()).deleted == 2
        assert set(here.held()) == set(here.there())
        said = [line for line in here.between.commands if line.startswith(b"FETCH ")]  # type: ignore[union-attr]
        assert bool(said) == fetch_stops_too


async def test_a_search_for_all_that_is_refused(tmp_path: Path) -> None:
    """Mail2World: `UID SEARCH wrong arguments passed`."""
    oddities = Oddities(search_all="BAD UID SEARCH wrong arguments passed")
    async with odd(tmp_path / "home", oddities, *ESEARCH) as here:
        assert (await here.sync()).new == 30
        await settled(here)


@pytest.mark.parametrize("broken", [{3}, {1, 2, 17}, {30}, set(range(10, 14))])
async def test_mails_that_the_server_will_not_give(broken: set[int], tmp_path: Path) -> None:
    """Yahoo: `[UNAVAILABLE] UID FETCH Server error` for some mails. All others come; those are put aside
    and named, and come when the server gives them."""
    async with odd(tmp_path / "home", Oddities()) as here:
        here.server.faults.unavailable = broken
        report = await here.sync()
        assert report.failed is None
        assert set(here.held()) == set(here.there()) - broken
        assert {problem.parameters["uid"] for _, problem in report.problems} == {str(one) for one in broken}
        inbox = next(one for one in await here.verify() if one.mailbox == "INBOX")
        assert inbox.quarantined == len(broken)
        fetches = [line for line in here.between.commands if b"BODY.PEEK[]" in line]  # type: ignore[union-attr]
        assert len(fetches) < 20 + 12 * len(broken)


async def test_a_server_that_refuses_every_mail_is_not_asked_for_ever(tmp_path: Path) -> None:
    async with odd(tmp_path / "home", Oddities(), most=300) as here:
        here.server.faults.unavailable = set(range(1, 301))
        report = await here.sync()
        assert codes(report)[-1:] == ["imap.refused"]
        fetches = [line for line in here.between.commands if b"BODY.PEEK[]" in line]  # type: ignore[union-attr]
        assert len(fetches) < 300
        here.server.faults.unavailable = set()
        assert (await here.sync()).new > 0


async def test_a_fetch_without_flags_is_asked_again_and_put_aside(tmp_path: Path) -> None:
    async with odd(tmp_path / "home", Oddities(), most=5) as here:
        here.inbox.set_flags(3, [FLAGGED])
        here.server.faults.fetch_without_flags = {3}
        report = await here.sync()
        assert [problem.parameters["uid"] for _, problem in report.problems] == ["3"]
        assert set(here.held()) == {1, 2, 4, 5}


async def test_bodies_that_come_empty_unless_asked_for_alone(tmp_path: Path) -> None:
    """PurelyMail: literals of no bytes where several parts are fetched at once."""
    async with odd(tmp_path / "home", Oddities(bodies_alone=True), most=9) as here:
        report = await here.sync()
        assert (report.new, codes(report)) == (9, [])
        assert here.held() == here.there()
        await settled(here)


async def test_rfc822_is_never_asked_for(tmp_path: Path) -> None:
    """iCloud answers FETCH RFC822 with nothing, and whole inboxes were lost (user pain 16)."""
    async with odd(tmp_path / "home", Oddities(rfc822_empty=True), most=5) as here:
        assert (await here.sync()).new == 5
        said = b" ".join(here.between.commands)  # type: ignore[union-attr]
        assert b"RFC822 " not in said and b"RFC822.TEXT" not in said and b"RFC822)" not in said
        await settled(here)


@pytest.mark.parametrize("untold", ["uidvalidity_untold", "uidnext_untold"])
async def test_numbers_that_select_does_not_tell(untold: str, tmp_path: Path) -> None:
    """imapflow; nylas#76."""
    async with odd(tmp_path / "home", Oddities(), "CONDSTORE", most=5) as here:
        setattr(here.server.faults, untold, True)
        assert (await here.sync()).new == 5
        ids = here.ids()
        act.change_flags(here.app, [ids[2]], add=[FLAGGED])
        here.inbox.append(mail(50))
        here.inbox.expunge([4])
        for _ in range(2):
            await here.sync()
        assert here.held() == here.there()
        assert here.inbox.messages[2].flags == {FLAGGED}
        assert {uid: one for uid, one in here.ids().items() if uid < 6} == {
            uid: one for uid, one in ids.items() if uid != 4
        }


async def test_m17_mod_sequences_count_by_their_effect(tmp_path: Path) -> None:
    """iCloud: ENABLE names nothing, VANISHED cannot be believed, CHANGEDSINCE is ignored: nothing is
    deleted, everything is seen."""
    async with played(tmp_path / "home", "icloud") as here:
        for number in range(30):
            here.inbox.append(mail(number))
        await here.sync()
        here.inbox.set_flags(3, [FLAGGED])
        here.inbox.append(mail(40))
        report = await here.sync()
        assert (report.new, report.deleted) == (1, 0)
        here.inbox.expunge([5])
        assert (await here.sync()).deleted == 1
        await settled(here)
        assert not [line for line in here.between.commands if b"QRESYNC" in line]  # type: ignore[union-attr]


@pytest.mark.parametrize(
    "unusable",
    [
        lambda answer: b"" if answer.startswith(b"* L") else answer,
        lambda answer: answer.partition(b" ")[0] + b" NO later\r\n" if answer.startswith(b"E") else b"",
        lambda answer: answer.partition(b" ")[0] + b" BAD what\r\n" if answer.startswith(b"E") else b"",
        lambda answer: b"* LIST rubbish\r\n" if answer.startswith(b"* LIST") else answer,
        lambda answer: b"" if answer.startswith(b"* LIST") and b"INBOX" not in answer else answer,
        lambda answer: b"" if answer.startswith(b"* LIST") and b"INBOX" in answer else answer,
    ],
    ids=["nothing", "NO", "BAD", "rubbish", "INBOX alone", "all but INBOX"],
)
async def test_a_listing_that_is_unusable_costs_no_mailbox(
    unusable: Callable[[bytes], bytes], tmp_path: Path
) -> None:
    async with embedded(tmp_path / "home", lying=True) as here:
        for name in ("Archiv", "Privat", "Verein"):
            here.server.store.create(name).append(mail(len(name)))
        await here.sync()
        before = [(one.id, one.name) for one in here.app.store.mailboxes.all(here.account.id)]

        def lie(answer: bytes, command: bytes) -> bytes:
            whole = command.startswith((b'LIST "" "*"', b"LSUB"))
            return unusable(answer) if whole else answer

        here.lie(lie)
        await here.sync()
        assert [(one.id, one.name) for one in here.app.store.mailboxes.all(here.account.id)] == before
        assert all(here.held(name) == here.there(name) for _, name in before)
        here.lie()
        await settled(here)


async def test_status_without_its_list(tmp_path: Path) -> None:
    """Coremail: every mailbox is looked at, and nothing is taken for known."""
    async with odd(tmp_path / "home", Oddities(status_empty=True), most=5) as here:
        await here.sync()
        here.inbox.set_flags(2, [FLAGGED])
        assert (await here.sync()).changed == 1
        await settled(here)
