"""XML of strangers, read into a small tree within bounds.

A document type is refused before anything of it is used, so there are no entities to expand and nothing
outside to fetch. What is too long, too deep or too much is refused; nothing here raises anything else.
"""

from __future__ import annotations

from collections.abc import Iterator
from xml.parsers import expat

from msgspec import Struct, field

LARGEST = 64 * 1024
"""Bytes of a document."""

_DEEPEST = 20
_MOST_ELEMENTS = 2_000
_MOST_ATTRIBUTES = 50


class Unreadable(ValueError):
    """Not XML, or not XML that is read here; its text says why."""


class Element(Struct):
    """An element: its name without name space, its attributes, its own text, its children."""

    name: str
    attributes: dict[str, str]
    text: str = ""
    children: list[Element] = field(default_factory=list)

    def all(self, name: str) -> Iterator[Element]:
        """The children of that name, whatever its case."""
        return (one for one in self.children if one.name.lower() == name.lower())

    def first(self, name: str) -> Element | None:
        """The first child of that name."""
        return next(self.all(name), None)

    def said(self, name: str) -> str:
        """The text of the first child of that name, without blanks around it; empty where there is none."""
        found = self.first(name)
        return found.text.strip() if found is not None else ""

    def below(self, name: str) -> Iterator[Element]:
        """Every element of that name, at any depth."""
        for one in self.children:
            if one.name.lower() == name.lower():
                yield one
            yield from one.below(name)


class _Reader:
    def __init__(self) -> None:
        self.root = Element("", {})
        self._open = [self.root]
        self._count = 0

    def doctype(self, *_: object) -> int:
        raise Unreadable("document type")

    def start(self, name: str, attributes: dict[str, str]) -> None:
        self._count += 1
        if self._count > _MOST_ELEMENTS or len(attributes) > _MOST_ATTRIBUTES:
            raise Unreadable("too many elements")
        if len(self._open) > _DEEPEST:
            raise Unreadable("too deep")
        element = Element(_local(name), {_local(key).lower(): value for key, value in attributes.items()})
        self._open[-1].children.append(element)
        self._open.append(element)

    def end(self, _name: str) -> None:
        self._open.pop()

    def text(self, text: str) -> None:
        self._open[-1].text += text


def read_xml(content: bytes) -> Element:
    """The root of a document. Raises Unreadable."""
    if len(content) > LARGEST:
        raise Unreadable("too long")
    parser = expat.ParserCreate(namespace_separator="}")
    parser.buffer_text = True
    reader = _Reader()
    parser.StartDoctypeDeclHandler = reader.doctype
    parser.EntityDeclHandler = reader.doctype
    parser.ExternalEntityRefHandler = reader.doctype
    parser.StartElementHandler = reader.start
    parser.EndElementHandler = reader.end
    parser.CharacterDataHandler = reader.text
    try:
        parser.Parse(content, True)
    except (expat.ExpatError, LookupError, ValueError) as failure:
        raise Unreadable(str(failure)[:200]) from None
    if len(reader.root.children) != 1:
        raise Unreadable("no element")
    return reader.root.children[0]


def _local(name: str) -> str:
    return name.rpartition("}")[2]
