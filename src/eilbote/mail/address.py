"""Address fields (RFC 5322 section 3.4, RFC 6532) to `Address` values: strict about what an address is.

A mailbox that is none (`a@b@c`, no `@`, spaces inside) keeps its text as a name and has no `spec`,
so that nobody can be made to see one address and answer another. Never raises; linear.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from eilbote.mail.envelope import Address
from eilbote.mail.words import clean, decode_words

_ATOM = r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~.-]"
_SPEC = rf"{_ATOM}{{1,64}}+@(?!-)[A-Za-z0-9-]++(?:\.[A-Za-z0-9-]++)*+"

# `Name <a@b>`, `"Name, N." <a@b>`, `<a@b>` or `a@b`, then a comma or the end.
_COMMON = re.compile(
    rf'[ \t]*+(?:(?:"([^"\\\r\n]*+)"|([^"(),:;<>@\[\]\\\r\n]*+))[ \t]*+<({_SPEC})>|({_SPEC}))'
    r"[ \t\r\n]*+(?:,(?=.)|\Z)"
)

# One lexical piece; `*+` never gives back, so an unclosed quote or word costs one pass.
_TOKEN = re.compile(
    r'(?P<quoted>"((?:[^"\\]|\\.)*+)(?:"|\\?\Z))'
    r"|(?P<word>=\?[^?\s]{1,80}\?[bBqQ]\?[^?]*+\?=)"
    r"|(?P<mark>[()<>,;:\[\]])"
    r"|(?P<escape>\\.)"
    r"|(?P<space>[ \t\r\n]++)"
    r'|(?P<atom>(?:(?!=\?)[^"()<>,;:\[\]\\ \t\r\n])++|=|\\)',
    re.DOTALL,
)
_ESCAPE = re.compile(r"\\(.)", re.DOTALL)
_LITERAL = re.compile(r"\[[A-Za-z0-9:.%-]{2,64}\]")
_NO_LOCAL = re.compile(r"[\s\x00-\x1f\x7f()<>,;:\\\"\[\]@]")
_NO_DOMAIN = re.compile(r"[\s\x00-\x1f\x7f()<>,;:\\\"\[\]@!#$%&'*+/=?^`{|}~]")

MAX_ADDRESSES = 10_000
"""In one field; a header block of 512 KiB holds more only if somebody means harm."""


def read_addresses(text: str) -> tuple[Address, ...]:
    """The addresses of a field's text (as `words.text_of` reads it), groups dissolved, in order."""
    found: list[Address] = []
    at, end = 0, len(text)
    while at < end and len(found) < MAX_ADDRESSES:
        common = _COMMON.match(text, at)
        if common is None:
            return tuple(_read_strictly(text)) if text.strip() else ()
        quoted, plain, spec, bare = common.groups()
        if bare:
            found.append(Address("", bare))
        else:
            name = quoted or plain or ""
            found.append(Address(decode_words(name) if name else "", spec))
        at = common.end()
    return tuple(found)


def is_address(spec: str) -> bool:
    """Whether `spec` is one `local@domain` with nothing around it (RFC 5321 section 4.1.2, RFC 6531)."""
    local, at, domain = spec.rpartition("@")
    if not at or not domain or not local or len(spec) > 1000:
        return False
    if local[0] == '"':
        if not (len(local) > 2 and local.endswith('"') and local.isprintable()):
            return False
        inside = _ESCAPE.sub("", local[1:-1])
        if '"' in inside or "\\" in inside:
            return False
    elif _NO_LOCAL.search(local):
        return False
    if domain[0] == "[":
        return bool(_LITERAL.fullmatch(domain))
    return (
        not _NO_DOMAIN.search(domain) and ".." not in domain and domain[0] not in ".-" and spec.isprintable()
    )


def _read_strictly(text: str) -> Iterator[Address]:
    """The whole grammar with what senders make of it: comments, groups, routes, `;` between addresses."""
    one = _Mailbox()
    comment = 0
    made = 0
    for token in _TOKEN.finditer(text):
        kind, piece = token.lastgroup, token[0]
        if comment:
            if piece in ("(", ")"):
                comment += 1 if piece == "(" else -1
            if comment:
                one.comment.append(piece)
            continue
        if kind == "mark":
            if piece == "(":
                comment = 1
                one.comment.append(" ")
                continue
            if piece in ",;" and not one.in_brackets:
                made += 1
                yield from one.finish()
                if made >= MAX_ADDRESSES:
                    return
                one = _Mailbox()
                continue
            if piece == ":" and one.may_open_group():
                one = _Mailbox()
                continue
        one.take(kind or "", piece)
    yield from one.finish()


class _Mailbox:
    """The pieces of one mailbox while they are read."""

    __slots__ = ("angle", "comment", "has_address", "in_brackets", "raw", "shown", "strange")

    def __init__(self) -> None:
        self.raw: list[str] = []
        self.shown: list[str] = []
        self.comment: list[str] = []
        self.angle: list[str] | None = None
        self.in_brackets = False
        self.has_address = False
        self.strange = False

    def take(self, kind: str, piece: str) -> None:
        self.raw.append(piece)
        if "@" in piece or piece == "[":
            self.has_address = True
        if piece == "<":
            if self.angle is None:
                self.angle = []
                self.in_brackets = True
            else:
                self.strange = True
        elif piece == ">":
            if self.in_brackets:
                self.in_brackets = False
            else:
                self.strange = True
        elif self.in_brackets and self.angle is not None:
            self.angle.append(piece)
        else:
            self.shown.append(_unquoted(piece) if kind == "quoted" else piece)
            if self.angle is not None and kind != "space":
                self.strange = True  # text after <a@b>: which of the two is meant?

    def may_open_group(self) -> bool:
        """RFC 5322 section 3.4: `name:` opens a group; a colon elsewhere is part of what stands there."""
        return not self.in_brackets and self.angle is None and not self.has_address

    def finish(self) -> Iterator[Address]:
        """The address, or its text as a name if it is none, or nothing if there is nothing."""
        if self.angle is None:
            spec = "".join(self.raw).strip()
            if is_address(spec):
                yield Address(clean("".join(self.comment)) if self.comment else "", spec)
                return
        else:
            spec = "".join(self.angle).strip()
            if spec.startswith("@") and ":" in spec:
                spec = spec.rpartition(":")[2]  # RFC 5322 section 4.4: the route says nothing any more
            name = decode_words("".join(self.shown)) or decode_words("".join(self.comment))
            if not self.strange and is_address(spec):
                yield Address(name, spec)
                return
        text = decode_words("".join(self.raw))
        if text and text != "<>":
            yield Address(text, "")


def _unquoted(piece: str) -> str:
    inside = piece[1:-1] if len(piece) > 1 and piece.endswith('"') else piece[1:]
    return _ESCAPE.sub(r"\1", inside)
