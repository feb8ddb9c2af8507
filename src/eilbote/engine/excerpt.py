"""Large mails without their large parts: which sections are fetched, and what is made of them.

The structure is the server's word (BODYSTRUCTURE, RFC 9051 section 7.5.2): it decides what is asked
for, and whatever comes is bounded and read as mail from strangers is. Nothing is stored here.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator, Mapping

from eilbote.mail.mailbox import Uid, UidSet
from eilbote.mail.skeleton import MAX_LEAVES, Piece, assemble, stays
from eilbote.net.imap import ImapSession
from eilbote.protocols.imap.structure import BodyPart
from eilbote.protocols.imap.types import FetchedMessage

_STRUCTURES = 500
"""Mails whose structure is asked for at once."""
_BATCH_BYTES = 4 << 20
"""Bytes of excerpts that are fetched at once."""


async def fetch_excerpts(imap: ImapSession, uids: UidSet, limit: int) -> AsyncIterator[list[FetchedMessage]]:
    """Fetches mails of the open mailbox, larger than `limit`, without the parts that are left out;
    newest first, in batches. Mails that have to be taken whole are left out of them."""
    for portion in uids.chunks(_STRUCTURES, newest_first=True):
        told = {one.uid: one.structure for one in await imap.fetch_structures(portion)}
        asked: dict[Uid, tuple[str, ...]] = {}
        size = 0
        for uid in sorted(portion, reverse=True):
            structure = told.get(uid)
            sections = sections_of(structure, limit) if structure is not None else None
            if structure is not None and sections is not None:
                asked[uid] = sections
                size += bytes_of(structure, limit)
            if size >= _BATCH_BYTES:
                yield await _excerpts(imap, asked, told, limit)
                asked, size = {}, 0
        if asked:
            yield await _excerpts(imap, asked, told, limit)


async def _excerpts(
    imap: ImapSession,
    asked: Mapping[Uid, tuple[str, ...]],
    structures: Mapping[Uid | None, BodyPart | None],
    limit: int,
) -> list[FetchedMessage]:
    batch = []
    for one in await imap.fetch_sections(asked):
        structure = structures.get(one.uid)
        if one.uid in asked and structure is not None:
            mail = one.as_excerpt(excerpt_of(structure, one.sections, limit))
            if mail is not None:
                batch.append(mail)
    return batch


def sections_of(structure: BodyPart, limit: int) -> tuple[str, ...] | None:
    """The sections to fetch of a mail that is larger than `limit`; None where it has to be taken
    whole: it has too many parts, or none that would be left out."""
    leaves = list(_leaves(structure))
    if len(leaves) > MAX_LEAVES or all(_stays(one, limit) for one in leaves):
        return None
    sections = ["HEADER"]
    for part in _walk(structure):
        if part is not structure:
            sections.append(f"{part.number}.MIME")
        if not _is_multipart(part) and _stays(part, limit):
            sections.append(part.number)
    return tuple(sections)


def bytes_of(structure: BodyPart, limit: int) -> int:
    """About how many bytes these sections have."""
    return sum(one.size if _stays(one, limit) else 1024 for one in _leaves(structure))


def excerpt_of(structure: BodyPart, told: Mapping[str, bytes | None], limit: int) -> bytes | None:
    """The mail made of what the server told; None where something is missing."""
    piece = _piece(structure, told, limit, root=True)
    return None if piece is None else assemble(piece)


def _piece(part: BodyPart, told: Mapping[str, bytes | None], limit: int, *, root: bool) -> Piece | None:
    header = told.get("HEADER" if root else f"{part.number}.MIME")
    if header is None:
        return None
    if _is_multipart(part):
        pieces = [_piece(one, told, limit, root=False) for one in part.parts]
        whole = tuple(one for one in pieces if one is not None)
        return Piece(header, pieces=whole) if len(whole) == len(pieces) and whole else None
    if not _stays(part, limit):
        return Piece(header, left_out=part.size)
    body = told.get(part.number)
    if body is None:
        return Piece(header) if not part.size else None
    return Piece(header, body)


def _stays(part: BodyPart, limit: int) -> bool:
    return stays(part.media, part.disposition, part.size, limit)


def _is_multipart(part: BodyPart) -> bool:
    return part.media.startswith("multipart/") and bool(part.parts)


def _walk(part: BodyPart) -> Iterator[BodyPart]:
    """All parts but those of attached messages, which stay or go as one."""
    yield part
    if _is_multipart(part):
        for one in part.parts:
            yield from _walk(one)


def _leaves(part: BodyPart) -> Iterator[BodyPart]:
    return (one for one in _walk(part) if not _is_multipart(one))
