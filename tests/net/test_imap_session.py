"""What an ImapSession promises, tried on Dovecot and on the embedded server alike."""

from __future__ import annotations

import asyncio
import io
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass

import pytest

from eilbote.clock import SystemClock
from eilbote.errors import Misused, NotAllowed, Refused
from eilbote.mail.mailbox import DELETED, FLAGGED, MAX_UID, SEEN, MailboxName, SpecialUse, UidSet
from eilbote.net.credential import Credential
from eilbote.net.imap import ImapSession
from eilbote.net.terms import Terms
from eilbote.net.trace import Trace
from eilbote.protocols.imap.limits import Limits
from eilbote.protocols.imap.search import Header, Keyword, Size, Text, Word
from eilbote.protocols.imap.types import CopyUid, Known, StoreMode
from eilbote.secret import Secret
from eilbote.store.values import Security, Server
from eilbote.testing.imap.behaviour import Behaviour
from eilbote.testing.imap.mailstore import Mailstore
from eilbote.testing.imap.server import ImapServer
from tests.servers.dovecot import Dovecot
from tests.servers.dovecot_settings import DovecotOptions

INBOX = MailboxName("INBOX")
ARCHIVE = MailboxName("Archive")
PASSWORD = "geheim-1"
ALL = UidSet.range(1, MAX_UID)
DATE = 1_000_000_000.0


def mail(number: int, size: int = 0) -> bytes:
    head = (
        f"From: a@example.org\r\nSubject: Nachricht {number}\r\nMessage-ID: <m{number}@example.org>\r\n\r\n"
    )
    return head.encode() + b"Gr\xc3\xbc\xc3\x9fe\r\n" + b"x" * size + b"\r\n"


@dataclass
class Place:
    """A server with one fresh user."""

    server: Server
    user: str

    @asynccontextmanager
    async def session(self, *, limits: Limits | None = None, **options: object) -> AsyncIterator[ImapSession]:
        """A session that says good-bye at the end of a good test."""
        imap = await ImapSession.open(
            self.server,
            Credential(self.user, Secret(PASSWORD)),
            Terms(SystemClock(), **options),  # type: ignore[arg-type]
            limits=limits,
        )
        try:
            yield imap
        except BaseException:
            imap.abort()
            raise
        await imap.logout()


def dovecot_place(dovecot: Dovecot) -> Place:
    return Place(Server(dovecot.host, dovecot.port, Security.NONE), dovecot.new_user()[0])


@asynccontextmanager
async def embedded(behaviour: Behaviour | None = None) -> AsyncIterator[Place]:
    store = Mailstore(now=lambda: DATE)
    for role in (SpecialUse.ARCHIVE, SpecialUse.DRAFTS, SpecialUse.JUNK, SpecialUse.SENT, SpecialUse.TRASH):
        store.create(role.value.title(), role)
        store.subscribed.add(role.value.title())
    async with ImapServer(store, {"anna": PASSWORD}, behaviour or Behaviour()) as server:
        yield Place(Server(server.host, server.port, Security.NONE), "anna")


DOVECOTS = {
    "dovecot": DovecotOptions(),
    "dovecot-condstore": DovecotOptions(hidden=frozenset({"QRESYNC"})),
    "dovecot-bare": DovecotOptions(
        hidden=frozenset(
            [
                "QRESYNC",
                "CONDSTORE",
                "ESEARCH",
                "LIST-EXTENDED",
                "LIST-STATUS",
                "LITERAL+",
                "SASL-IR",
                "NAMESPACE",
                "ID",
                "UNSELECT",
            ]
        )
    ),
}
EMBEDDED = {
    "embedded": Behaviour(),
    "embedded-bare": Behaviour().without(
        "IMAP4rev2",
        "CONDSTORE",
        "ESEARCH",
        "LIST-EXTENDED",
        "LIST-STATUS",
        "LITERAL+",
        "SASL-IR",
        "UTF8=ACCEPT",
    ),
}


@pytest.fixture(params=[*DOVECOTS, *EMBEDDED])
async def place(
    request: pytest.FixtureRequest, dovecot_like: Callable[[DovecotOptions], Dovecot]
) -> AsyncIterator[Place]:
    if request.param in DOVECOTS:
        yield dovecot_place(dovecot_like(DOVECOTS[request.param]))
    else:
        async with embedded(EMBEDDED[request.param]) as made:
            yield made


@pytest.fixture
async def imap(place: Place) -> AsyncIterator[ImapSession]:
    async with place.session() as session:
        yield session


async def fill(imap: ImapSession, count: int, mailbox: MailboxName = INBOX) -> None:
    for number in range(1, count + 1):
        await imap.append(
            mailbox, mail(number), frozenset({SEEN}) if number % 2 else frozenset(), DATE + number
        )


async def test_mailboxes_with_roles_and_counts(imap: ImapSession) -> None:
    await fill(imap, 3)
    listings = {one.name: one for one in await imap.list_mailboxes()}
    assert {one.role for one in listings.values()} >= {
        SpecialUse.INBOX,
        SpecialUse.SENT,
        SpecialUse.TRASH,
        SpecialUse.JUNK,
        SpecialUse.DRAFTS,
        SpecialUse.ARCHIVE,
    }
    status = listings[INBOX].status
    assert status is not None
    assert (status.messages, status.unseen, status.uidnext) == (3, 1, 4)
    assert status.uidvalidity
    assert listings[ARCHIVE].subscribed
    assert listings[ARCHIVE].selectable
    assert {name: one.status for name, one in listings.items()} == await imap.status(list(listings))
    without = await imap.list_mailboxes(status=False)
    assert {one.name for one in without} == set(listings)
    assert all(one.status is None for one in without)


async def test_mailboxes_are_made_renamed_subscribed_and_removed(imap: ImapSession) -> None:
    old, new = MailboxName('Bäume & "Gärten"'), MailboxName("Wälder/日本語")
    await imap.create(old)
    assert await imap.exists(old)
    await imap.unsubscribe(old)
    await imap.subscribe(old)
    assert next(one for one in await imap.list_mailboxes() if one.name == old).subscribed
    await imap.rename(old, new)
    assert not await imap.exists(old)
    assert await imap.exists(new)
    assert new in {one.name for one in await imap.list_mailboxes()}
    await imap.delete(new)
    assert not await imap.exists(new)
    with pytest.raises(Refused) as caught:
        await imap.delete(new)
    assert caught.value.problem.parameters["command"] == "DELETE"


async def test_whole_mails_come_as_they_were_put(imap: ImapSession) -> None:
    await fill(imap, 5)
    selected = await imap.select(INBOX)
    assert (selected.exists, selected.uidnext) == (5, 6)
    got = [one async for batch in imap.fetch_messages(ALL) for one in batch]
    assert [(one.uid, one.raw, one.internal_date, one.size) for one in got] == [
        (number, mail(number), DATE + number, len(mail(number))) for number in range(1, 6)
    ]
    assert [SEEN in one.flags for one in got] == [True, False, True, False, True]
    assert all(bool(one.modseq) == imap.has_condstore for one in got)
    assert len({one.email_id for one in got}) == (5 if "OBJECTID" in imap.capabilities else 1)
    some = [one async for batch in imap.fetch_messages(UidSet.parse("2,4,77")) for one in batch]
    assert [one.uid for one in some] == [2, 4]
    assert [one async for one in imap.fetch_messages(UidSet())] == []
    # Nothing became \Seen by looking.
    assert [SEEN in one.flags for one in await imap.fetch_flags(ALL)] == [True, False, True, False, True]


async def test_headers_alone_have_the_same_shape(imap: ImapSession) -> None:
    await fill(imap, 2)
    await imap.select(INBOX)
    got = [one async for batch in imap.fetch_messages(ALL, headers_only=True) for one in batch]
    assert [one.raw for one in got] == [mail(1).partition(b"Gr")[0], mail(2).partition(b"Gr")[0]]
    assert [one.size for one in got] == [len(mail(1)), len(mail(2))]


@pytest.mark.parametrize("size", [100_000, 5 << 20])
async def test_large_mails_pass_both_ways(place: Place, size: int) -> None:
    async with place.session(limits=Limits(buffer=256 << 10, inline=64 << 10)) as imap:
        raws = [mail(1, size), mail(2), mail(3, size // 2)]
        for raw in raws:
            await imap.append(INBOX, raw)
        await imap.select(INBOX)
        got = [one.raw async for batch in imap.fetch_messages(ALL) for one in batch]
        assert [len(raw or b"") for raw in got] == [len(raw) for raw in raws]
        assert got == raws


async def test_batches_are_bounded(imap: ImapSession) -> None:
    for number in range(12):
        await imap.append(INBOX, mail(number, 10_000))
    await imap.select(INBOX)
    sizes = [len(batch) async for batch in imap.fetch_messages(ALL, batch_bytes=30_000)]
    assert sum(sizes) == 12
    assert len(sizes) >= 1


async def test_searches(imap: ImapSession) -> None:
    await fill(imap, 4)
    await imap.append(INBOX, mail(5, 20_000), frozenset({"$Wichtig"}))
    await imap.select(INBOX)
    assert await imap.search_uids() == UidSet.range(1, 5)
    assert await imap.search_uids(within=UidSet.parse("2,4,9:20")) == UidSet.parse("2,4")
    assert await imap.search_uids(within=UidSet()) == UidSet()
    assert await imap.search_uids(Word("UNSEEN")) == UidSet.parse("2,4:5")
    assert await imap.search_uids(Size("LARGER", 10_000) | Text("SUBJECT", "Nachricht 2")) == UidSet.parse(
        "2,5"
    )
    assert await imap.search_uids(Keyword("$Wichtig") & ~Word("SEEN")) == UidSet.parse("5")
    assert await imap.search_uids(~Text("BODY", "Grüße")) == UidSet()
    assert await imap.search_uids(Header("Message-ID", "m3@example.org")) == UidSet.parse("3")
    assert await imap.search_uids(Header("Message-ID", 'no"such\\')) == UidSet()


async def test_identities_sizes_and_flags(imap: ImapSession) -> None:
    await fill(imap, 3)
    await imap.select(INBOX)
    found = await imap.fetch_identities(ALL)
    assert [(one.uid, one.message_id, one.size, one.internal_date) for one in found] == [
        (number, f"m{number}@example.org", len(mail(number)), DATE + number) for number in (1, 2, 3)
    ]
    assert await imap.fetch_sizes(ALL) == {number: len(mail(number)) for number in (1, 2, 3)}
    assert {one.uid: one.flags for one in await imap.fetch_flags(ALL)} == {
        1: frozenset({SEEN}),
        2: frozenset(),
        3: frozenset({SEEN}),
    }


async def test_flags_are_stored_and_told(imap: ImapSession) -> None:
    await fill(imap, 2)
    await imap.select(INBOX)
    both = UidSet.range(1, 2)
    stored = await imap.store_flags(both, StoreMode.ADD, frozenset({FLAGGED, "$Rot"}))
    assert {one.uid for one in stored.flags} == {1, 2}
    await imap.store_flags(both, StoreMode.REMOVE, frozenset({SEEN}))
    assert {one.flags for one in await imap.fetch_flags(both)} == {frozenset({FLAGGED, "$Rot"})}
    await imap.store_flags(both, StoreMode.REPLACE, frozenset())
    assert {one.flags for one in await imap.fetch_flags(both)} == {frozenset()}


async def test_what_was_changed_meanwhile_is_left_alone(imap: ImapSession) -> None:
    if not imap.has_condstore:
        assert (await imap.select(INBOX)).highestmodseq == 0
        return
    await fill(imap, 2)
    before = (await imap.select(INBOX)).highestmodseq
    await imap.store_flags(UidSet.of([1]), StoreMode.ADD, frozenset({FLAGGED}))
    assert [one.uid for one in await imap.fetch_flags(ALL, changed_since=before)] == [1]
    stored = await imap.store_flags(
        UidSet.range(1, 2), StoreMode.ADD, frozenset({"$Rot"}), unchanged_since=before
    )
    assert stored.modified == UidSet.of([1])
    flags = {one.uid: one.flags for one in await imap.fetch_flags(ALL)}
    assert "$Rot" not in flags[1]
    assert "$Rot" in flags[2]


async def test_copies_and_moves_name_their_new_uids(imap: ImapSession) -> None:
    await fill(imap, 4)
    await imap.select(INBOX)
    copied = await imap.copy(UidSet.parse("1,3"), ARCHIVE)
    assert copied == CopyUid(copied.uidvalidity if copied else 0, ((1, 1), (3, 2)))
    moved = await imap.move(UidSet.parse("2,4"), ARCHIVE)
    assert moved is not None
    assert moved.pairs == ((2, 3), (4, 4))
    assert await imap.search_uids() == UidSet.parse("1,3")
    told = imap.take_unsolicited()
    assert told.vanished == UidSet.parse("2,4") if imap.has_qresync else told.expunged == 2
    with pytest.raises(Refused) as caught:
        await imap.copy(UidSet.of([1]), MailboxName("nirgends"))
    assert caught.value.problem.parameters["code"] == "TRYCREATE"


async def test_only_what_was_named_is_expunged(imap: ImapSession) -> None:
    await fill(imap, 3)
    await imap.select(INBOX)
    await imap.store_flags(UidSet.range(1, 3), StoreMode.ADD, frozenset({DELETED}))
    await imap.expunge(UidSet.of([2]))
    assert await imap.search_uids() == UidSet.parse("1,3")
    await imap.close()
    await imap.select(INBOX)
    assert await imap.search_uids() == UidSet.parse("1,3"), "closing expunged"


async def test_append_tells_the_uid_and_keeps_date_and_flags(imap: ImapSession) -> None:
    appended = await imap.append(INBOX, mail(1), frozenset({SEEN, "$Rot", "\\Recent"}), 0.0)
    assert appended is not None
    selected = await imap.select(INBOX, read_only=True)
    assert selected.read_only
    assert (appended.uidvalidity, appended.uid) == (selected.uidvalidity, 1)
    (found,) = await imap.fetch_identities(ALL)
    assert (found.internal_date, found.flags) == (0.0, frozenset({SEEN, "$Rot"}))


async def test_resynchronisation_tells_exactly_what_changed(place: Place) -> None:
    async with place.session() as imap, place.session() as other:
        await fill(imap, 6)
        before = await imap.select(INBOX)
        await imap.close()
        await other.select(INBOX)
        await other.store_flags(UidSet.of([5]), StoreMode.ADD, frozenset({FLAGGED}))
        await other.store_flags(UidSet.parse("2:3"), StoreMode.ADD, frozenset({DELETED}))
        await other.expunge(UidSet.parse("2:3"))
        await other.append(INBOX, mail(7))
        known = Known(before.uidvalidity, before.highestmodseq)
        after = await imap.select(INBOX, known=known)
        assert after.exists == 5
        assert after.resynced == imap.has_qresync
        if imap.has_qresync:
            assert after.vanished & UidSet.range(1, 6) == UidSet.parse("2:3")
            assert {one.uid for one in after.changed} >= {5, 7}
            assert all(one.modseq > before.highestmodseq for one in after.changed)
        stale = await imap.select(INBOX, known=Known(before.uidvalidity + 1, before.highestmodseq))
        assert not stale.resynced


async def test_news_of_another_client_come_with_the_next_command(place: Place) -> None:
    async with place.session() as imap, place.session() as other:
        await fill(imap, 2)
        await imap.select(INBOX)
        imap.take_unsolicited()
        await other.select(INBOX)
        await other.store_flags(UidSet.of([1]), StoreMode.ADD, frozenset({DELETED}))
        await other.expunge(UidSet.of([1]))
        await other.append(INBOX, mail(3))
        await imap.noop()
        news = imap.take_unsolicited()
        assert news
        assert news.exists == 2
        assert (news.vanished == UidSet.of([1])) if imap.has_qresync else news.expunged == 1
        assert not imap.take_unsolicited()


async def test_idle_wakes_when_mail_comes(place: Place) -> None:
    async with place.session() as imap, place.session() as other:
        await imap.select(INBOX)
        imap.take_unsolicited()
        waiting = asyncio.create_task(imap.news.idle(quiet=30))
        while imap.round_trips == 0 or not waiting.done():
            await other.append(INBOX, mail(1))
            done, _ = await asyncio.wait([waiting], timeout=0.1)
            if done:
                break
        assert await waiting
        exists = imap.take_unsolicited().exists
        assert exists is not None
        assert exists >= 1
        assert await imap.search_uids()
        assert not await imap.news.idle(quiet=0.01) or imap.take_unsolicited()


async def test_long_sets_are_split_and_put_together_again(imap: ImapSession) -> None:
    await fill(imap, 3)
    await imap.select(INBOX)
    scattered = UidSet.of(range(1, 9000, 2))
    assert len(str(scattered)) > 20_000
    assert await imap.search_uids(within=scattered) == UidSet.parse("1,3")
    got = [one.uid async for batch in imap.fetch_messages(scattered) for one in batch]
    assert got == [1, 3]
    assert [one.uid for one in await imap.fetch_flags(scattered)] == [1, 3]
    assert len((await imap.store_flags(scattered, StoreMode.ADD, frozenset({FLAGGED}))).flags) == 2
    copied = await imap.copy(UidSet.parse("1,3"), ARCHIVE)
    assert copied is not None


async def test_a_wrong_password_is_refused_and_named(place: Place) -> None:
    with pytest.raises(Refused) as caught:
        await ImapSession.open(place.server, Credential(place.user, Secret("falsch")), Terms(SystemClock()))
    assert caught.value.problem.code == "imap.login_refused"
    assert caught.value.problem.parameters["user"] == place.user
    assert "falsch" not in str(caught.value)


async def test_what_the_server_lacks_is_refused_here(
    dovecot_like: Callable[[DovecotOptions], Dovecot],
) -> None:
    options = DovecotOptions(hidden=frozenset({"MOVE", "UIDPLUS"}))
    async with dovecot_place(dovecot_like(options)).session() as imap:
        await imap.select(INBOX)
        with pytest.raises(NotAllowed):
            await imap.move(UidSet.of([1]), ARCHIVE)
        with pytest.raises(NotAllowed):
            await imap.expunge(UidSet.of([1]))


async def test_what_only_the_embedded_server_has() -> None:
    async with embedded(Behaviour(append_limit=500)) as place, place.session() as imap:
        assert "OBJECTID" in imap.capabilities
        assert imap.append_limit == 500
        assert {"QRESYNC", "UTF8=ACCEPT", "IMAP4REV2"} <= imap.enabled
        with pytest.raises(Misused) as caught:
            await imap.append(INBOX, mail(1, 1000))
        assert caught.value.problem.code == "imap.too_large"
        await imap.create(MailboxName("Gesendetes"), SpecialUse.ALL)
        selected = await imap.select(INBOX)
        assert selected.mailbox_id
        assert await imap.quotas(INBOX)
        listing = next(one for one in await imap.list_mailboxes() if one.name == INBOX)
        assert listing.status is not None
        assert listing.status.mailbox_id == selected.mailbox_id


async def test_one_round_trip_for_what_can_go_together(dovecot: Dovecot) -> None:
    async with dovecot_place(dovecot).session() as imap:
        opened = imap.round_trips
        await imap.list_mailboxes()
        assert imap.round_trips == opened + 1
        await imap.select(INBOX)
        assert imap.round_trips == opened + 2
        assert opened <= 3
        assert imap.bytes_received > 0
        assert imap.bytes_sent > 0


async def test_a_trace_shows_the_dialogue_and_no_secret(place: Place) -> None:
    out = io.StringIO()
    async with place.session(trace=Trace(out, SystemClock())) as imap:
        await imap.append(INBOX, mail(1))
        await imap.select(INBOX)
        got = [one async for batch in imap.fetch_messages(ALL) for one in batch]
        assert got[0].raw == mail(1)
        await imap.fetch_structures(ALL)
    told = out.getvalue()
    assert "SELECT" in told
    assert "FETCH" in told
    for hidden in (PASSWORD, "Nachricht 1", "Grüße", "example.org", "AGdlaGVpbS0x"):
        assert hidden not in told
    assert all(line.startswith("20") for line in told.splitlines())
