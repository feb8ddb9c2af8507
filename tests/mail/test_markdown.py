"""HTML that we write: small, harmless, and showing what was typed."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from eilbote.mail.html import html_to_text
from eilbote.mail.markdown import markdown_to_html, plain_to_html

ALLOWED = {
    "p", "br", "strong", "em", "s", "h1", "h2", "h3", "h4", "h5", "h6", "ul", "ol", "li", "blockquote",
    "pre", "code", "a", "img", "hr", "table", "thead", "tbody", "tr", "th", "td", "div",
}  # fmt: skip
TAG = re.compile(r"<\s*/?\s*([a-zA-Z!?][^\s>/]*)([^>]*)>")


@pytest.mark.parametrize(
    ("text", "html"),
    [
        ("**fett** und *schräg*", "<p><strong>fett</strong> und <em>schräg</em></p>"),
        ("a\nb", "<p>a<br />\nb</p>"),
        ("~~weg~~", "<p><s>weg</s></p>"),
        ("<script>x</script>", "<p>&lt;script&gt;x&lt;/script&gt;</p>"),
        ("[a](https://example.org)", '<p><a href="https://example.org">a</a></p>'),
        ("[a](javascript:alert(1))", "<p>[a](javascript:alert(1))</p>"),
        ("[a](JaVaScript&colon;alert(1))", "<p>[a](JaVaScript:alert(1))</p>"),
        ("[a](data:text/html,x)", "<p>[a](data:text/html,x)</p>"),
        ("![a](data:image/png;base64,xx)", "<p>![a](data:image/png;base64,xx)</p>"),
        ("[a](file:///etc/passwd)", "<p>[a](file:///etc/passwd)</p>"),
        ("![Logo](cid:a@b)", '<p><img src="cid:a@b" alt="Logo" /></p>'),
    ],
)
def test_markdown(text: str, html: str) -> None:
    assert markdown_to_html(text) == html


@given(st.text(st.sampled_from("ab<>\"'&()[]!#*_`~-+:/\\ \n\t|1.javscript:"), max_size=200))
def test_no_tag_or_attribute_comes_from_the_text(text: str) -> None:
    for html in (markdown_to_html(text), plain_to_html(text)):
        for name, rest in TAG.findall(html):
            assert name in ALLOWED
            assert not re.search(r"\son\w+\s*=|javascript:", re.sub(r'"[^"]*"', '""', rest), re.IGNORECASE)
        assert not re.search(r'(?:href|src)="\s*(?:javascript|data|vbscript|file):', html, re.IGNORECASE)


def test_quotes_of_plain_text_are_nested() -> None:
    html = plain_to_html("Anna schrieb:\n> eins\n>> zwei\n> drei\nEnde & <aus>")
    assert html.count("<blockquote") == html.count("</blockquote>") == 2
    assert html_to_text(html).split() == ["Anna", "schrieb:", "eins", "zwei", "drei", "Ende", "&", "<aus>"]


def test_deep_nesting_costs_little() -> None:
    assert len(markdown_to_html("> " * 5000 + "x")) < 30_000
    assert len(plain_to_html("> " * 5000 + "x")) < 30_000
