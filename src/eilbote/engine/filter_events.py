"""Rules over what happens to mail that is there (RFC 6785): scripts that watch a mailbox see what comes into
it and which flags change there, each event once, and never what rules do themselves.

What a script wants is done in one transaction with the note that says so, as for new mail.
"""

from __future__ import annotations

from collections.abc import Mapping

from msgspec import Struct

from eilbote.engine.app import App
from eilbote.engine.filter import Decider, Filtered, judged, unforeseen
from eilbote.engine.rule_homes import Homes
from eilbote.engine.rule_mails import Mailing
from eilbote.engine.rule_world import Worlds
from eilbote.engine.ruling import Case, troubled
from eilbote.engine.stored_mail import StoredMail
from eilbote.errors import EilboteError, Gone, Misused, Problem, Unreachable
from eilbote.mail.mailbox import Uid
from eilbote.store.rule_values import Happened, Ruling, RunOrigin
from eilbote.store.values import Account, Mailbox

_CHANGES_AT_ONCE = 1000


class Watch(Struct, frozen=True):
    """A mailbox, and what judges what happens there, by its cause."""

    mailbox: Mailbox
    deciders: Mapping[str, Decider]


def watches(app: App, account: Account, watched: Mapping[str, Mapping[str, Decider]]) -> list[Watch]:
    """The mailboxes of these names that are there and complete; no others are watched from now on."""
    homes = Homes(app, account.id)
    found: dict[int, Watch] = {}
    for name, deciders in watched.items():
        try:
            target = homes.named(name)
        except Misused:  # no server has such a mailbox
            continue
        mailbox = next((one for one in homes.all if one.name == target.name and one.selectable), None)
        if mailbox is not None and mailbox.id not in found:
            found[mailbox.id] = Watch(mailbox, deciders)
    begun = app.store.rule_events.watch(account.id, [one.mailbox for one in found.values()])
    return [one for one in found.values() if one.mailbox.id in begun]


def filter_events(app: App, account: Account, watch: Watch, *, last: bool = False) -> Filtered:
    """Judges what happened in the mailbox since the last look. `last`: what needs a mail of which only a
    part is here waits no longer."""
    return _Looking(app, account, watch, last=last).run()


class _Looking:
    """One look at one mailbox."""

    def __init__(self, app: App, account: Account, watch: Watch, *, last: bool) -> None:
        self._app = app
        self._account = account
        self._watch = watch
        self._last = last
        self._homes = Homes(app, account.id)
        self._mailing = Mailing(app, account)
        self._worlds = Worlds(app, account, self._homes, self._mailing)
        self._idle: list[Happened] = []
        self._lacking: list[Uid] = []
        self._problems: list[Problem] = []
        self._judged = 0
        self._acted = 0
        self._queued = 0

    def run(self) -> Filtered:
        events, account, mailbox = self._app.store.rule_events, self._account.id, self._watch.mailbox
        seen = events.cursor(account, mailbox.id)
        while seen is not None and (
            changes := self._app.store.changes.since(account, seen, _CHANGES_AT_ONCE)
        ):
            seen = changes[-1].number
            for event in events.happened(account, mailbox.id, changes):
                self._look(event)
            if self._idle:
                events.looked(account, self._idle)
                self._idle.clear()
            if not self._lacking:
                events.advance(account, mailbox.id, seen)
        return Filtered(
            mailbox,
            self._judged,
            self._acted,
            self._queued,
            tuple(self._lacking),
            tuple(self._problems),
        )

    def _look(self, event: Happened) -> None:
        decider = self._watch.deciders.get(event.cause)
        if decider is None or (event.cause == "append" and self._watch.mailbox == self._homes.inbox):
            self._idle.append(event)
            return
        app, number = self._app, event.message
        case = Case(
            self._account.id,
            event.message,
            (event.mailbox, event.uid),
            event.flags,
            event.internal_date,
            RunOrigin.EVENT,
            decider.revision,
            once=False,
            event=event,
        )
        stored = StoredMail(number, event.size, lambda: app.store.messages.raw(number), whole=event.whole)
        try:
            ruling = judged(case, stored, decider, self._worlds, self._homes, self._mailing)
        except Gone as gone:
            if gone.problem.code == "store.headers_only" and event.uid > 0 and not self._last:
                self._lacking.append(event.uid)
                return
            ruling = troubled(case, gone.problem)
        self._judged += 1
        if ruling.noteworthy:
            self._perform(case, ruling)
        else:
            self._idle.append(event)

    def _perform(self, case: Case, ruling: Ruling) -> None:
        runs, now = self._app.store.rule_runs, self._app.clock.now()
        try:
            done = runs.perform(ruling, now)
        except Unreachable:  # of our own store: nothing can be done now
            raise
        except Exception as error:  # noqa: BLE001  # as in `judged`
            problem = error.problem if isinstance(error, EilboteError) else unforeseen(error)
            ruling = troubled(case, problem)
            done = runs.perform(ruling, now)
        if done is None:
            return
        self._acted += bool(done.run)
        self._queued += len(done.outgoing)
        wrong = ruling.problem
        if wrong is not None and all(known.code != wrong.code for known in self._problems):
            self._problems.append(wrong)
