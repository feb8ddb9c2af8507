"""Which pictures from elsewhere are wanted, which only count readers, and what a picture is."""

from __future__ import annotations

import time
from collections.abc import Callable

import pytest

from eilbote.mail.harmless_html import harmless_html, is_showable
from eilbote.mail.picture import picture_of
from eilbote.mail.remote_pictures import MAX_PICTURES, is_remote, remote_pictures
from tests.messages.hostile_html import deep_and_wide
from tests.messages.pictures import avif, gif, jpeg, png, webp


@pytest.mark.parametrize("made", [png, gif, jpeg, webp, avif])
def test_a_picture_is_known_by_its_bytes(made: Callable[[int, int], bytes]) -> None:
    found = picture_of(made(640, 480))
    assert found is not None and (found.width, found.height) == (640, 480)
    assert found.kind == f"image/{made.__name__}" and found.is_sane and not found.is_dot
    dot = picture_of(made(1, 1))
    assert dot is not None and dot.is_dot
    huge = picture_of(made(16_000, 16_000))
    assert huge is not None and not huge.is_sane


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"<svg xmlns=",
        b"<html>",
        b"\x89PNG",
        b"RIFF1234WAVE",
        b"\0\0\0\x1cftypmp42",
        b"BM1234",
        b"%PDF-1.4",
    ],
)
def test_everything_else_is_no_picture(data: bytes) -> None:
    assert picture_of(data + b"\0" * 0) is None


def test_broken_pictures_have_no_size() -> None:
    for data in (b"\xff\xd8\xff" + b"\xff" * 5000, b"\xff\xd8\xff\xe0\0\0", b"RIFF1234WEBPVP8 "):
        found = picture_of(data)
        assert found is not None and (found.width, found.height) == (0, 0)


@pytest.mark.parametrize(
    "attributes",
    [
        'width="1" height="1"',
        "width=0 height=0",
        'style="width:1px;height:1px"',
        'style="display:none"',
        'style="color:red; visibility: hidden"',
        'style="opacity:0"',
        "hidden",
        'width=1 style="height:1px !important"',
    ],
)
def test_what_counts_readers(attributes: str) -> None:
    found = remote_pictures(f'<img src="http://a.example/x" {attributes}><img src="http://a.example/y">')
    assert (found.addresses, found.tracking) == (("http://a.example/y",), 1)
    inside = remote_pictures(
        f'<div style="display:none"><p><img src="http://a.example/x"></p></div>{attributes}'
    )
    assert (inside.addresses, inside.tracking) == ((), 1)


@pytest.mark.parametrize("attributes", ["width=600 height=1", "width=10 height=10", 'style="width:100%"', ""])
def test_what_is_shown(attributes: str) -> None:
    assert remote_pictures(f'<img src="https://a.example/x" {attributes}>').tracking == 0


def test_each_once_and_not_too_many() -> None:
    html = "".join(f"<img src='http://a.example/{number % 100}?a=1&amp;b=2'>" for number in range(300))
    found = remote_pictures(html)
    assert len(found.addresses) == MAX_PICTURES and found.left_out == 100 - MAX_PICTURES
    assert found.addresses[0] == "http://a.example/0?a=1&b=2"


@pytest.mark.parametrize(
    "address",
    ["cid:x", "data:image/png;base64,x", "file:///etc/passwd", "//a.example/x", "javascript:x", "http:///x",
     "http://a.example:0/", "http://a.example:99999/", "http://[::1/x", "ftp://a.example/x", "http://a\nb/",
     "http://a.example/" + "x" * 5000],
)  # fmt: skip
def test_nothing_else_is_asked_for(address: str) -> None:
    assert not is_remote(address)
    assert remote_pictures(f'<img src="{address}">').addresses == () or "\n" in address


def test_fetched_pictures_are_put_inside_and_others_are_counted() -> None:
    html = '<img src=" http://a.example/x?a&amp;b "><img src="http://a.example/y"><img src="cid:z">'
    found = harmless_html(html, {}, {"http://a.example/x?a&b": png(), "http://a.example/y": b"<svg>"})
    assert found is not None
    assert found.html.count("data:image/png;base64,") == 1 and "a.example" not in found.html
    assert (found.left_out, found.remote) == (2, 1)


@pytest.mark.parametrize("name", deep_and_wide())
def test_what_is_showable_is_looked_through_in_time(name: str) -> None:
    html = deep_and_wide()[name]
    if is_showable(html):
        begun = time.process_time()
        remote_pictures(html)
        assert time.process_time() - begun < 5
