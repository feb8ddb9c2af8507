"""ENVELOPE, BODYSTRUCTURE and BODY[section] of a message, as a server tells them (RFC 9051 section 7.5.2).

Written apart from the product's own MIME reading on purpose. It must never raise on a broken
message: what cannot be understood is one plain text.
"""

from __future__ import annotations

import re
from base64 import b64decode
from binascii import a2b_qp

from msgspec import Struct, field

from eilbote.testing.imap.wire import Rejected, nstring, quoted

_MAX_DEPTH = 40
_MAX_PARTS = 1000
_PARAMETER = re.compile(rb';\s*([^\s=;]+)\s*=\s*(?:"((?:[^"\\]|\\.)*)"|([^\s;]*))')
_CHARSET = b'("charset" "us-ascii")'


class Part(Struct):
    """One MIME part: its header block (with the blank line) and its body, exactly."""

    header: bytes
    body: bytes
    kind: bytes = b"text"
    subtype: bytes = b"plain"
    parameters: list[tuple[bytes, bytes]] = field(default_factory=list)
    children: list[Part] = field(default_factory=list)

    def get(self, name: bytes) -> bytes | None:
        """The first header of this (lower-case) name, unfolded; None if absent."""
        for field_name, value in fields(self.header):
            if field_name.lower() == name:
                return re.sub(rb"\r?\n(?=[ \t])", b"", value.partition(b":")[2]).strip()
        return None


def parse(raw: bytes) -> Part:
    """The tree of parts of a whole message."""
    return _part(raw, _MAX_DEPTH, [_MAX_PARTS], default=(b"text", b"plain"))


def fields(header: bytes) -> list[tuple[bytes, bytes]]:
    """(name, whole field with its folded lines and line ends), in order."""
    found = re.findall(rb"[^\r\n]+(?:\r?\n[ \t][^\r\n]*)*(?:\r?\n|$)", header)
    return [(line.partition(b":")[0].strip(), line) for line in found]


def section(part: Part, raw: bytes, spec: str) -> bytes | None:
    """BODY[spec] of a message; None for a part that is not there, Rejected for no section."""
    asked = re.fullmatch(
        r"(?P<path>[0-9.]*?)\.?(?P<what>HEADER|TEXT|MIME|HEADER\.FIELDS(?:\.NOT)? ?\((?P<names>.*)\))?",
        spec,
        re.IGNORECASE | re.DOTALL,
    )
    if not asked:
        raise Rejected("BAD", "Invalid BODY[] section")
    path, what = asked["path"], (asked["what"] or "").upper()
    target = part
    if path:
        found = _descend(part, path)
        if found is None or what == "MIME":
            return found.header if found else None
        if what:
            if (found.kind, found.subtype) != (b"message", b"rfc822") or not found.children:
                return None
            found = found.children[0]
        target = found
    elif what == "MIME":
        raise Rejected("BAD", "Invalid BODY[] section")
    if not what:
        return target.body if path else raw
    if what == "TEXT":
        return target.body
    if what == "HEADER":
        return target.header
    names = {name.strip('"').lower().encode() for name in (asked["names"] or "").split()}
    if not names:
        raise Rejected("BAD", "Missing header names")
    wanted = not what.startswith("HEADER.FIELDS.NOT")
    kept = [line for name, line in fields(target.header) if (name.lower() in names) == wanted]
    return b"".join(kept) + b"\r\n"


def text_of(part: Part) -> str:
    """The text of every text part, transfer encoding and charset undone as far as they can be."""
    if part.children:
        return "\n".join(text_of(child) for child in part.children)
    if part.kind != b"text":
        return ""
    data = _undone(part)
    charset = dict(part.parameters).get(b"charset", b"utf-8").decode("ascii", "replace")
    try:
        return data.decode(charset, "replace")
    except LookupError:
        return data.decode("utf-8", "replace")


def decoded(part: Part, path: str) -> bytes | None:
    """BINARY[path]: the part's body, transfer encoding undone (RFC 3516); None if there is none."""
    found = _descend(part, path)
    return _undone(found) if found else None


def _undone(part: Part) -> bytes:
    match (part.get(b"content-transfer-encoding") or b"").lower():
        case b"base64":
            letters = re.sub(rb"[^A-Za-z0-9+/]", b"", part.body)
            return b64decode(letters[: len(letters) - (len(letters) % 4 == 1)] + b"==")
        case b"quoted-printable":
            return a2b_qp(part.body)
        case _:
            return part.body


def envelope(part: Part) -> bytes:
    """ENVELOPE: ten fields, or NIL each (RFC 9051 section 7.5.2)."""
    sender = _addresses(part.get(b"from"))
    return b"(%b)" % b" ".join(
        (
            nstring(part.get(b"date")),
            nstring(part.get(b"subject")),
            sender,
            _addresses(part.get(b"sender")) if part.get(b"sender") else sender,
            _addresses(part.get(b"reply-to")) if part.get(b"reply-to") else sender,
            _addresses(part.get(b"to")),
            _addresses(part.get(b"cc")),
            _addresses(part.get(b"bcc")),
            nstring(part.get(b"in-reply-to")),
            nstring(part.get(b"message-id")),
        )
    )


def body_structure(part: Part, *, extended: bool) -> bytes:
    """BODYSTRUCTURE, or BODY without the extension fields."""
    if part.children and part.kind == b"multipart":
        inside = b"".join(body_structure(child, extended=extended) for child in part.children)
        more = b" %b %b NIL NIL" % (_pairs(part.parameters), _disposition(part)) if extended else b""
        return b"(%b %b%b)" % (inside, quoted(part.subtype), more)
    encoding = (part.get(b"content-transfer-encoding") or b"7bit").lower()
    parameters = _pairs(part.parameters)
    if parameters == b"NIL" and part.kind == b"text":
        parameters = _CHARSET
    words = [
        quoted(part.kind),
        quoted(part.subtype),
        parameters,
        nstring(part.get(b"content-id")),
        nstring(part.get(b"content-description")),
        quoted(encoding),
        str(len(part.body)).encode(),
    ]
    if part.children and part.subtype == b"rfc822":
        inner = part.children[0]
        words += [envelope(inner), body_structure(inner, extended=extended)]
    if part.kind == b"text" or (part.children and part.subtype == b"rfc822"):
        words.append(str(part.body.count(b"\n")).encode())
    if extended:
        words += [b"NIL", _disposition(part), b"NIL", nstring(part.get(b"content-location"))]
    return b"(%b)" % b" ".join(words)


def _part(raw: bytes, depth: int, left: list[int], default: tuple[bytes, bytes]) -> Part:
    left[0] -= 1
    blank = re.search(rb"\r?\n\r?\n", raw)
    cut = blank.end() if blank else len(raw)
    if raw.startswith((b"\r\n", b"\n")):  # no header at all
        cut = raw.index(b"\n") + 1
    part = Part(raw[:cut], raw[cut:], *default)
    declared = part.get(b"content-type")
    if declared:
        kind, _, rest = declared.partition(b";")
        main, slash, sub = kind.strip().lower().partition(b"/")
        if slash and main and sub:
            part.kind, part.subtype = main, sub
        part.parameters = [
            (name.lower(), re.sub(rb"\\(.)", rb"\1", in_quotes) or bare)
            for name, in_quotes, bare in _PARAMETER.findall(b";" + rest)
        ]
    boundary = dict(part.parameters).get(b"boundary")
    if part.kind == b"multipart" and boundary and depth and left[0] > 0:
        inner = (b"message", b"rfc822") if part.subtype == b"digest" else (b"text", b"plain")
        for piece in _pieces(part.body, boundary):
            if left[0] <= 0:
                break
            part.children.append(_part(piece, depth - 1, left, inner))
    elif (part.kind, part.subtype) == (b"message", b"rfc822") and depth and left[0] > 0:
        part.children = [_part(part.body, depth - 1, left, (b"text", b"plain"))]
    return part


def _pieces(body: bytes, boundary: bytes) -> list[bytes]:
    """What lies between the delimiter lines; the line end before a delimiter belongs to it."""
    line = re.compile(rb"(?:^|\r?\n)--" + re.escape(boundary) + rb"(--)?[ \t]*(?=\r?\n|$)")
    pieces: list[bytes] = []
    start = -1
    for found in line.finditer(body):
        if start >= 0:
            pieces.append(body[start : found.start()])
        if found[1]:
            return pieces
        start = body.find(b"\n", found.end()) + 1 or len(body)
    if start >= 0:
        pieces.append(body[start:])
    return pieces


def _descend(part: Part, path: str) -> Part | None:
    target = part
    for index, step in enumerate(path.split(".")):
        if not step.isdigit() or len(step) > 5 or int(step) < 1:
            raise Rejected("BAD", "Invalid BODY[] section")
        if index and (target.kind, target.subtype) == (b"message", b"rfc822") and target.children:
            target = target.children[0]
        if target.kind == b"multipart" and target.children:
            if int(step) > len(target.children):
                return None
            target = target.children[int(step) - 1]
        elif int(step) != 1:
            return None
        elif not index:
            continue  # the only part of a plain message is its body
    return target


_ADDRESS_MARK = re.compile(
    rb'"((?:[^"\\]|\\.)*)"|(\((?:[^()\\]|\\.)*\))|<([^<>]*)>|([,:;])|([^\s",:;<>()]+)|(\s+|.)', re.DOTALL
)


def _addresses(value: bytes | None) -> bytes:
    """An address list; a group begins with (NIL NIL name NIL) and ends with four NIL."""
    told: list[bytes] = []
    words: list[bytes] = []
    route: bytes | None = None
    in_group = False

    def finish() -> None:
        nonlocal route
        if route is not None:
            told.append(_address(b" ".join(words), route))
        elif words:
            told.append(_address(None, b"".join(words)))
        words.clear()
        route = None

    for in_quotes, _comment, angle, mark, word, other in _ADDRESS_MARK.findall((value or b"") + b","):
        if mark == b":" and not in_group:
            told.append(b"(NIL NIL %b NIL)" % nstring(b" ".join(words)))
            words.clear()
            in_group = True
        elif mark:
            finish()
            if mark == b";" and in_group:
                told.append(b"(NIL NIL NIL NIL)")
                in_group = False
        elif word or in_quotes:
            words.append(word or re.sub(rb"\\(.)", rb"\1", in_quotes))
        elif angle or (not other and not _comment):
            route = angle
    return b"(%b)" % b"".join(told) if told else b"NIL"


def _address(name: bytes | None, spec: bytes) -> bytes:
    local, at, domain = spec.strip().rpartition(b"@")
    parts = (name or None, None, local if at else domain, domain if at else b"MISSING_DOMAIN")
    return b"(%b)" % b" ".join(nstring(part) for part in parts)


def _pairs(parameters: list[tuple[bytes, bytes]]) -> bytes:
    if not parameters:
        return b"NIL"
    return b"(%b)" % b" ".join(quoted(word) for pair in parameters for word in pair)


def _disposition(part: Part) -> bytes:
    declared = part.get(b"content-disposition")
    if not declared:
        return b"NIL"
    kind, _, rest = declared.partition(b";")
    parameters = [(name.lower(), q or bare) for name, q, bare in _PARAMETER.findall(b";" + rest)]
    return b"(%b %b)" % (quoted(kind.strip().lower()), _pairs(parameters))
