"""Many mails at once: uploads owed together, whole mailboxes gone through, refused uploads tried again."""

from __future__ import annotations

from eilbote.errors import Problem
from eilbote.store.values import DebtState
from tests.store.given import NOW, Home, arrival, raw_mail


def test_many_uploads_are_owed_in_their_order(home: Home) -> None:
    mails = [arrival(at, flags=["\\Seen"], date=NOW + at) for at in (5, 6, 7)]
    made = home.store.journal.append_all(home.archive, [*mails, mails[0]], "user", NOW)
    owed = home.store.journal.open_debts(home.account)
    assert [(debt.message, debt.id) for debt in owed] == made
    assert [home.store.messages.raw(message) for message, _ in made] == [raw_mail(at) for at in (5, 6, 7, 5)]
    assert len({message for message, _ in made}) == 4, "a copy is a mail of its own"
    box = home.store.mailboxes.get(home.archive)
    assert (box.messages, box.unread) == (4, 0)


def test_a_mailbox_is_gone_through_page_by_page(home: Home) -> None:
    made = home.store.journal.append_all(
        home.archive, [arrival(at, flags=["wichtig"], date=NOW + at) for at in range(1, 1203)], "user", NOW
    )
    found = list(home.store.messages.lying(home.archive))
    assert sorted(one.message for one in found) == [message for message, _ in made]
    assert all(one.uid < 0 and one.whole and one.flags == {"wichtig"} for one in found)
    first = next(one for one in found if one.message == made[0][0])
    assert (first.internal_date, first.size) == (NOW + 1, len(raw_mail(1)))
    assert (first.sha256, first.message_id) == (arrival(1).prepared.sha256, "1@example.org")
    assert list(home.store.messages.lying(home.inbox)) == []


def test_a_mail_of_which_only_the_header_is_here_says_so(home: Home) -> None:
    home.arrive(arrival(1, size=5000))
    (one,) = home.store.messages.lying(home.inbox)
    assert (one.whole, one.size) == (False, 5000)


def test_a_refused_upload_is_owed_again_and_only_that(home: Home) -> None:
    journal = home.store.journal
    (_, refused), (_, paid), (_, gone) = journal.append_all(
        home.archive, [arrival(1), arrival(2), arrival(3)], "user", NOW
    )
    for debt in (refused, gone):
        journal.fail(debt, Problem("imap.refused"), NOW)
    journal.close(paid, NOW, 7)
    journal.delete([(home.archive, journal.get(gone).placement)], "user", NOW)
    assert journal.owe_again(home.archive, NOW) == [refused]
    assert journal.get(refused).state is DebtState.OPEN
    assert journal.owe_again(home.archive, NOW) == []
    assert journal.owe_again(home.inbox, NOW) == []
