"""One small story that has everything of a session in it: mail that is there, changes by another
client, changes made here, and what must have come of them on both sides.

The oracle is `EXPECTED`, written down here; the engine has no part in it.
"""

from __future__ import annotations

import imaplib
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Protocol

from eilbote.engine import act
from eilbote.engine.app import App
from eilbote.engine.mailboxes import create_mailbox
from eilbote.mail.mailbox import FLAGGED
from eilbote.store.values import Account
from eilbote.testing.imap.behaviour import Behaviour
from eilbote.testing.imap.mailstore import Mailbox, Mailstore
from tests.engine.world import RealServer, mail

BOXES = ("INBOX", "Archive", "Neu")
BEFORE = {"INBOX": range(1, 9), "Archive": range(9, 11)}
BIG = 12
"""This mail is larger than the others."""

Mails = dict[str, dict[int, tuple[frozenset[str], bytes]]]
"""Mailbox -> UID -> flags and bytes."""

_SEEN = frozenset({"\\Seen"})
_FLAGGED = frozenset({"\\Flagged"})
_NONE = frozenset[str]()
_WHERE: dict[str, dict[int, frozenset[str]]] = {
    "INBOX": {1: _FLAGGED, 3: _NONE, 6: _SEEN, 8: _NONE, 11: _NONE, 12: _NONE},
    "Archive": {2: _NONE, 3: _NONE, 7: _NONE, 9: _NONE, 10: _NONE, 70: _NONE},
}


def mail_of(number: int) -> bytes:
    return mail(number, size=1500 if number == BIG else 0)


EXPECTED = Counter(
    (box, flags, mail_of(number)) for box, mails in _WHERE.items() for number, flags in mails.items()
)
"""What both sides hold in the end: mailbox, flags, bytes, how often."""
ARRIVED = Counter({mail_of(number): 1 for number in (*range(1, 13), 70)}) + Counter({mail_of(3): 1})
"""How often each mail may at most have been new: once for each copy that anybody made."""


def left_behind(behaviour: Behaviour) -> tuple[int, ...]:
    """On a server without UIDPLUS what leaves the inbox is marked as deleted, and stays (museum M14)."""
    if behaviour.has("UIDPLUS"):
        return ()
    return (4,) if behaviour.has("MOVE") else (2, 4)


def expected_of(behaviour: Behaviour) -> Counter[tuple[str, frozenset[str], bytes]]:
    """`EXPECTED` on a server of this kind."""
    stays = left_behind(behaviour)
    return EXPECTED + Counter(("INBOX", frozenset({"\\Deleted"}), mail_of(number)) for number in stays)


def arrived_at(behaviour: Behaviour) -> Counter[bytes]:
    """`ARRIVED` on a server of this kind: without UIDPLUS a move leaves a copy."""
    return ARRIVED + Counter(mail_of(2) for number in left_behind(behaviour) if number == 2)


class Side(Protocol):
    """The server, for another client than ours."""

    def append(self, box: str, number: int) -> None: ...
    def flag(self, box: str, number: int, flag: str) -> None: ...
    def delete(self, box: str, number: int) -> None: ...
    def move(self, box: str, number: int, target: str) -> None: ...


def lay_out(side: Side) -> None:
    """The mail that is there before anything happens."""
    for box, numbers in BEFORE.items():
        for number in numbers:
            side.append(box, number)


def act_there(side: Side) -> None:
    """What another client does meanwhile."""
    side.append("INBOX", 11)
    side.append("INBOX", BIG)
    side.delete("INBOX", 5)
    side.flag("INBOX", 6, "\\Seen")
    side.move("INBOX", 7, "Archive")


def act_here(app: App, account: Account) -> None:
    """What somebody does here: flag, move, copy, delete, append, a new mailbox."""
    ids = {
        int(place.envelope.message_id[1:].partition("@")[0]): place.id
        for place in app.store.messages.list_placements(account=account.id, limit=100)
    }
    act.change_flags(app, [ids[1]], add=[FLAGGED])
    act.move(app, [ids[2]], "Archive")
    act.copy(app, [ids[3]], "Archive")
    act.delete(app, [ids[4]], for_good=True)
    act.append(app, account, "Archive", mail_of(70))
    create_mailbox(app, account, "Neu")


def counted(mails: Mails) -> Counter[tuple[str, frozenset[str], bytes]]:
    """The same as `EXPECTED` counts it."""
    return Counter((box, flags, raw) for box, held in mails.items() for flags, raw in held.values())


class Stored:
    """A Mailstore changed as another client would change it."""

    def __init__(self, store: Mailstore) -> None:
        self._store = store

    def append(self, box: str, number: int) -> None:
        self._store[box].append(mail_of(number))

    def flag(self, box: str, number: int, flag: str) -> None:
        mailbox = self._store[box]
        uid = _uid(mailbox, number)
        mailbox.set_flags(uid, mailbox.messages[uid].flags | {flag})

    def delete(self, box: str, number: int) -> None:
        self._store[box].expunge([_uid(self._store[box], number)])

    def move(self, box: str, number: int, target: str) -> None:
        moved = self._store[box].messages[_uid(self._store[box], number)]
        self._store[target].append(moved.raw, moved.flags, moved.internal_date)
        self.delete(box, number)


def stored_mails(store: Mailstore) -> Mails:
    """What a Mailstore shows; empty mailboxes are left out."""
    found: Mails = {}
    for name, mailbox in store.mailboxes.items():
        shown = [one for one in mailbox.messages.values() if one.uid not in mailbox.hidden]
        if shown:
            found[name] = {one.uid: (one.flags, one.raw) for one in shown}
    return found


def held_mails(app: App, account: Account) -> Mails:
    """What lies in our store under a number of the server's."""
    found: Mails = {}
    for mailbox in app.store.mailboxes.all(account.id):
        for place in app.store.messages.list_placements(mailbox=mailbox.id, limit=100_000):
            if place.uid > 0:
                found.setdefault(mailbox.name, {})[place.uid] = (
                    place.flags,
                    app.store.messages.raw(place.id),
                )
    return found


def _uid(mailbox: Mailbox, number: int) -> int:
    raw = mail_of(number)
    return next(uid for uid, one in mailbox.messages.items() if one.raw == raw)


class OverTheWire:
    """A real server changed through the standard library's client."""

    def __init__(self, client: imaplib.IMAP4) -> None:
        self._client = client

    def append(self, box: str, number: int) -> None:
        self._client.append(box, "", "", mail_of(number))

    def flag(self, box: str, number: int, flag: str) -> None:
        self._client.uid("STORE", self._uid(box, number), "+FLAGS", f"({flag})")

    def delete(self, box: str, number: int) -> None:
        uid = self._uid(box, number)
        self._client.uid("STORE", uid, "+FLAGS", "(\\Deleted)")
        self._client.uid("EXPUNGE", uid)

    def move(self, box: str, number: int, target: str) -> None:
        self._client.uid("COPY", self._uid(box, number), target)
        self.delete(box, number)

    def _uid(self, box: str, number: int) -> str:
        self._client.select(box)
        found = self._client.uid("SEARCH", "HEADER", "Message-ID", f"<m{number}@example.org>")[1][0]
        assert isinstance(found, bytes)
        return found.decode().split()[-1]


@contextmanager
def other_client(server: RealServer, user: str) -> Iterator[OverTheWire]:
    with server.imap(user) as client:
        yield OverTheWire(client)
