"""Drafts on the page: kept as they are typed, shown to every device, written on, in two windows at once, sent
once, taken back, discarded and brought back; by nobody without the right.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from msgspec.structs import replace

from eilbote.delivery.values import SendState
from eilbote.engine import act, show_drafts, writing_sent
from eilbote.engine.app import App
from eilbote.engine.attached_files import uploads_folder
from eilbote.engine.identities import Saying, add_identity, change_identity
from eilbote.engine.send import Handling
from eilbote.engine.users import set_rights
from eilbote.mail.mailbox import DRAFT, SEEN, MailboxName, SpecialUse
from eilbote.mail.message import parse_message
from eilbote.store.values import ListedMailbox, Placement, Right, Role
from eilbote.store.writings import Writing
from tests.store.given import ANNA, Home, arrival
from tests.web.browser import Browser, HandClock, browsing, given_user, opened
from tests.web.test_writing_page import ASKED, fields_of

BERT = replace(ANNA, address="bert@example.org", name="Bert")
FOREIGN = b"""From: Anna <anna@example.org>\r
To: max@example.org\r
Bcc: blind@example.org\r
Subject: Vom Telefon\r
Message-ID: <phone@example.org>\r
X-Priority: 1\r
MIME-Version: 1.0\r
Content-Type: multipart/mixed; boundary=b\r
\r
--b\r
Content-Type: text/plain; charset=utf-8\r
\r
Halb geschrieben.\r
--b\r
Content-Type: text/plain; name="notiz.txt"\r
Content-Disposition: attachment; filename="notiz.txt"\r
\r
Notiz\r
--b--\r
"""


class World:
    """A home whose account has a mailbox for drafts, and its clock."""

    def __init__(self, app: App, clock: HandClock) -> None:
        self.app = app
        self.clock = clock
        self.home = Home(app.store)
        listed = ListedMailbox(MailboxName("Entwürfe"), role=SpecialUse.DRAFTS)
        made = app.store.mailboxes.upsert(self.home.account, [listed])
        self.box = next(one.id for one in made if one.role is SpecialUse.DRAFTS)

    def drafts(self) -> list[Placement]:
        return self.app.store.messages.list_placements(mailbox=self.box, limit=50)

    def text(self) -> str:
        (only,) = self.drafts()
        return parse_message(self.app.store.messages.raw(only.id)).body_text()

    def writing(self, path: str) -> Writing:
        return self.app.store.writings.get(int(path.rpartition("/")[2]))

    def shown_later(self) -> int:
        """What a pause of the writer brings."""
        self.clock.at += 40
        return show_drafts.show_due(self.app)


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    with opened(tmp_path) as (app, clock):
        given_user(app, "Kim")
        yield World(app, clock)


async def typed(kim: Browser, fields: dict[str, str], **more: str) -> dict[str, str]:
    """Saves as the script does; gives the fields as the window then has them."""
    answer = await kim.post("/write/save", fields | more)
    told = answer.json()
    assert answer.status_code == 200, told
    return fields | more | {"writing": str(told["writing"]), "version": str(told["version"])}


async def test_what_is_typed_survives_the_window_and_lies_among_the_drafts(world: World) -> None:
    async with browsing(world.app) as browser:
        kim = browser()
        await kim.sign_in("Kim")
        fields = fields_of((await kim.get("/write")).text)
        fields = await typed(kim, fields, to="Max <max@example.org>, ev", bcc="b@example.org", subject="Plan")
        assert world.drafts() == [] and show_drafts.show_due(world.app) == 0
        fields = await typed(kim, fields, text="Erster Teil.", priority="high")
        again = fields_of((await kim.get(f"/write/{fields['writing']}")).text)
        assert (again["text"], again["to"]) == ("Erster Teil.", "Max <max@example.org>, ev")
        assert again["priority"] == "high"
        assert world.shown_later() == 1 and world.shown_later() == 0
        (draft,) = world.drafts()
        assert draft.flags == {DRAFT, SEEN}
        message = parse_message(world.app.store.messages.raw(draft.id))
        assert [one.spec for one in message.envelope.to] == ["max@example.org"]
        assert message.headers.get("Bcc") == "b@example.org"
        assert "Erster Teil." in message.body_text()


async def test_many_saves_leave_one_draft_and_one_debt(world: World) -> None:
    async with browsing(world.app) as browser:
        kim = browser()
        await kim.sign_in("Kim")
        fields = fields_of((await kim.get("/write")).text)
        for number in range(50):
            fields = await typed(kim, fields, text=f"Satz {number}.")
            world.clock.at += 4
            show_drafts.show_due(world.app)
        assert world.app.store.messages.get(world.drafts()[0].id)
        world.shown_later()
        assert "Satz 49." in world.text()
        assert len(world.app.store.journal.open_debts(world.home.account)) == 1
        assert len(world.app.store.messages.ids_of(world.home.account)) == 1
        world.home.check()


async def test_another_program_s_draft_is_written_on_with_all_it_has(world: World) -> None:
    from_phone = arrival(7, raw=FOREIGN, flags=[DRAFT])
    (number,) = world.home.arrive(from_phone, mailbox=world.box).ids
    async with browsing(world.app) as browser:
        kim = browser()
        await kim.sign_in("Kim")
        assert f"/write?draft={number}" in (await kim.get(f"/box/{world.box}/{number}")).text
        path = (await kim.get(f"/write?draft={number}")).headers["location"]
        assert (await kim.get(f"/write?draft={number}")).headers["location"] == path
        page = (await kim.get(path)).text
        fields = fields_of(page)
        assert (fields["to"], fields["bcc"], fields["subject"], fields["priority"]) == (
            "max@example.org",
            "blind@example.org",
            "Vom Telefon",
            "high",
        )
        assert fields["text"].strip() == "Halb geschrieben." and "notiz.txt" in page
        assert world.shown_later() == 0, "nothing was changed"
        await typed(kim, fields, text="Ganz geschrieben.")
        assert world.shown_later() == 1
        assert world.text().strip() == "Ganz geschrieben."
        (draft,) = world.drafts()
        (file,) = parse_message(world.app.store.messages.raw(draft.id)).attachments
        assert (file.file_name, file.content().strip()) == ("notiz.txt", b"Notiz")
        other = (await kim.get(f"/write?draft={world.home.arrive(arrival(1)).ids[0]}")).status_code
        assert other == 400


async def test_two_windows_on_one_draft_lose_nothing(world: World) -> None:
    async with browsing(world.app) as browser:
        one, two = browser(), browser()
        for who in (one, two):
            await who.sign_in("Kim")
        fields = await typed(one, fields_of((await one.get("/write")).text), text="Anfang.", subject="S")
        path = f"/write/{fields['writing']}"
        first, second = [fields_of((await who.get(path)).text) for who in (one, two)]
        first = await typed(one, first, text="Vom ersten.")
        told = (await two.post("/write/save", second | {"text": "Vom zweiten."})).json()
        assert told["beside"] == path and told["path"] != path
        # The second window goes on with its own; nothing is doubled, and the first notices nothing.
        second |= {"writing": str(told["writing"]), "version": str(told["version"])}
        later = (await two.post("/write/save", second | {"text": "Vom zweiten, mehr."})).json()
        assert (later["path"], later["beside"]) == (told["path"], "")
        again = (await one.post("/write/save", first | {"text": "Vom ersten, mehr."})).json()
        assert (again["path"], again["beside"]) == (path, "")
        world.shown_later()
        texts = {
            parse_message(world.app.store.messages.raw(each.id)).body_text().strip()
            for each in world.drafts()
        }
        assert texts == {"Vom ersten, mehr.", "Vom zweiten, mehr."}
        # Without a script the page says it, and sends nothing.
        stale = fields | {
            "token": second["token"],
            "key": "stale",
            "text": "Vom dritten.",
            "to": "max@example.org",
            "do": "send",
        }
        answer = await two.post("/write", stale)
        assert answer.status_code == 409 and f'href="{path}"' in answer.text and "Vom dritten." in answer.text
        assert world.app.store.outbox.all() == []


async def test_a_save_whose_answer_was_lost_is_the_same_draft(world: World) -> None:
    async with browsing(world.app) as browser:
        kim = browser()
        await kim.sign_in("Kim")
        fields = fields_of((await kim.get("/write")).text) | {"text": "Eins"}
        await kim.post("/write/save", fields)
        answers = [
            await kim.post("/write/save", fields | {"text": text}) for text in ("Eins", "Zwei", "Drei")
        ]
        assert len({one.json()["path"] for one in answers}) == 1
        assert not any(one.json()["beside"] for one in answers)


async def test_what_arrives_late_from_the_same_window_overwrites_nothing(world: World) -> None:
    """An upload takes a while, and its form is older than what was typed meanwhile."""
    async with browsing(world.app) as browser:
        kim = browser()
        await kim.sign_in("Kim")
        fields = await typed(kim, fields_of((await kim.get("/write")).text), text="Eins", edit="1")
        upload = fields | {"edit": "2", "text": "Eins, zwei", "do": "attach"}
        fields = await typed(kim, fields, text="Eins, zwei, drei", edit="3")
        answer = await kim.client.post(
            "/write/save",
            data=upload,
            files=[("file", ("plan.txt", b"Der Plan"))],
            headers={"Origin": "http://127.0.0.1:8425"},
        )
        assert "plan.txt" in answer.json()["files"] and not answer.json()["beside"]
        page = (await kim.get(answer.json()["path"])).text
        assert fields_of(page)["text"] == "Eins, zwei, drei" and "plan.txt" in page


async def test_sent_once_the_draft_is_gone_and_taken_back_it_is_there_again(world: World) -> None:
    async with browsing(world.app) as browser:
        kim = browser()
        await kim.sign_in("Kim")
        fields = await typed(
            kim,
            fields_of((await kim.get("/write")).text),
            to="max@example.org",
            subject="Anhang",
            text="Im Anhang der Plan.",
        )
        world.shown_later()
        assert len(world.drafts()) == 1
        path = (await kim.post("/write", fields | {"do": "send"})).headers["location"]
        assert (await kim.post("/write", fields | {"do": "send"})).headers["location"] == path
        assert world.drafts() == [] and len(world.app.store.outbox.all()) == 1
        page = (await kim.get(path)).text
        assert "Take it back" in page and "attachment" in page, "the warning comes while it helps"
        # A window that was still open changes nothing that was sent, and loses nothing.
        answer = await kim.post("/write", fields | {"text": "Nachtrag.", "do": "send"})
        assert answer.status_code == 409 and "Nachtrag." in answer.text
        assert len(world.app.store.outbox.all()) == 1
        await kim.get(path)
        assert (await kim.post(f"{path}/take-back", {})).headers["location"] == path
        (mail,) = world.app.store.outbox.all()
        assert mail.state is SendState.CANCELLED
        back = fields_of((await kim.get(path)).text)
        assert (back["text"], back["to"]) == ("Im Anhang der Plan.", "max@example.org")
        world.shown_later()
        assert any(one.envelope.subject == "Anhang" for one in world.drafts())
        await kim.get(path)
        await kim.post("/write", back | {"do": "send"})
        states = [one.state for one in world.app.store.outbox.all()]
        assert sorted(states) == [SendState.ACCEPTED, SendState.CANCELLED]


async def test_taken_back_from_the_outbox_its_text_is_there(world: World) -> None:
    async with browsing(world.app) as browser:
        kim = browser()
        await kim.sign_in("Kim")
        fields = fields_of((await kim.get("/write")).text) | {"to": "max@example.org", "text": "Halt."}
        path = (await kim.post("/write", fields | {"do": "send"})).headers["location"]
        (mail,) = world.app.store.outbox.all()
        await kim.get(f"/outbox/{mail.id}")
        answer = await kim.post(f"/outbox/{mail.id}", {"decision": "take-back"})
        assert answer.headers["location"] == path
        assert "Go on writing" in (await kim.get(path)).text
        await kim.post(f"{path}/take-back", {})
        assert fields_of((await kim.get(path)).text)["text"] == "Halt."


async def test_what_has_left_is_not_taken_back(world: World) -> None:
    async with browsing(world.app) as browser:
        kim = browser()
        await kim.sign_in("Kim")
        fields = fields_of((await kim.get("/write")).text) | {"to": "max@example.org", "text": "Weg."}
        path = (await kim.post("/write", fields | {"do": "send"})).headers["location"]
        await kim.get(path)
        world.clock.at += 60
        (mail,) = world.app.store.outbox.claim(world.home.account, world.clock.at, 1)
        world.app.store.outbox.advance([mail.id], SendState.DATA_OPEN, world.clock.at)
        assert (await kim.post(f"{path}/take-back", {})).status_code == 403
        assert world.writing(path).is_sent


@pytest.mark.parametrize("step", ["end", "show"])
async def test_cut_off_anywhere_it_is_sent_once(
    world: World, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    class Killed(BaseException):
        pass

    def killed(*_: object, **__: object) -> None:
        raise Killed

    async with browsing(world.app) as browser:
        kim = browser()
        await kim.sign_in("Kim")
        fields = await typed(
            kim, fields_of((await kim.get("/write")).text), to="max@example.org", text="Einmal."
        )
        world.shown_later()
        number = int(fields["writing"])
        user = world.app.store.users.named("Kim")
        assert user is not None
        with monkeypatch.context() as patch:
            patch.setattr(world.app.store.writings, step, killed)
            if step == "end":
                with pytest.raises(Killed):
                    writing_sent.send_writing(world.app, user, number, Handling())
            else:
                writing_sent.send_writing(world.app, user, number, Handling())
        # Whatever is done next finds that it was queued: looking, saving, sending, showing.
        page = await kim.get(f"/write/{number}")
        assert 'name="text"' not in page.text
        assert world.drafts() == []
        await kim.post("/write", fields | {"do": "send", "token": kim.token})
        assert len(world.app.store.outbox.all()) == 1


async def test_discarded_without_a_question_and_brought_back(world: World) -> None:
    async with browsing(world.app) as browser:
        kim = browser()
        await kim.sign_in("Kim")
        fields = await typed(kim, fields_of((await kim.get("/write")).text), text="Doch nicht.")
        world.shown_later()
        path = (await kim.post("/write", fields | {"do": "discard"})).headers["location"]
        assert world.drafts() == []
        page = await kim.get(path)
        assert "discarded" in page.text
        await kim.post(f"{path}/bring-back", {})
        assert fields_of((await kim.get(path)).text)["text"] == "Doch nicht."
        world.shown_later()
        assert world.text().strip() == "Doch nicht."


async def test_files_stay_with_the_draft_until_they_are_not_needed(world: World) -> None:
    app = world.app
    async with browsing(app) as browser:
        kim = browser()
        await kim.sign_in("Kim")
        fields = fields_of((await kim.get("/write")).text) | {"to": "max@example.org", "text": "Bitte."}
        files = [("file", ("plan.txt", b"Der Plan")), ("file", ("bild.png", b"\x89PNG"))]
        origin = {"Origin": "http://127.0.0.1:8425"}
        answer = await kim.client.post(
            "/write/save", data={"token": kim.token, **fields}, files=files, headers=origin
        )
        told = answer.json()
        assert told["files"].count("remove-") == 2 and "plan.txt" in told["files"]
        before = sorted(uploads_folder(app).iterdir())
        fields |= {"writing": str(told["writing"]), "version": str(told["version"])}
        for number in range(5):
            fields = await typed(kim, fields, text=f"Bitte {number}.")
        assert sorted(uploads_folder(app).iterdir()) == before, "no keystroke copies a file"
        removal = re.search(r'value="(remove-\d+)"[^>]*bild.png', told["files"])
        assert removal is not None
        told = (await kim.post("/write/save", fields | {"do": removal[1]})).json()
        assert "bild.png" not in told["files"] and len(list(uploads_folder(app).iterdir())) == 1
        fields["version"] = str(told["version"])
        # A failed send loses nothing.
        failed = await kim.post("/write", fields | {"do": "send", "at": "gestern 8:00"})
        assert failed.status_code == 400 and "plan.txt" in failed.text
        fields = fields_of(failed.text) | {"at": "", "do": "send"}
        path = (await kim.post("/write", fields)).headers["location"]
        (mail,) = app.store.outbox.all()
        (sent,) = parse_message(app.store.outbox.raw(mail.id)).attachments
        assert (sent.file_name, sent.content()) == ("plan.txt", b"Der Plan")
        assert len(list(uploads_folder(app).iterdir())) == 1, "it can still be taken back"
        world.clock.at += 7200
        writing_sent.forget_ended(app)
        assert (await kim.get(path)).status_code == 200
        app.store.outbox.change(mail.id, (SendState.ACCEPTED,), SendState.DONE, world.clock.at)
        for one in uploads_folder(app).iterdir():
            world.clock.at = max(world.clock.at, one.stat().st_mtime + 7200)
        assert writing_sent.forget_ended(app) == 1
        assert list(uploads_folder(app).iterdir()) == []
        await kim.sign_in("Kim")
        assert (await kim.get(path)).status_code == 404


async def test_a_draft_that_cannot_lie_among_the_drafts_says_why(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with browsing(world.app) as browser:
        kim = browser()
        await kim.sign_in("Kim")
        fields = fields_of((await kim.get("/write")).text) | {"text": "Mit Datei."}
        origin = {"Origin": "http://127.0.0.1:8425"}
        answer = await kim.client.post(
            "/write/save",
            data={"token": kim.token, **fields},
            files=[("file", ("plan.txt", b"Der Plan"))],
            headers=origin,
        )
        for one in uploads_folder(world.app).iterdir():
            one.unlink()
        assert world.shown_later() == 0
        page = await kim.get(answer.json()["path"])
        assert "plan.txt” is not there any more" in page.text and "Mit Datei." in page.text


async def test_the_signature_is_the_identity_s_and_can_be_left_out(world: World) -> None:
    account = world.app.store.accounts.get(world.home.account)
    change_identity(world.app, account, "anna@example.org", Saying(signature="Anna Größe\nKöln"))
    async with browsing(world.app) as browser:
        kim = browser()
        await kim.sign_in("Kim")
        page = (await kim.get("/write")).text
        assert "Anna Größe\nKöln" in page and 'name="sign" value="1" checked' in page
        fields = fields_of(page) | {"to": "max@example.org", "text": "Hallo", "do": "send"}
        await kim.post("/write", fields)
        await kim.post("/write", fields | {"sign": "", "key": "other"})
        bodies = [
            parse_message(world.app.store.outbox.raw(one.id)).body_text()
            for one in world.app.store.outbox.all()
        ]
        assert ["Köln" in body for body in sorted(bodies, key=len)] == [False, True]


async def test_who_answers_under_another_address_is_told_while_it_helps(world: World) -> None:
    account = world.app.store.accounts.get(world.home.account)
    add_identity(world.app, account, "shop@example.org", Saying(name="Laden"))
    (asked,) = world.home.arrive(arrival(3, raw=ASKED)).ids
    async with browsing(world.app) as browser:
        kim = browser()
        await kim.sign_in("Kim")
        for sender, told in (("shop@example.org", True), ("anna@example.org", False)):
            fields = fields_of((await kim.get(f"/write?answers={asked}")).text) | {"sender": sender}
            path = (await kim.post("/write", fields | {"text": "Ja.", "do": "send"})).headers["location"]
            page = (await kim.get(path)).text
            assert ("the mail was written to anna@example.org" in page) is told


async def test_nobody_without_the_right_sees_or_changes_what_is_written(world: World) -> None:
    app = world.app
    other = app.store.accounts.add(BERT, app.clock.now()).id
    eva, max_, ute = (
        given_user(app, "Eva", Role.AUDITOR),
        given_user(app, "Max", Role.MEMBER),
        given_user(app, "Ute", Role.MEMBER),
    )
    set_rights(app, eva, {world.home.account: Right.READ, other: Right.READ})
    set_rights(app, max_, {other: Right.CHANGE})
    set_rights(app, ute, {world.home.account: Right.READ})
    (draft,) = world.home.arrive(arrival(7, raw=FOREIGN, flags=[DRAFT]), mailbox=world.box).ids
    async with browsing(app) as browser:
        kim = browser()
        await kim.sign_in("Kim")
        fields = await typed(kim, fields_of((await kim.get("/write")).text), text="Geheim.")
        number = fields["writing"]
        for name in ("Eva", "Max", "Ute"):
            who = browser()
            await who.sign_in(name)
            for path in (f"/write/{number}", f"/write?draft={draft}", f"/write?forwards={draft}"):
                answer = await who.get(path)
                assert answer.status_code in (403, 404) and "Geheim" not in answer.text, (name, path)
            await who.get("/own")
            for do in ("keep", "save", "send", "discard", "remove-1", "attach"):
                mine = fields | {
                    "sender": "bert@example.org",
                    "text": "Fremd.",
                    "do": do,
                    "to": "x@example.org",
                }
                for path in ("/write", "/write/save"):
                    answer = await who.post(path, {**mine, "token": who.token})
                    assert answer.status_code in (400, 403, 404), (name, do, answer.text)
                    assert "Geheim" not in answer.text
                    await who.get("/own")
            for path in (f"/write/{number}/take-back", f"/write/{number}/bring-back"):
                assert (await who.post(path, {})).status_code == 404
                await who.get("/own")
        assert app.store.writings.get(int(number)).content.count("Geheim.") == 1
        assert [one.id for one in app.store.writings.behind()] == [int(number)]
        assert app.store.outbox.all() == []


async def test_a_draft_deleted_elsewhere_is_put_back_only_when_it_is_written_on(world: World) -> None:
    async with browsing(world.app) as browser:
        kim = browser()
        await kim.sign_in("Kim")
        fields = await typed(kim, fields_of((await kim.get("/write")).text), text="Eins.")
        world.shown_later()
        act.delete(world.app, [world.drafts()[0].id], for_good=True)
        assert world.shown_later() == 0 and world.drafts() == []
        await typed(kim, fields, text="Zwei.")
        assert world.shown_later() == 1 and world.text().strip() == "Zwei."
