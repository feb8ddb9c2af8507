"""Does with one mail what a rule decided, inside a transaction of the caller: the local change and what is
owed to the server, and mails into the outbox. All of it or, by an error, nothing.
"""

from __future__ import annotations

from typing import assert_never

from msgspec.structs import replace

from eilbote.errors import Gone, NotAllowed
from eilbote.store import acts, appending, folders, mailboxes, outgoing_queue, rule_memory
from eilbote.store.bodies import Bodies
from eilbote.store.database import Session
from eilbote.store.rule_values import (
    ChangeFlags,
    CopyTo,
    Drop,
    Effect,
    MoveTo,
    Put,
    Ruling,
    Send,
    Target,
)
from eilbote.store.values import Debt, Mailbox

ORIGIN = "rule"


class Doing:
    """One ruling being carried out. `run` is its number in history, which names what it sends."""

    def __init__(self, session: Session, bodies: Bodies, ruling: Ruling, run: int, now: float) -> None:
        self._session = session
        self._bodies = bodies
        self._ruling = ruling
        self._run = run
        self._now = now
        self._place = ruling.place
        self.debts: list[int] = []
        self.outgoing: list[int] = []
        self.made: list[int] = []
        """Messages that came into being."""
        self.touched: list[tuple[int, int]] = [(ruling.place[0], ruling.message)]
        """Where something was done, as (mailbox, message)."""
        self.answered_before: list[str] = []
        """Handles of what was not sent, because it was sent before."""

    def carry_out(self) -> None:
        """NotAllowed `rules.sent_enough` where a cap is reached; Gone where a mailbox or the mail is gone."""
        for effect in self._ruling.effects:
            self._do(effect)
        for memory in self._ruling.memories:
            rule_memory.remember(self._session, self._ruling.account, memory)

    def _do(self, effect: Effect) -> None:
        session, now = self._session, self._now
        match effect:
            case ChangeFlags(add=add, remove=remove):
                self._owed(acts.change_flags(session, [self._place], add, remove, ORIGIN, now))
            case CopyTo(target=target, add=add):
                home = self._home(target)
                if _has_twin(session, home.id, self._ruling.message):
                    return
                made = acts.copy(session, [self._place], home.id, ORIGIN, now)
                self._owed(made)
                for one in made:
                    self.made.append(one.message)
                    self.touched.append((home.id, one.message))
                    if add:
                        there = [(home.id, one.placement)]
                        self._owed(acts.change_flags(session, there, add, frozenset(), ORIGIN, now))
            case MoveTo(target=target):
                home = self._home(target)
                if home.id == self._place[0]:
                    return
                made = acts.move(session, [self._place], home.id, ORIGIN, now)
                if not made:
                    raise Gone("store.no_message", id=self._ruling.message)
                self._owed(made)
                self._place = (home.id, made[0].placement)
                self.touched.append((home.id, self._ruling.message))
            case Put(arrival=arrival, target=target):
                number = self._place[0] if target is None else self._home(target).id
                made = appending.append(session, self._bodies, number, [arrival], ORIGIN, now)
                self.made += [one.message for one in made]
                self.touched += [(number, one.message) for one in made]
                self._owed(made)
            case Drop():
                self._owed(acts.delete(session, [self._place], ORIGIN, now))
            case Send():
                self._send(effect)
            case _:
                assert_never(effect)

    def _owed(self, made: list[Debt]) -> None:
        self.debts += [one.id for one in made]

    def _home(self, target: Target) -> Mailbox:
        """The mailbox, made where it is missing."""
        session, account = self._session, self._ruling.account
        if target.role is not None:
            for one in mailboxes.in_account(session, account):
                if one.role is target.role and one.selectable:
                    return one
        found = mailboxes.by_name(session, account, target.name)
        if found is None:
            found, debt = folders.create(session, account, target.name, target.delimiter, ORIGIN, self._now)
            self.debts.append(debt.id)
        if not found.selectable:
            raise NotAllowed("mailbox.not_selectable", mailbox=target.name)
        return found

    def _send(self, effect: Send) -> None:
        session, account = self._session, self._ruling.account
        if effect.once is not None:
            if rule_memory.is_remembered(session, account, effect.once, self._now):
                self.answered_before.append(effect.once.item)
                return
            rule_memory.remember(session, account, effect.once)
        if effect.cap is not None and not rule_memory.count_sent(session, account, effect.cap):
            raise NotAllowed(
                "rules.sent_enough",
                rule=effect.cap.rule,
                recipient=effect.cap.recipient,
                most=effect.cap.most,
            )
        key = f"{ORIGIN}:{self._run}:{len(self.outgoing)}"
        mail = outgoing_queue.add(session, replace(effect.mail, key=key), self._now)
        self.outgoing.append(mail.id)


def _has_twin(session: Session, mailbox: int, message: int) -> bool:
    """Whether the same bytes lie there already: rules that run again make no second copy."""
    twin = session.one(
        "SELECT 1 FROM message m JOIN message t ON t.content = m.content"
        " JOIN placement p ON p.message = t.id WHERE m.id = ? AND p.mailbox = ?",
        (message, mailbox),
    )
    return twin is not None
