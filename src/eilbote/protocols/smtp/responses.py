"""What an SMTP server's lines say. The reply line is the one thing that must be right; everything
inside its text is read without ever raising."""

from __future__ import annotations

import re
from collections.abc import Sequence

from eilbote.protocols.smtp.types import Extensions, Reply

# RFC 5321 section 4.2: three digits, then `-` where another line follows. Some end with the digits.
_LINE = re.compile(rb"([2-5][0-9]{2})(?:([ -])(.*))?", re.DOTALL)
_ENHANCED = re.compile(r"([245]\.\d{1,3}\.\d{1,3})(?:\s+|\Z)")  # RFC 2034 section 4
_LARGEST = 2**53


def read_line(line: bytes) -> tuple[int, bool, bytes] | None:
    """Code, whether another line follows, and the text; None for what is no reply line."""
    found = _LINE.fullmatch(line)
    if found is None:
        return None
    return int(found[1]), found[2] == b"-", found[3] or b""


def read_reply(code: int, texts: Sequence[bytes]) -> Reply:
    """A whole reply. The enhanced code stands on each of its lines (RFC 2034 section 4); one that
    contradicts the digits is text."""
    enhanced = ""
    lines = []
    for raw in texts:
        text = _printable(raw)
        found = _ENHANCED.match(text)
        if found is not None and (not enhanced or found[1] == enhanced):
            enhanced = found[1]
            text = text[found.end() :]
        if text:
            lines.append(text)
    return Reply(code, enhanced, tuple(lines))


def read_extensions(reply: Reply) -> Extensions:
    """The answer to EHLO. The first line is the server's name; the others name what it can do."""
    told: dict[str, list[str]] = {}
    mechanisms: dict[str, None] = {}
    for line in reply.lines[1:]:
        words = line.upper().split()
        if not words:
            continue
        name, arguments = words[0], words[1:]
        if name.startswith("AUTH="):  # an old misreading of RFC 2554 that some still announce
            name, arguments = "AUTH", [name[5:], *arguments]
        if name == "AUTH":
            mechanisms |= dict.fromkeys(one for one in arguments if one)
        told.setdefault(name, arguments)
    limits = dict(word.split("=", 1) for word in told.get("LIMITS", []) if "=" in word)
    size = told.get("SIZE", [])
    return Extensions(
        esmtp=True,
        names=frozenset(told),
        size=(_number(size[0]) or None) if size else None,  # 0: no fixed maximum (RFC 1870 section 3)
        mechanisms=tuple(mechanisms),
        mail_max=_number(limits.get("MAILMAX", "")) or None,
        rcpt_max=_number(limits.get("RCPTMAX", "")) or None,
        domain_max=_number(limits.get("RCPTDOMAINMAX", "")) or None,
        greeting=reply.lines[0] if reply.lines else "",
    )


def _number(word: str) -> int | None:
    if not word.isascii() or not word.isdigit() or len(word) > 18:
        return None
    number = int(word)
    return number if number <= _LARGEST else None


def _printable(raw: bytes) -> str:
    text = raw.decode("utf-8", "replace")
    if not text.isprintable():
        text = "".join(mark if mark.isprintable() else "�" for mark in text)
    return text.strip()
