"""Tells open pages that something has changed (server-sent events, HTML standard section 9.2): what it is,
they ask for themselves, with their own rights.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

from fastapi import APIRouter, Request, Response
from fastapi.responses import StreamingResponse

from eilbote.engine import browse, browse_outbox
from eilbote.engine.condition import doing_now
from eilbote.web.visit import SignedIn, Site, Visit, user_of

routes = APIRouter()

_LOOK_SECONDS = 1.0
_LOOKS_BETWEEN_SIGNS = 20
"""So many looks without news, then a sign of life: a line that is gone shows."""


MOST_STREAMS = 15
"""Open pages of one user that are told of changes; further ones show what is new when they are loaded."""


@routes.get("/live")
async def live(visit: SignedIn, request: Request) -> Response:
    if visit.site.streams.get(user_of(visit).id, 0) >= MOST_STREAMS:
        return Response(status_code=204)  # a browser asks no further then (HTML standard section 9.2.3)
    return StreamingResponse(_news(visit, request), media_type="text/event-stream")


async def _news(visit: Visit, request: Request) -> AsyncIterator[str]:
    """Until the page is closed, the session ends, or we do."""
    site, user = visit.site, user_of(visit).id
    site.streams[user] = site.streams.get(user, 0) + 1
    try:
        async for sign in _signs(visit, request):
            yield sign
    finally:
        site.streams[user] -= 1


async def _signs(visit: Visit, request: Request) -> AsyncIterator[str]:
    site, quiet = visit.site, 0
    seen = await asyncio.to_thread(_state, site, visit.session)
    yield "retry: 3000\n\n"
    while not site.closing.is_set() and not await request.is_disconnected():
        await site.app.clock.sleep(_LOOK_SECONDS)
        now = await asyncio.to_thread(_state, site, visit.session)
        if now is None:
            return
        quiet += 1
        if now != seen or quiet >= _LOOKS_BETWEEN_SIGNS:
            yield "event: changed\ndata:\n\n" if now != seen else ":\n\n"
            seen, quiet = now, 0


def _state(site: Site, session: str) -> tuple[object, ...] | None:
    """What the user may see, as values that change with it; None where the session has ended."""
    user = site.sign_ins.visitor(session)
    if user is None:
        return None
    app = site.app
    numbers, marks = browse.change_numbers(app, user), browse_outbox.change_marks(app, user)
    return (*numbers, *marks, *doing_now(app, user), site.work.changes)
