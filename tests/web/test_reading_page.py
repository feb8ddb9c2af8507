"""The reading pane: what of a mail is shown, explained and folded."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from eilbote.engine.app import App
from eilbote.engine.indexing import index_all
from eilbote.engine.pictures import Pictures
from eilbote.engine.users import set_rights
from eilbote.mail.mailbox import SEEN
from eilbote.mail.message import read_source
from eilbote.net.picture import Reach
from eilbote.store.prepare import prepared_mail
from eilbote.store.update_values import Arrival
from eilbote.store.values import Right, Role
from tests.mail.test_header_story import GOOGLE
from tests.net.test_picture import serving
from tests.store.given import Home, arrival
from tests.web.browser import browsing, given_user, opened

ANSWER = b"""From: Max <max@example.org>\r
To: anna@example.org\r
Subject: Antwort\r
Content-Type: text/plain; charset=utf-8\r
\r
Siehe https://example.org/<b>, schreib an eva@example.org,\r
nicht https://bank.example@evil.example/login.\r
\r
Am Mo., 3. Nov. 2025 um 10:00 schrieb Anna <anna@example.org>:\r
> Wo steht das?\r
"""


@pytest.fixture
def app(tmp_path: Path) -> Iterator[App]:
    with opened(tmp_path) as (app, _):
        yield app


async def test_the_text_with_links_and_a_folded_quote(app: App) -> None:
    (number,) = Home(app.store).arrive(arrival(1, raw=ANSWER)).ids
    given_user(app, "Kim")
    async with browsing(app) as browser:
        kim = browser()
        await kim.sign_in("Kim")
        page = (await kim.get(f"/inbox/{number}?view=text")).text
        assert '<a href="https://example.org/" target="_blank" rel="noopener noreferrer">' in page
        assert 'href="/write?to=eva%40example.org"' in page
        assert "leads to evil.example" in page and "&lt;b&gt;" in page
        assert "1 line of quoted text" not in page and "2 lines of quoted text" in page


async def test_the_header_explained(app: App) -> None:
    (number,) = Home(app.store).arrive(arrival(1, raw=GOOGLE)).ids
    given_user(app, "Kim")
    async with browsing(app) as browser:
        kim = browser()
        await kim.sign_in("Kim")
        page = (await kim.get(f"/inbox/{number}?view=headers")).text
        assert "Checked by mx.google.com" in page and "Did shop.example sign it" in page
        assert "encrypted (TLS)" in page and "can be forged" in page and "clocks differ" in page
        assert "Answers go to another address" in page and "other@elsewhere.example" in page
        german = (await kim.get(f"/inbox/{number}?view=headers", Accept_Language="de")).text
        assert "Der Weg, den sie nahm" in german and "vom Anbieter selbst" in german


def newsletter(port: int, sender: str = "shop.example") -> bytes:
    """From a sender that the own server vouches for."""
    where = f"http://pictures.example:{port}"
    html = (
        f'<p>Neues</p><img src="{where}/good.png"><img src="{where}/good.png?once more" alt=x>'
        f'<img src="{where}/open" width=1 height=1><img src="{where}/gone"><img src="http://10.0.0.1/x.png">'
    )
    head, _, _ = GOOGLE.partition(b"\n\n")
    head = head.replace(b"news@shop.example", b"news@" + sender.encode())
    return head + b"\nMIME-Version: 1.0\nContent-Type: text/html; charset=utf-8\n\n" + html.encode()


def loopback(app: App) -> Pictures:
    async def resolve(host: str, _port: int) -> list[str]:
        return ["127.0.0.1"] if host == "pictures.example" else [host]

    return Pictures(app, Reach(resolve, lambda address: address == "127.0.0.1", None))


async def test_pictures_are_fetched_when_asked_for_and_only_by_us(app: App) -> None:
    async with serving() as server, browsing(app, loopback(app)) as browser:
        (number,) = Home(app.store).arrive(arrival(1, raw=newsletter(server.port))).ids
        given_user(app, "Kim")
        given_user(app, "Ben")
        kim, ben = browser(), browser()
        await kim.sign_in("Kim")
        await ben.sign_in("Ben")
        page = (await kim.get(f"/inbox/{number}")).text
        assert "5 pictures from elsewhere are not shown" in page
        assert "pictures.example" not in (await kim.get(f"/mail/{number}/html")).text
        asked = re.search(rf'href="(/inbox/{number}\?pictures=[0-9a-f]+)"', page)
        assert asked and server.asked == []
        page = (await kim.get(asked[1])).text
        frame_path = re.search(rf'src="(/mail/{number}/html\?pictures=[0-9a-f]+)"', page)
        assert frame_path and server.asked == []
        frame = await kim.get(frame_path[1])
        assert frame.text.count("data:image/png;base64,") == 2 and "pictures.example" not in frame.text
        assert "2 pictures from elsewhere are shown." in frame.text
        assert "1 tracking pixel was left out." in frame.text and "2 pictures could not be" in frame.text
        assert "img-src data:;" in frame.headers["content-security-policy"]
        paths = sorted(head.partition(" HTTP")[0] for head in server.asked)
        assert paths == ["GET /gone", "GET /good.png", "GET /good.png?once%20more"]
        # What is kept is not asked for again; what another made up or copied asks for nothing.
        await kim.get(frame_path[1])
        before = len(server.asked)
        assert before == 4  # the one that was gone, once more
        for forged in (frame_path[1], f"/mail/{number}/html?pictures=1", f"/mail/{number}/html?pictures="):
            assert "data:" not in (await ben.get(forged)).text
        assert len(server.asked) == before


async def test_always_holds_for_a_vouched_sender_until_taken_back(app: App) -> None:
    home = Home(app.store)
    forged = newsletter(1).replace(b"dmarc=pass", b"dmarc=fail")
    first, second, third = home.arrive(
        arrival(1, raw=newsletter(1)), arrival(2, raw=newsletter(2)), arrival(3, raw=forged)
    ).ids
    given_user(app, "Kim")
    given_user(app, "Ben")
    async with browsing(app) as browser:
        kim, ben = browser(), browser()
        await kim.sign_in("Kim")
        await ben.sign_in("Ben")
        page = (await kim.get(f"/inbox/{third}")).text
        assert "nobody vouches" in page and "Always of news" not in page
        assert (await kim.post(f"/mail/{third}/pictures", {"pictures": "always"})).status_code == 403
        assert "Always of news@shop.example" in (await kim.get(f"/inbox/{first}")).text
        said = {"pictures": "always", "back": f"/inbox/{first}"}
        answer = await kim.post(f"/mail/{first}/pictures", said)
        assert answer.headers["location"] == f"/inbox/{first}"
        assert "always fetched" in (await kim.get(f"/inbox/{second}")).text
        assert f"/mail/{second}/html?pictures=" in (await kim.get(f"/inbox/{second}")).text
        assert "always fetched" not in (await kim.get(f"/inbox/{third}")).text
        assert f"/mail/{third}/html?pictures=" not in (await kim.get(f"/inbox/{third}")).text
        assert "always fetched" not in (await ben.get(f"/inbox/{second}")).text
        await kim.get(f"/inbox/{second}")
        await kim.post(f"/mail/{second}/pictures", {"pictures": "ask"})
        assert "always fetched" not in (await kim.get(f"/inbox/{first}")).text


async def test_pictures_need_the_right_to_read(app: App) -> None:
    home = Home(app.store)
    (number,) = home.arrive(arrival(1, raw=newsletter(1))).ids
    user = given_user(app, "Ben", Role.AUDITOR)
    async with browsing(app) as browser:
        ben = browser()
        await ben.sign_in("Ben")
        token, path, wanted = ben.token, f"/mail/{number}/pictures", {"pictures": "always"}
        assert (await ben.post(path, wanted, token=token)).status_code == 404
        assert (await ben.get(f"/mail/{number}/html?pictures=x")).status_code == 404
        set_rights(app, user, {home.account: Right.READ})
        assert (await ben.post(path, wanted, token=token)).status_code == 303
        assert (await ben.post(path, wanted, token="")).status_code == 403


def chained(number: int, text: str) -> bytes:
    return (
        f"From: Person {number} <p{number}@example.org>\r\nTo: anna@example.org\r\n"
        f"Message-ID: <{number}@example.org>\r\n"
        f"Subject: Kette\r\n\r\n{text}\r\n"
    ).encode()


async def test_a_conversation_is_a_chain_with_unread_mails_open(app: App) -> None:
    home = Home(app.store)
    ids = home.arrive(
        *(
            arrival(at, raw=chained(at, f"Text Nummer {at}"), references=["1@example.org"] if at > 1 else [],
                    flags=[] if at == 4 else [SEEN])
            for at in range(1, 6)
        )
    ).ids  # fmt: skip
    given_user(app, "Kim")
    async with browsing(app) as browser:
        kim = browser()
        await kim.sign_in("Kim")
        page = (await kim.get(f"/inbox/{ids[1]}", Sec_Fetch_Site="none")).text
        places = [page.index(f"Text Nummer {number}") for number in (1, 2, 3, 4, 5)]
        pane = page.index('id="main"')
        places = [page.index(f"Text Nummer {number}", pane) for number in range(1, 6)]
        assert places == sorted(places)
        assert page.count("<details open>", pane) == 1 and home.flags_at(4) == frozenset()
        await kim.get(f"/inbox/{ids[1]}", Sec_Fetch_Site="same-origin")
        assert home.flags_at(4) == {SEEN}
        assert "<details open>" not in (await kim.get(f"/inbox/{ids[1]}")).text.partition('id="main"')[2]


async def test_a_long_conversation_is_shown_in_part(app: App) -> None:
    home = Home(app.store)
    ids = home.arrive(
        *(arrival(at, references=["1@example.org"] if at > 1 else [], flags=[SEEN]) for at in range(1, 251))
    ).ids
    given_user(app, "Kim")
    async with browsing(app) as browser:
        kim = browser()
        await kim.sign_in("Kim")
        page = (await kim.get(f"/inbox/{ids[99]}")).text
        assert "49 earlier mails" in page and "101 later mails" in page
        assert page.count('<span class="begin">') == 99
        assert f'href="/inbox/{ids[48]}"' in page and f'href="/inbox/{ids[149]}"' in page


def as_read(uid: int, raw: bytes) -> Arrival:
    """A mail with the envelope that it has."""
    return arrival(uid, raw=raw)._replace(prepared=prepared_mail(raw, read_source(raw)))


async def test_people_in_full_and_a_name_that_misleads(app: App) -> None:
    raw = (
        b'From: "service@bank.example" <x@evil.example>\r\nSubject: x\r\nTo: '
        + b", ".join(b"Person %d <p%d@example.org>" % (one, one) for one in range(30))
        + b"\r\n\r\nx\r\n"
    )
    again = raw.replace(b"\r\n\r\nx", b"\r\n\r\ny")
    home = Home(app.store)
    (number,) = home.arrive(as_read(1, raw)).ids
    index_all(app.store)
    given_user(app, "Kim")
    async with browsing(app) as browser:
        kim = browser()
        await kim.sign_in("Kim")
        page = (await kim.get(f"/inbox/{number}")).text
        assert "shows the address service@bank.example, but the mail is from x@evil.example" in page
        assert "and 25 more" in page and "p29@example.org" in page
        assert "first mail from this address" in page
        home.arrive(as_read(2, again))
        assert "first mail from this address" not in (await kim.get(f"/inbox/{number}")).text
        index_all(app.store)
        assert "first mail from this address" not in (await kim.get(f"/inbox/{number}")).text
