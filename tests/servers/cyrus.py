"""A private Cyrus for tests: a loopback port, a configuration and a spool of its own, ended by its
process id.

Never touches the machine's own Cyrus, and wants none installed: Debian lets no Cyrus lie beside a
Dovecot, so `scripts/cyrus.sh` unpacks one below `.cache/cyrus`. Runs as root (mail then belongs to
`nobody`) and as a normal user alike.
"""

from __future__ import annotations

import grp
import itertools
import os
import pwd
import subprocess
import tempfile
import time
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.servers.life import MailServer, mail_owner
from tests.servers.ports import LOOPBACK, answers

SPECIAL_USE = ("Archive", "Drafts", "Junk", "Sent", "Trash")
_UNPACKED = Path(__file__).parents[2] / ".cache" / "cyrus"
_serial = itertools.count(1)


class CyrusMissing(Exception):
    """There is no Cyrus on this machine, neither installed nor unpacked."""


@dataclass(frozen=True, slots=True)
class CyrusOptions:
    """What to start. `hidden` takes capabilities out of the announcement. `classic` is how Cyrus was
    set up for decades: personal mailboxes lie below `INBOX.`. `sieve`: ManageSieve beside IMAP."""

    hidden: frozenset[str] = frozenset()
    classic: bool = False
    sieve: bool = False


class Cyrus(MailServer):
    """One running instance; `port` speaks plain IMAP, with the option `sieve` `sieve_port` ManageSieve."""

    def __init__(self, options: CyrusOptions | None = None) -> None:
        """Start it and wait until it answers; raises CyrusMissing or StartFailed."""
        self.options = options or CyrusOptions()
        self._root = _root()
        self.folder = Path(tempfile.mkdtemp(prefix="cy-", dir="/tmp"))
        self.folder.chmod(0o755)
        owner = mail_owner()
        for name in ("conf/socket", "conf/db", "conf/proc", "conf/lock", "conf/log", "spool", "sieve"):
            (self.folder / name).mkdir(parents=True)
        if os.geteuid() == 0:
            for path in (self.folder, *self.folder.rglob("*")):
                os.chown(path, owner.pw_uid, owner.pw_gid)
        (self.folder / "imapd.conf").write_text(_settings(self.folder, owner, self.options), encoding="utf-8")
        self._start(2)

    # --- users -------------------------------------------------------------------------------

    def new_user(self, name: str | None = None, password: str = "geheim-1") -> tuple[str, str]:
        """A fresh user nobody else has, with empty mailboxes (made at the first login)."""
        user = name or f"u{os.getpid()}-{next(_serial)}"
        self._write_password(user, password)
        return user, password

    def _write_password(self, user: str, password: str) -> None:
        command = ["-p", "-c", "-f", str(self.folder / "sasldb"), "-u", "localhost", user]
        self._run("usr/sbin/saslpasswd2", *command, said=password.encode())

    # --- an independent look inside ------------------------------------------------------------

    def append(
        self,
        user: str,
        mails: Iterable[bytes],
        mailbox: str = "INBOX",
        flags: str = "",
        password: str = "geheim-1",
    ) -> None:
        """Put mails into a mailbox, in this order, through the front door; it must exist."""
        with self.imap(user, password) as client:
            for raw in mails:
                answer, said = client.append(mailbox, flags, "", raw)
                if answer != "OK":
                    raise AssertionError(f"APPEND to {mailbox}: {said!r}")

    def renumber(self, user: str, mailbox: str = "INBOX") -> None:
        """A new UIDVALIDITY, as after a lost index: the mails stay, their flags are gone."""
        inner = f"user/{user}" if mailbox == "INBOX" else f"user/{user}/{mailbox}"
        before = self._uidvalidity(user, mailbox)
        while self._uidvalidity(user, mailbox) == before:  # Cyrus takes the second of the day
            path = self._run("usr/lib/cyrus/bin/mbpath", "-C", self._configuration, inner).decode().strip()
            (Path(path) / "cyrus.index").unlink()
            self._run("usr/lib/cyrus/bin/reconstruct", "-C", self._configuration, inner)
            time.sleep(0.05)

    def _uidvalidity(self, user: str, mailbox: str) -> int:
        with self.imap(user) as client:
            _, (told,) = client.status(mailbox, "(UIDVALIDITY)")
        assert isinstance(told, bytes)
        return int(told.rpartition(b" ")[2].rstrip(b")"))

    # --- life ------------------------------------------------------------------------------------

    @property
    def _configuration(self) -> str:
        return str(self.folder / "imapd.conf")

    def _configure(self, ports: list[int]) -> None:
        self.port, self.sieve_port = ports
        sieve_port = self.sieve_port if self.options.sieve else 0
        services = _services(self._root, self._configuration, self.port, sieve_port)
        (self.folder / "cyrus.conf").write_text(services, encoding="utf-8")

    def _launch(self) -> None:
        command = [str(self._root / "usr/lib/cyrus/bin/master"), "-C", self._configuration]
        command += ["-M", str(self.folder / "cyrus.conf"), "-p", str(self.folder / "master.pid")]
        self._run_until(
            lambda: (
                answers(self.port, self.host)
                and (not self.options.sieve or answers(self.sieve_port, self.host))
            ),
            command,
            "TERM",
            env=_environment(self._root),
            **_as_owner(),  # by itself it would change its user, and forget to end with us
        )

    def _run(self, program: str, *arguments: str, said: bytes = b"") -> bytes:
        """A program of Cyrus, as the user to whom the mail belongs."""
        done: subprocess.CompletedProcess[bytes] = subprocess.run(
            [str(self._root / program), *arguments],
            input=said,
            capture_output=True,
            check=True,
            env=_environment(self._root),
            **_as_owner(),
        )
        return done.stdout


def _root() -> Path:
    """Where Cyrus lies: `/` where it is installed, else where it was unpacked."""
    for root in (Path("/"), _UNPACKED):
        if (root / "usr/lib/cyrus/bin/master").exists() and (root / "usr/sbin/saslpasswd2").exists():
            return root
    raise CyrusMissing("Cyrus is missing: scripts/cyrus.sh unpacks it")


def _environment(root: Path) -> dict[str, str]:
    libraries = [str(path) for path in (*root.glob("usr/lib/*-linux-gnu*"), *root.glob("lib/*-linux-gnu*"))]
    plugins = [path for library in libraries if (path := Path(library) / "sasl2").exists()]
    system = Path("/").glob("usr/lib/*-linux-gnu*/sasl2")
    return {
        "PATH": os.environ.get("PATH", "/usr/bin:/bin"),
        "LD_LIBRARY_PATH": ":".join(libraries),
        "SASL_PATH": ":".join(str(path) for path in (*plugins, *system)),
    }


def _as_owner() -> dict[str, Any]:
    """What starts a program as the user to whom the mail belongs."""
    if os.geteuid() != 0:
        return {}
    owner = mail_owner()
    return {"user": owner.pw_uid, "group": owner.pw_gid, "extra_groups": []}


def _settings(folder: Path, owner: pwd.struct_passwd, options: CyrusOptions) -> str:
    folders = "|".join(SPECIAL_USE)
    lines = [
        f"configdirectory: {folder}/conf",
        f"partition-default: {folder}/spool",
        f"sievedir: {folder}/sieve",
        "defaultpartition: default",
        f"cyrus_user: {owner.pw_name}",
        f"cyrus_group: {grp.getgrgid(owner.pw_gid).gr_name}",
        "servername: localhost",
        "admins: admin",
        "allowplaintext: yes",
        "sasl_pwcheck_method: auxprop",
        "sasl_auxprop_plugin: sasldb",
        f"sasl_sasldb_path: {folder}/sasldb",
        "sasl_mech_list: PLAIN",
        f"unixhierarchysep: {'no' if options.classic else 'yes'}",
        f"altnamespace: {'no' if options.classic else 'yes'}",
        "autocreate_quota: 0",
        f"autocreate_inbox_folders: {folders}",
        f"autocreate_subscribe_folders: {folders}",
        *(f"xlist-{name}: {name}" for name in SPECIAL_USE),
        "skiplist_unsafe: yes",  # a test needs no disk that survives
        "maxlogins_per_user: 0",
        "delete_mode: immediate",
        "expunge_mode: immediate",
    ]
    if options.hidden:
        lines.append(f"suppress_capabilities: {' '.join(sorted(options.hidden))}")
    return "\n".join(lines) + "\n"


def _services(root: Path, configuration: str, port: int, sieve_port: int) -> str:
    programs = root / "usr/lib/cyrus/bin"
    imap = f'imap cmd="{programs}/imapd -C {configuration}" listen="{LOOPBACK}:{port}"'
    sieve = f'\n  sieve cmd="{programs}/timsieved -C {configuration}" listen="{LOOPBACK}:{sieve_port}"'
    return f"""\
START {{
  recover cmd="{programs}/ctl_cyrusdb -C {configuration} -r"
}}
SERVICES {{
  {imap} prefork=1 maxchild=100{sieve if sieve_port else ""}
}}
EVENTS {{
}}
DAEMON {{
  idled cmd="{programs}/idled -C {configuration}"
}}
"""
