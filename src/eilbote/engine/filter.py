"""Rules over new mail: what has come into an inbox since the last look is judged, each mail once, and what a
rule wants is done in one transaction with the mark that says so.

A kill at any point leaves a mail filtered whole or not at all. What goes wrong with one mail leaves it where
it is, marked for a look; other mail goes on.
"""

from __future__ import annotations

from collections.abc import Callable

from msgspec import Struct

from eilbote.engine.accounts import is_local
from eilbote.engine.app import App
from eilbote.engine.rule_homes import Homes
from eilbote.engine.rule_mails import Mailing
from eilbote.engine.rule_world import Worlds
from eilbote.engine.ruling import Case, ruling_of, troubled
from eilbote.engine.stored_mail import StoredMail
from eilbote.errors import EilboteError, Gone, Problem, Unreachable
from eilbote.mail.mailbox import Uid
from eilbote.sieve.values import Outcome, World
from eilbote.store.changes import NEW
from eilbote.store.rule_values import Ruling, RunOrigin, Unfiltered
from eilbote.store.values import Account, Mailbox

_CHANGES_AT_ONCE = 1000
_WAIT_SECONDS = 86_400.0
"""So long a mail of which only a part is here waits for the rest."""

Decide = Callable[[StoredMail, World], Outcome]
"""What the rules of one account say of a mail. It may ask the mail for all of itself."""


class Decider(Struct, frozen=True):
    """The rules of one account as they are now. `problem`: they cannot be used, and why. `extensions`: what
    they ask for beside the base of Sieve; None: not known, perhaps all."""

    revision: int
    decide: Decide
    problem: Problem | None = None
    extensions: frozenset[str] | None = None


class Filtered(Struct, frozen=True):
    """What a look did: mails judged, of them with something done, with a problem; `lacking`: UIDs of the
    inbox that wait because all of the mail is needed; whether mail is in the outbox now."""

    inbox: Mailbox | None = None
    judged: int = 0
    acted: int = 0
    queued: int = 0
    lacking: tuple[Uid, ...] = ()
    problems: tuple[Problem, ...] = ()


def filter_new(app: App, account: Account, decider: Decider | None) -> Filtered:
    """Judges the mail that came into the account's inbox since the last look. `decider` None: there are no
    rules for it, and what has come is old when there are some. Where the look was never begun, it begins,
    as soon as the inbox is complete: what is there by then was there before."""
    runs = app.store.rule_runs
    homes = Homes(app, account.id)
    inbox = homes.inbox
    seen = runs.cursor(account.id)
    if inbox is None:
        return Filtered()
    if seen is None or decider is None:
        latest = app.store.changes.latest(account.id)
        if seen != latest and not inbox.watermarks.backfill:
            runs.begin(account.id, app.clock.now())
        return Filtered()
    return _Filtering(app, account, decider, homes, inbox).run(seen)


class _Filtering:
    """One look."""

    def __init__(self, app: App, account: Account, decider: Decider, homes: Homes, inbox: Mailbox) -> None:
        self._app = app
        self._account = account
        self._decider = decider
        self._homes = homes
        self._inbox = inbox
        self._mailing = Mailing(app, account)
        self._worlds = Worlds(app, account, homes, self._mailing)
        self._judged = 0
        self._acted = 0
        self._queued = 0
        self._idle: list[int] = []
        self._lacking: list[Uid] = []
        self._problems: list[Problem] = []

    def run(self, seen: int) -> Filtered:
        runs = self._app.store.rule_runs
        waits = False
        while changes := self._app.store.changes.since(self._account.id, seen, _CHANGES_AT_ONCE):
            seen = changes[-1].number
            came = [change for change in changes if change.kind == NEW]
            here = [change.message for change in came if change.mailbox == self._inbox.id]
            # On Gmail a mail of the inbox has other labels as well.
            elsewhere = {
                change.message
                for change in came
                if change.mailbox != self._inbox.id and not self._homes.is_gmail
            }
            for mail in runs.unfiltered(self._inbox, here, self._app.clock.now()):
                waits = not self._filter(mail) or waits
            runs.advance(
                self._account.id,
                None if waits else seen,
                self._app.clock.now(),
                idle=self._idle,
                revision=self._decider.revision,
                elsewhere=sorted(elsewhere - set(here)),
            )
            self._idle.clear()
        return Filtered(
            self._inbox,
            self._judged,
            self._acted,
            self._queued,
            tuple(self._lacking),
            tuple(self._problems),
        )

    def _filter(self, mail: Unfiltered) -> bool:
        """Judges one mail; False where it waits for the rest of itself."""
        app = self._app
        case = Case(
            self._account.id,
            mail.message,
            (self._inbox.id, mail.uid),
            mail.flags,
            mail.internal_date,
            RunOrigin.ARRIVAL,
            self._decider.revision,
            unsent=self._unsent(mail),
            arrived=not is_local(self._account),
        )
        number = mail.message
        stored = StoredMail(number, mail.size, lambda: app.store.messages.raw(number), whole=mail.whole)
        try:
            ruling = self._ruled(case, stored)
        except Gone as gone:
            if gone.problem.code != "store.headers_only":
                ruling = troubled(case, gone.problem)
            elif mail.uid > 0 and app.clock.now() - mail.internal_date < _WAIT_SECONDS:
                self._lacking.append(mail.uid)
                return False
            else:
                ruling = troubled(case, gone.problem)
        if ruling.noteworthy or ruling.memories:
            self._perform(case, ruling)
        else:  # nothing is to be done: many of these are marked at once
            self._idle.append(mail.message)
            self._judged += 1
        return True

    def _unsent(self, mail: Unfiltered) -> str:
        """Old mail may turn up at any time, out of files or of another account: it is sorted, and nobody is
        written to. When a maildrop got its mail, nobody knows."""
        if not is_local(self._account):
            return "old" if mail.older else ""
        return "imported" if self._account.pop3 is None else ""

    def _ruled(self, case: Case, stored: StoredMail) -> Ruling:
        return judged(case, stored, self._decider, self._worlds, self._homes, self._mailing)

    def _perform(self, case: Case, ruling: Ruling) -> None:
        app = self._app
        try:
            done = app.store.rule_runs.perform(ruling, app.clock.now())
        except Unreachable:  # of our own store: nothing can be done now
            raise
        except Exception as error:  # noqa: BLE001  # as in `judged`
            problem = error.problem if isinstance(error, EilboteError) else unforeseen(error)
            ruling = troubled(case, problem)
            done = app.store.rule_runs.perform(ruling, app.clock.now())
        if done is None:
            return
        self._judged += 1
        self._acted += bool(done.run)
        self._queued += len(done.outgoing)
        if ruling.problem is not None:
            self._note(ruling.problem)

    def _note(self, problem: Problem) -> None:
        """Of a thousand mails with the same fault one stands for all; history tells of each."""
        if all(known.code != problem.code for known in self._problems):
            self._problems.append(problem)


def judged(
    case: Case,
    stored: StoredMail,
    decider: Decider,
    worlds: Worlds,
    homes: Homes,
    mailing: Mailing,
) -> Ruling:
    """What the rules want with one mail. What goes wrong is a ruling too: the mail stays, marked for a look.
    Gone `store.headers_only` where all of the mail is needed and is not here; Unreachable."""
    if decider.problem is not None:
        return troubled(case, decider.problem)
    world = worlds.of(case, stored, decider.extensions)
    outcome: Outcome | None = None
    try:
        outcome = decider.decide(stored, world)
        if outcome.problem is not None:
            return troubled(case, outcome.problem.problem, outcome)
        return ruling_of(case, outcome, stored, homes, mailing, world.now)
    except Unreachable:
        raise
    except EilboteError as error:
        if error.problem.code == "store.headers_only":
            raise
        return troubled(case, error.problem, outcome)
    except Exception as error:  # noqa: BLE001  # one mail that nobody foresaw must not stop all others
        return troubled(case, unforeseen(error), outcome)


def unforeseen(error: Exception) -> Problem:
    """A fault of ours, by its name."""
    return Problem("rules.unforeseen", {"reason": type(error).__name__})
