"""What mailboxes of one account are called in another."""

from __future__ import annotations

import pytest

from eilbote.mail.mailbox import MailboxName, SpecialUse
from eilbote.sync.naming import Named, Style, careful_name, levels_of, name_for, pair_mailboxes, style_of


def named(*mailboxes: str, delimiter: str = "/") -> list[Named]:
    """`Sent=sent`: a mailbox with its role."""
    found = []
    for each in mailboxes:
        name, _, role = each.partition("=")
        found.append(Named(MailboxName(name), delimiter, SpecialUse(role) if role else None))
    return found


def pairs(source: list[Named], target: list[Named]) -> dict[str, str | None]:
    return {pair.source: pair.target for pair in pair_mailboxes(source, target)}


def test_styles() -> None:
    assert style_of(named("INBOX=inbox", "A/B")) == Style("/", "")
    for other in ("INBOX.A", "shared.A"):
        found = named("INBOX=inbox", "INBOX.Sent=sent", other, delimiter=".")
        assert style_of(found) == Style(".", "INBOX.")
    assert style_of(named("INBOX=inbox", "INBOX/A", "B")) == Style("/", "")
    assert style_of([]) == Style("/", "")


@pytest.mark.parametrize(
    ("levels", "style", "name"),
    [
        (("INBOX",), Style(".", "INBOX."), "INBOX"),
        (("inbox",), Style("/", ""), "INBOX"),
        (("A", "B"), Style(".", "INBOX."), "INBOX.A.B"),
        (("A.B", "C"), Style(".", ""), "A_B.C"),
        (("A\x00\r\nB", ""), Style("/", ""), "A___B/_"),
        (("A", "B"), Style("", ""), "AB"),
    ],
)
def test_names(levels: tuple[str, ...], style: Style, name: str) -> None:
    assert name_for(levels, style) == name


def test_levels() -> None:
    assert levels_of("INBOX.A.B", Style(".", "INBOX.")) == ("A", "B")
    assert levels_of("Inbox", Style(".", "INBOX.")) == ("INBOX",)
    assert levels_of("A/B", Style("", "")) == ("A/B",)


def test_roles_come_first_and_what_is_below_follows() -> None:
    source = named("INBOX=inbox", "Gesendet=sent", "Gesendet/2025/Q1", "Trash", "Arbeit/Trash")
    target = named("INBOX=inbox", "INBOX.Sent=sent", "INBOX.Trash=trash", delimiter=".")
    assert pairs(source, target) == {
        "INBOX": "INBOX",
        "Gesendet": "INBOX.Sent",
        "Gesendet/2025/Q1": "INBOX.Sent.2025.Q1",
        "Trash": "INBOX.Trash",
        "Arbeit/Trash": "INBOX.Arbeit.Trash",
    }


def test_views_are_left_out_and_all_mail_goes_to_the_archive() -> None:
    source = named("INBOX=inbox", "[Gmail]/All Mail=all", "[Gmail]/Starred=flagged", "[Gmail]/I=important")
    with_archive = named("INBOX=inbox", "Archiv=archive")
    found = pairs(source, with_archive)
    assert found["[Gmail]/All Mail"] == "Archiv"
    assert found["[Gmail]/Starred"] is None and found["[Gmail]/I"] is None
    assert pairs(source, named("INBOX=inbox"))["[Gmail]/All Mail"] == "Archive"


def test_a_careful_name_keeps_what_no_server_refuses() -> None:
    style = Style("/", "INBOX/")
    assert careful_name("INBOX/Entwürfe 2026/a%b*c", style) == "INBOX/Entwürfe 2026/a_b_c"
    assert careful_name("inbox", style) == "INBOX"
    assert careful_name("INBOX/" + "x" * 300 + "/ -~. /-", style) == "INBOX/" + "x" * 60 + "/__/_"


def test_bytes_that_are_no_utf8_are_read_as_windows_wrote_them() -> None:
    assert name_for(["Caf\udce9", "Gr\udcfc\udcdfe \N{SLIGHTLY SMILING FACE}"], Style("/", "")) == (
        "Café/Grüße \N{SLIGHTLY SMILING FACE}"
    )
