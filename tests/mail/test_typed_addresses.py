"""What people type into To: taken as meant, or refused with a reason; never guessed."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from eilbote.errors import Misused
from eilbote.mail.envelope import Address
from eilbote.mail.typed_addresses import as_typed, typed_addresses


def read(text: str) -> list[tuple[str, str]]:
    return [(each.name, each.spec) for each in typed_addresses(text)]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a@example.org", [("", "a@example.org")]),
        (" <a@example.org> ", [("", "a@example.org")]),
        ("Anna Meier <a@x.de>, b@y.de", [("Anna Meier", "a@x.de"), ("", "b@y.de")]),
        ('"Groß, Karl" <k@x.de>; b@y.de;', [("Groß, Karl", "k@x.de"), ("", "b@y.de")]),
        ('"A \\"B\\" C" <a@b.de>', [('A "B" C', "a@b.de")]),
        ("Anna (Vertrieb) <a@x.de>", [("Anna (Vertrieb)", "a@x.de")]),
        ("Jürgen <j@müller.de>", [("Jürgen", "j@müller.de")]),
        ("jürgen@müller.de", [("", "jürgen@müller.de")]),
        ('"odd one"@example.org', [("", '"odd one"@example.org')]),
        ("a@[192.0.2.1]", [("", "a@[192.0.2.1]")]),
        ("a@xn--mller-kva.de", [("", "a@xn--mller-kva.de")]),
        ("a@x.de.", [("", "a@x.de.")]),
        ("x" * 90 + "@x.de", [("", "x" * 90 + "@x.de")]),
        ("", []),
        (" , ;", []),
    ],
)  # fmt: skip
def test_addresses_are_taken(text: str, expected: list[tuple[str, str]]) -> None:
    assert read(text) == expected


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("Anna", "compose.no_address"),
        ("Müller, Anna <a@x.de>", "compose.no_address"),
        ("a@b@c.de", "compose.bad_address"),
        ("a b@x.de", "compose.bad_address"),
        ("a@x..de", "compose.bad_address"),
        ("a@-x.de", "compose.bad_address"),
        ("a@", "compose.bad_address"),
        ("@x.de", "compose.bad_address"),
        ("a@x.de>", "compose.no_address"),
        ("<a@x.de", "compose.no_address"),
        ("Anna <a@x.de> <b@x.de>", "compose.bad_address"),
        ("Anna <a@x.de> b", "compose.no_address"),
        ("<>", "compose.no_address"),
        ("Team: a@x.de, b@x.de;", "compose.group"),
        ("undisclosed-recipients:;", "compose.group"),
        ("a@x.de\r\nBcc: b@x.de", "compose.character"),
        ("a@x.de\0", "compose.character"),
        ("x" * 250 + "@x.de", "compose.bad_address"),
        ("a@" + "x" * 64 + ".de", "compose.bad_address"),
        ("a@" + "x." * 130 + "de", "compose.bad_address"),
        ('"Anna <a@x.de>', "compose.bad_address"),
        ("a@[1.2.3.4", "compose.bad_address"),
        ("a@x.de\u200b", "compose.bad_address"),
        ("a@x.de b@x.de", "compose.bad_address"),
    ],
)  # fmt: skip
def test_what_is_no_address_is_refused_with_its_reason(text: str, code: str) -> None:
    with pytest.raises(Misused) as refused:
        typed_addresses(text)
    assert refused.value.problem.code == code
    assert refused.value.problem.parameters["field"] == "To"


@given(st.text(max_size=300))
def test_any_text_gives_addresses_or_a_problem(text: str) -> None:
    try:
        found = typed_addresses(text, "Cc")
    except Misused as refused:
        assert refused.problem.code.startswith("compose.")
    else:
        assert all("@" in each.spec for each in found)


@pytest.mark.parametrize(
    "name", ["", "Anna", "Groß, Karl", 'der "Große"', "a\\b", "<x@y>", "(c)", "a;b", "\t a\r\nb"]
)
def test_what_is_shown_as_typed_is_read_as_the_same(name: str) -> None:
    people = (Address(name, "karl@example.org"), Address("", "eva@example.org"))
    read = typed_addresses(as_typed(people))
    assert [one.spec for one in read] == ["karl@example.org", "eva@example.org"]
    assert read[0].name == " ".join(name.split())
