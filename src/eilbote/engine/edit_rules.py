"""Changes of the rule book: add, replace, remove, switch, order, and the whole text at once.

What is saved can be carried out: every rule and script is read as Sieve first. Two who change the book at
once both have their way, where they name single rules; of two whole texts the second is refused.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import date

from msgspec import Struct
from msgspec.structs import replace

from eilbote.clock import local_day_and_hour
from eilbote.engine.app import App
from eilbote.errors import Gone, Misused, NotAllowed
from eilbote.sieve.build import build_rule, build_script
from eilbote.sieve.rule import OwnScript, Rule, Where
from eilbote.sieve.rule_book import Book, judge_book, line_of_script, read_book
from eilbote.sieve.rule_edit import with_entry, with_moved, with_replaced, without_entry
from eilbote.sieve.script import Script, read_script
from eilbote.sieve.values import Position, ScriptProblem
from eilbote.store.rule_values import Book as Saved

Entry = Rule | OwnScript
_TRIES = 5


class Edited(Struct, frozen=True):
    """The book before and after an edit; both the same where it changed nothing."""

    before: Saved
    after: Saved


def saved_book(app: App) -> Saved:
    """The book's text with its revision, right or wrong."""
    return app.store.rule_book.get()


def entries(app: App) -> tuple[Entry, ...]:
    """All rules and scripts in their order. Misused with the first problem of a book that is wrong."""
    return read_book(saved_book(app).text).entries


def on_server(app: App) -> tuple[Entry, ...]:
    """Those that the accounts' servers carry out; none of a book that is wrong."""
    return tuple(each for each in judge_book(saved_book(app).text)[0].entries if each.where is Where.SERVER)


def entry_named(app: App, name: str) -> Entry:
    """Gone `rules.unknown`."""
    found = read_book(saved_book(app).text).entry(name)
    if found is None:
        raise Gone("rules.unknown", name=name)
    return found


def judge_text(app: App, text: str) -> tuple[ScriptProblem, ...]:
    """What is wrong with a whole text: of the document, and of its Sieve, with lines of the document."""
    book, problems = judge_book(text)
    return problems or tuple(_wrong_sieve(app, book, text)) or tuple(_wrong_whole(app, book))


def save_text(app: App, text: str, revision: int, origin: str = "user") -> Saved:
    """Saves a whole text in place of that of `revision`. Misused with its first problem, NotAllowed
    `rules.changed_meanwhile`."""
    for wrong in judge_text(app, text):
        raise Misused(wrong.problem)
    return app.store.rule_book.save(text, revision, app.clock.now(), origin)


def add_entries(app: App, new: Iterable[Entry], at: int | None = None) -> tuple[Entry, ...]:
    """Adds rules and scripts, at this place (from 0) or at the end. A name that is taken gets a number."""
    added: list[Entry] = []

    def edit(text: str) -> str:
        added.clear()
        for number, entry in enumerate(new_ones):
            free = replace(entry, name=free_name(read_book(text), entry.name))
            text = with_entry(text, free, None if at is None else at + number)
            added.append(free)
        return text

    new_ones = tuple(new)
    edit_text(app, edit)
    return tuple(added)


def replace_entry(app: App, name: str, entry: Entry) -> Saved:
    """This one in place of the one called `name`. Gone `rules.unknown`, Misused `rules.name_taken`."""
    return edit_text(app, lambda text: with_replaced(text, name, entry)).after


def remove_entries(app: App, names: Iterable[str]) -> Saved:
    """Takes them out of the book; what they did stays in history. Gone `rules.unknown`: then none is."""
    wanted = tuple(names)

    def edit(text: str) -> str:
        for name in wanted:
            text = without_entry(text, name)
        return text

    return edit_text(app, edit).after


def switch_entries(app: App, names: Iterable[str], on: bool) -> Saved:
    """Switches rules and scripts on or off. Gone `rules.unknown`: then none is."""
    wanted = tuple(names)

    def edit(text: str) -> str:
        for name in wanted:
            held = read_book(text).entry(name)
            if held is None:
                raise Gone("rules.unknown", name=name)
            new = replace(held, enabled=on) if isinstance(held, Rule) else replace(held, run=on)
            text = with_replaced(text, name, new)
        return text

    return edit_text(app, edit).after


def order_entry(app: App, name: str, at: int) -> Saved:
    """Puts it at this place among all (from 0). Gone `rules.unknown`."""
    return edit_text(app, lambda text: with_moved(text, name, at)).after


def sieve_of(app: App, entry: Entry) -> str:
    """The Sieve of one rule or script by itself."""
    return entry.sieve if isinstance(entry, OwnScript) else build_rule(entry, _today(app))


def sieve_of_account(app: App, address: str) -> str:
    """The script that is carried out for an account, all of its rules together."""
    return build_script(read_book(saved_book(app).text).of(address), _today(app))


def free_name(book: Book, name: str) -> str:
    """The name, with a number behind it where it is taken."""
    free, more = name, 2
    while book.entry(free) is not None:
        free, more = f"{name[:190]} ({more})", more + 1
    return free


def edit_text(app: App, change: Callable[[str], str], origin: str = "user") -> Edited:
    """Applies a change to the newest text, again where somebody else saved meanwhile. A book that was wrong
    before may be changed, and gets no worse. Misused with the first problem; NotAllowed
    `rules.changed_meanwhile`."""
    for left in reversed(range(_TRIES)):
        before = saved_book(app)
        text = change(before.text)
        if text == before.text:
            return Edited(before, before)
        _check_no_worse(app, before.text, text)
        try:
            return Edited(before, app.store.rule_book.save(text, before.revision, app.clock.now(), origin))
        except NotAllowed as refused:
            if refused.problem.code != "rules.changed_meanwhile" or not left:
                raise
    raise AssertionError("the last try gives or raises")


def _check_no_worse(app: App, before: str, after: str) -> None:
    wrong = judge_text(app, after)
    if wrong and len(wrong) > len(judge_text(app, before)):
        raise Misused(wrong[0].problem)


def _wrong_sieve(app: App, book: Book, text: str) -> Iterable[ScriptProblem]:
    scripts = {entry.name: entry.sieve for entry in book.entries if isinstance(entry, OwnScript)}
    for entry in book.entries:
        if isinstance(entry, OwnScript):
            found = read_script(entry.sieve, included=scripts, event=bool(entry.on))
        else:
            found = read_script(build_rule(entry, _today(app)))
        if isinstance(found, Script):
            continue
        for wrong in found:
            line = line_of_script(text, entry.name, 0)
            if isinstance(entry, OwnScript) and not wrong.script:
                line = line_of_script(text, entry.name, wrong.at.line)
            yield ScriptProblem(Position(line, wrong.at.column), wrong.problem)


def _wrong_whole(app: App, book: Book) -> Iterable[ScriptProblem]:
    """What is wrong with all rules of an account together: they may be too much for one script."""
    scripts = {entry.name: entry.sieve for entry in book.entries if isinstance(entry, OwnScript)}
    for address in {"", *(entry.account.lower() for entry in book.entries)}:
        found = read_script(build_script(book.of(address), _today(app)), included=scripts)
        if not isinstance(found, Script):
            yield from (ScriptProblem(Position(1, 1), wrong.problem) for wrong in found[:1])


def _today(app: App) -> date:
    return date.fromisoformat(local_day_and_hour(app.clock.now())[0])
