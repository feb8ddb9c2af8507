"""The form of a mail that every server takes."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from eilbote.mail.uploading import ready_to_upload


@pytest.mark.parametrize(
    ("raw", "form"),
    [
        (b"", b""),
        (b"A: b\r\n\r\nx\r\n", b"A: b\r\n\r\nx\r\n"),
        (b"A: b\r\n\r\nx", b"A: b\r\n\r\nx\r\n"),
        (b"A: b\n\nx\n", b"A: b\r\n\r\nx\r\n"),
        (b"A: b\r\n\nx\r\n", b"A: b\r\n\r\nx\r\n"),
        (b"lone\rcr", b"lone\rcr\r\n"),
        (b"a\r\r\nb\r", b"a\r\r\nb\r\r\n"),
        (b"nu\0l\n", b"nu\x80l\r\n"),
        (b"\n", b"\r\n"),
    ],
)
def test_line_ends_and_nul(raw: bytes, form: bytes) -> None:
    assert ready_to_upload(raw, end_last_line=True) == form
    assert ready_to_upload(raw) in (form, form.removesuffix(b"\r\n"))


@given(st.binary(max_size=200) | st.text("a\r\n\0:", max_size=60).map(str.encode))
def test_it_is_done_once_and_changes_nothing_else(raw: bytes) -> None:
    form = ready_to_upload(raw, end_last_line=True)
    assert ready_to_upload(form, end_last_line=True) == form
    assert ready_to_upload(raw) == (
        form if form.endswith(b"\r\n") and raw.endswith(b"\n") else form.removesuffix(b"\r\n")
    )
    same = raw.replace(b"\0", b"\x80").replace(b"\r\n", b"\n")
    assert form.replace(b"\r\n", b"\n") in (same, same + b"\n")
