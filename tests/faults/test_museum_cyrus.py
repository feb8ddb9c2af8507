"""Cases of the museum of lost and doubled mail once more, with a real Cyrus behind the go-between that
lies or cuts the line; and `verify` on it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from eilbote.clock import SystemClock
from eilbote.engine import act
from eilbote.engine.owner import sync_accounts
from eilbote.engine.progress import SyncReport
from eilbote.engine.verify import VerifyReport, verify_accounts
from eilbote.mail.mailbox import FLAGGED, SEEN, MailboxName, UidSet
from eilbote.net.credential import Credential
from eilbote.net.imap import ImapSession
from eilbote.net.terms import Terms
from eilbote.secret import Secret
from eilbote.store.update_values import FlagChange, MailboxUpdate
from eilbote.store.values import Security, Server
from tests.engine.world import World, mail
from tests.faults.embedded import add_account, open_home
from tests.faults.lying import GoBetween, Lie, go_between, instead, truth
from tests.servers.cyrus import Cyrus, CyrusOptions

Like = Callable[[CyrusOptions], Cyrus]
KINDS = {
    "qresync": CyrusOptions(),
    "neither": CyrusOptions(hidden=frozenset({"QRESYNC", "CONDSTORE", "OBJECTID"})),
}
kinds = pytest.mark.parametrize("options", KINDS.values(), ids=list(KINDS))


@dataclass(slots=True)
class Behind(World):
    """A world whose connection runs through a go-between."""

    between: GoBetween

    async def passed(self) -> SyncReport:
        (report,) = await sync_accounts(self.app)
        return report

    async def verified(self) -> list[VerifyReport]:
        return [one async for one in verify_accounts(self.app, [self.account], content=True)]

    async def assert_settled(self) -> None:
        self.between.lie = truth
        assert (await self.passed()).failed is None
        assert self.held() == self.truth()
        again = await self.passed()
        assert (again.failed, again.new, again.changed, again.deleted) == (None, 0, 0, 0)
        assert all(one.ok for one in await self.verified())


@asynccontextmanager
async def behind(server: Cyrus, home: Path) -> AsyncIterator[Behind]:
    user, _ = server.new_user()
    async with go_between(server.port) as between:
        with open_home(home) as app:
            account = add_account(app, between.port, user=user)
            yield Behind(app, account, server, user, between)


@pytest.fixture
async def here(cyrus: Cyrus, tmp_path: Path) -> AsyncIterator[Behind]:
    """Six mails in step."""
    async with behind(cyrus, tmp_path / "home") as made:
        cyrus.append(made.user, [mail(number) for number in range(1, 7)])
        assert (await made.passed()).new == 6
        yield made


def cut_after(count: int) -> Lie:
    """The line breaks after so many bytes of answers."""
    left = [count]

    def lie(answer: bytes, command: bytes) -> bytes:
        left[0] -= len(answer)
        if left[0] < 0:
            raise ConnectionResetError
        return answer

    return lie


# --- the museum -------------------------------------------------------------------------------------


@kinds
async def test_m1_both_watermarks_cover_only_what_is_stored(
    options: CyrusOptions, cyrus_like: Like, tmp_path: Path
) -> None:
    async with behind(cyrus_like(options), tmp_path / "home") as here:
        here.server.append(here.user, [mail(number) for number in range(40)])
        here.between.lie = cut_after(14_000)
        assert (await here.passed()).failed is not None
        with here.server.imap(here.user) as client:
            client.select("INBOX")
            client.uid("STORE", "3", "+FLAGS", "(\\Flagged)")
        await here.assert_settled()


async def test_m2_every_vanished_after_any_command_is_seen(cyrus: Cyrus) -> None:
    user, password = cyrus.new_user()
    cyrus.append(user, [mail(number) for number in range(9)])
    server = Server(cyrus.host, cyrus.port, Security.NONE)
    session = await ImapSession.open(server, Credential(user, Secret(password)), Terms(SystemClock()))
    await session.select(MailboxName("INBOX"))
    with cyrus.imap(user) as client:
        client.select("INBOX")
        for uids in ("2", "5:6", "9"):
            client.uid("STORE", uids, "+FLAGS", "(\\Deleted)")
            client.uid("EXPUNGE", uids)
    await session.noop()
    assert session.take_unsolicited().vanished == UidSet.of([2, 5, 6, 9])
    await session.logout()


@kinds
async def test_m3_a_uid_missing_in_an_answer_is_no_deletion(
    options: CyrusOptions, cyrus_like: Like, tmp_path: Path
) -> None:
    async with behind(cyrus_like(options), tmp_path / "home") as here:
        here.server.append(here.user, [mail(number) for number in range(6)])
        await here.passed()
        here.between.lie = instead(rb"\* [23] FETCH .*", b"")
        here.server.append(here.user, [mail(7)])
        assert (await here.passed()).deleted == 0
        assert len(here.held()["INBOX"]) == 7
        await here.assert_settled()


async def test_m4_retired_uids_are_normal(here: Behind) -> None:
    here.server.append(here.user, [mail(number) for number in range(20, 23)])
    with here.server.imap(here.user) as client:
        client.select("INBOX")
        client.uid("STORE", "7:9", "+FLAGS", "(\\Deleted)")
        client.uid("EXPUNGE", "7:9")
    report = await here.passed()
    assert (report.new, report.deleted) == (0, 0)
    await here.assert_settled()


@pytest.mark.parametrize("lie", [(rb"\(UID 8 ", b"("), (rb"(\(UID 8 .*) BODY\[\] \{.*\Z", rb"\1)\r\n")])
async def test_m5_one_bad_mail_does_not_stop_the_others(here: Behind, lie: tuple[bytes, bytes]) -> None:
    """A FETCH without UID, or without body: the mail is put aside, and named."""
    here.server.append(here.user, [mail(number) for number in range(30, 33)])
    here.between.lie = instead(rb"\((FLAGS \S+) (UID \d+)", rb"(\2 \1")
    order = here.between.lie
    here.between.lie = lambda answer, command: instead(*lie)(order(answer, command), command)
    report = await here.passed()
    assert report.failed is None
    assert [problem.parameters["uid"] for _, problem in report.problems] == ["8"]
    assert set(here.held()["INBOX"]) == {1, 2, 3, 4, 5, 6, 7, 9}


@kinds
async def test_m8_a_new_uidvalidity_shows_no_ghosts(
    options: CyrusOptions, cyrus_like: Like, tmp_path: Path
) -> None:
    async with behind(cyrus_like(options), tmp_path / "home") as here:
        here.server.append(here.user, [mail(number) for number in range(30)])
        await here.passed()
        ids = sorted(here.ids().values())
        here.server.renumber(here.user)
        here.server.append(here.user, [mail(77)])
        report = await here.passed()
        assert (report.new, report.deleted) == (1, 0)
        assert sorted(here.ids().values())[:30] == ids
        await here.assert_settled()


# --- verify -----------------------------------------------------------------------------------------


async def test_verify_finds_each_kind_of_difference(here: Behind) -> None:
    mailbox = here.app.store.mailboxes.find(here.account.id, MailboxName("INBOX"))
    assert mailbox is not None
    changes = [FlagChange(2, frozenset({SEEN}), 0)]
    here.app.store.messages.apply(mailbox.id, MailboxUpdate(removed=UidSet.of([4]), flags=changes), 1.0)
    with here.server.imap(here.user) as client:
        client.select("INBOX")
        client.uid("STORE", "6", "+FLAGS", "(\\Deleted)")
        client.uid("EXPUNGE", "6")
    inbox = next(one for one in await here.verified() if one.mailbox == "INBOX")
    assert (inbox.ok, inbox.missing, inbox.extra, inbox.flags_differ) == (False, 1, 1, 1)
    assert (inbox.server, inbox.store, inbox.examples) == (5, 5, (2, 4, 6))


async def test_verify_counts_what_is_owed_as_no_difference(here: Behind) -> None:
    ids = here.ids()
    act.change_flags(here.app, [ids[1]], add=[FLAGGED])
    act.archive(here.app, [ids[2]])
    act.delete(here.app, [ids[3]], for_good=True)
    reports = await here.verified()
    assert all(one.ok for one in reports), reports
    assert sum(one.pending for one in reports) == 3
    await here.assert_settled()
