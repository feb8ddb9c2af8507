"""Mails that get new numbers, never turn up or leave meanwhile: each change still meets its own."""

from __future__ import annotations

from pathlib import Path

import pytest

from eilbote.engine import act, fetch
from eilbote.mail.mailbox import FLAGGED, MailboxName, UidSet
from eilbote.testing.imap.behaviour import Behaviour
from tests.engine.world import mail
from tests.faults.embedded import LateClock, embedded
from tests.faults.lying import instead
from tests.faults.outcome import BARE, KINDS, assert_settled, codes, kinds, rules

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


async def test_a_server_that_gives_next_to_nothing_ends_the_pass(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each pass puts some aside and goes on behind them; none asks for ever."""
    monkeypatch.setattr(fetch, "_MOST_ASKED_SINGLY", 2)
    async with embedded(tmp_path / "home") as here:
        for number in range(6):
            here.inbox.append(mail(number))
        here.server.faults.fetch_omits = {1, 2, 3, 4, 5}
        told = ["sync.no_body", "sync.no_body", "sync.gives_too_little"]
        assert codes(await here.sync()) == told
        assert codes(await here.sync()) == told
        assert codes(await here.sync()) == ["sync.no_body"]
        assert codes(await here.sync()) == []
        assert set(here.held()) == {6}
