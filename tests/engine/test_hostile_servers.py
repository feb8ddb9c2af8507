"""Servers that lie, forget, refuse and babble: one clear problem each, and nothing lost.

Every case makes changes on both sides, lets the server misbehave for two passes, and then demands
that three passes against the honest server make both sides the same, with every mail exactly once.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest

from eilbote.engine import act
from eilbote.engine.progress import SyncReport
from eilbote.errors import Problem
from eilbote.mail.mailbox import FLAGGED
from eilbote.testing.imap.behaviour import Behaviour
from tests.engine.world import mail
from tests.faults.embedded import Embedded, LateClock, embedded
from tests.faults.lying import Lie, instead

KINDS = {
    "qresync": Behaviour(),
    "condstore": Behaviour().without("QRESYNC"),
    "neither": Behaviour().without("CONDSTORE", "OBJECTID"),
}
DAY = 86_400.0


def gone(prefix: bytes) -> Lie:
    """Answers that begin so never come."""
    return lambda answer, command: b"" if answer.startswith(prefix) else answer


def also(command: bytes, lines: bytes) -> Lie:
    """More lines before the end of such a command."""

    def lie(answer: bytes, said: bytes) -> bytes:
        return lines + answer if answer.startswith(b"E") and said.startswith(command) else answer

    return lie


def says(command: bytes, words: bytes) -> Lie:
    """The server's last word on such a command, whatever it did."""

    def lie(answer: bytes, said: bytes) -> bytes:
        tag, _, rest = answer.partition(b" ")
        ends = tag.startswith(b"E") and rest.startswith(b"OK") and said.startswith(command)
        return tag + b" " + words + b"\r\n" if ends else answer

    return lie


def unless_inbox(prefix: bytes, change: Callable[[bytes], bytes]) -> Lie:
    def lie(answer: bytes, said: bytes) -> bytes:
        return change(answer) if answer.startswith(prefix) and b"INBOX" not in answer else answer

    return lie


def strange_flags(answer: bytes, said: bytes) -> bytes:
    odd = rb" \\Odd a]b $x&y \\* NIL 123 " + "ä".encode()
    return re.sub(rb" FLAGS \(([^)]*)\)", lambda found: b" FLAGS (" + found[1] + odd + b")", answer)


SEARCH = rb"\* (?:E?SEARCH)[^\r]*\r\n"
FETCHED = (
    b'* 90 FETCH (UID %d FLAGS () INTERNALDATE "01-Jan-2026 00:00:00 +0000" RFC822.SIZE 5'
    b" BODY[] {5}\r\nabcde)\r\n"
)
HOSTILE_NAMES = (
    b'* LIST () "/" "../../etc"\r\n* LIST () "/" "a\x01b"\r\n* LIST () "/" "&AAA-x"\r\n'
    b'* LIST () "/" "&bad"\r\n* LIST () "/" "inbox"\r\n* LIST () "/" "Archiv"\r\n'
    b'* LIST () "/" "ARCHIV"\r\n* LIST () "/" ""\r\n* LIST () "/" "a\x00b"\r\n'
    b'* LIST () "/" {10000}\r\n' + b"y" * 10_000 + b"\r\n"
)
# name -> (lie, codes of the problems that it may raise)
LIES: dict[str, tuple[Lie, set[str]]] = {
    "no mailboxes": (gone(b"* LIST"), {"imap.syntax"}),
    "no inbox": (lambda a, c: b"" if a.startswith(b"* LIST") and b"INBOX" in a else a, set()),
    "only the inbox": (unless_inbox(b"* LIST", lambda answer: b""), set()),
    "nothing selectable": (
        unless_inbox(b"* LIST", lambda answer: answer.replace(b"LIST (", b"LIST (\\Noselect ")),
        set(),
    ),
    "hostile names": (also(b"LIST", HOSTILE_NAMES), {"imap.refused"}),
    "no UIDVALIDITY": (gone(b"* OK [UIDVALIDITY"), set()),
    "UIDVALIDITY 0": (instead(rb"\[UIDVALIDITY \d+", b"[UIDVALIDITY 0"), set()),
    "huge UIDVALIDITY": (instead(rb"\[UIDVALIDITY \d+", b"[UIDVALIDITY 9999999999999999999"), set()),
    "another UIDVALIDITY": (instead(rb"UIDVALIDITY \d+", b"UIDVALIDITY 77"), set()),
    "no UIDNEXT": (gone(b"* OK [UIDNEXT"), set()),
    "low UIDNEXT": (instead(rb"UIDNEXT \d+", b"UIDNEXT 1"), set()),
    "high UIDNEXT": (instead(rb"UIDNEXT \d+", b"UIDNEXT 4294967295"), set()),
    "huge UIDNEXT": (instead(rb"\[UIDNEXT \d+", b"[UIDNEXT 9999999999999999999"), set()),
    "HIGHESTMODSEQ falls": (instead(rb"HIGHESTMODSEQ \d+", b"HIGHESTMODSEQ 1"), set()),
    "HIGHESTMODSEQ 0": (instead(rb"HIGHESTMODSEQ \d+", b"HIGHESTMODSEQ 0"), set()),
    "HIGHESTMODSEQ 2^62": (instead(rb"HIGHESTMODSEQ \d+", b"HIGHESTMODSEQ 4611686018427387904"), set()),
    "HIGHESTMODSEQ 2^63": (instead(rb"HIGHESTMODSEQ \d+", b"HIGHESTMODSEQ 9223372036854775808"), set()),
    "MODSEQ 2^63": (instead(rb"MODSEQ \(\d+\)", b"MODSEQ (9223372036854775809)"), set()),
    "MODSEQ 2^64": (instead(rb"MODSEQ \(\d+\)", b"MODSEQ (18446744073709551615)"), {"sync.no_body"}),
    "all vanished": (also(b"SELECT", b"* VANISHED (EARLIER) 1:4294967295\r\n"), set()),
    "one vanished": (also(b"SELECT", b"* VANISHED (EARLIER) 1\r\n"), set()),
    "EXISTS 0": (instead(rb"\* \d+ EXISTS", b"* 0 EXISTS"), set()),
    "EXISTS too many": (instead(rb"\* \d+ EXISTS", b"* 4000000000 EXISTS"), set()),
    "EXISTS too few": (instead(rb"\* \d+ EXISTS", b"* 3 EXISTS"), set()),
    "SEARCH out of range": (instead(SEARCH, b"* SEARCH 4294967296 5 1 1 3\r\n"), {"imap.syntax"}),
    "SEARCH of others": (instead(SEARCH, b"* SEARCH 9 4000000000 2 2 1\r\n"), {"sync.no_body"}),
    "SEARCH empty": (instead(SEARCH, b"* SEARCH\r\n"), set()),
    "SEARCH silent": (instead(SEARCH, b""), set()),
    "FETCH not asked for": (also(b"UID FETCH", FETCHED % 900), set()),
    "FETCH twice with other bytes": (also(b"UID FETCH", FETCHED % 6), set()),
    "sizes wrong": (instead(rb"RFC822.SIZE \d+", b"RFC822.SIZE 3"), set()),
    "sizes huge": (instead(rb"RFC822.SIZE \d+", b"RFC822.SIZE 9223372036854775808"), {"sync.no_body"}),
    "dates garbage": (
        instead(rb'INTERNALDATE "[^"]*"', b'INTERNALDATE "99-Foo-9999 99:99:99 +9999"'),
        set(),
    ),
    "dates far off": (
        instead(rb'INTERNALDATE "[^"]*"', b'INTERNALDATE "31-Dec-9999 23:59:59 -1200"'),
        set(),
    ),
    "garbage after login": (also(b"LIST", b"\xff\xfe\x00garbage\r\n"), {"imap.syntax"}),
    "endless line": (also(b"LIST", b"* LIST " + b"x" * 3_000_000), {"imap.line_too_long"}),
    "huge literal": (
        also(b"UID FETCH", b"* 1 FETCH (UID 6 BODY[] {4294967295}\r\n" + b"x" * 500_000),
        {"imap.literal_too_long"},
    ),
    "deep nesting": (also(b"UID FETCH", b"* 1 FETCH " + b"(" * 5000 + b"\r\n"), set()),
    "flood": (also(b"LIST", b"* 1 EXPUNGE\r\n" * 20_000), {"imap.flood"}),
    "bye in a fetch": (also(b"UID FETCH", b"* BYE [UNAVAILABLE] no\r\n"), {"imap.bye"}),
    "foreign tags": (instead(rb"^E(\d+) OK", b"E99999 OK"), {"imap.unknown_tag"}),
    "go ahead": (also(b"LIST", b"+ go ahead\r\n"), {"imap.unexpected_continuation"}),
    "latin letters": (instead(rb"^(E\d+ OK)[^\r]*", b"\\1 \xe4\xf6\xfc"), set()),
    "COPYUID too long": (
        instead(rb"COPYUID \d+ \S+ \S+\]", b"COPYUID 1 1:4294967295 5]"),
        {"imap.syntax"},
    ),
    "COPYUID of another mail": (instead(rb"COPYUID (\d+) \S+ \S+\]", rb"COPYUID \1 700 1]"), set()),
    "COPYUID out of range": (
        instead(rb"COPYUID (\d+) (\S+) \S+\]", rb"COPYUID \1 \2 99999999999]"),
        {"imap.syntax"},
    ),
    "APPENDUID of another mail": (instead(rb"APPENDUID (\d+) \d+\]", rb"APPENDUID \1 1]"), set()),
    "APPENDUID 0": (instead(rb"APPENDUID (\d+) \d+\]", rb"APPENDUID \1 0]"), set()),
}
REFUSALS = {
    f"{command.decode()}: {words.decode()}": (says(command, words), {"imap.refused"})
    for commands, answers in (
        (
            (b"LIST", b"SELECT", b"UID FETCH", b"UID SEARCH", b"UID STORE", b"UID MOVE", b"APPEND"),
            (b"NO [UNAVAILABLE] later", b"NO [INUSE] later", b"NO [SERVERBUG] oh", b"NO [LIMIT] slow"),
        ),
        ((b"LIST", b"SELECT", b"UID FETCH", b"UID SEARCH"), (b"NO no", b"BAD what", b"NO [OVERQUOTA] full")),
    )
    for command in commands
    for words in answers
}
TRIALS = [(name, kind) for name in LIES for kind in KINDS] + [(name, "qresync") for name in REFUSALS]


@pytest.mark.parametrize(("name", "kind"), TRIALS, ids=[" on ".join(one) for one in TRIALS])
async def test_a_lie_costs_no_mail(name: str, kind: str, tmp_path: Path) -> None:
    lie, codes = (LIES | REFUSALS)[name]
    clock = LateClock()
    async with embedded(tmp_path / "home", KINDS[kind], lying=True, clock=clock) as here:
        await change_both_sides(here)
        here.lie(lie)
        for _ in range(2):
            report = await here.sync()
            assert {problem.code for problem in problems(report)} <= codes, report
        assert_everything_here_or_there(here)
        here.lie()
        clock.ahead = 2 * DAY  # what was put aside is tried again
        await here.sync()
        await here.sync()
        report = await here.sync()
        assert not problems(report)
        assert (report.new, report.changed, report.deleted, report.pushed) == (0, 0, 0, 0)
        assert all(one.ok for one in await here.verify())
        for box in ("INBOX", "Archiv"):
            assert here.held(box) == here.there(box)
        assert not here.app.store.journal.open_debts(here.account.id)
        assert here.inbox.messages[2].flags == {"wort"}
        assert numbers_there(here) == Counter(EXPECTED)


EXPECTED = (0, 1, 3, 4, 6, 50, 51, 52, 60, 70)


async def change_both_sides(here: Embedded) -> None:
    """Two mailboxes in step, then on each side news, a flag, and something that goes."""
    archive = here.server.store.create("Archiv")
    for number in range(5):
        here.inbox.append(mail(number))
    for number in range(50, 53):
        archive.append(mail(number))
    assert not problems(await here.sync())
    here.inbox.append(mail(6))
    archive.append(mail(60))
    here.inbox.set_flags(1, [FLAGGED])
    here.inbox.expunge([3])
    ids = here.ids()
    act.change_flags(here.app, [ids[2]], add=["wort"])
    act.move(here.app, [ids[4]], "Archiv")
    act.append(here.app, here.account, "Archiv", mail(70))


def problems(report: SyncReport) -> list[Problem]:
    return [problem for _, problem in report.problems] + ([report.failed] if report.failed else [])


def numbers_there(here: Embedded) -> Counter[int]:
    return Counter(
        int(re.search(rb"<m(\d+)@", message.raw)[1])  # type: ignore[index]
        for box in here.server.store.mailboxes.values()
        for message in box.messages.values()
    )


def assert_everything_here_or_there(here: Embedded) -> None:
    """While it lies, no mail is lost: each is on the server, or still here."""
    held = {raw for box in ("INBOX", "Archiv") for raw in here.held(box).values()}
    there = {message.raw for box in here.server.store.mailboxes.values() for message in box.messages.values()}
    assert {mail(number) for number in EXPECTED} <= held | there


async def test_what_a_server_wants_people_to_see_is_told_once(tmp_path: Path) -> None:
    """ALERT, RFC 9051 section 7.1."""
    async with embedded(tmp_path / "home", lying=True) as here:
        here.inbox.append(mail(1))
        here.lie(lambda answer, command: b"* OK [ALERT] Ihr Postfach ist fast voll.\r\n" + answer)
        assert (await here.sync()).alerts == ("Ihr Postfach ist fast voll.",)
        here.lie()
        assert (await here.sync()).alerts == ()
