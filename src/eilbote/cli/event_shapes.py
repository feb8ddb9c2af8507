"""The lines of `serve --json`. Apart from the other shapes, because events know all that serving does."""

from __future__ import annotations

from typing import assert_never

from eilbote.cli.shapes import (
    JSON,
    delivered_shape,
    holder_shape,
    moment,
    problem_shape,
    report_shape,
    verify_shape,
    watch_shape,
)
from eilbote.engine.events import Checked, Event, Interrupted, PageOpened, Passed, Sent, Shared, Watching
from eilbote.store.values import Watched


def event_shape(event: Event) -> JSON:
    """A line of `serve`."""
    match event:
        case Watching():
            state = Watched(event.state.value, event.since, event.until, event.problem)
            return {"event": "watching", "account": event.account, **watch_shape(state)}
        case Passed():
            report = report_shape(event.report)
            return {"event": "passed", "at": moment(event.at), "mailboxes": event.mailboxes, **report}
        case Checked():
            found = [verify_shape(one) for one in event.reports]
            return {"event": "checked", "account": event.account, "at": moment(event.at), "reports": found}
        case Sent():
            return {"event": "sent", "at": moment(event.at), **delivered_shape(event.delivered)}
        case Shared(at=at, mine=mine, others=others):
            theirs = [{"account": account, **holder_shape(holder)} for account, holder in others]
            return {"event": "shared", "at": moment(at), "mine": mine, "others": theirs}
        case Interrupted(at=at, problem=problem):
            return {"event": "interrupted", "at": moment(at), "problem": problem_shape(problem)}
        case PageOpened(at=at, address=address, link=link):
            return {"event": "page_opened", "at": moment(at), "address": address, "link": link}
        case _:
            assert_never(event)
