"""Which mailbox is which after the server's listing changed."""

from __future__ import annotations

from eilbote.mail.mailbox import MailboxName
from eilbote.sync.mailboxes import MailboxFacts, MailboxMatch, match_mailboxes


def box(name: str, object_id: str = "", uidvalidity: int = 0, uidnext: int = 1) -> MailboxFacts:
    return MailboxFacts(MailboxName(name), object_id, uidvalidity, uidnext)


INBOX = box("INBOX", "f0", 1)


def test_same_names_are_the_same_mailboxes() -> None:
    assert match_mailboxes([INBOX, box("A", "f1")], [INBOX, box("A", "other")]) == MailboxMatch()


def test_renamed_by_mailbox_id() -> None:
    match = match_mailboxes([INBOX, box("B", "f1", 9)], [INBOX, box("A", "f1", 5)])
    assert match == MailboxMatch(renamed=((MailboxName("A"), MailboxName("B")),))


def test_renamed_by_a_uidvalidity_of_its_own() -> None:
    match = match_mailboxes([INBOX, box("B", "", 5, 20)], [INBOX, box("A", "", 5, 12)])
    assert match.renamed == (("A", "B"),) and match.gone == ()


def test_a_shared_uidvalidity_proves_nothing() -> None:
    listed = [INBOX, box("C", "", 5), box("D", "", 5)]
    assert match_mailboxes(listed, [INBOX, box("A", "", 5)]) == MailboxMatch(gone=(MailboxName("A"),))
    match = match_mailboxes([INBOX, box("C", "", 5)], [INBOX, box("A", "", 5), box("B", "", 5)])
    assert match == MailboxMatch(gone=(MailboxName("A"), MailboxName("B")))


def test_a_uidnext_that_fell_is_another_mailbox() -> None:
    match = match_mailboxes([INBOX, box("B", "", 5, 3)], [INBOX, box("A", "", 5, 12)])
    assert match == MailboxMatch(gone=(MailboxName("A"),))


def test_a_listing_without_inbox_removes_nothing() -> None:
    assert match_mailboxes([], [INBOX, box("A")]) == MailboxMatch()
    assert match_mailboxes([box("X")], [INBOX, box("A")]) == MailboxMatch()
