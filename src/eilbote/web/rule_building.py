"""The rule builder: a rule in plain words, with what it would do with real mail beside it. One form: each
button that adds a row, and each pause in typing, sends it, and the answer is the page as it is now.
"""

from __future__ import annotations

from urllib.parse import urlencode

from fastapi import APIRouter, Response
from msgspec.structs import replace

from eilbote.catalogue import Catalogue
from eilbote.engine import browse, rules_of_user
from eilbote.engine.preview_rule import Preview, preview_rule
from eilbote.engine.rule_from_mail import FromMail, rule_from_mail
from eilbote.engine.rules_of_user import SeenEntry
from eilbote.errors import EilboteError, Gone, Misused, NotAllowed, Problem
from eilbote.rule_words import LANGUAGES_KNOWN, language_said, sentence
from eilbote.sieve.rule import Rule, Where
from eilbote.web.rule_done import RuleDone
from eilbote.web.rule_form import (
    ACTIONS,
    GROUPS,
    RuleForm,
    changed,
    form_of,
    form_sent,
    in_words,
    is_carried,
    is_right,
    name_for,
    rule_typed,
    tryable,
)
from eilbote.web.rule_said import words
from eilbote.web.visit import SignedIn, Visit, to, user_of

routes = APIRouter(prefix="/rules")


@routes.get("/new")
def new(visit: SignedIn, mail: str = "", by: str = "", ready: str = "") -> Response:
    _check_may_add(visit)
    if mail:
        found = rule_from_mail(visit.app, user_of(visit), mail)
        return _page(visit, _with_account(visit, form_of(found.rule(by))), found=found, by=by)
    return _page(visit, _with_account(visit, RuleForm()))


@routes.get("/edit")
def edit(visit: SignedIn, name: str = "") -> Response:
    seen = _seen(visit, name)
    if seen.is_script:
        return to(f"/rules/script?{_query(name)}")
    assert isinstance(seen.entry, Rule)
    problem = None if is_carried(seen.entry) else Problem("rules.simplified")
    return _page(visit, form_of(seen.entry, seen.mark), changeable=seen.changeable, problem=problem)


@routes.post("/edit")
def build(visit: SignedIn) -> Response:
    """Saves, or shows the form again as a button or a pause in typing has left it."""
    _check_may_add(visit)
    do, form = visit.field("do"), form_sent(visit.form)
    if do != "save":
        return _page(visit, changed(form, do))
    rule, checked = rule_typed(form)
    if not is_right(checked):
        return _page(visit, checked, status=400, strict=True)
    if not form.name:
        rule = replace(
            rule, name=rules_of_user.free_name(visit.app, name_for(rule, Catalogue(visit.language)))
        )
    try:
        rules_of_user.save_entry(visit.app, user_of(visit), rule, form.before, form.mark)
    except (Misused, NotAllowed, Gone) as error:
        return _page(visit, checked, status=400, problem=error.problem, strict=True)
    act = "changed" if form.before else "added"
    if rule.where is not Where.HERE:
        act = "there"
    return RuleDone(act, 0, rule.name).keep(to("/rules"), visit.site.port)


def _check_may_add(visit: Visit) -> None:
    if not rules_of_user.may_add(visit.app, user_of(visit)):
        raise NotAllowed("rules.not_yours", account="")


def _seen(visit: Visit, name: str) -> SeenEntry:
    return rules_of_user.seen_book(visit.app, user_of(visit)).named(name)


def _query(name: str) -> str:
    return urlencode({"name": name})


def _with_account(visit: Visit, form: RuleForm) -> RuleForm:
    """Who may not make rules for all accounts begins with one; where there is one account, all is it."""
    accounts = rules_of_user.accounts_for_rules(visit.app, user_of(visit))
    if not rules_of_user.may_change_for(visit.app, user_of(visit), ""):
        return form if form.account else replace(form, account=accounts[0].address)
    return replace(form, account="") if len(accounts) == 1 else form


def _page(
    visit: Visit,
    form: RuleForm,
    *,
    status: int = 200,
    problem: Problem | None = None,
    strict: bool = False,
    found: FromMail | None = None,
    by: str = "",
    changeable: bool = True,
) -> Response:
    """`strict`: what is not complete yet is told as wrong, since it was to be saved."""
    user, said = user_of(visit), Catalogue(visit.language)
    rule, checked = rule_typed(form)
    right, checked = is_right(checked), in_words(checked, said)
    preview: Preview | None = None
    tried, acts = tryable(form)
    if tried is not None:
        try:
            preview = preview_rule(visit.app, user, tried)
        except EilboteError as error:
            problem = problem or error.problem
    accounts = rules_of_user.accounts_for_rules(visit.app, user)
    return visit.page(
        "rule_build.html",
        status,
        form=checked if strict else form,
        unfit=checked,
        right=right,
        sentence=sentence(rule, said) if right else "",
        preview=preview,
        acts=acts,
        problem=problem,
        changeable=changeable,
        accounts=[one.address for one in accounts],
        for_all=rules_of_user.may_change_for(visit.app, user, ""),
        mailboxes=_mailboxes(visit, form.account),
        groups=GROUPS,
        actions=ACTIONS,
        languages=[(code, language_said(code, said)) for code in LANGUAGES_KNOWN],
        **words(said),
        found=found,
        by=by or (found.offers[0].by if found and found.offers else ""),
    )


def _mailboxes(visit: Visit, address: str) -> list[str]:
    """The names to move mail to, each once."""
    names = [
        str(box.name)
        for one in browse.mailboxes_of(visit.app, user_of(visit))
        for box in one.mailboxes
        if box.selectable and box.role != "inbox" and (not address or one.account.address == address)
    ]
    return list(dict.fromkeys(names))[:500]
