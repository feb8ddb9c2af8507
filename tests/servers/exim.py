"""A private Exim for tests of what it logs: loopback ports, a folder of its own, ended by its process id.

Wants none installed: Debian lets no Exim lie beside a Postfix, so `scripts/exim.sh` unpacks one below
`.cache/exim`. Its users and its DNS are files (nss_wrapper, resolv_wrapper): no name is asked of anybody.
It takes mail for `example.org`, where recipients decide what happens (see `_ACL`), and for the domains of
`Exim.routes`, to which it finds no way that works. Must be started by root.
"""

from __future__ import annotations

import os
import subprocess
import tempfile
from pathlib import Path

import trustme

from tests.servers.life import MailServer, mail_owner
from tests.servers.ports import answers

DOMAIN = "example.org"
_UNPACKED = Path(__file__).parents[2] / ".cache" / "exim"
_ACL = """\
rcpt:
  defer   domains = +here
          local_parts = grey
          message = 4.2.0 Greylisted, please try again in 300 seconds
  deny    domains = +here
          local_parts = listed
          dnslists = bl.example
  deny    !domains = +here : +routed
          !authenticated = *
          message = relay not permitted
  deny    !verify = sender
          message = Sender verify failed
  require verify = recipient
  accept
data:
  deny    condition = ${if match{$h_subject:}{lottery}}
          message = 5.7.1 This message contains spam
  accept
"""


class EximMissing(Exception):
    """No Exim was unpacked, or it may not be started here."""


class Exim(MailServer):
    """One running instance. `port` offers STARTTLS and AUTH PLAIN (nobody's password is right), `plain_port`
    offers no TLS. `routes`: for which domain it sends to which `HOST::PORT`, a transport behind it."""

    def __init__(self, routes: dict[str, str]) -> None:
        """Starts it and waits until it answers; raises EximMissing or StartFailed. `{port}` and `{plain}` in
        a route stand for its own ports."""
        self.routes = routes
        self._program = _UNPACKED / "usr" / "sbin" / "exim4"
        if not self._program.exists():
            raise EximMissing("Exim is missing: scripts/exim.sh")
        if os.geteuid() != 0:
            raise EximMissing("Exim can be started by root alone")
        self.folder = Path(tempfile.mkdtemp(prefix="eb-exim-", dir="/tmp"))
        self.folder.chmod(0o755)
        certificate = trustme.CA().issue_cert("mail.example.org")
        certificate.private_key_and_cert_chain_pem.write_to_path(str(self.folder / "server.pem"))
        trustme.CA().cert_pem.write_to_path(str(self.folder / "other-ca.pem"))
        for name in ("spool", "log", "mail"):
            (self.folder / name).mkdir()
        owner = mail_owner()
        for path in (self.folder / "spool", self.folder / "log", self.folder / "mail"):
            os.chown(path, owner.pw_uid, owner.pw_gid)
        os.chown(self.folder / "server.pem", owner.pw_uid, owner.pw_gid)
        self._write_names(owner.pw_uid, owner.pw_gid)
        self._start(2)

    def log(self) -> str:
        """Its main log, as it stands now."""
        path = self.folder / "log" / "mainlog"
        return path.read_text(encoding="utf-8", errors="replace") if path.exists() else ""

    def run_queue(self, *, forced: bool = False) -> None:
        """One run over what waits, frozen mail and hosts that are not due included if `forced`; returns when
        it has ended."""
        command = [str(self._program), "-C", str(self.folder / "conf"), "-qff" if forced else "-q"]
        subprocess.run(command, env=self._environment, check=True, capture_output=True, timeout=60)

    # --- life ------------------------------------------------------------------------------------

    def _write_names(self, user: int, group: int) -> None:
        for name, line in (
            ("passwd", f"Debian-exim:x:{user}:{group}::/nonexistent:/bin/false\n"),
            ("group", f"Debian-exim:x:{group}:\n"),
        ):
            (self.folder / name).write_text(Path("/etc", name).read_text(encoding="utf-8") + line)
        (self.folder / "dns").write_text(
            "A mail.example.org 127.0.0.1\nMX example.org mail.example.org\n"
            "A 1.0.0.127.bl.example 127.0.0.2\nTXT 1.0.0.127.bl.example listed\n"
            "MX dead.example mx.nowhere.example\n",
            encoding="utf-8",
        )
        libraries = _UNPACKED / "usr" / "lib" / f"{os.uname().machine}-linux-gnu"
        self._environment = {
            "PATH": "/usr/sbin:/usr/bin:/sbin:/bin",
            "LD_LIBRARY_PATH": str(libraries),
            "LD_PRELOAD": f"{libraries}/libnss_wrapper.so:{libraries}/libresolv_wrapper.so",
            "NSS_WRAPPER_PASSWD": str(self.folder / "passwd"),
            "NSS_WRAPPER_GROUP": str(self.folder / "group"),
            "RESOLV_WRAPPER_HOSTS": str(self.folder / "dns"),
        }

    def _configure(self, ports: list[int]) -> None:
        self.port, self.plain_port = ports
        (self.folder / "conf").write_text(self._settings(), encoding="utf-8")

    def _launch(self) -> None:
        self._run_until(
            lambda: answers(self.port) and answers(self.plain_port),
            [str(self._program), "-C", str(self.folder / "conf"), "-bdf"],
            "TERM",
            env=self._environment,
        )

    def _settings(self) -> str:
        kept = ":".join(self._environment)
        routes = "\n".join(
            f"  {domain} : {way.format(port=self.port, plain=self.plain_port)}"
            for domain, way in self.routes.items()
        )
        (self.folder / "routes").write_text(routes.replace("  ", "") + "\n", encoding="utf-8")
        return f"""\
keep_environment = {kept}
exim_path = {self._program}
primary_hostname = mail.example.org
spool_directory = {self.folder}/spool
log_file_path = {self.folder}/log/%slog
pid_file_path = {self.folder}/pid
local_interfaces = 127.0.0.1
daemon_smtp_ports = {self.port} : {self.plain_port}
tls_advertise_hosts = ${{if eq{{$received_port}}{{{self.plain_port}}}{{}}{{*}}}}
tls_certificate = {self.folder}/server.pem
message_size_limit = 50K
received_headers_max = 5
smtp_accept_max_per_host = 4
smtp_receive_timeout = 1s
rfc1413_query_timeout = 0s
host_lookup =
local_from_check = false
smtp_enforce_sync = true
domainlist here = {DOMAIN}
domainlist routed = {" : ".join((*self.routes, "dead.example", "nowhere.example", "nix.example"))}
acl_smtp_rcpt = rcpt
acl_smtp_data = data

begin acl
{_ACL}
begin routers
ways:
  driver = manualroute
  domains = lsearch;{self.folder}/routes
  route_data = ${{extract{{1}}{{ }}{{$domain_data}}}}
  transport = ${{extract{{2}}{{ }}{{$domain_data}}}}
  host_find_failed = defer
  self = send
away:
  driver = accept
  domains = +routed
  verify_only
mx:
  driver = dnslookup
  domains = ! +here : ! nix.example
  transport = smtp
  no_more
boxes:
  driver = accept
  domains = +here
  local_parts = ^u : full : barred
  transport = ${{if eq{{$local_part}}{{full}}{{full}}\\
    {{${{if eq{{$local_part}}{{barred}}{{barred}}{{box}}}}}}}}

begin transports
smtp:
  driver = smtp
  hosts_try_fastopen =
  hosts_try_prdr =
  connection_max_messages = 1
  command_timeout = 1s
  connect_timeout = 1s
strict:
  driver = smtp
  hosts_require_tls = *
verified:
  driver = smtp
  hosts_require_tls = *
  tls_verify_certificates = {self.folder}/other-ca.pem
  tls_verify_hosts = *
box:
  driver = appendfile
  file = {self.folder}/mail/all
  user = {mail_owner().pw_name}
full:
  driver = appendfile
  file = {self.folder}/mail/full
  quota = 1
  user = {mail_owner().pw_name}
barred:
  driver = appendfile
  file = /etc/shadow.d/none
  user = {mail_owner().pw_name}

begin retry
expired.example *
* * F,1h,10m

begin authenticators
plain:
  driver = plaintext
  public_name = PLAIN
  server_prompts = :
  server_condition = false
  server_set_id = $auth2
"""
