"""Mails handed to an SMTP server by other libraries, as their users' scripts do it.

Run as a process of its own: `python -m bench.send_copy PROGRAM PORT COUNT CONNECTIONS
FOLDER`. What it prints is the number of mails that the server took; of the program `queue`, times.
"""

from __future__ import annotations

import asyncio
import smtplib
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from eilbote.engine.app import App
    from eilbote.store.values import Account

SENDER, RECIPIENT = "kim@example.de", "anna@example.org"
_SIZE = 8_000
_QUEUED_AT_ONCE = 200


def mail(number: int) -> bytes:
    """A mail of 8 KB, different for each number."""
    head = (
        f"From: Kim <{SENDER}>\r\nTo: Anna <{RECIPIENT}>\r\nSubject: Brief {number}\r\n"
        f"Message-ID: <bench-{number}@example.de>\r\nDate: Mon, 02 Nov 2026 10:00:00 +0100\r\n"
        "MIME-Version: 1.0\r\nContent-Type: text/plain; charset=utf-8\r\n\r\n"
    ).encode()
    line = b"Die Rechnung liegt bei, mit freundlichen Gruessen aus dem Garten, %d.\r\n" % number
    return head + line * ((_SIZE - len(head)) // len(line))


def by_smtplib(port: int, count: int) -> int:
    with smtplib.SMTP("127.0.0.1", port, local_hostname="localhost") as client:
        for number in range(count):
            client.sendmail(SENDER, [RECIPIENT], mail(number))
    return count


async def by_aiosmtplib(port: int, count: int, connections: int) -> int:
    import aiosmtplib  # noqa: PLC0415  # only where it is measured

    numbers = iter(range(count))
    sent = 0

    async def one() -> None:
        nonlocal sent
        client = aiosmtplib.SMTP(hostname="127.0.0.1", port=port, start_tls=False)
        async with client:
            for number in numbers:
                await client.sendmail(SENDER, [RECIPIENT], mail(number))
                sent += 1

    await asyncio.gather(*(one() for _ in range(connections)))
    return sent


@contextmanager
def opened(port: int, folder: Path) -> Iterator[tuple[App, Account]]:
    """A home of its own with one account that sends through that port."""
    from eilbote.config import Config  # noqa: PLC0415  # peers do not pay for it
    from eilbote.engine.app import open_app  # noqa: PLC0415
    from eilbote.secret import Secret  # noqa: PLC0415
    from eilbote.store.values import AuthKind, NewAccount, Security, Server  # noqa: PLC0415

    config = Config(home=folder / "home", key_file=str(folder / "key"))
    with open_app(config) as app:
        sealed = app.vault.seal(Secret("geheim"), f"account:{SENDER}")
        server = Server("127.0.0.1", port, Security.NONE)
        new = NewAccount(SENDER, "Kim", SENDER, AuthKind.PASSWORD, sealed, smtp=server)
        yield app, app.store.accounts.add(new)


def queue(count: int, folder: Path) -> list[float]:
    """Milliseconds that queueing took, mail after mail."""
    from eilbote.engine.send import Envelope, queue_mail  # noqa: PLC0415

    taken: list[float] = []
    with opened(1, folder) as (app, account):
        for number in range(count):
            raw = mail(number)
            began = time.perf_counter()
            queue_mail(app, account, raw, Envelope(SENDER, (RECIPIENT,)))
            taken.append((time.perf_counter() - began) * 1_000)
    return taken


def by_eilbote(port: int, count: int, connections: int, folder: Path) -> int:
    """Queued durably, delivered, recorded: everything that `serve` does for a mail but the copy."""
    from eilbote.delivery.values import SendState  # noqa: PLC0415  # peers do not pay for it
    from eilbote.engine.connect import HostBudget  # noqa: PLC0415
    from eilbote.engine.deliver import Delivery  # noqa: PLC0415
    from eilbote.engine.send import Envelope, Handling, queue_mails  # noqa: PLC0415

    with opened(port, folder) as (app, account):
        envelope, handling = Envelope(SENDER, (RECIPIENT,)), Handling(keep_copy=False)
        for first in range(0, count, _QUEUED_AT_ONCE):
            mails = [(mail(number), envelope) for number in range(first, min(first + _QUEUED_AT_ONCE, count))]
            queue_mails(app, account, mails, handling)
        delivered = asyncio.run(
            Delivery(app, account, HostBudget(connections), connections=connections).run()
        )
        app.store.outbox.finish(account.id, app.clock.now())
        counts = app.store.outbox.counts(account.id)
        if counts != {SendState.DONE: count}:
            raise SystemExit(f"{counts} of {count} mails, {delivered.problem}")
    return count


def main() -> None:
    program, port, count, connections = sys.argv[1], *map(int, sys.argv[2:5])
    match program:
        case "smtplib":
            print(by_smtplib(port, count))
        case "aiosmtplib":
            print(asyncio.run(by_aiosmtplib(port, count, connections)))
        case "eilbote":
            print(by_eilbote(port, count, connections, Path(sys.argv[5])))
        case "queue":
            print(*(f"{taken:.3f}" for taken in queue(count, Path(sys.argv[5]))))
        case unknown:
            raise SystemExit(f"unknown program {unknown}")


if __name__ == "__main__":
    main()
