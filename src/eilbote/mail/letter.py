"""A plain text as a letter to be looked at: what its writer added, what is quoted, the signature, and the
addresses in it that can be followed.

Decides what is a link and nothing of how it looks. A link never says another host than it leads to: where
a person could be misled, the host stands beside it. Linear in the text, and bounded.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import groupby
from typing import Literal
from urllib.parse import parse_qsl, unquote, urlsplit

from msgspec import Struct

from eilbote.mail.address import is_address
from eilbote.mail.domain import domain_for_wire
from eilbote.mail.quotes import line_kinds

MAX_TEXT = 512 * 1024
"""Characters of a text that are shown; the rest can be saved with the mail."""

MAX_LINKS = 1000
MAX_BLOCKS = 300

SHORT_QUOTE = 6
"""Lines of a quote between answers that stay unfolded: they are what is being answered."""

_LONGEST_LINK = 2000
_SENTENCE = ".,;:!?'*_|»“”’…"
_BRACKETS = {")": "(", "]": "[", "}": "{"}
_HIDDEN = "\x00-\x20\x7f-\xa0\u061c\u200b-\u200f\u2028-\u202f\u205f-\u2069\u3000\ufeff"
_LINK = re.compile(
    rf"(?P<web>\bhttps?://[^{_HIDDEN}<>\"]{{1,{_LONGEST_LINK}}})"
    rf"|(?P<mailto>\bmailto:[^{_HIDDEN}<>\"]{{1,{_LONGEST_LINK}}})"
    r"|(?P<address>(?<![\w.+@/-])[\w.+-]{1,64}@[\w-]{1,63}(?:\.[\w-]{1,63}){1,8}(?![\w@-]))",
    re.IGNORECASE,
)
Kind = Literal["own", "quoted", "signature"]
_KINDS: dict[str, Kind] = {"n": "own", "q": "quoted", "s": "signature"}


class Run(Struct, frozen=True):
    """Text, and where it leads: to a page (`href`), to a new mail (`to`, `subject`), or nowhere. `host`
    is that of `href` where the text does not show it honestly."""

    text: str
    href: str = ""
    host: str = ""
    to: str = ""
    subject: str = ""


class Block(Struct, frozen=True):
    """Lines that belong together. `folded`: a quote that few want to read again."""

    kind: Kind
    runs: tuple[Run, ...]
    lines: int
    folded: bool = False


class Letter(Struct, frozen=True):
    """The blocks in order; `cut`: the text goes on."""

    blocks: tuple[Block, ...]
    cut: bool = False


def letter_of(text: str) -> Letter:
    """The text taken apart. A letter that is nothing but a quote is not folded."""
    lines = text[:MAX_TEXT].strip("\n").split("\n")
    kinds = line_kinds(lines)
    own = any(kind == "n" and line.strip() for kind, line in zip(kinds, lines, strict=True))
    last_own = max((at for at, kind in enumerate(kinds) if kind == "n" and lines[at].strip()), default=-1)
    blocks: list[Block] = []
    links = _Links()
    at = 0
    for kind, group in groupby(kinds):
        count = len(list(group))
        if len(blocks) == MAX_BLOCKS:
            count = len(lines) - at
        content = "\n".join(lines[at : at + count]).strip("\n")
        if content:
            folded = kind == "q" and own and (count > SHORT_QUOTE or at > last_own)
            blocks.append(Block(_KINDS[kind], tuple(links.runs(content)), content.count("\n") + 1, folded))
        at += count
        if at == len(lines):
            break
    return Letter(tuple(blocks), len(text) > MAX_TEXT)


class _Links:
    """Finds links, as many as one letter may have."""

    def __init__(self) -> None:
        self._left = MAX_LINKS

    def runs(self, text: str) -> Iterator[Run]:
        at = 0
        for found in _LINK.finditer(text):
            run = _run(found) if self._left else None
            if run is None:
                continue
            self._left -= 1
            if found.start() > at:
                yield Run(text[at : found.start()])
            yield run
            at = found.start() + len(run.text)
        if at < len(text):
            yield Run(text[at:])


def _run(found: re.Match[str]) -> Run | None:
    match found.lastgroup:
        case "web":
            return _web(_without_end(found[0]))
        case "mailto":
            return mail_link(_without_end(found[0]))
        case _:
            address = found[0].rstrip(".-")
            return Run(address, to=address) if is_address(address) else None


def _without_end(address: str) -> str:
    """Without what closes the sentence, or the brackets, around it."""
    end, surplus = len(address), dict[str, int]()
    while end:
        last = address[end - 1]
        opening = _BRACKETS.get(last, "")
        if opening:
            surplus.setdefault(last, address.count(last, 0, end) - address.count(opening, 0, end))
        if last not in _SENTENCE and not (opening and surplus[last] > 0):
            break
        if opening:
            surplus[last] -= 1
        end -= 1
    return address[:end]


def _web(text: str) -> Run | None:
    try:
        parts = urlsplit(text)
        host, port = parts.hostname or "", parts.port
    except ValueError:
        return None
    wire = domain_for_wire(host)
    if not host or "%" in host or not wire.isascii() or "\\" in text:
        return None
    shown = f"[{wire}]" if ":" in wire else wire
    place = shown if port is None else f"{shown}:{port}"
    href = parts._replace(scheme=parts.scheme.lower(), netloc=place).geturl()
    honest = wire == host.lower() and "@" not in parts.netloc and "xn--" not in wire
    return Run(text, href=href, host="" if honest else wire)


def mail_link(text: str) -> Run | None:
    """A `mailto:` link (RFC 6068): its addresses and its subject; what else it asks for is left out."""
    address, _, query = text[len("mailto:") :].partition("?")
    people = [one.strip() for one in unquote(address).split(",")]
    if not all(is_address(one) for one in people):
        return None
    try:
        fields = dict(parse_qsl(query[:_LONGEST_LINK], max_num_fields=20))
    except ValueError:
        fields = {}
    subject = next((value for name, value in fields.items() if name.lower() == "subject"), "")
    return Run(text, to=", ".join(people), subject=" ".join(subject.split())[:200])
