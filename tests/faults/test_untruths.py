"""F13: what a server tells of numbers, mod-sequences and mails is not so, at four points of the story.
While it lies nothing is removed that it has; when it is honest again both sides come to the same.
A seed is untruth, point and server.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from itertools import count, product
from pathlib import Path

import pytest

from tests.faults.lying import Lie, before, instead
from tests.faults.outcome import KINDS
from tests.faults.replay import replayable, trials
from tests.faults.told import Told, told

_ANSWER = b"E"
_MODSEQ = re.compile(rb"HIGHESTMODSEQ \d+")
_EVERYTHING = b"* VANISHED %b1:4294967295\r\n"


def uidnext_falls(here: Told) -> None:
    here.here.lie(instead(rb"UIDNEXT \d+", b"UIDNEXT 2"))


def uidnext_missing(here: Told) -> None:
    here.here.server.faults.uidnext_untold = True


def uidnext_far_ahead(here: Told) -> None:
    here.here.lie(instead(rb"UIDNEXT \d+", b"UIDNEXT 4294967295"))


def modseq_starts_anew(here: Told) -> None:
    """The server lost its mod-sequences and counts from one again; it stays so."""
    for box in here.here.server.store.mailboxes.values():
        box.highestmodseq = 1
        box.forget_vanished()
        for message in box.messages.values():
            message.modseq = 1


def nomodseq_appears(here: Told) -> None:
    for box in here.here.server.store.mailboxes.values():
        box.no_modseq = True


def modseq_jumps(here: Told) -> None:
    here.here.lie(instead(rb"HIGHESTMODSEQ \d+", b"HIGHESTMODSEQ %d" % (1 << 62)))


def modseq_beyond_63_bits(here: Told) -> None:
    here.here.lie(instead(rb"HIGHESTMODSEQ \d+", b"HIGHESTMODSEQ %d" % (1 << 63)))


def everything_vanished_earlier(here: Told) -> None:
    here.here.lie(before(_ANSWER, _EVERYTHING % b"(EARLIER) ", command=b"SELECT"))


def everything_vanished_unasked(here: Told) -> None:
    here.here.lie(before(_ANSWER, _EVERYTHING % b"", command=b"UID"))


def fetch_omits(here: Told) -> None:
    # Not 6, whose flags change: what an answer to CHANGEDSINCE omits cannot be told from what has not
    # changed. The next change of that mail shows it, or `verify` (docs/faults.md).
    here.here.server.faults.fetch_omits = {2, 12, 34}


def fetch_without_uid(here: Told) -> None:
    here.here.server.faults.fetch_without_uid = {3, 8, 12, 34}


def fetch_without_body(here: Told) -> None:
    here.here.server.faults.fetch_without_body = {3, 8, 12, 34}


def visible_late(here: Told) -> None:
    """Some mails are counted, and shown only later than others after them."""
    here.here.inbox.hidden = {10, 34}


def exists_without_mail(here: Told) -> None:
    here.here.lie(instead(rb"\* (\d+) EXISTS", rb"* 9\1 EXISTS"))


def exists_too_few(here: Told) -> None:
    here.here.lie(instead(rb"\* \d+ EXISTS", b"* 1 EXISTS"))


def exists_nothing(here: Told) -> None:
    here.here.lie(instead(rb"\* \d+ EXISTS", b"* 0 EXISTS"))


def status_counts_wrong(here: Told) -> None:
    here.here.lie(instead(rb"MESSAGES \d+", b"MESSAGES 7"))


def search_omits(here: Told) -> None:
    """Each search lacks all but the first it found."""

    def lie(answer: bytes, command: bytes) -> bytes:
        return re.sub(rb"( ALL \d+)[\d,:]+|(\* SEARCH \d+)[\d ]+", rb"\1\2", answer)

    here.here.lie(lie)


def flags_of_strangers(here: Told) -> None:
    here.here.lie(before(_ANSWER, b"* 5 FETCH (UID 4000 FLAGS (\\Seen))\r\n", command=b"SELECT"))


def expunges_unasked(here: Told) -> None:
    """Numbers of messages that went, in the middle of other answers, of none that did."""
    numbers = count(1)

    def lie(answer: bytes, command: bytes) -> bytes:
        wanted = command.startswith(b"UID FETCH") and answer.startswith(b"E")
        return b"* %d EXPUNGE\r\n" % (next(numbers) % 3 + 1) + answer if wanted else answer

    here.here.lie(lie)


UNTRUTHS: dict[str, Callable[[Told], None]] = {
    made.__name__: made
    for made in (
        uidnext_falls,
        uidnext_missing,
        uidnext_far_ahead,
        modseq_starts_anew,
        nomodseq_appears,
        modseq_jumps,
        modseq_beyond_63_bits,
        everything_vanished_earlier,
        everything_vanished_unasked,
        fetch_omits,
        fetch_without_uid,
        fetch_without_body,
        visible_late,
        exists_without_mail,
        exists_too_few,
        exists_nothing,
        status_counts_wrong,
        search_omits,
        flags_of_strangers,
        expunges_unasked,
    )
}
POINTS = ("first sync", "nothing new", "news", "news, and still there at the next")
CASES = list(product(POINTS, KINDS))


def honest(here: Told) -> None:
    """Whatever the server did, it does no longer; what it lost stays lost."""
    here.here.lie()
    faults = here.here.server.faults
    faults.uidnext_untold = False
    faults.fetch_omits, faults.fetch_without_uid, faults.fetch_without_body = set(), set(), set()
    for box in here.here.server.store.mailboxes.values():
        box.hidden, box.no_modseq = set(), False


@pytest.mark.timeout(900)
@pytest.mark.parametrize("untruth", list(UNTRUTHS))
async def test_a_server_that_tells_untruths(untruth: str, tmp_path: Path) -> None:
    turn = list(UNTRUTHS).index(untruth)
    for seed in trials(range(len(CASES)), [turn * 5 % len(CASES)]):
        point, server = CASES[seed]
        with replayable(seed):
            async with told(tmp_path / str(seed), KINDS[server]) as here:
                here.lay_out()
                if point != "first sync":
                    assert (await here.disturbed()).new == 35
                if point.startswith("news"):
                    here.happen()
                UNTRUTHS[untruth](here)
                here.denies = untruth == "exists_nothing"
                await here.disturbed()
                if point.endswith("next"):
                    await here.disturbed()
                here.denies = False
                honest(here)
                if not here.told:
                    await here.recover()
                    here.happen()
                await here.recover()


def _falls_back(answer: bytes, command: bytes) -> bytes:
    return _MODSEQ.sub(b"HIGHESTMODSEQ 3", answer)


@pytest.mark.parametrize("lie", [_falls_back, instead(rb"\[HIGHESTMODSEQ \d+\]", b"[NOMODSEQ]")])
async def test_a_flag_changed_while_the_mod_sequence_told_nothing(lie: Lie, tmp_path: Path) -> None:
    """The change lies below the mod-sequence that is told afterwards; it is seen nevertheless."""
    async with told(tmp_path / "home", KINDS["qresync"]) as here:
        here.lay_out()
        await here.disturbed()
        here.here.lie(lie)
        here.happen()
        await here.disturbed()
        here.here.lie()
        await here.recover()
