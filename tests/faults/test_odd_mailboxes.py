"""Servers that make not every mailbox, or answer parts of what they announce with BAD."""

from __future__ import annotations

from pathlib import Path

import pytest

from eilbote.engine import act
from eilbote.engine.mailboxes import create_mailbox
from eilbote.mail.mailbox import FLAGGED
from tests.engine.world import mail
from tests.faults.embedded import Embedded
from tests.faults.outcome import codes
from tests.faults.played import played, settled


async def filled(here: Embedded) -> None:
    for number in range(1, 7):
        here.inbox.append(mail(number))
    assert (await here.sync()).new == 6


async def test_exchange_announces_a_revision_and_does_not_keep_it(tmp_path: Path) -> None:
    """IMAP4rev2 at the front; LSUB and ENABLE are answered with BAD behind it."""
    async with played(tmp_path / "home", "exchange") as here:
        await filled(here)
        here.inbox.set_flags(2, [FLAGGED])
        assert (await here.sync()).changed == 1
        await settled(here)
        assert not [line for line in here.between.commands if b"RETURN" in line]  # type: ignore[union-attr]


@pytest.mark.parametrize(
    ("kind", "name"), [("exchange", "Files"), ("dovecot", "INBOX/Projekte"), ("gmx", "Einundzwanzig")]
)
async def test_a_mailbox_that_the_server_refuses_to_make_is_named_and_costs_no_mail(
    kind: str, name: str, tmp_path: Path
) -> None:
    async with played(tmp_path / "home", kind) as here:
        if kind == "gmx":
            while len(here.server.store.mailboxes) < 20:
                here.server.store.create(f"Ordner {len(here.server.store.mailboxes)}")
        await filled(here)
        create_mailbox(here.app, here.account, name)
        act.move(here.app, [here.ids()[3]], name)
        told = codes(await here.sync())
        told += codes(await here.sync())
        assert "imap.refused" in told
        assert name not in here.server.store.mailboxes
        for _ in range(2):
            await here.sync()
        assert sorted(here.there().values()) == [mail(number) for number in range(1, 7)]
        assert here.held() == here.there()
        await settled(here)


@pytest.mark.parametrize("command", ["SELECT", "UID MOVE", "UID STORE", "APPEND"])
async def test_a_lock_that_was_not_free_in_time(command: str, tmp_path: Path) -> None:
    """Dovecot: a dotlock is waited for, and then the command is refused. It is tried again later."""
    async with played(tmp_path / "home", "dovecot") as here:
        await filled(here)
        ids = here.ids()
        act.change_flags(here.app, [ids[1]], add=[FLAGGED])
        act.archive(here.app, [ids[2]])
        act.append(here.app, here.account, "INBOX", mail(9))
        here.server.faults.refuse[command] = "[INUSE] Timeout while waiting for lock"
        assert codes(await here.sync()) != []
        here.server.faults.refuse.clear()
        for _ in range(3):
            await here.sync()
        assert here.inbox.messages[1].flags == {FLAGGED}
        assert list(here.there("Archive").values()) == [mail(2)]
        assert mail(9) in here.there().values()
        await settled(here)


async def test_a_namespace_that_nobody_can_read(tmp_path: Path) -> None:
    """Courier: what it tells is left aside; the prefix shows where the special mailboxes lie."""
    async with played(tmp_path / "home", "courier") as here:
        await filled(here)
        create_mailbox(here.app, here.account, "Projekte")
        act.copy(here.app, [here.ids()[3]], "Projekte")
        for _ in range(3):
            await here.sync()
        assert list(here.there("INBOX.Projekte").values()) == [mail(3)]
        await settled(here)


async def test_the_bridge_hangs_up_without_a_reason(tmp_path: Path) -> None:
    async with played(tmp_path / "home", "proton-bridge") as here:
        await filled(here)
        act.archive(here.app, [here.ids()[2]])
        here.server.faults.bye_at = "UID MOVE"
        assert codes(await here.sync()) == ["imap.bye"]
        here.server.faults.bye_at = ""
        assert codes(await here.sync()) == []
        assert list(here.there("Archive").values()) == [mail(2)]
        await settled(here)


async def test_the_same_mail_in_several_mailboxes_and_mails_that_never_come(tmp_path: Path) -> None:
    """iCloud: each copy is a message of its own, stored once; what is listed and never given holds
    up nothing."""
    async with played(tmp_path / "home", "icloud") as here:
        await filled(here)
        here.server.store["Archive"].append(mail(1))
        here.server.faults.fetch_omits = {8}
        here.inbox.append(mail(7))
        here.inbox.append(mail(8))
        here.inbox.append(mail(9))
        report = await here.sync()
        assert (report.new, codes(report)) == (3, ["sync.no_body"])
        assert set(here.held()) == {1, 2, 3, 4, 5, 6, 7, 9}
        (copied,) = here.ids("Archive").values()
        assert copied != here.ids()[1]
        assert here.app.store.messages.raw(copied) == mail(1)
        report = await here.sync()
        assert (report.new, codes(report)) == (0, [])
