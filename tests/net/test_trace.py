from __future__ import annotations

import io

from eilbote.net.trace import Trace
from eilbote.protocols.imap.encode import Literal, astring, command


class Still:
    """A clock that stands."""

    def now(self) -> float:
        return 1_795_464_000.0

    def monotonic(self) -> float:
        return 0.0

    async def sleep(self, seconds: float) -> None:
        raise AssertionError

    def random_bytes(self, count: int) -> bytes:
        raise AssertionError


def traced(*frames: list[bytes]) -> list[str]:
    out = io.StringIO()
    trace = Trace(out, Still())
    for frame in frames:
        trace.response("mail.example.org:993", frame)
    return out.getvalue().splitlines()


def test_commands_are_shown_without_secrets_and_mail() -> None:
    out = io.StringIO()
    trace = Trace(out, Still())
    trace.command("h:1", b"E1", command("LOGIN", astring("anna"), astring("geheim"), secret=True))
    trace.command("h:1", b"E2", command("AUTHENTICATE", b"PLAIN", b"AGFubmEAZ2VoZWlt", secret=True))
    trace.command("h:1", b"E3", command("APPEND", b'"INBOX"', Literal(b"Subject: privat\r\n")))
    trace.note("h:1", "connected")
    told = out.getvalue().splitlines()
    assert [line.partition(" h:1 ")[2] for line in told] == [
        "> E1 LOGIN (secret)",
        "> E2 AUTHENTICATE (secret)",
        '> E3 APPEND "INBOX" {17} <17 bytes>',
        "- connected",
    ]
    assert all(line.startswith("2026-11-23T") for line in told)


def test_responses_are_shown_without_mail() -> None:
    date = b'INTERNALDATE "17-Jul-1996 02:44:25 -0700"'
    told = traced(
        [b"* 1 FETCH (UID 1 " + date + b" BODY[] {6}", b"privat", b")"],
        [b'* 2 FETCH (ENVELOPE ("Mon" "privat \\" doch" NIL) BODY[TEXT] "privat")'],
        [b'* 3 fetch (BODY[] "privat'],
        [b"+ cHJpdmF0"],
        [b"+"],
        [b'* LIST () "/" "Entw&APw-rfe"'],
        [b"* OK \x1b[31mred\r\xff"],
    )
    shown = [line.partition(" < ")[2] for line in told]
    assert shown == [
        f"* 1 FETCH (UID 1 {date.decode()} BODY[] {{6}}<6 bytes>)",
        '* 2 FETCH (ENVELOPE ("(3 bytes)" "(14 bytes)" NIL) BODY[TEXT] "(6 bytes)")',
        '* 3 fetch (BODY[] "(5 bytes)"',
        "+ (challenge)",
        "+",
        '* LIST () "/" "Entw&APw-rfe"',
        "* OK \\x1b[31mred\\x0d\\xff",
    ]


def test_a_long_response_is_cut() -> None:
    (line,) = traced([b"* SEARCH " + b"1 " * 100_000])
    assert len(line) < 2200
    assert line.endswith(" characters)")
