"""Names under which attachments are saved: no system's own, no path, whatever the mail says."""

from __future__ import annotations

import pytest

from eilbote.mail.download_name import attachment_disposition, download_name
from eilbote.mail.part import safe_file_name

_DEVICES = ["CON", "prn", "AUX.txt", "nul.tar.gz", "COM1", "com9.log", "LPT1", "COM¹", "CONIN$", "conout$"]
_NAMES = [
    *("../../etc/passwd", "..\\..\\x", "/etc/passwd", "C:\\Windows\\x", "\\\\server\\x", "x:stream"),
    *("x::$DATA", "", ".", "..", "...", " ", ". .", "x.", "x ", "x\x00.exe", "x\r\nSet-Cookie: a=b"),
    *('x"; filename="y', "x%00", "photo\u202egnp.exe", "x\u200b.exe", "\u2066x", "<script>.html", "a|b"),
    *("a?b", "a*b", "~", "$x", "`x`", "x" * 5000, "Rechnung für März.pdf", "日本語.txt", "\udcff", "-rf"),
    *("=1+1.csv", ".htaccess", "desktop.ini", "x.pdf.exe", "a\tb", "\x7f", "CON .txt", "x/../y", "//", "\\"),
    *_DEVICES,
]


@pytest.mark.parametrize("said", _NAMES)
def test_every_name_is_a_plain_one(said: str) -> None:
    name = download_name(safe_file_name(said), "2.1")
    assert name and name == name.strip(" .")
    assert not set(name) & set('<>:"|?*/\\\r\n\x00\u202e\u200b\u2066') and len(name) <= 256
    assert name.partition(".")[0].strip().upper() not in {each.partition(".")[0].upper() for each in _DEVICES}
    header = attachment_disposition(name)
    assert header.isascii() and header.isprintable() and header.startswith("attachment; ")
    assert header.count('"') == 2


def test_names_that_people_give_stay() -> None:
    assert download_name("Rechnung für März.pdf", "2") == "Rechnung für März.pdf"
    assert download_name("", "2.1") == "part-2.1.bin"
    assert attachment_disposition("Größe.pdf") == (
        "attachment; filename=\"Gr__e.pdf\"; filename*=UTF-8''Gr%C3%B6%C3%9Fe.pdf"
    )
