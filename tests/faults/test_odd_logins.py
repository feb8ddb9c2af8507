"""Servers that let in and give nothing, ask for pauses, grant few connections, or must be kept awake."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from msgspec.structs import replace

from eilbote.clock import SystemClock
from eilbote.engine import act
from eilbote.engine.backoff import Backoff
from eilbote.mail.mailbox import FLAGGED, MailboxName
from eilbote.net.credential import Credential
from eilbote.net.imap import ImapSession
from eilbote.net.terms import Terms
from eilbote.secret import Secret
from eilbote.store.values import Security, Server
from eilbote.testing.imap.behaviour import Behaviour
from eilbote.testing.imap.oddities import Oddities
from tests.engine.world import mail, until
from tests.faults.embedded import PASSWORD, embedded
from tests.faults.played import odd, played, settled


async def test_exchange_lets_in_and_gives_no_mailbox(tmp_path: Path) -> None:
    """User pain 17: five different causes, one text. It has a code and a sentence of its own, and is not
    tried again and again."""
    oddities = Oddities(after_login="BAD User is authenticated but not connected.")
    async with odd(tmp_path / "home", oddities, most=1) as here:
        report = await here.sync()
        assert report.failed is not None and report.failed.code == "imap.not_connected"
        assert Backoff().failed(report.failed, 0.0).seconds(report.failed, 0.5) == 3600.0
        assert sum(len(one.commands) for one in here.server.sessions) < 10


@pytest.mark.parametrize("command", ["SELECT", "UID FETCH", "LIST", "UID STORE"])
@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("Request is throttled. Suggested Backoff Time: 299961 milliseconds", 299.961),
        ("Request is throttled. Suggested Backoff Time: 2000 milliseconds", 2.0),
        ("Request is throttled. Suggested Backoff Time: 999999999 milliseconds", 300.0),
        ("[OVERQUOTA] Account exceeded command or bandwidth limits.", 300.0),
    ],
)
async def test_a_server_that_asks_for_a_pause_gets_it(
    text: str, seconds: float, command: str, tmp_path: Path
) -> None:
    """The account's pass ends at once, and says for how long; nothing is lost or given up."""
    async with odd(tmp_path / "home", Oddities(), most=3) as here:
        await here.sync()
        act.change_flags(here.app, [here.ids()[1]], add=[FLAGGED])
        here.inbox.append(mail(50))
        here.server.faults.refuse[command] = text
        before = len(here.between.commands)  # type: ignore[union-attr]
        report = await here.sync()
        assert report.failed is not None
        assert (report.failed.code, report.failed.retry_after) == ("imap.throttled", seconds)
        assert len(here.between.commands) - before < 12  # type: ignore[union-attr]
        here.server.faults.refuse.clear()
        await here.sync()
        assert FLAGGED in here.inbox.messages[1].flags
        await settled(here)


@pytest.mark.parametrize(
    "answer",
    [
        "[UNAVAILABLE] Maximum number of connections from user+IP exceeded (mail_max_userip_connections=1)",
        "[ALERT] Too many simultaneous connections. (Failure)",
    ],
)
async def test_a_server_that_takes_fewer_connections_than_we_would_like(answer: str, tmp_path: Path) -> None:
    """One is enough: the pass goes on over it. With none at all it is said."""
    async with embedded(tmp_path / "home", lying=True) as here:
        for number in range(6):
            box = here.server.store.create(f"Ordner {number}")
            box.append(mail(number))
        logins = [0]

        def only_one(told: bytes, command: bytes) -> bytes:
            if command.startswith((b"AUTHENTICATE", b"LOGIN")) and b" OK " in told:
                logins[0] += 1
                if logins[0] > 1:
                    return told.partition(b" ")[0] + b" NO " + answer.encode() + b"\r\n"
            return told

        here.lie(only_one)
        report = await here.sync()
        assert (report.failed, report.new) == (None, 6)
        report = await here.sync()
        assert report.failed is not None and report.failed.code == "imap.too_many_connections"
        here.lie()
        await settled(here)


async def test_a_bare_no_of_the_german_platform_is_no_password_tried_again(tmp_path: Path) -> None:
    """GMX and WEB.DE do not say whether the password is wrong or access is switched off; the account may be
    locked by those who try on."""
    async with played(tmp_path / "home", "gmx") as here:
        here.server.faults.refuse["AUTHENTICATE"] = "authentication failed"
        report = await here.sync()
        assert report.failed is not None and report.failed.code == "imap.login_refused"
        logins = [one for session in here.server.sessions for one in session.commands if "AUTH" in one]
        assert len(logins) == 1
        assert Backoff().failed(report.failed, 0.0).seconds(report.failed, 0.5) == 3600.0


async def test_logins_that_are_counted_by_address_are_waited_for(tmp_path: Path) -> None:
    """PurelyMail: no wrong password, but too many logins from here."""
    async with played(tmp_path / "home", "purelymail") as here:
        here.server.faults.refuse["AUTHENTICATE"] = "[LIMIT] Too many logins from your address"
        report = await here.sync()
        assert report.failed is not None and report.failed.code != "imap.login_refused"
        assert report.failed.retry_after is not None
        here.server.faults.refuse.clear()
        here.inbox.append(mail(1))
        assert (await here.sync()).new == 1


@pytest.mark.parametrize("answer", ["BAD Unknown command", "NO ID is not for you", "NO"])
async def test_a_server_that_wants_no_id(answer: str, tmp_path: Path) -> None:
    async with odd(tmp_path / "home", Oddities(answers={"ID": answer}), most=2) as here:
        assert (await here.sync()).new == 2
        await settled(here)


async def test_coremail_is_kept_awake_by_status(tmp_path: Path) -> None:
    async with played(tmp_path / "home", "coremail") as here:
        server = Server(here.server.host, here.between.port, Security.NONE)  # type: ignore[union-attr]
        session = await ImapSession.open(server, Credential("kim", Secret(PASSWORD)), Terms(SystemClock()))
        await session.select(MailboxName("INBOX"))
        await session.noop()
        assert list(here.server.sessions[-1].commands)[-2:] == ["NOOP", "STATUS"]
        await session.logout()


async def test_gmail_pushes_no_flags_and_is_known_for_it(tmp_path: Path) -> None:
    behaviour = replace(Behaviour(), odd=Oddities(flags_unpushed=True), extra=("X-GM-EXT-1",))
    async with embedded(tmp_path / "home", behaviour) as here:
        here.inbox.append(mail(1))
        server = Server(here.server.host, here.server.port, Security.NONE)
        session = await ImapSession.open(server, Credential("kim", Secret(PASSWORD)), Terms(SystemClock()))
        assert not session.pushes_flags
        await session.select(MailboxName("INBOX"))
        idling = asyncio.create_task(session.news.idle(quiet=0.3))
        await until(lambda: "IDLE" in here.server.sessions[-1].commands)
        here.inbox.set_flags(1, [FLAGGED])
        assert not await idling
        await session.noop()
        assert [one.flags for one in session.take_unsolicited().flags] == [{FLAGGED}]
        await session.logout()
