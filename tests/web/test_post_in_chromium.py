"""Mail on its way between two people in real Chromium: `serve`, Dovecot and Postfix, which delivers into
Dovecot's mailboxes. Read, answered and sent with the keyboard alone; the answer appears at the other's, on a
German phone, by itself.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from playwright.async_api import Browser, Page

from eilbote.config import Config
from eilbote.engine.app import App, open_app
from eilbote.engine.users import set_rights
from eilbote.secret import Secret
from eilbote.store.values import Account, AuthKind, NewAccount, Right, Role, Security, Server
from tests.engine.world import mail, until
from tests.servers.dovecot import Dovecot
from tests.servers.dovecot_settings import DovecotOptions
from tests.servers.postfix import BOXES, Postfix, PostfixMissing
from tests.web.browser import PASSWORD, given_user
from tests.web.chromium import chromium
from tests.web.test_in_chromium import page_of


@dataclass(slots=True)
class Post:
    """Two people with an account each, and the servers between them."""

    dovecot: Dovecot
    home: Path
    anna: str
    ben: str

    def inbox(self, user: str) -> list[bytes]:
        """The mails in the user's INBOX on the server."""
        with self.dovecot.imap(user) as client:
            client.select("INBOX", readonly=True)
            found = client.uid("FETCH", "1:*", "(BODY.PEEK[])")[1]
            return [item[1] for item in found if isinstance(item, tuple)]


@pytest.fixture(scope="module")
def maildirs(dovecot_like: Callable[[DovecotOptions], Dovecot]) -> Dovecot:
    return dovecot_like(DovecotOptions(format="maildir"))


@pytest.fixture(scope="module")
def delivering(maildirs: Dovecot) -> Iterator[Postfix]:
    try:
        server = Postfix(maildirs)
    except PostfixMissing as missing:
        pytest.skip(str(missing))
    yield server
    server.remove()


@pytest.fixture
def post(maildirs: Dovecot, delivering: Postfix, tmp_path: Path) -> Post:
    names = [maildirs.new_user()[0] for _ in range(2)]
    found = Post(maildirs, tmp_path / "home", *names)
    with open_app(Config(home=found.home, key_file=str(tmp_path / "key"))) as app:
        anna, ben = (added(app, maildirs, delivering, name) for name in names)
        set_rights(app, given_user(app, "Anna", Role.MEMBER), {anna.id: Right.CHANGE})
        set_rights(app, given_user(app, "Ben", Role.MEMBER), {ben.id: Right.CHANGE})
        given_user(app, "Kim")
    return found


def added(app: App, dovecot: Dovecot, postfix: Postfix, name: str) -> Account:
    address = f"{name}@{BOXES}"
    return app.store.accounts.add(
        NewAccount(
            address=address,
            name="",
            user=name,
            auth=AuthKind.PASSWORD,
            sealed=app.vault.seal(Secret("geheim-1"), f"account:{address}"),
            imap=Server(dovecot.host, dovecot.port, Security.NONE),
            smtp=Server("127.0.0.1", postfix.tls_port, Security.TLS),
            trusted=(postfix.fingerprint,),
        )
    )


async def page_for(browser: Browser, own: str, name: str, **options: object) -> Page:
    """Signed in with the keyboard alone."""
    context = await browser.new_context(**options)  # type: ignore[arg-type]
    page = await context.new_page()
    await page.goto(own + "/sign-in")
    await page.wait_for_function("document.activeElement?.name === 'name'")
    await page.keyboard.type(name)
    await page.keyboard.press("Tab")
    await page.keyboard.type(PASSWORD)
    await page.keyboard.press("Enter")
    await page.wait_for_url("**/inbox")
    return page


@pytest.mark.timeout(180)
async def test_an_answer_written_with_the_keyboard_appears_at_the_other(post: Post) -> None:
    first = mail(1, message_id="<question@example.org>").replace(
        b"anna1@example.org", f"{post.ben}@{BOXES}".encode()
    )
    post.dovecot.append(post.anna, [first])
    with page_of(post.home) as address:
        own = address.rstrip("/")
        async with chromium() as browser:
            phone = {"viewport": {"width": 390, "height": 844}, "is_mobile": True, "has_touch": True}
            ben = await page_for(browser, own, "Ben", locale="de-DE", **phone)
            anna = await page_for(browser, own, "Anna", locale="en-GB")
            await anna.wait_for_selector("text=Nachricht 1", timeout=60_000)
            await anna.keyboard.press("j")
            await anna.keyboard.press("Enter")
            await anna.wait_for_selector("main.mail")
            await anna.keyboard.press("r")
            await anna.wait_for_selector("#write-form")
            await anna.keyboard.type("Gern, am Samstag um zehn.")
            await anna.keyboard.press("Control+Enter")
            await anna.wait_for_url(re.compile(r"/write/\d+$"))
            await until(lambda: len(post.inbox(post.ben)) == 1)
            await ben.wait_for_selector("text=Re: Nachricht 1", timeout=60_000)  # by itself
            (arrived,) = post.inbox(post.ben)
            assert b"\nIn-Reply-To: <question@example.org>" in arrived
            assert b"\nReferences: <question@example.org>" in arrived
            assert b"\nReceived: from" in arrived  # it went through Postfix
            await ben.tap("text=Re: Nachricht 1")
            await ben.wait_for_selector("text=Gern, am Samstag um zehn.")
            assert "Antworten" in await ben.inner_text("main.mail")
            # What one has no right to is not there, whatever its id.
            assert await ben.locator(f"text={post.anna}@{BOXES} >> nth=0").count() <= 1
            answer = await ben.goto(f"{own}/inbox/1")
            assert answer is not None and answer.status == 404


@pytest.mark.timeout(180)
async def test_what_one_does_the_other_sees(post: Post) -> None:
    post.dovecot.append(post.anna, [mail(1), mail(2)])
    with page_of(post.home) as address:
        own = address.rstrip("/")
        async with chromium() as browser:
            kim = await page_for(browser, own, "Kim", locale="en-GB")
            anna = await page_for(browser, own, "Anna", locale="de-DE")
            for page in (kim, anna):
                await page.wait_for_selector("text=Nachricht 2", timeout=60_000)
            await kim.click("text=Nachricht 1")
            await kim.wait_for_selector("main.mail")
            await kim.keyboard.press("e")
            await anna.wait_for_selector("text=Nachricht 1", state="detached")
            await until(lambda: len(post.inbox(post.anna)) == 1)
            await kim.keyboard.press("z")
            await anna.wait_for_selector("text=Nachricht 1")
            await until(lambda: len(post.inbox(post.anna)) == 2)
            await anna.reload()
            assert await anna.locator(".row").count() == 2
