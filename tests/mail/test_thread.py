"""Conversations: who belongs to whom, in whatever order the mails come."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import permutations

from hypothesis import given
from hypothesis import strategies as st

from eilbote.mail.thread import Links, ancestor_keys, is_of_server, join, message_key, server_thread

Mail = tuple[str, tuple[str, ...]]


def mail(own: str, *references: str) -> Mail:
    return own, references


def links_of(message_id: str, references: tuple[str, ...], number: int) -> Links:
    own = message_key(message_id) if message_id else -number
    return Links(own, ancestor_keys(message_id, references) if references else ())


def linked(mails: Iterable[Mail], first: int = 1) -> list[Links]:
    """What the mails say, numbered as a store would."""
    return [links_of(*one, number) for number, one in enumerate(mails, first)]


class Held:
    """Joins mails one by one, as a store does that remembers keys and threads of what it holds."""

    def __init__(self) -> None:
        self.threads: dict[int, int] = {}

    def arrive(self, *mails: Mail) -> None:
        links = linked(mails, len(self.threads) + 1)
        wanted = {key for own, ancestors in links for key in (own, *ancestors)}
        names = set(self.threads.values())
        held = {key: self.threads.get(key, key) for key in wanted if key in self.threads or key in names}
        found = join(links, held)
        for old, new in found.merged.items():
            self.threads = {key: new if name == old else name for key, name in self.threads.items()}
        self.threads.update(zip((one.own for one in links), found.threads, strict=True))

    def together(self, *ids: str) -> bool:
        return len({self.threads[message_key(one)] for one in ids}) == 1


def arrived(mails: Sequence[Mail], batch: int = 1) -> Held:
    held = Held()
    for start in range(0, len(mails), batch):
        held.arrive(*mails[start : start + batch])
    return held


def test_a_key_is_63_bits_and_never_changes() -> None:
    assert message_key("a@example.org") == 6266937959573614002
    assert 0 <= message_key("\udce4") < 2**63


def test_the_root_is_the_first_reference_else_the_mail_itself() -> None:
    roots = join(linked([mail("c@x", "a@x", "b@x"), mail("d@x")]), {}).threads
    assert roots == (message_key("a@x"), message_key("d@x"))


def test_mails_without_any_id_are_threads_of_their_own() -> None:
    found = join(linked([mail(""), mail(""), mail("")]), {})
    assert len(set(found.threads)) == 3
    assert all(thread < 0 for thread in found.threads)


def test_replies_join_in_whatever_order_and_batches_they_come() -> None:
    talk = [mail("a@x"), mail("b@x", "a@x"), mail("c@x", "a@x", "b@x"), mail("d@x", "c@x")]
    for order in permutations(talk):
        for batch in (1, 2, 4):
            assert arrived(order, batch).together("a@x", "b@x", "c@x", "d@x")


def test_a_chain_of_in_reply_to_only_is_one_thread_once_its_links_are_there() -> None:
    assert arrived([mail("d@x", "c@x"), mail("c@x", "b@x"), mail("b@x", "a@x")]).together("b@x", "c@x", "d@x")


def test_references_cut_in_the_middle_still_find_the_thread() -> None:
    held = arrived([mail("a@x"), mail("m@x", "a@x"), mail("z@x", "lost@x", "m@x", "y@x", "also-lost@x")])
    assert held.together("a@x", "z@x")


def test_replies_to_a_mail_that_never_came_are_together() -> None:
    assert arrived([mail("b@x", "a@x"), mail("c@x", "a@x")]).together("b@x", "c@x")


def test_a_later_mail_merges_two_threads_that_it_links() -> None:
    held = arrived([mail("a@x"), mail("b@x"), mail("other@x"), mail("c@x", "a@x", "b@x")])
    assert held.together("a@x", "b@x", "c@x")
    assert not held.together("a@x", "other@x")


def test_the_threads_merged_are_named_so_that_they_can_be_renamed() -> None:
    a, b = message_key("a@x"), message_key("b@x")
    found = join(linked([mail("c@x", "a@x", "b@x")]), {a: a, b: b})
    assert found.merged == {b: a}
    assert found.threads == (a,)


def test_a_mail_that_names_itself_or_runs_in_circles_is_no_trouble() -> None:
    held = arrived([mail("a@x", "a@x"), mail("b@x", "c@x"), mail("c@x", "b@x")])
    assert held.together("b@x", "c@x")
    assert not held.together("a@x", "b@x")


def test_a_hostile_mail_links_at_most_four_threads() -> None:
    strangers = [mail(f"{number}@x") for number in range(50)]
    held = arrived([*strangers, mail("evil@x", *(f"{number}@x" for number in range(50)))])
    assert len(set(held.threads.values())) == 50 - 4 + 1


@given(st.lists(st.tuples(st.integers(0, 9), st.lists(st.integers(0, 9), max_size=2)), max_size=8), st.data())
def test_who_is_together_does_not_depend_on_the_order(
    said: list[tuple[int, list[int]]], data: st.DataObject
) -> None:
    mails = [mail(f"{own}@x", *(f"{one}@x" for one in references)) for own, references in dict(said).items()]
    shuffled = data.draw(st.permutations(mails))
    assert partition(linked(mails)) == partition(linked(shuffled))


def partition(links: Sequence[Links]) -> set[frozenset[int]]:
    threads = join(links, {}).threads
    return {
        frozenset(one.own for one, name in zip(links, threads, strict=True) if name == thread)
        for thread in threads
    }


def test_conversations_of_the_server_take_in_others_and_are_never_joined() -> None:
    """Gmail's: what is made here joins one of them by its links."""
    mine, yours = server_thread("1278455344230334865"), server_thread("1278455344230334866")
    assert is_of_server(mine) and is_of_server(yours) and mine != yours
    assert -(2**63) < mine < 0
    assert not is_of_server(message_key("a@example.org"))
    assert server_thread("") == 0
    held = {1: mine, 2: yours, 3: 3}
    for ancestors in ((1, 2), (2, 1), (1, 3, 2), (3, 1)):
        threaded = join([Links(9, ancestors)], held)
        assert threaded.threads[0] in (mine, yours)
        assert not {mine, yours} & threaded.merged.keys()
        if 3 in ancestors:
            assert threaded.merged == {3: threaded.threads[0]}
