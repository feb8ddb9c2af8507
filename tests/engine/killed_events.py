"""Mail that comes into a mailbox which a script watches, and a process that kills itself at a chosen step.

`python -m tests.engine.killed_events HOME [STEP [URL]]`, as `killed_rules`.
"""

from __future__ import annotations

import os
import signal
import sys
from pathlib import Path

from eilbote.engine.app import App, open_app
from eilbote.engine.filter_events import filter_events, watches
from eilbote.engine.rule_scripts import watched_by
from eilbote.mail.mailbox import MailboxName, SpecialUse
from eilbote.store.update_values import FlagChange, MailboxUpdate
from eilbote.store.values import ListedMailbox, Watermarks
from tests.engine.killed_rules import config, raw
from tests.store.given import ANNA, NOW, arrival

BOOK = """
[[script]]
name = "Ereignisse"
on = ["append", "flag"]
mailbox = "Steuer"
sieve = '''
require ["imapsieve", "environment", "copy", "fileinto", "imap4flags"];
if environment :is "imap.cause" "FLAG" { redirect :copy "chef@example.net"; addflag "$Gesehen"; }
elsif header :contains "subject" "kopie" { fileinto :copy "Kopien"; }
else { fileinto "Fort"; }
'''
"""
MAILS = ("kopie 1", "fort 1", "kopie 2")


def run(app: App) -> None:
    """Brings the home to the same end from wherever it was left."""
    store = app.store
    accounts = store.accounts.all() or [store.accounts.add(ANNA, NOW)]
    account = store.accounts.get(accounts[0].id)
    listed = [
        ListedMailbox(MailboxName("INBOX"), role=SpecialUse.INBOX),
        ListedMailbox(MailboxName("Steuer")),
        ListedMailbox(MailboxName("Kopien")),
        ListedMailbox(MailboxName("Fort")),
    ]
    boxes = store.mailboxes.all(account.id) or store.mailboxes.upsert(account.id, listed)
    box = next(one for one in boxes if one.name == "Steuer")
    if not box.watermarks.uidvalidity:
        store.mailboxes.set_watermarks(box.id, Watermarks(uidvalidity=7, uidnext=1))
    if not store.rule_book.revision():
        store.rule_book.save(BOOK, 0, NOW)
    look(app)
    for number, subject in enumerate(MAILS, 1):
        if store.mailboxes.get(box.id).watermarks.cursor < number:
            one = arrival(
                number, raw=raw(number, subject), message_id=f"{number}@example.com", date=app.clock.now()
            )
            marks = Watermarks(uidvalidity=7, uidnext=number + 1, cursor=number)
            store.messages.apply(box.id, MailboxUpdate(arrivals=[one], watermarks=marks), NOW)
        look(app)
    if store.mailboxes.get(box.id).watermarks.modseq < 9:
        marks = Watermarks(uidvalidity=7, uidnext=4, cursor=3, modseq=9)
        flags = [FlagChange(1, frozenset({"\\Flagged"}), 9)]
        store.messages.apply(box.id, MailboxUpdate(flags=flags, watermarks=marks), NOW)
    look(app)
    look(app)


def look(app: App) -> None:
    (account,) = app.store.accounts.all()
    for watch in watches(app, account, watched_by(app, account)):
        filter_events(app, account, watch)


def killed_at(home: Path, step: int, url: str = "") -> list[str]:
    """Runs it to that step and dies there; returns the steps if there are not so many."""
    seen: list[str] = []

    def observe(name: str) -> None:
        seen.append(name)
        if len(seen) == step:
            os.kill(os.getpid(), signal.SIGKILL)

    with open_app(config(home, url), observer=observe) as app:
        run(app)
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
        killed_at(Path(sys.argv[1]), int(sys.argv[2]), sys.argv[3] if len(sys.argv) > 3 else "")
