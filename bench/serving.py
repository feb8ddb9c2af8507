"""What continuous sync costs and how soon it hears: many accounts over TLS in one `eilbote serve`.

The server is the tests' Dovecot. Memory is compared with a service of few accounts, so that the
program itself does not count; the time of a push runs from the end of the APPEND to the event.
"""

from __future__ import annotations

import hashlib
import json
import os
import socket
import ssl
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from bench.measure import surroundings
from eilbote.config import Config
from eilbote.engine.app import open_app
from eilbote.secret import Secret
from eilbote.store.values import AuthKind, NewAccount, Security, Server
from tests.servers.dovecot import Dovecot
from tests.servers.dovecot_settings import DovecotOptions

_PATIENCE = 300.0
_WATCHED_SECONDS = 20.0
_PUSHES = 40
_AT_REST = ("idle", "notify")


class Service:
    """A running `eilbote serve --json` and what it has told so far."""

    def __init__(self, home: Path, environment: dict[str, str], listen: str = "off") -> None:
        program = [sys.executable, "-m", "eilbote.cli.main", "--home", str(home), "serve", "--json"]
        program += ["--listen", listen]
        self.process = subprocess.Popen(program, stdout=subprocess.PIPE, text=True, env=environment)
        self.states: dict[str, str] = {}
        self.arrived: dict[str, float] = {}
        self.link = ""
        """With which the first user of the page is made; empty until it is open."""
        threading.Thread(target=self._read, daemon=True).start()

    def _read(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            event = json.loads(line)
            if event["event"] == "watching":
                self.states[event["account"]] = event["state"]
            elif event["event"] == "page_opened":
                self.link = event["link"]
            elif event.get("new"):
                self.arrived[event["account"]] = time.monotonic()

    def wait_until_at_rest(self, accounts: int) -> None:
        ends = time.monotonic() + _PATIENCE
        while sum(state in _AT_REST for state in list(self.states.values())) < accounts:
            if time.monotonic() > ends:
                raise TimeoutError("not every account came to rest")
            time.sleep(0.1)

    @property
    def memory(self) -> int:
        """Bytes of memory that are this process's own share (PSS)."""
        rolled = Path(f"/proc/{self.process.pid}/smaps_rollup").read_text()
        return 1024 * sum(int(line.split()[1]) for line in rolled.splitlines() if line.startswith("Pss:"))

    @property
    def processor_seconds(self) -> float:
        fields = Path(f"/proc/{self.process.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def served(folder: Path, accounts: int) -> tuple[int, float, list[float]]:
    """Serves so many accounts: bytes of memory at rest, the part of a core used at rest, and the
    seconds that single mails took from the server to the event."""
    dovecot = Dovecot(DovecotOptions(connections=max(100, 5 * accounts)))
    try:
        users = add_accounts(dovecot, folder, accounts)
        with _service(folder) as service:
            service.wait_until_at_rest(accounts)
            time.sleep(3.0)
            memory, before = service.memory, service.processor_seconds
            time.sleep(_WATCHED_SECONDS)
            share = (service.processor_seconds - before) / _WATCHED_SECONDS
            return memory, share, [_push(dovecot, service, user, one) for one, user in enumerate(users)]
    finally:
        dovecot.remove()


def add_accounts(dovecot: Dovecot, folder: Path, accounts: int) -> list[str]:
    """The users that will be sent mail: the first ones. A system allows a user 128 watched folders
    (fs.inotify.max_user_instances), and Dovecot's later processes look every half a minute instead."""
    fingerprint = _fingerprint(dovecot)
    server = Server(dovecot.host, dovecot.tls_port, Security.TLS)
    config = Config(home=folder / "home", key_file=str(folder / "key"))
    users = []
    with open_app(config) as app:
        for _ in range(accounts):
            user, password = dovecot.new_user()
            address = f"{user}@example.org"
            sealed = app.vault.seal(Secret(password), f"account:{address}")
            new = NewAccount(
                address, "", user, AuthKind.PASSWORD, sealed, imap=server, trusted=(fingerprint,)
            )
            app.store.accounts.add(new)
            users.append(user)
    return [users[number % min(accounts, 20)] for number in range(_PUSHES)]


def _fingerprint(dovecot: Dovecot) -> str:
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    with (
        socket.create_connection((dovecot.host, dovecot.tls_port)) as line,
        context.wrap_socket(line) as protected,
    ):
        return hashlib.sha256(protected.getpeercert(binary_form=True) or b"").hexdigest()


@contextmanager
def _service(folder: Path) -> Iterator[Service]:
    settings = {"EILBOTE_CONNECTIONS_PER_HOST": "1000", "EILBOTE_KEY_FILE": str(folder / "key")}
    service = Service(folder / "home", {**surroundings(), **settings})
    try:
        yield service
    finally:
        service.process.terminate()
        service.process.wait(_PATIENCE)


def _push(dovecot: Dovecot, service: Service, user: str, number: int) -> float:
    account = f"{user}@example.org"
    service.arrived.pop(account, None)
    dovecot.append(user, [b"Subject: %d\r\nMessage-ID: <%d@example.org>\r\n\r\nText\r\n" % (number, number)])
    sent = time.monotonic()
    while account not in service.arrived:
        if time.monotonic() - sent > _PATIENCE:
            raise TimeoutError(f"{account} was never told of its mail")
        time.sleep(0.001)
    return max(0.0, service.arrived[account] - sent)
