"""One run of a script over one mail: what was decided so far, and what is left of the limits.

Changes while the script runs; nothing of it outlives the run but the `Outcome`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NoReturn

from msgspec import structs

from eilbote.errors import Problem
from eilbote.mail.message import Message
from eilbote.mail.part import Part
from eilbote.sieve.addresses import SeenAddress
from eilbote.sieve.bodies import Bodies
from eilbote.sieve.mail import EditedMail, SeenMail
from eilbote.sieve.values import (
    Action,
    Discard,
    FileInto,
    HeaderEdit,
    Keep,
    Limits,
    Outcome,
    Position,
    Redirect,
    Reject,
    Remembered,
    ScriptProblem,
    Step,
    Vacation,
    World,
)

NOWHERE = Position(0, 0)
"""Of the implicit keep, which no line of the script wants."""

MAX_STEPS = 5_000
"""Steps of one trace that are kept."""

MAX_DETAIL = 400
"""Characters of one step."""


_OCTETS_AN_INSTRUCTION = 256


class Failed(Exception):
    """The script cannot go on with this mail; holds the problem."""

    def __init__(self, problem: ScriptProblem) -> None:
        super().__init__(str(problem.problem))
        self.problem = problem


class Run:
    """The state of one run."""

    __slots__ = (
        "_message",
        "actions",
        "addresses",
        "at",
        "bodies",
        "breaking",
        "candidate",
        "edits",
        "flagged_by",
        "flags",
        "groups",
        "headers",
        "included",
        "keep",
        "left",
        "limits",
        "locals",
        "mail",
        "outer",
        "parts",
        "redirects",
        "remembered",
        "rule",
        "rules",
        "script",
        "shared",
        "steps",
        "values",
        "variables",
        "warnings",
        "world",
    )

    def __init__(self, mail: SeenMail, world: World, limits: Limits, slots: int, *, trace: bool) -> None:
        self.mail = mail
        self.world = world
        self.limits = limits
        self.left = limits.instructions
        self.values: list[Sequence[str] | None] = [None] * slots
        """Values of the mail that tests have asked for, by the slot that the compiler gave them."""
        self.addresses: dict[str, tuple[SeenAddress, ...]] = {}
        """Addresses by the text of the field that they stand in."""
        self.at = NOWHERE
        """The command or test that is carried out, as far as it can fail."""
        self.script = ""
        self.rule = ""
        self.outer = ""
        """The rule that the `include` of this script stands in, else the name of this script."""
        self.actions: list[Action] = []
        self.rules: list[str] = []
        self.keep = True
        """Whether the implicit keep still stands."""
        self.flags = world.flags
        """RFC 5232 section 2: the internal variable."""
        self.flagged_by = ""
        """The rule, or included script, that changed these last."""
        self.variables: dict[str, str] = {}
        self.shared: dict[str, str] = {}
        """Variables of the name space `global` (RFC 6609 section 3.4)."""
        self.locals: frozenset[str] = frozenset()
        """Names that `global` has made shared in this script."""
        self.groups: tuple[str, ...] = ()
        """Match variables (RFC 5229 section 3.2)."""
        self.included: set[str] = set()
        self.edits: list[HeaderEdit] = []
        self.headers: bytes | None = None
        self.parts: list[Part] = []
        """The parts that the loops around stand at, innermost last (RFC 5703)."""
        self.breaking = ""
        """The name of the loop that a `break` ends; empty for the innermost."""
        self.candidate = ""
        """The value of the field that `deleteheader` asks about."""
        self.bodies: Bodies | None = None
        self.redirects = 0
        self.remembered: list[Remembered] = []
        self.warnings: list[ScriptProblem] = []
        self.steps: list[Step] | None = [] if trace else None
        self._message: Message | None = None

    def fail(self, code: str, **parameters: object) -> NoReturn:
        """End the script here."""
        shown = {name: str(value) for name, value in parameters.items()}
        raise Failed(ScriptProblem(self.at, Problem(code, shown), self.script))

    def spend(self, instructions: int) -> None:
        """Count commands and tests before they are carried out."""
        self.left -= instructions
        if self.left < 0:
            self.fail("sieve.too_many_instructions", limit=self.limits.instructions)

    def pay(self, octets: int) -> None:
        """Count reading so much text as instructions, where it is not read once a mail: so that no script
        makes a large mail cost more than `Limits.instructions` of small steps would."""
        if octets >= _OCTETS_AN_INSTRUCTION:
            self.spend(octets // _OCTETS_AN_INSTRUCTION)

    def message(self) -> Message:
        """The whole mail, read once."""
        if self._message is None:
            self._message = self.mail.message()
        return self._message

    def edited(self, header: bytes, edit: Sequence[HeaderEdit]) -> None:
        """The header is another from here on; every test sees it (RFC 5293 section 1)."""
        self.headers = header
        self.edits += edit
        before = self.mail
        self.mail = EditedMail(before, header)
        self.values[:] = [None] * len(self.values)
        self._message = None
        self.bodies = None

    def act(self, action: Action, *, cancel: bool) -> None:
        """Take an action into the list (RFC 5228 section 2.10)."""
        if cancel:
            self.keep = False
        for place, before in enumerate(self.actions):
            same = _joined(before, action)
            if same is not None:
                self.actions[place] = same
                return
            if _exclude_each_other(before, action):
                self.fail("sieve.actions_conflict", first=_name(before), second=_name(action))
        if len(self.actions) >= self.limits.actions:
            self.fail("sieve.too_many_actions", limit=self.limits.actions)
        if isinstance(action, Redirect):
            self.redirects += 1
            if self.redirects > self.limits.redirects:
                self.fail("sieve.too_many_redirects", limit=self.limits.redirects)
        self.actions.append(action)
        self.rules.append(self.rule or self.script)

    def remember(self, what: Remembered) -> None:
        """Let `duplicate` know this mail again; the same thing once."""
        if what not in self.remembered:
            if len(self.remembered) >= self.limits.actions:
                self.fail("sieve.too_many_actions", limit=self.limits.actions)
            self.remembered.append(what)

    def step(
        self, at: Position, name: str, detail: Callable[[], str] | str, result: bool | None = None
    ) -> None:
        """Note a step of the trace, where one is wanted."""
        steps = self.steps
        if steps is not None and len(steps) < MAX_STEPS:
            shown = detail if isinstance(detail, str) else detail()
            if len(shown) > MAX_DETAIL:
                shown = shown[: MAX_DETAIL - 1] + "…"
            steps.append(Step(at, name, shown, result, self.rule, self.script))

    def outcome(self) -> Outcome:
        """What the script came to."""
        if self.keep:
            self.actions.append(Keep(NOWHERE, self.flags, implicit=True))
            self.rules.append(self.flagged_by)
        return Outcome(
            tuple(self.actions),
            self.keep,
            tuple(self.edits),
            self.headers,
            tuple(self.remembered),
            tuple(self.steps or ()),
            tuple(self.rules),
            None,
            tuple(self.warnings),
        )

    def failed(self, problem: ScriptProblem) -> Outcome:
        """The mail is kept and nothing else happens (RFC 5228 section 2.10.6)."""
        kept = Keep(NOWHERE, self.world.flags, implicit=True)
        steps = tuple(self.steps or ())
        warnings = tuple(self.warnings)
        return Outcome((kept,), True, trace=steps, rules=("",), problem=problem, warnings=warnings)


def _joined(before: Action, action: Action) -> Action | None:
    """Of two actions that do the same, the one that stands for both (RFC 5228 section 2.10.3); what the
    later says of flags counts."""
    match before, action:
        case Discard(), Discard():
            return before
        case Keep(), Keep():
            return Keep(before.at, action.flags)
        case FileInto(), FileInto() if (before.mailbox, before.special_use, before.mailbox_id) == (
            action.mailbox,
            action.special_use,
            action.mailbox_id,
        ):
            copy, create = before.copy and action.copy, before.create or action.create
            return structs.replace(before, flags=action.flags, copy=copy, create=create)
        case Keep(), FileInto() if _is_inbox(action):
            return Keep(before.at, action.flags)
        case FileInto(), Keep() if _is_inbox(before):
            return structs.replace(before, flags=action.flags, copy=False)
        case Redirect(), Redirect() if (before.address, before.list_name) == (
            action.address,
            action.list_name,
        ):
            return structs.replace(before, copy=before.copy and action.copy)
    return None


def _is_inbox(action: FileInto) -> bool:
    return action.mailbox.upper() == "INBOX" and not action.special_use and not action.mailbox_id


def _exclude_each_other(before: Action, action: Action) -> bool:
    """RFC 5429 section 2.2, RFC 5230 section 4.7: no answer where the mail is refused, and one answer."""
    match before, action:
        case Vacation(), Vacation():
            return True
        case Reject(), (Keep() | FileInto() | Redirect() | Vacation() | Reject()):
            return True
        case ((Keep() | FileInto() | Redirect() | Vacation()), Reject()):
            return True
    return False


def _name(action: Action) -> str:
    return type(action).__name__.lower()
