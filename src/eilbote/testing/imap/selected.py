"""One client's view of its selected mailbox: sequence numbers, and what it was not told yet.

It must never change the mailbox.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Iterator
from itertools import takewhile

from eilbote.mail.mailbox import UidSet
from eilbote.testing.imap.fetch import Asked, render
from eilbote.testing.imap.mailstore import Mailbox, Message
from eilbote.testing.imap.wire import Rejected, sequence

SYSTEM_FLAGS = ("\\Answered", "\\Flagged", "\\Deleted", "\\Seen", "\\Draft")


class View:
    """The mailbox as this client knows it; `uids[n - 1]` is the UID of message n."""

    def __init__(self, mailbox: Mailbox, *, read_only: bool) -> None:
        self.mailbox = mailbox
        self.read_only = read_only
        self.uids = list(mailbox.messages)
        self.saved = UidSet()
        """The result of the last SEARCH RETURN (SAVE), `$` (RFC 5182)."""
        self._uidvalidity = mailbox.uidvalidity
        self._told_modseq = mailbox.highestmodseq
        self._told_itself: dict[int, int] = {}
        self._told_keywords = mailbox.keywords

    def number(self, uid: int) -> int:
        """The sequence number of a UID in the view."""
        return bisect_left(self.uids, uid) + 1

    def _has(self, uid: int) -> bool:
        at = bisect_left(self.uids, uid)
        return at < len(self.uids) and self.uids[at] == uid

    def messages(self, text: str, *, uid: bool) -> list[Message]:
        """The messages of a sequence set that still exist; BAD for numbers beyond the last."""
        if text == "$":
            chosen: Iterable[int] = self.saved
        elif uid:
            asked = sequence(text, self.uids[-1] if self.uids else self.mailbox.uidnext)
            chosen = filter(self._has, asked) if len(asked) < 500 else asked & UidSet.of(self.uids)
        else:
            numbers = sequence(text, len(self.uids)) if self.uids or "*" not in text else UidSet()
            if numbers.highest > len(self.uids) or not numbers:
                raise Rejected("BAD", "Invalid messageset")
            chosen = [self.uids[number - 1] for number in numbers]
        present, hidden = self.mailbox.messages, self.mailbox.hidden
        return [present[one] for one in chosen if one in present and one not in hidden]

    def heard(self, message: Message) -> None:
        """The client knows this message's flags as they are now; they need no telling."""
        self._told_itself[message.uid] = message.modseq

    @property
    def has_new_keywords(self) -> bool:
        """A keyword was made that the client does not know of."""
        return self._told_keywords != self.mailbox.keywords

    def flags(self) -> Iterator[bytes]:
        """FLAGS and PERMANENTFLAGS as they are now; told again when a keyword is new."""
        self._told_keywords = self.mailbox.keywords
        known = " ".join((*SYSTEM_FLAGS, *sorted(self._told_keywords)))
        yield f"* FLAGS ({known})".encode()
        lasting = "" if self.read_only else f"{known} \\*"
        yield f"* OK [PERMANENTFLAGS ({lasting})] Flags permitted.".encode()

    def names(self, uids: Iterable[int], *, uid: bool) -> UidSet:
        """UIDs, or the sequence numbers of these UIDs."""
        return UidSet.of(uids) if uid else UidSet.of(self.number(one) for one in uids)

    def news(self, *, numbers_fixed: bool, condstore: bool, qresync: bool, uid: bool) -> Iterator[bytes]:
        """What happened since the last telling, as untagged responses.

        `numbers_fixed` holds back expunges, as during FETCH, STORE and SEARCH (RFC 9051 section 7.5.1).
        """
        mailbox = self.mailbox
        if mailbox.uidvalidity != self._uidvalidity:
            self._uidvalidity = mailbox.uidvalidity
            self.uids = list(mailbox.messages)
            self._told_modseq = mailbox.highestmodseq
            yield b"* OK [UIDVALIDITY %d] UIDs are new" % mailbox.uidvalidity
            yield b"* %d EXISTS" % len(self.uids)
            return
        if mailbox.highestmodseq == self._told_modseq and len(self.uids) == len(mailbox.messages):
            return
        if not numbers_fixed:
            yield from self._expunged(qresync=qresync)
        known = self.uids[-1] if self.uids else 0
        arrived = list(takewhile(lambda one: one > known, reversed(mailbox.messages)))
        if arrived:
            self.uids += reversed(arrived)
            yield b"* %d EXISTS" % len(self.uids)
        if mailbox.highestmodseq == self._told_modseq:
            return
        if self.has_new_keywords:
            yield from self.flags()
        words = (*(("UID",) if uid or qresync else ()), "FLAGS", *(("MODSEQ",) if condstore else ()))
        asked = Asked(words, ())
        fresh = set(arrived) | mailbox.hidden
        for message in mailbox.changed_since(self._told_modseq):
            if message.uid in fresh or self._told_itself.get(message.uid) == message.modseq:
                continue
            yield render(self.number(message.uid), message, asked)
        self._told_modseq = mailbox.highestmodseq
        self._told_itself.clear()

    def _expunged(self, *, qresync: bool) -> Iterator[bytes]:
        present = self.mailbox.messages
        gone = [one for one in self.uids if one not in present]
        if not gone:
            return
        if qresync:
            yield b"* VANISHED %b" % str(UidSet.of(gone)).encode()
        else:
            for one in gone:
                yield b"* %d EXPUNGE" % self.number(one)
                self.uids.remove(one)
        self.uids = [one for one in self.uids if one in present]
