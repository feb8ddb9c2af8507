"""The HTML of a mail made harmless for display: an allow-list of tags, attributes and styles; nothing in
it runs, loads or lies over the page that shows it.

What the list lets through is simple enough to be read by eye. It is one wall of two: whoever shows the
result does so in a sandboxed frame without scripts and remote loads. Bounded in size, depth and time:
HTML beyond the limits is not shown at all, and the mail is read as text.
"""

from __future__ import annotations

import re
from base64 import b64encode
from collections.abc import Mapping

import nh3
from msgspec import Struct

from eilbote.mail.picture import picture_of
from eilbote.mail.remote_pictures import is_remote

MAX_HTML = 1024 * 1024
"""Characters of HTML."""

MAX_TAGS = 30_000
MAX_DEPTH = 200
"""Elements open at once, by a count that errs upward: a reader of HTML takes time square to it."""

MAX_ATTRIBUTES = 100
"""Attributes of one tag."""

MAX_PICTURES = 8 * 1024 * 1024
"""Bytes of the mail's own pictures that are shown inside of it."""

_TAGS = frozenset(
    (
        "a", "abbr", "address", "b", "bdi", "bdo", "big", "blockquote", "br", "caption", "center", "cite",
        "code", "col", "colgroup", "dd", "del", "div", "dl", "dt", "em", "font", "h1", "h2", "h3", "h4",
        "h5", "h6", "hr", "i", "img", "ins", "kbd", "li", "ol", "p", "pre", "q", "s", "samp", "small",
        "span", "strike", "strong", "sub", "sup", "table", "tbody", "td", "tfoot", "th", "thead", "tr",
        "tt", "u", "ul", "var", "wbr"
    )
)  # fmt: skip
_WITH_CONTENT = frozenset(
    (
        "applet", "audio", "canvas", "embed", "frame", "frameset", "head", "iframe", "math", "noembed",
        "noframes", "noscript", "object", "option", "plaintext", "script", "select", "style", "svg",
        "template", "textarea", "title", "video", "xmp"
    )
)  # fmt: skip
"""Dropped with what is in them: it is for machines."""

_TABLE = frozenset({"align", "bgcolor", "border", "cellpadding", "cellspacing", "height", "valign", "width"})
_ATTRIBUTES = {
    "*": {"align", "dir", "lang", "style", "title"},
    "a": {"href"},
    "col": {"span", "width"},
    "font": {"color", "face", "size"},
    "hr": {"size", "width"},
    "img": {"alt", "height", "src", "width"},
    "li": {"value"},
    "ol": {"start", "type"},
    "table": set(_TABLE),
    "tbody": set(_TABLE),
    "td": {*_TABLE, "colspan", "nowrap", "rowspan"},
    "th": {*_TABLE, "colspan", "nowrap", "rowspan", "scope"},
    "thead": set(_TABLE),
    "tr": set(_TABLE),
    "ul": {"type"},
}
_SCHEMES = frozenset({"http", "https", "mailto", "tel", "cid"})
_LINKS = re.compile(r"(?:https?://|mailto:|tel:)", re.IGNORECASE)

# Nothing that loads (background, content, list-style, cursor, filter, mask) or leaves its place
# (position, z-index, transform).
_PROPERTIES = frozenset(
    (
        "background-color", "border", "border-bottom", "border-bottom-color", "border-bottom-style",
        "border-bottom-width", "border-collapse", "border-color", "border-left", "border-left-color",
        "border-left-style", "border-left-width", "border-radius", "border-right", "border-right-color",
        "border-right-style", "border-right-width", "border-spacing", "border-style", "border-top",
        "border-top-color", "border-top-style", "border-top-width", "border-width", "clear", "color",
        "direction", "display", "float", "font-family", "font-size", "font-style", "font-variant",
        "font-weight", "height", "letter-spacing", "line-height", "list-style-type", "max-height",
        "max-width", "min-width", "overflow-wrap", "padding", "padding-bottom", "padding-left",
        "padding-right", "padding-top", "table-layout", "text-align", "text-decoration", "text-indent",
        "text-transform", "vertical-align", "white-space", "width", "word-break", "word-spacing",
        "word-wrap", "margin", "margin-bottom", "margin-left", "margin-right", "margin-top"
    )
)  # fmt: skip
_PLAIN_VALUE = re.compile(r"[\w\s.,#%+!\-/'\"]{1,200}", re.ASCII)
_COLOUR = re.compile(r"(?:rgb|hsl)a?\([\d\s.,%/]{1,60}\)", re.IGNORECASE)
_PLAIN_ATTRIBUTE = re.compile(r"[\w\s.,#%+\-]{0,100}", re.ASCII)

_TAG = re.compile(r"<(/?)([a-z][a-z0-9]*)(?=[\s/>])", re.IGNORECASE)
_LONG_TAG = re.compile(r"<[a-z][^>]{300,}", re.IGNORECASE)
_QUOTED = re.compile(r"\"[^\"]*\"|'[^']*'")
_BREAK = re.compile(r"[\s/]+")
# Elements without an end, or whose end is often left out.
_FLAT = frozenset(
    (
        "area", "base", "br", "col", "dd", "dt", "embed", "hr", "img", "input", "li", "link", "meta",
        "option", "p", "source", "tbody", "td", "tfoot", "th", "thead", "tr", "wbr"
    )
)  # fmt: skip


_COLOURED = re.compile(r"<img\b|<[^>]*(?:color|background)", re.IGNORECASE)


class Harmless(Struct, frozen=True):
    """HTML that may be shown; `left_out` counts the pictures that are missing in it, `remote` those among
    them that lie elsewhere."""

    html: str
    left_out: int
    remote: int = 0

    @property
    def is_plain(self) -> bool:
        """It names no colours and shows no pictures, so that it can be read in any reader's colours."""
        return _COLOURED.search(self.html) is None


def is_showable(html: str) -> bool:
    """Whether it is within the limits."""
    return len(html) <= MAX_HTML and not _is_too_complex(html)


def harmless_html(
    html: str, pictures: Mapping[str, bytes], remote: Mapping[str, bytes] | None = None
) -> Harmless | None:
    """The HTML with everything taken out that is not on the list; None where it is beyond the limits.
    `pictures`: the mail's own by Content-ID, `remote`: fetched ones by their address; those that it shows
    are put inside."""
    if not is_showable(html):
        return None
    filling = _Filling(pictures, remote or {})
    cleaned = nh3.clean(
        html,
        tags=set(_TAGS),
        clean_content_tags=set(_WITH_CONTENT),
        attributes={name: set(allowed) for name, allowed in _ATTRIBUTES.items()},
        attribute_filter=filling.attribute,
        url_schemes={*_SCHEMES, "data"},  # data only as `attribute` writes it
        url_relative="deny",
        link_rel="noopener noreferrer nofollow",
        set_tag_attribute_values={"a": {"target": "_blank"}},
        strip_comments=True,
    )
    return Harmless(cleaned, filling.left_out, filling.remote)


class _Filling:
    """Decides about every attribute of one mail."""

    def __init__(self, pictures: Mapping[str, bytes], remote: Mapping[str, bytes]) -> None:
        self._pictures = pictures
        self._remote = remote
        self._room = MAX_PICTURES
        self.left_out = 0
        self.remote = 0

    def attribute(self, tag: str, name: str, value: str) -> str | None:
        match (tag, name):
            case (_, "style"):
                return _plain_style(value) or None
            case ("a", "href"):
                return value if _LINKS.match(value.strip()) else None
            case ("img", "src"):
                return self._picture(value.strip())
            case (_, "title" | "alt"):
                return value[:1000]
            case _:
                return value if _PLAIN_ATTRIBUTE.fullmatch(value) else None

    def _picture(self, address: str) -> str | None:
        own = address[:4].lower() == "cid:"
        data = self._pictures.get(address[4:]) if own else self._remote.get(address)
        picture = picture_of(data) if data is not None else None
        if data is None or picture is None or not picture.is_sane or len(data) > self._room:
            self.left_out += 1
            self.remote += not own and is_remote(address)
            return None
        self._room -= len(data)
        return f"data:{picture.kind};base64,{b64encode(data).decode()}"


def _plain_style(style: str) -> str:
    """The declarations whose property is on the list and whose value is words, lengths and colours."""
    if len(style) > 4000 or "\\" in style or "/*" in style:
        return ""
    kept = []
    for declaration in style.split(";"):
        name, _, value = declaration.partition(":")
        name, value = name.strip().lower(), value.strip()
        if name in _PROPERTIES and _PLAIN_VALUE.fullmatch(_COLOUR.sub("#000", value)):
            kept.append(f"{name}:{value}")
    return ";".join(kept)


def _is_too_complex(html: str) -> bool:
    depth = 0
    for tags, (closing, name) in enumerate(_TAG.findall(html)):
        if name.lower() not in _FLAT:
            depth = max(0, depth - 1) if closing else depth + 1
        if depth > MAX_DEPTH or tags > MAX_TAGS:
            return True
    if html.count("<") > 2 * MAX_TAGS:
        return True
    return any(len(_BREAK.split(_QUOTED.sub("x", tag))) > MAX_ATTRIBUTES for tag in _LONG_TAG.findall(html))
