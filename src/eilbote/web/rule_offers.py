"""A ready-made rule: what it says, what it would do with the mail that is here, and taking it."""

from __future__ import annotations

from fastapi import APIRouter, Response
from msgspec.structs import replace

from eilbote.catalogue import Catalogue
from eilbote.engine import rules_of_user
from eilbote.engine.preview_rule import preview_rule
from eilbote.errors import Misused, NotAllowed, Problem
from eilbote.rule_words import sentence
from eilbote.web.rule_done import RuleDone
from eilbote.web.rule_said import words
from eilbote.web.visit import SignedIn, Visit, to, user_of

routes = APIRouter(prefix="/rules/offer")

_MOST_SENDERS = 200


@routes.get("")
def look(visit: SignedIn, key: str = "") -> Response:
    return _page(visit, key, "", None)


@routes.post("")
def take(visit: SignedIn) -> Response:
    key, typed = visit.field("key")[:50], visit.field("senders")
    if visit.field("do") != "take":
        return _page(visit, key, typed, None)
    offer = rules_of_user.offer_of(key, Catalogue(visit.language).text, _senders(typed))
    account = visit.field("account")[:300]
    rules = [replace(one, account=account) for one in offer.rules]
    try:
        before = rules_of_user.save_all(visit.app, user_of(visit), rules)
    except (Misused, NotAllowed) as error:
        return _page(visit, key, typed, error.problem)
    return RuleDone("taken", before, offer.title).keep(to("/rules"), visit.site.port)


def _senders(typed: str) -> list[str]:
    found = (one.strip() for line in typed.splitlines() for one in line.split(","))
    return [one for one in found if one][:_MOST_SENDERS]


def _page(visit: Visit, key: str, typed: str, problem: Problem | None) -> Response:
    user, said = user_of(visit), Catalogue(visit.language)
    if not rules_of_user.may_add(visit.app, user):
        raise NotAllowed("rules.not_yours", account="")
    offer = rules_of_user.offer_of(key, said.text, _senders(typed))
    return visit.page(
        "rule_offer.html",
        200 if problem is None else 400,
        offer=offer,
        typed=typed,
        problem=problem,
        previews=[(sentence(one, said), one.name, preview_rule(visit.app, user, one)) for one in offer.rules],
        accounts=[one.address for one in rules_of_user.accounts_for_rules(visit.app, user)],
        for_all=rules_of_user.may_change_for(visit.app, user, ""),
        **words(said),
    )
