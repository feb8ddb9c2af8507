"""The programs that are measured, each set up as its manual advises and run as a whole process.

Every client gets a folder of its own on the same disk and the same user of the same server.
"""

from __future__ import annotations

import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import msgspec

from bench.measure import Run, RunFailed, measure, surroundings

_NOTHING_SENT = "127.0.0.1:9"
"""Nobody listens there, and nobody is asked: the benchmark sends no mail."""


@dataclass(frozen=True, slots=True)
class Login:
    """Where a client finds its mail."""

    port: int
    user: str
    password: str


class Client(Protocol):
    """A program that brings one user's mail into its folder."""

    name: str

    def sync(self) -> Run:
        """One whole pass; raises RunFailed."""
        ...

    def count(self) -> int:
        """How many mails its copy holds, so that no one wins by leaving some out."""
        ...


class Synced(msgspec.Struct):
    """The last line of `eilbote sync --json`, as far as it is read here."""

    new: int
    changed: int
    deleted: int
    stored_seconds: float
    seconds: float


class _MailboxLine(msgspec.Struct):
    messages: int


class Eilbote:
    """The product, through its command line alone."""

    def __init__(self, login: Login, folder: Path, *, headers_only: bool = False) -> None:
        self.name = "Eilbote, headers only" if headers_only else "Eilbote"
        self._folder = _fresh(folder)
        # nothing of the person who runs the benchmark is read or written
        self._environment = {
            "HOME": str(folder),
            "XDG_CONFIG_HOME": str(folder),
            "LC_ALL": "C.UTF-8",
        }
        self._program = str(Path(sys.executable).with_name("eilbote"))
        server = f"127.0.0.1:{login.port}"
        arguments = ["account", "add", "bench@example.org", "--imap", server, "--smtp", _NOTHING_SENT]
        arguments += ["--security", "none", "--user", login.user, "--password-stdin"]
        self._run(*arguments, stdin=login.password + "\n")
        if headers_only:
            self._run("account", "settings", "bench@example.org", "--keep", "headers")
        self.last = Synced(0, 0, 0, 0.0, 0.0)

    @property
    def home(self) -> Path:
        return self._folder / "home"

    def command(self, *arguments: str) -> list[str]:
        return [self._program, "--home", str(self.home), *arguments]

    @property
    def environment(self) -> dict[str, str]:
        return self._environment

    def sync(self) -> Run:
        run = measure(self.command("sync", "--json"), environment=self._environment)
        self.last = msgspec.json.decode(run.output.strip().splitlines()[-1], type=Synced)
        return run

    def count(self) -> int:
        lines = self._run("mailboxes", "--json").splitlines()
        return sum(msgspec.json.decode(line, type=_MailboxLine).messages for line in lines)

    def _run(self, *arguments: str, stdin: str = "") -> str:
        done = subprocess.run(
            self.command(*arguments),
            input=stdin,
            capture_output=True,
            text=True,
            env={**surroundings(), **self._environment},
            check=False,
        )
        if done.returncode:
            raise RunFailed(
                f"eilbote {arguments[0]} ended with {done.returncode}: {done.stdout}{done.stderr}"
            )
        return done.stdout


class Mbsync:
    """isync's mbsync into Maildir; COMPRESS off, or the server's deflate would be what is measured."""

    def __init__(self, login: Login, folder: Path, *, fsync: bool) -> None:
        self.name = "mbsync FSync yes" if fsync else "mbsync FSync no"
        self._folder = _fresh(folder)
        self._mail = folder / "mail"
        self._mail.mkdir()
        self._settings = folder / "mbsyncrc"
        self._settings.write_text(f"""\
FSync {"yes" if fsync else "no"}

IMAPAccount bench
Host 127.0.0.1
Port {login.port}
User {login.user}
Pass {login.password}
SSLType None
AuthMechs LOGIN
DisableExtension COMPRESS=DEFLATE

IMAPStore far
Account bench

MaildirStore near
Path {self._mail}/
Inbox {self._mail}/INBOX
SubFolders Verbatim

Channel all
Far :far:
Near :near:
Patterns *
Create Near
Expunge Both
SyncState *
""")

    def sync(self) -> Run:
        return measure(["mbsync", "-q", "-c", str(self._settings), "-a"])

    def count(self) -> int:
        return _maildir_count(self._mail / "INBOX")


class OfflineImap:
    """offlineimap3 into Maildir, without fsync, its quiet interface."""

    name = "OfflineIMAP"

    def __init__(self, login: Login, folder: Path) -> None:
        self._folder = _fresh(folder)
        self._mail = folder / "mail"
        self._settings = folder / "offlineimaprc"
        self._settings.write_text(f"""\
[general]
accounts = bench
metadata = {folder}/metadata
ui = quiet
fsync = false

[Account bench]
localrepository = near
remoterepository = far

[Repository near]
type = Maildir
localfolders = {self._mail}

[Repository far]
type = IMAP
remotehost = 127.0.0.1
remoteport = {login.port}
remoteuser = {login.user}
remotepass = {login.password}
ssl = no
starttls = no
auth_mechanisms = LOGIN
""")

    def sync(self) -> Run:
        return measure(
            ["offlineimap", "-o", "-c", str(self._settings)], environment={"HOME": str(self._folder)}
        )

    def count(self) -> int:
        return _maildir_count(self._mail / "INBOX")


class ImapClientCopy:
    """A script over IMAPClient: a file for each mail, no state, no second run."""

    name = "IMAPClient"

    def __init__(self, login: Login, folder: Path) -> None:
        self._login = login
        self._mail = _fresh(folder) / "mail"

    def sync(self) -> Run:
        login = self._login
        arguments = [str(login.port), login.user, login.password, str(self._mail)]
        return measure([sys.executable, "-m", "bench.imapclient_copy", *arguments])

    def count(self) -> int:
        return sum(1 for _ in self._mail.iterdir())


class Drain:
    """The bare drain of the FETCH stream that every client has to read; keeps nothing."""

    name = "bare drain"

    def __init__(self, login: Login, items: str | None = None) -> None:
        self._arguments = [str(login.port), login.user, login.password, *([items] if items else [])]

    def sync(self) -> Run:
        return measure(
            [sys.executable, "-S", "-E", str(Path(__file__).with_name("drain.py")), *self._arguments]
        )

    def count(self) -> int:
        return 0


def _maildir_count(folder: Path) -> int:
    return sum(1 for part in ("cur", "new") for _ in (folder / part).iterdir())


def _fresh(folder: Path) -> Path:
    folder.mkdir(parents=True)
    return folder
