"""Which parts make up the body that a reader sees, and each as plain text.

The rules of RFC 2046 sections 5.1.3 to 5.1.4, RFC 2387 and RFC 8621 section 4.1.4.
"""

from __future__ import annotations

import re

from eilbote.mail.html import html_to_text
from eilbote.mail.part import Part

_READABLE = frozenset(("text/plain", "text/html", "text/markdown", "text/enriched", "text/richtext"))
_UU_BLOCK = re.compile(r"^begin [0-7]{3,4} ([^\n]{1,255})\n(?:[ -`]{1,90}\n)++(?:end\n?)?", re.MULTILINE)


def body_parts(root: Part, *, html: bool) -> list[Part]:
    """The text parts to show, in order. `html` says which alternative is preferred; the other kind
    stands in where the preferred one is missing. Attachments and embedded messages are not body."""
    return _choose(root, html, first=True)


def _choose(part: Part, html: bool, *, first: bool) -> list[Part]:
    if part.is_message:
        return []
    if not part.children:
        return [part] if _is_body(part, first) else []
    match part.content_type:
        case "multipart/alternative":
            return _best_of([_choose(child, html, first=True) for child in part.children], html)
        case "multipart/related":
            return _choose(_start_of(part), html, first=first)
        case "multipart/signed" | "multipart/report":
            return _choose(part.children[0], html, first=first)
        case "multipart/encrypted":
            return []
        case _:
            chosen: list[Part] = []
            for place, child in enumerate(part.children):
                chosen += _choose(child, html, first=place == 0)
            return chosen


def _is_body(part: Part, first: bool) -> bool:
    if part.content_type not in _READABLE or part.disposition == "attachment":
        return False
    return first or not part.file_name


def _best_of(choices: list[list[Part]], html: bool) -> list[Part]:
    """RFC 2046 section 5.1.4: the last alternative that we prefer, else the last that is text at all."""
    wanted = "text/html" if html else "text/plain"
    for parts in reversed(choices):
        if any(part.content_type == wanted for part in parts):
            return parts
    return next((parts for parts in reversed(choices) if parts), [])


def _start_of(part: Part) -> Part:
    """RFC 2387 section 3.2: the root of a multipart/related is the part `start` names, else the first."""
    start = part.parameter("start").strip("<>")
    if start:
        return next((child for child in part.children if child.content_id == start), part.children[0])
    return part.children[0]


def plain_text_of(part: Part, limit: int | None = None) -> str:
    """A text part as plain text: HTML rendered, flowed lines joined, uuencoded files named instead
    of shown. `limit`: encoded bytes read."""
    text = part.text(limit)
    if part.content_type == "text/html":
        return html_to_text(text)
    if part.content_type != "text/plain":
        return text
    if "begin " in text:
        text = name_uuencoded(text)[0]
    if part.parameter("format").lower() == "flowed":
        text = _unflowed(text, part.parameter("delsp").lower() == "yes")
    return text


def name_uuencoded(text: str) -> tuple[str, list[str]]:
    """A plain text with the name of each uuencoded file in the file's place, and the names."""
    names = [found[1].strip() for found in _UU_BLOCK.finditer(text)]
    return _UU_BLOCK.sub(r"[\1]\n", text) if names else text, names


def _unflowed(text: str, delete_space: bool) -> str:
    """RFC 3676 section 4: a line that ends in a space goes on in the next of the same quote depth."""
    out: list[str] = []
    open_depth = -1
    for line in text.split("\n"):
        bare = line.lstrip(">")
        depth = len(line) - len(bare)
        bare = bare.removeprefix(" ")
        if depth == open_depth and bare != "-- ":
            out.append(bare)
        else:
            if out:
                out.append("\n")
            out.append(">" * depth + (" " if depth and bare else "") + bare)
        flows = bare.endswith(" ") and bare != "-- "
        if flows and delete_space:
            out[-1] = out[-1][:-1]
        open_depth = depth if flows else -1
    return "".join(out)
