"""Fields of parts as tests with `:mime` see them (RFC 5703 section 4). Never raises; reads no body."""

from __future__ import annotations

from collections.abc import Iterator
from enum import StrEnum
from typing import assert_never

from eilbote.mail.parameters import read_parameters
from eilbote.mail.part import Part


class MimeOption(StrEnum):
    """What of a field is compared instead of the whole."""

    TYPE = "type"
    SUBTYPE = "subtype"
    CONTENT_TYPE = "contenttype"
    PARAMETER = "param"


def parts_of(part: Part) -> Iterator[Part]:
    """What `foreverypart` goes through: the part itself, which is the whole mail at first, and all below it,
    an embedded message's included. A second loop within goes through what lies below the part of the
    first: `parts_below`."""
    return part.walk()


def parts_below(part: Part) -> Iterator[Part]:
    """All below the part, without itself."""
    parts = part.walk()
    next(parts)
    return parts


def field_sources(part: Part, name: str, *, any_child: bool) -> Iterator[str]:
    """The fields of this name of the part and, with `:anychild`, of all below it, undecoded."""
    for each in part.walk() if any_child else (part,):
        yield from each.headers.sources(name)


def mime_values(
    name: str, source: str, option: MimeOption, parameters: tuple[str, ...] = ()
) -> tuple[str, ...]:
    """What is compared of an undecoded field: for a field that has nothing of the kind the empty text, as
    where none of the parameters is there (so Pigeonhole reads RFC 5703 section 4.1)."""
    value = read_parameters(source)
    match name.lower():
        case "content-type":
            kind, _, subtype = value.value.partition("/")
            whole = value.value
        case "content-disposition":
            kind, subtype, whole = value.value, "", value.value
        case _:
            kind = subtype = whole = ""
    match option:
        case MimeOption.TYPE:
            return (kind,)
        case MimeOption.SUBTYPE:
            return (subtype,)
        case MimeOption.CONTENT_TYPE:
            return (whole,)
        case MimeOption.PARAMETER:
            named = (parameter.lower() for parameter in parameters)
            return tuple(value.get(name) for name in named if name in value.parameters) or ("",)
        case _:
            assert_never(option)
