"""One IMAP connection without a socket: bytes in, events out; commands in, bytes out.

Give it bytes with `receive_data` (or receive straight into `framer.room()`), take `next_event`
until None, `send` commands and write what `data_to_send` gives. It must never do I/O, know the
time, or decide what to say.
"""

from __future__ import annotations

from base64 import b64decode, b64encode
from collections import deque
from collections.abc import Callable
from typing import TypeAlias

from msgspec import Struct, field

from eilbote.errors import Garbled, Misused, Unreachable
from eilbote.protocols.imap.encode import Command
from eilbote.protocols.imap.fetch import Fetch
from eilbote.protocols.imap.framing import Frame, Framer
from eilbote.protocols.imap.limits import Limits
from eilbote.protocols.imap.outgoing import Outgoing
from eilbote.protocols.imap.responses import (
    Continue,
    Exists,
    Expunged,
    Listed,
    Response,
    ResponseReader,
    Status,
    StatusTold,
    Unreadable,
    Untagged,
    Vanished,
)
from eilbote.protocols.imap.types import FetchedMessage
from eilbote.protocols.imap.unsolicited import UnsolicitedLog


class Greeting(Struct, frozen=True):
    """The server's first words: OK, PREAUTH (RFC 9051 section 7.1.4) or BYE."""

    status: Status


class Reply(Struct, frozen=True):
    """A command is done: its tagged response, and the untagged ones since the reply before.

    `skipped` counts responses that could not be used: FETCH or STATUS unreadable, FETCH without a UID.
    """

    command: Command
    status: Status
    untagged: tuple[Untagged, ...] = ()
    skipped: int = 0


class Idling(Struct, frozen=True):
    """The server waits in IDLE (RFC 2177); `finish_idle` ends it."""


class Noticed(Struct, frozen=True):
    """Something arrived while no command but IDLE was waiting; changes are in `unsolicited` too."""

    response: Untagged


Mails: TypeAlias = list[FetchedMessage]
Event: TypeAlias = Greeting | Reply | Idling | Noticed | Mails


class _Waiting(Struct):
    """A command on the wire; `tag` empty stands for no command at all."""

    tag: bytes
    command: Command
    kept: list[Untagged] = field(default_factory=list)
    kept_bytes: int = 0
    uninvited: int = 0
    uninvited_bytes: int = 0
    skipped: int = 0


_NOBODY = Command("", ())


class ImapConnection:
    """The state of one connection. Once it raised an error, it must not be used again."""

    def __init__(self, limits: Limits | None = None) -> None:
        self.limits = limits or Limits()
        self.framer = Framer(self.limits)
        self.unsolicited = UnsolicitedLog()
        self.outgoing = Outgoing()
        self.fast = True
        """Off where a trace wants to see every response."""
        self.observer: Callable[[Frame], None] | None = None
        """Sees every response that did not take the fast path, for a trace."""
        self.messages = 0
        """How many messages the open mailbox holds now, as far as the server has told."""
        self._reader = ResponseReader(self.limits)
        self._greeted = False
        self._serial = 0
        self._waiting: deque[_Waiting] = deque()
        self._nobody = _Waiting(b"", _NOBODY)
        self._mails: Mails = []
        self._due: Event | None = None  # comes after the mails that are handed out now
        self._goodbye: str | None = None

    # --- sending -----------------------------------------------------------------------------

    def send(self, command: Command) -> bytes:
        """Queues a command and returns its tag. Misused where it may not be pipelined (RFC 9051
        section 5.5): before or behind one that must stand alone."""
        if self._waiting and (command.alone or self._waiting[-1].command.alone):
            raise Misused("imap.pipelined", command=command.name)
        self._serial += 1
        tag = b"E%d" % self._serial
        self._waiting.append(_Waiting(tag, command))
        self.outgoing.add(tag, command)
        return tag

    def finish_idle(self) -> None:
        """Ends IDLE; its tagged response follows."""
        self.outgoing.add_line(b"DONE")

    def data_to_send(self) -> bytes | memoryview:
        """The next bytes to write; empty when nothing may be sent now."""
        return self.outgoing.take()

    @property
    def has_data_to_send(self) -> bool:
        """`data_to_send` would give something now."""
        return self.outgoing.is_ready

    @property
    def waiting(self) -> int:
        """Commands without a tagged response yet."""
        return len(self._waiting)

    # --- receiving ---------------------------------------------------------------------------

    def receive_data(self, data: bytes) -> None:
        """Takes bytes from the server, at most what fits `framer.room()`."""
        room = self.framer.room(len(data))
        if len(data) > len(room):
            raise Misused("imap.buffer_too_small")
        room[: len(data)] = data
        self.framer.filled(len(data))

    def lost(self) -> Unreachable:
        """The server closed the line: the error to raise, with its last words if it left any."""
        if self._goodbye is not None:
            return Unreachable("imap.bye", retry_after=60, text=self._goodbye)
        return Unreachable("net.closed", retry_after=10)

    def assert_nothing_received(self) -> None:
        """Before TLS starts, nothing may lie in the buffer: it could have been put there by somebody
        in between (CVE-2011-0411; RFC 9051 section 6.2.1). Raises Garbled."""
        if not self.framer.is_empty:
            raise Garbled("net.injected")
        self.unsolicited.take()

    def next_event(self) -> Event | None:
        """The next event, None when more bytes are needed. The mails of a streaming command come in
        lists, as many as are there.

        Raises Garbled where the server breaks the protocol or a limit, Unreachable at its BYE.
        """
        if self._due is not None:
            due, self._due = self._due, None
            return due
        while not self.framer.is_waiting:
            streams = self._waiting[0].command.streams if self._waiting else None
            if streams is not None and self.fast:
                self._reader.fetches.take_mails(self.framer, streams, self._mails)
                if self.framer.is_waiting:
                    break
            frame = self.framer.next_frame()
            if frame is None:
                break
            if self.observer is not None:
                self.observer(frame)
            event = self._handle(self._reader.read(frame), sum(map(len, frame)))
            if event is not None or not self.fast:
                if not self._mails:
                    if event is None:
                        continue
                    return event
                self._due = event
                break
        mails, self._mails = self._mails, []
        return mails or None

    def _handle(self, response: Response, size: int) -> Event | None:
        match response:
            case Status(kind=kind) if not self._greeted:
                self._greeted = True
                if kind not in ("OK", "PREAUTH", "BYE") or response.tag:
                    raise Garbled("imap.no_greeting")
                return Greeting(response)
            case _ if not self._greeted:
                raise Garbled("imap.no_greeting")
            case Continue():
                return self._continue(response)
            case Status() if response.tag:
                return self._complete(response)
            case Status(kind="BYE"):
                self._goodbye = response.text[:500]
                if not self._waiting or self._waiting[0].command.name != "LOGOUT":
                    raise self.lost()
                return None
            case _:
                return self._untagged(response, size)

    def _continue(self, response: Continue) -> Event | None:
        if self.outgoing.waits_for_consent:
            self.outgoing.consent()
            return None
        current = self._waiting[0].command if self._waiting else _NOBODY
        if current.answer is not None:
            try:
                challenge = b64decode(response.data, validate=True)
            except ValueError:
                # RFC 9051 section 6.2.2 wants base64; a few servers prompt in plain text instead
                challenge = b""
            self.outgoing.add_line(b64encode(current.answer(challenge)))
            return None
        if current.name == "IDLE":
            return Idling()
        raise Garbled("imap.unexpected_continuation")

    def _complete(self, status: Status) -> Reply:
        done = next((one for one in self._waiting if one.tag == status.tag), None)
        if done is None or self.outgoing.is_unsent(status.tag):
            raise Garbled("imap.unknown_tag", tag=status.tag[:20].decode("ascii", "replace"))
        # What came belongs to the oldest command; a server that answers out of order loses nothing.
        first = self._waiting[0]
        if first is not done:
            done.kept, first.kept = [*first.kept, *done.kept], []
        self._waiting.remove(done)
        self.outgoing.withdraw(status.tag)
        self.unsolicited.note(status)
        return Reply(done.command, status, tuple(done.kept), done.skipped)

    def utf8_enabled(self) -> None:
        """From now on the server's names are UTF-8 (RFC 6855)."""
        self._reader.fetches.utf8 = True

    def _count(self, response: Untagged) -> None:
        match response:
            case Exists(count=count):
                self.messages = count
            case Expunged():
                self.messages -= 1
            case Vanished(uids=uids, earlier=False):
                self.messages -= len(uids)
            case _:
                pass

    def _untagged(self, response: Untagged, size: int) -> Event | None:
        self._count(response)
        waiting = self._waiting[0] if self._waiting else self._nobody
        current = waiting.command
        if isinstance(response, Unreadable):
            waiting.skipped += 1
            if waiting.skipped > self.limits.unreadable:
                raise Garbled("imap.flood", limit=self.limits.unsolicited)
            return None
        if isinstance(response, Fetch) and current.streams is not None and self._stream(waiting, response):
            return None
        if type(response) in current.expects:
            self._keep(waiting, response, size)
            if not isinstance(response, Fetch):
                self.unsolicited.note(response)
            return None
        self.unsolicited.note(response)
        self.unsolicited.note_uninvited(response)
        waiting.uninvited += 1
        waiting.uninvited_bytes += size
        limits = self.limits
        if waiting.uninvited > limits.unsolicited or waiting.uninvited_bytes > limits.unsolicited_bytes:
            raise Garbled("imap.flood", limit=self.limits.unsolicited)
        if isinstance(response, Status):
            waiting.kept.append(response)
        return Noticed(response) if current.name in ("IDLE", "") else None

    def _stream(self, waiting: _Waiting, response: Fetch) -> bool:
        """Takes a FETCH as a mail of the running stream, if it is one."""
        mail = response.as_message(waiting.command.streams or "")
        if mail is not None:
            self._mails.append(mail)
            return True
        if response.sections or response.size is not None:
            waiting.skipped += 1  # whose body it is nobody knows (museum M5), or with which flags
            return True
        return False

    def _keep(self, waiting: _Waiting, response: Untagged, size: int) -> None:
        waiting.kept.append(response)
        waiting.kept_bytes += size
        listing = isinstance(response, Listed | StatusTold)
        most = self.limits.listed if listing else self.limits.answers
        if len(waiting.kept) > most or waiting.kept_bytes > self.limits.answer_bytes:
            raise Garbled("imap.flood", limit=most)
