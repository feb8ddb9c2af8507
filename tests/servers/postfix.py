"""A private Postfix for tests: loopback ports, a folder of its own, ended by its process id.

One instance is two servers. The submission server takes mail from those who log in (by a Dovecot of
the tests) and takes mail for anybody. The MX of `example.org` takes only its own. Every address there
that begins with `u` exists, any other is unknown; all lies in one Maildir. What is for `BOUNCING` is taken
and comes back to its sender as a report; what is for any other domain is thrown away. Postfix must
be started by root; never touches the machine's own.
"""

from __future__ import annotations

import hashlib
import os
import pwd
import re
import shutil
import ssl
import subprocess
import tempfile
from dataclasses import dataclass
from itertools import count
from pathlib import Path

import trustme

from tests.servers.dovecot import Dovecot
from tests.servers.dovecot_settings import AUTH_SOCKET
from tests.servers.life import MailServer, mail_owner
from tests.servers.ports import LOOPBACK, answers, wait_until

DOMAIN = "example.org"
BOXES = "boxes.example.org"
"""Mail for USER there goes into that user's INBOX on the Dovecot, which must keep Maildir."""
BOUNCING = "bounces.example.net"
"""Mail for anybody there is taken, and found undeliverable afterwards."""
_serial = count(1)


class PostfixMissing(Exception):
    """There is no Postfix on this machine, or it may not be started here."""


@dataclass(frozen=True, slots=True)
class PostfixOptions:
    """How one instance behaves; equal options share one in a test session."""

    size_limit: int = 10 * 1024 * 1024
    hidden: tuple[str, ...] = ()
    """EHLO keywords that are not announced: Postfix then does not know their commands either."""
    recipient_limit: int = 1000
    names: tuple[str, ...] = ("localhost", LOOPBACK, "mx.example.org")
    """Whom its certificate is for."""
    tls: bool = True


class Postfix(MailServer):
    """One running instance. `port` is submission with STARTTLS (required before a login) and
    `tls_port` with TLS from the first byte; `mx_port` takes mail for `example.org` from anybody, and
    offers STARTTLS."""

    def __init__(self, dovecot: Dovecot, options: PostfixOptions | None = None) -> None:
        """Starts it and waits until it answers; raises PostfixMissing or StartFailed."""
        self.options = options or PostfixOptions()
        self.dovecot = dovecot
        self._programs = _programs()
        self._seen: dict[Path, tuple[str, bytes]] = {}
        self.folder = Path(tempfile.mkdtemp(prefix="eb-postfix-", dir="/tmp"))
        self.folder.chmod(0o755)
        self._issue_certificate()
        self._prepare_folders()
        self._start(3)

    # --- mail --------------------------------------------------------------------------------

    def new_address(self) -> str:
        """An address at `example.org` that nobody else has, with an empty Maildir."""
        return f"u{os.getpid()}-{next(_serial)}@{DOMAIN}"

    def delivered(self, address: str) -> list[bytes]:
        """The mails of this address now, as they came: with the lines that the servers on the way put
        before them, and LF line ends as Postfix stores them. In no particular order."""
        new = self.folder / "mail" / "all" / "new"
        for file in new.iterdir() if new.is_dir() else ():
            if file not in self._seen:
                raw = file.read_bytes()
                (to,) = re.findall(rb"^Delivered-To: (.*)$", raw.partition(b"\n\n")[0], re.MULTILINE)[:1]
                self._seen[file] = to.decode(), raw
        return [raw for to, raw in self._seen.values() if to == address]

    def wait_for(self, address: str, mails: int) -> list[bytes]:
        """What was delivered, as soon as it is so many mails."""
        wait_until(lambda: len(self.delivered(address)) >= mails, self._process, self.log)
        return self.delivered(address)

    def wait_until_idle(self) -> None:
        """Waits until nothing is in its queue any more: all of it was delivered or given up."""
        wait_until(lambda: not self.queued(), self._process, self.log)

    def queued(self) -> list[str]:
        """The files of the mails that are still on their way."""
        queue = self.folder / "queue"
        return [
            str(file)
            for name in ("maildrop", "incoming", "active", "deferred")
            for file in (queue / name).rglob("*")
            if file.is_file()
        ]

    def log(self) -> str:
        """Everything the server has logged so far."""
        path = self.folder / "mail.log"
        return path.read_text(encoding="utf-8", errors="replace") if path.exists() else ""

    @property
    def fingerprint(self) -> str:
        """SHA-256 of its certificate, lower-case hex without colons."""
        return hashlib.sha256(ssl.PEM_cert_to_DER_cert(self.certificate)).hexdigest()

    @property
    def ca_file(self) -> Path:
        """The authority that signed its certificate."""
        return self.folder / "ca.pem"

    # --- life --------------------------------------------------------------------------------

    def _issue_certificate(self) -> None:
        authority = trustme.CA()
        certificate = authority.issue_cert(*self.options.names)
        authority.cert_pem.write_to_path(str(self.ca_file))
        certificate.private_key_pem.write_to_path(str(self.folder / "server.key"))
        for blob in certificate.cert_chain_pems:
            blob.write_to_path(str(self.folder / "server.pem"), append=True)
        self.certificate = certificate.cert_chain_pems[0].bytes().decode()

    def _prepare_folders(self) -> None:
        owner = mail_owner()
        (self.folder / "mail").mkdir()
        os.chown(self.folder / "mail", owner.pw_uid, owner.pw_gid)
        (self.folder / "conf").mkdir()
        (self.folder / "queue").mkdir()
        (self.folder / "data").mkdir()
        os.chown(self.folder / "data", pwd.getpwnam("postfix").pw_uid, -1)
        self._mailboxes.write_text(f"/^u[^@]*@{DOMAIN}$/ all/\n", encoding="utf-8")

    @property
    def _mailboxes(self) -> Path:
        return self.folder / "conf" / "mailboxes"

    def _configure(self, ports: list[int]) -> None:
        self.port, self.tls_port, self.mx_port = ports
        conf = self.folder / "conf"
        (conf / "deliver").write_text(self._delivering(), encoding="utf-8")
        (conf / "main.cf").write_text(self._main(), encoding="utf-8")
        (conf / "master.cf").write_text(self._master(), encoding="utf-8")

    def _lost_a_port(self) -> bool:
        return "Address already in use" in self.log()

    def _launch(self) -> None:
        conf = str(self.folder / "conf")
        subprocess.run([self._programs[0], "-c", conf, "check"], capture_output=True, check=True)
        self._run_until(self._is_ready, [self._programs[1], "-c", conf, "-s"], "TERM")

    def _is_ready(self) -> bool:
        return all(answers(port) for port in (self.port, self.tls_port, self.mx_port))

    def _main(self) -> str:
        owner = mail_owner()
        tls = "may" if self.options.tls else "none"
        return f"""\
compatibility_level = 3.6
queue_directory = {self.folder}/queue
data_directory = {self.folder}/data
maillog_file = {self.folder}/mail.log
maillog_file_prefixes = {self.folder}
mail_owner = postfix
setgid_group = postdrop
myhostname = mail.example.net
mydestination =
mynetworks =
inet_interfaces = 127.0.0.1
inet_protocols = ipv4
biff = no
alias_maps =
alias_database =
local_recipient_maps =
local_transport = error:no local mail here
message_size_limit = {self.options.size_limit}
virtual_mailbox_limit = 0
smtpd_recipient_limit = {self.options.recipient_limit}
smtpd_discard_ehlo_keywords = {", ".join(self.options.hidden)}
smtpd_error_sleep_time = 0
smtpd_soft_error_limit = 10000
smtpd_hard_error_limit = 10000
smtpd_client_connection_count_limit = 0
smtpd_tls_cert_file = {self.folder}/server.pem
smtpd_tls_key_file = {self.folder}/server.key
smtpd_tls_security_level = {tls}
smtpd_tls_loglevel = 1
smtp_tls_security_level = none
smtpd_sasl_type = dovecot
smtpd_sasl_path = {self.dovecot.folder}/{AUTH_SOCKET}
smtpd_sasl_security_options = noanonymous
virtual_mailbox_domains = {DOMAIN}
virtual_mailbox_base = {self.folder}/mail
virtual_mailbox_maps = regexp:{self._mailboxes}
virtual_uid_maps = static:{owner.pw_uid}
virtual_gid_maps = static:{owner.pw_gid}
transport_maps = inline:{{ {{ {BOUNCING} = virtual: }}, {{ {BOXES} = maildir: }} }}
default_transport = discard
relay_transport = discard
"""

    def _delivering(self) -> str:
        """Puts one mail into a user's Maildir (of two names, as its rules say: written whole, then shown)."""
        return f"""\
box={self.dovecot.mail_folder("$1")}/maildir
mkdir -p "$box/tmp" "$box/new" "$box/cur"
name=$(date +%s%N).$$.postfix
cat > "$box/tmp/$name" && mv "$box/tmp/$name" "$box/new/$name"
"""

    def _master(self) -> str:
        submission = (
            "-o smtpd_sasl_auth_enable=yes -o smtpd_tls_auth_only=yes"
            " -o smtpd_recipient_restrictions=permit_sasl_authenticated,reject"
            " -o smtpd_relay_restrictions=permit_sasl_authenticated,reject"
        )
        return f"""\
127.0.0.1:{self.port} inet n - n - - smtpd -o syslog_name=submission {submission}
127.0.0.1:{self.tls_port} inet n - n - - smtpd -o syslog_name=smtps -o smtpd_tls_wrappermode=yes {submission}
127.0.0.1:{self.mx_port} inet n - n - - smtpd -o syslog_name=mx \
-o smtpd_recipient_restrictions=reject_unauth_destination
pickup unix n - n 60 1 pickup
cleanup unix n - n - 0 cleanup
qmgr unix n - n 300 1 qmgr
tlsmgr unix - - n 1000? 1 tlsmgr
rewrite unix - - n - - trivial-rewrite
bounce unix - - n - 0 bounce
defer unix - - n - 0 bounce
trace unix - - n - 0 bounce
verify unix - - n - 1 verify
flush unix n - n 1000? 0 flush
proxymap unix - - n - - proxymap
smtp unix - - n - - smtp
error unix - - n - - error
retry unix - - n - - error
discard unix - - n - - discard
virtual unix - n n - - virtual
maildir unix - n n - - pipe flags=DRh user={mail_owner().pw_name} \
argv=/bin/sh {self.folder}/conf/deliver ${{user}}
anvil unix - - n - 1 anvil
postlog unix-dgram n - n - 1 postlogd
"""


def _programs() -> tuple[str, str]:
    """`postfix`, which makes a queue, and its `master`, which is the server."""
    found = shutil.which("postfix", path=os.environ.get("PATH", "") + ":/usr/sbin")
    if found is None:
        raise PostfixMissing("Postfix is missing: apt-get install postfix")
    if os.geteuid() != 0:
        raise PostfixMissing("Postfix can be started by root alone")
    return found, "/usr/lib/postfix/sbin/master"
