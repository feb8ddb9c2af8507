"""The name under which an attachment is saved on somebody's machine: of every system, none of its own
names (RFC 6266 section 4.3 warns of them all).
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from urllib.parse import quote

_FOREIGN = re.compile(r'[<>:"|?*/\\\x00-\x1f\x7f]+')
_DEVICE = re.compile(
    r"(?:con|prn|aux|nul|com[0-9¹²³]|lpt[0-9¹²³]|conin\$|conout\$)\s*(?:\..*)?", re.IGNORECASE
)


def download_name(name: str, number: str) -> str:
    """A plain name: `name` is what the mail says, already without path and direction characters;
    `number` is the part's, for one without a name."""
    plain = _FOREIGN.sub("_", name).strip(" .")
    if not plain:
        return f"part-{number}.bin"
    return f"_{plain}" if _DEVICE.fullmatch(plain) else plain


def attachment_disposition(name: str) -> str:
    """The Content-Disposition that saves and never shows (RFC 6266, RFC 8187)."""
    ascii_name = "".join(letter if letter.isascii() and letter.isprintable() else "_" for letter in name)
    ascii_name = ascii_name.replace("%", "_").replace("\\", "_").replace('"', "_")
    return f"attachment; filename=\"{ascii_name}\"; filename*=UTF-8''{quote(name, safe='', errors='replace')}"


def distinct_names(names: Iterable[str]) -> list[str]:
    """The names, each once, also for systems that do not tell upper from lower case: `a.pdf`, `a (2).pdf`."""
    taken: set[str] = set()
    last: dict[str, int] = {}
    found = []
    for name in names:
        stem, dot, ending = name.rpartition(".")
        stem, ending = (stem, dot + ending) if stem else (name, "")
        shown, number = name, last.get(name.casefold(), 1)
        while shown.casefold() in taken:
            number += 1
            shown = f"{stem} ({number}){ending}"
        last[name.casefold()] = number
        taken.add(shown.casefold())
        found.append(shown)
    return found
