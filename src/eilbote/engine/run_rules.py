"""Rules carried out over mail that is there. Tried before: what would touch much of a mailbox asks first.

Each mail is one transaction with its row of history, and the whole run can be taken back. Nobody is
answered, rejected or notified because of old mail; it is sent on only where that is wanted.
"""

from __future__ import annotations

from collections.abc import Iterator

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
from eilbote.engine.filter import Decider, judged
from eilbote.engine.rule_homes import Homes
from eilbote.engine.rule_mails import Mailing
from eilbote.engine.rule_world import Worlds
from eilbote.engine.try_rules import TELL_EACH, Tell, Trial, case_of, share_of, try_rules
from eilbote.errors import EilboteError, Gone, NotAllowed, Problem, Unreachable
from eilbote.store.rule_values import Ruling
from eilbote.store.values import Account

ASKED_FROM = 50
"""So many mails of a mailbox may change unasked, whatever their share."""


class Done(Struct):
    """What a run has done so far. `batch` takes all of it back; 0 where there was nothing to do."""

    batch: int = 0
    looked: int = 0
    changed: int = 0
    queued: int = 0
    problems: list[Problem] = field(default_factory=list)


def run_rules(
    app: App,
    wanted: Wanted,
    *,
    sure: bool = False,
    redirects: bool = False,
    tell: Tell = lambda looked: None,
) -> Done:
    """Carries them out. Unless the caller is `sure`: NotAllowed `rules.too_much` where more than the setting
    `rule_share` of a mailbox would change, and nothing is done. Misused, Gone: see `chosen_rules`."""
    check_named(app, wanted)
    trial = Trial()
    for _ in try_rules(app, wanted, trial, tell):
        pass
    if not sure:
        _ask(app, trial)
    done = Done(looked=trial.looked)
    if not trial.touched:
        return done
    done.batch = app.store.rule_runs.begin_batch(app.store.rule_book.revision(), wanted.said, app.clock.now())
    for account in chosen_accounts(app, wanted):
        decider = chosen_decider(app, account, wanted, trace=True)
        if decider is not None:
            mails = _told(_held(app, account, wanted), tell)
            _Running(app, account, decider, done, redirects=redirects).run(mails)
    if app.store.rule_runs.forget_empty(done.batch):
        done.batch = 0
    return done


def _ask(app: App, trial: Trial) -> None:
    for number, touched in trial.touched_in.items():
        mailbox = app.store.mailboxes.get(number)
        if touched > ASKED_FROM and share_of(mailbox, touched) > app.config.rule_share:
            raise NotAllowed(
                "rules.too_much",
                mailbox=mailbox.name,
                count=touched,
                percent=round(share_of(mailbox, touched)),
                limit=app.config.rule_share,
            )


def _held(app: App, account: Account, wanted: Wanted) -> Iterator[Lies]:
    """The mail that is meant as it lies now; what a run itself puts somewhere is not met again."""
    newest = app.store.messages.newest()
    met: set[int] = set()
    for lies in chosen_mail(app, account, wanted):
        # What was moved into a mailbox that comes later lies there now, perhaps behind the page.
        if lies.message <= newest and lies.message not in met:
            met.add(lies.message)
            yield lies


def _told(mails: Iterator[Lies], tell: Tell) -> Iterator[Lies]:
    for count, lies in enumerate(mails, 1):
        if count % TELL_EACH == 0:
            tell(count)
        yield lies


class _Running:
    """One account's part."""

    def __init__(self, app: App, account: Account, decider: Decider, done: Done, *, redirects: bool) -> None:
        self._app = app
        self._account = account
        self._decider = decider
        self._done = done
        self._redirects = redirects
        self._homes = Homes(app, account.id)
        self._mailing = Mailing(app, account)
        self._worlds = Worlds(app, account, self._homes, self._mailing)

    def run(self, mails: Iterator[Lies]) -> None:
        for lies in mails:
            ruling = self._ruled(lies)
            if ruling is not None and (ruling.effects or ruling.problem is not None):
                self._perform(ruling)

    def _ruled(self, lies: Lies) -> Ruling | None:
        """What is to be done with a mail; None where all of it is needed and is not here."""
        case = case_of(
            self._account.id, lies, self._decider.revision, self._done.batch, redirects=self._redirects
        )
        try:
            return judged(case, lies.mail, self._decider, self._worlds, self._homes, self._mailing)
        except Gone as gone:
            self._note(gone.problem)
            return None

    def _perform(self, ruling: Ruling) -> None:
        runs, now = self._app.store.rule_runs, self._app.clock.now()
        try:
            done = runs.perform(ruling, now)
        except Unreachable:
            raise
        except EilboteError as error:
            self._note(error.problem)
            return
        if done is None:
            return
        self._done.changed += ruling.problem is None and bool(done.run)
        self._done.queued += len(done.outgoing)
        if ruling.problem is not None:
            self._note(ruling.problem)

    def _note(self, problem: Problem) -> None:
        """Each kind once: of a thousand mails that are here in part, one stands for all."""
        if all(known.code != problem.code for known in self._done.problems):
            self._done.problems.append(problem)
