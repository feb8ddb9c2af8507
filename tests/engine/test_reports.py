"""Delivery reports that come in are matched with the mails that they are about."""

from __future__ import annotations

import asyncio
from pathlib import Path

from msgspec.structs import replace

from eilbote.delivery.values import RecipientState, SendState
from eilbote.engine.act import append
from tests.engine.sending import ANNA, BEN, Office, office


def report(action: str, address: str, message_id: str = "s1@example.de", status: str = "5.1.1") -> bytes:
    """A report in the form of RFC 3464."""
    return (
        "From: Mail Delivery System <MAILER-DAEMON@mx.example.org>\r\nTo: kim@example.de\r\n"
        "Subject: Undelivered Mail Returned to Sender\r\nDate: Mon, 02 Nov 2026 10:05:00 +0100\r\n"
        f"Message-ID: <r-{action}-{address}>\r\nMIME-Version: 1.0\r\n"
        'Content-Type: multipart/report; report-type=delivery-status; boundary="b"\r\n\r\n'
        "--b\r\nContent-Type: text/plain\r\n\r\nThe mail system.\r\n"
        "--b\r\nContent-Type: message/delivery-status\r\n\r\nReporting-MTA: dns; mx.example.org\r\n\r\n"
        f"Final-Recipient: rfc822; {address}\r\nAction: {action}\r\nStatus: {status}\r\n"
        "Diagnostic-Code: smtp; 550 5.1.1 No such user\r\n\r\n"
        f"--b\r\nContent-Type: text/rfc822-headers\r\n\r\nMessage-ID: <{message_id}>\r\n\r\n--b--\r\n"
    ).encode()


async def arrived(here: Office, raw: bytes) -> None:
    append(here.app, here.account, "INBOX", raw)
    await here.deliver()


def test_a_bounce_makes_its_recipient_failed(tmp_path: Path) -> None:
    async def story() -> None:
        async with office(tmp_path / "home") as here:
            mail = here.queue(1, ANNA, BEN)
            await here.deliver()
            await arrived(here, report("delayed", BEN, status="4.4.1"))
            found = here.app.store.outbox.get(mail.id)
            assert [one.report for one in found.recipients] == ["", "delayed"]
            await arrived(here, report("failed", BEN.upper()))
            found = here.app.store.outbox.get(mail.id)
            assert [one.state for one in found.recipients] == [RecipientState.SENT, RecipientState.FAILED]
            assert found.problem is not None
            assert found.problem.code == "send.bounced"
            assert "No such user" in found.problem.parameters["text"]
            await arrived(here, report("delivered", ANNA, status="2.0.0"))
            found = here.app.store.outbox.get(mail.id)
            assert [one.report for one in found.recipients] == ["delivered", "failed"]
            assert found.state is SendState.DONE
            assert len(here.sink.received) == 1, "a report sends nothing again"

    asyncio.run(story())


def test_a_report_of_another_mail_changes_nothing(tmp_path: Path) -> None:
    async def story() -> None:
        async with office(tmp_path / "home") as here:
            mail = here.queue(1)
            await here.deliver()
            before = here.app.store.outbox.get(mail.id)
            await arrived(here, report("failed", ANNA, message_id="other@example.de"))
            await arrived(here, report("failed", "somebody@example.org"))
            assert here.app.store.outbox.get(mail.id) == before

    asyncio.run(story())


def test_a_report_on_some_keeps_what_is_owed_to_others(tmp_path: Path) -> None:
    """One had the mail before, one is in doubt, one was put off: a report says nothing of the put off, and
    one on the first says nothing of the doubtful either."""

    async def story() -> None:
        async with office(tmp_path / "home") as here:
            mail = here.queue(1, ANNA, BEN, "carla@example.net")
            outbox, now = here.app.store.outbox, here.app.clock.now()
            outbox.claim(here.account.id, now, 1)
            states = (RecipientState.SENT, RecipientState.TAKEN, RecipientState.DEFERRED)
            left = [replace(one, state=to) for one, to in zip(mail.recipients, states, strict=True)]
            outbox.record(now, ending={mail.id: left})
            await here.deliver()
            await arrived(here, report("failed", ANNA))
            assert here.state(mail) is SendState.UNCERTAIN
            await arrived(here, report("failed", BEN))
            found = outbox.get(mail.id)
            assert found.state is SendState.DEFERRED
            ended = (RecipientState.FAILED, RecipientState.FAILED, RecipientState.DEFERRED)
            assert tuple(one.state for one in found.recipients) == ended
            await here.deliver()
            assert [one.recipients for one in here.sink.received] == [("carla@example.net",)]

    asyncio.run(story())


def test_a_report_settles_an_uncertain_mail(tmp_path: Path) -> None:
    async def story() -> None:
        async with office(tmp_path / "home") as here:
            mail = here.queue(1)
            outbox, now = here.app.store.outbox, here.app.clock.now()
            outbox.claim(here.account.id, now, 1)
            outbox.record(now, ending={mail.id: ()})
            await here.deliver()
            assert here.state(mail) is SendState.UNCERTAIN
            await arrived(here, report("delivered", ANNA, status="2.0.0"))
            assert here.state(mail) is SendState.DONE
            assert here.sink.received == []

    asyncio.run(story())
