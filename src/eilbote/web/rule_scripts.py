"""Sieve on the page: what rules are built to, and scripts of one's own, with what is wrong at its line and
column. A script that is simple is offered as rules.
"""

from __future__ import annotations

from urllib.parse import urlencode

from fastapi import APIRouter, Response
from msgspec import Struct
from msgspec.structs import replace

from eilbote.catalogue import Catalogue
from eilbote.engine import rules_of_user
from eilbote.engine.preview_rule import Preview, preview_rule
from eilbote.engine.rules_of_user import SeenEntry
from eilbote.errors import EilboteError, Gone, Misused, NotAllowed, Problem
from eilbote.rule_words import sentence
from eilbote.sieve.rule import OwnScript, Rule
from eilbote.sieve.values import ScriptProblem
from eilbote.web.rule_done import RuleDone
from eilbote.web.rule_said import words
from eilbote.web.visit import SignedIn, Visit, to, user_of

routes = APIRouter(prefix="/rules")

_LONGEST = 200_000
"""Characters of a script that are taken from a form; the guard's own limit is near."""


class _Form(Struct, frozen=True):
    """A script as it is typed."""

    name: str = ""
    sieve: str = ""
    run: bool = True
    account: str = ""
    before: str = ""
    mark: str = ""


@routes.get("/sieve")
def sieve(visit: SignedIn, name: str = "", account: str = "") -> Response:
    """One rule, or all of an account, as Sieve."""
    book = rules_of_user.seen_book(visit.app, user_of(visit))
    accounts = [one.address for one in rules_of_user.accounts_seen(visit.app, user_of(visit))]
    chosen = account if account in accounts else (accounts[0] if accounts else "")
    entries = (
        [book.named(name).entry]
        if name
        else [one.entry for one in book.entries if one.entry.account.lower() in ("", chosen.lower())]
    )
    return visit.page(
        "rule_sieve.html",
        name=name,
        accounts=accounts,
        account=chosen,
        lines=rules_of_user.as_sieve(visit.app, entries).rstrip("\n").split("\n"),
        empty=not entries,
    )


@routes.get("/script")
def script(visit: SignedIn, name: str = "") -> Response:
    if not name:
        _check_may_add(visit)
        return _page(visit, _Form(account=_first_account(visit)))
    seen = rules_of_user.seen_book(visit.app, user_of(visit)).named(name)
    if not isinstance(seen.entry, OwnScript):
        return to(f"/rules/edit?{urlencode({'name': name})}")
    return _page(visit, _form_of(seen), changeable=seen.changeable)


@routes.post("/script")
def save(visit: SignedIn) -> Response:
    """Saves, checks, or puts the rules that a script is in its place."""
    _check_may_add(visit)
    form = _typed(visit)
    typed = _script_of(visit, form)
    match visit.field("do"):
        case "save":
            return _saved(visit, form, typed)
        case "rules":
            return _as_rules(visit, form, typed)
        case _:
            return _page(visit, form)


def _saved(visit: Visit, form: _Form, typed: OwnScript) -> Response:
    problems = rules_of_user.script_problems(typed, rules_of_user.scripts_seen(visit.app, user_of(visit)))
    if problems:
        return _page(visit, form, status=400, problem=Problem("rules.script_not_saved"))
    try:
        rules_of_user.save_entry(visit.app, user_of(visit), typed, form.before, form.mark)
    except (Misused, NotAllowed, Gone) as error:
        return _page(visit, form, status=400, problem=error.problem)
    act = "changed" if form.before else "added"
    return RuleDone(act, 0, form.name).keep(to("/rules"), visit.site.port)


def _as_rules(visit: Visit, form: _Form, typed: OwnScript) -> Response:
    try:
        rules_of_user.script_to_rules(visit.app, user_of(visit), typed, form.before, form.mark)
    except (Misused, NotAllowed, Gone) as error:
        return _page(visit, form, status=400, problem=error.problem)
    return RuleDone("changed", 0, form.name).keep(to("/rules"), visit.site.port)


def _typed(visit: Visit) -> _Form:
    return _Form(
        visit.field("name").strip()[:300],
        visit.field("sieve").replace("\r\n", "\n").removeprefix("\n")[:_LONGEST],
        visit.field("run") == "1",
        visit.field("account")[:300],
        visit.field("before")[:300],
        visit.field("mark")[:100],
    )


def _script_of(visit: Visit, form: _Form) -> OwnScript:
    """As typed. Which events it is for stands in the book alone, and stays as it is."""
    typed = OwnScript(form.name, form.sieve, form.run, form.account)
    if not form.before:
        return typed
    try:
        held = rules_of_user.seen_book(visit.app, user_of(visit)).named(form.before).entry
    except (Gone, Misused):  # saving says so
        return typed
    return replace(typed, on=held.on, mailbox=held.mailbox) if isinstance(held, OwnScript) else typed


def _form_of(seen: SeenEntry) -> _Form:
    entry = seen.entry
    assert isinstance(entry, OwnScript)
    return _Form(entry.name, entry.sieve, entry.run, entry.account, entry.name, seen.mark)


def _first_account(visit: Visit) -> str:
    user = user_of(visit)
    if rules_of_user.may_change_for(visit.app, user, ""):
        return ""
    return rules_of_user.accounts_for_rules(visit.app, user)[0].address


def _check_may_add(visit: Visit) -> None:
    if not rules_of_user.may_add(visit.app, user_of(visit)):
        raise NotAllowed("rules.not_yours", account="")


def _page(
    visit: Visit,
    form: _Form,
    *,
    status: int = 200,
    problem: Problem | None = None,
    changeable: bool = True,
) -> Response:
    user, said = user_of(visit), Catalogue(visit.language)
    typed = _script_of(visit, replace(form, name=form.name or "?"))
    problems: tuple[ScriptProblem, ...] = ()
    preview: Preview | None = None
    if form.sieve.strip():
        problems = rules_of_user.script_problems(typed, rules_of_user.scripts_seen(visit.app, user))
        if not problems:
            try:
                preview = preview_rule(visit.app, user, typed)
            except EilboteError as error:
                problem = problem or error.problem
    found = () if problems or not form.sieve.strip() else rules_of_user.simple_rules(typed)
    return visit.page(
        "rule_script.html",
        status,
        form=form,
        problem=problem,
        problems=problems,
        source=form.sieve.split("\n"),
        preview=preview,
        changeable=changeable,
        accounts=[one.address for one in rules_of_user.accounts_for_rules(visit.app, user)],
        for_all=rules_of_user.may_change_for(visit.app, user, ""),
        simple=[sentence(one, said) for one in found if isinstance(one, Rule)],
        **words(said),
    )
