"""What a POP3 server's lines say, read without ever raising: a line that cannot be read is counted and
passed over, because one bad line must not keep the rest of a maildrop away.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence

from msgspec import Struct

from eilbote.protocols.pop3.types import Capabilities, ListedMail, Maildrop, Stat

_CODE = re.compile(r"\[([A-Za-z][A-Za-z0-9/.\-]{0,99})\]\s*")
_LARGEST = 2**53
_MOST_NUMBER = 2**31
_LONGEST_UIDL = 512  # RFC 1939 section 7 says 70; servers give more


class Status(Struct, frozen=True):
    """A status line: `+OK` or `-ERR`, the response code in upper case (RFC 2449 section 8, RFC 3206)
    or "", and the text after it."""

    ok: bool
    code: str
    text: str


def read_status(line: bytes) -> Status | None:
    """None for what is no status line."""
    word, _, rest = line.partition(b" ")
    match word.strip().upper():
        case b"+OK":
            ok = True
        case b"-ERR":
            ok = False
        case _:
            return None
    text = _printable(rest)
    code = _CODE.match(text)
    if code is None:
        return Status(ok, "", text)
    return Status(ok, code[1].upper(), text[code.end() :])


def read_capabilities(lines: Iterable[bytes]) -> Capabilities:
    """The answer to CAPA (RFC 2449 section 5)."""
    words = [_printable(line).split() for line in lines]
    told = {one[0].upper(): one[1:] for one in words if one}
    delay = told.get("LOGIN-DELAY", [])
    expire = told.get("EXPIRE", [])
    return Capabilities(
        names=frozenset(told),
        mechanisms=tuple(dict.fromkeys(name.upper() for name in told.get("SASL", []))),
        login_delay=min(_number(delay[0]) or 0, 86_400) if delay else 0,
        expire=_number(expire[0]) if expire else None,
        implementation=" ".join(told.get("IMPLEMENTATION", []))[:200],
        known=True,
    )


def read_stat(text: str) -> Stat:
    """The text of STAT's status line: count and size (RFC 1939 section 5)."""
    words = [*text.split()[:2], "", ""]
    return Stat(_number(words[0], _MOST_NUMBER), _number(words[1]))


def read_maildrop(told: int | None, sizes: Sequence[bytes], uidls: Sequence[bytes] | None) -> Maildrop:
    """LIST and UIDL together; `uidls` None where the server has no UIDL. A mail that only one of both
    names is there too; of two lines for one number the first counts."""
    found, unreadable = _by_number(sizes)
    names, unread = _by_number(uidls or ())
    unreadable += unread + sum(_number(word) is None for word in found.values())
    mails = [
        ListedMail(number, _number(found.get(number, "")), _uidl(names.get(number, "")))
        for number in sorted(found.keys() | names.keys())
    ]
    return Maildrop(tuple(mails), told, uidls is not None, unreadable)


def _by_number(lines: Iterable[bytes]) -> tuple[Mapping[int, str], int]:
    """Number -> second word, "" where there is none; and how many lines had no number."""
    found: dict[int, str] = {}
    unreadable = 0
    for line in lines:
        words = line.decode("utf-8", "surrogateescape").split()
        number = _number(words[0], _MOST_NUMBER) if words else None
        if number is None or number == 0 or number in found:
            unreadable += 1
            continue
        found[number] = words[1] if len(words) > 1 else ""
    return found, unreadable


def _number(word: str, largest: int = _LARGEST) -> int | None:
    if not word.isascii() or not word.isdigit() or len(word) > 18:
        return None
    number = int(word)
    return number if number <= largest else None


def _uidl(word: str) -> str:
    """A UIDL that can be kept: any visible ASCII (RFC 1939 section 7), else as if there were none."""
    fits = 0 < len(word) <= _LONGEST_UIDL and all("!" <= mark <= "~" for mark in word)
    return word if fits else ""


def _printable(raw: bytes) -> str:
    text = raw.decode("utf-8", "replace")
    return "".join(mark if mark.isprintable() else "�" for mark in text).strip()
