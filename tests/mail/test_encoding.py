"""Transfer encodings as they come out of real mailers and off broken lines."""

from __future__ import annotations

import base64
import binascii
import quopri

import pytest
from hypothesis import given
from hypothesis import strategies as st

from eilbote.mail.encoding import decode_base64, decode_transfer, decode_uuencode


@pytest.mark.parametrize(
    ("encoded", "expected"),
    [
        (b"QUJDREU=", b"ABCDE"),
        (b"QUJDREU", b"ABCDE"),
        (b"QUJD\r\n  REU=\r\n", b"ABCDE"),
        (b"QU!JD*RE\xffU=", b"ABCDE"),
        (b"QUI=\r\nQUI=\r\n", b"ABAB"),
        (b"QUI=\r\n-- \r\nA list footer with words", b"AB"),
        (b"Q=UJD*RA= =\r\n-- \r\nA list footer with words", b"ABCD"),
        (b"Q", b""),
        (b"QUJDRE", b"ABCD"),
        (b"", b""),
        (b"====", b""),
    ],
)
def test_base64(encoded: bytes, expected: bytes) -> None:
    assert decode_base64(encoded) == expected


def test_text_that_is_declared_base64_and_is_none_stays_readable() -> None:
    text = b"This is just a text, whatever the header says about it.\r\n"
    assert decode_transfer(text, "base64") == text


@pytest.mark.parametrize(
    ("encoded", "expected"),
    [
        (b"a=20b", b"a b"),
        (b"a=\r\nb", b"ab"),
        (b"a=\nb", b"ab"),
        (b"100% =", b"100% "),
        (b"=ZZ", b"=ZZ"),
        (b"gr=c3=bcn", b"gr\xc3\xbcn"),
    ],
)
def test_quoted_printable(encoded: bytes, expected: bytes) -> None:
    assert decode_transfer(encoded, "quoted-printable") == expected


def test_uuencode() -> None:
    data = bytes(range(256))
    lines = b"".join(binascii.b2a_uu(data[at : at + 45]) for at in range(0, 256, 45))
    wrapped = b"Hello\n\nbegin 644 a b.bin\n" + lines + b"`\nend\nafter"
    assert decode_uuencode(wrapped) == data
    assert decode_transfer(wrapped.replace(b"\n", b"\r\n"), "x-uuencode") == data
    assert decode_transfer(b"no beginning", "x-uuencode") == b"no beginning"


@given(st.binary(max_size=300), st.integers(1, 90))
def test_base64_in_lines_of_any_length(data: bytes, width: int) -> None:
    encoded = base64.b64encode(data)
    wrapped = b"\r\n".join(encoded[at : at + width] for at in range(0, len(encoded), width))
    assert decode_base64(wrapped) == data


@given(st.binary(max_size=300))
def test_quoted_printable_as_the_library_writes_it(data: bytes) -> None:
    data = data.replace(b"\r", b"")  # the library makes all line ends like the first one
    assert decode_transfer(quopri.encodestring(data, quotetabs=True), "quoted-printable") == data


@given(
    st.binary(max_size=300), st.sampled_from(["base64", "quoted-printable", "x-uuencode", "7bit", "wrong"])
)
def test_any_bytes_are_decoded_to_no_more_than_twice_their_number(data: bytes, encoding: str) -> None:
    assert len(decode_transfer(data, encoding)) <= 2 * len(data)
    assert len(decode_uuencode(b"begin 644 x\n" + data)) <= 2 * len(data) + 24
