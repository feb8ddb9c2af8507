"""A private name space for tests: NSD answers for signed and unsigned zones, Unbound asks it and proves
what is signed. Both on loopback, nothing is asked outside.

`Names.zone` gives a zone its records; a zone may be signed, unsigned, or signed wrongly.
"""

from __future__ import annotations

import shutil
import subprocess
import tempfile
from enum import Enum, auto
from pathlib import Path

import dns.dnssec
import dns.exception
import dns.message
import dns.name
import dns.query
import dns.rdatatype
import dns.rrset
import dns.zone
from cryptography.hazmat.primitives.asymmetric import ec
from dns.dnssectypes import Algorithm

from eilbote.net.dns import NameServer
from tests.servers.ports import LOOPBACK, StartFailed, bound_to_us, free_ports, stop, wait_until

_SBIN = "/usr/sbin:/sbin"
_HEAD = "@ 300 IN SOA ns hostmaster 1 3600 600 86400 60\n@ 300 IN NS ns\nns 300 IN A 127.0.0.1\n"


class Signing(Enum):
    """How a zone is signed. BROKEN: its records were changed after they were signed."""

    NONE = auto()
    GOOD = auto()
    BROKEN = auto()


class Names:
    """Zones served and resolved until `remove`. Every change of the zones starts both servers anew."""

    def __init__(self) -> None:
        self._folder = Path(tempfile.mkdtemp(prefix="eb-dns-"))
        self._folder.chmod(0o755)
        self._zones: dict[str, Signing] = {}
        self._anchors: list[str] = []
        self._running: list[subprocess.Popen[bytes]] = []
        self._port = 0
        self._authority = 0

    @property
    def authority(self) -> int:
        """The port of the server that has the zones."""
        if not self._running:
            self._start()
        return self._authority

    @property
    def servers(self) -> tuple[NameServer, ...]:
        """The validating resolver."""
        if not self._running:
            self._start()
        return (NameServer(LOOPBACK, self._port),)

    def zone(self, domain: str, records: str, signing: Signing = Signing.NONE) -> None:
        """Adds a zone: records in the form of a zone file, relative to `domain`."""
        self._stop()
        origin = dns.name.from_text(domain)
        text = _HEAD + records
        zone = dns.zone.from_text(text, origin, relativize=False)
        if signing is not Signing.NONE:
            key = ec.generate_private_key(ec.SECP256R1())
            public = dns.dnssec.make_dnskey(key.public_key(), Algorithm.ECDSAP256SHA256, flags=257)
            with zone.writer() as change:
                dns.dnssec.sign_zone(
                    zone, change, [(key, public)], add_dnskey=True, dnskey_ttl=300, lifetime=864_000
                )
            anchor = dns.dnssec.make_ds(origin, public, "SHA256")
            self._anchors.append(f"{domain}. IN DS {anchor.to_text()}")
        written = zone.to_text(relativize=False)
        if signing is Signing.BROKEN:
            written = written.replace("127.0.0.1", "127.0.0.99").replace(" 10 mx.", " 11 mx.")
        (self._folder / f"{domain}.zone").write_text(written)
        self._zones[domain] = signing

    def remove(self) -> None:
        self._stop()
        shutil.rmtree(self._folder)

    def _start(self) -> None:
        for _ in range(3):
            authority, resolver = free_ports(2)
            try:
                self._running = [self._nsd(authority)]
                self._running.append(self._unbound(resolver, authority))
            except StartFailed:
                self._stop()
                continue
            self._port, self._authority = resolver, authority
            return
        raise StartFailed("no port for the name servers")

    def _nsd(self, port: int) -> subprocess.Popen[bytes]:
        zones = "".join(
            f'zone:\n  name: "{domain}"\n  zonefile: "{self._folder}/{domain}.zone"\n'
            for domain in self._zones
        )
        settings = self._folder / "nsd.conf"
        settings.write_text(
            f'server:\n  ip-address: {LOOPBACK}@{port}\n  username: ""\n  chroot: ""\n'
            f'  pidfile: "{self._folder}/nsd.pid"\n  database: ""\n  zonesdir: "{self._folder}"\n'
            f'  xfrdfile: "{self._folder}/xfrd"\n  xfrdir: "{self._folder}"\n'
            f'  logfile: "{self._folder}/nsd.log"\n'
            f"  server-count: 1\nremote-control:\n  control-enable: no\n{zones}"
        )
        return self._started(["nsd", "-d", "-c", str(settings)], port, "nsd.log")

    def _unbound(self, port: int, authority: int) -> subprocess.Popen[bytes]:
        anchors = "".join(f'  trust-anchor: "{anchor}"\n' for anchor in self._anchors)
        stubs = "".join(
            f'stub-zone:\n  name: "{domain}"\n  stub-addr: {LOOPBACK}@{authority}\n' for domain in self._zones
        )
        unsigned = "".join(
            f'  domain-insecure: "{domain}"\n'
            for domain, signing in self._zones.items()
            if signing is Signing.NONE
        )
        settings = self._folder / "unbound.conf"
        settings.write_text(
            f'server:\n  interface: {LOOPBACK}@{port}\n  port: {port}\n  do-daemonize: no\n  username: ""\n'
            f'  chroot: ""\n  directory: "{self._folder}"\n  pidfile: "{self._folder}/unbound.pid"\n'
            f'  logfile: "{self._folder}/unbound.log"\n  use-syslog: no\n  do-not-query-localhost: no\n'
            f'  module-config: "validator iterator"\n  access-control: 127.0.0.0/8 allow\n'
            f'  local-zone: "." transparent\n  local-zone: "test." nodefault\n'
            f"  qname-minimisation: no\n{anchors}{unsigned}"
            f"remote-control:\n  control-enable: no\n{stubs}"
        )
        return self._started(["unbound", "-d", "-c", str(settings)], port, "unbound.log")

    def _started(self, command: list[str], port: int, log: str) -> subprocess.Popen[bytes]:
        program = shutil.which(command[0], path=f"/usr/bin:{_SBIN}")
        if program is None:
            raise FileNotFoundError(command[0])
        with (self._folder / f"{log}.out").open("wb") as output:
            process = subprocess.Popen(
                bound_to_us([program, *command[1:]], "TERM"), stdout=output, stderr=subprocess.STDOUT
            )

        def said() -> str:
            files = (self._folder / log, self._folder / f"{log}.out")
            return "".join(file.read_text(errors="replace")[-1500:] for file in files if file.exists())

        known = next(iter(self._zones))
        wait_until(lambda: _answers(port, known), process, said)
        return process

    def _stop(self) -> None:
        for process in self._running:
            stop(process)
        self._running = []


def _answers(port: int, domain: str) -> bool:
    try:
        dns.query.udp(dns.message.make_query(domain, "SOA"), LOOPBACK, timeout=0.5, port=port)
    except (OSError, dns.exception.DNSException):
        return False
    return True
