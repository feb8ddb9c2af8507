"""What faces read: mailboxes in order, mail by name and role, attachments saved without harm."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from eilbote.config import Config
from eilbote.engine import act, read
from eilbote.engine.accounts import only_account
from eilbote.engine.app import App, open_app
from eilbote.errors import EilboteError, Gone, Misused
from eilbote.mail.mailbox import MailboxName, SpecialUse
from eilbote.store.values import Account, AuthKind, ListedMailbox, NewAccount, Security, Server

MAIL = b"""From: Anna <anna@example.org>\r
To: bob@example.org\r
Subject: Bericht\r
Message-ID: <one@example.org>\r
MIME-Version: 1.0\r
Content-Type: multipart/mixed; boundary=b\r
\r
--b\r
Content-Type: text/plain; charset=utf-8\r
Content-Transfer-Encoding: 8bit\r
\r
Gr\xc3\xbc\xc3\x9fe\r
--b\r
Content-Type: application/pdf\r
Content-Disposition: attachment; filename="%s"\r
\r
%%PDF\r
--b\r
Content-Type: message/rfc822\r
Content-Disposition: attachment\r
\r
Subject: inside\r
\r
text\r
--b--\r
"""


@pytest.fixture
def app(tmp_path: Path) -> Iterator[App]:
    with open_app(Config(tmp_path / "home", key_file=str(tmp_path / "key"))) as opened:
        yield opened


def add_account(app: App, address: str = "bob@example.org") -> Account:
    """An account with four mailboxes, as a first LIST would leave it."""
    server = Server("localhost", 143, Security.NONE)
    account = app.store.accounts.add(
        NewAccount(address, "", address, AuthKind.PASSWORD, b"", server, None, None)
    )
    names = {
        "Zettel": None,
        "Müll": SpecialUse.TRASH,
        "Archiv": SpecialUse.ARCHIVE,
        "INBOX": SpecialUse.INBOX,
    }
    app.store.mailboxes.upsert(
        account.id, [ListedMailbox(MailboxName(name), "/", role, True, True) for name, role in names.items()]
    )
    return account


def put(
    app: App, account: Account, mailbox: str = "INBOX", file_name: str = "a.pdf", date: float = 0.0
) -> str:
    message, _ = act.append(app, account, mailbox, MAIL % file_name.encode(), internal_date=date)
    return str(message)


def test_mailboxes_come_in_the_order_of_their_use(app: App) -> None:
    add_account(app)
    assert [mailbox.name for _, mailbox in read.list_mailboxes(app)] == ["INBOX", "Archiv", "Müll", "Zettel"]


def test_mail_of_a_mailbox_by_name_in_any_case_of_inbox_and_by_role(app: App) -> None:
    account = add_account(app)
    message = put(app, account)
    for name in ("INBOX", "inbox", None):
        assert [str(each.id) for each in read.list_mail(app, name, None, 9)] == [message]
    assert read.list_mail(app, "archive", None, 9) == []
    with pytest.raises(Gone):
        read.list_mail(app, "Nirgends", None, 9)


def test_a_mailbox_that_one_of_two_accounts_has(app: App) -> None:
    first, second = add_account(app), add_account(app, "eve@example.org")
    older, newer = put(app, first, date=100.0), put(app, second, date=200.0)
    assert [str(each.id) for each in read.list_mail(app, "INBOX", None, 9)] == [newer, older]
    assert [str(each.id) for each in read.list_mail(app, "INBOX", None, 1)] == [newer]
    assert [str(each.id) for each in read.list_mail(app, None, "bob@example.org", 9)] == [older]


def test_a_mail_is_shown(app: App) -> None:
    shown = read.show_mail(app, put(app, add_account(app)))
    text, _, inner = shown.text.partition("\n\n")
    assert text == "Grüße"
    assert inner.endswith("Subject: inside\n\ntext")
    assert next((each.name, each.type, each.size) for each in shown.attachments) == (
        "a.pdf",
        "application/pdf",
        4,
    )
    assert len(shown.attachments) == 2
    assert shown.placements[0].mailbox == "INBOX"


@pytest.mark.parametrize(
    ("given", "saved"),
    [
        ("a.pdf", "a.pdf"),
        ("../../etc/passwd", "passwd"),
        ("/etc/passwd", "passwd"),
        ("..\\..\\evil.exe", "evil.exe"),
        (".bashrc", "bashrc"),
        ("..", "part-2.bin"),
        ("", "part-2.bin"),
    ],
)
def test_attachments_stay_in_their_folder(app: App, tmp_path: Path, given: str, saved: str) -> None:
    folder = tmp_path / "deep" / "saved"
    message = put(app, add_account(app), file_name=given)
    files = [file for _, file in read.save_attachments(app, message, folder)]
    assert files == [folder / saved, folder / "part-3.eml"]
    assert files[0].read_bytes() == b"%PDF"
    assert b"Subject: inside" in files[1].read_bytes()


def test_no_file_is_overwritten_not_even_through_a_link(app: App, tmp_path: Path) -> None:
    folder, victim = tmp_path / "saved", tmp_path / "victim"
    folder.mkdir()
    (folder / "a.pdf").write_text("mine")
    (folder / "a (2).pdf").symlink_to(victim)
    message = put(app, add_account(app))
    files = [file.name for _, file in read.save_attachments(app, message, folder)]
    assert files[0] == "a (3).pdf"
    assert (folder / "a.pdf").read_text() == "mine" and not victim.exists()


def test_a_folder_that_cannot_be_made(app: App, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(Misused) as caught:
        list(read.save_attachments(app, put(app, add_account(app)), tmp_path / "file" / "x"))
    assert caught.value.problem.code == "attachment.unwritable"


@pytest.mark.parametrize("text", ["", "0", "-1", "abc", "1e3", "٣", "9" * 30, "1 "])
def test_ids_that_are_none(app: App, text: str) -> None:
    with pytest.raises(Misused) as caught:
        read.show_mail(app, text)
    assert caught.value.problem.code == "mail.bad_id"


def test_chosen_mail_is_named_once_and_must_exist(app: App) -> None:
    message = put(app, add_account(app))
    assert read.chosen_mail(app, [message, message], None, None) == [int(message)]
    with pytest.raises(Misused) as caught:
        read.chosen_mail(app, [], None, None)
    assert caught.value.problem.code == "mail.none_chosen"
    with pytest.raises(EilboteError):
        read.chosen_mail(app, [message, "999999"], None, None)


def test_the_only_account_needs_no_name(app: App) -> None:
    with pytest.raises(Misused):
        only_account(app, None)
    account = add_account(app)
    assert only_account(app, None).id == account.id
    add_account(app, "eve@example.org")
    with pytest.raises(Misused) as caught:
        only_account(app, None)
    assert caught.value.problem.code == "account.which"
    assert only_account(app, "eve").address == "eve@example.org"


def test_a_search_that_makes_no_sense_is_refused(app: App) -> None:
    add_account(app)
    for query in ("larger:many", '"open', ""):
        with pytest.raises(Misused):
            read.search_mail(app, query, None, 5)
