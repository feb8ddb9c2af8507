"""A workload on the store, and a process that kills itself at a chosen persistence step of it.

`python -m tests.store.killed_workload HOME [STEP URL]`: with STEP it is killed there; without,
each step in turn is killed in a home of its own (HOME-1, HOME-2, ...), and their names printed.
Every part of the workload asks what is there already, so that it can be run again.
"""

from __future__ import annotations

import os
import signal
import sys
from pathlib import Path

from eilbote.errors import Gone
from eilbote.mail.mailbox import FLAGGED, SEEN, MailboxName, UidSet
from eilbote.mail.source import EnvelopeSource
from eilbote.store import Store
from eilbote.store.update_values import FlagChange, MailboxUpdate
from eilbote.store.values import DebtKind, ListedMailbox, Watermarks
from tests.store.given import ANNA, NOW, arrival, raw_mail


def run(store: Store) -> None:
    """Brings the store to the same end from wherever it was left."""
    try:
        account = store.accounts.get(ANNA.address)
    except Gone:
        account = store.accounts.add(ANNA, NOW)
    listed = [ListedMailbox(MailboxName("INBOX")), ListedMailbox(MailboxName("Archiv"))]
    inbox, archive = sorted(
        store.mailboxes.upsert(account.id, listed), key=lambda box: box.name, reverse=True
    )
    if inbox.watermarks.cursor < 30:
        for first in (1, 11, 21):
            batch = [arrival(uid) for uid in range(first, first + 10)]
            marks = Watermarks(uidvalidity=1, cursor=first + 9)
            store.messages.apply(inbox.id, MailboxUpdate(arrivals=batch, watermarks=marks), NOW)
    if inbox.watermarks.modseq < 5:
        update = MailboxUpdate(
            flags=[FlagChange(uid, frozenset({SEEN})) for uid in range(1, 11)],
            removed=UidSet.of([29, 30]),
            watermarks=Watermarks(uidvalidity=1, cursor=30, modseq=5),
        )
        store.messages.apply(inbox.id, update, NOW)
    held = store.messages.held_flags(inbox.id)
    if 3 in held and FLAGGED not in held[3]:
        store.journal.change_flags([(inbox.id, 3)], frozenset({FLAGGED}), frozenset(), "user", NOW)
    if 4 in held:
        store.journal.move([(inbox.id, 4)], archive.id, "user", NOW)
    owed = store.journal.open_debts(account.id)
    if not store.messages.sizes(archive.id) and not any(debt.kind == "append" for debt in owed):
        store.journal.append(archive.id, raw_mail(90), EnvelopeSource(), frozenset(), NOW, "user", NOW)
    for debt in store.journal.open_debts(account.id):
        store.journal.mark_sent([debt.id], NOW)
        numbers = {DebtKind.MOVE: 100, DebtKind.APPEND: 101}
        store.journal.close(debt.id, NOW, numbers.get(debt.kind))
    if 5 in held:
        message = next(row[2] for row in store.messages.places(all_ids(store)) if row[:2] == (inbox.id, 5))
        store.erase([message], NOW)
    store.messages.expire(NOW + 24 * 3600)
    store.compact(0.0)


def all_ids(store: Store) -> list[int]:
    return [one for account in store.accounts.all() for one in store.messages.ids_of(account.id)]


def killed_at(home: Path, step: int, url: str | None = None) -> list[str]:
    """Runs the workload to that step and dies there; returns the steps if there are not so many."""
    seen: list[str] = []

    def observe(name: str) -> None:
        seen.append(name)
        if len(seen) == step:
            os.kill(os.getpid(), signal.SIGKILL)

    with Store.open(home, url, observer=observe) as store:
        run(store)
    return seen


def killed_at_each(home: Path) -> list[str]:
    """A child for every step, each in its own home; returns the steps' names."""
    steps = killed_at(home, 0)
    for step in range(1, len(steps) + 1):
        child = os.fork()
        if child == 0:
            killed_at(home.with_name(f"{home.name}-{step}"), step)
            os._exit(0)
        _, status = os.waitpid(child, 0)
        assert os.WIFSIGNALED(status), f"step {step} was never reached"
    return steps


if __name__ == "__main__":
    if len(sys.argv) == 2:
        print("\n".join(killed_at_each(Path(sys.argv[1]))))
    else:
        killed_at(Path(sys.argv[1]), int(sys.argv[2]), sys.argv[3])
