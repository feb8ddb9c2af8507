"""What a target will not take is named mail by mail, the rest arrives, and a later run brings what it can."""

from __future__ import annotations

from pathlib import Path

from eilbote.engine.app import App
from eilbote.engine.migrate import MigrateReport, migrate
from eilbote.store.values import Account
from eilbote.testing.imap.behaviour import Behaviour
from tests.engine.moving import Told, local_account, put
from tests.engine.world import mail
from tests.faults.embedded import Embedded, embedded
from tests.faults.lying import instead
from tests.faults.outcome import assert_settled, kinds


def source(app: App) -> Account:
    account = local_account(app)
    put(app, account, "INBOX", [(mail(1), ["\\Seen", "wort"], 1e9), (mail(2, size=5000), [], 1e9)])
    put(app, account, "Zu", [(mail(3), ["\\Flagged"], 1e9)])
    return account


async def run(here: Embedded, account: Account) -> tuple[dict[str, MigrateReport], Told]:
    told = Told()
    reports = await migrate(here.app, account, here.account, tell=told)
    return {one.mailbox: one for one in reports}, told


@kinds
async def test_keywords_that_the_target_does_not_keep(behaviour: Behaviour, tmp_path: Path) -> None:
    async with embedded(tmp_path / "home", behaviour, lying=True) as here:
        account = source(here.app)
        here.lie(instead(rb"PERMANENTFLAGS \([^)]*\)", rb"PERMANENTFLAGS (\\Seen \\Flagged)"))
        reports, told = await run(here, account)
        assert [str(problem) for _, problem in told.said] == [
            "sync.flags_not_kept(mailbox=INBOX, flags=wort)"
        ]
        assert all(one.ok for one in reports.values()), reports
        assert sorted(map(sorted, (one.flags for one in here.inbox.messages.values()))) == [[], ["\\Seen"]]
        await assert_settled(here, "Zu")
        again, told = await run(here, account)
        assert sum(one.copied for one in again.values()) == 0
        assert told.said == []


async def test_a_server_that_takes_nothing_for_a_while(tmp_path: Path) -> None:
    async with embedded(tmp_path / "home") as here:
        account = source(here.app)
        here.server.faults.refuse["APPEND"] = "[NOPERM] read-only"
        reports, told = await run(here, account)
        assert {name: (one.copied, one.failed, one.missing) for name, one in reports.items()} == {
            "INBOX": (0, 2, 2),
            "Zu": (0, 1, 1),
        }
        assert told.codes == ["imap.refused"] * 3
        assert [where for where, _ in told.said] == ["INBOX, 1", "INBOX, 2", "Zu, 3"]
        here.server.faults.refuse.clear()
        reports, told = await run(here, account)
        assert told.said == []
        assert all(one.ok for one in reports.values()), reports
        await assert_settled(here, "Zu")


async def test_a_limit_for_single_mails(tmp_path: Path) -> None:
    async with embedded(tmp_path / "home", Behaviour(append_limit=3000)) as here:
        account = source(here.app)
        reports, told = await run(here, account)
        assert told.codes == ["imap.too_large"]
        assert (reports["INBOX"].copied, reports["INBOX"].failed, reports["INBOX"].missing) == (1, 1, 1)
        assert reports["Zu"].ok
        assert [one.raw for one in here.inbox.messages.values()] == [mail(1)]
