"""The form in which every server takes a mail: lines that end in CRLF, and no NUL.

Cyrus refuses bare line feeds and NULs (`Message contains bare newlines`), Yahoo a mail whose last line
has no end; Dovecot mends the first two in silence, and then the two sides differ. Whoever makes or
imports a mail puts it into this form before it is stored, so that here and there lie the same bytes.
It must never touch anything else.
"""

from __future__ import annotations

import re

_BARE_CR = re.compile(rb"\r(?!\n)")


def ready_to_upload(raw: bytes, *, end_last_line: bool = False) -> bytes:
    """The mail with CRLF for each line feed that stands alone (RFC 5322 section 2.3), and 0x80 for each
    NUL, which no literal may hold (RFC 9051 section 9, CHAR8); Dovecot stores it so too. With
    `end_last_line` also CRLF at its end: for mail that is made here, not for mail that has to stay as
    it is."""
    if b"\0" in raw:
        raw = raw.replace(b"\0", b"\x80")
    if raw.count(b"\n") != raw.count(b"\r\n"):
        raw = raw.replace(b"\r\n", b"\n").replace(b"\n", b"\r\n")
    return raw + b"\r\n" if end_last_line and raw and not raw.endswith(b"\r\n") else raw


def ready_to_send(raw: bytes) -> bytes:
    """The same for SMTP, which takes no CR that stands alone either (RFC 5321 section 2.3.8): each becomes
    a line end."""
    if raw.count(b"\r") != raw.count(b"\r\n"):
        raw = _BARE_CR.sub(b"\r\n", raw)
    return ready_to_upload(raw, end_last_line=True)
