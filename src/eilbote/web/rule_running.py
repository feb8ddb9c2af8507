"""A rule applied to mail that is there: what it would do is shown first, and much of a mailbox asks again."""

from __future__ import annotations

from fastapi import APIRouter, Response

from eilbote.catalogue import Catalogue
from eilbote.engine import rule_work, rules_of_user
from eilbote.engine.preview_rule import preview_rule
from eilbote.errors import EilboteError, Misused, NotAllowed, Problem
from eilbote.rule_words import sentence
from eilbote.sieve.rule import Rule
from eilbote.web.rule_done import RuleDone
from eilbote.web.rule_said import words
from eilbote.web.visit import SignedIn, Visit, to, user_of

routes = APIRouter(prefix="/rules/run")

_ASKS = "rules.too_much"


@routes.get("")
def ask(visit: SignedIn, name: str = "", query: str = "") -> Response:
    return _page(visit, name, query, None)


@routes.post("")
def run(visit: SignedIn) -> Response:
    name, query = visit.field("name")[:300], visit.field("query").strip()[:1000]
    try:
        done = rule_work.run_over_mail(
            visit.app, user_of(visit), name, "", query, sure=visit.field("sure") == "1"
        )
    except (Misused, NotAllowed) as error:
        return _page(visit, name, query, error.problem)
    changed = sum(one.changed for one in done)
    batch = next((one.batch for one in done if one.batch), 0) if len(done) == 1 else 0
    problems = [problem for one in done for problem in one.problems]
    if problems:
        return _page(visit, name, query, problems[0])
    return RuleDone("ran", batch, str(changed)).keep(to("/rules"), visit.site.port)


def _page(visit: Visit, name: str, query: str, problem: Problem | None) -> Response:
    seen = rules_of_user.seen_book(visit.app, user_of(visit)).named(name)
    if not seen.changeable:
        raise NotAllowed("rules.not_yours", account=seen.entry.account)
    said = Catalogue(visit.language)
    preview = None
    try:
        preview = preview_rule(visit.app, user_of(visit), seen.entry)
    except EilboteError as error:
        problem = problem or error.problem
    return visit.page(
        "rule_run.html",
        200 if problem is None or problem.code == _ASKS else 400,
        name=seen.entry.name,
        query=query,
        sentence=sentence(seen.entry, said) if isinstance(seen.entry, Rule) else "",
        preview=preview,
        problem=None if problem is not None and problem.code == _ASKS else problem,
        asks=problem if problem is not None and problem.code == _ASKS else None,
        **words(said),
    )
