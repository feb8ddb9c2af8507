"""What a person types into To, Cc or Bcc: strict, with a problem that says what is wrong.

`address.py` reads what is there and never raises; here nothing is guessed: better a question than a
mail to somebody else.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from eilbote.errors import Misused
from eilbote.mail.compose import MAX_RECIPIENTS
from eilbote.mail.envelope import Address
from eilbote.mail.field_writing import address_on_wire, checked

# A quoted name, an address in brackets, a separator, or anything else; each piece is taken once.
_PIECE = re.compile(r'"(?:[^"\\]|\\.)*+(?:"|\\?\Z)|<[^<>]*+>|[,;]|[^",;<>]++|.', re.DOTALL)
_QUOTED = re.compile(r'"(?:[^"\\]|\\.)*+"', re.DOTALL)
_ESCAPE = re.compile(r"\\(.)", re.DOTALL)
_PLAIN_NAME = re.compile(r"[\w.'&-]+(?: [\w.'&-]+)*")
_GROUP = re.compile(r"[^:@<>\"]{0,200}+:")


def typed_addresses(text: str, field: str = "To") -> tuple[Address, ...]:
    """The addresses of `Anna Meier <a@example.org>, "Groß, Karl" <k@example.org>; b@example.org`. Empty
    places are skipped. `field` names the place in problems. Raises Misused `compose.character`,
    `compose.group`, `compose.no_address`, `compose.bad_address`, `compose.too_many_recipients`."""
    checked(field, text)
    found: list[Address] = []
    for pieces in _between_separators(text):
        found.append(_address(pieces, field))
        if len(found) > MAX_RECIPIENTS:
            raise Misused("compose.too_many_recipients", count=len(found), limit=MAX_RECIPIENTS)
    return tuple(found)


def as_typed(addresses: Iterable[Address]) -> str:
    """Addresses as a person would type them; `typed_addresses` reads the same from it."""
    return ", ".join(map(_one_as_typed, addresses))


def _one_as_typed(address: Address) -> str:
    name = " ".join("".join(each if each.isprintable() else " " for each in address.name).split())
    if not name:
        return address.spec
    if _PLAIN_NAME.fullmatch(name):
        return f"{name} <{address.spec}>"
    return '"' + name.replace("\\", "\\\\").replace('"', '\\"') + f'" <{address.spec}>'


def _between_separators(text: str) -> Iterator[list[str]]:
    pieces: list[str] = []
    for found in _PIECE.finditer(text):
        if found[0] in (",", ";"):
            if pieces:
                yield pieces
            pieces = []
        elif found[0].strip():
            pieces.append(found[0].strip())
    if pieces:
        yield pieces


def _address(pieces: list[str], field: str) -> Address:
    text = " ".join(pieces)
    last = pieces[-1]
    if not all(map(_is_closed, pieces)):
        raise Misused("compose.bad_address", field=field, address=text[:200])
    if last.startswith("<") and last.endswith(">"):
        spec, names = last[1:-1].strip(), pieces[:-1]
    elif last.startswith("@") and len(pieces) == 2 and pieces[0].startswith('"'):
        spec, names = "".join(pieces), []  # "odd local part"@example.org
    elif len(pieces) == 1 and not last.startswith('"'):
        spec, names = last, []
    else:
        raise Misused("compose.no_address", field=field, text=text[:200])
    if any(name == ">" or name.startswith("<") for name in names):
        raise Misused("compose.bad_address", field=field, address=text[:200])
    if _GROUP.match(text) and not spec.startswith('"'):
        raise Misused("compose.group", field=field, text=text[:200])
    if "@" not in spec:
        raise Misused("compose.no_address", field=field, text=text[:200])
    address_on_wire(field, spec)
    return Address(" ".join(_unquoted(name) for name in names), spec)


def _is_closed(piece: str) -> bool:
    return not piece.startswith('"') or _QUOTED.fullmatch(piece) is not None


def _unquoted(name: str) -> str:
    return _ESCAPE.sub(r"\1", name[1:-1]) if name.startswith('"') else name
