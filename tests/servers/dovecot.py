"""A private Dovecot for tests: loopback ports, a folder of its own, ended by its process id.

Never touches the machine's own Dovecot, its configuration or its users. Runs as root (mail then
belongs to `nobody`) and as a normal user alike.
"""

from __future__ import annotations

import grp
import hashlib
import itertools
import os
import re
import shutil
import ssl
import subprocess
import tempfile
from collections.abc import Iterable, Sequence
from pathlib import Path

import trustme

from tests.servers.dovecot_settings import DovecotOptions, Place, dovecot_configuration
from tests.servers.life import MailServer, mail_owner
from tests.servers.ports import LOOPBACK, answers, wait_until

LOOPBACK_TWO = "127.0.0.2"
_serial = itertools.count(1)
_uidvalidities = itertools.count(4242)


class DovecotMissing(Exception):
    """There is no Dovecot on this machine."""


def dovecot_binary() -> str:
    """The path of the server's program; raises DovecotMissing."""
    found = shutil.which("dovecot", path=os.environ.get("PATH", "") + ":/usr/sbin:/usr/local/sbin")
    if found is None:
        raise DovecotMissing("Dovecot is missing: apt-get install dovecot-imapd")
    return found


def dovecot_version() -> tuple[int, int]:
    """(2, 3) or (2, 4) and so on, as `dovecot --version` says."""
    shown = subprocess.run([dovecot_binary(), "--version"], capture_output=True, text=True, check=True).stdout
    found = re.match(r"(\d+)\.(\d+)", shown)
    if found is None:
        raise DovecotMissing(f"Dovecot's version is not understood: {shown!r}")
    return int(found[1]), int(found[2])


class Dovecot(MailServer):
    """One running instance. `port` speaks plain and STARTTLS, `tls_port` TLS from the first byte;
    with the option `pop3`, `pop3_port` and `pop3s_port` likewise; with `sieve`, `sieve_port` (STARTTLS)."""

    def __init__(self, options: DovecotOptions | None = None) -> None:
        """Start it and wait until it answers; raises DovecotMissing or StartFailed."""
        self.options = options or DovecotOptions()
        # Dovecot trusts a connection whose two ends have one address; where it must not, take another.
        self.host = LOOPBACK_TWO if self.options.tls == "required" else LOOPBACK
        self.folder = Path(tempfile.mkdtemp(prefix="eb-", dir="/tmp"))
        self.folder.chmod(0o755)  # the login process, another user, must reach its sockets
        self._issue_certificate()
        self._prepare_folders()
        self._start(5)

    # --- users -------------------------------------------------------------------------------

    def new_user(self, name: str | None = None, password: str = "geheim-1") -> tuple[str, str]:
        """A fresh user nobody else has, with empty mailboxes: (user, password)."""
        user = name or f"u{os.getpid()}-{next(_serial)}"
        self._write_password(user, password)
        return user, password

    def set_password(self, user: str, password: str) -> None:
        """From now on only this password logs in. Waits the second that Dovecot may need to notice."""
        self._write_password(user, password)
        wait_until(lambda: self._logs_in(user, password), self._process, self.log)

    def _write_password(self, user: str, password: str) -> None:
        path = self.folder / "passwd" / user
        path.write_text(f"{user}:{{PLAIN}}{password}::::::\n", encoding="utf-8")  # plain, so that SCRAM works
        path.chmod(0o644)

    def _logs_in(self, user: str, password: str) -> bool:
        command = [_beside("doveadm"), "-c", str(self._configuration), "auth", "test", user, password]
        return subprocess.run(command, capture_output=True, check=False).returncode == 0

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

    def doveadm(self, *arguments: str, stdin: bytes = b"") -> str:
        """Run doveadm against this instance; its output. Raises CalledProcessError when it fails."""
        command = [_beside("doveadm"), "-c", str(self._configuration), *arguments]
        return subprocess.run(command, input=stdin, capture_output=True, check=True).stdout.decode()

    def renumber(self, user: str, mailbox: str = "INBOX") -> None:
        """A new UIDVALIDITY for the same mails under the same numbers."""
        number = str(next(_uidvalidities))
        self.doveadm("mailbox", "update", "-u", user, "--uid-validity", number, mailbox)

    def mail_folder(self, user: str) -> Path:
        """Where this user's mail lies on disk."""
        return self.folder / "mail" / user

    def log(self) -> str:
        """Everything the server has logged so far."""
        path = self.folder / "dovecot.log"
        return path.read_text(encoding="utf-8", errors="replace") if path.exists() else ""

    # --- certificates ----------------------------------------------------------------------------

    @property
    def ca_file(self) -> Path:
        """The authority that signed the server's certificate (127.0.0.1, localhost)."""
        return self.folder / "ca.pem"

    @property
    def fingerprint(self) -> str:
        """SHA-256 of the server's certificate, lower-case hex without colons."""
        return hashlib.sha256(ssl.PEM_cert_to_DER_cert(self._leaf)).hexdigest()

    # --- life ------------------------------------------------------------------------------------

    @property
    def _configuration(self) -> Path:
        return self.folder / "dovecot.conf"

    def _issue_certificate(self) -> None:
        authority = trustme.CA()
        certificate = authority.issue_cert("localhost", LOOPBACK, LOOPBACK_TWO, *self.options.names)
        authority.cert_pem.write_to_path(str(self.ca_file))
        certificate.private_key_pem.write_to_path(str(self.folder / "server.key"))
        for blob in certificate.cert_chain_pems:
            blob.write_to_path(str(self.folder / "server.pem"), append=True)
        self._leaf = certificate.cert_chain_pems[0].bytes().decode()

    def _prepare_folders(self) -> None:
        for name in ("run", "state", "mail", "passwd"):
            (self.folder / name).mkdir()
        if os.geteuid() == 0:
            owner = mail_owner()
            os.chown(self.folder / "mail", owner.pw_uid, owner.pw_gid)

    def _configure(self, ports: list[int]) -> None:
        self.port, self.tls_port, self.pop3_port, self.pop3s_port, self.sieve_port = ports
        place = _place(self.folder, self.host, ports)
        text = dovecot_configuration(dovecot_version(), self.options, place)
        self._configuration.write_text(text, encoding="utf-8")

    def _lost_a_port(self) -> bool:
        return "Address already in use" in self.log()

    def _launch(self) -> None:
        self._run_until(self._is_ready, [dovecot_binary(), "-F", "-c", str(self._configuration)], "TERM")

    def _is_ready(self) -> bool:
        ports = [self.port]
        ports += [self.pop3_port] if self.options.pop3 else []
        ports += [self.sieve_port] if self.options.sieve else []
        return all(answers(port, self.host) for port in ports)


def _place(folder: Path, host: str, ports: Sequence[int]) -> Place:
    owner = mail_owner()
    privileged = os.geteuid() == 0
    own_group = grp.getgrgid(owner.pw_gid).gr_name
    return Place(
        folder=folder,
        host=host,
        imap_port=ports[0],
        imaps_port=ports[1],
        pop3_port=ports[2],
        pop3s_port=ports[3],
        mail_uid=owner.pw_uid,
        mail_gid=owner.pw_gid,
        internal_user="dovecot" if privileged else owner.pw_name,
        internal_group="dovecot" if privileged else own_group,
        login_user="dovenull" if privileged else owner.pw_name,
        unprivileged=not privileged,
        sieve_port=ports[4],
    )


def _beside(program: str) -> str:
    found = shutil.which(program, path=os.environ.get("PATH", "") + ":/usr/bin:/usr/local/bin")
    if found is None:
        raise DovecotMissing(f"{program} is missing: apt-get install dovecot-core")
    return found
