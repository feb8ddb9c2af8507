"""The rules of a home as a list in the order in which they run: switched on and off, moved, removed."""

from __future__ import annotations

from fastapi import APIRouter, Response
from msgspec import Struct

from eilbote.catalogue import Catalogue
from eilbote.engine import rules_of_user
from eilbote.engine.rules_of_user import SeenBook, SeenEntry, script_problems
from eilbote.errors import EilboteError, Problem
from eilbote.rule_words import sentence
from eilbote.sieve.rule import OwnScript, Rule
from eilbote.sieve.values import ScriptProblem
from eilbote.web.rule_done import RuleDone, take_rule_done
from eilbote.web.visit import SignedIn, Visit, to, user_of

routes = APIRouter(prefix="/rules")


class Row(Struct, frozen=True):
    """An entry as the list shows it. `sentence` is empty for a script."""

    seen: SeenEntry
    sentence: str
    lines: int
    problems: tuple[ScriptProblem, ...]
    first: bool
    last: bool

    @property
    def name(self) -> str:
        return self.seen.entry.name


@routes.get("")
def listed(visit: SignedIn) -> Response:
    return _page(visit, None)


@routes.post("/switch")
def switch(visit: SignedIn) -> Response:
    name = _name(visit)
    rules_of_user.switch_entry(visit.app, user_of(visit), name, on=visit.field("on") == "1")
    return _said(visit, RuleDone(), name)


@routes.post("/move")
def move(visit: SignedIn) -> Response:
    """Up or down by one, or (with `before`) before another one; `before` empty: behind all."""
    name, way = _name(visit), visit.field("way")
    if way in ("up", "down"):
        names = [one.entry.name for one in rules_of_user.seen_book(visit.app, user_of(visit)).entries]
        at = names.index(name) if name in names else 0
        others = [one for one in names if one != name]
        place = max(0, at - 1) if way == "up" else at + 1
        before = others[place] if place < len(others) else ""
    else:
        before = visit.field("before")[:300]
    rules_of_user.move_entry(visit.app, user_of(visit), name, before)
    return _said(visit, RuleDone("moved", 0, name), name)


@routes.post("/remove")
def remove(visit: SignedIn) -> Response:
    name = _name(visit)
    there = rules_of_user.is_there(visit.app, user_of(visit), name)
    revision = rules_of_user.remove_entry(visit.app, user_of(visit), name)
    if there:  # the server goes on with it
        return RuleDone("there", revision, name).keep(to("/rules"), visit.site.port)
    return RuleDone("removed", revision, name).keep(to("/rules"), visit.site.port)


@routes.post("/bring-back")
def bring_back(visit: SignedIn) -> Response:
    number = visit.field("revision")
    try:
        revision = int(number) if number.isascii() and number.isdecimal() and len(number) < 15 else 0
        rules_of_user.bring_back(visit.app, user_of(visit), revision)
    except EilboteError as error:
        return _page(visit, error.problem)
    return RuleDone("back").keep(to("/rules"), visit.site.port)


def _said(visit: Visit, done: RuleDone, name: str) -> Response:
    """After a change: what is carried out elsewhere is there as it was."""
    if rules_of_user.is_there(visit.app, user_of(visit), name):
        done = RuleDone("there", 0, name)
    return done.keep(to("/rules"), visit.site.port) if done.act else to("/rules")


def _name(visit: Visit) -> str:
    return visit.field("name")[:300]


def _page(visit: Visit, problem: Problem | None) -> Response:
    user, said = user_of(visit), Catalogue(visit.language)
    book = rules_of_user.seen_book(visit.app, user)
    done = take_rule_done(visit)
    response = visit.page(
        "rules.html",
        200 if problem is None else 400,
        rows=_rows(visit, book),
        book=book,
        problem=problem,
        offered=rules_of_user.offered(book, said.text),
        may_add=rules_of_user.may_add(visit.app, user),
        addresses=[one.address for one in rules_of_user.accounts_seen(visit.app, user)],
        done=done,
    )
    return done.leave(response, visit.site.port)


def _rows(visit: Visit, book: SeenBook) -> list[Row]:
    said = Catalogue(visit.language)
    scripts = [one.entry for one in book.entries if isinstance(one.entry, OwnScript)]
    last = len(book.entries) - 1
    return [
        Row(
            one,
            sentence(one.entry, said) if isinstance(one.entry, Rule) else "",
            one.entry.sieve.count("\n") + 1 if isinstance(one.entry, OwnScript) else 0,
            script_problems(one.entry, scripts) if isinstance(one.entry, OwnScript) else (),
            place == 0,
            place == last,
        )
        for place, one in enumerate(book.entries)
    ]
