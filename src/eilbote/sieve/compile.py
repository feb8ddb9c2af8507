"""A checked script to functions of a run: blocks, branches, loops and includes, each a closure.

Two forms of a script are made of one source: a quick one, and one that writes down every step. Both
decide the same. Nothing is looked up by name while it runs.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from enum import IntEnum

from eilbote.errors import Misused
from eilbote.sieve import actions, conditions
from eilbote.sieve.actions import Deed
from eilbote.sieve.bound import Bound
from eilbote.sieve.building import Building
from eilbote.sieve.comparing import Condition, Values
from eilbote.sieve.mime import parts_below, parts_of
from eilbote.sieve.state import Failed, Run
from eilbote.sieve.texts import texts_of
from eilbote.sieve.tree import Command, Test
from eilbote.sieve.values import Position
from eilbote.sieve.write import quoted, write_command, write_test


class Flow(IntEnum):
    """How a command ends: the next one follows, or not."""

    ON = 0
    BREAK = 1
    RETURN = 2
    STOP = 3


Act = Callable[[Run], Flow]


class Unit:
    """A script that can be carried out: the one that runs, or one that it includes."""

    __slots__ = ("act", "name")

    def __init__(self, name: str) -> None:
        self.name = name
        self.act: Act | None = None


class Compiler:
    """Makes the functions of one script and of those that it includes."""

    def __init__(self, building: Building, *, trace: bool) -> None:
        self._building = building
        self._trace = trace
        self._units: dict[str, Unit] = {}
        self._bound: Mapping[str, tuple[Bound, ...]] = {}

    def script(self, commands: tuple[Bound, ...], included: Mapping[str, tuple[Bound, ...]]) -> Act:
        """The whole; `included` are the checked scripts by what `include_key` calls them."""
        self._bound = included
        return self._block(commands)

    def _block(self, commands: tuple[Bound, ...]) -> Act:
        acts: list[tuple[Condition | None, Act]] = []
        place = 0
        while place < len(commands):
            end = place + 1
            if commands[place].word.name == "if":
                while end < len(commands) and commands[end].word.name in ("elsif", "else"):
                    end += 1
                acts.append(self._branches(commands[place:end]))
            else:
                acts.append((None, self._command(commands[place])))
            place = end
        cost = sum(1 + sum(map(_tests_in, command.tests)) for command in commands)
        return _sequence(tuple(acts), cost)

    def _command(self, bound: Bound) -> Act:
        match bound.word.name:
            case "stop":
                act: Act = _stop
            case "return":
                act = _return
            case "include":
                act = self._include(bound)
            case "foreverypart":
                act = self._loop(bound)
            case "break":
                act = _break(words.value if (words := bound.tag_text("name")) else "")
            case name:
                act = _deed(actions.BUILDERS[name](bound, self._building), bound.rule, bound.node.at)
        return self._traced(bound, act) if self._trace else act

    def _branches(self, chain: tuple[Bound, ...]) -> tuple[Condition | None, Act]:
        """An `if` with what follows it; alone, it is a command with a condition."""
        branches: list[tuple[Condition, Act]] = []
        otherwise: Act = _nothing
        for bound in chain:
            block = self._block(bound.block)
            if bound.word.name == "else":
                otherwise = block
                break
            branches.append((self._test(bound.tests[0]), block))
        if not self._trace:
            return branches[0] if len(chain) == 1 else (None, _choose(tuple(branches), otherwise))
        rule, act = chain[0].rule, _choose(tuple(branches), otherwise)

        def traced(run: Run) -> Flow:
            run.rule = rule or run.outer
            return act(run)

        return None, traced

    def _test(self, bound: Bound) -> Condition:
        seen: Values | None = None
        match bound.word.name:
            case "not":
                return conditions.negated(self._test(bound.tests[0]))
            case "allof":
                return conditions.all_of(tuple(map(self._test, bound.tests)))
            case "anyof":
                return conditions.any_of(tuple(map(self._test, bound.tests)))
            case name:
                test, seen = conditions.BUILDERS[name](bound, self._building)
        if bound.templates() or name in _CAN_FAIL or "mime" in bound.tags:
            test = _placed(test, bound.node.at)
        return _traced_test(bound, test, seen) if self._trace else test

    def _traced(self, bound: Bound, act: Act) -> Act:
        node = bound.node
        assert isinstance(node, Command)
        at, name, written, rule = node.at, node.name, _short(write_command(node)), bound.rule
        made = texts_of(bound.templates())
        varies = bool(bound.templates())

        def traced(run: Run) -> Flow:
            run.rule = rule or run.outer
            run.at = at
            run.step(at, name, f"{written} ← {_shown(made(run))}" if varies else written)
            return act(run)

        return traced

    def _loop(self, bound: Bound) -> Act:
        """RFC 5703 section 3. An inner loop goes through what lies below the part of the outer one."""
        block = self._block(bound.block)
        name = words.value if (words := bound.tag_text("name")) else None

        def loop(run: Run) -> Flow:
            outer = run.parts
            for part in parts_below(outer[-1]) if outer else parts_of(run.message().root):
                run.parts = [*outer, part]
                flow = block(run)
                run.parts = outer
                if flow is Flow.BREAK:
                    return Flow.ON if run.breaking in ("", name) else Flow.BREAK
                if flow:
                    return flow
            return Flow.ON

        return loop

    def _include(self, bound: Bound) -> Act:
        """RFC 6609 section 3.2. That the scripts form no circle, reading them has made sure."""
        key, once, at = include_key(bound), "once" in bound.tags, bound.node.at
        rule, name = bound.rule, bound.text(0).value
        if key not in self._bound:
            return _nothing  # `:optional`, and not there
        unit = self._units.get(key)
        if unit is None:
            unit = self._units[key] = Unit(key)
            unit.act = self._block(self._bound[key])
        inside = unit

        def include(run: Run) -> Flow:
            if once and key in run.included:
                return Flow.ON
            run.included.add(key)
            assert inside.act is not None
            run.at = at
            held = run.script, run.variables, run.locals, run.groups, run.outer
            run.script, run.variables, run.locals, run.groups = inside.name, {}, frozenset(), ()
            run.outer = rule or run.outer or name
            flow = inside.act(run)
            run.script, run.variables, run.locals, run.groups, run.outer = held
            return Flow.STOP if flow is Flow.STOP else Flow.ON

        return include


def include_key(bound: Bound) -> str:
    """What an included script is called: its name, with where it lies (RFC 6609 section 3.2)."""
    name = bound.text(0).value
    return f"global:{name}" if "global" in bound.tags else name


def _tests_in(bound: Bound) -> int:
    return 1 + sum(map(_tests_in, bound.tests))


def _sequence(acts: tuple[tuple[Condition | None, Act], ...], cost: int) -> Act:
    """One after another; what has a condition, only where that is true."""
    on = Flow.ON

    def sequence(run: Run) -> Flow:
        run.left -= cost
        if run.left < 0:
            run.spend(0)
        for test, act in acts:
            if (test is None or test(run)) and (flow := act(run)):
                return flow
        return on

    return sequence


def _choose(branches: tuple[tuple[Condition, Act], ...], otherwise: Act) -> Act:
    def choose(run: Run) -> Flow:
        for test, block in branches:
            if test(run):
                return block(run)
        return otherwise(run)

    return choose


def _nothing(run: Run) -> Flow:
    return Flow.ON


def _stop(run: Run) -> Flow:
    return Flow.STOP


def _break(name: str) -> Act:
    def leave(run: Run) -> Flow:
        run.breaking = name
        return Flow.BREAK

    return leave


def _return(run: Run) -> Flow:
    return Flow.RETURN


def _deed(deed: Deed, rule: str, at: Position) -> Act:
    def act(run: Run) -> Flow:
        run.rule, run.at = rule or run.outer, at
        deed(run)
        return Flow.ON

    return act


_WRITTEN = 240
"""Characters of a command or test in a step."""

_CAN_FAIL = ("date", "currentdate", "body", "duplicate")


def _placed(test: Condition, at: Position) -> Condition:
    """A test that can fail, so that its place is known."""

    def placed(run: Run) -> bool:
        run.at = at
        return test(run)

    return placed


def _traced_test(bound: Bound, test: Condition, seen: Values | None) -> Condition:
    node = bound.node
    assert isinstance(node, Test)
    at, name, written = node.at, node.name, _short(write_test(node))

    def traced(run: Run) -> bool:
        try:
            result = test(run)
        except (Failed, Misused):
            run.step(at, name, written)
            raise
        detail = written if seen is None else f"{written} ← {_shown(seen(run))}"
        run.step(at, name, detail, result)
        return result

    return traced


def _short(written: str) -> str:
    """So that there is room for what was compared."""
    return written if len(written) <= _WRITTEN else written[: _WRITTEN - 1] + "…"


def _shown(values: object) -> str:
    assert isinstance(values, tuple | list)
    shown = ", ".join(quoted(str(value)[:100]) for value in values[:10])
    return shown + (", …" if len(values) > 10 else "") if values else "∅"
