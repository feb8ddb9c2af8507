"""A look at a server by somebody who tells it nothing: whether it answers, its TLS, its greeting, what it
can do.

It must never say anything secret, nor log in. A certificate that does not verify is looked at and the line
ended; only one that is pinned is spoken to.
"""

from __future__ import annotations

import asyncio
import re
import ssl
from collections.abc import Sequence
from functools import cache

from msgspec import Struct
from msgspec.structs import replace

from eilbote.clock import Clock
from eilbote.diagnosis.evidence import Conversed, Dialled, Outcome, Place, Protocol, Shaken
from eilbote.errors import EilboteError
from eilbote.net.certificates import described
from eilbote.net.dial import dial, numeric
from eilbote.net.failures import named_outcome, outcome_of, reason_of
from eilbote.net.stream import Stream, Unverified
from eilbote.store.values import Security, Server

_ROOM = 64 * 1024
_MOST_LINES = 200
_LONGEST_REPLY = 2 * _ROOM
_MOST_ABILITIES = 500
_LONGEST_LINE = 500
_GREETINGS = {
    Protocol.IMAP: re.compile(r"\* (OK|PREAUTH|BYE)\b", re.IGNORECASE),
    Protocol.SMTP: re.compile(r"\d{3}(?=[ -]|$)"),
    Protocol.POP3: re.compile(r"(\+OK|-ERR)\b", re.IGNORECASE),
}


class Patience(Struct, frozen=True):
    """How long each step is waited for, in seconds."""

    connect: float = 5.0
    tls: float = 7.0
    greeting: float = 10.0
    command: float = 5.0


async def try_address(host: str, address: str, port: int, within: float, clock: Clock) -> Dialled:
    """One connection to one numeric address, closed again at once."""
    begun = clock.monotonic()
    outcome, reason = Outcome.OK, ""
    try:
        async with asyncio.timeout(within):
            (await dial([numeric(address, port)])).close()
    except (OSError, ValueError, TimeoutError, OverflowError) as failure:
        outcome, reason = outcome_of(failure), str(failure)[:200]
    return Dialled(host, address, port, outcome, _since(begun, clock), reason)


async def look(
    place: Place, addresses: Sequence[str], trusted: Sequence[str], patience: Patience, clock: Clock
) -> Conversed:
    """All that comes before a login, at the first of the numeric `addresses` that answers."""
    begun = clock.monotonic()
    seen = await _Look(place, addresses, trusted, patience, clock).run()
    return replace(seen, ms=_since(begun, clock))


class _Ended(Exception):
    """The line ended, or nothing came in time (`silent`)."""

    def __init__(self, *, silent: bool = False) -> None:
        super().__init__()
        self.silent = silent


class _Received:
    """What came, in lines."""

    def __init__(self) -> None:
        self._buffer = bytearray(_ROOM)
        self._end = 0

    def room(self) -> memoryview:
        return memoryview(self._buffer)[self._end :]

    def filled(self, count: int) -> None:
        self._end += count

    @property
    def is_full(self) -> bool:
        return self._end >= _ROOM

    def take_line(self) -> str | None:
        at = self._buffer.find(b"\n", 0, self._end)
        return None if at < 0 else self._take(at + 1).rstrip("\r\n")

    def take_rest(self) -> str:
        return self._take(self._end)

    def _take(self, count: int) -> str:
        taken = bytes(self._buffer[:count])
        left = bytes(self._buffer[count : self._end])
        self._buffer[: len(left)] = left
        self._end = len(left)
        return taken.decode("utf-8", "backslashreplace")

    def __len__(self) -> int:
        return self._end


class _Line:
    """A stream in lines; what was said is kept."""

    def __init__(self, stream: Stream, received: _Received, said: list[str]) -> None:
        self.stream = stream
        self.received = received
        self.said = said

    async def read(self, within: float) -> str:
        """The next line. Raises _Ended."""
        try:
            async with asyncio.timeout(within):
                while True:
                    line = self.received.take_line()
                    if line is not None:
                        return self._keep(line)
                    if self.received.is_full:
                        return self._keep(self.received.take_rest())
                    await self.stream.activity(within)
        except TimeoutError:
            raise _Ended(silent=True) from None
        except ConnectionResetError:
            raise _Ended from None

    def _keep(self, line: str) -> str:
        if len(self.said) < _MOST_LINES:
            self.said.append(f"< {line[:_LONGEST_LINE]}")
        return line

    def write(self, line: str) -> None:
        if len(self.said) < _MOST_LINES:
            self.said.append(f"> {line}")
        self.stream.write(line.encode() + b"\r\n")

    def rest(self) -> str:
        """Bytes that make no whole line."""
        rest = self.received.take_rest()
        return self._keep(rest) if rest else ""


class _Look:
    """One look; what was seen so far is never lost."""

    def __init__(
        self,
        place: Place,
        addresses: Sequence[str],
        trusted: Sequence[str],
        patience: Patience,
        clock: Clock,
    ) -> None:
        self._place = place
        self._addresses = addresses
        self._trusted = trusted
        self._patience = patience
        self._clock = clock
        self._said: list[str] = []
        self._seen = Conversed(place, Outcome.OK)

    async def run(self) -> Conversed:
        try:
            line = await self._connect(verify=True)
        except (EilboteError, OSError, TimeoutError) as failure:
            return replace(self._seen, outcome=named_outcome(failure), reason=reason_of(failure))
        try:
            self._seen = replace(self._seen, address=line.stream.peer_address)
            await self._talk(line)
        except _Ended as end:
            self._seen = replace(
                self._seen, outcome=Outcome.TIMEOUT if end.silent else Outcome.ENDED, silent=end.silent
            )
            rest = line.rest()
            if not self._seen.banner and rest:
                self._note_banner(rest)
        except (EilboteError, OSError) as failure:
            self._seen = replace(self._seen, outcome=named_outcome(failure), reason=reason_of(failure))
        finally:
            line.stream.abort()
        if self._seen.silent and not self._seen.banner and self._place.security != "tls":
            # A server that speaks TLS from the first byte waits for us, as we wait for it.
            tls = await self._look_at_tls(tls_first=True)
            self._seen = replace(self._seen, swapped="tls" if tls.version else "")
        return replace(self._seen, said=tuple(self._said))

    async def _talk(self, line: _Line) -> None:
        if self._place.security == "tls":
            proven = await self._shake(line, tls_first=True)
            if proven is None:
                return
            line = proven
        try:
            await self._greeted(line)
        finally:
            line.stream.abort()

    async def _greeted(self, line: _Line) -> None:
        begun = self._clock.monotonic()
        banner = await self._reply(line, self._patience.greeting)
        self._seen = replace(self._seen, greeting_ms=_since(begun, self._clock))
        self._note_banner(banner)
        if not self._seen.is_greeting or not _is_welcome(self._place.protocol, banner):
            return
        told = re.search(r"\[CAPABILITY ([^\]]+)\]", banner, re.IGNORECASE)
        before = tuple(told[1].upper().split()) if told else await self._capabilities(line)
        before = before[:_MOST_ABILITIES]
        self._seen = replace(self._seen, before=before)
        if self._place.security != "starttls":
            self._seen = replace(self._seen, after=before)
        elif _offers_tls(self._place.protocol, before):
            await self._start_tls(line)
            return
        await self._part(line)

    async def _start_tls(self, line: _Line) -> None:
        command = {
            Protocol.IMAP: "a2 STARTTLS",
            Protocol.SMTP: "STARTTLS",
            Protocol.POP3: "STLS",
        }[self._place.protocol]
        line.write(command)
        told = await self._reply(line, self._patience.command, tag="a2")
        self._seen = replace(self._seen, starttls=told[:_LONGEST_LINE])
        if not _is_yes(self._place.protocol, told):
            return
        if len(line.received):
            self._seen = replace(self._seen, injected=True)
            return
        proven = await self._shake(line, tls_first=False)
        if proven is None:
            return
        try:
            after = await self._capabilities(proven)
            self._seen = replace(self._seen, after=after[:_MOST_ABILITIES])
            await self._part(proven)
        finally:
            proven.stream.abort()

    # --- TLS -----------------------------------------------------------------------------------------

    async def _shake(self, line: _Line, *, tls_first: bool) -> _Line | None:
        """Puts TLS on the line. A line on which more may be said, None where nothing is proven."""
        begun = self._clock.monotonic()
        try:
            await line.stream.start_tls()
        except Unverified as failure:
            shaken = await self._look_at_tls(tls_first=tls_first)
            shaken = replace(shaken, error=failure.reason, ms=_since(begun, self._clock))
            pinned = bool(shaken.chain) and shaken.chain[0].fingerprint in self._trusted
            self._seen = replace(self._seen, tls=replace(shaken, pinned=pinned))
            return await self._pinned_line(tls_first=tls_first) if pinned else None
        except EilboteError as failure:
            shaken = await self._named_failure(failure, tls_first=tls_first)
            self._seen = replace(
                self._seen, tls=replace(shaken, ms=_since(begun, self._clock)), outcome=Outcome.ERROR
            )
            return None
        version, cipher = line.stream.tls_version_and_cipher
        chain = described(line.stream.certificates)
        shaken = Shaken(version, cipher, verified=True, chain=chain, ms=_since(begun, self._clock))
        shaken = replace(shaken, group=line.stream.tls_group)
        self._seen = replace(self._seen, tls=shaken)
        return line

    async def _look_at_tls(self, *, tls_first: bool, context: ssl.SSLContext | None = None) -> Shaken:
        """A handshake on a line of its own whose certificate is looked at and not judged; empty where
        there is none."""
        try:
            line = await self._bare_tls(tls_first=tls_first, context=context)
        except (EilboteError, OSError, TimeoutError, _Ended) as failure:
            return Shaken(error=reason_of(failure))
        try:
            version, cipher = line.stream.tls_version_and_cipher
            return Shaken(version, cipher, chain=described(line.stream.certificates))
        finally:
            line.stream.abort()

    async def _bare_tls(self, *, tls_first: bool, context: ssl.SSLContext | None = None) -> _Line:
        line = await self._connect(verify=False, context=context)
        try:
            if not tls_first:
                await self._until_starttls(line)
            await line.stream.start_tls()
        except BaseException:
            line.stream.abort()
            raise
        return line

    async def _pinned_line(self, *, tls_first: bool) -> _Line | None:
        """A line to exactly the pinned certificate."""
        line = await self._bare_tls(tls_first=tls_first)
        try:
            line.stream.check_pin(self._trusted, "")
        except EilboteError:
            line.stream.abort()
            return None
        return line

    async def _until_starttls(self, line: _Line) -> None:
        await self._reply(line, self._patience.greeting)
        if self._place.protocol is Protocol.SMTP:
            line.write("EHLO [127.0.0.1]")
            await self._reply(line, self._patience.command)
        starttls = {
            Protocol.IMAP: "a1 STARTTLS",
            Protocol.SMTP: "STARTTLS",
            Protocol.POP3: "STLS",
        }[self._place.protocol]
        line.write(starttls)
        await self._reply(line, self._patience.command, tag="a1")

    async def _named_failure(self, failure: EilboteError, *, tls_first: bool) -> Shaken:
        """Why there is no handshake: what else the server would have taken, looked at for its name alone."""
        reason = reason_of(failure)
        if failure.problem.code == "net.timeout":
            small = await self._look_at_tls(tls_first=tls_first, context=_small())
            return Shaken(error=reason, hung=True, small_worked=bool(small.version))
        if "wrong version number" in reason or "record layer" in reason or "not ssl" in reason:
            await self._look_for_plain_text()
            return Shaken(error=reason)
        lower = await self._look_at_tls(tls_first=tls_first, context=_old())
        return Shaken(error=reason, lower=lower.version, cipher=lower.cipher, chain=lower.chain)

    async def _look_for_plain_text(self) -> None:
        try:
            line = await self._connect(verify=False)
        except (EilboteError, OSError, TimeoutError):
            return
        try:
            self._note_banner(await self._reply(line, self._patience.command))
            self._seen = replace(self._seen, swapped="plain")
        except _Ended:
            if rest := line.rest():
                self._note_banner(rest)
        finally:
            line.stream.abort()

    # --- lines ---------------------------------------------------------------------------------------

    async def _connect(self, *, verify: bool, context: ssl.SSLContext | None = None) -> _Line:
        received = _Received()
        # STARTTLS: a plain line at first, so that the time of TCP and of TLS are told apart.
        security = Security.NONE if self._place.security == "none" else Security.STARTTLS
        async with asyncio.timeout(self._patience.connect):
            stream = await Stream.connect(
                Server(self._place.host, self._place.port, security),
                received,
                verify=verify,
                connect_timeout=self._patience.tls,
                read_timeout=self._patience.greeting,
                addresses=[numeric(one, self._place.port) for one in self._addresses],
                context=context,
            )
        return _Line(stream, received, self._said)

    async def _reply(self, line: _Line, within: float, tag: str = "") -> str:
        """A whole reply: of IMAP up to the tagged line, of SMTP all lines of it. What has no end within the
        time or the room is taken as far as it came. Raises _Ended where nothing came."""
        lines: list[str] = []
        until = self._clock.monotonic() + within
        while len(lines) < _MOST_LINES and sum(map(len, lines)) < _LONGEST_REPLY:
            told = await self._next(line, until, lines)
            if told is None:
                break
            lines.append(told)
            match self._place.protocol:
                case Protocol.IMAP if tag and not told.startswith(f"{tag} "):
                    continue
                case Protocol.SMTP if re.match(r"\d{3}-", told):
                    continue
                case _:
                    break
        return "\n".join(lines)

    async def _next(self, line: _Line, until: float, lines: Sequence[str]) -> str | None:
        """The line after `lines`; None where it did not come in time. Raises _Ended where it is the first."""
        try:
            return await line.read(until - self._clock.monotonic())
        except _Ended as end:
            if end.silent and lines:
                return None
            raise

    async def _capabilities(self, line: _Line) -> tuple[str, ...]:
        match self._place.protocol:
            case Protocol.IMAP:
                line.write("a1 CAPABILITY")
                told = await self._reply(line, self._patience.command, tag="a1")
                found = re.findall(r"^\* CAPABILITY (.*)$", told, re.MULTILINE | re.IGNORECASE)
                return tuple(" ".join(found).upper().split())
            case Protocol.SMTP:
                line.write("EHLO [127.0.0.1]")
                told = await self._reply(line, self._patience.command)
                if not told.startswith("250"):
                    self._seen = replace(self._seen, reason=told[:_LONGEST_LINE])
                    return ()
                return tuple(one[4:].strip().upper() for one in told.split("\n")[1:])
            case Protocol.POP3:
                line.write("CAPA")
                until = self._clock.monotonic() + self._patience.command
                lines = [await line.read(self._patience.command)]
                if not lines[0].upper().startswith("+OK"):
                    return ()
                while len(lines) < _MOST_LINES:
                    one = await self._next(line, until, lines)
                    if one is None or one == ".":
                        break
                    lines.append(one.upper())
                return tuple(lines[1:])

    async def _part(self, line: _Line) -> None:
        """Says good-bye without waiting long."""
        line.write("a9 LOGOUT" if self._place.protocol is Protocol.IMAP else "QUIT")
        try:
            await line.read(1.0)
        except _Ended:
            return

    def _note_banner(self, banner: str) -> None:
        greeting = _GREETINGS[self._place.protocol].match(banner) is not None
        self._seen = replace(self._seen, banner=banner[:2000], is_greeting=greeting)


def _is_welcome(protocol: Protocol, banner: str) -> bool:
    match protocol:
        case Protocol.IMAP:
            return banner[:4].upper() == "* OK"
        case Protocol.SMTP:
            return banner.startswith("220")
        case Protocol.POP3:
            return banner[:3].upper() == "+OK"


def _is_yes(protocol: Protocol, told: str) -> bool:
    match protocol:
        case Protocol.IMAP:
            return re.search(r"^a2 OK\b", told, re.MULTILINE | re.IGNORECASE) is not None
        case Protocol.SMTP:
            return told.startswith("220")
        case Protocol.POP3:
            return told[:3].upper() == "+OK"


def _offers_tls(protocol: Protocol, capabilities: Sequence[str]) -> bool:
    return ("STLS" if protocol is Protocol.POP3 else "STARTTLS") in capabilities


@cache
def _old() -> ssl.SSLContext:
    """Takes whatever a server has, to name it; nothing is said over such a line."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    context.minimum_version = ssl.TLSVersion.MINIMUM_SUPPORTED
    context.set_ciphers("ALL:@SECLEVEL=0")
    context.options |= getattr(ssl, "OP_LEGACY_SERVER_CONNECT", 0x4)
    return context


@cache
def _small() -> ssl.SSLContext:
    """First words that fit into any packet: no TLS 1.3, few ciphers, one curve."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    context.minimum_version = context.maximum_version = ssl.TLSVersion.TLSv1_2
    context.set_ciphers("ECDHE+AESGCM")
    context.set_ecdh_curve("prime256v1")
    return context


def _since(begun: float, clock: Clock) -> float:
    return round((clock.monotonic() - begun) * 1000, 1)
