"""A mail without its large parts: its header, its texts, and of all else only what it is called.

The result is a mail again, with the same numbers of parts; a part that was left out has its own
header, one field more that says how many bytes it had, and no body. Pure; any bytes are bounded by
the limits of `part`.
"""

from __future__ import annotations

from msgspec import Struct

from eilbote.mail.headers import split_headers
from eilbote.mail.message import parse_message
from eilbote.mail.part import Part, boundary_in

FIELD = "X-Eilbote-Left-Out"
SMALL = 8 * 1024
"""A part of at most so many bytes is never left out: signatures, small pictures."""

MAX_LEAVES = 200
"""A mail of more parts than this is not taken apart."""


class Piece(Struct, frozen=True):
    """One part: its own header block with the blank line, and either its body as it stands, or how
    many bytes it had (`left_out`), or the pieces of a multipart."""

    header: bytes
    body: bytes = b""
    left_out: int = 0
    pieces: tuple[Piece, ...] = ()


def stays(media: str, disposition: str, size: int, limit: int) -> bool:
    """Whether a part of `size` encoded bytes stays in a mail that is larger than `limit`."""
    is_text = media.startswith("text/") and disposition != "attachment"
    return size <= SMALL or (is_text and size <= limit)


def assemble(piece: Piece) -> bytes | None:
    """The bytes of a mail of these pieces; None where a multipart tells no boundary."""
    if not piece.pieces:
        return _marked(piece.header, piece.left_out) if piece.left_out else _ended(piece.header) + piece.body
    boundary = boundary_in(piece.header)
    if not boundary:
        return None
    made = [_ended(piece.header)]
    for one in piece.pieces:
        inner = assemble(one)
        if inner is None:
            return None
        made += [b"--", boundary, b"\r\n", inner, b"\r\n"]
    return b"".join([*made, b"--", boundary, b"--\r\n"])


def header_of(raw: bytes) -> bytes:
    """The header block of a mail with its blank line."""
    return raw[: split_headers(raw, 0, len(raw))[2]]


def has_only_header(raw: bytes) -> bool:
    """Whether nothing follows the header block."""
    return len(header_of(raw)) == len(raw)


def skeleton_of(raw: bytes, limit: int) -> bytes | None:
    """The mail without the parts that do not stay; None where it cannot be taken apart, or where
    nothing would be saved."""
    root = parse_message(raw).root
    if sum(not part.children or part.is_message for part in root.walk()) > MAX_LEAVES:
        return None
    made = assemble(_piece(root, limit))
    return made if made is not None and len(made) < len(raw) else None


def left_out_of(part: Part) -> int:
    """How many encoded bytes this part of a skeleton had before it was left out; 0: it is here. Only
    to be asked of a mail that is here in part: any mail can write the field."""
    told = part.headers.get(FIELD)
    return int(told) if told.isascii() and told.isdigit() and len(told) < 16 and not part.size else 0


def _piece(part: Part, limit: int) -> Piece:
    header = part.raw[part.header_start : part.start]
    if part.is_multipart:
        return Piece(header, pieces=tuple(_piece(one, limit) for one in part.children))
    if stays(part.content_type, part.disposition, part.size, limit):
        return Piece(header, part.body())
    return Piece(header, left_out=part.size)


def _ended(header: bytes) -> bytes:
    """The block with a blank line at its end, whatever it lacked."""
    if header.endswith((b"\n\r\n", b"\n\n")) or header in (b"\r\n", b"\n"):
        return header
    return header + (b"\r\n" if not header or header.endswith(b"\n") else b"\r\n\r\n")


def _marked(header: bytes, size: int) -> bytes:
    lines = _ended(header).rstrip(b"\r\n")
    return lines + (b"\r\n" if lines else b"") + b"%s: %d\r\n\r\n" % (FIELD.encode("ascii"), size)
