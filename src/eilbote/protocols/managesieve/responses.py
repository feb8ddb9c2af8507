"""What a ManageSieve server's lines say, read without ever raising: what cannot be read is passed over,
and counted where that matters.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from urllib.parse import urlsplit

from eilbote.protocols.managesieve.encode import is_forbidden
from eilbote.protocols.managesieve.framing import Word, Words
from eilbote.protocols.managesieve.values import (
    Capabilities,
    ListedScript,
    Remark,
    ScriptListing,
    ScriptName,
    Status,
)

KINDS = ("OK", "NO", "BYE")

_LONGEST_TEXT = 64 * 1024
_LONGEST_CODE = 100
_MOST_ARGUMENTS = 10
_MOST_REMARKS = 100
_LONGEST_REMARK = 500
_LARGEST = 2**31
_LINE = re.compile(
    r"\bline\s+(\d{1,9})(?!\d)(?:\s*[,:]?\s*(?:column|col\.?)\s+(\d{1,9}))?[ \t]*[:,]?\s*", re.IGNORECASE
)
_PORT = 4190


def read_status(words: Words) -> Status | None:
    """How an answer ends (RFC 5804 section 1.2, 1.3); None for a line of another kind."""
    first = words[0]
    if not isinstance(first, str) or first.upper() not in KINDS:
        return None
    rest = words[1:]
    code = ""
    arguments: tuple[str, ...] = ()
    if rest[:1] == ("(",):
        end = _closing(rest)
        code, arguments = _code(rest[1:end])
        rest = rest[end + 1 :]
    text = next((word for word in rest if isinstance(word, bytes)), b"")
    return Status(first.upper(), code, arguments, _lines_of(text))


def _closing(words: Words) -> int:
    """Where the parenthesis that `words` begin with ends; the framer has seen to it that it does."""
    depth = 0
    for at, word in enumerate(words):
        depth += {"(": 1, ")": -1}.get(word, 0) if isinstance(word, str) else 0
        if depth == 0:
            return at
    return len(words)


def _code(words: Words) -> tuple[str, tuple[str, ...]]:
    if not words or not isinstance(words[0], str):
        return "", ()
    given = (word for word in words[1:] if isinstance(word, bytes) or word not in "()")
    arguments = tuple(word.decode("utf-8", "replace") if isinstance(word, bytes) else word for word in given)
    return words[0][:_LONGEST_CODE].upper(), arguments[:_MOST_ARGUMENTS]


def read_capabilities(lines: Iterable[Words]) -> Capabilities:
    """The answer to CAPABILITY (RFC 5804 section 1.7, 2.4); of two lines of one name the first counts."""
    told: dict[str, str] = {}
    for words in lines:
        if isinstance(words[0], bytes):
            value = words[1] if len(words) > 1 and isinstance(words[1], bytes) else b""
            told.setdefault(_printable(words[0]).upper(), _printable(value))
    return Capabilities(
        names=frozenset(told),
        mechanisms=tuple(dict.fromkeys(told.get("SASL", "").upper().split())),
        extensions=tuple(dict.fromkeys(told.get("SIEVE", "").lower().split())),
        notify=tuple(dict.fromkeys(told.get("NOTIFY", "").lower().split())),
        redirects=_number(told.get("MAXREDIRECTS", "")),
        implementation=told.get("IMPLEMENTATION", "")[:200],
        version=told.get("VERSION", "")[:20],
        language=told.get("LANGUAGE", "")[:50],
        owner=told.get("OWNER", "")[:300],
    )


def read_listing(lines: Iterable[Words]) -> ScriptListing:
    """The answer to LISTSCRIPTS (RFC 5804 section 2.7). Of two lines of one name the first counts."""
    scripts: dict[str, ListedScript] = {}
    unreadable = 0
    for words in lines:
        name = _name(words[0])
        active = len(words) == 2 and isinstance(words[1], str) and words[1].upper() == "ACTIVE"
        if name is None or name in scripts or (len(words) > 1 and not active):
            unreadable += 1
            continue
        scripts[name] = ListedScript(name, active)
    return ScriptListing(tuple(scripts.values()), unreadable)


def _name(word: Word) -> ScriptName | None:
    """A name that can be said again and shown: text without control characters (RFC 5804 section 1.6), in
    whatever form the server has it."""
    if not isinstance(word, bytes) or not word:
        return None
    try:
        name = word.decode()
    except UnicodeDecodeError:
        return None
    return None if any(map(is_forbidden, name)) else ScriptName(name)


def read_remarks(text: str) -> tuple[Remark, ...]:
    """What the server's words say of single lines of a script. Servers write this as they like: each line
    of the text that names a line of the script is a remark, what follows it belongs to it; a text that
    names none is one remark of its own."""
    found: list[Remark] = []
    for line in text.splitlines():
        words = " ".join(line.split())
        if not words:
            continue
        place = _LINE.search(words)
        if place is not None:
            column = int(place[2]) if place[2] else None
            said = words[place.end() :] or words
            found.append(Remark(said[:_LONGEST_REMARK], int(place[1]), column))
        elif found and found[-1].line is not None and line[:1].isspace():
            last = found[-1]
            joined = f"{last.text} {words}"[:_LONGEST_REMARK]
            found[-1] = Remark(joined, last.line, last.column)
        else:
            found.append(Remark(words[:_LONGEST_REMARK]))
    return tuple(found[:_MOST_REMARKS])


def referred_to(status: Status) -> str:
    """The server that the client is sent to, as `HOST:PORT`, "" where it is sent nowhere (RFC 5804 section
    1.3, REFERRAL). Never to be followed without a person's word: whoever stands in between could send
    us anywhere."""
    if status.code != "REFERRAL":
        return ""
    url = status.arguments[0] if status.arguments else ""
    try:
        parts = urlsplit(url)
        host, port = parts.hostname or "", parts.port or _PORT
    except ValueError:
        host, port = "", 0
    if not _is_host(host):
        return _printable(url.encode())[:200] or "?"
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def _is_host(name: str) -> bool:
    return 0 < len(name) <= 253 and all(mark.isalnum() or mark in "-_.:" for mark in name)


def _number(word: str) -> int | None:
    if not word.isascii() or not word.isdigit() or len(word) > 10:
        return None
    number = int(word)
    return number if number <= _LARGEST else None


def _printable(raw: bytes) -> str:
    text = raw.decode("utf-8", "replace")
    return "".join(mark if mark.isprintable() else "�" for mark in text).strip()


def _lines_of(raw: bytes) -> str:
    """Words of the server that may go over several lines."""
    return "\n".join(
        "".join(mark if mark.isprintable() or mark == "\t" else "�" for mark in line)
        for line in raw[:_LONGEST_TEXT].decode("utf-8", "replace").splitlines()
    ).strip()
