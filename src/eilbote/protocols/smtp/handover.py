"""Handing mails over to a server as fast as it can answer: one flow for many mails of one session.

With PIPELINING (RFC 2920) the end of one mail, and sender, recipients and DATA of the next, leave
together: a round trip a mail. With CHUNKING (RFC 3030) too, several whole mails are under way at once.
Without either it speaks command by command.

It must never let the end of a mail leave before the Checkpoint that names it has been kept, never send
a content for which no recipient was accepted in its own transaction, and never call a mail sent or
refused that the server did not answer.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Generator, Iterator, Sequence
from enum import Enum, auto
from typing import TypeAlias

from msgspec import Struct

from eilbote.errors import Garbled, Misused, Problem, Unreachable
from eilbote.protocols.smtp import encode
from eilbote.protocols.smtp.connection import Answered, Event
from eilbote.protocols.smtp.content import normalised
from eilbote.protocols.smtp.encode import Command
from eilbote.protocols.smtp.limits import Window
from eilbote.protocols.smtp.session import Dialogue
from eilbote.protocols.smtp.transaction import Transaction, chunks, prepare, transcript
from eilbote.protocols.smtp.types import (
    Checkpoint,
    Mail,
    MailResult,
    Phase,
    RecipientResult,
    Reply,
)

_AHEAD = 4  # mails held ready where one after the other goes


class Act(Enum):
    """What is asked of whoever runs a handover; what is queued on the connection is written first."""

    RECEIVE = auto()
    """Wait for at least one event."""
    DRAIN = auto()
    """Wait until the system has taken what was queued."""


class Supply(Struct, frozen=True):
    """So many mails are wanted at most; none says that there are no more."""

    count: int


class Given(Struct, frozen=True):
    """The answer to an act: the events of RECEIVE, the mails of a Supply."""

    events: Sequence[Event] = ()
    mails: Sequence[Mail] = ()


Handover: TypeAlias = Generator[Act | Checkpoint | Supply, Given, Problem | None]
"""Queues on the dialogue's connection, yields what must happen, and is sent what came of it; what ends
the line is thrown into it. A Checkpoint has been kept when it goes on."""

_Part: TypeAlias = Generator[Act | Checkpoint | Supply, Given, None]


class _Step(Enum):
    """What a command is to its transaction."""

    RESET = auto()
    SENDER = auto()
    RECIPIENT = auto()
    OPEN = auto()
    END = auto()
    NOTHING = auto()  # a lone dot that takes back a DATA


def refusal_before(mail: Mail, dialogue: Dialogue) -> Problem | None:
    """Why this server cannot be given this mail; None if nothing speaks against it."""
    prepared = prepare(mail, dialogue, Window())
    return prepared if isinstance(prepared, Problem) else None


def hand_over(dialogue: Dialogue, window: Window) -> Handover:
    """Sends what Supply gives until there is no more. Every mail that was given is in the `finished`
    of one Checkpoint. Returns why the session is of no more use, None where it can go on."""
    return (yield from _Course(dialogue, window).run())


class _Course:
    def __init__(self, dialogue: Dialogue, window: Window) -> None:
        self._dialogue = dialogue
        self._connection = dialogue.connection
        self._window = window
        self._pipelines = dialogue.can("PIPELINING") and window.pipelining
        self._chunks = chunks(dialogue, window)
        self._more = True
        self._pending: deque[Transaction] = deque()
        self._flying: deque[Transaction] = deque()
        self._steps: deque[tuple[_Step, Transaction, Command, int]] = deque()  # to be sent
        self._expected: deque[tuple[_Step, Transaction, Command, int]] = deque()  # to be answered
        self._opened: Transaction | None = None  # whose content is due
        self._is_blocked = False  # a DATA waits: nothing may follow before its reply
        self._finished: list[MailResult] = []

    def run(self) -> Handover:
        try:
            yield from self._run()
        except (Unreachable, Garbled) as lost:
            self._abandon(lost.problem)
            yield from self._keep(())
            return lost.problem
        if self._is_spent:
            return Problem("smtp.session_full", {"host": self._dialogue.host}, 0.0)
        return None

    def _run(self) -> _Part:
        while True:
            yield from self._refill()
            last_block = yield from self._upload()
            ending = self._begin()
            yield from self._keep(ending)
            self._send(last_block)
            if not self._expected:
                if self._pending and not self._is_spent:
                    continue
                if self._is_spent or not self._more:
                    self._give_back()
                    yield from self._keep(())
                    return
                continue
            given = yield Act.RECEIVE
            for event in given.events:
                if not isinstance(event, Answered):
                    raise Misused("smtp.pipelined", command="greeting")
                self._settle(event.reply)
            if self._connection.closing is not None:
                raise self._connection.lost()

    # --- what comes next -----------------------------------------------------------------------

    @property
    def _is_spent(self) -> bool:
        """The server takes no more transactions in this session (RFC 9422 section 4.1)."""
        most = self._dialogue.extensions.mail_max
        return most is not None and self._dialogue.transactions >= most

    def _refill(self) -> _Part:
        ahead = self._window.mails if self._chunks else _AHEAD
        if not self._more or self._is_spent or len(self._pending) * 2 > ahead:
            return
        given: Given = yield Supply(ahead - len(self._pending))
        self._more = bool(given.mails)
        for mail in given.mails:
            prepared = prepare(mail, self._dialogue, self._window)
            if isinstance(prepared, Problem):
                untold = tuple(RecipientResult(one.address) for one in mail.recipients)
                self._finished.append(MailResult(mail.key, Phase.NOT_BEGUN, untold, problem=prepared))
            else:
                self._pending.append(prepared)

    def _upload(self) -> Generator[Act, Given, bytes]:
        """Sends the content that is due but for its last block, which it returns: until then the server
        cannot have the mail."""
        opened = self._opened
        if opened is None:
            return b""
        last = b""
        for block in self._blocks(opened, stuffed=True):
            if last:
                self._connection.send_content(last)
                yield Act.DRAIN
            last = block
        return last

    def _blocks(self, one: Transaction, *, stuffed: bool) -> Iterator[bytes]:
        return normalised(one.mail.content, self._window.block, stuffed=stuffed, is_clean=one.is_clean)

    def _begin(self) -> list[Transaction]:
        """Begins as many transactions as may follow now; those whose end leaves with the next segment,
        the one whose content is due included."""
        ending = [self._opened] if self._opened is not None else []
        while self._pending and self._may_begin(self._pending[0]):
            one = self._pending.popleft()
            if self._dialogue.needs_reset:
                self._steps.append((_Step.RESET, one, encode.RSET, 0))
            self._steps += (
                (_Step.RECIPIENT if at else _Step.SENDER, one, command, at)
                for at, command in enumerate(one.commands)
            )
            if one.chunked:
                self._steps.append((_Step.END, one, encode.bdat(one.size, last=True), 0))
                ending.append(one)
            else:
                self._steps.append((_Step.OPEN, one, encode.DATA, 0))
                self._is_blocked = True
            # What becomes of it shows only later: the next one must not fall into its transaction.
            self._dialogue.needs_reset = one.chunked
            self._flying.append(one)
            self._dialogue.transactions += 1
        return ending

    def _may_begin(self, one: Transaction) -> bool:
        if self._is_blocked or self._is_spent:
            return False
        if not self._pipelines:
            return not self._flying and not self._steps
        if one.chunked and self._flying:
            under_way = sum(each.size for each in self._flying)
            return len(self._flying) < self._window.mails and under_way + one.size <= self._window.bytes
        return True

    def _keep(self, ending: list[Transaction] | tuple[()]) -> _Part:
        if ending or self._finished:
            finished, self._finished = tuple(self._finished), []
            answered = tuple((one.mail.key, one.recipients()) for one in ending)
            yield Checkpoint(tuple(one.mail.key for one in ending), answered, finished)

    def _send(self, last_block: bytes) -> None:
        connection = self._connection
        opened, self._opened = self._opened, None
        if opened is not None:
            connection.send_content(last_block)
            connection.send(encode.END)
            opened.end_at = connection.queued
            self._expected.append((_Step.END, opened, encode.END, 0))
        while self._steps and (self._pipelines or not self._expected):
            step = kind, one, command, _ = self._steps.popleft()
            if one.begin_at is None:
                one.begin_at = connection.queued
            connection.send(command)
            self._expected.append(step)
            if kind is _Step.END and one.chunked:
                for block in self._blocks(one, stuffed=False):
                    connection.send_content(block)
                one.end_at = connection.queued

    # --- what came -----------------------------------------------------------------------------

    def _settle(self, reply: Reply) -> None:
        kind, one, command, at = self._expected[0]
        if 300 <= reply.code < 400 and kind is not _Step.OPEN:
            # Only DATA asks for more. Replies and commands have come out of step: none can be believed.
            raise Garbled("smtp.no_reply", host=self._dialogue.host, text=str(reply)[:500])
        self._expected.popleft()
        if kind is _Step.SENDER or kind is _Step.RECIPIENT:
            one.replies[at] = reply
        elif kind is not _Step.NOTHING:
            one.told.append((command, reply))
        match kind:
            case _Step.RESET:
                if not reply.is_ok and reply.code != 421:
                    # Whatever it holds now: nothing more may fall into it.
                    raise Garbled("smtp.reset_refused", host=self._dialogue.host, text=str(reply)[:500])
            case _Step.SENDER if not reply.is_ok and not self._pipelines:
                self._refused(one)
            case _Step.OPEN:
                self._is_blocked = False
                self._open(one, reply)
            case _Step.END:
                if reply.is_ok and not one.is_accepted and any(each and each.is_ok for each in one.replies):
                    # Taken for somebody although the sender was refused: nobody knows for whom.
                    raise Garbled("smtp.no_reply", host=self._dialogue.host, text=str(reply)[:500])
                self._finish(one, reply)
                if one.chunked and not self._flying:
                    self._dialogue.needs_reset = not reply.is_ok
            case _:
                pass
        # Command by command, DATA is never asked for without a recipient.
        waits_for_data = bool(self._steps) and self._steps[0][0] is _Step.OPEN
        if not self._pipelines and kind is _Step.RECIPIENT and waits_for_data and not one.is_accepted:
            self._refused(one)

    def _refused(self, one: Transaction) -> None:
        """Ends a transaction of which the rest is not sent."""
        self._steps.clear()
        self._is_blocked = False
        self._dialogue.needs_reset = True
        self._finish(one, None)

    def _open(self, one: Transaction, reply: Reply) -> None:
        if reply.code == 354:
            if one.is_accepted:
                one.is_open = True
                self._opened = one
                return
            if one.sender is None or not one.sender.is_ok:
                raise Garbled("smtp.no_reply", host=self._dialogue.host, text=str(reply)[:500])
            # RFC 2920 section 3.1: DATA was taken though no recipient was; a lone dot ends it.
            self._steps.appendleft((_Step.NOTHING, one, encode.END, 0))
        elif reply.code < 400:
            raise Garbled("smtp.no_reply", host=self._dialogue.host, text=str(reply)[:500])
        self._dialogue.needs_reset = True
        self._finish(one, None, None if reply.code == 354 else reply)

    def _finish(self, one: Transaction, final: Reply | None, refusal: Reply | None = None) -> None:
        """The transaction is over, with an answer to its content or without ever having sent it."""
        self._flying.remove(one)
        if not one.is_accepted:
            # About the sender, or about each recipient; a later no only follows from it.
            final, refusal = None, one.sender if one.sender is not None and not one.sender.is_ok else None
        self._finished.append(
            MailResult(
                one.mail.key,
                Phase.ENVELOPE if final is None else Phase.ANSWERED,
                one.recipients(),
                refusal,
                final,
                transcript=transcript(one),
            )
        )

    def _abandon(self, problem: Problem) -> None:
        """The line is gone: every mail that was given gets its result."""
        early = self._connection.unasked
        if early is not None and early.code >= 400 and self._opened is not None:
            # A no in the middle of its content, of which the end never left.
            opened, self._opened = self._opened, None
            self._finish(opened, None, early)
        for one in self._flying:
            left = one.end_at is not None and self._connection.handed >= one.end_at
            # RFC 5321 section 3.8: behind its 421 the server has done nothing any more.
            if left and self._connection.closing is None:
                phase = Phase.ENDED
            elif one.is_open:
                phase = Phase.CONTENT
            else:
                phase = Phase.ENVELOPE if self._is_told(one) else Phase.NOT_BEGUN
            told = phase is not Phase.NOT_BEGUN
            self._finished.append(
                MailResult(
                    one.mail.key,
                    phase,
                    one.recipients() if told else one.everybody(),
                    problem=problem,
                    transcript=transcript(one) if told else (),
                )
            )
        self._flying.clear()
        self._give_back(problem)

    def _is_told(self, one: Transaction) -> bool:
        """A word of it was handed to the line."""
        return one.begin_at is not None and self._connection.handed > one.begin_at

    def _give_back(self, problem: Problem | None = None) -> None:
        """What was given and not begun."""
        why = problem or Problem("smtp.session_full", {"host": self._dialogue.host}, 0.0)
        for one in self._pending:
            self._finished.append(MailResult(one.mail.key, Phase.NOT_BEGUN, one.everybody(), problem=why))
        self._pending.clear()
