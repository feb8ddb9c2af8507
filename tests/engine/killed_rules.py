"""Mail that comes and is judged, and a process that kills itself at a chosen persistence step of it.

`python -m tests.engine.killed_rules HOME [STEP [URL]]`: with STEP it is killed there; without, each step in
turn is killed in a home of its own (HOME-1, HOME-2, ...), and their names printed. Every part asks what is
there already, so that it can be run again.
"""

from __future__ import annotations

import os
import signal
import sys
from pathlib import Path

from eilbote.config import Config
from eilbote.engine.app import App, open_app
from eilbote.engine.filter import filter_new
from eilbote.engine.rule_scripts import decider_of
from eilbote.mail.mailbox import MailboxName, SpecialUse
from eilbote.store.update_values import MailboxUpdate
from eilbote.store.values import ListedMailbox, Watermarks
from tests.store.given import ANNA, NOW, arrival

BOOK = """
[[script]]
name = "alles"
sieve = '''
require ["vacation", "copy", "fileinto", "imap4flags", "duplicate", "editheader"];
if header :contains "subject" "weiter" { redirect :copy "chef@example.net"; fileinto "Fort"; }
elsif header :contains "subject" "frei" { vacation :days 7 "Nicht da."; addflag "$Frei"; }
elsif header :contains "subject" "neu" { addheader "X-Neu" "ja"; fileinto "Neu"; }
elsif header :contains "subject" "weg" { discard; }
elsif duplicate { fileinto "Doppelt"; }
'''
"""
MAILS = ("weiter 1", "frei 1", "frei 2", "neu 1", "weg 1", "rest 1", "weiter 2")


def raw(number: int, subject: str) -> bytes:
    return (
        f"Return-Path: <max@example.com>\r\nFrom: Max <max@example.com>\r\nTo: anna@example.org\r\n"
        f"Subject: {subject}\r\nMessage-ID: <{number}@example.com>\r\n\r\nText\r\n"
    ).encode()


def run(app: App) -> None:
    """Brings the home to the same end from wherever it was left."""
    store = app.store
    accounts = store.accounts.all() or [store.accounts.add(ANNA, NOW)]
    account = store.accounts.get(accounts[0].id)
    boxes = store.mailboxes.all(account.id)
    if not boxes:
        listed = [
            ListedMailbox(MailboxName("INBOX"), role=SpecialUse.INBOX),
            ListedMailbox(MailboxName("Trash"), role=SpecialUse.TRASH),
        ]
        boxes = store.mailboxes.upsert(account.id, listed)
    inbox = next(box for box in boxes if box.name == "INBOX")
    if not inbox.watermarks.uidvalidity:
        store.mailboxes.set_watermarks(inbox.id, Watermarks(uidvalidity=7, uidnext=1))
    if account.synced is None:
        store.accounts.update(account.id, synced=NOW)
    if not store.rule_book.revision():
        store.rule_book.save(BOOK, 0, NOW)
    for number, subject in enumerate(MAILS, 1):
        if store.mailboxes.get(inbox.id).watermarks.cursor < number:
            one = arrival(
                number, raw=raw(number, subject), message_id=f"{number}@example.com", date=app.clock.now()
            )
            marks = Watermarks(uidvalidity=7, uidnext=number + 1, cursor=number)
            store.messages.apply(inbox.id, MailboxUpdate(arrivals=[one], watermarks=marks), NOW)
        account = store.accounts.get(account.id)
        filter_new(app, account, decider_of(app, account))


def config(home: Path, url: str = "") -> Config:
    return Config(home, store=url, key_file=str(home.parent / "key"))


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
