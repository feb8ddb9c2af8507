"""The demo's servers, spoken to by the standard library's clients."""

from __future__ import annotations

import asyncio
import imaplib
import smtplib
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from eilbote.config import Config
from eilbote.delivery.values import Foreseen
from eilbote.engine.app import open_app
from eilbote.engine.foresee import foresee
from eilbote.engine.route import surroundings_of
from eilbote.testing.demo import DemoServers, start_demo_servers
from eilbote.testing.samples.people import PEOPLE

T = TypeVar("T")
NOW = 1_795_460_000.0


async def with_imap(servers: DemoServers, work: Callable[[imaplib.IMAP4], T]) -> T:
    def run() -> T:
        with imaplib.IMAP4(servers.imap_host, servers.imap_port, timeout=10) as client:
            client.login(servers.user, servers.password)
            return work(client)

    return await asyncio.to_thread(run)


async def test_a_stranger_logs_in_and_reads_the_sample_mail() -> None:
    def read(client: imaplib.IMAP4) -> tuple[int, bytes]:
        _, told = client.select("INBOX")
        _, found = client.uid("FETCH", "1:*", "(RFC822.SIZE)")
        _, mail = client.uid("FETCH", "1", "(BODY.PEEK[])")
        assert told[0] is not None
        assert len(found) == int(told[0])
        assert isinstance(mail[0], tuple)
        return int(told[0]), mail[0][1]

    async with start_demo_servers(lambda: NOW) as servers:
        count, raw = await with_imap(servers, read)
        inbox = servers.store["INBOX"]
        assert count == len(inbox.messages)
        assert raw == inbox.messages[1].raw


async def test_what_is_sent_to_oneself_arrives_and_the_rest_stays_in_the_sink() -> None:
    async with start_demo_servers(lambda: NOW) as servers:
        before = len(servers.store["INBOX"].messages)

        def send() -> None:
            with smtplib.SMTP(servers.smtp_host, servers.smtp_port, timeout=10) as client:
                client.login(servers.user, servers.password)
                client.sendmail(servers.user, [servers.user], b"Subject: an mich\r\n\r\nx\r\n")
                client.sendmail(servers.user, ["fern@example.org"], b"Subject: fort\r\n\r\nx\r\n")

        await asyncio.to_thread(send)
        assert len(servers.sink.received) == 2
        arrived = list(servers.store["INBOX"].messages.values())[before:]
        assert [message.raw for message in arrived] == [b"Subject: an mich\r\n\r\nx\r\n"]


async def test_the_domains_of_the_sample_people_take_mail_and_nobody_else_is_asked(tmp_path: Path) -> None:
    async with start_demo_servers(lambda: NOW) as servers:
        config = Config(home=tmp_path / "home", key_file=str(tmp_path / "key"), dns_servers=servers.names)
        with open_app(config) as app:
            domains = {one.address.rpartition("@")[2] for one in PEOPLE.values()}
            seen = await foresee(app, surroundings_of(app), [f"x@{one}" for one in sorted(domains)])
            assert {one.foreseen for one in seen} == {Foreseen.MAYBE_PLAIN}
            slip, other = await foresee(
                app, surroundings_of(app), ["x@tischelrei.example.de", "x@other.test"]
            )
            assert slip.foreseen is Foreseen.IMPOSSIBLE
            assert other.foreseen is Foreseen.UNKNOWN and other.reason.parameters["reason"] == "REFUSED"


async def test_two_demos_run_side_by_side() -> None:
    async with start_demo_servers(lambda: NOW) as one, start_demo_servers(lambda: NOW) as other:
        assert len({one.imap_port, one.smtp_port, other.imap_port, other.smtp_port}) == 4
