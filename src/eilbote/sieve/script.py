"""The text of a script to a `Script` that can be run, or to what is wrong with it.

Reads the scripts that it includes too, each once. Any text gives one or the other; nothing is raised.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from eilbote.errors import Problem
from eilbote.sieve.bound import Bound
from eilbote.sieve.building import Building
from eilbote.sieve.check import check_tree
from eilbote.sieve.compile import Act, Compiler, include_key
from eilbote.sieve.parse import parse_script
from eilbote.sieve.tree import Tree
from eilbote.sieve.values import Limits, ScriptProblem

_NOT_FOR_EVENTS = frozenset({"reject", "ereject", "vacation"})
"""What makes sense only where a mail is delivered (RFC 6785 section 3)."""


class Script:
    """A script that was read and checked. Run it with `run.run`."""

    __slots__ = ("_bound", "_forms", "_included", "extensions", "limits", "tree")

    def __init__(
        self,
        tree: Tree,
        bound: tuple[Bound, ...],
        included: Mapping[str, tuple[Bound, ...]],
        extensions: frozenset[str],
        limits: Limits,
    ) -> None:
        """Made by `read_script`."""
        self.tree = tree
        self.extensions = extensions
        """What it uses, those of included scripts too."""
        self.limits = limits
        self._bound = bound
        self._included = included
        self._forms: dict[bool, tuple[Act, int]] = {}

    @property
    def runs_here_only(self) -> bool:
        """Whether no server can carry it out, as it reads what only Eilbote knows."""
        return any(name.startswith("vnd.eilbote.") for name in self.extensions)

    def form(self, *, trace: bool) -> tuple[Act, int]:
        """The function of a run, made when first asked for, and the places that a run needs."""
        made = self._forms.get(trace)
        if made is None:
            building = Building(self.limits, variables="variables" in self.extensions)
            act = Compiler(building, trace=trace).script(self._bound, self._included)
            made = self._forms[trace] = (act, building.slots)
        return made


def read_script(
    text: str,
    *,
    included: Mapping[str, str] | None = None,
    shared: Mapping[str, str] | None = None,
    limits: Limits | None = None,
    event: bool = False,
) -> Script | tuple[ScriptProblem, ...]:
    """The script, or its problems in order of place. `included` are the texts that `include :personal`
    names, `shared` those of `include :global` (RFC 6609). `event`: it is for events, and has no actions that
    only a delivery knows."""
    reader = _Reader(included or {}, shared or {}, limits or Limits(), event=event)
    return reader.whole(text)


class _Reader:
    def __init__(
        self, personal: Mapping[str, str], shared: Mapping[str, str], limits: Limits, *, event: bool
    ) -> None:
        self._event = event
        self._texts = {False: personal, True: shared}
        self._limits = limits
        self._problems: list[ScriptProblem] = []
        self._extensions: set[str] = set()
        self._included: dict[str, tuple[Bound, ...]] = {}
        self._heights: dict[str, int] = {}
        self._open: list[str] = []

    def whole(self, text: str) -> Script | tuple[ScriptProblem, ...]:
        """The script itself and all that it includes."""
        tree, bound = self._read(text, "")
        if self._problems:
            return tuple(self._problems)
        return Script(tree, bound, self._included, frozenset(self._extensions), self._limits)

    def _read(self, text: str, name: str) -> tuple[Tree, tuple[Bound, ...]]:
        tree, problems = parse_script(text, self._limits)
        checked, more = check_tree(tree, self._limits)
        # A command that could not be read would be missed by those that follow: grammar comes first.
        for found in problems or more:
            self._problems.append(ScriptProblem(found.at, found.problem, name))
        if problems or more:
            return tree, ()
        self._extensions |= checked.extensions
        self._open.append(name)
        self._heights[name] = max((depth for _, depth in _deepest(checked.commands)), default=0)
        for bound, depth in _deepest(checked.commands):
            if self._event and bound.word.name in _NOT_FOR_EVENTS:
                problem = Problem("sieve.not_for_events", {"command": bound.word.name})
                self._problems.append(ScriptProblem(bound.node.at, problem, name))
            if bound.word.name == "include":
                self._include(bound, name, depth)
        self._open.pop()
        return tree, checked.commands

    def _include(self, bound: Bound, name: str, depth: int) -> None:
        key, at = include_key(bound), bound.node.at

        def wrong(code: str, **parameters: str) -> None:
            self._problems.append(ScriptProblem(at, Problem(code, parameters), name))

        wanted = bound.text(0).value
        if key in self._open:
            wrong("sieve.include_loop", script=wanted)
        elif len(self._open) >= self._limits.nesting:
            wrong("sieve.too_deep", limit=str(self._limits.nesting))
        elif key in self._included:
            self._within(bound, name, depth + self._heights.get(key, 0))
        elif len(self._included) >= self._limits.includes:
            wrong("sieve.too_many_includes", limit=str(self._limits.includes))
        else:
            text = self._texts["global" in bound.tags].get(wanted)
            if text is not None:
                self._included[key] = ()
                self._included[key] = self._read(text, key)[1]
                self._within(bound, name, depth + self._heights.get(key, 0))
            elif "optional" not in bound.tags:
                wrong("sieve.include_missing", script=wanted[:60])

    def _within(self, bound: Bound, name: str, height: int) -> None:
        """Blocks and included scripts within each other are bounded together."""
        self._heights[name] = max(self._heights[name], height)
        if height > self._limits.nesting:
            problem = Problem("sieve.too_deep", {"limit": str(self._limits.nesting)})
            self._problems.append(ScriptProblem(bound.node.at, problem, name))


def _deepest(commands: tuple[Bound, ...], depth: int = 1) -> Iterator[tuple[Bound, int]]:
    """Every command with its depth; blocks within each other make it."""
    for bound in commands:
        yield bound, depth
        yield from _deepest(bound.block, depth + 1)
