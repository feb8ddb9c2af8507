"""Which part of a matched text each group of a regular expression stands for, by the rule of POSIX.

The rule (IEEE Std 1003.1 section 9.1): of all matches that begin first the longest counts, and within it
each part, from the left, is as long as it can be. Every question that this takes is one of `Automaton`.
"""

from __future__ import annotations

from array import array
from typing import assert_never

from eilbote.sieve.regex_automaton import Alphabet, Automaton, Purse
from eilbote.sieve.regex_reading import Characters, Choice, Group, Node, Place, Repeat, Sequence

_MAX_AUTOMATA = 500
"""Kept for one expression."""


class GroupFinder:
    """Finds the groups of one expression; keeps the automata of its pieces."""

    __slots__ = ("_alphabet", "_automata", "_tree")

    def __init__(self, tree: Node, alphabet: Alphabet) -> None:
        self._tree = tree
        self._alphabet = alphabet
        self._automata: dict[tuple[Node, bool], Automaton] = {}

    def groups(self, classes: array[int], start: int, end: int, purse: Purse) -> dict[int, tuple[int, int]]:
        """Where each group that took part lies, in a text that the expression matches from start to end. Of a
        repeated group the last turn counts."""
        search = _Search(self, classes, purse)
        search.look(self._tree, start, end)
        return search.found

    def automaton(self, node: Node, *, backwards: bool) -> Automaton:
        key = (node, backwards)
        found = self._automata.get(key)
        if found is None:
            if len(self._automata) >= _MAX_AUTOMATA:
                self._automata.clear()
            found = self._automata[key] = Automaton(node, self._alphabet, backwards=backwards)
        return found


class _Search:
    """One text."""

    __slots__ = ("_classes", "_finder", "_purse", "found")

    def __init__(self, finder: GroupFinder, classes: array[int], purse: Purse) -> None:
        self._finder = finder
        self._classes = classes
        self._purse = purse
        self.found: dict[int, tuple[int, int]] = {}

    def look(self, node: Node, start: int, end: int) -> None:
        """The groups of a node that matches from start to end."""
        if not has_groups(node):
            return None
        match node:
            case Group():
                self.found[node.number] = (start, end)
                self.look(node.node, start, end)
            case Sequence():
                self._look_along(node.nodes, start, end)
            case Choice():
                for each in node.nodes:
                    if end in self._ends(each, start, end):
                        return self.look(each, start, end)
            case Repeat():
                self._look_at_turns(node, start, end)
            case Characters() | Place():
                pass
            case _:
                assert_never(node)
        return None

    def _look_along(self, nodes: tuple[Node, ...], start: int, end: int) -> None:
        for place, node in enumerate(nodes):
            rest = nodes[place + 1 :]
            if not rest:
                return self.look(node, start, end)
            if not any(map(has_groups, nodes[place:])):
                return None
            middle = self._longest(node, Sequence(rest), start, end)
            self.look(node, start, middle)
            start = middle
        return None

    def _look_at_turns(self, node: Repeat, start: int, end: int) -> None:
        """The last turn. Turns of nothing are not made where they need not be."""
        inside = node.node
        if start == end:
            if node.least:
                self.look(inside, start, end)
            return
        begin, least, most = start, node.least, node.most
        behind: frozenset[int] | None = None
        while start < end:
            least, most = max(least - 1, 0), None if most is None else most - 1
            if behind is None or least or most is not None:
                rest = Repeat(inside, least, most)
                behind = frozenset(self._starts(rest, start, end))
            begin = start
            ends = [at for at in self._ends(inside, start, end) if at in behind]
            longer = [at for at in ends if at > start]
            if longer:
                start = longer[-1]
            elif not least:
                break  # else a turn of nothing that the count asks for
        self.look(inside, begin, end)

    def _longest(self, node: Node, rest: Node, start: int, end: int) -> int:
        """Where the node ends if it takes as much as the rest leaves it."""
        behind = frozenset(self._starts(rest, start, end))
        return max((at for at in self._ends(node, start, end) if at in behind), default=start)

    def _ends(self, node: Node, start: int, end: int) -> list[int]:
        automaton = self._finder.automaton(node, backwards=False)
        return list(automaton.ends(self._classes, start, end, self._purse))

    def _starts(self, node: Node, start: int, end: int) -> list[int]:
        automaton = self._finder.automaton(node, backwards=True)
        return list(automaton.ends(self._classes, end, start, self._purse))


def has_groups(node: Node) -> bool:
    """Whether there is a group in it."""
    match node:
        case Group():
            return True
        case Sequence() | Choice():
            return any(map(has_groups, node.nodes))
        case Repeat():
            return has_groups(node.node)
        case Characters() | Place():
            return False
        case _:
            assert_never(node)
