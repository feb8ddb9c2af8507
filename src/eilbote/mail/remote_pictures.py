"""Which pictures from elsewhere a mail's HTML asks for, and which of them only tell its sender that it was
read. Decides; fetches nothing.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from urllib.parse import urlsplit

from msgspec import Struct

from eilbote.mail.html import MAX_HTML

MAX_PICTURES = 60
"""Different pictures of one mail that are fetched."""

LONGEST_ADDRESS = 4000

_TINY = re.compile(r"\s*0*[012](?:\.\d*)?\s*(?:px)?\s*")
_HIDING = re.compile(
    r"(?:^|;)\s*(?:display\s*:\s*none|visibility\s*:\s*(?:hidden|collapse)|opacity\s*:\s*0?\.?0+\s*(?:;|!|$))",
    re.IGNORECASE,
)
_TINY_STYLE = r"(?:^|;)\s*(?:max-)?{}\s*:\s*0*[012](?:\.\d*)?\s*(?:px)?\s*(?:!important\s*)?(?:;|$)"
_TINY_WIDTH = re.compile(_TINY_STYLE.format("width"), re.IGNORECASE)
_TINY_HEIGHT = re.compile(_TINY_STYLE.format("height"), re.IGNORECASE)
_MOST_ABOVE = 30


class RemotePictures(Struct, frozen=True):
    """`addresses` to fetch, in order, each once; `tracking`: how many only count readers; `left_out`: how
    many are too many."""

    addresses: tuple[str, ...] = ()
    tracking: int = 0
    left_out: int = 0


def remote_pictures(html: str) -> RemotePictures:
    """Of HTML that the sanitiser takes: within its limits."""
    from turbohtml import Element, parse  # noqa: PLC0415  # costs more than a short command may take

    wanted: dict[str, None] = {}
    tracking: set[str] = set()
    for element in parse(html[:MAX_HTML], positions=False).select("img[src]"):
        address = str(element.attrs.get("src", "")).strip()
        if not is_remote(address):
            continue
        above = [one for one in list(element.ancestors)[:_MOST_ABOVE] if isinstance(one, Element)]
        if _is_tiny(element.attrs) or any(_is_hidden(one.attrs) for one in (element, *above)):
            tracking.add(address)
        else:
            wanted[address] = None
    chosen = tuple(wanted)
    return RemotePictures(
        chosen[:MAX_PICTURES], len(tracking - set(chosen)), max(0, len(chosen) - MAX_PICTURES)
    )


def is_remote(address: str) -> bool:
    """Whether a picture's address is one of the web that can be asked for."""
    if len(address) > LONGEST_ADDRESS or not address.isprintable() or address[:4].lower() != "http":
        return False
    try:
        parts = urlsplit(address)
        return parts.scheme.lower() in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        return False


def _is_tiny(attributes: Mapping[str, object]) -> bool:
    style = str(attributes.get("style") or "")[:4000]
    narrow = _TINY.fullmatch(str(attributes.get("width") or "x")) or _TINY_WIDTH.search(style)
    low = _TINY.fullmatch(str(attributes.get("height") or "x")) or _TINY_HEIGHT.search(style)
    return bool(narrow and low)


def _is_hidden(attributes: Mapping[str, object]) -> bool:
    return "hidden" in attributes or bool(_HIDING.search(str(attributes.get("style") or "")[:4000]))
