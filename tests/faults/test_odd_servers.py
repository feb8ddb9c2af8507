"""Servers that refuse, lack what others have, hold too much or end: what was decided here still holds."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from eilbote.engine import act
from eilbote.engine.mailboxes import create_mailbox, remove_mailbox
from eilbote.mail.mailbox import FLAGGED
from eilbote.testing.imap.behaviour import Behaviour
from tests.engine.world import mail
from tests.faults.embedded import embedded
from tests.faults.lying import instead
from tests.faults.outcome import assert_settled, codes, kinds, rules

# --- refusals ---------------------------------------------------------------------------------------


async def test_one_mailbox_that_cannot_be_opened_holds_up_nothing(tmp_path: Path) -> None:
    async with embedded(tmp_path / "home", lying=True) as here:
        locked = here.server.store.create("Zu")
        here.inbox.append(mail(1))
        locked.append(mail(2))
        await here.sync()
        act.change_flags(here.app, [here.ids("Zu")[1]], add=[FLAGGED])
        here.inbox.append(mail(3))
        locked.append(mail(4))

        def locked_up(answer: bytes, command: bytes) -> bytes:
            if command.startswith(b"SELECT") and b"Zu" in command and answer.startswith(b"E"):
                return answer.partition(b" ")[0] + b" NO [NOPERM] Not for you\r\n"
            return answer

        here.lie(locked_up)
        report = await here.sync()
        assert report.failed is None
        assert {(box, problem.code) for box, problem in report.problems} == {("Zu", "imap.refused")}
        assert here.held() == here.there()
        here.lie()
        await here.sync()
        assert FLAGGED in locked.messages[1].flags, "the refusal was not about the flag"
        await assert_settled(here, "Zu")


@kinds
async def test_keywords_that_the_mailbox_does_not_keep(behaviour: Behaviour, tmp_path: Path) -> None:
    async with embedded(tmp_path / "home", behaviour, lying=True) as here:
        here.inbox.append(mail(1))
        here.lie(instead(rb"PERMANENTFLAGS \([^)]*\)", rb"PERMANENTFLAGS (\\Seen \\Flagged)"))
        await here.sync()
        act.change_flags(here.app, [here.ids()[1]], add=["wort", FLAGGED])
        report = await here.sync()
        assert report.conflicts == 1
        assert rules(here) == ["flag-not-kept"]
        assert here.inbox.messages[1].flags == {FLAGGED}
        assert not [line for line in here.between.commands if b"wort" in line]  # type: ignore[union-attr]
        await assert_settled(here)


@kinds
async def test_keywords_that_the_server_takes_and_drops(behaviour: Behaviour, tmp_path: Path) -> None:
    """No word of it beforehand: its answer to STORE shows that it kept nothing."""
    async with embedded(tmp_path / "home", behaviour) as here:
        here.inbox.append(mail(1))
        await here.sync()
        keep = type(here.inbox).spelled
        act.change_flags(here.app, [here.ids()[1]], add=["wort"])
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(
                type(here.inbox), "spelled", lambda box, flags: keep(box, [f for f in flags if f != "wort"])
            )
            for _ in range(3):
                await here.sync()
            assert rules(here) == ["flag-not-kept"]
            await assert_settled(here)


async def test_a_read_only_mailbox_gives_its_flags_back(tmp_path: Path) -> None:
    async with embedded(tmp_path / "home", lying=True) as here:
        here.inbox.append(mail(1))
        await here.sync()
        act.change_flags(here.app, [here.ids()[1]], add=[FLAGGED])
        here.lie(instead(rb"\[READ-WRITE\]", rb"[READ-ONLY]"))
        here.server.faults.refuse["UID STORE"] = "[READ-ONLY] Mailbox is read-only"
        assert codes(await here.sync()) == ["imap.refused"]
        (place,) = here.app.store.messages.get(here.ids()[1])
        assert place.flags == set()
        await assert_settled(here)


async def test_a_mail_too_large_for_the_server_stops_nothing_else(tmp_path: Path) -> None:
    async with embedded(tmp_path / "home", Behaviour(append_limit=5_000)) as here:
        here.inbox.append(mail(1))
        await here.sync()
        act.append(here.app, here.account, "INBOX", mail(2, size=10_000))
        act.change_flags(here.app, [here.ids()[1]], add=[FLAGGED])
        here.inbox.append(mail(3))
        report = await here.sync()
        assert (report.failed, codes(report)) == (None, ["imap.too_large"])
        assert FLAGGED in here.inbox.messages[1].flags
        assert codes(await here.sync()) == [], "it is not tried again and again"
        assert mail(2, size=10_000) in here.held().values(), "it lies here, where it can be seen"
        inbox = next(one for one in await here.verify() if one.mailbox == "INBOX")
        assert inbox.extra == 1, "and verify says that the server has it not"


async def test_a_giant_mail_is_put_aside_and_the_others_come(tmp_path: Path) -> None:
    """A literal beyond the limit costs the connection, not the mailbox."""
    async with embedded(tmp_path / "home", lying=True) as here:
        for number in range(6):
            here.inbox.append(mail(number))
        size = 3_000_000_000

        def giant(answer: bytes, command: bytes) -> bytes:
            if b" (UID 4 " in answer and b"RFC822.SIZE" in answer:
                answer = re.sub(rb"RFC822.SIZE \d+", b"RFC822.SIZE %d" % size, answer)
                return re.sub(rb"BODY\[\] \{\d+\}", b"BODY[] {%d}" % size, answer)
            return answer

        here.lie(giant)
        report = await here.sync()
        assert codes(report) == ["sync.too_large"]
        assert set(here.held()) == {1, 2, 3, 5, 6}
        assert codes(await here.sync()) == []


async def test_a_missing_target_is_made_once(tmp_path: Path) -> None:
    """TRYCREATE (RFC 9051 section 6.4.7)."""
    async with embedded(tmp_path / "home") as here:
        here.server.store.create("Ziel")
        here.inbox.append(mail(1))
        await here.sync()
        act.move(here.app, [here.ids()[1]], "Ziel")
        here.server.store.delete("Ziel")
        assert codes(await here.sync()) == []
        await here.sync()
        await assert_settled(here, "Ziel")


@kinds
async def test_changes_in_a_mailbox_that_another_client_removed(behaviour: Behaviour, tmp_path: Path) -> None:
    async with embedded(tmp_path / "home", behaviour) as here:
        box = here.server.store.create("Weg")
        here.server.store.create("Ziel")
        box.append(mail(1))
        box.append(mail(2))
        box.append(mail(3))
        here.inbox.append(mail(4))
        await here.sync()
        ids = here.ids("Weg")
        act.change_flags(here.app, [ids[1]], add=[FLAGGED])
        act.delete(here.app, [ids[2]], for_good=True)
        act.copy(here.app, [ids[3]], "Ziel")
        act.append(here.app, here.account, "Weg", mail(5))
        here.server.store.delete("Weg")
        here.server.faults.refuse["APPEND"] = "[UNAVAILABLE] later"
        await here.sync()
        here.server.faults.refuse.clear()
        for _ in range(2):
            await here.sync()
        assert codes(await here.sync()) == []
        assert sorted(here.there().values()) == [mail(4), mail(5)], "it lay nowhere else: it is kept"
        assert list(here.there("Ziel").values()) == [mail(3)]
        assert {"removed-on-server", "copy-by-upload", "mailbox-gone"} <= set(rules(here))
        await assert_settled(here, "Ziel")


async def test_a_mailbox_removed_here_with_mail_on_its_way_into_it(tmp_path: Path) -> None:
    """The move was never carried: the mail is still on the server, and comes back into view."""
    async with embedded(tmp_path / "home") as here:
        here.server.store.create("Ziel")
        here.inbox.append(mail(1))
        await here.sync()
        act.move(here.app, [here.ids()[1]], "Ziel")
        remove_mailbox(here.app, here.account, "Ziel")
        assert codes(await here.sync()) == ["sync.target_gone"]
        await here.sync()
        assert list(here.there().values()) == [mail(1)]
        await assert_settled(here)


# --- numbers of things ------------------------------------------------------------------------------


async def test_twenty_thousand_mailboxes(tmp_path: Path) -> None:
    async with embedded(tmp_path / "home", lying=True) as here:
        here.inbox.append(mail(1))
        names = b"".join(
            b'* LIST (\\Noselect \\HasChildren) "/" "x%d"\r\n' % number for number in range(20_000)
        )

        def many(answer: bytes, command: bytes) -> bytes:
            return names + answer if command.startswith(b"LIST") and answer.startswith(b"E") else answer

        here.lie(many)
        assert codes(await here.sync()) == []
        assert here.held() == here.there()
        assert len(here.app.store.mailboxes.all(here.account.id)) == 20_001


async def test_ten_thousand_keywords_on_one_mail(tmp_path: Path) -> None:
    async with embedded(tmp_path / "home") as here:
        here.inbox.append(mail(1), [f"kw{number}" for number in range(5_000)])
        here.inbox.append(mail(2))
        assert codes(await here.sync()) == []
        await assert_settled(here)


async def test_a_server_that_falls_silent(tmp_path: Path) -> None:
    """Half-open: the connection lives and says nothing. The account's pass ends in time."""
    async with embedded(tmp_path / "home", read_timeout=0.2) as here:
        here.inbox.append(mail(1))
        here.server.faults.mute_at = "SELECT"
        assert codes(await here.sync()) == ["net.timeout"]
        here.server.faults.mute_at = ""
        assert codes(await here.sync()) == []
        await assert_settled(here)


COMMANDS = (
    "AUTHENTICATE ENABLE ID LIST SELECT CREATE APPEND LOGOUT"
    " UID_FETCH UID_SEARCH UID_STORE UID_COPY UID_MOVE UID_EXPUNGE"
)


@pytest.mark.parametrize("fault", ["bye_at", "drop_at", "mute_at"])
@pytest.mark.parametrize("command", COMMANDS.split())
async def test_the_end_at_any_command(command: str, fault: str, tmp_path: Path) -> None:
    """BYE, a cut and silence, once each, and then a server that is well again."""
    async with embedded(tmp_path / "home", read_timeout=0.3) as here:
        here.server.store.create("Archiv")
        for number in range(6):
            here.inbox.append(mail(number))
        await here.sync()
        ids = here.ids()
        act.change_flags(here.app, [ids[1]], add=[FLAGGED])
        act.move(here.app, [ids[2]], "Archiv")
        act.copy(here.app, [ids[3]], "Archiv")
        act.delete(here.app, [ids[4]], for_good=True)
        act.append(here.app, here.account, "Archiv", mail(70))
        create_mailbox(here.app, here.account, "Neu")
        here.inbox.append(mail(7))
        here.inbox.expunge([5])
        setattr(here.server.faults, fault, command.replace("_", " "))
        report = await here.sync()
        assert report.failed is not None or command in ("LOGOUT", "ID")
        setattr(here.server.faults, fault, "")
        for _ in range(2):
            await here.sync()
        assert sorted(here.there().values()) == [mail(number) for number in (0, 2, 5, 7)]
        assert sorted(here.there("Archiv").values()) == [mail(number) for number in (1, 2, 70)]
        await assert_settled(here, "Archiv", "Neu")
