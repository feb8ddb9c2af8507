"""Other sites in the browser of somebody who is signed in, and others at that browser: nothing is changed or
read from elsewhere, and after signing out nothing is left to see.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from playwright.async_api import Browser, BrowserContext, Page

from eilbote.engine.app import App
from tests.store.given import Home, arrival, raw_mail
from tests.web.browser import PASSWORD, given_user, opened, shown
from tests.web.chromium import chromium

SECRET = "Geheimnis-4711"
# What a hostile page can try; gives what it got hold of.
ATTACK = """async ([own, id]) => {
  const got = {};
  const waited = (what, after) => new Promise(done => { setTimeout(() => done(what()), after); });
  const fields = { id, act: "delete", back: "/inbox", to: "Archiv", name: "Eve", role: "owner",
    password: "eve eve eve eve", text: "x", subject: "x", do: "send", sender: "anna@example.org",
    token: "0".repeat(64) };
  const paths = ["/act", "/undo", "/write", "/write/save", "/people", "/sign-out", "/settings",
    "/own/password", "/mailboxes"];
  for (const path of paths) {
    for (const enctype of ["application/x-www-form-urlencoded", "multipart/form-data", "text/plain"]) {
      const frame = document.createElement("iframe");
      frame.name = `f${Math.random()}`;
      const form = document.createElement("form");
      Object.assign(form, { method: "post", action: own + path, target: frame.name, enctype });
      for (const [name, value] of Object.entries(fields)) {
        const input = document.createElement("input");
        Object.assign(input, { type: "hidden", name, value });
        form.append(input);
      }
      document.body.append(frame, form);
      form.submit();
    }
    for (const options of [{ mode: "no-cors" }, { mode: "cors" }]) {
      const body = new URLSearchParams(fields);
      await fetch(own + path, { method: "POST", credentials: "include", body, ...options })
        .then(answer => answer.text()).then(text => { got[`post ${path}`] = text; }).catch(() => {});
    }
    navigator.sendBeacon(own + path, new URLSearchParams(fields));
  }
  for (const path of ["/inbox", `/mail/${id}/raw`, `/inbox/${id}`, "/live"]) {
    await fetch(own + path, { credentials: "include", signal: AbortSignal.timeout(1000) })
      .then(answer => answer.text()).then(text => { got[`fetch ${path}`] = text; }).catch(() => {});
  }
  const image = new Image();
  image.src = `${own}/mail/${id}/raw`;
  const script = document.createElement("script");
  script.src = `${own}/search-people?q=max`;
  script.onload = () => { got.script = "ran"; };
  document.body.append(script);
  const style = document.createElement("link");
  Object.assign(style, { rel: "stylesheet", href: `${own}/inbox` });
  document.body.append(style);
  const frame = document.createElement("iframe");
  frame.src = `${own}/inbox`;
  document.body.append(frame);
  const opened = window.open(`${own}/inbox`);
  await waited(() => 0, 1500);
  if (image.naturalWidth) got.image = "seen";
  const seen = { frame: () => frame.contentDocument, opened: () => opened.document };
  for (const [what, look] of Object.entries(seen)) {
    try { if (look().body.innerText) got[what] = look().body.innerText; } catch { /* another origin */ }
  }
  try { opened.location = `${own}/sign-out`; } catch { /* no hold of it */ }
  return got;
}"""


@pytest.fixture
def app(tmp_path: Path) -> Iterator[App]:
    with opened(tmp_path) as (app, _):
        given_user(app, "Kim")
        yield app


@asynccontextmanager
async def another_site() -> AsyncIterator[int]:
    """A page of somebody else on this machine; gives its port."""

    async def answered(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        body = b"<!doctype html><title>Eve</title><body>"
        head = (
            b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: %d\r\nConnection: close\r\n\r\n"
        )
        writer.write(head % len(body) + body)
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(answered, "127.0.0.1", 0)
    async with server:
        yield server.sockets[0].getsockname()[1]


async def signed_in_at(browser: Browser, own: str) -> tuple[BrowserContext, Page]:
    context = await browser.new_context(locale="en-GB")
    page = await context.new_page()
    await page.goto(own + "/sign-in")
    await page.fill("[name=name]", "Kim")
    await page.fill("[name=password]", PASSWORD)
    await page.click("button")
    await page.wait_for_url("**/inbox")
    return context, page


def given_secret(app: App) -> int:
    home = Home(app.store)
    raw = raw_mail(1).replace(b"\r\n\r\n", f"\r\n\r\n{SECRET} ".encode(), 1)
    (number,) = home.arrive(arrival(1, raw=raw)).ids
    return number


def state_of(app: App, mail: int) -> object:
    return (
        app.store.messages.placements([mail]),
        app.store.users.all(),
        app.store.outbox.all(),
        [app.store.mailboxes.all(one.id) for one in app.store.accounts.all()],
    )


# Another port is another origin, yet the same site: cookies come along. Another name is another site.
@pytest.mark.parametrize("name", ["127.0.0.1", "localhost"])
async def test_another_site_changes_and_reads_nothing(app: App, name: str) -> None:
    mail = given_secret(app)
    async with shown(app) as own, another_site() as port, chromium() as browser:
        context, page = await signed_in_at(browser, own)
        before = state_of(app, mail)
        evil = await context.new_page()
        await evil.goto(f"http://{name}:{port}/")
        tried: list[str] = []
        context.on("request", lambda asked: tried.append(asked.url) if asked.url.startswith(own) else None)
        got = await evil.evaluate(ATTACK, [own, str(mail)])
        assert got == {} and len(tried) > 50
        assert state_of(app, mail) == before
        await page.goto(f"{own}/inbox/{mail}")  # still signed in, and it could be seen
        assert SECRET in await page.content()
        await context.close()


async def test_after_signing_out_nothing_is_left_and_a_copied_cookie_is_worth_nothing(app: App) -> None:
    mail = given_secret(app)
    async with shown(app) as own, chromium() as browser:
        context, page = await signed_in_at(browser, own)
        stolen = await context.cookies()
        session = next(one for one in stolen if one["name"] == f"eilbote-{own.rpartition(':')[2]}")
        assert (session["httpOnly"], session["sameSite"]) == (True, "Strict")
        assert session["value"] not in await page.evaluate("document.cookie")
        thief = await browser.new_context()
        await thief.add_cookies([{"name": one["name"], "value": one["value"], "url": own} for one in stolen])
        taken = await thief.new_page()
        await taken.goto(f"{own}/inbox/{mail}")
        assert SECRET in await taken.content()  # as long as the session lasts, the cookie is the key
        await page.goto(f"{own}/inbox/{mail}")
        await page.evaluate("document.querySelector('form[action=\"/sign-out\"]').requestSubmit()")
        await page.wait_for_url("**/sign-in")
        await page.go_back()
        await page.wait_for_load_state()
        assert SECRET not in await page.content()
        await taken.goto(f"{own}/inbox/{mail}")
        assert taken.url == f"{own}/sign-in"
        await taken.go_back()
        await thief.close()
        await context.close()


async def test_a_session_that_was_planted_is_not_taken_over(app: App) -> None:
    async with shown(app) as own, chromium() as browser:
        context = await browser.new_context(locale="en-GB")
        name = f"eilbote-{own.rpartition(':')[2]}"
        await context.add_cookies([{"name": name, "value": "planted", "url": own}])
        page = await context.new_page()
        await page.goto(own + "/sign-in")
        await page.fill("[name=name]", "Kim")
        await page.fill("[name=password]", PASSWORD)
        await page.click("button")
        await page.wait_for_url("**/inbox")
        now = next(one["value"] for one in await context.cookies() if one["name"] == name)
        assert now != "planted" and len(now) >= 32
        await context.close()
