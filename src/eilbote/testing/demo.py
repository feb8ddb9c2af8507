"""The demo's servers on loopback: a sample mailbox over IMAP, a mail sink over SMTP, and a name server for
the domains of the sample people.

It must never reach beyond this machine: what is sent to the demo's own address arrives in its
INBOX, everything else stays in the sink.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

from msgspec import Struct

from eilbote.testing.imap.behaviour import Behaviour
from eilbote.testing.imap.mailstore import Mailstore
from eilbote.testing.imap.server import ImapServer
from eilbote.testing.names import name_server
from eilbote.testing.samples.domains import sample_zones
from eilbote.testing.samples.mailbox import build_demo_mailbox
from eilbote.testing.samples.people import OWNER
from eilbote.testing.smtp.server import SmtpServer
from eilbote.testing.smtp.sink import Received, Sink

DEMO_PASSWORD = "eilbote-demo"  # noqa: S105  (it opens nothing but the demo)


class DemoServers(Struct, frozen=True):
    """Where the demo's servers are, and what logs in. `names`: the name server, as the setting
    `dns_servers` has it. `store` and `sink` show what they hold."""

    imap_host: str
    imap_port: int
    smtp_host: str
    smtp_port: int
    user: str
    password: str
    names: str
    store: Mailstore
    sink: Sink


@asynccontextmanager
async def start_demo_servers(
    clock: Callable[[], float],
    *,
    seed: int = 1,
    behaviour: Behaviour | None = None,
    imap_port: int = 0,
    smtp_port: int = 0,
) -> AsyncIterator[DemoServers]:
    """Runs the servers, without TLS, until the context ends. `clock` gives seconds since 1970.

    A port of 0 takes any free one. OSError where a port is taken.
    """
    store = build_demo_mailbox(clock(), seed=seed, clock=clock)
    accounts = {OWNER.address: DEMO_PASSWORD}

    def deliver(mail: Received) -> None:
        if any(address.lower() == OWNER.address for address in mail.recipients):
            store["INBOX"].append(mail.data)

    sink = Sink(accounts, deliver=deliver)
    async with (
        ImapServer(store, accounts, behaviour or Behaviour(), port=imap_port) as imap,
        SmtpServer(sink, port=smtp_port) as smtp,
        name_server(sample_zones()) as names,
    ):
        yield DemoServers(
            imap_host=imap.host,
            imap_port=imap.port,
            smtp_host=smtp.host,
            smtp_port=smtp.port,
            user=OWNER.address,
            password=DEMO_PASSWORD,
            names=names,
            store=store,
            sink=sink,
        )
