"""The four mbox dialects: written and read again, in pieces of any size, and what is broken in them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from eilbote.mail.mailbox import Flags
from eilbote.mail.mbox import SAMPLE_BYTES, Dialect, is_exact, recognise, write_mail
from eilbote.mail.mbox_flags import split_flags, with_flags
from eilbote.mail.mbox_reading import Gap, MboxGap, MboxMail, read_mbox

DATE = 1_795_464_820.0
LINES = st.sampled_from(
    [
        b"From anna@example.org Mon Nov 23 19:53:40 2026\n",
        b"From ",
        b"From me to you\n",
        b">From x\n",
        b">>From y\r\n",
        b"\nFrom \n",
        b"From - \r\n",
        b"\n",
        b"\r\n",
        b"\r",
        b"Content-Length: 5\n",
        b"content-length: 0\r\n",
        b"Content-Length: 99999999999999999999\n",
        b"Status: RO\n",
        b"X-Status: E\n",
        b"Subject: a\r\n",
        b"text",
        b"\x00",
        b"\xff",
    ]
)
RAW = st.lists(LINES, max_size=9).map(b"".join)
FLAGS: st.SearchStrategy[Flags] = st.frozensets(
    st.sampled_from(
        ["\\Seen", "\\Answered", "\\Flagged", "\\Draft", "\\Deleted", "$Forwarded", "wichtig", "ä"]
    )
)
DIALECTS = st.sampled_from(list(Dialect))


def read(data: bytes, dialect: Dialect, size: int = 1 << 20, **limits: int) -> list[MboxMail | MboxGap]:
    return list(read_mbox((data[at : at + size] for at in range(0, len(data), size)), dialect, **limits))


def raws(found: Iterable[MboxMail | MboxGap]) -> list[bytes]:
    return [one.raw for one in found if isinstance(one, MboxMail)]


@settings(max_examples=600, deadline=None)
@given(
    mails=st.lists(RAW, min_size=1, max_size=4), dialect=DIALECTS, size=st.sampled_from([1, 2, 7, 64, 4096])
)
def test_what_is_written_is_read_again(mails: list[bytes], dialect: Dialect, size: int) -> None:
    data = b"".join(write_mail(raw, "a@b", DATE + at, dialect) for at, raw in enumerate(mails))
    found = read(data, dialect, size)
    assert found == read(data, dialect), "the pieces make no difference"
    if all(is_exact(raw, dialect) for raw in mails):
        assert raws(found) == mails
        assert [one.date for one in found if isinstance(one, MboxMail)] == [
            DATE + at for at in range(len(mails))
        ]


@settings(max_examples=250, deadline=None)
@given(raw=RAW, flags=FLAGS)
def test_flags_are_kept_and_the_mail_stays_the_same(raw: bytes, flags: Flags) -> None:
    assert split_flags(with_flags(raw, flags)) == (raw, flags)
    (back,) = read(write_mail(with_flags(raw, flags), "", DATE, Dialect.MBOXRD), Dialect.MBOXRD)
    assert isinstance(back, MboxMail)
    assert split_flags(back.raw) == (raw, flags), "in mboxrd every mail comes back, unended ones too"


@settings(max_examples=250, deadline=None)
@given(data=RAW, dialect=DIALECTS, size=st.sampled_from([1, 3, 4096]), largest=st.integers(0, 40))
def test_any_bytes_are_read_without_an_error(data: bytes, dialect: Dialect, size: int, largest: int) -> None:
    found = read(data, dialect, size, largest=largest)
    assert all(len(raw) <= largest for raw in raws(found))
    places = [one.offset for one in found]
    assert places == sorted(places)
    recognise(data)


@pytest.mark.parametrize(
    ("dialect", "written"),
    [
        (Dialect.MBOXO, b"\n>From the start\n>From x\n"),
        (Dialect.MBOXRD, b"\n>From the start\n>>From x\n"),
        (Dialect.MBOXCL, b"Content-Length: 24\n\n>From the start\n>From x\n"),
        (Dialect.MBOXCL2, b"Content-Length: 23\n\nFrom the start\n>From x\n"),
    ],
)
def test_each_dialect_as_it_stands_in_the_file(dialect: Dialect, written: bytes) -> None:
    raw = b"A: b\n\nFrom the start\n>From x\n"
    entry = write_mail(raw, "anna@example.org", DATE, dialect)
    assert entry == b"From anna@example.org Mon Nov 23 20:13:40 2026\nA: b\n" + written + b"\n"
    assert is_exact(raw, dialect) is (dialect in (Dialect.MBOXRD, Dialect.MBOXCL2))


@pytest.mark.parametrize("dialect", [Dialect.MBOXRD, Dialect.MBOXCL, Dialect.MBOXCL2])
def test_a_dialect_is_recognised(dialect: Dialect) -> None:
    mails = [b"A: b\r\n\r\nFrom here on\r\n" + b"x" * at for at in range(50)]
    data = b"".join(write_mail(raw, "a@b", DATE, dialect) for raw in mails)
    assert recognise(data) is dialect
    assert recognise(data[: len(data) // 2]) is dialect


def test_a_length_in_one_mail_of_an_mboxrd_file_makes_it_no_mboxcl() -> None:
    data = b"From a Mon Nov 23 19:53:40 2026\nContent-Length: 3\n\nthis is longer\n\n"
    assert recognise(data) is Dialect.MBOXRD
    assert recognise(b"") is Dialect.MBOXRD
    assert len(data) < SAMPLE_BYTES


@pytest.mark.parametrize("length", [b"0", b"3", b"400", b"99999999", b"123456789012345678"])
def test_a_wrong_length_is_found_out(length: bytes) -> None:
    entry = b"From a Mon Nov 23 19:53:40 2026\nContent-Length: " + length + b"\n\nline one\nline two\n\n"
    found = read(entry * 2, Dialect.MBOXCL2)
    assert [isinstance(one, MboxMail) and one.misled for one in found] == [True, True]
    assert raws(found) == [b"Content-Length: " + length + b"\n\nline one\nline two\n"] * 2


@pytest.mark.parametrize(
    "line",
    [
        b"From anna@example.org Mon Nov 23 19:53:40 2026",
        b"From anna@example.org  Mon Nov 23 19:53:40 2026\r",
        b"From anna@example.org Mon Nov 23 20:53:40 +0100 2026",  # Gmail's export
        b"From anna@example.org Mon, 23 Nov 2026 20:53:40 +0100",
        b"From anna@example.org Mon Nov 23 14:53:40 EST 2026",
        b"From anna@example.org Mon Nov 23 19:53:40 2026 remote from mailhost",
    ],
)
def test_separators_as_programs_write_them(line: bytes) -> None:
    data = b"From x Mon Nov 23 00:00:00 2026\n\na\n\n" + line + b"\nSubject: b\n\nb\n\n"
    _, second = read(data, Dialect.MBOXRD)
    assert isinstance(second, MboxMail)
    assert second.date == 1_795_463_620.0
    assert second.sender == "anna@example.org"
    assert second.raw == b"Subject: b\n\nb\n"


@pytest.mark.parametrize("line", [b"From ", b"From -", b"From - "])
def test_bare_separators_need_a_blank_line(line: bytes) -> None:
    data = b"From x Mon Nov 23 00:00:00 2026\n\na\n%s" + line + b"\nSubject: b\n\n"
    assert len(read(data % b"\n", Dialect.MBOXRD)) == 2
    assert len(read(data % b"", Dialect.MBOXRD)) == 1


@pytest.mark.parametrize(
    "line", [b"From here on it gets better", b"From Monday 12:00 on", b"from a Mon Nov 23 19:53:40 2026"]
)
def test_text_that_nobody_quoted_parts_no_mail(line: bytes) -> None:
    data = b"From x Mon Nov 23 00:00:00 2026\n\na\n\n" + line + b"\nb\n\n"
    assert raws(read(data, Dialect.MBOXRD)) == [b"\na\n\n" + line + b"\nb\n"]


def test_a_file_without_a_from_line_is_named_and_the_rest_read() -> None:
    junk = b"\xef\xbb\xbfSubject: no separator\n\ntext\n"
    assert read(junk, Dialect.MBOXRD) == [MboxGap(Gap.NO_FROM_LINE, 3, len(junk) - 3)]
    gap, mail = read(junk + b"\n" + write_mail(b"A: b\n\n", "", DATE, Dialect.MBOXRD), Dialect.MBOXRD)
    assert gap == MboxGap(Gap.NO_FROM_LINE, 3, len(junk) - 2)
    assert isinstance(mail, MboxMail) and mail.raw == b"A: b\n\n"
    assert read(b"", Dialect.MBOXRD) == []


def endless(total: int) -> Iterator[bytes]:
    """One line without an end, between two good mails."""
    small = write_mail(b"A: b\n\nsmall\n", "", DATE, Dialect.MBOXRD)
    yield small + b"From x Mon Nov 23 00:00:00 2026\n"
    for _ in range(total >> 20):
        yield b"x" * (1 << 20)
    yield b"\n\n" + small


@pytest.mark.parametrize("dialect", list(Dialect))
def test_a_mail_too_large_costs_no_memory_and_no_other_mail(dialect: Dialect) -> None:
    first, gap, last = read_mbox(endless(64 << 20), dialect, largest=2 << 20)
    assert raws([first, last]) == [b"A: b\n\nsmall\n"] * 2
    assert isinstance(gap, MboxGap)
    assert gap.reason is Gap.TOO_LARGE
    assert gap.size > 64 << 20


def test_flags_of_other_programs_are_read_and_the_mail_stays_whole() -> None:
    mail = b"Subject: a\nStatus: RO\nX-Status: AF\nX-Keywords: wichtig $Forwarded   \n\ntext\nStatus: O\n"
    assert split_flags(mail) == (
        mail,
        frozenset({"\\Seen", "\\Answered", "\\Flagged", "wichtig", "$Forwarded"}),
    )
    mozilla = b"X-Mozilla-Status: 1005\nX-Mozilla-Keys: $label1 privat    \nSubject: b\n\n"
    assert split_flags(mozilla)[1] == frozenset({"\\Seen", "\\Flagged", "$Forwarded", "$label1", "privat"})
    assert split_flags(b"X-Mozilla-Status: zzzz\n\n") == (b"X-Mozilla-Status: zzzz\n\n", frozenset())
