"""What the rows of a benchmark share: the server, the mailboxes, the clients that are in sync already.

Measures nothing itself.
"""

from __future__ import annotations

import os
import shutil
import sys
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar

from bench.clients import Client, Drain, Eilbote, ImapClientCopy, Login, Mbsync, OfflineImap
from bench.mailboxes import Recipe, realistic, small
from bench.measure import Run
from bench.server import CACHE, Server
from eilbote.clock import SystemClock

WORK = CACHE / "work"
_CLEARED = CACHE / "cleared"
_RECENT_SECONDS = 360.0
"""ext4 remembers a deleted file for five minutes."""
_MOST_LEFT = 1_000_000
"""Empty files that may stay; a full run makes some 700,000."""

Maker = Callable[[Login, Path], Client]
Kind = TypeVar("Kind", bound=Client)


@dataclass(slots=True)
class Setting:
    """One run of the benchmark: `quick` has a tenth of the mails and one round."""

    server: Server
    quick: bool
    _logins: dict[str, Login] = field(default_factory=dict)
    _folders: int = 0
    peaks: dict[tuple[str, str], int] = field(default_factory=dict)
    """Peak memory in bytes by (client, recipe), gathered by whichever row synced."""

    @property
    def rounds(self) -> int:
        return 1 if self.quick else 3

    @property
    def realistic(self) -> Recipe:
        return realistic(2_000 if self.quick else 20_000)

    @property
    def small(self) -> Recipe:
        return small(10_000 if self.quick else 100_000)

    def login(self, recipe: Recipe) -> Login:
        """The one user whose INBOX holds this recipe."""
        key = _key(recipe)
        if key not in self._logins:
            say(f"preparing {recipe.mails:,} {recipe.name} mails")
            user, password = self.server.user_with(recipe)
            self._logins[key] = Login(self.server.port, user, password)
        return self._logins[key]

    def first_sync(self, make: Callable[[Login, Path], Kind], recipe: Recipe) -> tuple[Kind, Run]:
        """A client set up anew and its first pass; checks that every mail has come. Its copy is
        emptied afterwards."""
        folder = self.folder()
        client = make(self.login(recipe), folder)
        os.sync()  # nobody pays for what the one before left unwritten
        run = client.sync()
        say(f"{client.name}: {run.cost.seconds:.2f} s for {recipe.mails:,} {recipe.name} mails")
        key = (client.name, recipe.name)
        self.peaks[key] = max(self.peaks.get(key, 0), run.cost.peak_bytes)
        if not isinstance(client, Drain) and client.count() != recipe.mails:
            raise AssertionError(f"{client.name} holds {client.count()} of {recipe.mails} mails")
        _empty(folder)
        return client, run

    def in_sync(self, makers: Sequence[Callable[[Login, Path], Kind]], recipe: Recipe) -> tuple[Kind, ...]:
        """Clients with folders of their own, all of them in sync with this recipe's user."""
        login = self.login(recipe)
        folder = self.folder()
        clients = tuple(make(login, folder) for make in makers)
        for client in clients:
            client.sync()
        return clients

    def forget(self, recipe: Recipe) -> None:
        """This recipe's user has been changed: the next who asks gets a fresh one."""
        del self._logins[_key(recipe)]

    def folder(self) -> Path:
        """A folder that no run has used before; `leave` empties them all."""
        self._folders += 1
        return (WORK / f"{os.getpid()}-{self._folders}").resolve()


def leave() -> None:
    """Empty what this run and those before have left; delete it once it has become too many files,
    and note when."""
    files = sum(_empty(folder) for folder in WORK.iterdir()) if WORK.exists() else 0
    if files > _MOST_LEFT:
        shutil.rmtree(WORK)
        _CLEARED.write_text(str(SystemClock().now()))


def warning() -> str:
    """A sentence where so many files were deleted a short while ago that new ones still come
    slowly, else empty."""
    since = SystemClock().now() - float(_CLEARED.read_text()) if _CLEARED.exists() else _RECENT_SECONDS
    if since >= _RECENT_SECONDS:
        return ""
    return (
        f"the last run was cleared away {since:.0f} s ago: who makes a file for each mail may be slowed by it"
    )


def _empty(folder: Path) -> int:
    """Free the disk but keep the files, and count them: for minutes after many files were deleted,
    ext4 takes two to three times as long to make new ones (it looks at each deleted one first), and
    whoever makes a file for each mail would pay for the one before."""
    files = 0
    for path in folder.rglob("*"):
        if path.is_file():
            os.truncate(path, 0)
            files += 1
    return files


def _key(recipe: Recipe) -> str:
    return f"{recipe.name} {recipe.mails}"


def mbsync_fast(login: Login, folder: Path) -> Client:
    return Mbsync(login, folder / "mbsync", fsync=False)


def mbsync_safe(login: Login, folder: Path) -> Client:
    return Mbsync(login, folder / "mbsync", fsync=True)


def eilbote(login: Login, folder: Path) -> Eilbote:
    return Eilbote(login, folder / "eilbote")


def eilbote_headers(login: Login, folder: Path) -> Eilbote:
    return Eilbote(login, folder / "eilbote", headers_only=True)


def offlineimap(login: Login, folder: Path) -> Client:
    return OfflineImap(login, folder / "offlineimap")


def imapclient(login: Login, folder: Path) -> Client:
    return ImapClientCopy(login, folder / "imapclient")


def drain(login: Login, folder: Path) -> Client:
    return Drain(login)


def say(sentence: str) -> None:
    """Progress, on standard error so that the table stands alone on standard output."""
    print(f"  {sentence}", file=sys.stderr, flush=True)


def settle() -> None:
    """Let two seconds pass: mbsync waits for a Maildir that changed within the last second, and
    that wait is not what is measured."""
    threading.Event().wait(2.0)
