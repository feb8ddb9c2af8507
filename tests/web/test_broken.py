"""What goes wrong below the pages is told as a page, with every safeguard, in the visitor's language."""

from __future__ import annotations

from pathlib import Path

import httpx2
import pytest

from eilbote.engine.sign_in import SignIns
from eilbote.errors import Unreachable
from eilbote.web.site import new_site
from tests.web.browser import HOST, given_user, opened


@pytest.mark.parametrize(
    ("problem", "status", "said"),
    [
        (Unreachable("store.busy", 60.0, path="eilbote.db"), 503, "eilbote.db"),
        (RuntimeError("a mistake of ours"), 500, "Hier ist etwas schiefgegangen."),
    ],
)
async def test_a_store_that_fails_and_a_mistake_of_ours_are_pages(
    problem: Exception, status: int, said: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def failing(_self: SignIns, _token: str) -> None:
        raise problem

    with opened(tmp_path) as (app, _):
        given_user(app, "Kim")
        site = new_site(app, SignIns(app), "127.0.0.1", 8425, "en")
        transport = httpx2.ASGITransport(app=site, raise_app_exceptions=False)
        async with httpx2.AsyncClient(transport=transport, base_url=f"http://{HOST}") as client:
            client.headers["Accept-Language"] = "de"
            client.cookies["eilbote-8425"] = "somebody"
            monkeypatch.setattr(SignIns, "visitor", failing)
            answer = await client.get("/inbox")
        assert answer.status_code == status
        assert said in answer.text and '<html lang="de"' in answer.text and 'href="/"' in answer.text
        assert "a mistake of ours" not in answer.text and "Traceback" not in answer.text
        assert "frame-ancestors 'none'" in answer.headers["content-security-policy"]
        assert answer.headers["cache-control"] == "no-store"
