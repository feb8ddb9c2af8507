"""The life of a server that tests start: ports of its own, a bounded wait, an end by its process id."""

from __future__ import annotations

import imaplib
import os
import pwd
import shutil
import signal
import subprocess
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tests.servers.ports import LOOPBACK, StartFailed, bound_to_us, free_ports, stop, wait_until

_TRIES = 4


class MailServer(ABC):
    """A process of its own in `folder`. It must never be ended by a name."""

    host = LOOPBACK
    port: int
    folder: Path
    _process: subprocess.Popen[bytes]

    @property
    def pid(self) -> int:
        return self._process.pid

    def stop(self) -> None:
        """Stop the server; mail and ports stay, `restart` brings them back."""
        stop(self._process)

    def restart(self) -> None:
        """Stop and start again on the same ports with the same mail."""
        self.stop()
        self._launch()

    def remove(self) -> None:
        """End the server without its farewells (they may take a second) and delete its folder."""
        if self._process.poll() is None:
            os.killpg(self._process.pid, signal.SIGKILL)  # it leads a group of its own
            self._process.wait()
        shutil.rmtree(self.folder)

    @contextmanager
    def imap(self, user: str, password: str = "geheim-1") -> Iterator[imaplib.IMAP4]:
        """The standard library's client, logged in: the oracle that does not share our code."""
        client = imaplib.IMAP4(self.host, self.port)
        try:
            client.login(user, password)
            yield client
        finally:
            client.logout()

    # --- starting --------------------------------------------------------------------------------

    @abstractmethod
    def _configure(self, ports: list[int]) -> None:
        """Write the configuration for these ports."""

    @abstractmethod
    def _launch(self) -> None:
        """Start the process, and wait until it answers; raises StartFailed."""

    def _start(self, count: int) -> None:
        """Start on so many free ports, on others where somebody else was faster."""
        for attempt in range(1, _TRIES + 1):
            self._configure(free_ports(count))
            try:
                self._launch()
            except StartFailed:
                if attempt == _TRIES or not self._lost_a_port():
                    shutil.rmtree(self.folder)
                    raise
            else:
                return

    def _lost_a_port(self) -> bool:
        """Whether another try may help."""
        return True

    def _run_until(
        self, ready: Callable[[], bool], command: list[str], signal_name: str, **options: Any
    ) -> None:
        """Start a command that ends with us, its output in `start.log`, and wait until it is ready."""
        output = self.folder / "start.log"
        with output.open("wb") as sink:
            self._process = subprocess.Popen(
                bound_to_us(command, signal_name),
                stdout=sink,
                stderr=sink,
                stdin=subprocess.DEVNULL,
                start_new_session=True,
                **options,
            )
        try:
            wait_until(
                ready, self._process, lambda: (output.read_text(errors="replace") + self.log())[-2000:]
            )
        except StartFailed:
            stop(self._process)
            raise

    def log(self) -> str:
        """What the server has logged beside its output."""
        return ""


def mail_owner() -> pwd.struct_passwd:
    """To whom mail belongs on the disk: never root."""
    return pwd.getpwnam("nobody") if os.geteuid() == 0 else pwd.getpwuid(os.geteuid())
