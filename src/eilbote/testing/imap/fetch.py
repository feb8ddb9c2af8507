"""FETCH: the asked items read and rendered (RFC 9051 section 6.4.5).

It must never decide which messages are fetched; the session does.
"""

from __future__ import annotations

import re

from msgspec import Struct

from eilbote.testing.imap.mailstore import Message
from eilbote.testing.imap.structure import body_structure, decoded, envelope, parse, section
from eilbote.testing.imap.wire import Rejected, Token, date_time, literal, mailbox

_MACROS = {
    "ALL": ("FLAGS", "INTERNALDATE", "RFC822.SIZE", "ENVELOPE"),
    "FAST": ("FLAGS", "INTERNALDATE", "RFC822.SIZE"),
    "FULL": ("FLAGS", "INTERNALDATE", "RFC822.SIZE", "ENVELOPE", "BODY"),
}
_BODY = re.compile(
    r"(?P<kind>BODY|BINARY)(?P<way>\.PEEK|\.SIZE)?\[(?P<section>.*)\](?:<(?P<start>\d{1,10})\.(?P<count>\d{1,10})>)?",
    re.IGNORECASE | re.DOTALL,
)
_OLD_NAMES = {"RFC822": "", "RFC822.HEADER": "HEADER", "RFC822.TEXT": "TEXT"}
_SIMPLE = frozenset({"FLAGS", "UID", "INTERNALDATE", "RFC822.SIZE", "MODSEQ", "EMAILID", "THREADID"}) | {
    "ENVELOPE",
    "BODY",
    "BODYSTRUCTURE",
    *(_GMAIL := frozenset({"X-GM-MSGID", "X-GM-THRID", "X-GM-LABELS"})),
}


class Content(Struct, frozen=True):
    """One BODY[...] or BINARY[...] as asked, and the name that the answer carries."""

    section: str
    label: str
    peek: bool
    start: int | None = None
    count: int = 0
    binary: bool = False
    size_only: bool = False


class Asked(Struct, frozen=True):
    """Items of one FETCH command."""

    simple: tuple[str, ...]
    contents: tuple[Content, ...]

    @property
    def is_old(self) -> bool:
        """Asks in the words of RFC 1730: RFC822, RFC822.TEXT."""
        return any(content.label in _OLD_NAMES for content in self.contents)

    @property
    def sets_seen(self) -> bool:
        return any(not content.peek for content in self.contents)

    def with_item(self, name: str) -> Asked:
        return self if name in self.simple else Asked((name, *self.simple), self.contents)


def read_items(
    word: Token, *, object_ids: bool, condstore: bool, binary: bool = False, gmail: bool = False
) -> Asked:
    """What a FETCH asks for; Rejected BAD for unknown items."""
    words = word if isinstance(word, list) else [word]
    simple: list[str] = []
    contents: list[Content] = []
    for item in words:
        if not isinstance(item, str):
            raise Rejected("BAD", "Invalid FETCH item")
        name = item.upper()
        if name in _MACROS and len(words) == 1:
            simple += _MACROS[name]
        elif (
            (name in ("EMAILID", "THREADID") and not object_ids)
            or (name == "MODSEQ" and not condstore)
            or (name in _GMAIL and not gmail)
        ):
            raise Rejected("BAD", f"Unknown parameter: {name}")
        elif name in _SIMPLE:
            simple.append(name)
        elif name in _OLD_NAMES:
            contents.append(Content(_OLD_NAMES[name], name, peek=name == "RFC822.HEADER"))
        elif found := _BODY.fullmatch(item):
            contents.append(_content(found, binary=binary))
        else:
            raise Rejected("BAD", f"Unknown parameter: {name[:40]}")
    return Asked(tuple(dict.fromkeys(simple)), tuple(contents))


def _content(found: re.Match[str], *, binary: bool) -> Content:
    start = int(found["start"]) if found["start"] else None
    if start is not None and not int(found["count"]):
        raise Rejected("BAD", "Invalid partial range")
    spec, kind, way = found["section"], found["kind"].upper(), (found["way"] or "").upper()
    is_binary = kind == "BINARY"
    if way == ".SIZE" and (not is_binary or start is not None):
        raise Rejected("BAD", "Invalid FETCH item")
    if is_binary and (not binary or not re.fullmatch(r"\d+(\.\d+)*", spec)):
        raise Rejected("BAD", "Invalid BINARY[] section")
    size_only = way == ".SIZE"
    label = f"{kind}{'.SIZE' if size_only else ''}[{spec.upper() if '(' not in spec else spec}]"
    label += f"<{start}>" if start is not None else ""
    return Content(spec, label, bool(way), start, int(found["count"] or 0), is_binary, size_only)


def render(
    number: int,
    message: Message,
    asked: Asked,
    *,
    leave_out: frozenset[str] = frozenset(),
    empty_bodies: bool = False,
    more_bytes: int = 0,
) -> bytes:
    """One untagged FETCH response without its CRLF. `leave_out` names items that a fault hides;
    `more_bytes` are told of by RFC822.SIZE and never come."""
    reads_parts = {"ENVELOPE", "BODY", "BODYSTRUCTURE"} & {*asked.simple}
    reads_parts |= {content.section for content in asked.contents if content.section}
    part = parse(message.raw) if reads_parts else None
    words: list[bytes] = []
    for name in asked.simple:
        if name in leave_out:
            continue
        value: bytes
        match name:
            case "UID":
                value = b"%d" % message.uid
            case "FLAGS":
                value = b"(%b)" % " ".join(sorted(message.flags)).encode()
            case "MODSEQ":
                value = b"(%d)" % message.modseq
            case "INTERNALDATE":
                value = date_time(message.internal_date)
            case "RFC822.SIZE":
                value = b"%d" % (len(message.raw) + more_bytes)
            case "EMAILID":
                value = b"(%b)" % message.email_id.encode()
            case "THREADID":
                value = b"(%b)" % message.thread_id.encode()
            case "X-GM-MSGID":
                value = b"%d" % message.mail
            case "X-GM-THRID":
                value = b"%d" % (message.conversation or int(message.thread_id[1:17], 16) % 2**63)
            case "X-GM-LABELS":
                # "\\Sent" and \Sent are both seen (MailFlow); names as mailboxes are written
                value = b"(%b)" % b" ".join(
                    b'"\\%b"' % one.encode() if one == "\\Sent" else mailbox(one, utf8=False)
                    for one in message.labels
                )
            case "ENVELOPE" if part:
                value = envelope(part)
            case "BODY" | "BODYSTRUCTURE" if part:
                value = body_structure(part, extended=name == "BODYSTRUCTURE")
            case _:
                raise AssertionError(name)
        words.append(b"%b %b" % (name.encode(), value))
    for content in asked.contents:
        if "BODY" in leave_out:
            continue
        data: bytes | None = b"" if empty_bodies else message.raw
        if part and content.binary:
            data = decoded(part, content.section)
        elif part and not empty_bodies:
            data = section(part, message.raw, content.section)
        if content.size_only:
            words.append(b"%b %d" % (content.label.encode(), len(data or b"")))
            continue
        if data is not None and content.start is not None:
            data = data[content.start : content.start + content.count]
        tilde = b"~" if content.binary else b""  # literal8 (RFC 3516 section 4.3)
        words.append(b"%b %b%b" % (content.label.encode(), tilde, literal(data or b"")))
    return b"* %d FETCH (%b)" % (number, b" ".join(words))
