"""Performs a workload, one operation after the other, and can be killed at any step and resumed.

Its own log (one line when an operation is done) is the only memory across a kill.
"""

from __future__ import annotations

import asyncio
import imaplib
import os
import signal
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from eilbote.config import Config
from eilbote.engine import act
from eilbote.engine.app import App, open_app
from eilbote.engine.owner import sync_accounts
from eilbote.mail.mailbox import MailboxName
from eilbote.secret import Secret
from eilbote.store.values import AuthKind, NewAccount, Placement, Security, Server
from tests.engine.world import mail
from tests.faults.workload import Operation, Workload


@dataclass(frozen=True, slots=True)
class Scene:
    """Where a workload runs."""

    folder: Path
    host: str
    port: int
    user: str
    store_url: str = ""
    password: str = "geheim-1"

    @property
    def config(self) -> Config:
        return Config(home=self.folder / "home", store=self.store_url, key_file=str(self.folder / "key"))

    @property
    def log(self) -> Path:
        return self.folder / "done.log"


def message_id(number: int) -> str:
    return f"m{number}@example.org"


def perform(scene: Scene, workload: Workload, observer: Callable[[str], None]) -> None:
    """Does what the log does not know as done. `observer` may kill the process."""
    with open_app(scene.config, observer=observer) as app:
        if not app.store.accounts.all():
            _add_account(app, scene)
        done = len(scene.log.read_text().splitlines()) if scene.log.exists() else 0
        for number, operation in enumerate(workload.operations):
            if number >= done:
                _perform(app, scene, operation)
                with scene.log.open("a") as log:
                    log.write(f"{number} {operation}\n")


def killed_at(step: int) -> Callable[[str], None]:
    """An observer that ends its process the hard way at the given step."""
    seen = 0

    def observe(name: str) -> None:
        nonlocal seen
        seen += 1
        if seen == step:
            os.kill(os.getpid(), signal.SIGKILL)

    return observe


def _add_account(app: App, scene: Scene) -> None:
    address = f"{scene.user}@example.de"
    sealed = app.vault.seal(Secret(scene.password), f"account:{address}")
    server = Server(scene.host, scene.port, Security.NONE)
    app.store.accounts.add(
        NewAccount(
            address=address, name="", user=scene.user, auth=AuthKind.PASSWORD, sealed=sealed, imap=server
        )
    )


def _perform(app: App, scene: Scene, operation: Operation) -> None:
    if operation.side == "both":
        (report,) = asyncio.run(sync_accounts(app))
        assert report.failed is None and not report.problems, report
    elif operation.side == "there":
        _perform_there(scene, operation)
    else:
        _perform_here(app, operation)


def _perform_there(scene: Scene, operation: Operation) -> None:
    client = imaplib.IMAP4(scene.host, scene.port)
    client.login(scene.user, scene.password)
    try:
        if operation.kind == "append":
            if not _find(client, operation.target, operation.mail):
                client.append(operation.target, "", "", mail(operation.mail))
            return
        uids = _find(client, operation.source, operation.mail)
        if operation.kind in ("move", "copy") and not _find(client, operation.target, operation.mail):
            _find(client, operation.source, operation.mail)
            client.uid("COPY", uids[0], operation.target)
        uids = _find(client, operation.source, operation.mail)
        if operation.kind in ("move", "delete") and uids:
            client.uid("STORE", uids[0], "+FLAGS", "(\\Deleted)")
            client.uid("EXPUNGE", uids[0])
        if operation.kind in ("flag", "unflag"):
            client.uid(
                "STORE", uids[0], "+FLAGS" if operation.kind == "flag" else "-FLAGS", f"({operation.target})"
            )
    finally:
        client.logout()


def _find(client: imaplib.IMAP4, mailbox: str, number: int) -> list[str]:
    client.select(mailbox)
    found = client.uid("SEARCH", "HEADER", "Message-ID", f"<{message_id(number)}>")[1][0]
    return (found or b"").decode().split()


def _perform_here(app: App, operation: Operation) -> None:
    (account,) = app.store.accounts.all()
    places = [p for p in _everything(app) if p.envelope.message_id == message_id(operation.mail)]
    if operation.kind == "append":
        if not places:
            act.append(app, account, operation.target, mail(operation.mail))
        return
    there = [p for p in places if p.mailbox == operation.source]
    if operation.kind == "delete":
        if there:
            act.delete(app, [there[0].id], for_good=True)
        return
    arrived = any(p.mailbox == operation.target for p in places)
    if operation.kind == "move" and not arrived:
        act.move(app, [there[0].id], operation.target)
    elif operation.kind == "copy" and not arrived:
        act.copy(app, [there[0].id], operation.target)
    elif operation.kind == "flag":
        act.change_flags(app, [there[0].id], add=[operation.target])
    elif operation.kind == "unflag":
        act.change_flags(app, [there[0].id], remove=[operation.target])


def _everything(app: App) -> list[Placement]:
    (account,) = app.store.accounts.all()
    found: list[Placement] = []
    for name in ("INBOX", "Archive", "Junk"):
        mailbox = app.store.mailboxes.find(account.id, MailboxName(name))
        if mailbox is not None:
            found += app.store.messages.list_placements(mailbox=mailbox.id, limit=10_000)
    return found
