"""Three hundred hostile values go to a real Postfix: each mail arrives once, with its own fields."""

from __future__ import annotations

import itertools
import re
from collections import Counter
from collections.abc import Callable

from msgspec.structs import replace

from eilbote.clock import SystemClock
from eilbote.mail.compose import compose
from eilbote.mail.draft import Draft, File, Stamp
from eilbote.mail.envelope import Address
from eilbote.mail.identity import Identity
from eilbote.net.credential import Credential
from eilbote.net.smtp import SmtpSession
from eilbote.net.terms import Terms
from eilbote.protocols.smtp.types import Checkpoint, Mail, MailResult, Recipient
from eilbote.store.values import Security, Server
from tests.servers.postfix import Postfix

ODD = ("\u0125\u010a\u010d", "; ", ">, <", '"\\', "\u2424")
VALUES = [
    f"x{line_end}{line}"
    for line_end, line in itertools.product(
        ("=0D=0A", "%0d%0a", "\\r\\n", "=?utf-8?q?=0D=0A?=", "=?utf-8?b?DQo=?=", *ODD),
        ("Bcc: uevil@example.org", "X-Evil: 1", ".", "uevil@example.org"),
    )
]  # fmt: skip
TEXTS = [
    "x\n.\nMAIL FROM:<uevil@example.org>\n",
    "x\r\n.\r\nRCPT TO:<uevil@example.org>\r\nDATA\r\n",
    "x\r.\rX-Evil: 1\r",
    "\n\n.\n.\n..\n",
]

PLACES: list[Callable[[Draft, str], Draft]] = [
    lambda draft, bad: replace(draft, subject=bad),
    lambda draft, bad: replace(draft, identity=replace(draft.identity, name=bad)),
    lambda draft, bad: replace(draft, to=(Address(bad, draft.to[0].spec),)),
    lambda draft, bad: replace(draft, reply_to=(Address(bad, "me@example.net"),)),
    lambda draft, bad: replace(draft, identity=replace(draft.identity, organization=bad)),
    lambda draft, bad: replace(draft, fields=(("X-Own", bad),)),
    lambda draft, bad: replace(draft, files=(File(bad, b"x"),)),
    lambda draft, bad: replace(draft, text=bad, quoted=bad),
]
OURS = {
    "Date", "From", "To", "Reply-To", "Subject", "Message-ID", "Organization", "X-Own", "MIME-Version",
    "Content-Type", "Content-Transfer-Encoding",
}  # fmt: skip
ON_THE_WAY = {"Return-Path", "X-Original-To", "Delivered-To", "Received"}


async def test_each_arrives_once_and_no_field_is_added(postfix: Postfix) -> None:
    address, evil = postfix.new_address(), "uevil@example.org"
    plain = Draft(Identity("me@example.net", "Me"), to=(Address("U", address),), subject="s", text="t")
    drafts = [place(plain, value) for place, value in itertools.product(PLACES, VALUES)]
    drafts += [
        replace(plain, text=text, quoted=text, markdown=markdown)
        for text in TEXTS
        for markdown in (False, True)
    ]
    assert len(drafts) >= 300
    mails = []
    for key, draft in enumerate(drafts):
        made = compose(draft, Stamp(1_795_000_000.0, f"{key}@injection.example", "0123456789abcdef"))
        assert made.recipients == (address,)
        mails.append(Mail(key, made.sender, tuple(map(Recipient, made.recipients)), made.raw))
    results: list[MailResult] = []

    async def keep(checkpoint: Checkpoint) -> None:
        results.extend(checkpoint.finished)

    no_login: Credential | None = None
    server = Server(postfix.host, postfix.mx_port, Security.NONE)
    session = await SmtpSession.open(server, no_login, Terms(SystemClock(), connect_timeout=10))
    assert await session.send(mails, keep) is None
    await session.quit()
    assert all(each.is_sent for each in results)
    arrived = postfix.wait_for(address, len(mails))
    postfix.wait_until_idle()
    assert len(postfix.delivered(address)) == len(mails)
    assert postfix.delivered(evil) == []
    ids = Counter(re.findall(rb"^Message-ID: <(\d+)@", raw, re.MULTILINE)[0] for raw in arrived)
    assert len(ids) == len(mails)
    assert set(ids.values()) == {1}
    for raw in arrived:
        head = raw.partition(b"\n\n")[0].decode()
        assert {
            line.partition(":")[0] for line in head.split("\n") if not line.startswith((" ", "\t"))
        } <= OURS | ON_THE_WAY
