"""`eilbote account add ADDRESS` as a person has it: the whole program at a terminal, real name servers, a
real Dovecot, a password that is typed and never shown."""

from __future__ import annotations

import os
import pty
import select
import signal
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.servers.dovecot import Dovecot
from tests.servers.dovecot_settings import DovecotOptions
from tests.servers.names import Names, Signing

# Python warns of forks beside threads; the child here becomes another program at once.
pytestmark = pytest.mark.filterwarnings("ignore:This process:DeprecationWarning")

PASSWORD = "geheim-1"


@pytest.fixture(scope="module")
def dovecot(dovecot_like: Callable[[DovecotOptions], Dovecot]) -> Dovecot:
    return dovecot_like(DovecotOptions(pop3=True, names=("imap.firma.test",)))


@pytest.fixture(scope="module")
def names(dovecot: Dovecot) -> Iterator[Names]:
    made = Names()
    record = f"_imaps._tcp 300 IN SRV 0 1 {dovecot.tls_port} localhost.\n"
    made.zone("signed.test", record, Signing.GOOD)
    made.zone("plain.test", record)
    own = f"imap 300 IN A 127.0.0.1\n_imaps._tcp 300 IN SRV 0 1 {dovecot.tls_port} imap\n"
    made.zone("firma.test", own)
    yield made
    made.remove()


class Terminal:
    """The program at a terminal of its own."""

    def __init__(self, folder: Path, names: Names, dovecot: Dovecot, *arguments: str) -> None:
        (server,) = names.servers
        environ = {
            "HOME": str(folder),
            "PATH": os.environ["PATH"],
            "TERM": "xterm-256color",
            "LANG": "de_DE.UTF-8",
            "COLUMNS": "120",
            "EILBOTE_HOME": str(folder / "home"),
            "EILBOTE_DNS_SERVERS": f"{server.address}:{server.port}",
            "SSL_CERT_FILE": str(dovecot.ca_file),
            "SSL_CERT_DIR": "/nonexistent",
        }
        self.said = ""
        self._pid, self._line = pty.fork()
        if self._pid == 0:
            os.execve(sys.executable, [sys.executable, "-m", "eilbote.cli.main", *arguments], environ)

    def until(self, words: str, within: float = 30.0) -> None:
        """Reads on until the words were said."""
        end = time.monotonic() + within
        while words not in self.said:
            assert time.monotonic() < end, self.said
            assert self._read(end), self.said

    def types(self, text: str) -> None:
        os.write(self._line, text.encode() + b"\n")

    def ends(self, within: float = 30.0) -> int:
        """Reads to the end; the exit code."""
        end = time.monotonic() + within
        while self._read(end):
            pass
        _, status = os.waitpid(self._pid, 0)
        self._pid = 0
        return os.waitstatus_to_exitcode(status)

    def close(self) -> None:
        if self._pid:
            os.kill(self._pid, signal.SIGKILL)
            os.waitpid(self._pid, 0)
        os.close(self._line)

    def _read(self, end: float) -> bool:
        ready, _, _ = select.select([self._line], [], [], max(0.0, end - time.monotonic()))
        try:
            data = os.read(self._line, 4096) if ready else b""
        except OSError:  # the other end is closed
            return False
        self.said += data.decode("utf-8", "replace").replace("\r", "")
        return bool(data)


@pytest.fixture
def terminal(tmp_path: Path, names: Names, dovecot: Dovecot) -> Iterator[Callable[..., Terminal]]:
    opened: list[Terminal] = []

    def at(*arguments: str) -> Terminal:
        opened.append(Terminal(tmp_path, names, dovecot, *arguments))
        return opened[-1]

    yield at
    for one in opened:
        one.close()


def test_step_by_step(terminal: Callable[..., Terminal], dovecot: Dovecot) -> None:
    dovecot.new_user("kim@signed.test", PASSWORD)
    one = terminal("account", "add", "kim@signed.test")
    one.until("Passwort von kim@signed.test: ")
    assert "welche Server die Domain nennt" in one.said
    assert "eilbote account edit kim@signed.test --smtp HOST:PORT" in one.said
    assert f"localhost:{dovecot.tls_port}" in one.said and "Zertifikat geprüft" in one.said
    assert "Empfehlung: IMAP" in one.said
    one.types(PASSWORD)
    assert one.ends() == 0
    assert "die Anmeldung klappt" in one.said
    assert PASSWORD not in one.said


def test_servers_are_found_where_the_name_servers_of_the_settings_say(
    terminal: Callable[..., Terminal], dovecot: Dovecot
) -> None:
    """No other name server knows the domain: what was found there is also reached from there on."""
    dovecot.new_user("kim@firma.test", PASSWORD)
    one = terminal("account", "add", "kim@firma.test")
    one.until("Passwort von kim@firma.test: ")
    one.types(PASSWORD)
    assert one.ends() == 0
    assert f"imap.firma.test:{dovecot.tls_port}" in one.said
    assert terminal("sync").ends() == 0


def test_servers_that_nothing_proves_wait_for_a_yes(
    terminal: Callable[..., Terminal], dovecot: Dovecot
) -> None:
    dovecot.new_user("kim@plain.test", PASSWORD)
    no = terminal("account", "add", "kim@plain.test")
    no.until("[j/N] ")
    no.types("")
    assert no.ends() == 2
    assert "Passwort von" not in no.said
    yes = terminal("account", "add", "kim@plain.test")
    yes.until("[j/N] ")
    yes.types("j")
    yes.until("Passwort von kim@plain.test: ")
    yes.types(PASSWORD)
    assert yes.ends() == 0


def test_a_slip_is_asked_about(terminal: Callable[..., Terminal]) -> None:
    one = terminal("account", "add", "kim@tuta.con")
    assert one.ends() != 0  # nothing like a slip: no question
    assert "[J/n]" not in one.said
    other = terminal("account", "add", "kim@gmx.dee")
    other.until("Meinten Sie kim@gmx.de? [J/n] ")
    other.types("n")
    assert other.ends() != 0
    assert "Passwort von" not in other.said
