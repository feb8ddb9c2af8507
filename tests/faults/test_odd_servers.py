"""Servers that change under our hands or lack what others have: what was decided here still holds."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from eilbote.engine import act
from eilbote.engine.mailboxes import create_mailbox, remove_mailbox
from eilbote.engine.progress import SyncReport
from eilbote.mail.mailbox import FLAGGED, MailboxName, UidSet
from eilbote.testing.imap.behaviour import Behaviour
from tests.engine.world import mail
from tests.faults.embedded import Embedded, LateClock, embedded
from tests.faults.lying import instead

KINDS = {
    "qresync": Behaviour(),
    "condstore": Behaviour().without("QRESYNC"),
    "neither": Behaviour().without("CONDSTORE", "OBJECTID"),
}
BARE = Behaviour().without("CONDSTORE", "OBJECTID", "UIDPLUS", "IMAP4rev2")
kinds = pytest.mark.parametrize("behaviour", KINDS.values(), ids=list(KINDS))


def codes(report: SyncReport) -> list[str]:
    failed = [report.failed] if report.failed else []
    return [problem.code for problem in (*(problem for _, problem in report.problems), *failed)]


def rules(here: Embedded) -> list[str]:
    return [one.rule for one in here.app.store.journal.conflicts(here.account.id)]


async def assert_settled(here: Embedded, *boxes: str) -> None:
    """Both sides the same, nothing owed, nothing waiting, and nothing left to do."""
    for box in ("INBOX", *boxes):
        assert here.held(box) == here.there(box)
    again = await here.sync()
    assert codes(again) == []
    assert (again.new, again.changed, again.deleted, again.pushed) == (0, 0, 0, 0)
    assert all(one.ok for one in await here.verify())
    assert not here.app.store.journal.open_debts(here.account.id)


# --- numbers that change ----------------------------------------------------------------------------


@kinds
@pytest.mark.parametrize("deed", ["delete", "move", "flag"])
async def test_a_change_never_meets_the_mail_that_has_its_old_number_now(
    deed: str, behaviour: Behaviour, tmp_path: Path
) -> None:
    """Mail 3 is deleted here; before that is carried, every number means another mail."""
    async with embedded(tmp_path / "home", behaviour) as here:
        here.server.store.create("Archiv")
        for number in range(1, 6):
            here.inbox.append(mail(number))
        await here.sync()
        chosen = here.ids()[3]
        if deed == "delete":
            act.delete(here.app, [chosen], for_good=True)
        elif deed == "move":
            act.move(here.app, [chosen], "Archiv")
        else:
            act.change_flags(here.app, [chosen], add=[FLAGGED])
        here.inbox.expunge([1])
        here.inbox.renumber()
        assert codes(await here.sync()) == []
        inbox = sorted(message.raw for message in here.inbox.messages.values())
        left = [2, 4, 5] if deed != "flag" else [2, 3, 4, 5]
        assert inbox == [mail(number) for number in left]
        if deed == "move":
            assert list(here.there("Archiv").values()) == [mail(3)]
        flagged = [message.raw for message in here.inbox.messages.values() if FLAGGED in message.flags]
        assert flagged == ([mail(3)] if deed == "flag" else [])
        await assert_settled(here, "Archiv")


@kinds
async def test_a_deletion_of_a_mail_that_left_under_new_numbers(behaviour: Behaviour, tmp_path: Path) -> None:
    async with embedded(tmp_path / "home", behaviour) as here:
        for number in range(1, 6):
            here.inbox.append(mail(number))
        await here.sync()
        act.delete(here.app, [here.ids()[2]], for_good=True)
        here.inbox.expunge([2])
        here.inbox.renumber()
        assert codes(await here.sync()) == []
        assert sorted(here.there().values()) == [mail(number) for number in (1, 3, 4, 5)]
        await assert_settled(here)


@kinds
async def test_numbers_change_twice_and_back(behaviour: Behaviour, tmp_path: Path) -> None:
    async with embedded(tmp_path / "home", behaviour) as here:
        for number in range(30):
            here.inbox.append(mail(number))
        await here.sync()
        ids = sorted(here.ids().values())
        before = here.inbox.uidvalidity
        for uidvalidity in (4000, 5000, before):
            here.inbox.renumber(uidvalidity=uidvalidity, first_uid=100)
            report = await here.sync()
            assert (report.new, report.deleted) == (0, 0)
            assert sorted(here.ids().values()) == ids
            await assert_settled(here)


@kinds
async def test_numbers_change_in_the_middle_of_a_pass(behaviour: Behaviour, tmp_path: Path) -> None:
    """Between looking and fetching: what was seen under the old numbers is not fetched under the new."""
    async with embedded(tmp_path / "home", behaviour, lying=True) as here:
        for number in range(10):
            here.inbox.append(mail(number))
        changed: list[bytes] = []

        def renumber_once(answer: bytes, command: bytes) -> bytes:
            if command.startswith(b"SELECT") and answer.startswith(b"E") and len(changed) < 1:
                changed.append(answer)
                here.inbox.renumber(first_uid=5)
                here.server.drop_connections()
            return answer

        here.lie(renumber_once)
        await here.sync()
        here.lie()
        for _ in range(2):
            assert codes(await here.sync()) == []
        await assert_settled(here)


@pytest.mark.parametrize("deed", ["delete", "flag"])
async def test_numbers_that_are_others_each_time(deed: str, tmp_path: Path) -> None:
    """UIDNOTSTICKY (RFC 9051 section 7.1): changes still meet their mail."""
    async with embedded(tmp_path / "home", KINDS["neither"], lying=True) as here:
        here.lie(
            instead(rb"\* OK \[UIDVALIDITY (\d+)\]", rb"* NO [UIDNOTSTICKY] no\r\n* OK [UIDVALIDITY \1]")
        )
        for number in range(6):
            here.inbox.append(mail(number))
        await here.sync()
        chosen = here.ids()[3]
        same = here.inbox.uidvalidity
        if deed == "delete":
            act.delete(here.app, [chosen], for_good=True)
        else:
            act.change_flags(here.app, [chosen], add=[FLAGGED])
        here.inbox.renumber(uidvalidity=same, first_uid=2)
        for _ in range(2):
            report = await here.sync()
            assert codes(report) == []
        left = sorted(message.raw for message in here.inbox.messages.values())
        assert left == [mail(n) for n in ((0, 1, 3, 4, 5) if deed == "delete" else range(6))]
        flagged = [message.raw for message in here.inbox.messages.values() if FLAGGED in message.flags]
        assert flagged == ([mail(2)] if deed == "flag" else [])
        assert sorted(here.held().values()) == left


async def test_a_renumbered_inbox_that_seems_empty_is_asked_again(tmp_path: Path) -> None:
    async with embedded(tmp_path / "home", lying=True) as here:
        for number in range(30):
            here.inbox.append(mail(number))
        await here.sync()
        here.inbox.renumber()
        opened = []

        def empty_at_first(answer: bytes, command: bytes) -> bytes:
            if answer.endswith(b"EXISTS\r\n"):
                opened.append(answer)
                if len(opened) <= 2:
                    return b"* 0 EXISTS\r\n"
            return answer

        here.lie(empty_at_first)
        report = await here.sync()
        assert (report.deleted, codes(report)) == (0, [])
        await assert_settled(here)


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


# --- mails that never turn up -----------------------------------------------------------------------


@pytest.mark.parametrize("deed", ["append", "move", "copy"])
async def test_a_mail_that_was_taken_and_never_turns_up(deed: str, tmp_path: Path) -> None:
    """No COPYUID, no APPENDUID, and somebody removes the mail before we look: the waiting ends."""
    async with embedded(tmp_path / "home", BARE, lying=True) as here:
        target = here.server.store.create("Ziel")
        here.inbox.append(mail(1))
        await here.sync()
        chosen = here.ids()[1]
        if deed == "append":
            act.append(here.app, here.account, "Ziel", mail(1))
        elif deed == "move":
            act.move(here.app, [chosen], "Ziel")
        else:
            act.copy(here.app, [chosen], "Ziel")

        def removed_at_once(answer: bytes, command: bytes) -> bytes:
            if command.startswith((b"APPEND", b"UID COPY", b"UID MOVE")) and answer.startswith(b"E"):
                target.expunge(list(target.messages))
            return answer

        here.lie(removed_at_once)
        await here.sync()
        here.lie()
        waiting = [message for uid, message in here.ids("Ziel").items() if uid < 0]
        assert waiting, "one pass is no proof"
        act.change_flags(here.app, waiting, add=[FLAGGED])
        for _ in range(2):
            await here.sync()
        assert codes(await here.sync()) == []
        assert "never-turned-up" in rules(here)
        assert here.held("Ziel") == {}
        assert not here.app.store.journal.open_debts(here.account.id)
        (shown, *_) = await here.verify()
        assert shown.pending == 0


async def test_an_upload_that_the_server_changed_is_shown_once(tmp_path: Path) -> None:
    """A server that adds a line to what it stores, and tells no UID: its version is the mail."""
    async with embedded(tmp_path / "home", BARE) as here:
        act_target = here.inbox
        await here.sync()
        act.append(here.app, here.account, "INBOX", mail(1))
        add = type(act_target).append
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(
                type(act_target),
                "append",
                lambda box, raw, *rest, **named: add(box, b"X-Seen-By: it\r\n" + raw, *rest, **named),
            )
            await here.sync()
        for _ in range(2):
            await here.sync()
        assert list(here.held().values()) == [b"X-Seen-By: it\r\n" + mail(1)]
        await assert_settled(here)


async def test_flags_of_a_mail_whose_upload_was_refused(tmp_path: Path) -> None:
    """The mail lies only here; so do its flags. Nothing is owed for ever."""
    async with embedded(tmp_path / "home") as here:
        await here.sync()
        here.server.faults.refuse["APPEND"] = "[OVERQUOTA] full"
        message, _ = act.append(here.app, here.account, "INBOX", mail(1))
        act.change_flags(here.app, [message], add=[FLAGGED])
        assert codes(await here.sync()) == ["imap.refused"]
        here.server.faults.refuse.clear()
        assert codes(await here.sync()) == []
        assert not here.app.store.journal.open_debts(here.account.id)
        (place,) = here.app.store.messages.get(message)
        assert place.flags == {FLAGGED}


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


async def test_a_mail_expunged_while_it_is_fetched(tmp_path: Path) -> None:
    async with embedded(tmp_path / "home", lying=True) as here:
        for number in range(5):
            here.inbox.append(mail(number))

        def expunged(answer: bytes, command: bytes) -> bytes:
            if command.startswith(b"UID FETCH") and b" (UID 3 " in answer and 3 in here.inbox.messages:
                here.inbox.expunge([3])
                return b""
            return answer

        here.lie(expunged)
        assert codes(await here.sync()) == []
        here.lie()
        await here.sync()
        await assert_settled(here)


async def test_a_mail_put_aside_comes_when_the_server_is_well(tmp_path: Path) -> None:
    clock = LateClock()
    async with embedded(tmp_path / "home", clock=clock) as here:
        for number in range(3):
            here.inbox.append(mail(number))
        here.server.faults.fetch_omits = {2}
        assert codes(await here.sync()) == ["sync.no_body"]
        here.server.faults.fetch_omits = set()
        assert codes(await here.sync()) == []
        assert set(here.held()) == {1, 3}, "not asked for in every pass"
        clock.ahead = 2 * 86_400.0
        assert (await here.sync()).new == 1
        mailbox = here.app.store.mailboxes.find(here.account.id, MailboxName("INBOX"))
        assert mailbox is not None
        assert here.app.store.messages.quarantined(mailbox.id) == UidSet()
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
