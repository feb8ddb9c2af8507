"""Every page of the site in every state that looks different, and how one gets there. The accessibility
test and the pictures go through this table; a route that is missing in it fails a test.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from urllib.parse import urlsplit

from fastapi.routing import APIRoute
from playwright.async_api import Page

from eilbote.testing.demo import DEMO_PASSWORD
from eilbote.web.site import PAGES

Steps = Callable[[Page], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class Shown:
    """One page in one state. `route` is its address in the site, `path` one for the furnished home (with its
    ids in braces), `who` is signed in, `then` are the steps after it has loaded."""

    name: str
    route: str
    path: str
    who: str = "Kim"
    then: Steps | None = None


NO_PAGES = {
    "/assets/{mark}/{name}": "style sheets and scripts",
    "/": "leads to the inbox",
    "/live": "a stream of events",
    "/mail/{mail}/raw": "a file to save",
    "/mail/{mail}/part/{number}": "a file to save",
    "/write/people": "JSON for the module that completes addresses",
    "/search-people": "JSON for the module that completes addresses",
    "/write/foresee": "what a module shows beside the addresses",
    "/mail/{mail}/invitation.ics": "a file to save",
    "/mail/{mail}/attachments.zip": "a file to save",
    "/mail/{mail}/picture/{number}": "a picture",
    "/accounts/{account:int}/devices/{form}": "a file to save",
    "/doctor/{account:int}/share": "a file to save",
    "/doctor/{account:int}/whole": "a file to save",
    "/doctor/address/share": "a file to save",
    "/doctor/domain/share": "a file to save",
    "/doctor/domain/whole": "a file to save",
    "/doctor/domain/file": "a file to save",
    "/doctor/address/whole": "a file to save",
    "/write/token": "JSON for a form that is older than its session",
}
"""Routes that show nobody a page, and what they give instead."""


def fill(**fields: str) -> Steps:
    """Fills the fields by their names and sends the form that the last one is in."""

    async def steps(page: Page) -> None:
        for name, value in fields.items():
            await page.fill(f"main [name={name}]", value)
        # Past the browser's own checks: what the server says is to be seen.
        last = list(fields)[-1]
        async with page.expect_navigation():
            await page.locator(f"main form:has([name={last}])").evaluate(
                "form => { form.noValidate = true; form.querySelector('button').click(); }"
            )

    return steps


async def _keys(page: Page) -> None:
    await page.keyboard.press("?")
    await page.wait_for_selector("#keys[open], #keys:popover-open")


async def _flagged(page: Page) -> None:
    await page.click(".mail button[value=flag], .mail button[value=unflag]")
    await page.wait_for_selector(".done")


async def _unframed(page: Page) -> None:
    """A mail as a page of its own: in its sandbox nothing could look at it."""
    answer = await page.context.request.get(page.url)
    await page.goto("about:blank")
    await page.set_content(await answer.text())


async def _people(page: Page) -> None:
    await page.locator("[name=to]").press_sequentially("Mat")
    await page.wait_for_selector("[role=option]")


async def _unsendable(page: Page) -> None:
    await page.fill("[name=to]", "niemand")
    await page.fill("[name=subject]", "Hallo")
    await page.click("#send")
    await page.wait_for_selector(".told")


def _path(page: Page) -> str:
    return urlsplit(page.url).path


async def _examined(page: Page) -> None:
    async with page.expect_navigation():
        await page.locator(f"main form[action='{_path(page)}'] button").first.click()
    await page.wait_for_selector("#layers", timeout=60_000)
    for layer in await page.locator(".layer > summary").all():
        await layer.click()


async def _under_way(page: Page) -> None:
    """A run that waits for a name server: it is still going on when it is looked at."""
    await page.fill("main [name=address]", "kim@stumm.example")
    async with page.expect_navigation():
        await page.locator("main form[action^='/doctor/'] button").first.click()
    await page.wait_for_selector("[data-under-way]")


async def _given_password(page: Page, password: str) -> None:
    """Types another password for the account that is shown."""
    form = page.locator("main form[action$='/login']").last
    await form.locator("[name=password]").evaluate("(field, typed) => { field.value = typed; }", password)
    async with page.expect_navigation():
        await form.evaluate("form => form.requestSubmit()")


async def _wrong_password(page: Page) -> None:
    """The account with a wrong password, tried: the cause is on its page."""
    await _given_password(page, "nicht das richtige")
    await page.wait_for_selector("[role=alert]", timeout=30_000)


async def _wrong_password_examined(page: Page) -> None:
    await page.goto(page.url.replace("/accounts/", "/doctor/"))
    await _examined(page)


async def _set_up(page: Page, password: str) -> None:
    """A second account at the server of the first, up to the step where its login has been tried."""
    account = page.url
    at = {name: await page.locator(f"main [name={name}]").first.input_value() for name in _SERVERS}
    user = await page.locator("main [name=user]").first.input_value()
    await page.goto(account.rpartition("/")[0] + "/new?address=zweites@firma.example")
    for name, value in {**at, "user": user, "password": password}.items():
        field = page.locator(f"main [name={name}]").last
        await field.evaluate("(field, typed) => { field.value = typed; }", value)
    async with page.expect_navigation():
        await page.locator("main form:has([name=password])").last.evaluate("form => form.requestSubmit()")


_SERVERS = ("in_host", "in_port", "in_security", "out_host", "out_port", "out_security")


async def _set_up_wrong(page: Page) -> None:
    await _set_up(page, "nicht das richtige")
    await page.wait_for_selector("[role=alert]", timeout=30_000)


async def _set_up_well(page: Page) -> None:
    await page.goto(page.url)
    await _given_password(page, DEMO_PASSWORD)
    await page.wait_for_selector(".good", timeout=30_000)


async def _domain_examined(page: Page) -> None:
    async with page.expect_navigation():
        await page.click("main form[action='/doctor/domain'] button")
    await page.wait_for_selector("#layers", timeout=60_000)


async def _address_examined(page: Page) -> None:
    await page.fill("main [name=address]", "kim@firma.example")
    await _examined(page)


async def _rule_menu(page: Page) -> None:
    await page.click(".rule:nth-child(2) .more-acts summary")
    await page.wait_for_selector(".rule:nth-child(2) .more-acts[open]")


async def _tried(page: Page) -> None:
    await page.fill("#builder [name=value]", "@example.org")
    await page.fill("#builder [name=what]", "Buchhaltung")
    await page.wait_for_selector("#preview .becomes")


async def _every_kind(page: Page) -> None:
    """A row of many of the kinds that look different."""
    for place, kind in enumerate(("subject", "attachment", "older", "during", "field", "language", "larger")):
        if place:
            await page.click("#add-condition")
            await page.locator("[name=kind]").nth(place).wait_for()
        await page.locator("[name=kind]").nth(place).select_option(kind)
        await page.wait_for_selector(
            f".part:nth-child({place + 1}) .kind option[selected][value={kind}]", state="attached"
        )
    await page.locator("[name=then]").first.select_option("reply")
    await page.wait_for_selector("textarea[name=what]")


async def _unsaveable(page: Page) -> None:
    await page.fill("#builder [name=value]", "niemand@")
    await page.click("#save")
    await page.wait_for_selector(".part .wrong")


async def _server_asked(page: Page) -> None:
    async with page.expect_navigation():
        await page.locator("form:has([value=look]) button").click()
    await page.wait_for_selector(".told")


async def _simple_script(page: Page) -> None:
    await page.fill("[name=name]", "Mein Skript")
    script = 'require "fileinto";\nif header :contains "subject" "Angebot" { fileinto "Angebote"; }'
    await page.fill("#source", script)
    await page.wait_for_selector("#simple")


SHOWN = (
    Shown("sign-in", "/sign-in", "/sign-in", ""),
    Shown("sign-in-wrong", "/sign-in", "/sign-in", "", fill(name="Kim", password="falsch")),
    Shown("link-gone", "/link/{token}", "/link/nothing", ""),
    Shown("first-user", "/link/{token}", "/link/{link}", ""),
    Shown("first-user-short", "/link/{token}", "/link/{link}", "", fill(name="Mia", password="kurz")),
    Shown("inbox", "/inbox", "/inbox"),
    Shown("inbox-keys", "/inbox", "/inbox", then=_keys),
    Shown("inbox-reader", "/inbox", "/inbox", "Lea"),
    Shown("inbox-empty", "/inbox", "/inbox", "Noah"),
    Shown("mail", "/inbox/{mail}", "/inbox/{html}"),
    Shown("mail-text", "/inbox/{mail}", "/inbox/{text}"),
    Shown("mail-attached", "/inbox/{mail}", "/inbox/{attached}"),
    Shown("mail-source", "/inbox/{mail}", "/inbox/{text}?view=source"),
    Shown("mail-reader", "/inbox/{mail}", "/inbox/{html}", "Lea"),
    Shown("mail-done", "/inbox/{mail}", "/inbox/{html}", then=_flagged),
    Shown("letter", "/mail/{mail}/html", "/mail/{html}/html", then=_unframed),
    Shown("box", "/box/{box}", "/box/{archive}"),
    Shown("box-mail", "/box/{box}/{mail}", "/box/{box}/{boxed}"),
    Shown("box-trash", "/box/{box}", "/box/{trash}"),
    Shown("all", "/all", "/all"),
    Shown("all-mail", "/all/{mail}", "/all/{found}"),
    Shown("mailboxes", "/mailboxes", "/mailboxes?account={account}"),
    Shown("mailbox-delete", "/mailboxes/{box}/delete", "/mailboxes/{box}/delete"),
    Shown("mailbox-empty", "/mailboxes/{box}/empty", "/mailboxes/{trash}/empty"),
    Shown("search-help", "/search", "/search"),
    Shown("search", "/search", "/search?q=k%C3%BCche"),
    Shown("search-nothing", "/search", "/search?q=gibtesnicht"),
    Shown("search-wrong", "/search", "/search?q=after%3Akaese"),
    Shown("search-mail", "/search/{mail}", "/search/{found}?q=k%C3%BCche+angebot"),
    Shown("write", "/write", "/write"),
    Shown("write-people", "/write", "/write", then=_people),
    Shown("write-reply", "/write", "/write?answers={text}"),
    Shown("write-wrong", "/write/{writing}", "/write", then=_unsendable),
    Shown("write-redirect", "/write/redirect", "/write/redirect?mail={text}"),
    Shown("outbox", "/outbox", "/outbox"),
    Shown("outbox-empty", "/outbox", "/outbox", "Noah"),
    Shown("outgoing-waits", "/outbox/{mail}", "/outbox/{outgoing_accepted}"),
    Shown("outgoing-uncertain", "/outbox/{mail}", "/outbox/{outgoing_uncertain}"),
    Shown("outgoing-failed", "/outbox/{mail}", "/outbox/{outgoing_failed}"),
    Shown("accounts", "/accounts", "/accounts"),
    Shown("accounts-none", "/accounts", "/accounts", "Noah"),
    Shown("accounts-new", "/accounts/new", "/accounts/new"),
    Shown("accounts-new-known", "/accounts/new", "/accounts/new?address=kim@gmail.com"),
    Shown("accounts-new-unknown", "/accounts/new", "/accounts/new?address=kim@firma.example"),
    Shown("account-start", "/accounts/{account:int}/start", "/accounts/{account}/start"),
    Shown("account", "/accounts/{account:int}", "/accounts/{account}"),
    Shown("account-reader", "/accounts/{account:int}", "/accounts/{account}", "Lea"),
    Shown("account-remove", "/accounts/{account:int}/remove", "/accounts/{account}/remove"),
    Shown("account-devices", "/accounts/{account:int}/devices", "/accounts/{account}/devices"),
    Shown("account-oauth", "/accounts/{account:int}/oauth", "/accounts/{account}/oauth"),
    Shown("doctor", "/doctor", "/doctor"),
    Shown("doctor-none", "/doctor", "/doctor", "Noah"),
    Shown("doctor-account", "/doctor/{account:int}", "/doctor/{account}"),
    Shown("doctor-reader", "/doctor/{account:int}", "/doctor/{account}", "Lea"),
    Shown("doctor-examined", "/doctor/{account:int}", "/doctor/{account}", then=_examined),
    Shown(
        "doctor-address",
        "/doctor/address",
        "/doctor/address?address=kim@firma.example",
        then=_address_examined,
    ),
    Shown("doctor-domain", "/doctor/domain", "/doctor/domain?domain=firma.example", then=_domain_examined),
    Shown("identities", "/accounts/{account:int}/identities", "/accounts/{account}/identities"),
    Shown("rules", "/rules", "/rules"),
    Shown("rules-menu", "/rules", "/rules", then=_rule_menu),
    Shown("rules-none", "/rules", "/rules", "Noah"),
    Shown("rules-reader", "/rules", "/rules", "Lea"),
    Shown("rule-new", "/rules/new", "/rules/new"),
    Shown("rule-new-tried", "/rules/new", "/rules/new", then=_tried),
    Shown("rule-new-kinds", "/rules/new", "/rules/new", then=_every_kind),
    Shown("rule-from-mail", "/rules/new", "/rules/new?mail={html}"),
    Shown("rule-edit", "/rules/edit", "/rules/edit?name=Vom+Steuerberater"),
    Shown("rule-wrong", "/rules/edit", "/rules/new", then=_unsaveable),
    Shown("rule-sieve", "/rules/sieve", "/rules/sieve?name=Vom+Steuerberater"),
    Shown("rules-sieve", "/rules/sieve", "/rules/sieve"),
    Shown("script-new", "/rules/script", "/rules/script"),
    Shown("script-wrong", "/rules/script", "/rules/script?name=Eigenes"),
    Shown("script-simple", "/rules/script", "/rules/script", then=_simple_script),
    Shown("rule-run", "/rules/run", "/rules/run?name=Rechnungen"),
    Shown("rule-progress-none", "/rules/run/progress", "/rules/run/progress"),
    Shown("rule-offer", "/rules/offer", "/rules/offer?key=newsletters"),
    Shown("rule-offer-senders", "/rules/offer", "/rules/offer?key=business-partners"),
    Shown("rule-history", "/rules/history", "/rules/history"),
    Shown("rule-history-none", "/rules/history", "/rules/history", "Noah"),
    Shown("rule-server", "/rules/server", "/rules/server"),
    Shown("rule-server-refused", "/rules/server", "/rules/server", then=_server_asked),
    Shown("rule-server-none", "/rules/server", "/rules/server", "Noah"),
    Shown("mail-ruled", "/all/{mail}", "/all/{ruled}"),
    Shown("settings", "/settings", "/settings"),
    Shown("system", "/settings/system", "/settings/system"),
    Shown("help", "/help", "/help"),
    Shown("own", "/own", "/own"),
    Shown("own-wrong", "/own", "/own", then=fill(before="falsch", after="auch falsch 1")),
    Shown("people", "/people", "/people"),
    Shown("people-wrong", "/people", "/people", then=fill(name="Kim")),
    Shown("person", "/people/{user:int}", "/people/{user}"),
    Shown("password-link", "/password/{token}", "/password/{password}", ""),
    Shown("password-gone", "/password/{token}", "/password/nothing", ""),
    Shown("not-allowed", "/people", "/people", "Lea"),
    Shown("not-there", "/inbox/{mail}", "/inbox/999999"),
    Shown(
        "accounts-new-rented",
        "/accounts/new",
        "/accounts/new",
        then=fill(address="kim@gemietet.example"),
    ),
    Shown("doctor-under-way", "/doctor/address", "/doctor/address?address=x@stumm.example", then=_under_way),
    # What changes the home comes last.
    Shown("start-wrong", "/accounts/{account:int}/start", "/accounts/{account}", then=_set_up_wrong),
    Shown("start-good", "/accounts/{account:int}/start", "/accounts/2/start", then=_set_up_well),
    Shown("account-wrong", "/accounts/{account:int}", "/accounts/{account}", then=_wrong_password),
    Shown(
        "doctor-wrong",
        "/doctor/{account:int}",
        "/accounts/{account}",
        then=_wrong_password_examined,
    ),
)


def page_routes() -> set[str]:
    """The addresses of all pages that can be opened, as the site knows them."""
    return {
        route.path
        for router in PAGES
        for route in router.routes
        if isinstance(route, APIRoute) and "GET" in (route.methods or ())
    }
