"""Part numbers and bodies beside Dovecot's: `BODY[number]` gives the bytes that our part holds."""

from __future__ import annotations

import imaplib
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from eilbote.mail.message import parse_message
from tests.mail.test_material_mail import files_in
from tests.mail.test_parts import RFC_9051_EXAMPLE
from tests.servers.dovecot import Dovecot


def mail(text: str) -> bytes:
    return text.replace("\n", "\r\n").encode()


ODD_MAILS = (
    RFC_9051_EXAMPLE,
    mail("Subject: x\n\nonly text\n"),
    mail("Content-Type: application/pdf\n\nonly a file\n"),
    mail("Content-Type: multipart/digest; boundary=a\n\n--a\n\nSubject: x\n\none\n--a\n\n\ntwo\n--a--\n"),
    mail("Content-Type: multipart/mixed; boundary=a\n\n--a\n\none\n--a\n\nno end"),
    mail("Content-Type: message/rfc822\n\nSubject: i\nContent-Type: message/rfc822\n\nSubject: j\n\ndeep\n"),
    mail(
        "Content-Type: multipart/mixed; boundary=ab\n\n--ab\nContent-Type: multipart/mixed; boundary=abc\n\n"
        "--abc\n\none\n--abc\n\ntwo\n--abc--\n--ab\n\nthree\n--ab--\n"
    ),
    mail(
        "Content-Type: multipart/mixed; boundary=a\n\n--a\nContent-Type: multipart/mixed; boundary=b\n\n"
        "--b\n\none\n--a\n\ntwo\n--a--\n"
    ),
    mail(
        'Content-Type: multipart/mixed; boundary="a b"\n\npreamble\n--a b\n\n\n--a b\n\n--a b--\nepilogue\n'
    ),
)


def bodies_from(client: imaplib.IMAP4, message: int, numbers: Sequence[str]) -> dict[str, bytes]:
    found = {}
    for number in numbers:
        _, answer = client.fetch(str(message), f"(BODY.PEEK[{number}])")
        first = answer[0]
        found[number] = first[1] if isinstance(first, tuple) else b""
    return found


def compared(dovecot: Dovecot, mails: Sequence[bytes]) -> Iterator[tuple[bytes, bool]]:
    """Each mail and whether every leaf is the same there and here."""
    user, _ = dovecot.new_user()
    dovecot.append(user, list(mails))
    with dovecot.imap(user) as client:
        client.select("INBOX", readonly=True)
        for place, raw in enumerate(mails, 1):
            leaves = {part.number: part.body() for part in parse_message(raw).parts if not part.children}
            yield raw, bodies_from(client, place, list(leaves)) == leaves


def test_odd_mails_have_the_same_parts(dovecot: Dovecot) -> None:
    assert [raw for raw, same in compared(dovecot, ODD_MAILS) if not same] == []


@pytest.mark.material
def test_real_mails_have_the_same_parts(dovecot: Dovecot, material: Path) -> None:
    """The rest is broken: a multipart without parts, whose text we show and Dovecot leaves out, and
    text where fields should be."""
    chosen = []
    for archive in ("chatmail-odd-mails", "bounces", "phishing", "spamassassin"):
        mails = [raw for _, raw in files_in(material, archive) if b"multipart/" in raw.lower()]
        chosen += [b"\r\n".join(raw.splitlines()) + b"\r\n" for raw in mails[:150]]
    same = sum(agrees for _, agrees in compared(dovecot, chosen))
    assert same >= 0.98 * len(chosen), f"{same} of {len(chosen)}"
