"""How much of each mail is kept, in words."""

from __future__ import annotations

from typing import assert_never

from eilbote.cli.command import mark
from eilbote.cli.face import Face
from eilbote.figures import number, size
from eilbote.mail.keep import Keep, KeepKind


def kept_words(face: Face, keep: Keep) -> str:
    """A mode as a person calls it."""
    language = face.catalogue.language
    match keep.kind:
        case KeepKind.EVERYTHING:
            return face.text(mark("everything"))
        case KeepKind.HEADERS:
            return face.text(mark("headers, the rest on demand"))
        case KeepKind.DAYS:
            return face.text(mark("the last {days} days, else headers"), days=number(keep.amount, language))
        case KeepKind.SIZE:
            return face.text(mark("without attachments over {size}"), size=size(keep.amount, language))
        case _:
            assert_never(keep.kind)
