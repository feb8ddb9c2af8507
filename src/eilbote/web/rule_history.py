"""What rules did with which mail and why, and taking it back: one, some, or all that is shown."""

from __future__ import annotations

from urllib.parse import urlencode

from fastapi import APIRouter, Response

from eilbote.catalogue import Catalogue
from eilbote.engine import rule_work
from eilbote.errors import Misused
from eilbote.web.acting import safe_path
from eilbote.web.done import Done
from eilbote.web.rule_done import RuleDone, take_rule_done
from eilbote.web.rule_said import words
from eilbote.web.visit import SignedIn, to, user_of

routes = APIRouter(prefix="/rules/history")

_PAGE = 50


@routes.get("")
def history(
    visit: SignedIn, rule: str = "", account: str = "", batch: str = "", before: str = ""
) -> Response:
    user = user_of(visit)
    wanted = rule_work.Shown(rule[:300], account[:300], _number(batch), _number(before))
    runs = rule_work.history_of_user(visit.app, user, wanted, _PAGE + 1)
    shown, more = runs[:_PAGE], len(runs) > _PAGE
    narrowed = {"rule": wanted.rule, "account": wanted.account, "batch": str(wanted.batch or "")}
    query = urlencode({name: value for name, value in narrowed.items() if value})
    done = take_rule_done(visit)
    response = visit.page(
        "rule_history.html",
        runs=shown,
        wanted=wanted,
        query=query,
        older=f"/rules/history?{query}{'&' if query else ''}before={shown[-1].told.run.id}" if more else "",
        rules=rule_work.names_of_rules(visit.app, user),
        accounts=[one.address for one in rule_work.accounts_of(visit.app, user)],
        done=done,
        **words(Catalogue(visit.language)),
    )
    return done.leave(response, visit.site.port)


@routes.post("/undo")
def undo(visit: SignedIn) -> Response:
    """Of the runs that are named, of one run over old mail (`batch`), or of all that is shown."""
    user, app = user_of(visit), visit.app
    match visit.field("do"):
        case "batch":
            undone = rule_work.undo_shown(app, user, rule_work.Shown(batch=_number(visit.field("batch"))))
        case "all":
            wanted = rule_work.Shown(
                visit.field("rule")[:300], visit.field("account")[:300], _number(visit.field("batch"))
            )
            undone = rule_work.undo_shown(app, user, wanted)
        case _:
            runs = [_number(one) for one in visit.form.get("run", ())]
            undone = rule_work.undo_runs(app, user, [one for one in runs if one])
    back = visit.field("back")
    if not back.startswith("/rules"):
        # To the mail that was read: its own bar says so.
        done = Done("undone", 0, undone.mails) if undone.mails else Done("not-undone")
        return done.keep(to(safe_path(back)), visit.site.port) if back else to("/rules/history")
    place = back if back.startswith("/rules/history") and back.isprintable() else "/rules/history"
    return RuleDone("undone", 0, str(undone.mails)).keep(to(place), visit.site.port)


def _number(text: str) -> int | None:
    """Misused `rules.bad_number`."""
    if not text:
        return None
    if not (text.isascii() and text.isdecimal() and len(text) < 19):
        raise Misused("rules.bad_number", number=text[:40])
    return int(text)
