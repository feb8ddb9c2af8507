"""Modes: every switch between them there and back loses nothing, on Dovecot and on both stores."""

from __future__ import annotations

import imaplib
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from email.message import EmailMessage
from itertools import permutations
from pathlib import Path

import pytest

from eilbote.engine import act, read
from eilbote.engine.setup import set_keep
from eilbote.errors import Gone, Misused
from eilbote.mail.keep import read_keep
from eilbote.mail.mailbox import FLAGGED, SEEN
from eilbote.search.parse import parse_query
from tests.engine.world import World, mail, world
from tests.servers.dovecot import Dovecot
from tests.servers.dovecot_settings import DovecotOptions

MODES = ("everything", "headers", "days:30", "size:20000")
DAY = 86_400


@pytest.fixture(params=["sqlite", "postgres"])
def store_url(request: pytest.FixtureRequest) -> str:
    return "" if request.param == "sqlite" else str(request.getfixturevalue("postgres_url"))


@pytest.fixture
def here(
    dovecot_like: Callable[[DovecotOptions], Dovecot], tmp_path: Path, store_url: str
) -> Iterator[World]:
    """Eight mails: four of today and four of a year ago; two of each large, one of these nested."""
    with world(dovecot_like(DovecotOptions()), tmp_path / "home", store_url) as made:
        now = made.app.clock.now()
        for age, first in ((0, 0), (365 * DAY, 10)):
            raws = [mail(first), mail(first + 1), with_attachment(first + 2), nested(first + 3)]
            deliver(made, raws, now - age)
        yield made


def with_attachment(number: int, text: str = "Siehe Anhang Zebrastreifen.") -> bytes:
    made = EmailMessage()
    made["From"] = f"Anna Beispiel <anna{number}@example.org>"
    made["Subject"] = f"Nachricht {number}"
    made["Message-ID"] = f"<m{number}@example.org>"
    made.set_content(text)
    made.add_attachment(bytes(range(256)) * 200, "application", "pdf", filename="Plan.pdf")
    made.add_attachment(b"klein", "application", "octet-stream", filename="klein.bin")
    made.set_boundary(f"grenze{number}")
    return made.as_bytes().replace(b"\n", b"\r\n")


def nested(number: int) -> bytes:
    inner = with_attachment(number + 100).partition(b"MIME-Version: 1.0\r\n")[2]
    return (
        (
            f"From: kim@example.de\r\nSubject: Nachricht {number}\r\nMessage-ID: <m{number}@example.org>\r\n"
            'MIME-Version: 1.0\r\nContent-Type: multipart/mixed;\r\n boundary="aussen"\r\n\r\nVorwort\r\n'
        ).encode()
        + b"--aussen\r\n"
        + inner
        + b"\r\n--aussen\r\nContent-Type: message/rfc822\r\n\r\n"
        + (with_attachment(number + 200))
        + b"\r\n--aussen--\r\n"
    )


def deliver(here: World, raws: list[bytes], arrived: float, mailbox: str = "INBOX") -> None:
    with here.server.imap(here.user) as client:
        for raw in raws:
            client.append(mailbox, "", imaplib.Time2Internaldate(arrived), raw)


def keep(here: World, mode: str, mailbox: str | None = None) -> None:
    set_keep(here.app, here.account.address, None if mode == "account" else read_keep(mode), mailbox)


def whole(here: World, mailbox: str = "INBOX") -> dict[int, bool]:
    """UID -> whether all of it is here."""
    box = here.app.store.mailboxes.find(here.account.id, mailbox)
    assert box is not None
    return {p.uid: p.whole for p in here.app.store.messages.list_placements(mailbox=box.id, limit=1000)}


def assert_compares(here: World) -> None:
    """Nothing differs, whatever the mode; a further pass finds nothing to do and costs nothing."""
    reports = here.verify()
    assert all(one.ok for one in reports), [one for one in reports if not one.ok]
    parts = sum(not each for each in whole(here).values())
    assert sum(one.left_out for one in reports if one.mailbox == "INBOX") == parts
    again = here.sync()
    assert (again.new, again.changed, again.deleted) == (0, 0, 0)
    assert again.round_trips <= 3


EXPECTED = {
    "everything": dict.fromkeys(range(1, 9), True),
    "headers": dict.fromkeys(range(1, 9), False),
    "days:30": {uid: uid <= 4 for uid in range(1, 9)},
    "size:20000": {uid: uid % 4 in (1, 2) for uid in range(1, 9)},
}


@pytest.mark.parametrize("mode", MODES)
def test_a_first_sync_keeps_what_the_mode_says(here: World, mode: str) -> None:
    keep(here, mode)
    assert here.sync().new == 8
    assert whole(here) == EXPECTED[mode]
    assert_compares(here)
    keep(here, "everything")
    here.sync()
    here.assert_same()


@pytest.mark.parametrize(("first", "second"), list(permutations(MODES, 2)))
def test_every_switch_there_and_back_loses_nothing(here: World, first: str, second: str) -> None:
    keep(here, first)
    here.sync()
    ids = here.ids()
    for mode in (second, first, second):
        keep(here, mode)
        assert here.sync().new == 0
        assert whole(here) == EXPECTED[mode]
        assert_compares(here)
    keep(here, "everything")
    here.sync()
    here.assert_same()
    assert here.ids() == ids
    assert not here.app.store.journal.conflicts()


def test_a_mail_without_its_large_parts_still_says_all_but_them(here: World) -> None:
    keep(here, "size:20000")
    here.sync()
    for uid, message in here.ids().items():
        shown = read.show_mail(here.app, str(message))
        assert not shown.headers_only
        if uid % 4 in (1, 2):
            assert not shown.in_part
            continue
        assert "Zebrastreifen" in shown.text
        told = [(one.name, one.here) for one in shown.attachments if one.name]
        assert ("Plan.pdf", False) in told, told
        assert ("klein.bin", True) in told, told
        (plan,) = [one for one in shown.attachments if one.name == "Plan.pdf"]
        assert abs(plan.size - 51_200) < 100
        with pytest.raises(Gone, match="headers_only"):
            read.raw_mail(here.app, str(message))


def test_what_is_made_less_here_says_the_same_as_what_is_fetched_less(here: World) -> None:
    keep(here, "size:20000")
    here.sync()
    fetched = {uid: read.show_mail(here.app, str(one)) for uid, one in here.ids().items()}
    keep(here, "everything")
    here.sync()
    keep(here, "size:20000")
    here.sync()
    made = {uid: read.show_mail(here.app, str(one)) for uid, one in here.ids().items()}
    assert {uid: (one.text, one.attachments) for uid, one in made.items()} == {
        uid: (one.text, one.attachments) for uid, one in fetched.items()
    }


def test_a_mailbox_of_its_own_mode(here: World) -> None:
    deliver(here, [mail(30), with_attachment(31)], here.app.clock.now(), "Archive")
    keep(here, "headers")
    here.sync()
    assert whole(here, "Archive") == {1: False, 2: False}
    keep(here, "everything", "Archive")
    here.sync()
    assert whole(here, "Archive") == {1: True, 2: True}
    assert whole(here) == EXPECTED["headers"]
    keep(here, "account", "Archive")
    here.sync()
    assert whole(here, "Archive") == {1: False, 2: False}
    with pytest.raises(Gone, match=r"mailbox\.unknown"):
        keep(here, "headers", "Nirgends")


def test_flags_of_mails_in_part_go_both_ways(here: World) -> None:
    keep(here, "headers")
    here.sync()
    with here.server.imap(here.user) as client:
        client.select("INBOX")
        client.uid("STORE", "3", "+FLAGS", "(\\Flagged)")
    act.change_flags(here.app, [here.ids()[4]], add=[SEEN])
    here.sync()
    here_flags = {uid: flags for uid, (flags, _) in here.held()["INBOX"].items()}
    assert here_flags == {uid: flags for uid, (flags, _) in here.truth()["INBOX"].items()}
    assert (FLAGGED in here_flags[3], SEEN in here_flags[4]) == (True, True)
    assert whole(here) == EXPECTED["headers"]
    act.move(here.app, [here.ids()[4]], "Archive")
    here.sync()
    assert here.verify()[0].ok
    assert whole(here, "Archive") == {1: False}


def test_what_was_searchable_stays_so_when_its_body_goes(here: World) -> None:
    here.sync()
    query = parse_query("Zebrastreifen", datetime.now(UTC))
    found = set(here.app.store.search.find(query))
    assert len(found) == 4
    keep(here, "headers")
    here.sync()
    assert set(here.app.store.search.find(query)) == found


def test_what_a_change_made_here_still_has_to_carry_keeps_its_bytes(here: World) -> None:
    here.sync()
    ids = here.ids()
    act.append(here.app, here.account, "INBOX", with_attachment(50))
    act.copy(here.app, [ids[3]], "Archive")
    keep(here, "headers")
    here.sync()
    keep(here, "everything")
    here.sync()
    here.assert_same()


def test_the_window_moves_with_the_days(here: World, monkeypatch: pytest.MonkeyPatch) -> None:
    keep(here, "days:30")
    here.sync()
    now = here.app.clock.now()
    monkeypatch.setattr(type(here.app.clock), "now", lambda clock: now + 31 * DAY)
    assert here.sync().new == 0
    assert whole(here) == EXPECTED["headers"]
    assert_compares(here)
    monkeypatch.setattr(type(here.app.clock), "now", lambda clock: now)
    here.sync()
    assert whole(here) == EXPECTED["days:30"]


def test_the_room_of_what_was_left_out_is_given_back(here: World, tmp_path: Path) -> None:
    deliver(here, [with_attachment(n) + b"%d" % n * 400_000 for n in range(60, 65)], here.app.clock.now())

    def used() -> int:
        return sum(pack.stat().st_size for pack in (tmp_path / "home").rglob("*.pack"))

    here.sync()
    before = used()
    keep(here, "headers")
    here.sync()
    assert used() < before / 4
    assert_compares(here)


@pytest.mark.parametrize(
    "text",
    ["", "days", "days:0", "days:-1", "days:40000", "days:3k", "size:0", "size:9T", "HEADERS", "size:१"],
)
def test_a_mode_that_makes_no_sense_is_refused(text: str) -> None:
    with pytest.raises(Misused, match=r"keep\.unknown"):
        read_keep(text)


def test_modes_as_settings_write_them() -> None:
    assert str(read_keep("size:5M")) == f"size:{5 << 20}"
    assert str(read_keep("days:30")) == "days:30"
    assert [str(read_keep(mode)) for mode in MODES] == list(MODES)
