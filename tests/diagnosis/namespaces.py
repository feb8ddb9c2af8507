"""Real networks that are broken in the twelve ways: two network namespaces with a cable between them.

Run as `unshare -n -m python -m tests.diagnosis.namespaces`: builds both, breaks the way in one manner after
the other, has the doctor look, and writes a line of JSON for each. Nothing of it is seen outside.
"""

from __future__ import annotations

import asyncio
import json
import os
import ssl
import subprocess
import sys
import tempfile
import time
import warnings
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric import rsa
from msgspec import Struct

from eilbote.diagnosis.evidence import Protocol
from eilbote.engine import diagnose
from eilbote.engine.diagnose import Diagnosed
from eilbote.net.looking import Patience
from eilbote.store.values import Security, Server
from tests.diagnosis.clinic import SHORT, Clinic, opened_clinic
from tests.diagnosis.peers import Authority, Peer, Talk

US, IMAP, SMTP, GONE, NOWHERE = "10.7.0.1", "10.7.0.2", "10.7.0.3", "10.7.0.9", "10.7.0.250"
IMAP6, SMTP6 = "fd00:7::2", "fd00:7::3"
BOTH = ("imap.both.example", "smtp.both.example")


class Row(Struct):
    """One way to be broken: `peers` by (address, port); `rules` are commands in the client's namespace."""

    name: str
    imap: Server
    smtp: Server
    rules: Sequence[str] = ()
    patience: Patience = SHORT


def ip(command: str) -> None:
    subprocess.run(["ip", *command.split()], check=True, capture_output=True)


# --- the far end -----------------------------------------------------------------------------------------


def far_end(folder: Path) -> None:
    """The servers; told by one line that the cable is there."""
    print("ready", flush=True)
    sys.stdin.readline()
    for command in ("link set lo up", "link set v1 up"):
        ip(command)
    for address in (f"{IMAP}/24", f"{SMTP}/24"):
        ip(f"addr add {address} dev v1")
    asyncio.run(_serve(folder))


async def _serve(folder: Path) -> None:
    key = rsa.generate_private_key(65537, 4096)
    faked = Authority("Hotel-Netz Sicherheit")
    names = (IMAP, SMTP, *BOTH)
    good = Authority("Bundesamt für Prüfungen")
    good.file(folder).rename(folder / "trusted.pem")
    real = good.issue(folder, names=names, key=key)

    def old(context: ssl.SSLContext) -> None:
        context.minimum_version = ssl.TLSVersion.MINIMUM_SUPPORTED
        with warnings.catch_warnings(action="ignore"):
            context.maximum_version = ssl.TLSVersion.TLSv1_1

    portal = b"HTTP/1.1 302 Found\r\nLocation: http://login.hotel.example/\r\n\r\n"
    smtp = Protocol.SMTP
    peers: dict[int, Peer] = {
        993: Peer(context=real, implicit=True),
        465: Peer(smtp, context=real, implicit=True),
        443: Peer(raw=b""),
        7443: Peer(raw=portal),
        7993: Peer(context=faked.issue(folder, names=names), implicit=True),
        7465: Peer(smtp, context=faked.issue(folder, names=names), implicit=True),
        7143: Peer(greeting="* OK ****************", no_starttls=True),
        7587: Peer(smtp, greeting="220 " + "*" * 40, no_starttls=True),
        7110: Peer(silent=True),
        7112: Peer(context=good.issue(folder, names=names, tune=old), implicit=True),
    }
    servers = []
    for port, peer in peers.items():
        context = peer.context if peer.implicit else None
        servers += [
            await asyncio.start_server(_server_of(peer), address, port, ssl=context)
            for address in (IMAP, SMTP)
        ]
    # Where nobody listens at port 2993 of one host, somebody does at that of the other.
    servers.append(await asyncio.start_server(_server_of(peers[993]), SMTP, 2993, ssl=real))
    print("serving", flush=True)
    await asyncio.Event().wait()


def _server_of(peer: Peer) -> Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await Talk(peer, reader, writer).run()
        except (OSError, asyncio.IncompleteReadError, ssl.SSLError):
            pass
        finally:
            writer.transport.abort()

    return serve


# --- our end ---------------------------------------------------------------------------------------------


@contextmanager
def cable(folder: Path) -> Iterator[subprocess.Popen[str]]:
    command = ["unshare", "-n", sys.executable, "-m", "tests.diagnosis.namespaces", "far", str(folder)]
    far = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert far.stdin is not None and far.stdout is not None
    try:
        assert far.stdout.readline().strip() == "ready"
        ip("link set lo up")
        ip("link add v0 type veth peer name v1")
        ip(f"link set v1 netns {far.pid}")
        ip(f"addr add {US}/24 dev v0")
        ip("-6 addr add fd00:7::1/64 dev v0 nodad")
        ip("link set v0 up")
        # Whoever is sent there is never heard of again: a neighbour whom nobody is.
        ip(f"neigh add {NOWHERE} lladdr 02:00:00:00:00:99 dev v0")
        ip(f"neigh add {GONE} lladdr 02:00:00:00:00:99 dev v0")
        for address in (IMAP6, SMTP6):
            ip(f"-6 neigh add {address} lladdr 02:00:00:00:00:99 dev v0")
        ip(f"route add default via {NOWHERE} table 100")
        ip("rule add pref 20 lookup local")
        ip("rule del pref 0")
        far.stdin.write("go\n")
        far.stdin.flush()
        assert far.stdout.readline().strip() == "serving"
        yield far
    finally:
        far.kill()
        far.wait()


def tls(host: str, port: int) -> Server:
    return Server(host, port, Security.TLS)


def starttls(host: str, port: int) -> Server:
    return Server(host, port, Security.STARTTLS)


def rows() -> list[Row]:
    good = tls(IMAP, 993), tls(SMTP, 465)
    drop = [f"rule add pref 10 ipproto tcp dport {port} lookup 100" for port in (993, 465)]
    long = Patience()
    return [
        Row("0-healthy", *good, patience=long),
        Row("1-refused", tls(IMAP, 2993), tls(SMTP, 465)),
        Row("2-firewall-rejects", tls(IMAP, 3993), tls(SMTP, 3465)),
        Row("3-firewall-drops", *good, drop),
        Row("4-host-down", tls(GONE, 993), tls(SMTP, 465)),
        Row("5-no-internet", *good, ["rule add pref 10 ipproto tcp lookup 100"], long),
        Row("5-no-route", *good, ["route del 10.7.0.0/24 dev v0"]),
        Row(
            "5-names-dropped",
            tls("imap.dropped.example", 993),
            tls("smtp.dropped.example", 465),
            patience=long,
        ),
        Row("6-captive-portal", starttls(IMAP, 7443), starttls(SMTP, 7443)),
        Row("7-interception", tls(IMAP, 7993), tls(SMTP, 7465)),
        Row("8-inspection", starttls(IMAP, 7143), starttls(SMTP, 7587)),
        Row("9-silent", starttls(IMAP, 7110), tls(SMTP, 465)),
        Row("10-too-old", tls(IMAP, 7112), tls(SMTP, 465)),
        Row("11-hello-lost", *good),
        Row("12-ipv6-half", tls(BOTH[0], 993), tls(BOTH[1], 465)),
    ]


UNDO = {"rule add": "rule del", "route del": "route add"}


async def examine(clinic: Clinic, row: Row, far: subprocess.Popen[str]) -> tuple[Diagnosed, float, float]:
    account = clinic.admit(imap=row.imap, smtp=row.smtp)
    shaped = row.name.startswith("11")
    for rule in row.rules:
        ip(rule)
    narrow = ["nsenter", "-t", str(far.pid), "-n", "tc", "qdisc"]
    if shaped:
        # Packets larger than this bucket are thrown away, and nobody is told.
        bucket = ["dev", "v1", "root", "tbf", "rate", "1gbit", "burst", "1000", "latency", "50ms"]
        await asyncio.to_thread(subprocess.run, [*narrow, "add", *bucket], check=True)
    begun, first = time.monotonic(), [0.0]

    def tell(looking: object) -> None:
        first[0] = first[0] or time.monotonic() - begun

    try:
        diagnosed = await diagnose.diagnose_account(clinic.app, account.address, tell, row.patience)
        return diagnosed, time.monotonic() - begun, first[0]
    finally:
        if shaped:
            await asyncio.to_thread(subprocess.run, [*narrow, "del", "dev", "v1", "root"], check=True)
        for rule in row.rules:
            ip(next(rule.replace(word, undo) for word, undo in UNDO.items() if rule.startswith(word)))
        clinic.app.store.accounts.remove(account.id)


def main() -> None:
    folder = Path(tempfile.mkdtemp())
    hosts = folder / "hosts"
    hosts.write_text(
        f"127.0.0.1 localhost\n{IMAP} {BOTH[0]}\n{IMAP6} {BOTH[0]}\n{SMTP} {BOTH[1]}\n{SMTP6} {BOTH[1]}\n"
    )
    resolv = folder / "resolv.conf"
    resolv.write_text(f"nameserver {NOWHERE}\n")
    for file, place in ((hosts, "/etc/hosts"), (resolv, "/etc/resolv.conf")):
        subprocess.run(["mount", "--bind", str(file), place], check=True)
    with cable(folder) as far:
        os.environ["SSL_CERT_FILE"] = str(folder / "trusted.pem")
        with opened_clinic(folder, dns_servers=NOWHERE) as clinic:
            for row in rows():
                diagnosed, seconds, first = asyncio.run(examine(clinic, row, far))
                cause = diagnosed.report.cause
                told = {
                    "row": row.name,
                    "code": cause.code,
                    "confidence": cause.confidence.value,
                    "seconds": round(seconds, 2),
                    "first": round(first, 3),
                }
                print(json.dumps(told), flush=True)


if __name__ == "__main__":
    if len(sys.argv) > 2:
        far_end(Path(sys.argv[2]))
    else:
        main()
