"""What is still to be copied: every mail of the source answers for one of the target."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from eilbote.sync.migration import Held, lacking


def held(*mails: str) -> list[Held]:
    """`content:id`: mails of one size."""
    parts = [each.partition(":") for each in mails]
    return [Held(at, content.encode(), id_, 100) for at, (content, _, id_) in enumerate(parts)]


def left(source: list[Held], target: list[Held]) -> list[bytes]:
    copies = lacking(source, target)
    assert copies.present + len(copies.copy) == len(source)
    return [one.sha256 for one in copies.copy]


def test_content_then_message_id() -> None:
    assert left(held("a:1", "b:2"), held("a:1")) == [b"b"]
    assert left(held("a:1"), held("rewritten:1")) == []
    assert left(held("a:"), held("rewritten:")) == [b"a"], "mails without an id are never alike"
    other_size = [Held(1, b"rewritten", "1", 101)]
    assert left(held("a:1"), other_size) == [b"a"]


def test_equal_mails_are_counted() -> None:
    assert left(held("a:1", "a:1"), held("a:1")) == [b"a"]
    assert left(held("a:1", "a:1"), held("a:1", "x:1")) == []


def test_of_two_mails_with_one_id_none_stands_for_the_other() -> None:
    assert left(held("b:1", "a:1"), held("a:1")) == [b"b"]
    assert left(held("a:1", "b:1"), held("a:1")) == [b"b"]


MAILS = st.lists(st.sampled_from(["a:1", "b:1", "c:2", "d:", "e:"]), max_size=8)


@settings(deadline=None)
@given(source=MAILS, target=MAILS)
def test_a_second_run_copies_nothing(source: list[str], target: list[str]) -> None:
    copies = lacking(held(*source), held(*target))
    after = [*held(*target), *copies.copy]
    assert lacking(held(*source), after).copy == []
