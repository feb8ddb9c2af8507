"""What tests of the store begin with: an account with two mailboxes, and mails to put in them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from eilbote.mail.mailbox import SEEN, Flags, MailboxName, SpecialUse, UidSet
from eilbote.mail.source import EnvelopeSource
from eilbote.store import Store
from eilbote.store.prepare import prepared_mail
from eilbote.store.update_values import Applied, Arrival, FlagChange, MailboxUpdate
from eilbote.store.values import AuthKind, ListedMailbox, NewAccount, Security, Server, Watermarks

NOW = 1_790_000_000.0


def counted(store: Store, mailbox: int) -> tuple[int, int]:
    """Messages and unread as the placements themselves say: what the kept counts must equal."""
    with store.database.read() as session:
        rows = session.rows("SELECT flags FROM placement WHERE mailbox = ?", (mailbox,))
    return len(rows), sum(SEEN not in str(flags) for (flags,) in rows)


ANNA = NewAccount(
    address="anna@example.org",
    name="Anna Größe",
    user="anna",
    auth=AuthKind.PASSWORD,
    sealed=b"\x00sealed\xff",
    imap=Server("imap.example.org", 993, Security.TLS),
    smtp=Server("smtp.example.org", 587, Security.STARTTLS),
)


def raw_mail(number: int, words: str = "Guten Tag") -> bytes:
    """A small mail that differs from every other number's."""
    return (
        f"From: Max <max@example.org>\r\nMessage-ID: <{number}@example.org>\r\n"
        f"Subject: Brief {number}\r\n\r\n{words} {number}\r\n"
    ).encode()


def arrival(
    uid: int,
    number: int | None = None,
    *,
    flags: Iterable[str] = (),
    raw: bytes | None = None,
    references: Sequence[str] = (),
    message_id: str | None = None,
    date: float | None = None,
    email_id: str = "",
    size: int = 0,
) -> Arrival:
    """Mail `number` (the UID's own by default) as it arrives under `uid`."""
    which = uid if number is None else number
    envelope = EnvelopeSource(
        message_id=f"{which}@example.org" if message_id is None else message_id,
        subject=f"Brief {which}",
        sender="Max <Max@Example.org>",
        to="=?utf-8?q?Anna_Gr=C3=B6=C3=9Fe?= <anna@example.org>",
        date=NOW + which,
        references=tuple(references),
    )
    body = raw_mail(which) if raw is None else raw
    when = NOW + which if date is None else date
    return Arrival(uid, frozenset(flags), when, 0, body, prepared_mail(body, envelope), email_id, size=size)


class Home:
    """A store with one account; `inbox` and `archive` are mailbox ids."""

    def __init__(self, store: Store) -> None:
        self.store = store
        self.account = store.accounts.add(ANNA, NOW).id
        made = store.mailboxes.upsert(
            self.account,
            [
                ListedMailbox(MailboxName("INBOX"), role=SpecialUse.INBOX),
                ListedMailbox(MailboxName("Archiv"), role=SpecialUse.ARCHIVE),
            ],
        )
        self.inbox, self.archive = (mailbox.id for mailbox in made)
        for mailbox in made:
            store.mailboxes.set_watermarks(mailbox.id, Watermarks(uidvalidity=100 + mailbox.id))

    def arrive(self, *arrivals: Arrival, mailbox: int | None = None) -> Applied:
        """Applies arrivals in the inbox, or in another mailbox."""
        return self.store.messages.apply(mailbox or self.inbox, MailboxUpdate(arrivals=arrivals), NOW)

    def flags(self, *changes: FlagChange) -> Applied:
        """The server's flags in the inbox."""
        return self.store.messages.apply(self.inbox, MailboxUpdate(flags=changes), NOW)

    def remove(self, uids: str, mailbox: int | None = None) -> Applied:
        """The server removed these."""
        update = MailboxUpdate(removed=UidSet.parse(uids))
        return self.store.messages.apply(mailbox or self.inbox, update, NOW)

    def held(self, mailbox: int | None = None) -> str:
        """The live UIDs, as IMAP writes them."""
        return str(self.store.messages.held_uids(mailbox or self.inbox))

    def flags_at(self, uid: int, mailbox: int | None = None) -> Flags:
        return self.store.messages.held_flags(mailbox or self.inbox)[uid]

    def check(self) -> None:
        """What must hold after every change: kept counts equal the placements, the feed has no gap."""
        for mailbox in self.store.mailboxes.all(self.account):
            assert counted(self.store, mailbox.id) == (mailbox.messages, mailbox.unread), mailbox.name
        changes = self.store.changes.since(self.account, 0, 10_000)
        assert [change.number for change in changes] == list(range(1, len(changes) + 1))
        assert self.store.changes.latest(self.account) == len(changes)
