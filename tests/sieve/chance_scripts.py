"""Scripts made by chance, for comparing two that carry them out: branches, flags, variables and stores.

Left out is what Pigeonhole is known to do otherwise: tests that are always true, a variable set to
itself, `string` without a comparator.
"""

from __future__ import annotations

import random
from collections.abc import Callable

REQUIRE = (
    'require ["fileinto", "copy", "variables", "relational", "comparator-i;ascii-numeric", "regex", '
    '"imap4flags"];\n'
)
_FLAGS = ("\\\\Seen", "\\\\Flagged", "a", "b", "A", "c d", "", "\\\\Deleted")
_STRING = 'string :comparator "i;octet"'
_TESTS = (
    'exists "cc"',
    'not exists "x-label"',
    'header :contains "subject" "4711"',
    'header :matches "subject" "*n*"',
    'header :matches "from" "*@*.*"',
    'header :regex "subject" "([a-z]+)[^a-z]+([0-9]+)"',
    'address :matches "to" "*@*"',
    "size :over 500",
    'hasflag "a"',
    'hasflag "v" ["b", "\\\\Seen"]',
    'hasflag :contains "e"',
    'hasflag :count "ge" :comparator "i;ascii-numeric" "2"',
    f'{_STRING} "${{x}}" "a"',
    f'{_STRING} :matches "${{x}}" "?*"',
    f'{_STRING} :contains "${{y}}" "${{x}}"',
    f'{_STRING} :value "gt" "${{x}}" "b"',
)
_VALUES = ("a", "b", "AbC", "x y", "", "${w}", "${1}", "${2}", "${0}", "ä${w}", "${1}${w}", "*?\\\\")
_MODIFIERS = ("", ":lower", ":upper", ":length", ":upperfirst", ":lowerfirst :upper", ":quotewildcard")


class Chance:
    """One source of scripts; the same seed gives the same ones."""

    def __init__(self, seed: int) -> None:
        self._chance = random.Random(seed)

    def script(self) -> str:
        """The next script."""
        return REQUIRE + "\n".join(self._command(0) for _ in range(self._chance.randrange(3, 14)))

    def _block(self, depth: int) -> str:
        return " ".join(self._command(depth) for _ in range(self._chance.randrange(4)))

    def _command(self, depth: int) -> str:
        if depth < 4 and self._chance.random() < 0.3:
            return self._branches(depth + 1)
        return self._chance.choice(self._commands())()

    def _commands(self) -> tuple[Callable[[], str], ...]:
        one = self._chance.choice
        return (
            lambda: one(("keep;", "keep;", "stop;", "discard;")),
            lambda: f"keep :flags {self._flags()};",
            lambda: 'keep :flags "${v}";',
            lambda: f'fileinto "{one(("A", "B", "INBOX", "C/D"))}";',
            lambda: f'fileinto :flags {self._flags()} "{one(("A", "B", "INBOX"))}";',
            lambda: f'fileinto :copy "{one(("Ax", "Bx"))}";',
            lambda: f'fileinto "{one(("m${x}", "n${y}"))}";',
            lambda: f'redirect {one(("", ":copy "))}"{one("abc")}@r.example";',
            lambda: f"{one(('addflag', 'setflag', 'removeflag'))} {self._flags()};",
            lambda: f'{one(("addflag", "setflag", "removeflag"))} "v" {self._flags()};',
            lambda: f'set {one(_MODIFIERS)} "{one("xy")}" "{one(_VALUES)}";',
            lambda: f'set "w" "{one(("a", "b", "c"))}";',
        )

    def _branches(self, depth: int) -> str:
        found = f"if {self._test(0)} {{ {self._block(depth)} }}"
        for _ in range(self._chance.randrange(2)):
            found += f" elsif {self._test(0)} {{ {self._block(depth)} }}"
        if self._chance.random() < 0.4:
            found += f" else {{ {self._block(depth)} }}"
        return found

    def _test(self, depth: int) -> str:
        kind = self._chance.random()
        if depth < 2 and kind < 0.15:
            return f"not {self._test(depth + 1)}"
        if depth < 2 and kind < 0.3:
            tests = ", ".join(self._test(depth + 1) for _ in range(self._chance.randrange(1, 4)))
            return f"{self._chance.choice(('anyof', 'allof'))} ({tests})"
        return self._chance.choice(_TESTS)

    def _flags(self) -> str:
        many = (f'"{self._chance.choice(_FLAGS)}"' for _ in range(self._chance.randrange(1, 3)))
        return "[" + ", ".join(many) + "]"
