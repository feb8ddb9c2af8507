"""Who is meant while an address is typed: whom one writes to before who writes, lately before long ago."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest

from eilbote.config import Config
from eilbote.engine.act import mailbox_for
from eilbote.engine.app import App, open_app
from eilbote.engine.complete import complete_address
from eilbote.engine.index import Indexer
from eilbote.engine.read import search_mail
from eilbote.mail.envelope import Address
from eilbote.mail.mailbox import SpecialUse
from eilbote.mail.message import read_source
from eilbote.store.prepare import prepared_mail
from eilbote.store.update_values import Arrival
from eilbote.store.values import Account, AccountState, AuthKind, NewAccount

KIM = "kim@example.de"
DAY = 86_400.0


@pytest.fixture(params=["sqlite", "postgres"])
def app(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[App]:
    url = "" if request.param == "sqlite" else str(request.getfixturevalue("postgres_url"))
    with open_app(Config(home=tmp_path / "home", store=url, key_file=str(tmp_path / "key"))) as app:
        app.store.accounts.add(
            NewAccount(
                address=KIM,
                name="Kim",
                user=KIM,
                auth=AuthKind.PASSWORD,
                sealed=b"",
                state=AccountState.READY,
            )
        )
        yield app


def account(app: App) -> Account:
    return app.store.accounts.all()[0]


def store(app: App, *mails: tuple[str, str, float], cc: str = "") -> None:
    """Mails as (from, to, days ago); those of Kim lie in Sent. All can be searched then."""
    for number, (sender, to, days) in enumerate(mails):
        role = SpecialUse.SENT if KIM in sender else SpecialUse.INBOX
        raw = f"From: {sender}\r\nTo: {to}\r\nCc: {cc}\r\nSubject: {days} {number}\r\n\r\nText\r\n".encode()
        arrival = Arrival(
            0, frozenset(), app.clock.now() - days * DAY, 0, raw, prepared_mail(raw, read_source(raw))
        )
        app.store.messages.take_in(mailbox_for(app, account(app).id, role).id, [arrival], app.clock.now())

    async def index() -> None:
        indexer = Indexer(app.store, app.config, app.clock)
        await indexer.complete(lambda done, total: None)
        await indexer.close()

    asyncio.run(index())


def found(app: App, text: str, limit: int = 10) -> list[str]:
    return [str(one.address) for one in complete_address(app, text, limit=limit)]


def test_written_to_before_received_from_lately_before_long_ago(app: App) -> None:
    store(
        app,
        ("Anna Alt <anna@alt.example>", KIM, 1),
        ("Anna Alt <anna@alt.example>", KIM, 2),
        (KIM, "Anna Groß <anna@gross.example>", 3),
        (KIM, "Anna Früher <anna@frueher.example>", 900),
        ("Ben <ben@example.org>", KIM, 1),
    )
    assert found(app, "an") == [
        "Anna Groß <anna@gross.example>",
        "Anna Alt <anna@alt.example>",
        "Anna Früher <anna@frueher.example>",
    ]
    (one,) = complete_address(app, "gross")
    assert (one.address, one.written, one.received) == (Address("Anna Groß", "anna@gross.example"), 1, 0)
    assert found(app, "anna", limit=1) == ["Anna Groß <anna@gross.example>"]


def test_beginnings_of_every_word_and_all_spellings(app: App) -> None:
    store(app, (KIM, "Jörg Müller-Weiß <j.mueller@firma.example>", 1))
    person = ["Jörg Müller-Weiß <j.mueller@firma.example>"]
    for text in (
        "jö",
        "JOERG",
        "mül",
        "muel",
        "mull",
        "weiss",
        "j.mue",
        "j.mueller@firma",
        "firma",
        "jörg mü",
    ):
        assert found(app, text) == person, text
    assert found(app, "üller") == found(app, "xjörg") == found(app, "anna") == []


def test_one_address_counts_once_under_its_newest_name(app: App) -> None:
    store(
        app,
        (KIM, "Clara Klein <Clara@Example.org>", 30),
        (KIM, "Clara Groß <clara@example.org>", 1),
        (KIM, "clara@example.org", 0),
    )
    (one,) = complete_address(app, "clara")
    assert (one.address.name, one.written) == ("Clara Groß", 3)


def test_never_oneself_and_copies_count(app: App) -> None:
    store(
        app,
        (KIM, f"Kim <{KIM}>, kim+tag@example.de, Kim Anders <kim@anders.example>", 1),
        cc="kira@x.example",
    )
    assert found(app, "ki") == ["Kim Anders <kim@anders.example>", "kira@x.example"]


def test_without_a_word_whom_one_writes_to(app: App) -> None:
    store(app, (KIM, "ben@example.org", 1), (KIM, "anna@example.org", 2), ("x@example.org", KIM, 0))
    assert found(app, "") == found(app, "  ") == ["ben@example.org", "anna@example.org"]


def test_what_is_erased_is_not_proposed(app: App) -> None:
    store(app, (KIM, "geheim@example.org", 1))
    assert found(app, "geheim") == ["geheim@example.org"]
    app.store.erase([one.id for one in search_mail(app, "to:geheim", None, 5)], app.clock.now())
    assert found(app, "geheim") == []


@pytest.mark.parametrize(
    "text", ['"', "*", "a*b", "OR", "NOT (", "to:", "\0", "😀", "-", "a" * 500, "' OR 1=1 --"]
)
def test_whatever_is_typed(app: App, text: str) -> None:
    store(app, (KIM, "anna@example.org", 1))
    assert found(app, text) in ([], ["anna@example.org"])
