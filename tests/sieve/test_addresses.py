"""Parts of addresses, those that are none included; the first table is what Pigeonhole says too."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from eilbote.sieve.addresses import NULL, AddressPart, addresses_of_field, envelope_address

PARTS = tuple(AddressPart)


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("a@b.example", ("a@b.example", "a", "b.example", "a", None)),
        ("N <Anna+x+y@B.example>", ("Anna+x+y@B.example", "Anna+x+y", "B.example", "Anna", "x+y")),
        ("anna+@x.example", ("anna+@x.example", "anna+", "x.example", "anna", "")),
        ("+x@x.example", ("+x@x.example", "+x", "x.example", "", "x")),
        ('"a+b"@x.example', ("a+b@x.example", "a+b", "x.example", "a", "b")),
        ('"q \\" l"@x.example', ('"q \\" l"@x.example', 'q " l', "x.example", 'q " l', None)),
        ("<@r1.example,@r2.example:a@b.example>", ("a@b.example", "a", "b.example", "a", None)),
        ("a@[1.2.3.4]", ("a@[1.2.3.4]", "a", "[1.2.3.4]", "a", None)),
        ("a (comment) @ b . example", ("a@b.example", "a", "b.example", "a", None)),
        ("a b@c.example", ("a b@c.example", None, None, None, None)),
        ("nonsense", ("nonsense", None, None, None, None)),
        ("no at all <foo>", ("no at all <foo>", None, None, None, None)),
        ("undisclosed-recipients:;", ("undisclosed-recipients:;", None, None, None, None)),
        ("<>", ("<>", None, None, None, None)),
        ("", ("", "", "", "", "")),
        ("a@b@c.example", ("a@b@c.example", None, None, None, None)),
        ("jörg+ä@müller.example", ("jörg+ä@müller.example", "jörg+ä", "müller.example", "jörg", "ä")),
    ],
)
def test_parts_of_one_address(text: str, parts: tuple[str | None, ...]) -> None:
    (found,) = addresses_of_field(text)
    assert tuple(found.part(each) for each in PARTS) == parts


def test_groups_are_dissolved_and_a_broken_one_stands_among_others() -> None:
    found = addresses_of_field(
        "Team: a@x.example, =?utf-8?q?J=C3=B6rg?= <b@y.example>; , broken <, c@z.example"
    )
    assert [each.whole for each in found][:2] == ["a@x.example", "b@y.example"]
    assert any(each.domain is None for each in found)


@pytest.mark.parametrize("path", ["<>", "", "  <> "])
def test_the_null_path_is_empty_in_all_parts(path: str) -> None:
    assert envelope_address(path) is NULL
    assert {NULL.part(each) for each in PARTS} == {""}


def test_envelope_addresses() -> None:
    assert envelope_address("<anna+shop@x.example>").part(AddressPart.DETAIL) == "shop"
    assert envelope_address("two@x.example, three@x.example").part(AddressPart.DOMAIN) is None


def test_ten_thousand_addresses_are_read_and_no_more() -> None:
    found = addresses_of_field(", ".join(f"a{place}@x.example" for place in range(12_000)))
    assert len(found) == 10_000
    assert found[-1].whole == "a9999@x.example"


@given(st.text(max_size=300))
def test_any_text_has_parts(text: str) -> None:
    for found in (*addresses_of_field(text), envelope_address(text)):
        assert (found.part(AddressPart.LOCALPART) is None) == (found.part(AddressPart.DOMAIN) is None)
        if found.local is None:
            assert found.part(AddressPart.DETAIL) is found.part(AddressPart.USER) is None
        assert "\n" not in found.whole or text.count("\n")
