"""`eilbote demo`: the whole program on sample mail, with mail servers of its own on this machine.

It shows each command with its true outcome, then keeps servers and home in service, so that a second
terminal can try the rest. Nothing leaves the machine. This face alone may use `eilbote.testing`.
"""

from __future__ import annotations

import asyncio
import dataclasses
import shlex
import shutil
import sys
import tempfile
from contextlib import ExitStack
from pathlib import Path

import click
from msgspec import Struct
from msgspec.structs import replace

from eilbote.cli.command import Command, Option, mark
from eilbote.cli.face import Face
from eilbote.cli.listing import show_mail as show_list
from eilbote.cli.mailboxes import show_mailboxes
from eilbote.cli.message import show_mail
from eilbote.cli.progress import shown_progress
from eilbote.cli.serve import opened_page, tell_page
from eilbote.cli.terminal import styled, width, wrapped
from eilbote.clock import SystemClock
from eilbote.config import Config
from eilbote.engine import read, setup
from eilbote.engine.act import change_flags, mailbox_for
from eilbote.engine.app import App, open_app
from eilbote.engine.events import Event, PageOpened
from eilbote.engine.name_servers import system_name_servers
from eilbote.engine.owner import chosen_accounts, sync_accounts
from eilbote.engine.progress import SyncReport
from eilbote.engine.serve import serve
from eilbote.engine.verify import verify_accounts
from eilbote.engine.write import Letter, write_mail
from eilbote.errors import Garbled, NotAllowed, Refused
from eilbote.figures import duration, number, size
from eilbote.mail.mailbox import FLAGGED, SpecialUse
from eilbote.secret import Secret
from eilbote.store.values import AuthKind, Mailbox, Placement
from eilbote.testing.demo import DemoServers, start_demo_servers

_RULE = "─"
_MARGIN = 2
_WIDEST = 100
_LINES_OF_MAIL = 14
_FOUND = 6
_QUERY = "kueche angebot"


@click.command(
    "demo",
    cls=Command,
    help=mark(
        "Try everything without an account: mail servers with sample mail start on this machine, an "
        "account is set up and synced, and what can be done is shown. Then it all stays in service for "
        "a second terminal, until Ctrl-C."
    ),
)
@click.option("--once", cls=Option, is_flag=True, help=mark("End after the show."))
@click.option(
    "--listen",
    cls=Option,
    metavar="HOST:PORT",
    help=mark("Address of this machine and port of the web page; off: no page (setting listen)."),
)
@click.pass_obj
def demo(face: Face, once: bool, listen: str | None) -> None:
    with ExitStack() as stack:
        if face.home is None:
            face.home = stack.enter_context(tempfile.TemporaryDirectory(prefix="eilbote-demo-"))
            temporary = True
        else:
            _refuse_used(Path(face.home))
            temporary = False
        asyncio.run(_Show(face, once=once, temporary=temporary, listen=listen).run())
    if not once:
        face.note(
            mark("The demo has ended; its folder is removed.") if temporary else mark("The demo has ended.")
        )


def _refuse_used(home: Path) -> None:
    # The demo's account would stay behind among real ones, with a server that is gone.
    if home.is_dir() and any(home.iterdir()):
        raise NotAllowed("demo.home_in_use", home=home)


class _Show(Struct):
    """One run of the show, scene by scene."""

    face: Face
    once: bool
    temporary: bool
    listen: str | None = None
    scene: int = 0

    async def run(self) -> None:
        async with start_demo_servers(SystemClock().now) as servers:
            config = self._asking(servers.names)
            with open_app(config) as app:
                await self._scenes(app, servers)
                if not self.once:
                    await self._stay(app)

    def _asking(self, names: str) -> Config:
        """The settings, with the demo's name server before the others: the domains of the sample people are
        its own, and nobody else is asked about them. A second terminal reads it from the home, if that goes
        with the demo."""
        others = self.face.config.dns_servers.split() or [
            f"[{one.address}]" if ":" in one.address else one.address for one in system_name_servers()
        ]
        servers = " ".join((names, *others))
        if self.temporary:
            file = self.face.config.home / "config.toml"
            file.write_text(f'dns_servers = "{servers}"\n', encoding="utf-8")
        return dataclasses.replace(self.face.config, dns_servers=servers)

    async def _scenes(self, app: App, servers: DemoServers) -> None:
        self._title(servers)
        await self._add(app, servers)
        await self._sync(app)
        mailboxes = read.list_mailboxes(app)
        self._scene(mark("Mailboxes, known by what they are for"), "mailboxes")
        if not self.face.json:
            show_mailboxes(self.face, mailboxes)
        found = self._search(app)
        plain = [each for each in found if FLAGGED not in each.flags]
        mail = (plain or read.list_mail(app, "INBOX", None, 1))[0]
        self._read(app, mail)
        await self._both_ways(app, mail)
        await self._answer(app, mail)
        await self._proof(app)
        if self.face.json:
            self.face.record(_shape(app, servers, mailboxes))
        else:
            self._next_steps(app, mail)

    # --- scenes ---

    async def _add(self, app: App, servers: DemoServers) -> None:
        imap = f"{servers.imap_host}:{servers.imap_port}"
        smtp = f"{servers.smtp_host}:{servers.smtp_port}"
        self._scene(
            mark("An account; its password is sealed before it is stored"),
            *("account", "add", servers.user, "--imap", imap, "--security", "none"),
        )
        wanted = setup.Wanted(servers.user, imap=imap, smtp=smtp, security="none", auth=AuthKind.PASSWORD)
        planned = setup.planned_account(app, wanted)
        tested = await setup.add_account(app, planned, Secret(servers.password))
        if tested.error is not None:
            raise tested.error
        self._done(mark("{address} is set up; the login works."), address=servers.user)

    async def _sync(self, app: App) -> None:
        self._scene(mark("The first sync: all mail stored, threaded and searchable"), "sync")
        outcome, seconds = await self._timed_sync(app)
        language = self.face.catalogue.language
        self._done(
            mark("{number} mails, {size}, in {time}"),
            number=number(outcome.new, language),
            size=size(outcome.bytes, language),
            time=duration(seconds, language),
        )

    async def _timed_sync(self, app: App) -> tuple[SyncReport, float]:
        start = app.clock.monotonic()
        with shown_progress(self.face) as report:
            (outcome,) = await sync_accounts(app, report=report)
        if outcome.failed is not None:
            raise Refused(outcome.failed)
        return outcome, app.clock.monotonic() - start

    def _search(self, app: App) -> list[Placement]:
        self._scene(mark("A search; it finds umlauts in any spelling"), "search", *_QUERY.split())
        start = app.clock.monotonic()
        found = read.search_mail(app, _QUERY, None, _FOUND)
        milliseconds = (app.clock.monotonic() - start) * 1000
        if not self.face.json:
            show_list(self.face, found, app.clock.now())
            self.face.line()
            self._done(mark("found in {time} ms"), time=f"{milliseconds:.0f}")
        return found

    def _read(self, app: App, mail: Placement) -> None:
        self._scene(mark("A mail, read"), "show", str(mail.id))
        shown = read.show_mail(app, str(mail.id))
        if not self.face.json:
            lines = shown.text.strip().splitlines()
            if len(lines) > _LINES_OF_MAIL:
                lines = [*lines[:_LINES_OF_MAIL], "…"]
            show_mail(self.face, replace(shown, text="\n".join(lines)))

    async def _both_ways(self, app: App, mail: Placement) -> None:
        self._scene(
            mark("Both directions: a star set here reaches the server"), "flag", str(mail.id), "--flagged"
        )
        change_flags(app, [mail.id], [FLAGGED])
        outcome, seconds = await self._timed_sync(app)
        self._done(
            mark("{number} carried to the server, in {time}"),
            number=number(outcome.pushed, self.face.catalogue.language),
            time=duration(seconds, self.face.catalogue.language),
        )

    async def _answer(self, app: App, mail: Placement) -> None:
        text = self.face.text(mark("Thank you, that suits me well."))
        self._scene(
            mark("An answer: kept on disk, handed over, its copy filed"),
            *("send", "--reply", str(mail.id), "--text", text),
        )
        write_mail(app, Letter(answers=str(mail.id), text=text, language=self.face.catalogue.language))
        outcome, seconds = await self._timed_sync(app)
        if outcome.delivered is None or outcome.delivered.sent != 1:
            raise Garbled("demo.differences")
        self._done(
            mark("sent, and a copy in {mailbox}, in {time}"),
            mailbox=mailbox_for(app, mail.account, SpecialUse.SENT).name,
            time=duration(seconds, self.face.catalogue.language),
        )

    async def _proof(self, app: App) -> None:
        self._scene(
            mark("The proof: every mailbox compared with the server, byte by byte"), "verify", "--content"
        )
        reports = [each async for each in verify_accounts(app, chosen_accounts(app, ()), content=True)]
        if not all(each.ok for each in reports):
            raise Garbled("demo.differences")
        self._done(
            mark("{number} mails in {mailboxes} mailboxes: server and local copy are the same."),
            number=number(sum(each.store for each in reports), self.face.catalogue.language),
            mailboxes=len(reports),
        )

    def _next_steps(self, app: App, mail: Placement) -> None:
        face = self.face
        face.margin = 0
        face.line()
        if self.once:
            self._heading(mark("Your own mail"))
            steps = [
                (face.text(mark("eilbote account add you@example.org")), mark("set up an account")),
                ("eilbote sync", mark("fetch it all")),
            ]
        else:
            self._heading(mark("Your turn, in a second terminal"))
            face.line(f"  export EILBOTE_HOME={shlex.quote(str(app.config.home))}", "cyan")
            if shutil.which("eilbote") is None:
                folder = Path(sys.argv[0]).absolute().parent
                face.line(f"  export PATH=$PATH:{shlex.quote(str(folder))}", "cyan")
            steps = [
                ("eilbote list INBOX", mark("list the inbox")),
                ("eilbote search is:unread from:jens", mark("search")),
                (f"eilbote thread {mail.id}", mark("read a whole conversation")),
                (f"eilbote archive {mail.id}", mark("archive a mail")),
                (f"eilbote undo {mail.id}", mark("and take it back")),
                ("eilbote outbox list", mark("what was sent, and how")),
                ("eilbote rules ready-made invoices --add", mark("add a ready-made rule")),
                ("eilbote rules test", mark("see what it would do with the mail that is there, and why")),
                ("eilbote sync --dry-run", mark("see what a sync would do")),
                ("eilbote verify", mark("prove that nothing is missing")),
                ("eilbote doctor", mark("have everything looked at, from this computer to the mailbox")),
                ("eilbote --help", mark("all commands")),
            ]
        broadest = max(len(command) for command, _ in steps)
        for command, meaning in steps:
            told = face.text(meaning)
            if face.colour():
                face.line(f"  {styled(command.ljust(broadest), 'cyan')}  {styled(told, 'dim')}")
            else:
                face.line(f"  {command:<{broadest}}  {told}")
        face.line()

    async def _stay(self, app: App) -> None:
        self.face.note(mark("Server and home stay in service. Stop with Ctrl-C."))
        await serve(app, beside=opened_page(self.face, app, self.listen, self._told))

    def _told(self, event: Event) -> None:
        match event:
            case PageOpened(address=address, link=link):
                tell_page(self.face, address, link)
            case _:
                pass

    # --- speaking ---

    def _title(self, servers: DemoServers) -> None:
        face = self.face
        if face.json:
            return
        face.line()
        face.margin = _MARGIN
        face.line("Eilbote  " + face.text(mark("all your mail in one place of your own")), "title")
        face.line()
        text = face.text(
            mark(
                "A mail server with sample mail now runs on this machine ({host}:{port}). Nothing leaves it."
            ),
            host=servers.imap_host,
            port=servers.imap_port,
        )
        for line in wrapped(text, min(face.cells(), _WIDEST)):
            face.line(line)

    def _scene(self, heading: str, *command: str) -> None:
        """A numbered heading, and the command that does what follows."""
        face = self.face
        if face.json:
            return
        self.scene += 1
        face.line()
        face.margin = 0
        self._heading(heading, f"{self.scene} ")
        face.margin = _MARGIN
        typed = "$ eilbote " + " ".join(map(shlex.quote, command))
        first, *others = wrapped(typed, min(face.cells(), _WIDEST) - 2)
        face.line(first + (" \\" if others else ""), "cyan")
        for at, line in enumerate(others, 1):
            face.line(f"    {line}" + (" \\" if at < len(others) else ""), "cyan")
        face.line()

    def _heading(self, heading: str, lead: str = "") -> None:
        text = f"{lead}{self.face.text(heading)} "
        room = min(self.face.cells(), _WIDEST) - width(text)
        self.face.line(text + _RULE * max(0, room), "bold")

    def _done(self, english: str, **parameters: object) -> None:
        if not self.face.json:
            self.face.line("✓ " + self.face.text(english, **parameters), "green")


def _shape(app: App, servers: DemoServers, mailboxes: list[tuple[str, Mailbox]]) -> dict[str, object]:
    return {
        "home": str(app.config.home),
        "address": servers.user,
        "imap": f"{servers.imap_host}:{servers.imap_port}",
        "smtp": f"{servers.smtp_host}:{servers.smtp_port}",
        "password": servers.password,
        "mailboxes": len(mailboxes),
        "messages": sum(each.messages for _, each in mailboxes),
    }
