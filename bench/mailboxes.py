"""The generated mailboxes: the same bytes on every machine and in every run.

`realistic` has the size spread of a grown mailbox (median 7 KB, mean 59 KB: a few large
attachments carry most of the bytes); `small` has many short mails, where the work per mail counts
and not the work per byte.
"""

from __future__ import annotations

import base64
import binascii
import random
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from email.header import Header
from email.utils import format_datetime
from math import exp, log
from statistics import NormalDist

from bench.words import sentences

_LEAST_BYTES = 700
_PEOPLE = 400
_FIRST_SECOND = 1_577_836_800  # 2020-01-01
_NAMES = (
    "Jürgen",
    "Anna",
    "Peter",
    "Sabine",
    "Olaf",
    "Müller",
    "Grace",
    "Ada",
    "Alan",
    "Björn",
    "Zoë",
    "Łukasz",
)


@dataclass(frozen=True, slots=True)
class Recipe:
    """What a mailbox is made of; `median` and `mean` are bytes a mail."""

    name: str
    mails: int
    median: int
    mean: int
    seed: int = 1


@dataclass(frozen=True, slots=True)
class Mail:
    """One generated mail with what the server knows beside its bytes."""

    raw: bytes
    flags: str
    internal_date: datetime


def realistic(mails: int) -> Recipe:
    return Recipe("realistic", mails, 7_000, 59_000)


def small(mails: int) -> Recipe:
    return Recipe("small", mails, 1_500, 1_700)


def sizes(recipe: Recipe) -> list[int]:
    """A size for each mail: evenly spaced points of the log-normal curve, shuffled."""
    curve = NormalDist()
    # mean = median * exp(sigma**2 / 2); the points are exact, so the mean does not depend on luck
    sigma = (2 * log(recipe.mean / recipe.median)) ** 0.5
    chosen = [
        max(_LEAST_BYTES, int(recipe.median * exp(sigma * curve.inv_cdf((index + 0.5) / recipe.mails))))
        for index in range(recipe.mails)
    ]
    random.Random(recipe.seed).shuffle(chosen)
    return chosen


def mails(recipe: Recipe, *, first: int = 0) -> Iterator[Mail]:
    """Every mail of the recipe in order; `first` numbers them on, for mails that arrive later."""
    german, english = sentences("de", 3_000), sentences("en", 3_000)
    people = _people()
    for offset, size in enumerate(sizes(recipe)):
        number = first + offset
        chance = random.Random(f"{recipe.seed} {recipe.name} {number}")
        yield _mail(number, size, chance, german if chance.random() < 0.5 else english, people)


def _people() -> list[str]:
    chance = random.Random("people")
    made = []
    for number in range(_PEOPLE):
        name = f"{chance.choice(_NAMES)} {chance.choice(_NAMES)}"
        made.append(f"{_encoded(name)} <person{number}@firma{number % 60}.example>")
    return made


def _mail(number: int, size: int, chance: random.Random, said: list[str], people: list[str]) -> Mail:
    when = datetime.fromtimestamp(_FIRST_SECOND + number * 900 + chance.randrange(900), UTC)
    head = _headers(number, size, chance, said=said, people=people, when=when)
    room = max(64, size - len(head))
    if size < 4_000:
        body = _plain(chance, said, room)
    elif size < 24_000:
        body = _alternative(number, chance, said, room)
    else:
        body = _with_attachment(number, chance, said, room)
    flags = " ".join(
        flag
        for flag, share in (("\\Seen", 0.8), ("\\Answered", 0.2), ("\\Flagged", 0.03), ("$Label1", 0.05))
        if chance.random() < share
    )
    return Mail(head + body, flags, when)


def _headers(
    number: int, size: int, chance: random.Random, *, said: list[str], people: list[str], when: datetime
) -> bytes:
    subject = chance.choice(said)[:60].strip()
    date = format_datetime(when)
    lines = []
    if size > 2_000:
        lines += [
            f"Received: from mx{hop}.example.net (mx{hop}.example.net [192.0.2.{hop + 1}])\r\n"
            f"\tby in{hop}.example.org with ESMTPS id {chance.getrandbits(64):016x}; {date}"
            for hop in range(3)
        ]
        signature = base64.b64encode(chance.randbytes(192)).decode()
        folded = "\r\n\t".join(signature[at : at + 72] for at in range(0, len(signature), 72))
        lines.append(f"DKIM-Signature: v=1; a=rsa-sha256; d=example.org; s=s1; h=from:to;\r\n\tb={folded}")
    lines += [
        f"Return-Path: <bounce{number % 997}@example.org>",
        f"From: {chance.choice(people)}",
        f"To: {chance.choice(people)}",
        f"Subject: {_encoded(subject)}",
        f"Date: {date}",
        f"Message-ID: <{number}.{chance.getrandbits(48):012x}@firma{number % 60}.example>",
        "MIME-Version: 1.0",
    ]
    if number % 3 and number > 10:
        lines.append(f"References: <{number - number % 3}.thread@firma.example>")
    return ("\r\n".join(lines) + "\r\n").encode()


def _encoded(text: str) -> str:
    return text if text.isascii() else Header(text, "utf-8", maxlinelen=70).encode(linesep="\r\n")


def _text(chance: random.Random, said: list[str], length: int) -> str:
    average = 118  # bytes a sentence
    chosen = chance.choices(said, k=max(1, length // average))
    paragraphs = [" \r\n".join(chosen[at : at + 5]) for at in range(0, len(chosen), 5)]
    return f"Nr. {chance.randrange(10**8)}\r\n\r\n" + "\r\n\r\n".join(paragraphs) + "\r\n"


def _plain(chance: random.Random, said: list[str], room: int) -> bytes:
    head = b"Content-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: 8bit\r\n\r\n"
    return head + _text(chance, said, room - len(head)).encode()


def _alternative(number: int, chance: random.Random, said: list[str], room: int) -> bytes:
    edge = f"alt{number}"
    text = _text(chance, said, room * 2 // 5)
    html = "<html><body><p>" + text.replace("\r\n\r\n", "</p>\r\n<p class=3D>") + "</p></body></html>\r\n"
    printable = binascii.b2a_qp(html.encode().replace(b"\r\n", b"\n"), istext=True).replace(b"\n", b"\r\n")
    return (
        f'Content-Type: multipart/alternative; boundary="{edge}"\r\n\r\n--{edge}\r\n'
        "Content-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: 8bit\r\n\r\n"
        f"{text}\r\n--{edge}\r\n"
        "Content-Type: text/html; charset=utf-8\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\n"
    ).encode() + (printable + f"\r\n--{edge}--\r\n".encode())


def _with_attachment(number: int, chance: random.Random, said: list[str], room: int) -> bytes:
    edge = f"mix{number}"
    inner = _alternative(number, chance, said, min(9_000, room // 2))
    left = max(0, room - len(inner) - 300)
    content = base64.encodebytes(chance.randbytes(left * 3 // 4 * 76 // 78)).replace(b"\n", b"\r\n")
    name = f"Rechnung-{number}.pdf"
    return (
        f'Content-Type: multipart/mixed; boundary="{edge}"\r\n\r\n--{edge}\r\n'.encode()
        + inner
        + (
            f"\r\n--{edge}\r\nContent-Type: application/pdf; name={name}\r\n"
            f"Content-Disposition: attachment; filename={name}\r\nContent-Transfer-Encoding: base64\r\n\r\n"
        ).encode()
        + content
        + f"--{edge}--\r\n".encode()
    )
