"""Search over the store, on both databases: what is asked for is found, and nothing else."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from eilbote.errors import Misused
from eilbote.mail.mailbox import ANSWERED, FLAGGED, SEEN
from eilbote.search.parse import parse_query
from eilbote.search.values import All, Dated, Document, Words
from eilbote.store import Store
from eilbote.store.search import Covered, Search
from tests.store.given import NOW, Home, arrival

ASKED_AT = datetime.fromtimestamp(NOW, UTC)


class Indexed:
    """A home whose mails are put into the index by hand."""

    def __init__(self, home: Home, search: Search) -> None:
        self.home = home
        self.search = search

    def mail(
        self,
        number: int,
        *,
        flags: tuple[str, ...] = (),
        mailbox: int | None = None,
        date: float | None = None,
        size: int = 100,
        attachments: int = 0,
        **text: str,
    ) -> int:
        """Stores mail `number` and puts it in the index with this text; returns its id."""
        when = NOW + number if date is None else date
        (made,) = self.home.arrive(arrival(number, flags=flags, date=when), mailbox=mailbox).ids
        document = Document(made, self.home.account, int(when), size, attachments, **text)
        self.search.add([document], Covered(made, made))
        return made

    def find(self, query: str, **how: int) -> list[int]:
        return self.search.find(parse_query(query, ASKED_AT), **how)


@pytest.fixture
def search(store: Store) -> Iterator[Search]:
    opened = Search(store.database, store.home)
    yield opened
    opened.close()


@pytest.fixture
def indexed(home: Home, search: Search) -> Indexed:
    return Indexed(home, search)


def test_words_are_found_wherever_they_stand(indexed: Indexed) -> None:
    ids = [
        indexed.mail(1, subject="Rechnung"),
        indexed.mail(2, body="die Rechnung bitte"),
        indexed.mail(3, file="Rechnung.pdf"),
        indexed.mail(4, sender="Rechnung"),
    ]
    other = indexed.mail(9, body="Mahnung")
    assert indexed.find("rechnung") == ids[::-1]
    assert indexed.find("mahnung") == [other]
    assert indexed.find("nichts") == []


@pytest.mark.parametrize(
    ("stored", "asked", "found"),
    [
        ("Grüße aus München", "GRÜSSE", True),
        ("Grüße aus München", "gruesse", True),
        ("Grüße aus München", "munchen", True),
        ("Gruesse aus Muenchen", "Grüße München", True),
        ("Straße", "strasse", True),
        ("Strasse", "Straße", True),
        ("ﬁnal ＡＢＣ", "final abc", True),
        ("Łukasz", "lukasz", True),
        ("Mu\u0308ller", "Müller", True),
        ("Rechnungsnummer", "rech*", True),
        ("Rechnungsnummer", "rechnung", False),
        ("die neue Adresse", '"neue adresse"', True),
        ("die neue, alte Adresse", '"neue adresse"', False),
        ("neue Adressen", '"neue adr"*', True),
        ("E-Mail vom 23.11.2026", "e-mail 23.11.2026", True),
        ("Mail E", "e-mail", False),
        ("eins zwei", "eins -drei", True),
        ("eins zwei", "eins -zwei", False),
        ("eins zwei", "-drei", True),
        ("eins zwei", "-eins", False),
        ("eins zwei", "(drei OR zwei) eins", True),
        ("eins zwei", "drei OR (eins -zwei)", False),
        ("eins zwei", "drei OR -vier", True),
        ("eins zwei", "-(eins drei)", True),
        ("it's \"quoted\" \\ text", "it's", True),
        ("Привет мир", "ПРИВЕТ", True),
    ],
)  # fmt: skip
def test_spellings_phrases_and_logic(indexed: Indexed, stored: str, asked: str, found: bool) -> None:
    made = indexed.mail(1, body=stored)
    assert indexed.find(asked) == ([made] if found else [])


def test_fields_are_asked_one_by_one(indexed: Indexed) -> None:
    made = indexed.mail(
        1,
        subject="Angebot neu",
        sender="Anna Groß anna@example.org",
        recipient="Kim kim@example.de",
        copied="Max max@example.net",
        body="Hallo zusammen",
        file="Plan.pdf",
    )
    people = ["from:anna", "from:anna@example.org", "von:gross", "to:kim", "to:max", "cc:max"]
    for query in (*people, 'subject:"angebot neu"', "subject:ang*", "file:plan.pdf", "text:hallo"):
        assert indexed.find(query) == [made], query
    for query in (
        "from:kim",
        "to:anna",
        "cc:kim",
        "subject:hallo",
        "file:angebot",
        '"neu anna"',
        '"neu kim"',
    ):
        assert indexed.find(query) == [], query


def test_size_date_and_attachments(indexed: Indexed) -> None:
    small = indexed.mail(1, date=NOW - 10 * 86_400, size=1000, body="brief")
    large = indexed.mail(2, date=NOW - 86_400, size=6 * 2**20, attachments=1, body="brief")
    assert indexed.find("larger:5M") == [large]
    assert indexed.find("kleiner:5M brief") == [small]
    assert indexed.find("has:attachment") == [large]
    assert indexed.find("-has:attachment brief") == [small]
    assert indexed.find("after:7d") == [large]
    assert indexed.find("before:7d brief") == [small]
    assert indexed.find("after:11d before:7d") == [small]
    assert indexed.find("larger:5M OR before:7d") == [large, small]


def test_marks_and_mailboxes_are_asked_of_the_same_place(indexed: Indexed) -> None:
    read = indexed.mail(1, flags=(SEEN,), body="brief")
    unread = indexed.mail(2, flags=(FLAGGED,), body="brief", mailbox=indexed.home.archive)
    both = indexed.mail(3, flags=(SEEN, ANSWERED, "$Seen"), body="brief", mailbox=indexed.home.archive)
    assert indexed.find("is:unread") == [unread]
    assert indexed.find("brief is:read") == [both, read]
    assert indexed.find("in:archiv is:read") == [both]
    assert indexed.find("in:inbox brief") == [read]
    assert indexed.find("in:archive -is:answered") == [unread]
    assert indexed.find("is:flagged OR is:answered") == [both, unread]
    assert indexed.find("-in:archiv") == [read]
    assert indexed.find("in:nirgends") == []


def test_what_lies_nowhere_is_not_found_until_it_is_back(indexed: Indexed) -> None:
    made = indexed.mail(1, body="brief")
    indexed.home.remove("1")
    assert indexed.find("brief") == []
    indexed.home.arrive(arrival(7, number=1))
    assert indexed.find("brief") == [made]


def test_the_newest_come_first_page_by_page(indexed: Indexed) -> None:
    dates = [NOW - 5, NOW, NOW - 9, NOW, NOW - 5, NOW - 5, -1.0, 1e300]
    dates[7] = NOW + 2
    ids = [indexed.mail(number, date=date, body="brief") for number, date in enumerate(dates, 1)]
    order = sorted(range(len(ids)), key=lambda at: (dates[at], ids[at]), reverse=True)
    expected = [ids[at] for at in order]
    assert indexed.find("brief") == expected
    assert indexed.find("brief", limit=3) == expected[:3]
    assert indexed.find("brief", limit=3, offset=3) == expected[3:6]
    assert indexed.find("-other", limit=2) == expected[:2]


@pytest.mark.parametrize("newest_first", [False, True])
def test_an_import_of_many_mails_a_second_stays_in_order(indexed: Indexed, newest_first: bool) -> None:
    dates = [NOW + number // 40 for number in range(400)]
    ids = list(indexed.home.arrive(*(arrival(uid, date=date) for uid, date in enumerate(dates, 1))).ids)
    documents = [
        Document(made, indexed.home.account, int(date), 1, 0, body="brief")
        for made, date in zip(ids, dates, strict=True)
    ]
    parts = [documents[start : start + 100] for start in range(0, 400, 100)]
    for part in parts[::-1] if newest_first else parts:
        indexed.search.add(part, Covered(ids[-1], 1))
    found = indexed.find("brief", limit=400)
    assert [dates[ids.index(one)] for one in found] == sorted(dates, reverse=True)
    older, newer = int(NOW) + 3, int(NOW) + 7
    tree = All((Words("brief"), Dated(since=older, until=newer)))
    assert len(indexed.search.find(tree, limit=400)) == 160


def test_another_account_is_left_out(indexed: Indexed) -> None:
    made = indexed.mail(1, body="brief")
    assert indexed.find("brief", account=indexed.home.account) == [made]
    assert indexed.find("brief", account=indexed.home.account + 1) == []
    assert indexed.find("-x", account=indexed.home.account + 1) == []


def test_putting_in_again_replaces(indexed: Indexed) -> None:
    made = indexed.mail(1, body="alt")
    document = Document(made, indexed.home.account, int(NOW), 1, 0, body="neu")
    indexed.search.add([document], Covered(made, 99))
    indexed.search.add([document], Covered(made, 99))
    assert (indexed.find("alt"), indexed.find("neu")) == ([], [made])
    assert indexed.search.covered() == Covered(made, 99)


def test_a_message_that_is_gone_meanwhile_is_not_put_in(indexed: Indexed) -> None:
    indexed.search.add([Document(4711, 1, 1, 1, 0, body="spuk")], Covered(4711, 1))
    assert indexed.search.covered() == Covered(4711, 1)
    assert indexed.find("spuk") == []


def test_pending_names_what_is_not_covered_and_what_was_replaced(home: Home, search: Search) -> None:
    ids = home.arrive(*(arrival(uid) for uid in (1, 2, 3))).ids
    first, reached = search.pending(search.covered(), 2)
    assert [one.message for one in first] == list(ids[:2])
    assert first[0].envelope.subject == "Brief 1"
    rest, reached = search.pending(reached, 2)
    assert [one.message for one in rest] == [ids[2]]
    assert search.behind(reached) == 0
    home.arrive(arrival(2, raw=b"Subject: other\r\n\r\nother\r\n"))
    assert search.behind(reached) > 0
    again, reached = search.pending(reached, 2)
    assert [one.message for one in again] == [ids[1]]
    assert search.pending(reached, 2)[0] == []


def test_the_index_is_the_same_after_opening_it_again(indexed: Indexed, store: Store) -> None:
    made = indexed.mail(1, body="brief")
    again = Search(store.database, store.home)
    assert again.find(parse_query("brief", ASKED_AT)) == [made]
    assert again.covered() == indexed.search.covered()
    again.clear()
    assert again.covered() == Covered()
    assert indexed.find("brief") == []
    again.close()


def test_what_is_forgotten_leaves_no_trace_in_the_files(indexed: Indexed, url: str | None) -> None:
    kept = indexed.mail(1, body="bleibt")
    gone = indexed.mail(2, body="geheimnisvoll xylophon", subject="Xylophonist")
    indexed.search.forget([gone, 999])
    assert indexed.find("xylophon*") == []
    assert indexed.find("bleibt") == [kept]
    if url is None:
        files = [path.read_bytes() for path in indexed.home.store.home.glob("search.sqlite*")]
        assert files
        assert any(b"bleibt" in content for content in files)
        assert not any(b"xylophon" in content for content in files)


def test_the_oracle_agrees_on_random_mails_and_queries(indexed: Indexed) -> None:
    chance = random.Random(7)
    vocabulary = ["eins", "zwei", "drei", "vier", "fünf", "sechs"]
    mails = {}
    for number in range(1, 60):
        said = chance.choices(vocabulary, k=chance.randrange(1, 5))
        flags = (SEEN,) if chance.random() < 0.5 else ()
        date = NOW + chance.randrange(20)
        mails[indexed.mail(number, body=" ".join(said), flags=flags, date=date)] = (said, flags, date)
    order = sorted(mails, key=lambda one: (mails[one][2], one), reverse=True)
    asked: dict[str, Callable[[list[str], tuple[str, ...]], bool]] = {
        "eins zwei": lambda said, flags: {"eins", "zwei"} <= set(said),
        "eins OR zwei": lambda said, flags: "eins" in said or "zwei" in said,
        "fünf -drei": lambda said, flags: "fünf" in said and "drei" not in said,
        "-eins -zwei": lambda said, flags: not {"eins", "zwei"} & set(said),
        "eins OR is:unread": lambda said, flags: "eins" in said or not flags,
        "(eins OR -is:read) -vier": lambda said, flags: ("eins" in said or not flags) and "vier" not in said,
        "s*": lambda said, flags: "sechs" in said,
        '"eins zwei"': lambda said, flags: "eins zwei" in " ".join(said),
    }
    for query, matches in asked.items():
        expected = [one for one in order if matches(*mails[one][:2])]
        assert set(indexed.find(query, limit=100)) == set(expected), query
        found_dates = [mails[one][2] for one in indexed.find(query, limit=100)]
        assert found_dates == sorted(found_dates, reverse=True), query


@pytest.mark.parametrize("damage", [b"no database at all", b"SQLite format 3\x00" + b"\xff" * 5000])
def test_a_damaged_index_is_begun_anew(tmp_path: Path, damage: bytes) -> None:
    with Store.open(tmp_path / "home") as store:
        (store.home / "search.sqlite").write_bytes(damage)
        search = Search(store.database, store.home)
        assert search.covered() == Covered()
        search.close()


@pytest.mark.parametrize(
    "query",
    ['"', "*", "😀", '"*"', "-*", "' '", "\\", "a & b", "a | !b", "<->", ":*", "a:b*", "''", "subject:*"],
)
def test_signs_are_no_words_and_break_no_query(indexed: Indexed, query: str) -> None:
    try:
        tree = parse_query(query, ASKED_AT)
    except Misused:
        return  # said to be no query, by name
    assert isinstance(indexed.search.find(tree), list)
