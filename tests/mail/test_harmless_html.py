"""What HTML of mails is shown: nothing that runs, loads or lies over the page; and what people send stays."""

from __future__ import annotations

import re
import time
from html.parser import HTMLParser

import pytest

from eilbote.mail.harmless_html import harmless_html
from tests.messages.hostile_html import deep_and_wide, vectors

PNG = b"\x89PNG\r\n\x1a\nrest"
_ALLOWED = {
    *("href", "title", "style", "src", "alt", "align", "dir", "lang", "width", "height", "rel", "target"),
    *("color", "face", "size"),
}
_STYLE = re.compile(r"(?:[a-z-]+:[\w\s.,#%+!\-/'\"]*(?:(?:rgb|hsl)a?\([\d\s.,%/]*\))?;?)*")


class Look(HTMLParser):
    """An independent reading of what was let through."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str]]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, {name: value or "" for name, value in attrs}))


def shown(html: str, **pictures: bytes) -> str:
    found = harmless_html(html, pictures)
    assert found is not None
    return found.html


def test_there_are_enough_vectors() -> None:
    assert len(set(vectors())) >= 250


@pytest.mark.parametrize("vector", vectors())
def test_nothing_that_runs_or_loads_comes_through(vector: str) -> None:
    look = Look()
    look.feed(shown(vector))
    look.close()
    for tag, attributes in look.found:
        assert tag in {"a", "b", "p", "img", "table", "tbody", "td", "tr", "div", "blockquote"}, tag
        assert set(attributes) <= _ALLOWED, attributes
        assert attributes.get("href", "https://").startswith(("http://", "https://", "mailto:", "tel:"))
        assert attributes.get("src", "data:image/png").startswith("data:image/png")
        style = attributes.get("style", "")
        assert _STYLE.fullmatch(style) and "position" not in style and "url" not in style, style


@pytest.mark.parametrize("name", deep_and_wide())
def test_what_costs_too_much_is_not_shown_or_soon_done(name: str) -> None:
    html = deep_and_wide()[name]
    begun = time.process_time()
    found = harmless_html(html, {})
    assert time.process_time() - begun < 3.0
    assert found is None or len(found.html) < 3_000_000


def test_what_people_send_stays() -> None:
    html = (
        '<table width="600" bgcolor="#ffffff"><tr><td style="color:#333;padding:4px 8px;font-family:Arial, '
        "'Segoe UI'" '"><a href="https://example.org/?a=1&amp;b=2">Angebot</a> <b>Grüße</b></td></tr></table>'
    )  # fmt: skip
    text = shown(html)
    for part in ('bgcolor="#ffffff"', "padding:4px 8px", "Segoe UI", "?a=1&amp;b=2", "<b>Grüße</b>"):
        assert part in text
    assert 'target="_blank"' in text and 'rel="noopener noreferrer nofollow"' in text


def test_pictures_of_the_mail_itself_are_inside_and_others_left_out() -> None:
    html = '<img src="cid:a@b"><img src="CID:none"><img src="https://example.org/p.png"><img src="cid:evil">'
    found = harmless_html(html, {"a@b": PNG, "evil": b"<svg onload=x>"})
    assert found is not None
    assert (found.html.count("data:image/png;base64,"), found.left_out) == (1, 3)
    assert "example.org" not in found.html


def test_pictures_are_bounded() -> None:
    large = PNG + bytes(5 * 1024 * 1024)
    found = harmless_html('<img src="cid:a"><img src="cid:a">', {"a": large})
    assert found is not None and found.left_out == 1


def test_what_names_no_colours_can_be_read_in_any() -> None:
    for plain in ("<p>Guten <b>Tag</b></p>", "<p>the color of money</p>", '<p style="margin: 1px">x</p>'):
        found = harmless_html(plain, {})
        assert found and found.is_plain
    for coloured in (
        '<font color="red">x</font>',
        '<td bgcolor="#fff">x</td>',
        '<p style="color: #111">x</p>',
    ):
        found = harmless_html(f"<table><tr>{coloured}</tr></table>", {})
        assert found and not found.is_plain
