"""Exchange: RFC822.SIZE is not the number of bytes that come, and bodies change that are there already."""

from __future__ import annotations

from pathlib import Path

import pytest

from eilbote.engine import act
from eilbote.engine.repair import repair_accounts
from tests.engine.world import mail
from tests.faults.outcome import codes, rules
from tests.faults.played import played, settled


async def test_untrue_sizes_are_no_difference_and_recognise_nothing(tmp_path: Path) -> None:
    async with played(tmp_path / "home", "exchange") as here:
        for number in range(1, 6):
            here.inbox.append(mail(number))
        await here.sync()
        await settled(here)
        ids = here.ids()
        here.inbox.renumber()
        report = await here.sync()
        assert (report.new, report.deleted) == (0, 0), "found again without their sizes"
        assert sorted(here.ids().values()) == sorted(ids.values())
        box = here.server.store["Archive"]
        (moved,) = [one.uid for one in here.inbox.messages.values() if one.raw == mail(4)]
        here.server.store.copy(here.inbox, [moved], box)
        here.inbox.expunge([moved])
        before = len(here.bodies_asked_for())
        assert codes(await here.sync()) == []
        assert list(here.ids("Archive").values()) == [ids[4]]
        assert len(here.bodies_asked_for()) == before, "moved by another client, and not downloaded again"
        await settled(here)


async def test_an_upload_whose_answer_was_lost_is_found_by_its_id(tmp_path: Path) -> None:
    async with played(tmp_path / "home", "exchange") as here:
        await here.sync()
        act.append(here.app, here.account, "INBOX", mail(1))

        def cut(answer: bytes, command: bytes) -> bytes:
            return b"" if command.startswith(b"APPEND") and b" OK " in answer else answer

        here.lie(cut)
        here.app = here.impatient()
        assert codes(await here.sync()) == ["net.timeout"]
        here.lie()
        assert codes(await here.sync()) == []
        assert list(here.there().values()) == [mail(1)]
        await settled(here)


@pytest.mark.parametrize("kind", ["exchange", "other"])
async def test_a_body_that_changed_is_named_and_taken_over_by_a_repair(kind: str, tmp_path: Path) -> None:
    """Safe Links rewrite links in mail that lies there already."""
    async with played(tmp_path / "home", "exchange" if kind == "exchange" else "dovecot") as here:
        for number in range(1, 4):
            here.inbox.append(mail(number))
        await here.sync()
        ids = here.ids()
        here.inbox.messages[2].raw = mail(2).replace(b"\r\n\r\n", b"\r\n\r\nhttps://safelinks.example/")
        inbox = next(one for one in await here.verify() if one.mailbox == "INBOX")
        assert inbox.content_differ == 1
        async for _ in repair_accounts(here.app, [here.account], content=True):
            pass
        assert here.held() == here.there()
        assert here.ids() == ids
        assert "other-bytes" in rules(here)
        await settled(here)
