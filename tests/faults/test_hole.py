"""A hole of one in a hundred thousand, made by hand, is found and healed (C8, 12)."""

from __future__ import annotations

from pathlib import Path

import pytest

from eilbote.engine.repair import nightly_repair
from eilbote.engine.verify import Healed
from eilbote.mail.mailbox import SEEN, MailboxName
from tests.faults.embedded import embedded

MAILS = 100_000


def small(number: int) -> bytes:
    head = f"Subject: Nachricht {number}\r\nMessage-ID: <h{number}@example.org>\r\n\r\n"
    return f"{head}Text {number}.\r\n".encode()


@pytest.mark.timeout(900)
async def test_one_in_a_hundred_thousand_is_found_and_healed(tmp_path: Path) -> None:
    async with embedded(tmp_path / "home", read_timeout=120.0) as here:
        for number in range(MAILS):
            here.inbox.append(small(number), flags=[SEEN])
        assert (await here.sync()).new == MAILS
        with here.app.store.database.write() as session:
            assert session.run("DELETE FROM placement WHERE uid = 4711") == 1
            assert session.run("UPDATE placement SET flags = '' WHERE uid = 31415") == 1
            row = session.one(
                "SELECT c.pack, c.position, c.length FROM content c JOIN message m ON m.content = c.id"
                " JOIN placement p ON p.message = m.id WHERE p.uid = 77777"
            )
            assert row is not None
        pack, position, length = (int(str(value)) for value in row)
        with here.app.store.bodies.packs.path(pack).open("r+b") as file:
            file.seek(position + length - 20)
            file.write(b"\0" * 8)
        assert (await here.sync()).new == 0, "no pass would ever see it"
        (inbox,) = [one for one in await nightly_repair(here.app, here.account) if one.mailbox == "INBOX"]
        assert inbox.ok, inbox
        assert inbox.healed is not None
        assert (inbox.healed.missing, inbox.healed.flags, inbox.healed.counts) == (1, 1, 1)
        assert inbox.healed.content >= 1
        held = here.app.store.mailboxes.find(here.account.id, MailboxName("INBOX"))
        assert held is not None
        assert (held.messages, held.unread) == (MAILS, 0)
        again = await nightly_repair(here.app, here.account)
        assert all(one.healed == Healed() for one in again)
