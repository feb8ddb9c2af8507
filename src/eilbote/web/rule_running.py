"""A rule applied to mail that is there: what it would do is shown first, and much of a mailbox asks again."""

from __future__ import annotations

import asyncio

from fastapi import APIRouter, Response

from eilbote.catalogue import Catalogue
from eilbote.engine import rules_of_user
from eilbote.engine.preview_rule import preview_rule
from eilbote.errors import EilboteError, Gone, NotAllowed, Problem
from eilbote.rule_words import sentence
from eilbote.sieve.rule import Rule
from eilbote.web.rule_done import RuleDone
from eilbote.web.rule_said import words
from eilbote.web.visit import SignedIn, Visit, to, user_of

routes = APIRouter(prefix="/rules/run")

_ASKS = "rules.too_much"
_PATIENCE = 3.0
"""Seconds that a browser waits for the end before it is shown how far the run is."""


@routes.get("")
def ask(visit: SignedIn, name: str = "", query: str = "") -> Response:
    return _page(visit, name, query, None)


@routes.post("")
async def run(visit: SignedIn) -> Response:
    """A run that takes long goes on by itself, and a page shows how far it is."""
    name, query = visit.field("name")[:300], visit.field("query").strip()[:1000]
    try:
        job = await visit.site.work.rules.begin(
            user_of(visit), name, query, sure=visit.field("sure") == "1", patience=_PATIENCE
        )
    except NotAllowed as error:
        return await asyncio.to_thread(_page, visit, name, query, error.problem)
    if job.running or job.noted:
        return to("/rules/run/progress")
    if job.problem is not None:
        if job.problem.code == "rules.unknown":
            raise Gone("rules.unknown", name=name)
        return await asyncio.to_thread(_page, visit, name, query, job.problem)
    return RuleDone("ran", job.batch, str(job.changed)).keep(to("/rules"), visit.site.port)


@routes.get("/progress")
def progress(visit: SignedIn) -> Response:
    job = visit.site.work.rules.of(user_of(visit).id)
    done = RuleDone()
    if job is not None and not job.running and job.problem is None:
        done = RuleDone("ran", job.batch, str(job.changed))
    asks = job.problem if job is not None and job.problem is not None and job.problem.code == _ASKS else None
    return visit.page("rule_running.html", job=job, asks=asks, done=done)


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
