"""The verbs on an account without a server: acts, passes, verify, set-up; on both stores."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest

from eilbote.config import Config
from eilbote.engine import act, setup
from eilbote.engine.app import App, open_app
from eilbote.engine.mailboxes import create_mailbox, remove_mailbox, rename_mailbox
from eilbote.engine.owner import sync_accounts
from eilbote.engine.preview import preview_accounts
from eilbote.engine.read import search_mail
from eilbote.engine.verify import VerifyReport, verify_accounts
from eilbote.errors import Gone, Misused
from eilbote.mail.mailbox import SEEN
from eilbote.secret import Secret
from eilbote.store.values import Account, AccountState
from tests.engine.world import mail

ADDRESS = "kim@example.de"


@pytest.fixture(params=["sqlite", "postgres"])
def store_url(request: pytest.FixtureRequest) -> str:
    return "" if request.param == "sqlite" else str(request.getfixturevalue("postgres_url"))


@pytest.fixture
def app(tmp_path: Path, store_url: str) -> Iterator[App]:
    config = Config(tmp_path / "home", store=store_url, key_file=str(tmp_path / "key"))
    with open_app(config) as opened:
        yield opened


@pytest.fixture
def account(app: App) -> Account:
    planned = setup.planned_account(app, setup.Wanted(ADDRESS, name="Ablage", local=True))
    return asyncio.run(setup.add_account(app, planned, Secret(""))).account


def verified(app: App, *, content: bool = True) -> dict[str, VerifyReport]:
    async def run() -> dict[str, VerifyReport]:
        reports = verify_accounts(app, app.store.accounts.all(), content=content)
        return {one.mailbox: one async for one in reports}

    return asyncio.run(run())


def lying(app: App, account: Account) -> dict[str, list[int]]:
    """Mailbox -> ids of the mails in it; empty mailboxes left out."""
    found: dict[str, list[int]] = {}
    for mailbox in app.store.mailboxes.all(account.id):
        ids = sorted(one.id for one in app.store.messages.list_placements(mailbox=mailbox.id))
        if ids:
            found[mailbox.name] = ids
    return found


def test_it_is_ready_at_once_and_has_no_server(account: Account) -> None:
    assert (account.state, account.imap, account.smtp, account.pop3) == (AccountState.READY, None, None, None)


def test_mailboxes_with_a_role_are_made_when_first_needed(app: App, account: Account) -> None:
    first, second, third = (act.append(app, account, "INBOX", mail(number))[0] for number in (1, 2, 3))
    assert [mailbox.name for mailbox in app.store.mailboxes.all(account.id)] == ["INBOX"]
    act.archive(app, [first])
    act.junk(app, [second])
    act.delete(app, [third])
    act.append(app, account, "drafts", mail(4))
    act.copy(app, [first], "Sent")
    names = {mailbox.name: mailbox.role for mailbox in app.store.mailboxes.all(account.id)}
    assert {name: str(role) for name, role in names.items()} == {
        "INBOX": "inbox",
        "Archive": "archive",
        "Drafts": "drafts",
        "Junk": "junk",
        "Sent": "sent",
        "Trash": "trash",
    }
    assert lying(app, account)["Trash"] == [third]
    act.delete(app, [third])
    assert "Trash" not in lying(app, account)
    act.undo(app, [third])
    assert lying(app, account)["Trash"] == [third]
    assert app.store.journal.open_debts(account.id) == []


def test_an_archive_that_was_renamed_stays_the_archive(app: App, account: Account) -> None:
    first, second = (act.append(app, account, "INBOX", mail(number))[0] for number in (1, 2))
    act.archive(app, [first])
    rename_mailbox(app, account, "Archive", "Ablage")
    act.archive(app, [second])
    assert lying(app, account) == {"Ablage": [first, second]}


def test_a_mailbox_renamed_to_archive_is_used_as_one(app: App, account: Account) -> None:
    (first,) = (act.append(app, account, "INBOX", mail(1))[0],)
    create_mailbox(app, account, "Alt")
    rename_mailbox(app, account, "Alt", "Archive")
    act.archive(app, [first])
    assert lying(app, account) == {"Archive": [first]}


def test_a_mailbox_that_nobody_made_is_named(app: App, account: Account) -> None:
    with pytest.raises(Gone) as gone:
        act.append(app, account, "Gibtsnicht", mail(1))
    assert gone.value.problem.code == "mailbox.unknown"


def test_a_pass_has_nothing_to_do_but_to_index(app: App, account: Account) -> None:
    message, _ = act.append(app, account, "INBOX", mail(1, subject="Fernrohr"))
    create_mailbox(app, account, "Projekt")
    act.move(app, [message], "Projekt")
    for _ in range(2):
        (report,) = asyncio.run(sync_accounts(app))
        assert (report.account, report.failed, report.problems) == (ADDRESS, None, ())
        assert (report.new, report.changed, report.deleted, report.pushed, report.round_trips) == (0,) * 5
        assert 0 < report.stored_seconds <= report.seconds
    assert [one.id for one in search_mail(app, "fernrohr", None, 9)] == [message]
    (preview,) = asyncio.run(preview_accounts(app, [account]))
    assert (preview.steps, preview.failed) == ((), None)
    assert asyncio.run(setup.test_account(app, ADDRESS)).error is None
    assert app.store.accounts.get(account.id).state is AccountState.READY


def test_verify_holds_the_store_against_itself(app: App, account: Account) -> None:
    for number in (1, 2):
        act.append(app, account, "INBOX", mail(number), [SEEN])
    reports = verified(app)
    assert {name: (one.ok, one.server, one.store) for name, one in reports.items()} == {"INBOX": (True, 2, 2)}
    app.store.bodies.packs.close()
    (pack,) = (app.store.home / "packs").glob("*.pack")
    damaged = bytearray(pack.read_bytes())
    damaged[-3] ^= 0xFF
    pack.write_bytes(damaged)
    assert verified(app, content=False)["INBOX"].ok, "bodies are read only when asked for"
    assert (verified(app)["INBOX"].content_differ, verified(app)["INBOX"].ok) == (1, False)


def test_a_server_cannot_be_set_afterwards(app: App, account: Account) -> None:
    wish = setup.Wanted(ADDRESS, imap="imap.example.de:993")
    with pytest.raises(Misused) as misused:
        asyncio.run(setup.change_account(app, ADDRESS, wish, None))
    assert misused.value.problem.code == "account.no_imap"
    assert app.store.accounts.get(account.id) == account


@pytest.mark.parametrize("protocol", ["imap", "pop3"])
def test_local_and_a_server_contradict_each_other(app: App, protocol: str) -> None:
    wish = setup.Wanted(ADDRESS, local=True, **{protocol: "mail.example.de"})  # type: ignore[arg-type]
    with pytest.raises(Misused) as misused:
        setup.planned_account(app, wish)
    assert misused.value.problem.code == "account.local_has_server"


def test_paused_resumed_and_removed(app: App, account: Account) -> None:
    act.append(app, account, "INBOX", mail(1))
    assert setup.pause_account(app, ADDRESS).state is AccountState.PAUSED
    assert setup.resume_account(app, ADDRESS).state is AccountState.READY
    create_mailbox(app, account, "Projekt")
    remove_mailbox(app, account, "Projekt")
    setup.remove_account(app, ADDRESS)
    assert app.store.accounts.all() == []
