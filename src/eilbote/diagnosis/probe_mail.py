"""The mail that a round trip sends to oneself: written, and compared with what came back.

It carries what servers are known to break: umlauts, dots at the beginning of lines, `From ` there, long
lines, empty lines, blanks at ends, an attachment of any bytes.
"""

from __future__ import annotations

import hashlib
from base64 import encodebytes
from email.utils import formatdate
from quopri import encodestring

from eilbote.mail.message import parse_message

ATTACHMENT_BYTES = 12_000
_LONG = 900
_SUBJECT = "Eilbote-Testmail: Grüße aus Köln, darf gelöscht werden"
_ENCODED_SUBJECT = (
    "=?utf-8?Q?Eilbote-Testmail=3A_Gr=C3=BC=C3=9Fe_aus_K=C3=B6ln=2C_darf_gel=C3=B6scht_werden?="
)
_LINES = (
    "Diese Mail hat Eilbote an Sie selbst geschickt, um den Weg zu prüfen.",
    "This mail was sent by Eilbote to yourself, to test the way.",
    "",
    "Umlaute: äöü ÄÖÜ ß € – “ ” ✓",
    ".",
    "..",
    ".Punkt am Anfang",
    "From hier an beginnt eine Zeile mit From",
    "Leerzeichen am Ende   ",
    "\tTabulator am Anfang",
    "",
    "",
    "x" * _LONG,
    "-- ",
    "Ende",
)


def probe_text() -> str:
    """The text of the mail, with LF."""
    return "\n".join(_LINES) + "\n"


def write_probe(
    address: str,
    message_id: str,
    now: float,
    attachment: bytes,
    *,
    eight_bit: bool,
    to: str = "",
    answers: str = "",
) -> bytes:
    """The whole mail with CRLF, to oneself or to `to`; `answers`: the Message-ID that it is an answer to.
    `eight_bit`: the server takes text as it is (8BITMIME); else it is written as quoted-printable."""
    boundary = "eilbote-" + hashlib.sha256(message_id.encode()).hexdigest()[:24]
    text = probe_text().encode()
    if eight_bit:
        encoding, body = "8bit", text
    else:
        encoding, body = "quoted-printable", encodestring(text)
    answering = f"In-Reply-To: {answers}\n" if answers else ""
    head = (
        f"From: <{address}>\n"
        f"To: <{to or address}>\n"
        f"Subject: {_ENCODED_SUBJECT}\n"
        f"Date: {formatdate(now)}\n"
        f"Message-ID: {message_id}\n"
        f"{answering}"
        "MIME-Version: 1.0\n"
        "Auto-Submitted: auto-generated\n"
        f'Content-Type: multipart/mixed; boundary="{boundary}"\n'
        "\n"
        f"--{boundary}\n"
        "Content-Type: text/plain; charset=utf-8\n"
        f"Content-Transfer-Encoding: {encoding}\n"
        "\n"
    )
    tail = (
        f"\n--{boundary}\n"
        "Content-Type: application/octet-stream\n"
        'Content-Disposition: attachment; filename="eilbote.bin"\n'
        "Content-Transfer-Encoding: base64\n"
        "\n"
    )
    whole = head.encode() + body + tail.encode() + encodebytes(attachment) + f"--{boundary}--\n".encode()
    return whole.replace(b"\n", b"\r\n")


def damaged_parts(received: bytes, attachment: bytes) -> tuple[str, ...]:
    """What came back other than it went: `subject`, `text` with what of it (`umlauts`, `dots`, `from`,
    `long`, `blanks`), `attachment`."""
    mail = parse_message(received)
    damaged = [] if mail.envelope.subject == _SUBJECT else ["subject"]
    texts = [part for part in mail.parts if part.content_type == "text/plain"]
    found = texts[0].content().decode("utf-8", "replace").replace("\r\n", "\n") if texts else ""
    # Whether the last line break belongs to the text or to the boundary is not said by all in one way.
    if found.rstrip("\n") != probe_text().rstrip("\n"):
        damaged += _damaged_lines(found) or ["text"]
    files = [part for part in mail.parts if part.content_type == "application/octet-stream"]
    if not files or files[0].content() != attachment:
        damaged.append("attachment")
    return tuple(damaged)


def _damaged_lines(found: str) -> list[str]:
    lines = found.split("\n")
    names = {3: "umlauts", 4: "dots", 5: "dots", 6: "dots", 7: "from", 8: "blanks", 9: "blanks", 12: "long"}
    return list(dict.fromkeys(name for at, name in names.items() if _LINES[at] not in lines))
