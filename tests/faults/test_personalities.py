"""Every kind of server that the field reports, in both directions, with `verify`; and each of its named
oddities by itself."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from msgspec.structs import replace

from eilbote.clock import SystemClock
from eilbote.engine import act
from eilbote.engine.backoff import Backoff
from eilbote.engine.mailboxes import create_mailbox
from eilbote.mail.mailbox import FLAGGED, SEEN, MailboxName, SpecialUse
from eilbote.net.credential import Credential
from eilbote.net.imap import ImapSession
from eilbote.protocols.imap.quirks import QUIRKS
from eilbote.secret import Secret
from eilbote.store.values import Security, Server
from eilbote.testing.imap.behaviour import Behaviour
from eilbote.testing.imap.oddities import Oddities
from eilbote.testing.imap.personalities import BY_NAME, PERSONALITIES, Personality
from tests.engine.world import mail, until
from tests.faults.embedded import NOW, PASSWORD, Embedded, embedded
from tests.faults.outcome import codes

everybody = pytest.mark.parametrize("kind", PERSONALITIES, ids=lambda one: one.name)


@asynccontextmanager
async def played(home: Path, kind: Personality | str, *, store_url: str = "") -> AsyncIterator[Embedded]:
    kind = BY_NAME[kind] if isinstance(kind, str) else kind
    mails = kind.store(lambda: NOW)
    async with embedded(home, kind.behaviour, mails=mails, lying=True, store_url=store_url) as here:
        yield here


def everything(here: Embedded) -> dict[str, dict[int, bytes]]:
    """Mailbox -> UID -> bytes in the store, empty ones left out."""
    names = [one.name for one in here.app.store.mailboxes.all(here.account.id)]
    return {name: held for name in names if (held := here.held(name))}


def all_there(here: Embedded) -> dict[str, dict[int, bytes]]:
    names = here.server.store.mailboxes
    return {name: there for name in names if (there := here.there(name))}


async def settled(here: Embedded) -> None:
    """Both sides the same but for what stays of deletions on a server without UIDPLUS, and nothing to do."""
    again = await here.sync()
    assert codes(again) == []
    assert (again.new, again.changed, again.deleted, again.pushed) == (0, 0, 0, 0)
    reports = await here.verify()
    assert all(one.ok for one in reports), [one for one in reports if not one.ok]
    assert not here.app.store.journal.open_debts(here.account.id)


def role(here: Embedded, wanted: SpecialUse) -> str:
    return next(one.name for one in here.app.store.mailboxes.all(here.account.id) if one.role is wanted)


ON_POSTGRES = ("icloud", "courier", "proton-bridge")  # the store knows nothing of kinds


@pytest.mark.parametrize(
    ("kind", "store"),
    [(one, "sqlite") for one in PERSONALITIES if not one.labels]
    + [(BY_NAME[name], "postgres") for name in ON_POSTGRES],
    ids=lambda one: one if isinstance(one, str) else one.name,
)
async def test_everything_in_both_directions(
    kind: Personality, store: str, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    url = "" if store == "sqlite" else str(request.getfixturevalue("postgres_url"))
    async with played(tmp_path / "home", kind, store_url=url) as here:
        for number in range(1, 13):
            here.inbox.append(mail(number), ["\\Seen"] if number % 2 else [])
        assert (await here.sync()).new == 12
        await settled(here)
        assert everything(here) == all_there(here)
        # here
        ids = here.ids()
        act.change_flags(here.app, [ids[1]], add=[FLAGGED, "wichtig"], remove=[SEEN])
        act.archive(here.app, [ids[2]])
        act.junk(here.app, [ids[3]])
        act.delete(here.app, [ids[4]])
        act.delete(here.app, [ids[5]], for_good=True)
        act.copy(here.app, [ids[6]], role(here, SpecialUse.ARCHIVE))
        act.append(here.app, here.account, role(here, SpecialUse.DRAFTS), mail(40).rstrip())
        create_mailbox(here.app, here.account, "Projekte")
        act.move(here.app, [ids[7]], "Projekte")
        # and there
        here.inbox.set_flags(8, [FLAGGED])
        here.inbox.expunge([9])
        here.inbox.append(mail(13))
        here.server.store[role(here, SpecialUse.SENT)].append(mail(14), ["\\Seen"])
        for _ in range(3):
            await here.sync()
        await settled(here)
        assert everything(here) == all_there(here)
        there = {box: len(mails) for box, mails in all_there(here).items()}
        leftover = 0 if kind.behaviour.has("UIDPLUS") else 5  # marked as deleted only (museum M14)
        assert there["INBOX"] == 7 + leftover
        assert there[role(here, SpecialUse.ARCHIVE)] == 2
        assert there[role(here, SpecialUse.JUNK)] == 1
        assert there[role(here, SpecialUse.TRASH)] == 1
        assert there[role(here, SpecialUse.DRAFTS)] == 1
        assert sum("Projekte" in name for name in there) == 1
        assert here.inbox.messages[1].flags == {FLAGGED, "wichtig"}
        said = {name for session in here.server.sessions for name in session.commands}
        assert not said & {"EXPUNGE", "CLOSE", "SORT", "UID SORT", "THREAD", "UID THREAD", "FETCH", "STORE"}


# --- reading ----------------------------------------------------------------------------------------


@asynccontextmanager
async def odd(home: Path, oddities: Oddities, *gone: str, most: int = 30) -> AsyncIterator[Embedded]:
    """An ordinary server with these oddities and `most` mails in its INBOX."""
    behaviour = replace(Behaviour(), odd=oddities).without(*gone)
    async with embedded(home, behaviour, lying=True) as here:
        for number in range(most):
            here.inbox.append(mail(number))
        yield here


ESEARCH = ("ESEARCH", "IMAP4rev2")


async def test_numbers_of_a_search_that_are_not_sorted(tmp_path: Path) -> None:
    """nextcloud/mail#5721."""
    async with odd(tmp_path / "home", Oddities(search_descending=True), *ESEARCH) as here:
        assert (await here.sync()).new == 30
        here.inbox.expunge([7])
        assert (await here.sync()).deleted == 1
        await settled(here)


@pytest.mark.parametrize("fetch_stops_too", [False, True])
async def test_a_search_that_stops_at_a_number(fetch_stops_too: bool, tmp_path: Path) -> None:
    """Yahoo: a thousand numbers, of ten thousand mails. The rest are fetched; where that stops too, page
    by page of sequence numbers."""
    async with odd(tmp_path / "home", Oddities(search_most=10), *ESEARCH, "CONDSTORE") as here:
        told = [0]

        def stops(answer: bytes, command: bytes) -> bytes:
            if command.startswith(b"UID FETCH") and command.endswith(b" (UID)") and answer.startswith(b"* "):
                told[0] += 1
                return answer if told[0] % 30 < 20 else b""
            return answer

        if fetch_stops_too:
            here.lie(stops)
        assert (await here.sync()).new == 30
        assert (await here.sync()).deleted == 0
        here.inbox.expunge([3, 29])
        assert (await here.sync()).deleted == 2
        assert set(here.held()) == set(here.there())
        said = [line for line in here.between.commands if line.startswith(b"FETCH ")]  # type: ignore[union-attr]
        assert bool(said) == fetch_stops_too


async def test_a_search_for_all_that_is_refused(tmp_path: Path) -> None:
    """Mail2World: `UID SEARCH wrong arguments passed`."""
    oddities = Oddities(search_all="BAD UID SEARCH wrong arguments passed")
    async with odd(tmp_path / "home", oddities, *ESEARCH) as here:
        assert (await here.sync()).new == 30
        await settled(here)


@pytest.mark.parametrize("broken", [{3}, {1, 2, 17}, {30}, set(range(10, 14))])
async def test_mails_that_the_server_will_not_give(broken: set[int], tmp_path: Path) -> None:
    """Yahoo: `[UNAVAILABLE] UID FETCH Server error` for some mails. All others come; those are put aside
    and named, and come when the server gives them."""
    async with odd(tmp_path / "home", Oddities()) as here:
        here.server.faults.unavailable = broken
        report = await here.sync()
        assert report.failed is None
        assert set(here.held()) == set(here.there()) - broken
        assert {problem.parameters["uid"] for _, problem in report.problems} == {str(one) for one in broken}
        inbox = next(one for one in await here.verify() if one.mailbox == "INBOX")
        assert inbox.quarantined == len(broken)
        fetches = [line for line in here.between.commands if b"BODY.PEEK[]" in line]  # type: ignore[union-attr]
        assert len(fetches) < 20 + 12 * len(broken)


async def test_a_server_that_refuses_every_mail_is_not_asked_for_ever(tmp_path: Path) -> None:
    async with odd(tmp_path / "home", Oddities(), most=300) as here:
        here.server.faults.unavailable = set(range(1, 301))
        report = await here.sync()
        assert codes(report)[-1:] == ["imap.refused"]
        fetches = [line for line in here.between.commands if b"BODY.PEEK[]" in line]  # type: ignore[union-attr]
        assert len(fetches) < 300
        here.server.faults.unavailable = set()
        assert (await here.sync()).new > 0


async def test_a_fetch_without_flags_is_asked_again_and_put_aside(tmp_path: Path) -> None:
    async with odd(tmp_path / "home", Oddities(), most=5) as here:
        here.inbox.set_flags(3, [FLAGGED])
        here.server.faults.fetch_without_flags = {3}
        report = await here.sync()
        assert [problem.parameters["uid"] for _, problem in report.problems] == ["3"]
        assert set(here.held()) == {1, 2, 4, 5}


async def test_bodies_that_come_empty_unless_asked_for_alone(tmp_path: Path) -> None:
    """PurelyMail: literals of no bytes where several parts are fetched at once."""
    async with odd(tmp_path / "home", Oddities(bodies_alone=True), most=9) as here:
        report = await here.sync()
        assert (report.new, codes(report)) == (9, [])
        assert here.held() == here.there()
        await settled(here)


async def test_rfc822_is_never_asked_for(tmp_path: Path) -> None:
    """iCloud answers FETCH RFC822 with nothing, and whole inboxes were lost (user pain 16)."""
    async with odd(tmp_path / "home", Oddities(rfc822_empty=True), most=5) as here:
        assert (await here.sync()).new == 5
        said = b" ".join(here.between.commands)  # type: ignore[union-attr]
        assert b"RFC822 " not in said and b"RFC822.TEXT" not in said and b"RFC822)" not in said
        await settled(here)


@pytest.mark.parametrize("untold", ["uidvalidity_untold", "uidnext_untold"])
async def test_numbers_that_select_does_not_tell(untold: str, tmp_path: Path) -> None:
    """imapflow; nylas#76."""
    async with odd(tmp_path / "home", Oddities(), "CONDSTORE", most=5) as here:
        setattr(here.server.faults, untold, True)
        assert (await here.sync()).new == 5
        ids = here.ids()
        act.change_flags(here.app, [ids[2]], add=[FLAGGED])
        here.inbox.append(mail(50))
        here.inbox.expunge([4])
        for _ in range(2):
            await here.sync()
        assert here.held() == here.there()
        assert here.inbox.messages[2].flags == {FLAGGED}
        assert {uid: one for uid, one in here.ids().items() if uid < 6} == {
            uid: one for uid, one in ids.items() if uid != 4
        }


# --- mod-sequences ----------------------------------------------------------------------------------


async def test_m17_mod_sequences_count_by_their_effect(tmp_path: Path) -> None:
    """iCloud: ENABLE names nothing, VANISHED cannot be believed, CHANGEDSINCE is ignored: nothing is
    deleted, everything is seen."""
    async with played(tmp_path / "home", "icloud") as here:
        for number in range(30):
            here.inbox.append(mail(number))
        await here.sync()
        here.inbox.set_flags(3, [FLAGGED])
        here.inbox.append(mail(40))
        report = await here.sync()
        assert (report.new, report.deleted) == (1, 0)
        here.inbox.expunge([5])
        assert (await here.sync()).deleted == 1
        await settled(here)
        assert not [line for line in here.between.commands if b"QRESYNC" in line]  # type: ignore[union-attr]


# --- listings ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "unusable",
    [
        lambda answer: b"" if answer.startswith(b"* L") else answer,
        lambda answer: answer.partition(b" ")[0] + b" NO later\r\n" if answer.startswith(b"E") else b"",
        lambda answer: answer.partition(b" ")[0] + b" BAD what\r\n" if answer.startswith(b"E") else b"",
        lambda answer: b"* LIST rubbish\r\n" if answer.startswith(b"* LIST") else answer,
        lambda answer: b"" if answer.startswith(b"* LIST") and b"INBOX" not in answer else answer,
        lambda answer: b"" if answer.startswith(b"* LIST") and b"INBOX" in answer else answer,
    ],
    ids=["nothing", "NO", "BAD", "rubbish", "INBOX alone", "all but INBOX"],
)
async def test_a_listing_that_is_unusable_costs_no_mailbox(
    unusable: Callable[[bytes], bytes], tmp_path: Path
) -> None:
    async with embedded(tmp_path / "home", lying=True) as here:
        for name in ("Archiv", "Privat", "Verein"):
            here.server.store.create(name).append(mail(len(name)))
        await here.sync()
        before = [(one.id, one.name) for one in here.app.store.mailboxes.all(here.account.id)]

        def lie(answer: bytes, command: bytes) -> bytes:
            whole = command.startswith((b'LIST "" "*"', b"LSUB"))
            return unusable(answer) if whole else answer

        here.lie(lie)
        await here.sync()
        assert [(one.id, one.name) for one in here.app.store.mailboxes.all(here.account.id)] == before
        assert all(here.held(name) == here.there(name) for _, name in before)
        here.lie()
        await settled(here)


async def test_status_without_its_list(tmp_path: Path) -> None:
    """Coremail: every mailbox is looked at, and nothing is taken for known."""
    async with odd(tmp_path / "home", Oddities(status_empty=True), most=5) as here:
        await here.sync()
        here.inbox.set_flags(2, [FLAGGED])
        assert (await here.sync()).changed == 1
        await settled(here)


# --- logging in -------------------------------------------------------------------------------------


async def test_exchange_lets_in_and_gives_no_mailbox(tmp_path: Path) -> None:
    """User pain 17: five different causes, one text. It has a code and a sentence of its own, and is not
    tried again and again."""
    oddities = Oddities(after_login="BAD User is authenticated but not connected.")
    async with odd(tmp_path / "home", oddities, most=1) as here:
        report = await here.sync()
        assert report.failed is not None and report.failed.code == "imap.not_connected"
        assert Backoff().failed(report.failed, 0.0).seconds(report.failed, 0.5) == 3600.0
        assert sum(len(one.commands) for one in here.server.sessions) < 10


@pytest.mark.parametrize("command", ["SELECT", "UID FETCH", "LIST", "UID STORE"])
@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("Request is throttled. Suggested Backoff Time: 299961 milliseconds", 299.961),
        ("Request is throttled. Suggested Backoff Time: 2000 milliseconds", 2.0),
        ("Request is throttled. Suggested Backoff Time: 999999999 milliseconds", 300.0),
        ("[OVERQUOTA] Account exceeded command or bandwidth limits.", 300.0),
    ],
)
async def test_a_server_that_asks_for_a_pause_gets_it(
    text: str, seconds: float, command: str, tmp_path: Path
) -> None:
    """The account's pass ends at once, and says for how long; nothing is lost or given up."""
    async with odd(tmp_path / "home", Oddities(), most=3) as here:
        await here.sync()
        act.change_flags(here.app, [here.ids()[1]], add=[FLAGGED])
        here.inbox.append(mail(50))
        here.server.faults.refuse[command] = text
        before = len(here.between.commands)  # type: ignore[union-attr]
        report = await here.sync()
        assert report.failed is not None
        assert (report.failed.code, report.failed.retry_after) == ("imap.throttled", seconds)
        assert len(here.between.commands) - before < 12  # type: ignore[union-attr]
        here.server.faults.refuse.clear()
        await here.sync()
        assert FLAGGED in here.inbox.messages[1].flags
        await settled(here)


@pytest.mark.parametrize(
    "answer",
    [
        "[UNAVAILABLE] Maximum number of connections from user+IP exceeded (mail_max_userip_connections=1)",
        "[ALERT] Too many simultaneous connections. (Failure)",
    ],
)
async def test_a_server_that_takes_fewer_connections_than_we_would_like(answer: str, tmp_path: Path) -> None:
    """One is enough: the pass goes on over it. With none at all it is said."""
    async with embedded(tmp_path / "home", lying=True) as here:
        for number in range(6):
            box = here.server.store.create(f"Ordner {number}")
            box.append(mail(number))
        logins = [0]

        def only_one(told: bytes, command: bytes) -> bytes:
            if command.startswith((b"AUTHENTICATE", b"LOGIN")) and b" OK " in told:
                logins[0] += 1
                if logins[0] > 1:
                    return told.partition(b" ")[0] + b" NO " + answer.encode() + b"\r\n"
            return told

        here.lie(only_one)
        report = await here.sync()
        assert (report.failed, report.new) == (None, 6)
        report = await here.sync()
        assert report.failed is not None and report.failed.code == "imap.too_many_connections"
        here.lie()
        await settled(here)


@pytest.mark.parametrize("answer", ["BAD Unknown command", "NO ID is not for you", "NO"])
async def test_a_server_that_wants_no_id(answer: str, tmp_path: Path) -> None:
    async with odd(tmp_path / "home", Oddities(answers={"ID": answer}), most=2) as here:
        assert (await here.sync()).new == 2
        await settled(here)


@everybody
async def test_id_is_said_before_select_and_never_empty(kind: Personality, tmp_path: Path) -> None:
    """Coremail: `Unsafe Login` without it; Exchange and Nemesis refuse `ID ()`."""
    async with played(tmp_path / "home", kind) as here:
        await here.sync()
        said = here.between.commands  # type: ignore[union-attr]
        ids = [line for line in said if line.startswith(b"ID")]
        assert bool(ids) == kind.behaviour.has("ID")
        assert not [line for line in ids if line in (b"ID ()", b"ID NIL")]
        names = [line.split()[0] for line in said]
        if ids:
            assert names.index(b"ID") < min(names.index(b"SELECT"), names.index(b"LIST"))


async def test_coremail_is_kept_awake_by_status(tmp_path: Path) -> None:
    async with played(tmp_path / "home", "coremail") as here:
        server = Server(here.server.host, here.between.port, Security.NONE)  # type: ignore[union-attr]
        session = await ImapSession.open(server, Credential("kim", Secret(PASSWORD)), clock=SystemClock())
        await session.select(MailboxName("INBOX"))
        await session.noop()
        assert list(here.server.sessions[-1].commands)[-2:] == ["NOOP", "STATUS"]
        await session.logout()


# --- uploads ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["exchange", "yahoo", "cyrus"])
async def test_mail_that_is_made_here_has_the_form_that_the_server_wants(kind: str, tmp_path: Path) -> None:
    async with played(tmp_path / "home", kind) as here:
        await here.sync()
        act.append(here.app, here.account, "INBOX", b"From: a@example.org\nSubject: x\n\nzu\0Ende")
        assert codes(await here.sync()) == []
        assert list(here.there().values()) == [b"From: a@example.org\r\nSubject: x\r\n\r\nzu\x80Ende\r\n"]
        await settled(here)


async def test_a_mail_with_a_line_too_long_for_exchange_stays_here_and_is_named(tmp_path: Path) -> None:
    async with played(tmp_path / "home", "exchange") as here:
        await here.sync()
        act.append(here.app, here.account, "INBOX", mail(1) + b"x" * 20_000)
        act.append(here.app, here.account, "INBOX", mail(2))
        report = await here.sync()
        assert codes(report) == ["imap.refused"]
        assert "Line too long" in report.problems[0][1].parameters["text"]
        assert list(here.there().values()) == [mail(2)]
        assert codes(await here.sync()) == []
        inbox = next(one for one in await here.verify() if one.mailbox == "INBOX")
        assert inbox.extra == 1


# --- Proton Bridge ----------------------------------------------------------------------------------


async def test_all_mail_and_labels_of_the_bridge_are_not_synced(tmp_path: Path) -> None:
    async with played(tmp_path / "home", "proton-bridge") as here:
        for box in ("INBOX", "All Mail", "Labels/Rechnung"):
            here.server.store[box].append(mail(1))
        assert (await here.sync()).new == 1
        opened = {line for line in here.between.commands if line.startswith(b"SELECT")}  # type: ignore[union-attr]
        assert not [line for line in opened if b"All Mail" in line or b"Labels" in line]
        await settled(here)


def shuffle(here: Embedded) -> None:
    """The same numbers under the same UIDVALIDITY name other messages, as after an update."""
    box = here.inbox
    raws = [one.raw for one in box.messages.values()]
    for message, raw in zip(box.messages.values(), [*raws[1:], raws[0]], strict=True):
        message.raw = raw
        message.modseq = box.highestmodseq


@pytest.mark.parametrize("kind", ["proton-bridge", "exchange"])
@pytest.mark.parametrize("deed", ["delete", "move"])
async def test_m15_what_lies_under_a_number_is_looked_at_before_it_is_removed(
    deed: str, kind: str, tmp_path: Path
) -> None:
    async with played(tmp_path / "home", kind) as here:
        for number in range(1, 6):
            here.inbox.append(mail(number))
        await here.sync()
        chosen = here.ids()[2]
        raw = here.app.store.messages.raw(chosen)
        shuffle(here)
        if deed == "delete":
            act.delete(here.app, [chosen], for_good=True)
        else:
            act.archive(here.app, [chosen])
        for _ in range(3):
            await here.sync()
        assert raw == mail(2)
        assert sorted(here.there().values()) == sorted(mail(number) for number in (1, 3, 4, 5))
        assert list(here.there("Archive").values()) == ([mail(2)] if deed == "move" else [])
        await settled(here)


async def test_m15_shifted_numbers_are_noticed_without_any_act(tmp_path: Path) -> None:
    async with played(tmp_path / "home", "proton-bridge") as here:
        for number in range(1, 31):
            here.inbox.append(mail(number), ["\\Seen"] if number % 2 else [])
        await here.sync()
        ids = {here.app.store.messages.raw(one): one for one in here.ids().values()}
        shuffle(here)
        report = await here.sync()
        assert (report.new, report.deleted) == (0, 0)
        assert here.held() == here.there()
        assert {here.app.store.messages.raw(one): one for one in here.ids().values()} == ids
        await settled(here)


# --- pushes -----------------------------------------------------------------------------------------


async def test_gmail_pushes_no_flags_and_is_known_for_it(tmp_path: Path) -> None:
    behaviour = replace(Behaviour(), odd=Oddities(flags_unpushed=True), extra=("X-GM-EXT-1",))
    async with embedded(tmp_path / "home", behaviour) as here:
        here.inbox.append(mail(1))
        server = Server(here.server.host, here.server.port, Security.NONE)
        session = await ImapSession.open(server, Credential("kim", Secret(PASSWORD)), clock=SystemClock())
        assert not session.pushes_flags
        await session.select(MailboxName("INBOX"))
        idling = asyncio.create_task(session.idle(quiet=0.3))
        await until(lambda: "IDLE" in here.server.sessions[-1].commands)
        here.inbox.set_flags(1, [FLAGGED])
        assert not await idling
        await session.noop()
        assert [one.flags for one in session.take_unsolicited().flags] == [{FLAGGED}]
        await session.logout()


# --- the table --------------------------------------------------------------------------------------


def test_every_quirk_is_dated_sourced_and_named_once() -> None:
    assert len({one.name for one in QUIRKS}) == len(QUIRKS)
    for one in (*QUIRKS, *PERSONALITIES):
        assert one.source and re.fullmatch(r"20\d\d-\d\d(-\d\d)?", one.seen), one.name
    for quirk in QUIRKS:
        assert quirk.host or quirk.server or quirk.capability
        assert quirk.distrusted or quirk.traits or quirk.mirrors
