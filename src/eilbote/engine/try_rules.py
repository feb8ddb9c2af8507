"""Rules tried over the mail that is there: what would become of which mail and why. Changes nothing.

Goes through any amount of mail with a page of it in memory. A mail is read no further than its header unless
a rule asks for more.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator

from msgspec import Struct, field

from eilbote.engine.app import App
from eilbote.engine.chosen_rules import (
    Lies,
    Wanted,
    check_named,
    chosen_accounts,
    chosen_decider,
    chosen_mail,
)
from eilbote.engine.filter import Decider
from eilbote.engine.rule_homes import Homes
from eilbote.engine.rule_mails import Mailing
from eilbote.engine.rule_world import Worlds
from eilbote.engine.ruling import Case, intended, told
from eilbote.errors import EilboteError, Problem, Unreachable
from eilbote.mail.envelope import Envelope
from eilbote.mail.mailbox import Flags
from eilbote.mail.message import read_source
from eilbote.sieve.values import Keep, Outcome
from eilbote.store.rule_values import Deed, RunOrigin, Told
from eilbote.store.values import Account, Mailbox

EXPLAINED = 20
"""Mails of each rule whose reasons are told."""

TELL_EACH = 500


class Tried(Struct, frozen=True):
    """What would become of one mail. `steps`: why, for the first mails of each rule. `problem`: it cannot be
    judged; it would stay and be marked for a look."""

    message: int
    address: str
    mailbox: str
    envelope: Envelope
    internal_date: float
    deeds: tuple[Deed, ...] = ()
    steps: tuple[Told, ...] = ()
    problem: Problem | None = None


class Trial(Struct):
    """What a try has come to so far. `deeds` counts mails by rule, action and argument (of a mail
    that is only marked, its new flags), `touched_in` those
    that would change by the number of their mailbox."""

    looked: int = 0
    touched: int = 0
    problems: int = 0
    deeds: Counter[tuple[str, str, str]] = field(default_factory=Counter)
    touched_in: Counter[int] = field(default_factory=Counter)


Tell = Callable[[int], None]
"""Told how many mails were looked at."""


def try_rules(app: App, wanted: Wanted, trial: Trial, tell: Tell = lambda looked: None) -> Iterator[Tried]:
    """The mails of which rules want something, as they are met; `trial` counts. Misused, Gone: see
    `chosen_rules`."""
    check_named(app, wanted)
    explained: Counter[str] = Counter()
    for account in chosen_accounts(app, wanted):
        quick = chosen_decider(app, account, wanted, trace=False)
        slow = chosen_decider(app, account, wanted, trace=True)
        if quick is None or slow is None:
            continue
        trying = Trying(app, account, quick, slow)
        for lies in chosen_mail(app, account, wanted):
            trial.looked += 1
            if trial.looked % TELL_EACH == 0:
                tell(trial.looked)
            found = trying.judge(lies, explained)
            if found is None:
                continue
            trial.touched += 1
            trial.touched_in[lies.mailbox.id] += 1
            trial.problems += found.problem is not None
            for deed in found.deeds:
                trial.deeds[deed.rule, deed.action, deed.argument or " ".join(deed.flags)] += 1
            yield found


class Trying:
    """The rules of one account, tried mail by mail. `quick` judges all, `slow` says why."""

    def __init__(self, app: App, account: Account, quick: Decider, slow: Decider) -> None:
        self._app = app
        self._account = account
        self._quick = quick
        self._slow = slow
        self._homes = Homes(app, account.id)
        self._worlds = Worlds(app, account, self._homes, Mailing(app, account))

    def judge(self, lies: Lies, explained: Counter[str]) -> Tried | None:
        """What would become of a mail; None: nothing."""
        case = case_of(self._account.id, lies, self._quick.revision)
        if self._quick.problem is not None:
            return self._tried(lies, (), (), self._quick.problem)
        try:
            world = self._worlds.of(case, lies.mail, self._quick.extensions)
            outcome = self._quick.decide(lies.mail, world)
            if outcome.problem is None and is_idle(outcome, lies.flags):
                return None
            if outcome.problem is not None:
                outcome = self._slow.decide(lies.mail, world)
                problem = outcome.problem.problem if outcome.problem is not None else None
                return self._tried(lies, (), told(outcome.trace)[-20:], problem)
            deeds = intended(case, outcome, lies.mail, self._homes)
            if not deeds:
                return None
            rules = {deed.rule for deed in deeds}
            steps: tuple[Told, ...] = ()
            if any(explained[rule] < EXPLAINED for rule in rules):
                explained.update(rules)
                steps = told(self._slow.decide(lies.mail, world).trace, [rule for rule in rules if rule])
            return self._tried(lies, deeds, steps, None)
        except Unreachable:
            raise
        except EilboteError as error:
            return self._tried(lies, (), (), error.problem)

    def _tried(
        self, lies: Lies, deeds: tuple[Deed, ...], steps: tuple[Told, ...], problem: Problem | None
    ) -> Tried:
        envelope = read_source(lies.mail.header()).decoded()
        return Tried(
            lies.message,
            self._account.address,
            lies.mailbox.name,
            envelope,
            lies.internal_date,
            deeds,
            steps,
            problem,
        )


def case_of(account: int, lies: Lies, revision: int, batch: int = 0, *, redirects: bool = False) -> Case:
    """A mail that was there, and that nobody is written to because of, but for redirects that are wanted."""
    return Case(
        account,
        lies.message,
        (lies.mailbox.id, lies.uid),
        lies.flags,
        lies.internal_date,
        RunOrigin.RUN,
        revision,
        batch,
        once=False,
        unsent="run",
        redirects=redirects,
    )


def is_idle(outcome: Outcome, flags: Flags) -> bool:
    """Whether nothing is wanted but that the mail stays as it is, with these flags."""
    return outcome.headers is None and all(
        isinstance(one, Keep) and one.implicit and flags.issuperset(one.flags) for one in outcome.actions
    )


def share_of(mailbox: Mailbox, touched: int) -> float:
    """Of a mailbox, in percent."""
    return 100.0 * touched / max(1, mailbox.messages)
