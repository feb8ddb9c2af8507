"""COMPRESS=DEFLATE against Dovecot's, over TLS and plain, and against a server that throws bombs."""

from __future__ import annotations

import asyncio
import random
import zlib
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from eilbote.clock import SystemClock
from eilbote.config import Config
from eilbote.engine.app import App
from eilbote.errors import Garbled, Misused
from eilbote.mail.mailbox import FLAGGED, MailboxName, UidSet
from eilbote.net.credential import Credential
from eilbote.net.imap import ImapSession
from eilbote.net.terms import Terms
from eilbote.protocols.imap.types import StoreMode
from eilbote.secret import Secret
from eilbote.store.values import Security, Server
from tests.engine.world import mail, world
from tests.net.scripted import Line, Script, Scripted, open_session
from tests.servers.dovecot import Dovecot
from tests.servers.dovecot_settings import DovecotOptions

INBOX = MailboxName("INBOX")
ALL = UidSet.parse("1:*")


@pytest.fixture
def squeezing(dovecot_like: Callable[[DovecotOptions], Dovecot]) -> Dovecot:
    return dovecot_like(DovecotOptions(compress=True))


async def opened(server: Dovecot, user: str, security: Security) -> ImapSession:
    port = server.port if security is not Security.TLS else server.tls_port
    return await ImapSession.open(
        Server(server.host, port, security),
        Credential(user, Secret("geheim-1")),
        Terms(SystemClock(), trusted=(server.fingerprint,)),
    )


@pytest.mark.parametrize("security", list(Security))
async def test_a_whole_session(squeezing: Dovecot, security: Security) -> None:
    user, _ = squeezing.new_user()
    raws = [mail(number, size=60_000) for number in range(20)]
    await asyncio.to_thread(squeezing.append, user, raws)
    imap = await opened(squeezing, user, security)
    assert not await imap.compress("auto"), "never on this machine itself"
    assert await imap.compress("always")
    assert await imap.compress("always"), "once is enough"
    selected = await imap.select(INBOX)
    before = imap.bytes_received
    got = {one.uid: one.raw async for batch in imap.fetch_messages(ALL) for one in batch}
    assert list(got.values()) == raws
    assert imap.bytes_received - before < sum(map(len, raws)) / 5
    await imap.store_flags(UidSet.of([3]), StoreMode.ADD, frozenset({FLAGGED}))
    await imap.append(INBOX, mail(99, size=200_000))
    assert (await imap.select(INBOX)).exists == selected.exists + 1
    assert not await imap.news.idle(most=0.05)
    await imap.logout()


async def test_without_it_nothing_is_said(dovecot: Dovecot) -> None:
    user, _ = dovecot.new_user()
    imap = await opened(dovecot, user, Security.NONE)
    if "COMPRESS=DEFLATE" not in imap.capabilities:  # part of every Dovecot from 2.4 on
        assert not await imap.compress("always")
    await imap.logout()


async def test_no_tls_begins_on_a_compressed_line(squeezing: Dovecot) -> None:
    imap = await opened(squeezing, squeezing.new_user()[0], Security.NONE)
    assert await imap.compress("always")
    with pytest.raises(Misused, match=r"net\.tls_after_deflate"):
        await imap._talk.line.stream.start_tls()
    await imap.logout()


def test_a_sync_over_compressed_lines(squeezing: Dovecot, tmp_path: Path) -> None:
    with world(squeezing, tmp_path / "home") as made:
        config = Config(home=made.app.config.home, key_file=made.app.config.key_file, compress="always")
        made.app = App(config, made.app.store, made.app.vault, made.app.clock)
        raws = [mail(number, size=30_000) for number in range(40)]
        squeezing.append(made.user, raws)
        report = made.sync()
        assert report.new == 40
        assert report.bytes < sum(map(len, raws)) / 3
        made.assert_same()


@asynccontextmanager
async def session_of(script: Script) -> AsyncIterator[ImapSession]:
    async with Scripted(script).listening() as scripted:
        session = await open_session(scripted.server, read_timeout=20)
        try:
            yield session
        finally:
            session.abort()


def compressing(answer: Callable[[bytes], bytes], *, ahead: bytes = b"", step: int = 0) -> Script:
    """A server that consents to COMPRESS, says `ahead` in the same packet, then answers commands."""

    async def script(line: Line) -> None:
        await line.say(b"* OK [CAPABILITY IMAP4rev1 AUTH=PLAIN SASL-IR COMPRESS=DEFLATE] ready")
        tag, _ = await line.hear()
        await line.say(tag + b" OK [CAPABILITY IMAP4rev1 COMPRESS=DEFLATE] welcome")
        tag, said = await line.hear()
        assert said == b"COMPRESS DEFLATE"
        deflate, inflate = zlib.compressobj(wbits=-15), zlib.decompressobj(-15)

        def squeezed(data: bytes) -> bytes:
            return deflate.compress(data) + deflate.flush(zlib.Z_SYNC_FLUSH)

        line.writer.write(tag + b" OK squeezing\r\n" + (squeezed(ahead) if ahead else b""))
        heard = b""
        while data := await line.reader.read(65_536):
            heard += inflate.decompress(data)
            while b"\r\n" in heard:
                command, _, heard = heard.partition(b"\r\n")
                out = squeezed(answer(command))
                for at in range(0, len(out), step or len(out)):
                    line.writer.write(out[at : at + (step or len(out))])
                    await line.writer.drain()

    return script


def obedient(command: bytes) -> bytes:
    tag, _, rest = command.partition(b" ")
    told = b"* BYE\r\n" if rest == b"LOGOUT" else b"* 4 EXISTS\r\n" * (rest == b"NOOP")
    return told + tag + b" OK done\r\n"


@pytest.mark.parametrize("step", [0, 1])
async def test_byte_by_byte_and_with_bytes_left_over(step: int) -> None:
    """What comes in the same packet as the consent is compressed already."""
    script = compressing(obedient, ahead=b"* 3 EXISTS\r\n", step=step)
    async with session_of(script) as imap:
        assert await imap.compress("always")
        await imap.noop()
        await imap.noop()
        await imap.logout()


async def test_a_no_leaves_the_line_as_it_is() -> None:
    async def script(line: Line) -> None:
        await line.say(b"* OK [CAPABILITY IMAP4rev1 AUTH=PLAIN SASL-IR COMPRESS=DEFLATE] ready")
        tag, _ = await line.hear()
        await line.say(tag + b" OK [CAPABILITY IMAP4rev1 COMPRESS=DEFLATE] welcome")
        tag, _ = await line.hear()
        await line.say(tag + b" NO [COMPRESSIONACTIVE] TLS does it")
        await line.obey()

    async with session_of(script) as imap:
        assert not await imap.compress("always")
        await imap.noop()


@pytest.mark.parametrize("kind", ["zeros", "noise", "lines"])
async def test_a_bomb_ends_the_connection(kind: str) -> None:
    def answer(command: bytes) -> bytes:
        match kind:
            case "zeros":
                return b"* OK " + bytes(200 << 20)
            case "lines":
                return b"* OK still here\r\n" * 10_000_000
            case _:
                return b""

    script = compressing(answer)
    if kind == "noise":

        async def noisy(line: Line) -> None:
            await line.say(b"* OK [CAPABILITY IMAP4rev1 AUTH=PLAIN SASL-IR COMPRESS=DEFLATE] ready")
            tag, _ = await line.hear()
            await line.say(tag + b" OK [CAPABILITY IMAP4rev1 COMPRESS=DEFLATE] welcome")
            tag, _ = await line.hear()
            await line.say(tag + b" OK squeezing")
            line.writer.write(b"\xff" * 10 + random.Random(3).randbytes(1000))

        script = noisy
    async with session_of(script) as imap:
        assert await imap.compress("always")
        with pytest.raises(Garbled) as caught:
            await imap.noop()
        assert caught.value.problem.code in ("net.deflate", "imap.line_too_long", "imap.flood")
