"""Markdown and plain text to the HTML of a mail: small, without scripts, styles or anything foreign.

HTML inside Markdown is shown as the letters that it is, and links lead only where links of mail may.
What was quoted is never read as Markdown: its writer did not write any.
"""

from __future__ import annotations

import re
from functools import cache
from html import escape
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from markdown_it import MarkdownIt

MAX_NESTING = 20
"""Quotes and lists within each other; what lies deeper is left as text."""

_MARKS = re.compile(r"(?:> ?)*+")
_QUOTE = '<blockquote type="cite">'
_MAX_QUOTES = 10
_ALLOWED_LINK = re.compile(r"(?:https?|mailto|tel|cid|xmpp|sip|geo):|[^:]*+(?:[/?#]|\Z)", re.IGNORECASE)


def markdown_to_html(text: str) -> str:
    """CommonMark with tables and struck words; line breaks of the writer stay line breaks."""
    return str(_reader().render(text)).strip("\n")


@cache
def _reader() -> MarkdownIt:
    # Imported at first need: most mail is written without it.
    from markdown_it import MarkdownIt  # noqa: PLC0415

    reader = MarkdownIt("commonmark", {"html": False, "breaks": True, "maxNesting": MAX_NESTING})
    reader.validateLink = _may_link  # type: ignore[method-assign]
    return reader.enable(["table", "strikethrough"])


def _may_link(url: str) -> bool:
    return _ALLOWED_LINK.match(url.strip()) is not None


def plain_to_html(text: str) -> str:
    """Plain text: its lines as lines, `>` marks as quotes."""
    out: list[str] = []
    depth = 0
    lines: list[str] = []
    for line in text.split("\n"):
        marks = _MARKS.match(line)
        mark = marks[0] if marks else ""
        deeper = min(mark.count(">"), _MAX_QUOTES)
        if deeper != depth:
            out.append("<br>\n".join(lines))
            lines = []
            out.append(_QUOTE * (deeper - depth) + "</blockquote>" * (depth - deeper))
            depth = deeper
        lines.append(_escaped(line[len(mark) :]))
    out.append("<br>\n".join(lines) + "</blockquote>" * depth)
    return "<div>" + "\n".join(piece for piece in out if piece) + "</div>"


def _escaped(line: str) -> str:
    """With the spaces that HTML would draw together."""
    return escape(line, quote=False).replace("  ", "\xa0 ")


def html_document(body: str, language: str = "") -> str:
    """A whole document around it; each paragraph runs in the direction of its letters."""
    attribute = f' lang="{escape(language)}"' if language else ""
    head = f'<!DOCTYPE html>\n<html{attribute}><head><meta charset="utf-8"></head>'
    return f'{head}<body dir="auto">\n{body}\n</body></html>\n'
