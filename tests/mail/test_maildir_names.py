"""Names of Maildir files and folders: flags, keywords, levels, as several programs write them."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from eilbote.mail.maildir import (
    flags_of,
    letters_of,
    read_keywords,
    read_level,
    read_name,
    read_plus_name,
    write_keywords,
    write_level,
    write_plus_name,
)

LEVELS = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=12)


@pytest.mark.parametrize(
    ("name", "base", "letters", "delivered"),
    [
        ("1795464820.M1P2.host,S=12:2,FS", "1795464820.M1P2.host,S=12", "FS", 1_795_464_820.0),
        ("1795464820.M1P2.host,S=12;2,S", "1795464820.M1P2.host,S=12", "S", 1_795_464_820.0),
        ("1795464820_1.2.host!2,Sab", "1795464820_1.2.host", "Sab", 1_795_464_820.0),
        ("1795464820.M1P2.host:2,", "1795464820.M1P2.host", "", 1_795_464_820.0),
        ("1795464820.M1P2.host", "1795464820.M1P2.host", "", 1_795_464_820.0),
        ("1795464820.x:1,extra", "1795464820.x:1,extra", "", 1_795_464_820.0),
        ("mail.eml", "mail.eml", "", None),
        (":2,S", ":2,S", "", None),
    ],
)
def test_names_of_mails(name: str, base: str, letters: str, delivered: float | None) -> None:
    read = read_name(name)
    assert (read.base, read.letters, read.delivered) == (base, letters, delivered)


def test_letters_and_keywords() -> None:
    keywords = read_keywords("0 wichtig\n1 $label1\n26 zu-viel\nx y\n3\n")
    assert keywords == {"a": "wichtig", "b": "$label1"}
    assert write_keywords(keywords) == "0 wichtig\n1 $label1\n"
    flags = frozenset({"\\Seen", "\\Flagged", "$Forwarded", "wichtig", "ohne-Buchstaben"})
    assert letters_of(flags, keywords) == "FPSa"
    assert flags_of("FPSabz", keywords) == frozenset(
        {"\\Seen", "\\Flagged", "$Forwarded", "wichtig", "$label1"}
    )


@settings(deadline=None)
@given(levels=st.lists(LEVELS, min_size=1, max_size=4).map(tuple))
def test_folders_in_maildir_plus(levels: tuple[str, ...]) -> None:
    name = write_plus_name(levels)
    assert "/" not in name and "\0" not in name
    assert read_plus_name(name) == levels


@settings(deadline=None)
@given(level=LEVELS)
def test_nested_folders(level: str) -> None:
    name = write_level(level, dots=False)
    assert "/" not in name and not name.startswith(".") and name not in ("cur", "new", "tmp")
    assert read_level(name) == level


def test_names_of_other_programs() -> None:
    assert read_plus_name(".Entw&APw-rfe.2026") == ("Entwürfe", "2026")
    assert read_plus_name(".Entwürfe") == ("Entwürfe",)
    assert read_plus_name(".R&D") == ("R&D",)
    assert read_plus_name("") == ()
