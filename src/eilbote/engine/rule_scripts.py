"""The rules of an account, ready to judge mail: the book as it is now, built to one script and compiled.

What is compiled is kept as long as the book and the day are the same. Nothing here looks at a mail.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date
from functools import lru_cache

from msgspec import Struct
from msgspec.structs import replace

from eilbote.clock import local_day_and_hour
from eilbote.engine.app import App
from eilbote.engine.filter import Decide, Decider
from eilbote.engine.stored_mail import StoredMail
from eilbote.errors import Misused
from eilbote.sieve.build import build_script
from eilbote.sieve.rule import Event, OwnScript, Rule, Where
from eilbote.sieve.rule_book import Book, judge_book
from eilbote.sieve.run import run
from eilbote.sieve.script import Script, read_script
from eilbote.sieve.values import Outcome, ScriptProblem, World
from eilbote.store.values import Account

Entry = Rule | OwnScript


class Compiled(Struct, frozen=True):
    """A script that was read, or what is wrong with it; `text` is its Sieve."""

    text: str
    script: Script | None = None
    problems: tuple[ScriptProblem, ...] = ()


def decider_of(app: App, account: Account) -> Decider | None:
    """What judges the new mail of an account; None where no rule is carried out here for it."""
    book = app.store.rule_book.get()
    entries, problems = _read(book.text)
    if problems:
        return Decider(book.revision, _nobody_asks, problems[0].problem)
    here = [one for one in entries.of(account.address) if one.where is Where.HERE]
    if not any(map(is_active, here)):
        return None
    return decider_for(app, here, entries.of(account.address), book.revision)


def watched_by(app: App, account: Account) -> dict[str, dict[str, Decider]]:
    """Which mailboxes scripts watch, and for each `imap.cause` what judges the mail it happens to."""
    book = app.store.rule_book.get()
    entries, problems = _read(book.text)
    if problems:
        return {}
    known = entries.of(account.address)
    scripts = [one for one in known if isinstance(one, OwnScript) and one.on and one.run]
    return {
        mailbox: {
            cause.value: decider_for(
                app,
                [switched_on(one) for one in scripts if one.mailbox == mailbox and cause in one.on],
                known,
                book.revision,
                event=True,
            )
            for cause in Event
            if any(one.mailbox == mailbox and cause in one.on for one in scripts)
        }
        for mailbox in dict.fromkeys(one.mailbox for one in scripts)
    }


def decider_for(
    app: App,
    entries: Iterable[Entry],
    known: Iterable[Entry],
    revision: int,
    *,
    trace: bool = True,
    event: bool = False,
) -> Decider:
    """What judges mail by these entries in their order; `known` are those whose scripts may be included."""
    made = compiled(app, entries, known, event=event)
    if made.script is None:
        return Decider(revision, _nobody_asks, made.problems[0].problem)
    return Decider(revision, _runner(made.script, trace=trace), extensions=made.script.extensions)


def compiled(app: App, entries: Iterable[Entry], known: Iterable[Entry], *, event: bool = False) -> Compiled:
    """Rules and scripts as one script; its problems stand in the script that is built."""
    day = date.fromisoformat(local_day_and_hour(app.clock.now())[0])
    text = build_script(entries, day)
    scripts = tuple((one.name, one.sieve) for one in known if isinstance(one, OwnScript))
    return _compiled(text, scripts, event=event)


def script_decider(text: str, *, trace: bool = True) -> Decider:
    """What judges mail by one Sieve script that stands in no book. Misused `rules.script_wrong` with its
    first problem."""
    made = _compiled(text, ())
    if made.script is None:
        first = made.problems[0]
        raise Misused(
            "rules.script_wrong", line=first.at.line, column=first.at.column, code=first.problem.code
        )
    return Decider(0, _runner(made.script, trace=trace), extensions=made.script.extensions)


def entries_of(app: App, account: Account) -> tuple[Entry, ...]:
    """The rules and scripts of an account, wherever they are carried out. Misused with the first problem of
    a book that cannot be read."""
    book, problems = _read(app.store.rule_book.get().text)
    if problems:
        raise Misused(problems[0].problem)
    return book.of(account.address)


def pending_of(app: App, account: Account) -> tuple[Entry, ...]:
    """The rules of an account that are on their way to its server or back. None in a book that cannot be
    read: it judges nothing either."""
    book, problems = _read(app.store.rule_book.get().text)
    return () if problems else tuple(one for one in book.of(account.address) if one.where is Where.PENDING)


def is_active(entry: Entry) -> bool:
    """Whether it is carried out for new mail."""
    return entry.enabled if isinstance(entry, Rule) else entry.run and not entry.on


def switched_on(entry: Entry) -> Entry:
    """The same, as if it were carried out for any mail."""
    if isinstance(entry, Rule):
        return replace(entry, enabled=True)
    return replace(entry, run=True, on=(), mailbox="")


def _runner(script: Script, *, trace: bool) -> Decide:
    def decide(mail: StoredMail, world: World) -> Outcome:
        return run(script, mail, world, trace=trace)

    return decide


def _nobody_asks(_mail: StoredMail, _world: World) -> Outcome:
    raise AssertionError("a book that cannot be used judges nothing")


@lru_cache(maxsize=4)
def _read(text: str) -> tuple[Book, tuple[ScriptProblem, ...]]:
    return judge_book(text)


@lru_cache(maxsize=16)
def _compiled(text: str, scripts: tuple[tuple[str, str], ...], *, event: bool = False) -> Compiled:
    found = read_script(text, included=dict(scripts), event=event)
    return Compiled(text, found) if isinstance(found, Script) else Compiled(text, problems=found)
