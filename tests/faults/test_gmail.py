"""Gmail: every label is a mailbox, and every mail lies in All Mail once more. Nothing is downloaded twice,
a mail has one id, and acts are changes of labels."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from eilbote.engine import act, read
from eilbote.engine.mailboxes import create_mailbox
from eilbote.mail.mailbox import FLAGGED, SEEN, SpecialUse
from eilbote.testing.imap.gmail import GmailStore, LabelMailbox
from eilbote.testing.imap.personalities import BY_NAME
from tests.engine.world import mail
from tests.faults.embedded import NOW, Embedded, embedded
from tests.faults.outcome import codes

EVERY = "[Gmail]/Alle Nachrichten"
TRASH = "[Gmail]/Papierkorb"


@pytest.fixture(params=["sqlite", "postgres"])
async def here(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Embedded]:
    """Six mails in the inbox, two of them with the label Rechnung, in step."""
    url = "" if request.param == "sqlite" else str(request.getfixturevalue("postgres_url"))
    kind = BY_NAME["gmail"]
    mails = kind.store(lambda: NOW)
    mails.create("Rechnung")
    mails.create("Müll & mehr")
    async with embedded(tmp_path / "home", kind.behaviour, mails=mails, lying=True, store_url=url) as made:
        for number in range(1, 7):
            made.inbox.append(mail(number, size=20_000))
        mails.copy(made.inbox, [1, 2], mails["Rechnung"])
        await made.sync()
        yield made


def labels(here: Embedded, number: int) -> set[str]:
    """The labels of a mail on the server, the mailboxes in which it lies."""
    raw = mail(number, size=20_000)
    boxes = here.server.store.mailboxes.values()
    return {box.name for box in boxes if any(one.raw == raw for one in box.messages.values())}


def gmail(here: Embedded) -> GmailStore:
    store = here.server.store
    assert isinstance(store, GmailStore)
    return store


def uid_of(here: Embedded, number: int) -> int:
    """Its UID in All Mail."""
    raw = mail(number, size=20_000)
    return next(uid for uid, one in here.server.store[EVERY].messages.items() if one.raw == raw)


def thread_of(here: Embedded, message: int) -> int:
    return here.app.store.messages.get(message)[0].thread


def id_of(here: Embedded, number: int) -> int:
    held = here.app.store.messages
    found = {one for one in here.ids(EVERY).values() if held.raw(one) == mail(number, size=20_000)}
    return found.pop()


async def settled(here: Embedded) -> None:
    for _ in range(2):
        assert codes(await here.sync()) == []
    again = await here.sync()
    assert (codes(again), again.new, again.changed, again.deleted, again.pushed) == ([], 0, 0, 0, 0)
    reports = await here.verify()
    assert all(one.ok for one in reports), [one for one in reports if not one.ok]
    assert not here.app.store.journal.open_debts(here.account.id)
    for name, box in here.server.store.mailboxes.items():
        if box.role is not SpecialUse.IMPORTANT:
            assert here.held(name) == here.there(name), name


async def test_every_mail_is_downloaded_once_and_has_one_id(here: Embedded) -> None:
    bodies = [line for line in here.between.commands if b"BODY.PEEK[]" in line]  # type: ignore[union-attr]
    assert len(bodies) == 1
    assert len(here.app.store.messages.ids_of(here.account.id)) == 6
    assert set(here.ids("Rechnung").values()) == {id_of(here, 1), id_of(here, 2)}
    assert set(here.ids().values()) == set(here.ids(EVERY).values())
    (place,) = [one for one in here.app.store.messages.get(id_of(here, 1)) if one.mailbox == EVERY]
    assert here.app.store.messages.labels(place.id) == ["Rechnung", "\\Inbox"]
    await settled(here)


async def test_flags_are_the_mails(here: Embedded) -> None:
    act.change_flags(here.app, [id_of(here, 1)], add=[FLAGGED, SEEN])
    await here.sync()
    assert here.inbox.messages[1].flags == {FLAGGED, SEEN}
    await settled(here)


async def test_archiving_takes_the_inbox_away_and_leaves_the_labels(here: Embedded) -> None:
    chosen = [id_of(here, 1), id_of(here, 3)]
    act.archive(here.app, chosen)
    assert not set(chosen) & set(here.ids().values()), "shown at once"
    await here.sync()
    assert labels(here, 1) == {EVERY, "Rechnung"}
    assert labels(here, 3) == {EVERY}
    await settled(here)
    assert act.archive(here.app, chosen) == [], "a second time there is nothing to do"
    act.undo(here.app, [chosen[0]])
    await here.sync()
    assert labels(here, 1) == {EVERY, "Rechnung", "INBOX"}
    await settled(here)


async def test_moving_changes_one_label_for_another(here: Embedded) -> None:
    act.move(here.app, [id_of(here, 3)], "Rechnung")
    act.move(here.app, [id_of(here, 1)], "Müll & mehr", source="Rechnung")
    create_mailbox(here.app, here.account, "Neu")
    act.move(here.app, [id_of(here, 4)], "Neu")
    await here.sync()
    assert labels(here, 3) == {EVERY, "Rechnung"}
    assert labels(here, 1) == {EVERY, "INBOX", "Müll & mehr"}
    assert labels(here, 4) == {EVERY, "Neu"}
    await settled(here)
    assert len(here.app.store.messages.ids_of(here.account.id)) == 6


@pytest.mark.parametrize("number", [1, 5])
async def test_deleting_goes_to_the_trash_with_all_labels_and_from_there_for_good(
    here: Embedded, number: int
) -> None:
    chosen = id_of(here, number)
    act.delete(here.app, [chosen])
    await here.sync()
    assert labels(here, number) == {TRASH}
    await settled(here)
    assert list(here.ids(TRASH).values()) == [chosen], "the same mail"
    act.delete(here.app, [chosen])
    await here.sync()
    assert labels(here, number) == set()
    await settled(here)


async def test_deleting_for_good_goes_through_the_trash(here: Embedded) -> None:
    act.delete(here.app, [id_of(here, 2)], for_good=True)
    for _ in range(3):
        await here.sync()
    assert labels(here, 2) == set()
    await settled(here)


async def test_labels_changed_on_the_server(here: Embedded) -> None:
    before = {number: id_of(here, number) for number in range(1, 7)}
    store = here.server.store
    assert isinstance(store, GmailStore)
    inbox = here.inbox
    assert isinstance(inbox, LabelMailbox)
    store.change_labels(inbox, [4], "+", {"Rechnung"})
    store.change_labels(inbox, [1], "-", {"Rechnung"})
    inbox.expunge([2])
    store.change_labels(inbox, [5], "+", {"\\Trash"})
    report = await here.sync()
    assert report.new == 0, "nothing is downloaded again"
    assert set(here.ids("Rechnung").values()) == {before[2], before[4]}
    assert set(here.ids().values()) == {before[1], before[3], before[4], before[6]}
    assert list(here.ids(TRASH).values()) == [before[5]]
    await settled(here)


async def test_the_labels_that_are_stored_are_those_of_the_server(here: Embedded) -> None:
    """Changed elsewhere and here; told by CHANGEDSINCE, and by nothing else."""
    store, held = gmail(here), here.app.store.messages
    ids = {number: id_of(here, number) for number in range(1, 7)}
    assert held.labels(ids[1]) == ["Rechnung", "\\Inbox"]
    store.change_labels(store.having(SpecialUse.ALL), [3], "+", {"Rechnung", "\\Important"})
    store.change_labels(store.having(SpecialUse.ALL), [1], "-", {"Rechnung"})
    act.archive(here.app, [ids[2]])
    before = len(here.between.commands)  # type: ignore[union-attr]
    assert codes(await here.sync()) == []
    await settled(here)
    assert held.labels(ids[1]) == ["\\Inbox"]
    assert held.labels(ids[2]) == ["Rechnung"]
    assert held.labels(ids[3]) == ["Rechnung", "\\Important", "\\Inbox"]
    assert read.show_mail(here.app, str(ids[3])).labels == ("\\Important",), "the others are its mailboxes"
    asked = [line for line in here.between.commands[before:] if b"(UID X-GM-LABELS" in line]  # type: ignore[union-attr]
    assert asked and all(b"CHANGEDSINCE" in line for line in asked)
    act.delete(here.app, [ids[3]])
    await here.sync()
    await settled(here)
    assert held.labels(ids[3]) == []
    act.undo(here.app, [ids[3]])
    await here.sync()
    await settled(here)
    assert held.labels(ids[3]) == sorted(store.having(SpecialUse.ALL).messages[uid_of(here, 3)].labels)


async def test_conversations_are_the_server_s(here: Embedded) -> None:
    """Gmail joins what has one subject, and keeps apart what refers to each other after a hundred mails."""
    store = gmail(here)
    ids = {number: id_of(here, number) for number in range(1, 7)}
    assert len({thread_of(here, one) for one in ids.values()}) == 6
    mails = {number: store.having(SpecialUse.ALL).messages[uid_of(here, number)].mail for number in ids}
    store.converse([mails[1], mails[2], mails[4]], 1_700_000_000_000_000_007)
    assert codes(await here.sync()) == []
    await settled(here)
    assert len({thread_of(here, ids[number]) for number in (1, 2, 4)}) == 1
    assert [place.id for place in read.thread_of(here.app, str(ids[1])) if place.mailbox == EVERY] == [
        ids[1],
        ids[2],
        ids[4],
    ]
    # What refers to two conversations joins one of them, and does not make them one.
    both = b"In-Reply-To: <m3@example.org>\r\nReferences: <m1@example.org> <m3@example.org>\r\n"
    draft = b"Message-ID: <answer@example.org>\r\n" + both + b"Subject: x\r\n\r\nx\r\n"
    act.append(here.app, here.account, "drafts", draft, flags=["\\Draft"])
    assert thread_of(here, ids[1]) != thread_of(here, ids[3])
    (written,) = here.ids(store.having(SpecialUse.DRAFTS).name).values()
    assert thread_of(here, written) in (thread_of(here, ids[1]), thread_of(here, ids[3]))
    await here.sync()
    await settled(here)
    assert thread_of(here, ids[1]) != thread_of(here, ids[3])


async def test_a_new_mail_joins_the_conversation_that_the_server_says(here: Embedded) -> None:
    store = gmail(here)
    every = store.having(SpecialUse.ALL)
    store.converse([every.messages[uid_of(here, 1)].mail], 1_700_000_000_000_000_009)
    made = here.inbox.append(mail(60))
    store.converse([made.mail], 1_700_000_000_000_000_009)
    assert codes(await here.sync()) == []
    await settled(here)
    (new,) = [one for one in here.ids(EVERY).values() if here.app.store.messages.raw(one) == mail(60)]
    assert thread_of(here, new) == thread_of(here, id_of(here, 1))


async def test_a_label_is_taken_away_by_a_move_into_all_mail(here: Embedded) -> None:
    act.move(here.app, [id_of(here, 1)], EVERY, source="Rechnung")
    await here.sync()
    assert labels(here, 1) == {EVERY, "INBOX"}
    await settled(here)


async def test_where_all_mail_is_hidden_deleting_for_good_goes_through_the_trash_too(here: Embedded) -> None:
    """A setting of Gmail. An EXPUNGE in the inbox would only take the label away."""

    def hides(answer: bytes, command: bytes) -> bytes:
        return b"" if answer.startswith(b"* ") and b"Alle Nachrichten" in answer else answer

    here.lie(hides)
    box = here.app.store.mailboxes.find(here.account.id, EVERY)
    assert box is not None
    await here.sync()
    chosen = here.ids()[3]
    act.delete(here.app, [chosen], for_good=True)
    for _ in range(2):
        assert codes(await here.sync()) == []
    assert labels(here, 3) == set()
    expunged = [line for line in here.between.commands if line.startswith(b"UID EXPUNGE")]  # type: ignore[union-attr]
    moved = [line for line in here.between.commands if line.startswith(b"UID MOVE")]  # type: ignore[union-attr]
    assert len(expunged) == len(moved) == 1


async def test_a_draft_that_becomes_the_sent_mail_is_no_loss(here: Embedded) -> None:
    """Draft and sent copy are briefly the same mail; deleting the draft deleted the sent one (nylas)."""
    store = here.server.store
    assert isinstance(store, GmailStore)
    drafts, sent = store.having(SpecialUse.DRAFTS), store.having(SpecialUse.SENT)
    drafts.append(mail(60), ["\\Draft", "\\Seen"])
    await here.sync()
    (chosen,) = here.ids(drafts.name).values()
    store.copy(drafts, [1], sent)
    drafts.expunge([1])
    await here.sync()
    assert list(here.ids(sent.name).values()) == [chosen]
    assert mail(60) in here.there(sent.name).values()
    await settled(here)


async def test_a_mail_made_here_is_one_mail(here: Embedded) -> None:
    act.append(here.app, here.account, "drafts", mail(70), flags=["\\Draft"])
    await here.sync()
    await settled(here)
    assert len(here.app.store.messages.ids_of(here.account.id)) == 7


async def test_what_gmail_only_shows_is_not_opened(here: Embedded) -> None:
    opened = [line for line in here.between.commands if line.startswith(b"SELECT")]  # type: ignore[union-attr]
    assert opened
    assert not [line for line in opened if b"Wichtig" in line]


async def test_rules_change_labels_and_judge_a_mail_once(here: Embedded) -> None:
    """A label that Gmail's own filter gave beside the inbox makes it no old mail."""
    script = (
        'require ["fileinto", "copy"]; if header :contains "subject" "Nachricht 11" { fileinto "Neu"; }'
        'elsif header :contains "subject" "Nachricht 12" { fileinto :copy "Rechnung"; }'
        'elsif header :contains "subject" "Nachricht 13" { discard; }'
        'elsif header :contains "subject" "Nachricht 14" { fileinto "Rechnung"; }'
    )
    here.app.store.rule_book.save(
        f"[[script]]\nname = \"x\"\nsieve = '''{script}'''\n", 0, here.app.clock.now()
    )
    for number in range(11, 16):
        here.inbox.append(mail(number, size=20_000))
    here.server.store.copy(here.inbox, [max(here.inbox.messages)], here.server.store["Rechnung"])
    await here.sync()
    await here.sync()
    assert labels(here, 11) == {EVERY, "Neu"}
    assert labels(here, 12) == {EVERY, "INBOX", "Rechnung"}
    assert labels(here, 13) == {TRASH}
    assert labels(here, 14) == {EVERY, "Rechnung"}
    assert labels(here, 15) == {EVERY, "INBOX", "Rechnung"}
    await settled(here)
    runs = here.app.store.rule_runs.history()
    assert len({run.message for run in runs}) == len(runs) == 4
    assert here.app.store.rule_runs.filtered_at(id_of(here, 15)) is not None
    for run in runs:
        here.app.store.rule_runs.undo(run.id, here.app.clock.now())
    await here.sync()
    assert [labels(here, number) for number in (11, 13, 14)] == [{EVERY, "INBOX"}] * 3
    assert labels(here, 12) == {EVERY, "INBOX", "Rechnung"}, "taking the label off would delete the mail"
    await settled(here)
    assert len(here.app.store.rule_runs.history()) == 4
