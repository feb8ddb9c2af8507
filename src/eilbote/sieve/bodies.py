"""What the tests of bodies read (RFC 5173), and what `extracttext` takes from a part (RFC 5703 section 7).

Texts keep the line ends that the mail has. No more is read than `Limits.body_bytes` of a mail, encoded as
it stands; what lies behind counts as not there. Never raises, whatever the mail.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial

from eilbote.mail.charset import decode
from eilbote.mail.encoding import decode_transfer
from eilbote.mail.html import html_to_text
from eilbote.mail.part import Part
from eilbote.sieve.values import Limits


class _Content:
    """What one part holds, decoded when first asked for: tests of text need no pictures."""

    __slots__ = ("_make", "_text", "kind")

    def __init__(self, kind: str, make: Callable[[], str]) -> None:
        self.kind = kind
        self._make = make
        self._text: str | None = None

    def text(self) -> str:
        """As text."""
        if self._text is None:
            self._text = self._make()
        return self._text


class Bodies:
    """The texts of one mail (or of one of its parts), each made when first asked for and then kept."""

    __slots__ = ("_contents", "_limit", "_raw", "_root", "_texts")

    def __init__(self, root: Part, limits: Limits) -> None:
        """Reads nothing yet."""
        self._root = root
        self._limit = limits.body_bytes
        self._raw: str | None = None
        self._texts: tuple[str, ...] | None = None
        self._contents: tuple[_Content, ...] | None = None

    def raw(self) -> str:
        """`:raw`: the whole body as it stands, boundaries and all, nothing decoded (RFC 5173 section 5.1)."""
        if self._raw is None:
            part = self._root
            data = part.raw[part.start : min(part.end, part.start + self._limit)]
            self._raw = data.decode("utf-8", "replace")
        return self._raw

    def texts(self) -> tuple[str, ...]:
        """`:text`: each part that is text, HTML as a person reads it (RFC 5173 section 5.3)."""
        if self._texts is None:
            self._texts = tuple(
                html_to_text(each.text()) if each.kind == "text/html" else each.text()
                for each in self._all()
                if each.kind.startswith("text/")
            )
        return self._texts

    def contents(self, types: tuple[str, ...]) -> tuple[str, ...]:
        """`:content`: each part of one of these types, decoded; of a multipart what stands before its first
        part and behind its last, of an embedded message its header (RFC 5173 section 5.2)."""
        return tuple(each.text() for each in self._all() if any(is_of_type(each.kind, one) for one in types))

    def _all(self) -> tuple[_Content, ...]:
        if self._contents is None:
            self._contents = tuple(self._read())
        return self._contents

    def _read(self) -> Iterator[_Content]:
        left = self._limit
        for part in self._root.walk():
            if left <= 0:
                return
            if part.is_multipart:
                for piece in _around(part):
                    yield _Content(part.content_type, partial(_as_it_stands, piece[:left]))
                    left -= len(piece)
            elif part.is_message:
                head = part.children[0]
                data = part.raw[head.header_start : min(head.header_end, head.header_start + left)]
                yield _Content(part.content_type, partial(_as_it_stands, data))
                left -= len(data)
            else:
                yield _Content(part.content_type, partial(_decoded, part, left))
                left -= part.size


def part_text(part: Part, limits: Limits, first: int | None = None) -> str:
    """What `extracttext` takes: the text of a part that is one, HTML as a person reads it, at most `first`
    characters; of any other part nothing."""
    if part.children or not part.content_type.startswith("text/"):
        return ""
    text = _decoded(part, limits.body_bytes)
    if part.content_type == "text/html":
        text = html_to_text(text)
    return text if first is None else text[:first]


def is_of_type(kind: str, wanted: str) -> bool:
    """Whether `type/subtype` is one of what a script names: `text`, `text/plain`, or nothing for all (RFC
    5173 section 5.2); a name with a slash at its end or with two names none."""
    wanted = wanted.lower()
    return not wanted or kind == wanted or ("/" not in wanted and kind.partition("/")[0] == wanted)


def _as_it_stands(data: bytes) -> str:
    return data.decode("utf-8", "replace")


def _decoded(part: Part, most: int) -> str:
    body = part.raw[part.start : min(part.end, part.start + most)]
    content = decode_transfer(body, part.encoding)
    if len(body) < part.size:
        # Cut between two lines, so that no character is cut in two and no charset guessed from a half.
        content = content[: content.rfind(b"\n") + 1] or content
    if part.content_type.startswith("text/"):
        return decode(content, part.charset)
    return content.decode("utf-8", "replace")


def _around(part: Part) -> tuple[bytes, ...]:
    """What stands before the first part of a multipart and, where that is closed, behind its last."""
    before = part.raw[part.start : part.children[0].header_start].rstrip(b"\r\n")
    behind = part.raw[part.children[-1].end : part.end].lstrip(b"\r\n")
    prologue = before[: before.rfind(b"\n") + 1]
    return (prologue, behind.partition(b"\n")[2]) if behind else (prologue,)
