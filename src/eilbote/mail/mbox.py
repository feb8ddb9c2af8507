"""The mbox dialects as bytes: many mails in one file, told apart by lines that begin with `From `.

| dialect | lines of the mail that begin with `From ` | where the mail ends |
| --- | --- | --- |
| mboxo | get a `>`; lines that had one are read as if it were ours | the next `From ` line |
| mboxrd | get a `>`, and so do those that have some already | the next `From ` line |
| mboxcl | as mboxo | `Content-Length` |
| mboxcl2 | stay as they are | `Content-Length` |

There is no standard: RFC 4155 describes a default form and points to the dialects. Reading never
raises, whatever the bytes, and holds one mail in memory at most; nothing here opens a file.
"""

from __future__ import annotations

import re
from enum import StrEnum

from msgspec import Struct

from eilbote.mail.mbox_from import From, is_from_line, write_from


class Dialect(StrEnum):
    """How a file tells a separator from a line of text."""

    MBOXO = "mboxo"
    MBOXRD = "mboxrd"
    MBOXCL = "mboxcl"
    MBOXCL2 = "mboxcl2"


SAMPLE_BYTES = 4 << 20
"""So much of a file is enough to recognise its dialect."""

COUNTED = frozenset({Dialect.MBOXCL, Dialect.MBOXCL2})
"""Those in which a mail says how long its body is."""

BLANK = re.compile(rb"(?:^|\n)(\r?\n)")
"""The end of a header: group 1 is its blank line."""

_LENGTH = re.compile(rb"^Content-Length:[ \t]*(\d{1,18})[ \t]*\r?\n", re.MULTILINE | re.IGNORECASE)
_TO_QUOTE = {
    Dialect.MBOXO: re.compile(rb"^(?=From )", re.MULTILINE),
    Dialect.MBOXRD: re.compile(rb"^(?=>*+From )", re.MULTILINE),
    Dialect.MBOXCL: re.compile(rb"^(?=From )", re.MULTILINE),
}
_QUOTED = {
    Dialect.MBOXO: re.compile(rb"^>(?=From )", re.MULTILINE),
    Dialect.MBOXRD: re.compile(rb"^>(?=>*+From )", re.MULTILINE),
    Dialect.MBOXCL: re.compile(rb"^>(?=From )", re.MULTILINE),
}
LINE_ENDS = re.compile(rb"(?:\r?\n){0,2}")
"""What may stand between a counted body and the next separator."""
_FROM_LINE = re.compile(rb"^From [^\n]{0,1000}\n", re.MULTILINE)


class Length(Struct, frozen=True):
    """A `Content-Length` field: where it stands in the header, and what it says."""

    start: int
    end: int
    value: int


def write_mail(raw: bytes, sender: str, date: float, dialect: Dialect) -> bytes:
    """The mail as one entry of an mbox file, its separator first and a blank line last. Line ends
    stay as they are; lines that are added end as those beside them. Read again it is the same bytes
    where `is_exact` says so."""
    quotes = dialect in _TO_QUOTE and b"From " in raw
    content = _TO_QUOTE[dialect].sub(b">", raw) if quotes else raw
    if dialect in COUNTED:
        content = _with_length(content)
    end = b"\r\n" if content.endswith(b"\r\n") else b"\n"
    first = b"\r\n" if content[: content.find(b"\n") + 1].endswith(b"\r\n") else b"\n"
    last = end if not content or content.endswith(b"\n") else b"\n" + end
    return write_from(From(sender, date)) + first + content + last


def is_exact(raw: bytes, dialect: Dialect) -> bool:
    """Whether reading gives these very bytes back. In mboxo and mboxcl a `>From ` of the writer's
    looks like one of theirs; a mail without a line end at its end is kept only where its length is
    counted, and a length needs a header that ends."""
    if dialect in (Dialect.MBOXO, Dialect.MBOXCL) and _QUOTED[dialect].search(raw):
        return False
    if dialect in COUNTED:
        return BLANK.search(raw) is not None
    return not raw or raw.endswith(b"\n")


def unquoted(content: bytes, dialect: Dialect) -> bytes:
    """The mail's own lines again."""
    if dialect not in _QUOTED or b">From " not in content:  # most mails: found out at the speed of memchr
        return content
    return _QUOTED[dialect].sub(b"", content)


def length_in(header: bytes | bytearray) -> Length | None:
    """The last `Content-Length` of a header: the one that was written last."""
    found = [Length(one.start(), one.end(), int(one[1])) for one in _LENGTH.finditer(header)]
    return found[-1] if found else None


def recognise(sample: bytes) -> Dialect:
    """The dialect of a file by its first bytes (a few mebibytes tell most). Lengths that fit say
    mboxcl or mboxcl2: mboxcl2 where a `From ` line stands inside a mail or nothing was quoted.
    mboxo cannot be told from mboxrd and is read as that."""
    at = 0
    fits = plain = quoted = 0
    while True:
        line = _FROM_LINE.match(sample, at)
        blank = BLANK.search(sample, line.end() - 1) if line is not None else None
        if line is None or blank is None:
            break
        length = length_in(sample[line.end() : blank.end()])
        end = blank.end() + length.value if length is not None else 0
        if length is None or end > len(sample) or not ends_at(sample, end, complete=False):
            break
        fits += 1
        body = sample[blank.end() : end]
        plain += len(_TO_QUOTE[Dialect.MBOXO].findall(body))
        quoted += len(_QUOTED[Dialect.MBOXO].findall(body))
        at = LINE_ENDS.match(sample, end).end()  # type: ignore[union-attr]  # it matches nothing too
    if not fits:
        return Dialect.MBOXRD
    return Dialect.MBOXCL if quoted and not plain else Dialect.MBOXCL2


def ends_at(data: bytes | bytearray, end: int, *, complete: bool) -> bool:
    """Whether a mail may end there: at the end of the data (which is the end of the file if
    `complete`), or before the next separator."""
    found = LINE_ENDS.match(data, end)
    after = found.end() if found is not None else end
    if after >= len(data):
        return complete or after == len(data)
    until = data.find(b"\n", after, after + 1000)
    line = bytes(data[after : until if until >= 0 else after + 1000])
    return is_from_line(line, after_blank=True)


def _with_length(content: bytes) -> bytes:
    """`Content-Length` as the last field of the header. Without a blank line all is header."""
    blank = BLANK.search(content)
    if blank is None:
        broken = b"\n" if content and not content.endswith(b"\n") else b""
        return content + broken + b"Content-Length: 0\n\n"
    at, end = blank.span(1)
    return content[:at] + b"Content-Length: %d" % (len(content) - end) + blank[1] + content[at:]
