"""What an SMTP server, or the line to it, may do to a mail for two recipients, and what becomes of the mail:
the table of docs/sending.md as values. The tests play every row; nothing here runs.
"""

from __future__ import annotations

from enum import StrEnum

from msgspec import Struct

from eilbote.delivery.outcome import DAILY_PAUSE, RATE_PAUSE
from eilbote.delivery.values import SendState
from eilbote.store.values import Security
from eilbote.testing.smtp.sink import Play, Then
from tests.engine.sending import ANNA, BEN

SOON, LATER, NOW = 60.0, 600.0, 0.0
"""Pauses in seconds: the first of the schedule; what a server needs that cannot serve anybody now; none."""

SENT, FAILED, DEFERRED, UNCERTAIN = (
    SendState.DONE,
    SendState.FAILED,
    SendState.DEFERRED,
    SendState.UNCERTAIN,
)
_ANNA, _BEN = f"RCPT {ANNA}", f"RCPT {BEN}"


class Way(StrEnum):
    """How the mail goes over the line: with DATA, or with BDAT in one piece with its envelope."""

    DATA = "data"
    BDAT = "bdat"


BOTH = (Way.DATA, Way.BDAT)


class Outcome(Struct, frozen=True, kw_only=True):
    """One row. `plays`: what the server says, by command (see `Sink`). `state`, `recipients` (a letter
    each: Sent, Taken, Failed, Deferred, Waiting), `burnt` (attempts) and `pause` (seconds until the next
    try, give or take a fifth) are as they stand after one run. `pauses`: the account's queue waits.
    `copies`: how many of the two recipients have the mail then. `late`: seconds that pass while the
    server says nothing. `at_last`: what becomes of it where the server is well again, a person says what
    is true of a mail in doubt, and mends the login.
    """

    name: str
    state: SendState
    recipients: str
    plays: dict[str, str | Play] = {}
    burnt: int = 1
    pause: float = NOW
    pauses: bool = False
    copies: int = 0
    late: float = 0.0
    at_last: str = "SS"
    ways: tuple[Way, ...] = BOTH
    lacks: tuple[str, ...] = ()
    limits: tuple[str, ...] = ()
    mechanisms: tuple[str, ...] = ("PLAIN",)
    size_limit: int = 32 << 20
    security: Security = Security.NONE
    garbage: bytes = b""
    nowhere: bool = False
    size: int = 0
    words: str = "Guten Tag."
    other: str = BEN
    subject: str = ""


def _after_the_end() -> list[Outcome]:
    """The mail has left as a whole, and its answer decides."""

    def later(name: str, reply: str, pause: float = SOON) -> Outcome:
        return Outcome(name=name, plays={".": reply}, state=DEFERRED, recipients="DD", pause=pause)

    def never(name: str, reply: str) -> Outcome:
        return Outcome(name=name, plays={".": reply}, state=FAILED, recipients="FF", at_last="FF")

    def doubt(name: str, reply: str | None, then: Then, *, takes: bool, late: float = 0.0) -> Outcome:
        return Outcome(
            name=name,
            plays={".": Play(reply, then, takes=takes)},
            state=UNCERTAIN,
            recipients="TT",
            copies=2 if takes else 0,
            late=late,
        )

    def sent(name: str, play: str | Play, late: float = 0.0) -> Outcome:
        return Outcome(name=name, plays={".": play}, state=SENT, recipients="SS", copies=2, late=late)

    return [
        doubt("taken, no reply", None, Then.SILENCE, takes=True, late=601),
        doubt("not taken, no reply", None, Then.SILENCE, takes=False, late=601),
        doubt("taken, connection lost before the reply", None, Then.RESET, takes=True),
        doubt("not taken, connection lost before the reply", None, Then.RESET, takes=False),
        doubt("taken, 250 after eleven minutes", "250 2.0.0 Ok", Then.HOLD, takes=True, late=660),
        doubt("taken, endless reply", "250-2.0.0 Ok", Then.ENDLESS, takes=True),
        doubt("taken, half a reply", "250-2.0.0 Ok", Then.CLOSE, takes=True),
        doubt("taken, reply that is none", "Ok, thank you", Then.CLOSE, takes=True),
        doubt("taken, 354 once more", "354 go on", Then.GO_ON, takes=True),
        sent("250 after nine minutes", Play("250 2.0.0 Ok", Then.HOLD), late=540),
        sent("250, then connection lost", Play("250 2.0.0 Ok", Then.RESET)),
        sent("250 in several lines", "250-2.0.0 Ok\r\n250-2.0.0 queued\r\n250 2.0.0 as 1"),
        sent("250 twice", "250 2.0.0 Ok\r\n250 2.0.0 Ok"),
        sent("250, then 421", "250 2.0.0 Ok\r\n421 4.3.2 Shutting down"),
        later("451", "451 4.3.0 Try again later"),
        later("452 without a class", "452 Insufficient system storage"),
        later("421", "421 4.3.2 Shutting down"),
        later("503", "503 5.5.1 Bad sequence of commands"),
        later("550 4.7.1: the class wins", "550 4.7.1 Come back later"),
        later("hourly limit", "450 Requested mail action not taken: Mail send limit exceeded.", RATE_PAUSE),
        later("daily limit", "550 5.4.5 Daily user sending limit exceeded", DAILY_PAUSE),
        later("550 5.5.0, the first time", "550 5.5.0 Service unavailable"),
        never("554", "554 5.7.1 Looks like spam"),
        never("552 without a class: too big", "552 Message too big"),
        never("450 5.7.1: the class wins", "450 5.7.1 Not from you"),
    ]


def _envelope() -> list[Outcome]:
    """Sender and recipients are told; the mail is not."""

    def each(name: str, **plays: str | Play) -> Outcome:
        replies = {_ANNA: plays["anna"], _BEN: plays["ben"]}
        return Outcome(name=name, plays=replies, state=DEFERRED, recipients="DD", pause=SOON)

    def sender(name: str, reply: str, state: SendState, recipients: str) -> Outcome:
        pause = SOON if state is DEFERRED else NOW
        ended = "FF" if state is FAILED else "SS"
        return Outcome(
            name=name,
            plays={"MAIL": reply},
            state=state,
            recipients=recipients,
            pause=pause,
            at_last=ended,
        )

    def both(name: str, reply: str | Play) -> Outcome:
        return each(name, anna=reply, ben=reply)

    def login(name: str, *keys: str) -> Outcome:
        said = "530 5.7.0 Authentication required"
        plays: dict[str, str | Play] = dict.fromkeys(keys, said)
        return Outcome(name=name, plays=plays, state=DEFERRED, recipients="WW", burnt=0, pauses=True)

    many = "452 4.5.3 Too many recipients"
    return [
        sender("MAIL: 421", "421 4.3.2 Shutting down", DEFERRED, "DD"),
        sender("MAIL: 451", "451 4.3.0 Try again later", DEFERRED, "DD"),
        sender("MAIL: 452", "452 Insufficient system storage", DEFERRED, "DD"),
        sender("MAIL: 550", "550 5.7.60 Not allowed to send as this", FAILED, "FF"),
        sender("MAIL: 552 without a class", "552 Message too big", FAILED, "FF"),
        sender("MAIL: 553", "553 5.7.1 Sender not owned by user", FAILED, "FF"),
        Outcome(
            name="MAIL: 354",
            plays={"MAIL": Play("354 go on", takes=False)},
            state=DEFERRED,
            recipients="DD",
            pause=SOON,
            ways=(Way.DATA,),
        ),
        Outcome(
            name="MAIL: 354",
            plays={"MAIL": Play("354 go on", takes=False)},
            state=UNCERTAIN,
            recipients="TT",
            ways=(Way.BDAT,),
        ),
        login("MAIL: 530", "MAIL"),
        login("RCPT: 530 to all", _ANNA, _BEN),
        Outcome(
            name="MAIL: no reply",
            plays={"MAIL": Play(None, Then.SILENCE)},
            state=UNCERTAIN,
            recipients="TT",
            late=301,
            ways=(Way.BDAT,),
        ),
        Outcome(
            name="MAIL: no reply",
            plays={"MAIL": Play(None, Then.SILENCE)},
            state=DEFERRED,
            recipients="DD",
            pause=SOON,
            late=301,
            ways=(Way.DATA,),
        ),
        both("RCPT: 450 to all", "450 4.2.0 Greylisted"),
        both("RCPT: 503 to all", "503 5.5.1 Bad sequence of commands"),
        both("RCPT: 552 without a class to all", "552 Mailbox full"),
        both("RCPT: 550 5.5.0 to all, the first time", "550 5.5.0 Service unavailable"),
        both("RCPT: 421", "421 4.3.2 Shutting down"),
        Outcome(
            name="RCPT: 550 to all",
            plays=dict.fromkeys((_ANNA, _BEN), "550 5.1.1 Unknown"),
            state=FAILED,
            recipients="FF",
            at_last="FF",
        ),
        Outcome(
            name="RCPT: 550 to one, 450 to the other",
            plays={_ANNA: "550 5.1.1 Unknown", _BEN: "450 4.2.0 Greylisted"},
            state=DEFERRED,
            recipients="FD",
            pause=SOON,
            at_last="FS",
        ),
        Outcome(
            name="RCPT: 550 to one",
            plays={_BEN: "550 5.1.1 Unknown"},
            state=SENT,
            recipients="SF",
            copies=1,
            at_last="SF",
        ),
        Outcome(
            name="RCPT: 450 to one",
            plays={_BEN: "450 4.2.0 Greylisted"},
            state=DEFERRED,
            recipients="SD",
            pause=SOON,
            copies=1,
        ),
        Outcome(
            name="RCPT: 450 to one, then no reply to the mail",
            plays={_BEN: "450 4.2.0 Greylisted", ".": Play(None, Then.RESET, takes=True)},
            state=UNCERTAIN,
            recipients="TD",
            copies=1,
        ),
        Outcome(
            name="RCPT: 550 to one, then no reply to the mail",
            plays={_ANNA: "550 5.1.1 Unknown", ".": Play(None, Then.RESET, takes=True)},
            state=UNCERTAIN,
            recipients="FT",
            copies=1,
            at_last="FS",
        ),
        Outcome(
            name="RCPT: 452 too many, once",
            plays={_BEN: Play(many, times=1)},
            state=SENT,
            recipients="SS",
            copies=2,
        ),
        Outcome(
            name="RCPT: 552 too many as RFC 821 says it, once",
            plays={_BEN: Play("552 Too many recipients", times=1)},
            state=SENT,
            recipients="SS",
            copies=2,
        ),
        Outcome(
            name="RCPT: 452 too many, again and again",
            plays={_BEN: many},
            state=DEFERRED,
            recipients="SD",
            pause=SOON,
            copies=1,
        ),
        Outcome(name="RCPTMAX=1", limits=("RCPTMAX=1",), state=SENT, recipients="SS", copies=2),
        Outcome(name="MAILMAX=1", limits=("MAILMAX=1",), state=SENT, recipients="SS", copies=2),
    ]


def _content() -> list[Outcome]:
    """DATA, and the mail on its way."""
    large = 6 << 20  # more than the system takes at once

    def data(name: str, play: str | Play, state: SendState, recipients: str, late: float = 0.0) -> Outcome:
        return Outcome(
            name=name,
            plays={"DATA": play},
            state=state,
            recipients=recipients,
            pause=SOON if state is DEFERRED else NOW,
            late=late,
            at_last="FF" if state is FAILED else "SS",
            ways=(Way.DATA,),
        )

    def within(name: str, play: Play, state: SendState, recipients: str) -> Outcome:
        return Outcome(
            name=name,
            plays={"CONTENT": play},
            state=state,
            recipients=recipients,
            pause=SOON if state is DEFERRED else NOW,
            at_last="FF" if state is FAILED else "SS",
            ways=(Way.DATA,),
            size=large,
        )

    nobody = dict.fromkeys((_ANNA, _BEN), "550 5.1.1 Unknown")
    return [
        data("DATA: never 354", Play(None, Then.SILENCE), DEFERRED, "DD", late=121),
        data("DATA: 421", "421 4.3.2 Shutting down", DEFERRED, "DD"),
        data("DATA: 451", "451 4.3.0 Try again later", DEFERRED, "DD"),
        data("DATA: 554", "554 5.7.1 Not from this address", FAILED, "FF"),
        data("DATA: 250 instead of 354", Play("250 2.0.0 Ok", takes=False), DEFERRED, "DD"),
        Outcome(
            name="DATA: 354 although there is no recipient",
            plays={**nobody, "DATA": "354 go on"},
            state=FAILED,
            recipients="FF",
            at_last="FF",
            ways=(Way.DATA,),
        ),
        within("in the mail: 421", Play("421 4.3.2 Shutting down", Then.CLOSE), DEFERRED, "DD"),
        within("in the mail: 451", Play("451 4.3.0 No room", Then.CLOSE), DEFERRED, "DD"),
        within("in the mail: 552", Play("552 5.3.4 Too big", Then.CLOSE), FAILED, "FF"),
        within("in the mail: connection lost", Play(None, Then.RESET), DEFERRED, "DD"),
        Outcome(
            name="CHUNKING without PIPELINING",
            lacks=("PIPELINING",),
            state=SENT,
            recipients="SS",
            copies=2,
            ways=(Way.BDAT,),
        ),
        Outcome(
            name="BDAT: 354 instead of an answer",
            plays={".": Play("354 go on", takes=False)},
            state=UNCERTAIN,
            recipients="TT",
            ways=(Way.BDAT,),
        ),
        Outcome(
            name="BDAT: 503 behind a forgotten MAIL",
            plays={"MAIL": Play("503 5.5.1 Forgotten", takes=False), "BDAT": "503 5.5.1 MAIL first"},
            state=DEFERRED,
            recipients="DD",
            pause=SOON,
            ways=(Way.BDAT,),
        ),
    ]


def _beginning() -> list[Outcome]:
    """No server hears of the mail."""

    def no(name: str, pause: float, late: float = 0.0, **plays: str | Play) -> Outcome:
        return Outcome(
            name=name,
            plays=dict(plays),
            state=DEFERRED,
            recipients="DD",
            pause=pause,
            late=late,
            ways=(Way.BDAT,),
        )

    def login(name: str, reply: str) -> Outcome:
        return Outcome(
            name=name,
            plays={"AUTH": reply},
            state=DEFERRED,
            recipients="WW",
            burnt=0,
            pauses=True,
            ways=(Way.BDAT,),
        )

    def tls(
        name: str,
        plays: dict[str, str | Play] | None = None,
        *,
        security: Security = Security.STARTTLS,
        pause: float = SOON,
        garbage: bytes = b"",
        lacks: tuple[str, ...] = (),
    ) -> Outcome:
        return Outcome(
            name=name,
            plays=plays or {},
            state=DEFERRED,
            recipients="DD",
            pause=pause,
            security=security,
            garbage=garbage,
            lacks=lacks,
            ways=(Way.BDAT,),
        )

    def unable(name: str, **how: object) -> Outcome:
        return Outcome(name=name, state=FAILED, recipients="FF", at_last="FF", ways=(Way.BDAT,), **how)  # type: ignore[arg-type]

    closing = "421 4.3.2 Shutting down"
    return [
        Outcome(
            name="connection refused",
            state=DEFERRED,
            recipients="DD",
            pause=SOON,
            nowhere=True,
            ways=(Way.BDAT,),
        ),
        no("greeting: 421", LATER, GREETING=closing),
        no("greeting: 554", SOON, GREETING=Play("554 5.3.2 No service here", Then.CLOSE)),
        no("greeting: none, closed", SOON, GREETING=Play(None, Then.CLOSE)),
        no("greeting: none for five minutes", SOON, late=301, GREETING=Play(None, Then.SILENCE)),
        no("greeting: endless", SOON, GREETING=Play("220-hello", Then.ENDLESS)),
        no("greeting: 235 you are logged in", SOON, GREETING="235 2.7.0 You are logged in"),
        no("EHLO: 421", LATER, EHLO=closing),
        no("EHLO: 550", SOON, EHLO="550 5.7.1 Go away"),
        no("EHLO: endless", SOON, EHLO=Play("250-localhost", Then.ENDLESS)),
        no("AUTH: 421", LATER, AUTH=closing),
        no("AUTH: 454", LATER, AUTH="454 4.7.0 Temporary authentication failure"),
        no("AUTH: 432", LATER, AUTH="432 4.7.12 A password transition is needed"),
        login("AUTH: 535", "535 5.7.8 Authentication credentials invalid"),
        login("AUTH: 534", "534 5.7.9 Authentication mechanism is too weak"),
        login("AUTH: 530", "530 5.7.0 Must issue a STARTTLS command first"),
        login("AUTH: 538", "538 5.7.11 Encryption required"),
        Outcome(
            name="AUTH: no mechanism that we know",
            mechanisms=("GSSAPI",),
            state=DEFERRED,
            recipients="WW",
            burnt=0,
            pauses=True,
            ways=(Way.BDAT,),
        ),
        tls("STARTTLS: not offered", lacks=("STARTTLS",)),
        tls("STARTTLS: 454", {"STARTTLS": "454 4.7.0 Not now"}, pause=LATER),
        tls("STARTTLS: 502", {"STARTTLS": "502 5.5.1 Unknown"}),
        tls("STARTTLS: garbage instead of TLS", garbage=b"\x00\x01garbage\r\n" * 9),
        tls("STARTTLS: a reply injected behind it", {"STARTTLS": "220 Go ahead\r\n250 injected"}),
        tls("STARTTLS: 235 injected behind it", {"STARTTLS": "220 Go ahead\r\n235 2.7.0 Welcome"}),
        tls("STARTTLS: certificate of somebody unknown"),
        tls("TLS: certificate of somebody unknown", security=Security.TLS),
        Outcome(
            name="SMTPUTF8 is missing, and one needs it",
            lacks=("SMTPUTF8",),
            other="jörg@example.org",
            state=SENT,
            recipients="SF",
            copies=1,
            at_last="SF",
        ),
        Outcome(
            name="one address cannot be written",
            other="ben@example..com",
            state=SENT,
            recipients="SF",
            copies=1,
            at_last="SF",
        ),
        unable("SMTPUTF8 is missing, and the header needs it", lacks=("SMTPUTF8",), subject="Grüße"),
        unable("8BITMIME is missing", lacks=("8BITMIME",), words="Grüße."),
        unable("SIZE: the mail is larger", size_limit=200_000, size=300_000),
    ]


OUTCOMES = [*_beginning(), *_envelope(), *_content(), *_after_the_end()]


_STATES = {SENT: "sent", FAILED: "failed", DEFERRED: "waits", UNCERTAIN: "**uncertain**"}
_PAUSES = {NOW: "", SOON: "1 min", LATER: "10 min", RATE_PAUSE: "1 h", DAILY_PAUSE: "4 h"}


def as_table() -> str:
    """The rows in Markdown, as docs/sending.md has them."""
    lines = [
        "| what happens | with | state | A | B | tries | next try | have it | in the end |",
        "| --- | --- | --- | --- | --- | --- | --- | --- | --- |",
    ]
    for row in OUTCOMES:
        ways = "DATA, BDAT" if row.ways == BOTH else row.ways[0].name
        tells_no_mail = row in _UNTOLD
        pause = "when the login is mended" if row.pauses else _PAUSES[row.pause]
        cells = (
            row.name,
            "" if tells_no_mail else ways,
            _STATES[row.state],
            *row.recipients,
            str(row.burnt),
            pause,
            str(row.copies),
            f"{row.at_last[0]} {row.at_last[1]}",
        )
        lines.append("| " + " | ".join(cells) + " |")
    return "\n".join(lines) + "\n"


_UNTOLD = _beginning()
