"""Search keys as values, and how they go out (RFC 9051 section 6.4.4).

Built from typed parts only, so that no search text can become another key.
"""

from __future__ import annotations

from msgspec import Struct

from eilbote.mail.mailbox import Flag, UidSet
from eilbote.protocols.imap import encode
from eilbote.protocols.imap.encode import Piece


class SearchKey(Struct, frozen=True):
    """A condition. Combine with `&`, `|` and `~`."""

    def pieces(self, *, utf8: bool = False) -> list[Piece]:
        """The key as arguments. Misused for texts and flags that cannot be sent."""
        raise NotImplementedError

    def __and__(self, other: SearchKey) -> SearchKey:
        if self == ALL:
            return other
        return self if other == ALL else _All((self, other))

    def __or__(self, other: SearchKey) -> SearchKey:
        return _Either(self, other)

    def __invert__(self) -> SearchKey:
        return _Not(self)


class Word(SearchKey, frozen=True):
    """A key without arguments: ALL, UNSEEN, DRAFT..."""

    word: str

    def pieces(self, *, utf8: bool = False) -> list[Piece]:
        return [encode.atom(self.word)]


ALL = Word("ALL")


class Uids(SearchKey, frozen=True):
    uids: UidSet

    def pieces(self, *, utf8: bool = False) -> list[Piece]:
        (one,) = encode.sequence_sets(self.uids, length=1 << 20)
        return [b"UID " + one]


class Header(SearchKey, frozen=True):
    """A header field that holds the text; an empty text asks whether the field is there."""

    name: str
    text: str

    def pieces(self, *, utf8: bool = False) -> list[Piece]:
        return [b"HEADER ", encode.astring(self.name), b" ", encode.astring(self.text, utf8=utf8)]


class Text(SearchKey, frozen=True):
    """The text in a place: TEXT, BODY, SUBJECT, FROM, TO, CC or BCC."""

    place: str
    text: str

    def pieces(self, *, utf8: bool = False) -> list[Piece]:
        return [encode.atom(self.place) + b" ", encode.astring(self.text, utf8=utf8)]


class Size(SearchKey, frozen=True):
    """LARGER or SMALLER than so many bytes."""

    relation: str
    size: int

    def pieces(self, *, utf8: bool = False) -> list[Piece]:
        return [encode.atom(self.relation) + b" " + encode.number(self.size)]


class Keyword(SearchKey, frozen=True):
    keyword: Flag

    def pieces(self, *, utf8: bool = False) -> list[Piece]:
        return [b"KEYWORD " + encode.atom(self.keyword)]


class _All(SearchKey, frozen=True):
    keys: tuple[SearchKey, ...]

    def pieces(self, *, utf8: bool = False) -> list[Piece]:
        inner: list[Piece] = []
        for key in self.keys:
            inner += [b" ", *key.pieces(utf8=utf8)] if inner else key.pieces(utf8=utf8)
        return [b"(", *inner, b")"]


class _Either(SearchKey, frozen=True):
    one: SearchKey
    other: SearchKey

    def pieces(self, *, utf8: bool = False) -> list[Piece]:
        return [b"OR ", *self.one.pieces(utf8=utf8), b" ", *self.other.pieces(utf8=utf8)]


class _Not(SearchKey, frozen=True):
    key: SearchKey

    def pieces(self, *, utf8: bool = False) -> list[Piece]:
        return [b"NOT ", *self.key.pieces(utf8=utf8)]
