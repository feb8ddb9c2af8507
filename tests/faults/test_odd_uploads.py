"""Servers that take only mail of a certain form."""

from __future__ import annotations

from pathlib import Path

import pytest

from eilbote.engine import act
from tests.engine.world import mail
from tests.faults.outcome import codes
from tests.faults.played import played, settled


@pytest.mark.parametrize("kind", ["exchange", "yahoo", "cyrus"])
async def test_mail_that_is_made_here_has_the_form_that_the_server_wants(kind: str, tmp_path: Path) -> None:
    async with played(tmp_path / "home", kind) as here:
        await here.sync()
        act.append(here.app, here.account, "INBOX", b"From: a@example.org\nSubject: x\n\nzu\0Ende")
        assert codes(await here.sync()) == []
        assert list(here.there().values()) == [b"From: a@example.org\r\nSubject: x\r\n\r\nzu\x80Ende\r\n"]
        await settled(here)


async def test_a_mail_with_a_line_too_long_for_exchange_stays_here_and_is_named(tmp_path: Path) -> None:
    async with played(tmp_path / "home", "exchange") as here:
        await here.sync()
        act.append(here.app, here.account, "INBOX", mail(1) + b"x" * 20_000)
        act.append(here.app, here.account, "INBOX", mail(2))
        report = await here.sync()
        assert codes(report) == ["imap.refused"]
        assert "Line too long" in report.problems[0][1].parameters["text"]
        assert list(here.there().values()) == [mail(2)]
        assert codes(await here.sync()) == []
        inbox = next(one for one in await here.verify() if one.mailbox == "INBOX")
        assert inbox.extra == 1
