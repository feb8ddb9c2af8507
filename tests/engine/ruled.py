"""Rules of a test: what they say of a mail stands in its subject, so that no script is needed."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import pytest

from eilbote.engine import rule_scripts
from eilbote.engine.app import App
from eilbote.engine.filter import Decider
from eilbote.engine.stored_mail import StoredMail
from eilbote.errors import Problem
from eilbote.sieve.values import (
    Action,
    Discard,
    FileInto,
    Keep,
    Outcome,
    Position,
    Redirect,
    ScriptProblem,
    Step,
    World,
)
from eilbote.store.values import Account

AT = Position(1, 1)
KEPT = Outcome((Keep(AT, implicit=True),), implicit_keep=True)


def into(*mailboxes: str, flags: tuple[str, ...] = (), keep: bool = False) -> Outcome:
    """The mail lies in these mailboxes, and in the inbox with `keep`."""
    actions: tuple[Action, ...] = tuple(
        FileInto(Position(at, 1), box, flags) for at, box in enumerate(mailboxes, 1)
    )
    return done(*actions, keep=keep)


def done(*actions: Action, keep: bool = False) -> Outcome:
    """These actions, each of a rule called after it."""
    rules = tuple(type(one).__name__ for one in actions)
    steps = tuple(
        Step(one.at, "header", "Subject", True, name) for one, name in zip(actions, rules, strict=True)
    )
    if keep:
        actions, rules = (*actions, Keep(AT, implicit=True)), (*rules, "")
    return Outcome(actions, implicit_keep=keep, trace=steps, rules=rules)


def wrong() -> Outcome:
    """A script that ended early."""
    problem = ScriptProblem(Position(3, 5), Problem("rules.bad_address", {"address": "x"}))
    return Outcome((Keep(AT, implicit=True),), implicit_keep=True, problem=problem)


Says = Callable[[StoredMail, World], Outcome]


class Rules:
    """What they say, by the first word of the subject; everything else is kept. `asked`: subjects in the
    order in which they were judged."""

    def __init__(self, says: Mapping[str, Outcome | Says]) -> None:
        self.says = dict(says)
        self.asked: list[str] = []

    def decide(self, mail: StoredMail, world: World) -> Outcome:
        subject = next(iter(mail.texts("subject")), "")
        self.asked.append(subject)
        said = self.says.get(subject.partition(" ")[0], KEPT)
        return said if isinstance(said, Outcome) else said(mail, world)

    def switch_on(self, app: App, monkeypatch: pytest.MonkeyPatch) -> Rules:
        """From now on new mail is judged by them."""

        def decider(_app: App, _account: Account) -> Decider:
            return Decider(app.store.rule_book.revision(), self.decide)

        monkeypatch.setattr(rule_scripts, "decider_of", decider)
        book = app.store.rule_book.get()
        app.store.rule_book.save(f"# {book.revision}", book.revision, app.clock.now())
        return self


SORTING: Mapping[str, Outcome | Says] = {
    "move": into("Buchhaltung"),
    "two": into("Eins", "Zwei", flags=("\\Flagged", "$Label1")),
    "copy": into("Kopien", keep=True),
    "flag": Outcome((Keep(AT, ("\\Seen", "$Wichtig", "no flag(")),), implicit_keep=False, rules=("Keep",)),
    "away": done(Discard(AT)),
    "inbox": into("INBOX", "Kopien"),
    "role": Outcome(
        (FileInto(AT, "Archive", special_use="\\Archive"),), implicit_keep=False, rules=("Archiv",)
    ),
    "wrong": wrong(),
    "badname": into("a\nb"),
    "forward": done(Redirect(AT, "chef@example.net", copy=True), keep=True),
    "redirect": done(Redirect(AT, "chef@example.net")),
    "self": done(Redirect(AT, "kim@example.de")),
}
