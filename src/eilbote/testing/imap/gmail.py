"""Gmail's mail store: one mail with labels, shown as a copy in the mailbox of each label.

Every mail lies in All Mail, unless it is in the trash or in spam, where it has no label at all. Flags are
the mail's and the same in every mailbox. It must never know a word of IMAP's syntax.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

from eilbote.mail.mailbox import SpecialUse
from eilbote.testing.imap.mailstore import Mailbox, MailboxProblem, Mailstore, Message

_ALONE = (SpecialUse.TRASH, SpecialUse.JUNK)
_FIRST_ID = 1_800_000_000_000_000_001
_OWN_LABELS = {
    SpecialUse.INBOX: "\\Inbox",
    SpecialUse.SENT: "\\Sent",
    SpecialUse.DRAFTS: "\\Draft",
    SpecialUse.IMPORTANT: "\\Important",
    SpecialUse.FLAGGED: "\\Starred",
}
GERMAN = {
    "[Gmail]/Alle Nachrichten": SpecialUse.ALL,
    "[Gmail]/Entwürfe": SpecialUse.DRAFTS,
    "[Gmail]/Gesendet": SpecialUse.SENT,
    "[Gmail]/Papierkorb": SpecialUse.TRASH,
    "[Gmail]/Spam": SpecialUse.JUNK,
    "[Gmail]/Wichtig": SpecialUse.IMPORTANT,
}


class LabelMailbox(Mailbox):
    """The mails with one label; All Mail, Trash and Spam are mailboxes of this kind too."""

    labels: GmailStore

    @property
    def label(self) -> str:
        """How X-GM-LABELS names it; "" for All Mail, Trash and Spam, which are no labels."""
        if self.role in (SpecialUse.ALL, *_ALONE):
            return ""
        return _OWN_LABELS[self.role] if self.role else self.name

    def append(
        self,
        raw: bytes,
        flags: Iterable[str] = (),
        internal_date: float | None = None,
        *,
        uid: int | None = None,
        mail: int = 0,
    ) -> Message:
        """A new mail with this label; with `mail`, the label for a mail that there is, which may have
        it already."""
        known = next((one for one in self.messages.values() if mail and one.mail == mail), None)
        if known is not None:
            return known
        made = super().append(raw, flags, internal_date, uid=uid)
        made.mail = mail or self.labels.new_mail()
        made.conversation = self.labels.conversation_of(made.mail)
        self.labels.gained(self, made)
        return made

    def expunge(self, uids: Iterable[int]) -> None:
        """The label goes, the mail stays; only from Trash and Spam it goes for good."""
        if self.role is SpecialUse.ALL:
            return
        mails = [self.messages[uid].mail for uid in uids if uid in self.messages]
        self.drop(mails)
        self.labels.describe(mails)

    def drop(self, mails: Iterable[int]) -> None:
        """Shows these mails no more."""
        gone = set(mails)
        super().expunge([uid for uid, one in self.messages.items() if one.mail in gone])

    def set_flags(self, uid: int, flags: Iterable[str]) -> bool:
        """The flags of the mail, in every mailbox that shows it."""
        flags = list(flags)
        mail = self.messages[uid].mail
        changed = [
            Mailbox.set_flags(box, one.uid, flags)
            for box in self.labels.boxes()
            for one in box.messages.values()
            if one.mail == mail
        ]
        return any(changed)


class GmailStore(Mailstore):
    """One Gmail account. Make one with `gmail_store`."""

    _mails: int = _FIRST_ID

    def boxes(self) -> Iterator[LabelMailbox]:
        return (box for box in list(self.mailboxes.values()) if isinstance(box, LabelMailbox))

    def new_mail(self) -> int:
        self._mails += 1
        return self._mails

    def conversation_of(self, mail: int) -> int:
        """The conversation that a mail was put in, as its other places tell; 0 for none."""
        told = (one.conversation for box in self.boxes() for one in box.messages.values() if one.mail == mail)
        return max(told, default=0)

    def having(self, role: SpecialUse) -> LabelMailbox:
        """The mailbox with this role."""
        return next(box for box in self.boxes() if box.role is role)

    def gained(self, box: LabelMailbox, message: Message) -> None:
        """A mail has come into `box`: what that means for the others."""
        for other in self.boxes():
            leaves = box.role in _ALONE or other.role in _ALONE
            if other is not box and leaves:
                other.drop([message.mail])
        if box.role not in (SpecialUse.ALL, *_ALONE):
            every = self.having(SpecialUse.ALL)
            every.append(message.raw, message.flags, message.internal_date, mail=message.mail)
        self.describe([message.mail])

    def describe(self, mails: Iterable[int]) -> None:
        """Tells the labels anew of every copy of these mails."""
        wanted = set(mails)
        shown: dict[int, set[str]] = {}
        for box in self.boxes():
            for one in box.messages.values():
                if one.mail in wanted and box.label:
                    shown.setdefault(one.mail, set()).add(box.label)
        for box in self.boxes():
            for one in box.messages.values():
                labels = tuple(sorted(shown.get(one.mail, set()) - {box.label}))
                if one.mail in wanted and one.labels != labels:
                    one.labels = labels
                    box.touch(one.uid)

    def converse(self, mails: Iterable[int], conversation: int) -> None:
        """Puts these mails into one conversation, whatever they say of each other."""
        wanted = set(mails)
        for box in self.boxes():
            for one in box.messages.values():
                if one.mail in wanted:
                    one.conversation = conversation
                    box.touch(one.uid)

    def change_labels(self, box: LabelMailbox, uids: Iterable[int], mode: str, labels: set[str]) -> None:
        """STORE X-GM-LABELS: `mode` is `+` or `-`. MailboxProblem for a label that is none."""
        named = {one.label: one for one in self.boxes() if one.label}
        named |= {"\\Trash": self.having(SpecialUse.TRASH), "\\Spam": self.having(SpecialUse.JUNK)}
        if labels - named.keys():
            raise MailboxProblem("CANNOT", "Unknown label")
        for message in [box.messages[uid] for uid in uids]:
            for label in labels:
                target = named[label]
                if mode == "+":
                    target.append(message.raw, message.flags, message.internal_date, mail=message.mail)
                else:
                    target.drop([message.mail])
            self.describe([message.mail])

    def copy(self, source: Mailbox, uids: Iterable[int], target: Mailbox) -> list[tuple[int, int]]:
        """The label for these mails: no second mail comes into being."""
        pairs = []
        for message in [source.messages[uid] for uid in uids]:
            assert isinstance(target, LabelMailbox)
            made = target.append(message.raw, message.flags, message.internal_date, mail=message.mail)
            pairs.append((message.uid, made.uid))
        return pairs

    def _add(self, name: str) -> Mailbox:
        made = LabelMailbox(self, name, self.new_uidvalidity(), f"M{self._made:08x}")
        made.labels = self
        self.mailboxes[name] = made
        return made


def gmail_store(now: Callable[[], float]) -> GmailStore:
    """A new account with the German names of its mailboxes."""
    made = GmailStore(now)
    for name, role in GERMAN.items():
        made.create(name, role)
        made.subscribed.add(name)
    return made
