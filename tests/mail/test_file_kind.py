"""What an attached file is and whether it can run; names that mislead."""

from __future__ import annotations

import pytest

from eilbote.mail.download_name import distinct_names
from eilbote.mail.envelope import Address
from eilbote.mail.file_kind import Danger, FileKind, KnownFile, known_file
from eilbote.mail.misleading import other_address_in


@pytest.mark.parametrize(
    ("name", "kind", "known"),
    [
        ("Rechnung.pdf", "application/octet-stream", KnownFile(FileKind.PDF)),
        ("foto.JPG", "application/octet-stream", KnownFile(FileKind.PICTURE)),
        ("", "image/png", KnownFile(FileKind.PICTURE)),
        ("liste.xlsx", "", KnownFile(FileKind.TABLE)),
        ("notiz.txt", "text/plain", KnownFile(FileKind.TEXT)),
        ("liste.csv", "text/csv", KnownFile(FileKind.TABLE)),
        ("was auch immer", "application/octet-stream", KnownFile(FileKind.FILE)),
        ("setup.exe", "application/pdf", KnownFile(FileKind.PROGRAM, Danger.RUNS)),
        ("Rechnung.pdf.exe", "application/pdf", KnownFile(FileKind.PROGRAM, Danger.RUNS, twofold=True)),
        ("Rechnung.pdf   .JS", "text/plain", KnownFile(FileKind.PROGRAM, Danger.RUNS, twofold=True)),
        ("bild.jpg.lnk. ", "image/jpeg", KnownFile(FileKind.PROGRAM, Danger.RUNS, twofold=True)),
        ("angebot.docm", "application/msword", KnownFile(FileKind.DOCUMENT, Danger.MACROS)),
        ("angebot.docx", "application/msword", KnownFile(FileKind.DOCUMENT)),
        ("login.html", "text/plain", KnownFile(FileKind.PAGE, Danger.PAGE)),
        ("logo.svg", "image/svg+xml", KnownFile(FileKind.PAGE, Danger.PAGE)),
        ("", "text/html", KnownFile(FileKind.PAGE, Danger.PAGE)),
        ("backup.iso", "application/octet-stream", KnownFile(FileKind.DISK, Danger.DISK)),
        ("archiv.tar.gz", "application/gzip", KnownFile(FileKind.ARCHIVE)),
        ("einladung.ics", "", KnownFile(FileKind.CALENDAR)),
        ("mail.eml", "message/rfc822", KnownFile(FileKind.MAIL)),
        ("v1.2", "application/pdf", KnownFile(FileKind.PDF)),
    ],
)
def test_what_a_file_is(name: str, kind: str, known: KnownFile) -> None:
    assert known_file(name, kind) == known


def test_each_name_once_on_every_system() -> None:
    names = ["a.pdf", "A.PDF", "a.pdf", "a (2).pdf", ".profile", ".profile", "b", "b"]
    found = distinct_names(names)
    assert found[:2] == ["a.pdf", "A (2).PDF"] and found[4:] == [".profile", ".profile (2)", "b", "b (2)"]
    assert len({one.casefold() for one in found}) == len(names)
    many = distinct_names(["x.bin"] * 3000)
    assert len(set(many)) == 3000


@pytest.mark.parametrize(
    ("name", "spec", "shown"),
    [
        ("service@bank.example", "x@evil.example", "service@bank.example"),
        ("Bank (service @ bank.example)", "x@evil.example", "service@bank.example"),
        ("service＠bank.example", "x@evil.example", "service@bank.example"),
        ("Anna@Example.org", "anna@example.org", ""),
        ("Anna Größe", "anna@example.org", ""),
        ("@home, the shop", "anna@example.org", ""),
        ("a@b.example", "", "a@b.example"),
    ],
)
def test_a_name_that_shows_another_address(name: str, spec: str, shown: str) -> None:
    assert other_address_in(Address(name, spec)) == shown
