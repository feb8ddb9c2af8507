"""What kind of file a name tells."""

from __future__ import annotations

import pytest

from eilbote.mail.media_type import UNKNOWN, media_type_for
from eilbote.mail.parameters import is_media_type


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("Rechnung.pdf", "application/pdf"),
        ("FOTO.JPG", "image/jpeg"),
        ("Tabelle.xlsx", "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"),
        ("termin.ics", "text/calendar"),
        ("alt.eml", "message/rfc822"),
        ("a.tar.gz", "application/gzip"),
        ("seite.html", "text/html"),
        ("README", UNKNOWN),
        ("", UNKNOWN),
        (".", UNKNOWN),
        ("a.unbekannt", UNKNOWN),
    ],
)
def test_type(name: str, kind: str) -> None:
    assert media_type_for(name) == kind
    assert is_media_type(media_type_for(name))
