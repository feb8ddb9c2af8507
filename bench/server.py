"""The server that every client of a benchmark reads from: one Dovecot with generated mailboxes.

Generated mail is kept in `.cache/bench/mail` as the server's own files, so that only the first run
pays for making it. Each user gets a copy, with the server's index and caches warm.
"""

from __future__ import annotations

import os
import re
import shutil
import socket
from collections.abc import Iterable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import BinaryIO

from bench.drain import drain
from bench.mailboxes import Mail, Recipe, mails
from tests.servers.dovecot import Dovecot
from tests.servers.dovecot_settings import DovecotOptions

CACHE = Path(".cache/bench")
_BATCH_BYTES = 4 << 20
_FORMAT = 3
"""Raised whenever the generator gives other bytes, so that old copies are not used."""


class Server:
    """A running Dovecot and the users made so far."""

    def __init__(self) -> None:
        self.dovecot = Dovecot(DovecotOptions(format="mdbox", special_use=False, connections=50))

    @property
    def port(self) -> int:
        return self.dovecot.port

    def remove(self) -> None:
        self.dovecot.remove()

    def user_with(self, recipe: Recipe) -> tuple[str, str]:
        """A fresh user whose INBOX holds the recipe's mails: (user, password)."""
        user, password = self.dovecot.new_user()
        kept = CACHE / "mail" / _key(recipe)
        if not kept.exists():
            self.append(user, password, mails(recipe))
            drain(self.port, user, password)
            making = kept.with_suffix(".making")
            shutil.rmtree(making, ignore_errors=True)
            _copy(self.dovecot.mail_folder(user), making)
            making.rename(kept)
        else:
            _copy(kept, self.dovecot.mail_folder(user))
            drain(self.port, user, password)
        return user, password

    def append(self, user: str, password: str, arriving: Iterable[Mail]) -> None:
        """Put mails into INBOX, many with one APPEND (RFC 3502, RFC 7888)."""
        with Session.open(self.port, user, password) as session:
            for batch in _batches(arriving):
                session.append(batch)

    def session(self, user: str, password: str) -> AbstractContextManager[Session]:
        return Session.open(self.port, user, password)


class Session:
    """Just enough IMAP to prepare and to change a mailbox; shares no code with what is measured."""

    def __init__(self, line: socket.socket, answers: BinaryIO) -> None:
        self._line = line
        self._answers = answers
        self._count = 0

    @classmethod
    @contextmanager
    def open(cls, port: int, user: str, password: str) -> Iterator[Session]:
        """A session, logged in."""
        with socket.create_connection(("127.0.0.1", port)) as line, line.makefile("rb") as answers:
            answers.readline()
            session = cls(line, answers)
            session.command(f'LOGIN "{user}" "{password}"'.encode())
            yield session

    def command(self, text: bytes) -> list[bytes]:
        """Send one command; its untagged lines. Raises ValueError unless it ends with OK."""
        self._count += 1
        tag = b"s%d" % self._count
        self._line.sendall(tag + b" " + text + b"\r\n")
        lines: list[bytes] = []
        for answer in self._answers:
            if answer.startswith(tag):
                if not answer.startswith(tag + b" OK"):
                    raise ValueError(answer.decode(errors="replace"))
                return lines
            lines.append(answer.rstrip())
        raise ConnectionError("the server hung up")

    def append(self, batch: list[Mail]) -> None:
        pieces = [b"APPEND INBOX"]
        for mail in batch:
            when = mail.internal_date.strftime("%d-%b-%Y %H:%M:%S +0000")
            pieces.append(f' ({mail.flags}) "{when}" {{{len(mail.raw)}+}}\r\n'.encode())
            pieces.append(mail.raw)
        self.command(b"".join(pieces))

    def uids(self) -> list[int]:
        """The UIDs of INBOX in ascending order; selects it."""
        self.command(b"SELECT INBOX")
        (line,) = (line for line in self.command(b"UID SEARCH ALL") if line.startswith(b"* SEARCH"))
        return sorted(int(number) for number in re.findall(rb"\d+", line))


def _batches(arriving: Iterable[Mail]) -> Iterator[list[Mail]]:
    batch: list[Mail] = []
    size = 0
    for mail in arriving:
        batch.append(mail)
        size += len(mail.raw)
        if size > _BATCH_BYTES:
            yield batch
            batch, size = [], 0
    if batch:
        yield batch


def _key(recipe: Recipe) -> str:
    return f"{recipe.name}-{recipe.mails}-{recipe.seed}-{_FORMAT}-{os.geteuid()}"


def _copy(source: Path, target: Path) -> None:
    """Copy a user's mail with its owner, as the server must be able to write it."""
    target.parent.mkdir(parents=True, exist_ok=True)
    for path in [source, *source.rglob("*")]:
        copied = target / path.relative_to(source)
        if path.is_dir():
            copied.mkdir()
        else:
            shutil.copy2(path, copied)
        status = path.stat()
        if os.geteuid() == 0:
            os.chown(copied, status.st_uid, status.st_gid)
