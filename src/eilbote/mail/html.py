"""HTML to the text a person would read: one function, bounded in size, time and memory.

What is hidden or for machines (styles, scripts, `display:none`) is dropped. Nothing is fetched, no
address is kept. Never raises; never returns more text than a small multiple of what it was given.
"""

from __future__ import annotations

import re

MAX_HTML = 1024 * 1024
"""Characters of HTML that are read."""

MAX_TAGS = 50_000
"""More tags than this are stripped without building a tree."""

# Laying out a table pads every cell to its column: 240 KB of cells have made 1 GB of text. Cells and
# rows as plain blocks read as well, and mail uses tables for layout anyway.
_TABLE = re.compile(r"<(/?)(?:table|tbody|thead|tfoot|tr|caption)(?=[\s>/])", re.IGNORECASE)
_CELL = re.compile(r"<t[dh](?=[\s>/])", re.IGNORECASE)
_CELL_END = re.compile(r"</t[dh](?=[\s>/])", re.IGNORECASE)

_HIDDEN = (
    "[hidden],[style*='display:none' i],[style*='display: none' i],"
    "[style*='visibility:hidden' i],[style*='font-size:0;' i],[style*='font-size:0px' i]"
)
_MAYBE_HIDDEN = re.compile(r"hidden|display:\s?none|font-size:0", re.IGNORECASE)

_MACHINE_START = re.compile(r"<(style|script|head|title|template)(?=[\s>/])", re.IGNORECASE)
_TAG = re.compile(r"<[a-zA-Z/!?][^>]*+>?")
_BREAKING = re.compile(
    r"<(?:/?(?:p|div|h[1-6]|blockquote|ul|ol)|br|li|tr|hr)(?=[\s>/])[^>]*+>?", re.IGNORECASE
)
_COMMENT_START = "<!--"
_BLANKS = re.compile(r"[ \t\xa0]+")
_AROUND_BREAK = re.compile(r" ?\n ?")
_MANY_BREAKS = re.compile(r"\n{3,}")


def html_to_text(html: str) -> str:
    """The visible text, blocks on lines of their own, lists with `*`, no runs of blank lines."""
    html = html[:MAX_HTML]
    if "<" not in html and "&" not in html:
        return _tidy(html)
    text = _strip(html) if html.count("<") > MAX_TAGS else _render(html)
    return _tidy(text)


def _render(html: str) -> str:
    # Imported at first need: loading it costs more than a short command may take.
    from turbohtml import PlainText, parse  # noqa: PLC0415

    html = _CELL.sub(" <span", _TABLE.sub(r"<\1div", html))
    document = parse(_CELL_END.sub("</span", html), positions=False)
    if _MAYBE_HIDDEN.search(html):
        for element in document.select(_HIDDEN):
            element.decompose()
    return document.to_text(PlainText(layout="strict"))


def _strip(html: str) -> str:
    """Without a tree: comments, styles and scripts out, every other tag a space or a line break."""
    from turbohtml import unescape  # noqa: PLC0415

    text = _without_machinery(_without_comments(html))
    return unescape(_TAG.sub(" ", _BREAKING.sub("\n", text)))


def _without_comments(html: str) -> str:
    kept: list[str] = []
    at = 0
    while (start := html.find(_COMMENT_START, at)) >= 0:
        kept.append(html[at:start])
        end = html.find("-->", start + 2)
        if end < 0:
            return "".join(kept)
        at = end + 3
    kept.append(html[at:])
    return "".join(kept)


def _without_machinery(html: str) -> str:
    kept: list[str] = []
    at = 0
    lowered = html.lower() if html.isascii() else _ascii_lower(html)
    while found := _MACHINE_START.search(html, at):
        kept.append(html[at : found.start()])
        end = lowered.find(f"</{found[1].lower()}", found.end())
        if end < 0:
            return "".join(kept)
        at = end
    kept.append(html[at:])
    return "".join(kept)


def _ascii_lower(text: str) -> str:
    """Lower case without changing any length, as `str.lower` does for a few letters."""
    return text.translate({upper: upper + 32 for upper in range(65, 91)})


def _tidy(text: str) -> str:
    text = _AROUND_BREAK.sub("\n", _BLANKS.sub(" ", text.replace("\r", "")))
    return _MANY_BREAKS.sub("\n\n", text).strip()
