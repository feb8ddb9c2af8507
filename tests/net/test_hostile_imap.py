"""What servers may do to us, and what must come of it: one clear error, bounded memory, no hang."""

from __future__ import annotations

import asyncio
import tracemalloc

import pytest

from eilbote.errors import Garbled, NotAllowed, Refused, Unreachable
from eilbote.mail.mailbox import MailboxName, UidSet
from eilbote.protocols.imap.limits import Limits
from eilbote.protocols.imap.types import FetchedMessage, StoreMode
from eilbote.store.values import Security, Server
from tests.net.scripted import Line, Script, Scripted, open_session, session_with

INBOX = MailboxName("INBOX")
SOME = UidSet.parse("1:9")


async def open_with(script: Script, security: Security = Security.NONE) -> None:
    async with Scripted(script).listening() as scripted:
        session = await open_session(Server("127.0.0.1", scripted.port, security), read_timeout=5)
        session.abort()


def saying(*lines: bytes) -> Script:
    async def script(line: Line) -> None:
        await line.say(*lines)

    return script


# --- before and during the login ----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("greeting", "error", "code"),
    [
        (b"* BYE too many connections", Unreachable, "imap.too_many_connections"),
        (b"220 mail.example.org ESMTP", Garbled, "imap.syntax"),
        (b"* HELLO", Garbled, "imap.no_greeting"),
        (b"x" * 70_000, Garbled, "imap.line_too_long"),
    ],
)
async def test_greetings_that_are_none(greeting: bytes, error: type[Exception], code: str) -> None:
    with pytest.raises(error) as caught:
        await open_with(saying(greeting))
    assert caught.value.problem.code == code  # type: ignore[attr-defined]


async def test_a_server_that_hangs_up_at_once() -> None:
    async def script(line: Line) -> None:
        line.writer.close()

    with pytest.raises(Unreachable) as caught:
        await open_with(script)
    assert caught.value.problem.code == "net.closed"


async def test_a_server_that_says_nothing_is_left() -> None:
    async def script(line: Line) -> None:
        await line.reader.read()

    async with Scripted(script).listening() as scripted:
        with pytest.raises(Unreachable) as caught:
            await open_session(scripted.server, connect_timeout=0.05)
    assert caught.value.problem.code == "net.silent"
    assert caught.value.problem.parameters["seconds"] == "0.05"


async def test_a_greeting_that_never_ends_is_left() -> None:
    async def script(line: Line) -> None:
        while True:
            line.writer.write(b"*")
            await line.writer.drain()
            await asyncio.sleep(0.01)

    async with Scripted(script).listening() as scripted:
        with pytest.raises(Unreachable) as caught:
            async with asyncio.timeout(10):
                await open_session(scripted.server, connect_timeout=0.2)
    assert caught.value.problem.code == "net.silent"


async def test_nobody_listens() -> None:
    async with Scripted(saying()).listening() as scripted:
        server = scripted.server
    with pytest.raises(Unreachable) as caught:
        await open_session(server)
    assert caught.value.problem.code == "net.refused"


@pytest.mark.parametrize(
    ("answer", "error", "code"),
    [
        (b"NO [AUTHENTICATIONFAILED] wrong", Refused, "imap.login_refused"),
        (b"NO login", Refused, "imap.login_refused"),
        (b"BAD User is authenticated but not connected.", Refused, "imap.not_connected"),
        (b"NO [UNAVAILABLE] later", Unreachable, "imap.unavailable"),
        (
            b"NO Request is throttled. Suggested Backoff Time: 2999 milliseconds",
            Unreachable,
            "imap.throttled",
        ),
    ],
)
async def test_logins_that_fail(answer: bytes, error: type[Exception], code: str) -> None:
    async def script(line: Line) -> None:
        await line.say(b"* OK [CAPABILITY IMAP4rev1 AUTH=PLAIN SASL-IR] x")
        tag, _ = await line.hear()
        await line.say(tag + b" " + answer)

    with pytest.raises(error) as caught:
        await open_with(script)
    problem = caught.value.problem  # type: ignore[attr-defined]
    assert problem.code == code
    assert "geheim" not in str(problem)
    if b"2999" in answer:
        assert problem.retry_after == pytest.approx(2.999)


async def test_no_password_goes_to_a_server_that_forbids_it() -> None:
    async def script(line: Line) -> None:
        await line.say(b"* OK [CAPABILITY IMAP4rev1 LOGINDISABLED] x")

    async with Scripted(script).listening() as scripted:
        with pytest.raises(Refused) as caught:
            await open_session(scripted.server)
        assert caught.value.problem.code == "imap.login_disabled"
        assert scripted.lines[0].received == []


async def test_login_without_sasl_and_with_sync_literals() -> None:
    async def script(line: Line) -> None:
        await line.say(b"* OK hello")
        await line.obey(b"* CAPABILITY IMAP4rev1")
        assert await line.obey() == b'LOGIN "anna" "geheim"'
        assert await line.obey(b"* CAPABILITY IMAP4rev1 UIDPLUS") == b"CAPABILITY"
        tag, rest = await line.hear()
        assert rest == b'APPEND "INBOX" {3}'
        await line.say(b"+ go")
        assert await line.reader.readexactly(5) == b"abc\r\n"
        await line.say(tag + b" OK [APPENDUID 7 8] done")

    async with Scripted(script).listening() as scripted:
        session = await open_session(scripted.server)
        appended = await session.append(INBOX, b"abc")
        assert appended is not None
        assert (appended.uidvalidity, appended.uid) == (7, 8)
        assert session.has_uidplus
        session.abort()


# --- STARTTLS, PREAUTH ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("lines", "error", "code"),
    [
        ((b"* OK [CAPABILITY IMAP4rev1 AUTH=PLAIN] x",), NotAllowed, "imap.no_starttls"),
        ((b"* PREAUTH [CAPABILITY IMAP4rev1 STARTTLS] x",), NotAllowed, "imap.preauth_before_tls"),
        (
            (b"* OK [CAPABILITY IMAP4rev1 STARTTLS] x", b"E1 OK begin", b"* CAPABILITY AUTH=PLAIN"),
            Garbled,
            "imap.unknown_tag",
        ),
    ],
    ids=["stripped", "preauth", "answered before asked"],
)
async def test_starttls_is_never_given_up(
    lines: tuple[bytes, ...], error: type[Exception], code: str
) -> None:
    async with Scripted(saying(*lines)).listening() as scripted:
        with pytest.raises(error) as caught:
            await open_session(Server("127.0.0.1", scripted.port, Security.STARTTLS), read_timeout=5)
        assert caught.value.problem.code == code  # type: ignore[attr-defined]
        sent = b"".join(scripted.lines[0].received)
        assert b"AUTHENTICATE" not in sent
        assert b"LOGIN" not in sent


@pytest.mark.parametrize(
    "answer", [b"NO not now", b"BAD what", b"OK begin\r\n* CAPABILITY IMAP4rev1 AUTH=PLAIN"]
)
async def test_a_refused_or_injected_starttls_sends_nothing_more(answer: bytes) -> None:
    async def script(line: Line) -> None:
        await line.say(b"* OK [CAPABILITY IMAP4rev1 STARTTLS AUTH=PLAIN] x")
        tag, _ = await line.hear()
        await line.say(tag + b" " + answer)

    async with Scripted(script).listening() as scripted:
        with pytest.raises((Refused, Garbled)):
            await open_session(Server("127.0.0.1", scripted.port, Security.STARTTLS), read_timeout=5)
        assert [line.partition(b" ")[2] for line in scripted.lines[0].received] == [b"STARTTLS\r\n"]


async def test_plain_text_where_tls_should_begin() -> None:
    async def script(line: Line) -> None:
        await line.say(b"* OK [CAPABILITY IMAP4rev1 STARTTLS] x")
        await line.obey()
        await line.say(b"* BAD I do not speak TLS")

    with pytest.raises((Unreachable, Garbled)) as caught:
        await open_with(script, Security.STARTTLS)
    assert caught.value.problem.code in ("net.tls", "net.injected")


async def test_preauth_on_loopback_needs_no_login() -> None:
    async def script(line: Line) -> None:
        await line.say(b"* PREAUTH [CAPABILITY IMAP4rev1] x")
        assert await line.obey() == b"NOOP"

    async with Scripted(script).listening() as scripted:
        session = await open_session(scripted.server)
        await session.noop()
        session.abort()


async def test_an_unprotected_line_to_another_machine_is_never_opened() -> None:
    for host in ("192.0.2.1", "::ffff:192.0.2.1"):
        with pytest.raises(NotAllowed) as caught:
            await open_session(Server(host, 143, Security.NONE))
        assert caught.value.problem.code == "net.insecure"


# --- afterwards ----------------------------------------------------------------------------------------


async def fetch_all(script: Script, limits: Limits | None = None) -> tuple[list[FetchedMessage], int]:
    async with session_with(script, limits=limits) as session:
        mails = [mail async for batch in session.fetch_messages(SOME) for mail in batch]
        return mails, session.skipped


def answering(*lines: bytes) -> Script:
    async def script(line: Line) -> None:
        await line.obey(*lines)

    return script


DATE = b'INTERNALDATE "17-Jul-1996 02:44:25 -0700"'


async def test_an_ok_without_bodies_is_told_as_such() -> None:
    mails, skipped = await fetch_all(
        answering(
            b"* 1 FETCH (UID 1 FLAGS () " + DATE + b" RFC822.SIZE 10)",
            b"* 2 FETCH (UID 2 FLAGS () " + DATE + b" RFC822.SIZE 10 BODY[] NIL)",
            b"* 3 FETCH (FLAGS () BODY[] {2}\r\nab)",
            b"* 4 FETCH (UID 0 BODY[] {2}\r\nab)",
            b"* 5 FETCH (UID 5 FLAGS () " + DATE + b" RFC822.SIZE 2 BODY[] {2}\r\nab)",
        )
    )
    assert [(one.uid, one.raw) for one in mails] == [(1, None), (2, None), (5, b"ab")]
    assert skipped == 2


@pytest.mark.parametrize(
    ("lines", "code"),
    [
        ((b"* 1 FETCH (UID 1 BODY[] {4294967295}",), "imap.literal_too_long"),
        ((b"* 1 FETCH (UID 1 BODY[] {157286401}",), "imap.literal_too_long"),
        ((b"* 1 FETCH (" + b"(" * 60_000,), "imap.flood"),
        ((b"* LIST () " + b"x" * 70_000,), "imap.line_too_long"),
        ((b"\0\0\0\0",), "imap.syntax"),
        ((b"* 1 EXISTS",) * 11_000, "imap.flood"),
        ((b"ZZ OK done",), "imap.unknown_tag"),
        ((b"+ more?",), "imap.unexpected_continuation"),
    ],
    ids=["4 GiB", "150 MiB and one", "depth", "line", "garbage", "flood", "foreign tag", "stray plus"],
)
async def test_breaches_end_the_connection(lines: tuple[bytes, ...], code: str) -> None:
    limits = Limits(unreadable=0)
    with pytest.raises(Garbled) as caught:
        await fetch_all(answering(*lines), limits)
    assert caught.value.problem.code == code
    assert caught.value.problem.parameters["host"] == "127.0.0.1"


async def test_an_endless_line_costs_a_buffer_and_no_more() -> None:
    async def script(line: Line) -> None:
        await line.hear()
        while True:
            await line.say(b"* SEARCH " + b"1234567 " * 30_000 + b"\\")
            line.writer.write(b"1 " * 100_000)
            await line.writer.drain()

    with pytest.raises(Garbled):
        await fetch_all(script)


async def test_ten_thousand_one_byte_literals_are_refused_in_bounded_memory() -> None:
    tracemalloc.start()
    try:
        with pytest.raises(Garbled):
            await fetch_all(answering(b"* 1 FETCH (UID 1" + b" BODY[] {1}\r\na" * 200_000 + b")"))
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 100 << 20


async def test_the_line_breaks_in_the_middle_of_a_mail() -> None:
    async def script(line: Line) -> None:
        await line.hear()
        line.writer.write(b"* 1 FETCH (UID 1 FLAGS () " + DATE + b" RFC822.SIZE 99 BODY[] {99}\r\nSubject: x")
        await line.writer.drain()
        line.writer.close()

    with pytest.raises(Unreachable) as caught:
        await fetch_all(script)
    assert caught.value.problem.code == "net.closed"


async def test_bye_in_the_middle_of_a_fetch() -> None:
    with pytest.raises(Unreachable) as caught:
        await fetch_all(answering(b"* BYE [UNAVAILABLE] shutting down"))
    assert caught.value.problem.parameters["text"] == "shutting down"


async def test_a_refused_fetch_gives_what_came_before() -> None:
    async def script(line: Line) -> None:
        tag, _ = await line.hear()
        await line.say(
            b"* 1 FETCH (UID 1 FLAGS () " + DATE + b" RFC822.SIZE 2 BODY[] {2}\r\nab)",
            tag + b" NO [UNAVAILABLE] UID FETCH Server error",
        )
        assert await line.obey() == b"NOOP"

    async with session_with(script) as session:
        got = []
        with pytest.raises(Refused) as caught:
            async for batch in session.fetch_messages(SOME):
                got += batch
        assert [one.uid for one in got] == [1]
        assert caught.value.problem.parameters["code"] == "UNAVAILABLE"
        assert caught.value.problem.retry_after == 60
        await session.noop()


async def test_whoever_stops_a_fetch_early_loses_the_connection_and_nothing_else() -> None:
    async def script(line: Line) -> None:
        await line.hear()
        while True:
            mail = b"* 1 FETCH (UID 1 FLAGS () " + DATE + b" RFC822.SIZE 1000 BODY[] {1000}\r\n"
            await line.say(*[mail + b"x" * 1000 + b")"] * 50)

    async with session_with(script) as session:
        batches = session.fetch_messages(SOME)
        assert await anext(batches)
        await batches.aclose()
        with pytest.raises(Unreachable):
            await session.noop()


async def test_a_slow_reader_stops_the_server_instead_of_filling_memory() -> None:
    sent = 0

    async def script(line: Line) -> None:
        nonlocal sent
        await line.hear()
        mail = b"* 1 FETCH (UID 1 FLAGS () " + DATE + b" RFC822.SIZE 100000 BODY[] {100000}\r\n"
        while True:
            await line.say(mail + b"x" * 100_000 + b")")
            sent += 1

    async with session_with(script) as session:
        batches = session.fetch_messages(SOME)
        assert await anext(batches)
        before = -1
        while sent != before:  # until the server can write no more
            before = sent
            for _ in range(200):
                await asyncio.sleep(0)
        assert sent < 1000
        await batches.aclose()


async def test_no_and_bad_are_refusals_with_their_words() -> None:
    async def script(line: Line) -> None:
        for answer in (b"NO [TRYCREATE] no such mailbox", b"BAD [OVERQUOTA] what", b"NO [weird stuff"):
            tag, _ = await line.hear()
            await line.say(tag + b" " + answer)

    async with session_with(script) as session:
        told = []
        for _ in range(3):
            with pytest.raises(Refused) as caught:
                await session.copy(SOME, INBOX)
            problem = caught.value.problem
            told.append(tuple(problem.parameters[name] for name in ("kind", "code", "text", "command")))
    assert told == [
        ("NO", "TRYCREATE", "no such mailbox", "UID COPY"),
        ("BAD", "OVERQUOTA", "what", "UID COPY"),
        ("NO", "", "[weird stuff", "UID COPY"),
    ]


async def test_modified_is_told_and_no_refusal() -> None:
    async def script(line: Line) -> None:
        tag, _ = await line.hear()
        await line.say(b"* 1 FETCH (UID 1 FLAGS (\\Seen))", tag + b" NO [MODIFIED 7,9] some failed")

    async with session_with(script) as session:
        stored = await session.store_flags(SOME, StoreMode.ADD, frozenset({"\\Seen"}), unchanged_since=5)
    assert str(stored.modified) == "7,9"
    assert [one.uid for one in stored.flags] == [1]


async def test_an_empty_listing_is_no_listing() -> None:
    async def script(line: Line) -> None:
        await line.obey()
        await line.obey()

    async with session_with(script) as session:
        with pytest.raises(Garbled):
            await session.list_mailboxes()


async def test_uidvalidity_and_uidnext_may_be_missing() -> None:
    async with session_with(answering(b"* 3 EXISTS")) as session:
        selected = await session.select(INBOX)
    assert (selected.uidvalidity, selected.uidnext, selected.exists) == (0, 0, 3)
    assert selected.permanent_flags is None
    assert not selected.resynced
