from __future__ import annotations

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from eilbote.mail import mutf7

KNOWN = {
    "INBOX": b"INBOX",
    "Entwürfe": b"Entw&APw-rfe",
    "Gelöschte Elemente": b"Gel&APY-schte Elemente",
    "Tom & Jerry": b"Tom &- Jerry",
    "~peter/mail/台北/日本語": b"~peter/mail/&U,BTFw-/&ZeVnLIqe-",  # RFC 3501 section 5.1.3
    "😀": b"&2D3eAA-",
    "&ü&": b"&-&APw-&-",
    "tab\there": b"tab&AAk-here",
}


@pytest.mark.parametrize(("name", "raw"), KNOWN.items(), ids=ascii)
def test_known_names(name: str, raw: bytes) -> None:
    assert mutf7.encode(name) == raw
    assert mutf7.decode(raw) == name


@given(st.text(st.characters(exclude_categories=["Cs"])))
def test_every_name_comes_back(name: str) -> None:
    raw = mutf7.encode(name)
    assert mutf7.decode(raw) == name
    assert all(0x20 <= byte <= 0x7E for byte in raw)


@pytest.mark.parametrize(
    "raw", [b"&", b"a&b", b"&AP", b"&AP*-", b"&2D0-", b"&A-", b"Entw\xc3\xbcrfe", b"&AGE-&"], ids=ascii
)
def test_what_no_encoder_writes_is_refused(raw: bytes) -> None:
    try:
        decoded = mutf7.decode(raw)
    except ValueError:
        return
    pytest.fail(f"read as {decoded!r}")


@given(st.binary(max_size=40))
def test_any_bytes_are_read_or_refused(raw: bytes) -> None:
    with contextlib.suppress(ValueError):
        mutf7.decode(raw)
