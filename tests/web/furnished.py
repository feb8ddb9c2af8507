"""A home as somebody has it who has used Eilbote for a while: the demo's mail, an outbox with mail in every
state, people with different rights. The same in every run, so that its pictures are.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from email.message import EmailMessage
from pathlib import Path

from eilbote.clock import SystemClock
from eilbote.config import Config
from eilbote.delivery.values import SendState
from eilbote.engine import read, setup
from eilbote.engine.app import App, open_app
from eilbote.engine.chosen_rules import Wanted
from eilbote.engine.indexing import index_all
from eilbote.engine.owner import sync_accounts
from eilbote.engine.run_rules import run_rules
from eilbote.engine.send import Envelope, queue_mail
from eilbote.engine.users import set_rights
from eilbote.secret import Secret
from eilbote.store.values import Right, Role
from eilbote.testing.demo import start_demo_servers
from tests.web.browser import given_user
from tests.web.name_server import name_server

NOW = 1_795_772_000.0
"""A working day, 27 November 2026, a little after half past nine in Berlin."""

_OUTBOX = (
    (SendState.ACCEPTED, "Angebot Küche, zweite Fassung", "max.lindner@example.org"),
    (SendState.DEFERRED, "Rechnung 2026-117", "buchhaltung@example.net"),
    (SendState.HELD, "Protokoll vom Montag", "alle@example.com"),
    (SendState.UNCERTAIN, "Zusage für Samstag", "eva@example.org"),
    (SendState.FAILED, "Unterlagen", "alte.adresse@example.org"),
    (SendState.DONE, "Re: Fotos vom Sommerfest", "familie@example.org"),
    (SendState.CANCELLED, "Zu früh gesendet", "max.lindner@example.org"),
)


class StandingClock(SystemClock):
    """It is always the same moment; what waits still waits."""

    def now(self) -> float:
        return NOW


@dataclass(frozen=True, slots=True)
class Furnished:
    """The home, and what the addresses of its pages are made of: names for ids."""

    app: App
    ids: dict[str, str]


@asynccontextmanager
async def furnished(folder: Path) -> AsyncIterator[Furnished]:
    """Kim owns the page, Lea may read, Noah has no right to any account, Ines is an auditor."""
    async with name_server() as names, start_demo_servers(lambda: NOW) as servers:
        config = Config(home=folder / "home", key_file=str(folder / "key"), dns_servers=names)
        with open_app(config, clock=StandingClock()) as app:
            wanted = setup.Wanted(
                address=servers.user,
                name="Jona Albrecht",
                imap=f"{servers.imap_host}:{servers.imap_port}",
                smtp=f"{servers.smtp_host}:{servers.smtp_port}",
                security="none",
            )
            planned = setup.planned_account(app, wanted)
            await setup.add_account(app, planned, Secret(servers.password))
            (report,) = await sync_accounts(app)
            assert report.failed is None, report.failed
            index_all(app.store)
            ids = _ids(app) | _given_people(app) | _given_outbox(app)
            yield Furnished(app, ids | _given_rules(app))


def _ids(app: App) -> dict[str, str]:
    (account,) = app.store.accounts.all()
    boxes = {str(box.name): box for box in app.store.mailboxes.all(account.id)}
    inbox = app.store.messages.list_placements(mailbox=boxes["INBOX"].id, limit=1000)
    threads: dict[int, int] = {}
    for one in inbox:
        threads[one.thread] = threads.get(one.thread, 0) + 1
    html = {one.id for one in inbox if b"text/html" in app.store.messages.raw(one.id)}
    return {
        "account": str(account.id),
        "box": str(boxes["Rechnungen"].id),
        "trash": str(boxes["Papierkorb"].id),
        "archive": str(boxes["Archiv"].id),
        "html": next(str(one.id) for one in inbox if one.id in html),
        "text": next(str(one.id) for one in inbox if one.id not in html and threads[one.thread] > 2),
        "attached": next(str(one.id) for one in inbox if one.envelope.attachments),
        "boxed": str(app.store.messages.list_placements(mailbox=boxes["Rechnungen"].id, limit=1)[0].id),
        "found": str(read.search_mail(app, "küche angebot", None, 1)[0].id),
    }


_RULES = """\
[[rule]]
name = "Rechnungen"
if = [{subject = ["Rechnung", "Mahnung"]}]
then = [{label = "Rechnung"}]
stop = true

[[rule]]
name = "Vom Steuerberater"
if = [{from = ["@steuerberater.example", "anna.berger@example.org"]}, {attachment = "pdf"}]
then = [{move = "Buchhaltung"}, {mark = "flagged"}]

[[rule]]
name = "Alte Newsletter"
match = "any"
enabled = false
if = [{list = true}, {older = "30d"}]
then = [{archive = true}]

[[script]]
name = "Eigenes"
sieve = '''
require ["fileinto"];
if header :contains "subject" "Angebot" {
    fileinto "Angebote";
    verschiebe "Kundschaft";
}
'''
"""


def _given_rules(app: App) -> dict[str, str]:
    """Rules, one of them with a problem, and what one did with mail that was there."""
    app.store.rule_book.save(_RULES, 0, NOW)
    done = run_rules(app, Wanted(rule="Rechnungen", mailbox="Rechnungen"), sure=True)
    assert done.changed
    (run, *_) = app.store.rule_runs.history()
    return {"ruled": str(run.message)}


def _given_people(app: App) -> dict[str, str]:
    (account,) = app.store.accounts.all()
    given_user(app, "Kim")
    set_rights(app, given_user(app, "Lea", Role.MEMBER), {account.id: Right.READ})
    given_user(app, "Noah", Role.MEMBER)
    return {"user": str(given_user(app, "Ines", Role.AUDITOR))}


def _given_outbox(app: App) -> dict[str, str]:
    (account,) = app.store.accounts.all()
    ids: dict[str, str] = {}
    for number, (state, subject, to) in enumerate(_OUTBOX):
        made = EmailMessage()
        made["From"], made["To"], made["Subject"] = account.address, to, subject
        made["Date"] = "Fri, 27 Nov 2026 09:12:00 +0100"
        made["Message-ID"] = f"<outbox-{number}@example.org>"
        made.set_content("Guten Tag,\n\nanbei das Versprochene.\n\nViele Grüße\nJona\n")
        raw = made.as_bytes().replace(b"\n", b"\r\n")
        mail = queue_mail(app, account, raw, Envelope(account.address, (to,)))
        with app.store.database.write() as session:
            session.run("UPDATE outgoing SET state = ? WHERE id = ?", (state.value, mail.id))
        ids[f"outgoing_{state.value.lower()}"] = str(mail.id)
    return ids
