"""Two-way sync against a real Dovecot and a real Cyrus: on both stores, with QRESYNC, with CONDSTORE,
with neither.

Every case ends with server and store compared, and with a second pass that finds nothing to do.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from eilbote.engine import act
from eilbote.engine.act import Origin
from eilbote.engine.mailboxes import create_mailbox, remove_mailbox, rename_mailbox
from eilbote.engine.owner import sync_accounts
from eilbote.errors import NotAllowed
from eilbote.mail.mailbox import FLAGGED, SEEN
from tests.engine.world import CONDSTORE, NEITHER, QRESYNC, Options, RealServer, World, mail, world
from tests.servers.cyrus import CyrusOptions
from tests.servers.dovecot_settings import DovecotOptions

KINDS: dict[str, Options] = {
    "qresync": DovecotOptions(hidden=QRESYNC),
    "condstore": DovecotOptions(hidden=CONDSTORE),
    "neither": DovecotOptions(hidden=NEITHER),
    "bare": DovecotOptions(
        hidden=NEITHER | {"MOVE", "ESEARCH", "LIST-STATUS", "LIST-EXTENDED", "SPECIAL-USE"}
    ),
    "cyrus": CyrusOptions(),
    "cyrus neither": CyrusOptions(hidden=NEITHER | {"OBJECTID"}),
}


CASES = [(kind, store) for kind in KINDS for store in ("sqlite", "postgres")]
CASES.remove(("cyrus neither", "postgres"))  # what is seen here is seen in the others


@pytest.fixture(params=CASES, ids="-".join)
def here(
    request: pytest.FixtureRequest, server_like: Callable[[Options], RealServer], tmp_path: Path
) -> Iterator[World]:
    kind, store = request.param
    url = "" if store == "sqlite" else str(request.getfixturevalue("postgres_url"))
    with world(server_like(KINDS[kind]), tmp_path / "home", url) as made:
        yield made


def settled(here: World) -> None:
    """Same on both sides, and nothing left to do."""
    here.assert_same()
    again = here.sync()
    assert (again.new, again.changed, again.deleted, again.pushed, again.conflicts) == (0, 0, 0, 0, 0)
    assert not here.app.store.journal.open_debts(here.account.id)


def moved_by_another(here: World, uid: str, target: str) -> None:
    """Another client moves a mail from the inbox, as clients do that have no MOVE."""
    with here.server.imap(here.user) as client:
        client.select("INBOX")
        client.uid("COPY", uid, target)
        client.uid("STORE", uid, "+FLAGS", "(\\Deleted)")
        client.uid("EXPUNGE", uid)


def test_first_sync_brings_everything(here: World) -> None:
    here.server.append(here.user, [mail(n) for n in range(12)], flags="(\\Seen)")
    here.server.append(here.user, [mail(20)], mailbox="Sent", flags="(\\Answered $Forwarded)")
    assert here.sync().new == 13
    settled(here)


def test_new_flagged_and_deleted_on_the_server(here: World) -> None:
    here.server.append(here.user, [mail(n) for n in range(6)])
    here.sync()
    with here.server.imap(here.user) as client:
        client.select("INBOX")
        client.uid("STORE", "1:2", "+FLAGS", "(\\Flagged wichtig)")
        client.uid("STORE", "3", "+FLAGS", "(\\Deleted)")
        client.uid("EXPUNGE", "3")
    here.server.append(here.user, [mail(7)])
    report = here.sync()
    assert (report.new, report.deleted) == (1, 1)
    assert report.changed >= 2
    settled(here)


def test_local_flags_reach_the_server(here: World) -> None:
    here.server.append(here.user, [mail(n) for n in range(3)])
    here.sync()
    ids = here.ids()
    act.change_flags(here.app, [ids[1], ids[2]], add=[SEEN, "Rechnung"])
    act.change_flags(here.app, [ids[2]], remove=[SEEN])
    assert here.sync().pushed == 3
    assert here.truth()["INBOX"][1][0] == {SEEN, "Rechnung"}
    assert here.truth()["INBOX"][2][0] == {"Rechnung"}
    settled(here)


def test_flags_changed_on_both_sides_merge_flag_by_flag(here: World) -> None:
    here.server.append(here.user, [mail(1)])
    here.sync()
    with here.server.imap(here.user) as client:
        client.select("INBOX")
        client.uid("STORE", "1", "+FLAGS", "(\\Flagged)")
    act.change_flags(here.app, [here.ids()[1]], add=[SEEN])
    here.sync()
    assert here.truth()["INBOX"][1][0] == {SEEN, FLAGGED}
    settled(here)


def test_local_move_keeps_the_id(here: World) -> None:
    here.server.append(here.user, [mail(n) for n in range(4)])
    here.sync()
    ids = here.ids()
    act.archive(here.app, [ids[2], ids[3]])
    assert set(here.ids("Archive").values()) == {ids[2], ids[3]}, "shown at once"
    here.sync()
    assert set(here.ids("Archive").values()) == {ids[2], ids[3]}
    assert set(here.truth()["Archive"]) == set(here.ids("Archive"))
    settled(here)


def test_move_on_the_server_keeps_the_id_and_downloads_nothing(here: World) -> None:
    here.server.append(here.user, [mail(n, size=50_000) for n in range(3)])
    here.sync()
    before = here.ids()
    moved_by_another(here, "2", "Archive")
    report = here.sync()
    assert report.new == 0
    assert report.bytes < 20_000
    assert list(here.ids("Archive").values()) == [before[2]]
    settled(here)


def test_local_copy_is_a_new_message(here: World) -> None:
    here.server.append(here.user, [mail(1)])
    here.sync()
    original = here.ids()[1]
    act.copy(here.app, [original], "Archive")
    here.sync()
    (copied,) = here.ids("Archive").values()
    assert copied != original
    settled(here)


def test_delete_goes_to_the_trash_and_from_there_for_good(here: World) -> None:
    here.server.append(here.user, [mail(n) for n in range(3)])
    here.sync()
    ids = here.ids()
    act.delete(here.app, [ids[1]])
    here.sync()
    assert len(here.truth()["Trash"]) == 1
    settled(here)
    act.delete(here.app, [ids[1]])
    here.sync()
    assert "Trash" not in here.truth()
    settled(here)


def test_append_reaches_the_server_once(here: World) -> None:
    here.sync()
    act.append(here.app, here.account, "Drafts", mail(9), flags=["\\Draft", SEEN])
    here.sync()
    ((flags, raw),) = here.truth()["Drafts"].values()
    assert raw == mail(9)
    assert flags == {"\\Draft", SEEN}
    settled(here)


def test_a_mail_with_bare_line_feeds_and_a_nul_is_uploaded_in_a_form_that_every_server_takes(
    here: World,
) -> None:
    here.sync()
    act.append(here.app, here.account, "Drafts", b"From: a@example.org\nSubject: x\n\nText\0\r\nEnde")
    here.sync()
    ((_, raw),) = here.truth()["Drafts"].values()
    assert raw == b"From: a@example.org\r\nSubject: x\r\n\r\nText\x80\r\nEnde\r\n"
    settled(here)


def test_a_mail_that_the_server_refuses_holds_up_nothing(here: World) -> None:
    """Cyrus takes no mail that begins with something else than a header; Dovecot does."""
    here.sync()
    act.append(here.app, here.account, "Drafts", b"Kein Kopf, nur Text\r\n")
    act.append(here.app, here.account, "Drafts", mail(2))
    (report,) = asyncio.run(sync_accounts(here.app))
    assert report.failed is None
    assert mail(2) in [raw for _, raw in here.truth()["Drafts"].values()]
    assert len(here.truth()["Drafts"]) + len(report.problems) == 2
    again = here.sync()
    assert again.pushed == 0
    verified = {one.mailbox: one for one in here.verify()}
    assert verified["Drafts"].extra == len(report.problems), "what was refused lies here and is named"


def test_mailboxes_made_here(here: World) -> None:
    here.server.append(here.user, [mail(1)])
    here.sync()
    create_mailbox(here.app, here.account, "Projekte")
    create_mailbox(here.app, here.account, "Müll & mehr")
    act.move(here.app, [here.ids()[1]], "Projekte")
    here.sync()
    rename_mailbox(here.app, here.account, "Projekte", "Vorhaben")
    remove_mailbox(here.app, here.account, "Müll & mehr")
    here.sync()
    assert list(here.truth()) == ["Vorhaben"]
    settled(here)


def test_mailboxes_changed_on_the_server(here: World) -> None:
    with here.server.imap(here.user) as client:
        client.create("Alt")
    here.server.append(here.user, [mail(n, size=40_000) for n in range(3)], mailbox="Alt")
    here.sync()
    before = sorted(here.ids("Alt").values())
    with here.server.imap(here.user) as client:
        client.rename("Alt", "Neu")
        client.create("Leer")
    here.sync()
    assert sorted(here.ids("Neu").values()) == before
    settled(here)
    with here.server.imap(here.user) as client:
        client.delete("Neu")
    assert here.sync().failed is None
    settled(here)


def test_changed_uidvalidity_downloads_nothing_and_keeps_the_ids(here: World) -> None:
    here.server.append(here.user, [mail(n, size=30_000) for n in range(5)])
    here.server.append(here.user, [mail(77, message_id="", size=30_000)])
    here.sync()
    before = sorted(here.ids().values())
    here.server.renumber(here.user)
    report = here.sync()
    assert (report.new, report.deleted) == (0, 0)
    assert report.bytes < 20_000
    assert sorted(here.ids().values()) == before
    settled(here)


def test_flag_here_and_move_there(here: World) -> None:
    here.server.append(here.user, [mail(1), mail(2)])
    here.sync()
    act.change_flags(here.app, [here.ids()[1]], add=[FLAGGED])
    moved_by_another(here, "1", "Archive")
    here.sync()
    ((flags, _),) = here.truth()["Archive"].values()
    assert flags == {FLAGGED}
    settled(here)


def test_move_here_and_another_move_there_follows_the_user(here: World) -> None:
    here.server.append(here.user, [mail(1), mail(2)])
    here.sync()
    kept = here.ids()[1]
    act.move(here.app, [kept], "Junk")
    moved_by_another(here, "1", "Archive")
    here.sync()
    assert "Archive" not in here.truth()
    assert list(here.ids("Junk").values()) == [kept]
    settled(here)


def test_delete_there_wins_over_a_flag_here_and_is_logged(here: World) -> None:
    here.server.append(here.user, [mail(1), mail(2)])
    here.sync()
    act.change_flags(here.app, [here.ids()[1]], add=[FLAGGED])
    with here.server.imap(here.user) as client:
        client.select("INBOX")
        client.uid("STORE", "1", "+FLAGS", "(\\Deleted)")
        client.uid("EXPUNGE", "1")
    assert here.sync().conflicts == 1
    assert [one.rule for one in here.app.store.journal.conflicts(here.account.id)] == ["removed-on-server"]
    settled(here)


def test_undo_brings_a_move_and_a_deletion_back(here: World) -> None:
    here.server.append(here.user, [mail(1), mail(2)])
    here.sync()
    ids = here.ids()
    act.archive(here.app, [ids[1]])
    act.delete(here.app, [ids[2]], for_good=True)
    here.sync()
    act.undo(here.app, [ids[1], ids[2]])
    here.sync()
    assert set(here.ids().values()) == set(ids.values())
    settled(here)


def test_the_assistant_may_sort_but_not_delete(here: World) -> None:
    here.server.append(here.user, [mail(1)])
    here.sync()
    with pytest.raises(NotAllowed):
        act.delete(here.app, [here.ids()[1]], origin=Origin.ASSISTANT)
