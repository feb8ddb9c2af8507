"""Collecting by POP3: what comes, what is known again, what is deleted there and when; on both stores,
from Dovecot and from our fake in its odd moods."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from eilbote.clock import SystemClock
from eilbote.engine import act, setup
from eilbote.engine.preview import preview_accounts
from eilbote.engine.read import search_mail
from eilbote.errors import Gone, Misused, Refused
from eilbote.mail.mailbox import SEEN
from eilbote.secret import Secret
from eilbote.store.values import AccountState
from eilbote.sync.state import Fetch, Push
from eilbote.sync.values import OnServer
from eilbote.testing.pop3 import Behaviour, Pop3Server
from tests.contract.pop3_place import PASSWORD, Pop3Place, dovecot_place, fake_place
from tests.engine.pop3_world import AT_ONCE, KEEP, MIRROR, Pop3World, letters, pop3_world

DAY = 24 * 3600.0

ODD = {
    "fake": Behaviour(),
    "no uidl": Behaviour(absent=frozenset({"UIDL"})),
    "no uidl, no top": Behaviour(absent=frozenset({"UIDL", "TOP"})),
    "no capa, no uidl": Behaviour(absent=frozenset({"CAPA", "UIDL"})),
    "no pipelining": Behaviour(hidden=frozenset({"PIPELINING"})),
}


class LaterClock(SystemClock):
    """The system's clock, put forward by hand; sleeping costs nothing."""

    ahead = 0.0

    def now(self) -> float:
        return super().now() + self.ahead

    async def sleep(self, seconds: float) -> None:
        self.ahead += seconds
        await asyncio.sleep(0)


class Scene:
    """A place, a home, and the hands of the clock."""

    def __init__(self, place: Pop3Place, here: Pop3World, clock: LaterClock) -> None:
        self.place, self.here, self.clock = place, here, clock

    @property
    def fake(self) -> Pop3Server:
        assert self.place.fake is not None
        return self.place.fake


@pytest.fixture
def made(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Callable[..., Scene]]:
    """Makes the scene with a kind of server and a kind of store."""
    with ExitStack() as stack:

        def make(kind: str, store: str = "sqlite") -> Scene:
            store_url = "" if store == "sqlite" else str(request.getfixturevalue("postgres_url"))
            if kind == "dovecot":
                place = dovecot_place(request.getfixturevalue("dovecot_pop3"))
            else:
                odd = ODD[kind]
                mood = Behaviour(absent=odd.absent, hidden=odd.hidden)
                place = stack.enter_context(fake_place(behaviour=mood))
            clock = LaterClock()
            home = tmp_path / "home"
            here = stack.enter_context(
                pop3_world(place.server, place.user, place.password, home, store_url, clock=clock)
            )
            return Scene(place, here, clock)

        yield make


SCENES = [
    *((kind, "sqlite") for kind in ("dovecot", *ODD)),
    *((kind, "postgres") for kind in ("dovecot", "no uidl")),
]


@pytest.fixture(params=SCENES, ids="-".join)
def scene(request: pytest.FixtureRequest, made: Callable[..., Scene]) -> Scene:
    return made(*request.param)


@pytest.fixture
def fake_scene(made: Callable[..., Scene]) -> Scene:
    return made("fake")


def test_what_is_new_comes_once_and_stays_on_the_server(scene: Scene) -> None:
    here, mails = scene.here, letters(range(1, 8))
    scene.place.deliver(mails[:5])
    assert scene.here.sync().new == 5
    here.quiet()
    scene.place.deliver(mails[5:])
    assert here.sync().new == 2
    here.quiet()
    assert here.held() == mails == scene.place.left()
    reports = here.verify()
    assert all(one.ok for one in reports.values()), reports
    assert here.account.state is AccountState.READY
    assert here.app.store.journal.open_debts(here.account_id) == []
    assert [one.id for one in search_mail(here.app, "Brief 3", None, 9)] == [here.ids()[2]]


def test_a_mail_is_dated_by_its_arrival(fake_scene: Scene) -> None:
    fake_scene.place.deliver([*letters([7]), b"Date: Tue, 3 Nov 2026 00:00:00 +0000\r\n\r\nx\r\n", b"x\r\n"])
    before = fake_scene.clock.now()
    fake_scene.here.sync()
    places = {p.uid: p for p in fake_scene.here.app.store.messages.list_placements(limit=9)}
    assert places[1].internal_date == 1793610420.0
    assert places[2].internal_date == 1793664000.0
    assert places[3].internal_date >= int(before)


def test_acts_on_collected_mail_stay_here(scene: Scene) -> None:
    here = scene.here
    scene.place.deliver(letters(range(1, 5)))
    here.sync()
    first, second, third, fourth = here.ids()
    act.change_flags(here.app, [first], add=[SEEN])
    act.archive(here.app, [second])
    act.delete(here.app, [third])
    act.delete(here.app, [fourth], for_good=True)
    here.quiet()
    assert here.ids() == [first]
    assert len(scene.place.left()) == 4
    act.undo(here.app, [third, fourth])
    assert sorted(here.ids()) == [first, third, fourth]
    here.quiet()


def test_deleted_on_the_server_as_soon_as_it_is_stored(scene: Scene) -> None:
    here, mails = scene.here, letters(range(1, 6))
    here.choose(AT_ONCE)
    scene.place.deliver(mails)
    report = here.sync()
    assert (report.new, report.pushed) == (5, 5)
    assert scene.place.left() == []
    assert here.held() == mails
    here.quiet()
    scene.place.deliver(letters([9]))
    assert here.sync().new == 1
    assert scene.place.left() == []


def test_deleted_on_the_server_after_days(scene: Scene) -> None:
    here, mails = scene.here, letters(range(1, 5))
    here.choose(OnServer(days=3))
    scene.place.deliver(mails[:2])
    here.sync()
    scene.clock.ahead += 2 * DAY
    scene.place.deliver(mails[2:])
    assert (here.sync().pushed, len(scene.place.left())) == (0, 4)
    scene.clock.ahead += 1 * DAY + 60
    assert here.sync().pushed == 2
    assert scene.place.left() == mails[2:]
    here.quiet()
    assert here.held() == mails


def test_deleted_on_the_server_when_deleted_here(scene: Scene) -> None:
    here, mails = scene.here, letters(range(1, 5))
    here.choose(MIRROR)
    scene.place.deliver(mails)
    here.sync()
    first, second, third, _ = here.ids()
    act.delete(here.app, [first])
    act.delete(here.app, [second], for_good=True)
    act.archive(here.app, [third])
    assert here.sync().pushed == 2
    assert scene.place.left() == mails[2:]
    here.quiet()
    act.undo(here.app, [second])
    assert second in here.ids(), "what the server lost is still here"


def test_the_choice_can_change_at_any_time(fake_scene: Scene) -> None:
    here = fake_scene.here
    fake_scene.place.deliver(letters(range(1, 4)))
    here.sync()
    address = here.account.address
    assert setup.keep_on_server(here.app, address, AT_ONCE).on_server == AT_ONCE
    assert here.sync().pushed == 3
    assert setup.keep_on_server(here.app, address, KEEP).on_server == KEEP
    assert here.app.store.accounts.get(here.account_id).pop3 == fake_scene.place.server


# --- what is the same mail -----------------------------------------------------------------------------


def test_ids_that_change_bring_nothing_twice(fake_scene: Scene) -> None:
    here, mails = fake_scene.here, letters(range(1, 6))
    fake_scene.place.deliver(mails)
    here.sync()
    for mail in fake_scene.fake.maildrop.mails:
        mail.uidl = f"neu-{mail.uidl}"
    fake_scene.place.deliver(letters([6]))
    report = here.sync()
    assert report.new == 1
    assert here.held() == [*mails, *letters([6])]
    retrieved = [word for word in fake_scene.fake.sessions[-1].commands if word.startswith("RETR")]
    assert retrieved == ["RETR 6"], "recognised by their headers, not downloaded"
    here.quiet()
    # Known by their header alone, they are compared before they are deleted there.
    here.choose(AT_ONCE)
    assert here.sync().pushed == 6
    assert sum(word.startswith("RETR") for word in fake_scene.fake.sessions[-1].commands) == 5
    assert fake_scene.place.left() == []


def test_two_mails_of_one_id_are_two(fake_scene: Scene) -> None:
    here, mails = fake_scene.here, letters(range(1, 4))
    fake_scene.place.deliver(mails)
    for mail in fake_scene.fake.maildrop.mails:
        mail.uidl = "dieselbe"
    assert here.sync().new == 3
    here.quiet()
    fake_scene.place.deliver(letters([4]))
    fake_scene.fake.maildrop.mails[-1].uidl = "dieselbe"
    assert here.sync().new == 1
    here.quiet()
    assert here.held() == [*mails, *letters([4])]
    here.choose(AT_ONCE)
    assert here.sync().pushed == 4
    assert fake_scene.place.left() == []


def test_an_id_given_again_to_another_mail_hides_nothing(fake_scene: Scene) -> None:
    here = fake_scene.here
    fake_scene.place.deliver(letters([1]))
    here.sync()
    uidl = fake_scene.fake.maildrop.mails[0].uidl
    fake_scene.fake.maildrop.mails.clear()
    fake_scene.place.deliver(letters([2], size=9))
    fake_scene.fake.maildrop.mails[0].uidl = uidl
    assert not here.verify()["INBOX"].ok, "another size under the same id"
    assert here.sync().new == 1
    here.quiet()
    assert here.held() == [*letters([1]), *letters([2], size=9)]
    assert here.verify()["INBOX"].ok


@pytest.mark.parametrize("absent", [frozenset[str](), frozenset({"TOP"})], ids=["top", "no top"])
@pytest.mark.parametrize("policy", [AT_ONCE, MIRROR], ids=["at once", "mirror"])
def test_the_id_of_a_deleted_mail_given_to_another_one_loses_nothing(
    fake_scene: Scene, policy: OnServer, absent: frozenset[str]
) -> None:
    """RFC 1939 section 7 allows it, and servers that count from one do it. The size is the same, too."""
    here, fake = fake_scene.here, fake_scene.fake
    fake.behaviour.absent = absent
    here.choose(policy)
    first, second, third = letters([1, 2, 3])
    assert len(first) == len(second) == len(third)
    fake_scene.place.deliver([first])
    assert here.sync().new == 1
    if policy == MIRROR:
        act.delete(here.app, here.ids(), for_good=True)
        here.sync()
    assert fake_scene.place.left() == []
    for another in (second, third):
        fake_scene.place.deliver([another])
        fake.maildrop.mails[0].uidl = f"{1:08x}5f0e"
        assert here.sync().new == 1
        assert here.held()[-1] == another
        if policy == MIRROR:
            assert fake_scene.place.left() == [another]
            here.quiet()
            act.delete(here.app, here.ids()[-1:], for_good=True)
            here.sync()
        assert fake_scene.place.left() == []


@pytest.mark.parametrize("absent", [frozenset[str](), frozenset({"TOP"})], ids=["top", "no top"])
def test_a_deletion_that_a_server_confirms_and_forgets_doubles_nothing(
    fake_scene: Scene, absent: frozenset[str]
) -> None:
    here, fake, mails = fake_scene.here, fake_scene.fake, letters([1, 2])
    fake.behaviour.absent = absent
    fake_scene.place.deliver(mails)
    kept = list(fake.maildrop.mails)
    here.choose(AT_ONCE)
    assert here.sync().new == 2
    for _ in range(3):
        fake.maildrop.mails[:] = kept
        report = here.sync()
        assert (report.new, report.pushed) == (0, 2)
    assert here.held() == mails


def test_the_same_mail_delivered_twice_is_there_twice(scene: Scene) -> None:
    here, (mail,) = scene.here, letters([1])
    scene.place.deliver([mail, mail])
    assert here.sync().new == 2
    here.quiet()
    scene.place.deliver([mail])
    assert here.sync().new == 1
    here.quiet()
    assert here.held() == [mail] * 3


def test_a_header_that_repeats_is_looked_into(fake_scene: Scene) -> None:
    """Same header, same size, other text, on a server without ids: deleted only after comparing."""
    fake = fake_scene.fake
    fake.behaviour.absent = frozenset({"UIDL"})
    here, (mail,) = fake_scene.here, letters([1])
    fake_scene.place.deliver([mail])
    here.sync()
    other = mail.replace(b"Text 1", b"Text 2")
    fake.maildrop.mails[0].raw = other
    here.choose(AT_ONCE)
    assert here.report().pushed == 0
    assert fake_scene.place.left() == [other]


def test_erased_mail_is_not_collected_again(fake_scene: Scene) -> None:
    here, mails = fake_scene.here, letters([1, 2])
    fake_scene.place.deliver(mails)
    here.sync()
    here.app.store.erase(here.ids()[:1], here.app.clock.now())
    here.quiet()
    assert here.held() == mails[1:]
    assert here.verify()["INBOX"].ok
    rows = here.app.store.collected.seen(here.account_id)
    assert [(row.sha256, row.head) for row in rows if row.message == 0] == [(b"", b"")]


# --- servers in a bad mood ---------------------------------------------------------------------------------


def test_a_mail_that_is_not_given_holds_up_no_other(fake_scene: Scene) -> None:
    here, mails = fake_scene.here, letters(range(1, 4))
    fake_scene.place.deliver(mails)
    fake_scene.fake.behaviour.replies["RETR 2"] = "-ERR broken"
    report = here.report()
    assert (report.new, report.failed) == (2, None)
    assert [problem.code for _, problem in report.problems] == ["pop3.no_mail"]
    assert here.verify(content=False)["INBOX"].missing == 1
    fake_scene.fake.behaviour.replies.clear()
    assert here.sync().new == 1
    assert sorted(here.held()) == sorted(mails)


@pytest.mark.parametrize("command", ["STAT", "LIST", "UIDL", "RETR", "TOP", "DELE", "QUIT", "CAPA"])
@pytest.mark.parametrize("policy", [KEEP, AT_ONCE])
def test_a_server_that_says_no_to_everything_in_turn(
    fake_scene: Scene, command: str, policy: OnServer
) -> None:
    here, mails = fake_scene.here, letters(range(1, 4))
    here.choose(policy)
    fake_scene.place.deliver(mails)
    fake_scene.fake.behaviour.replies[command] = "-ERR not today"
    report = here.report()
    assert (report.failed is not None) == (command == "LIST")
    stored = here.held()
    left = [mail.raw for mail in fake_scene.fake.maildrop.mails]
    assert all(mail in stored or mail in left for mail in mails), "nothing is lost"
    fake_scene.fake.behaviour.replies.clear()
    here.sync()
    here.quiet()
    assert sorted(here.held()) == sorted(mails)
    assert fake_scene.place.left() == ([] if policy == AT_ONCE else mails)


@pytest.mark.parametrize("reply", ["+OK 9 900", "+OK 0 0", "+OK x y", "+OK"])
def test_counts_that_lie_are_named_and_believed_by_nobody(fake_scene: Scene, reply: str) -> None:
    here, mails = fake_scene.here, letters(range(1, 4))
    fake_scene.place.deliver(mails)
    fake_scene.fake.behaviour.replies["STAT"] = reply
    report = here.report()
    assert (report.new, report.failed) == (3, None)
    lied = [problem.code for _, problem in report.problems]
    assert lied == (["pop3.listing_differs"] if "x" not in reply and reply != "+OK" else [])


def test_an_empty_listing_deletes_nothing_here(fake_scene: Scene) -> None:
    here, mails = fake_scene.here, letters(range(1, 4))
    fake_scene.place.deliver(mails)
    here.sync()
    kept = list(fake_scene.fake.maildrop.mails)
    fake_scene.fake.maildrop.mails.clear()
    here.quiet()
    assert here.held() == mails
    assert here.verify()["INBOX"].ok, "what lies only here is no difference"
    fake_scene.fake.maildrop.mails.extend(kept)
    here.quiet()


def test_a_locked_maildrop_is_tried_later(fake_scene: Scene) -> None:
    here = fake_scene.here
    fake_scene.place.deliver(letters([1]))
    fake_scene.fake.behaviour.lock = True
    other = fake_scene.place.client()
    report = here.report()
    assert report.failed is not None
    assert (report.failed.code, report.failed.parameters["code"]) == ("pop3.unavailable", "IN-USE")
    assert report.failed.retry_after is not None
    assert here.account.state is AccountState.FAILING
    other.quit()
    assert here.sync().new == 1
    assert here.account.problem is None


def test_a_pause_between_logins_is_kept(fake_scene: Scene) -> None:
    here, fake = fake_scene.here, fake_scene.fake
    fake.behaviour.more = ("LOGIN-DELAY 300",)
    fake_scene.place.deliver(letters([1]))
    here.sync()
    sessions = len(fake.sessions)
    report = here.report()
    assert [problem.code for _, problem in report.problems] == ["pop3.login_delay"]
    assert (report.failed, len(fake.sessions)) == (None, sessions), "nobody knocked"
    assert here.account.state is AccountState.READY
    fake_scene.clock.ahead += 295
    here.quiet()  # a few seconds are waited for
    assert len(fake.sessions) == sessions + 1


def test_what_expires_at_quit_is_stored_before(fake_scene: Scene) -> None:
    here, mails = fake_scene.here, letters(range(1, 4))
    fake_scene.fake.behaviour.expire_on_quit = True
    fake_scene.fake.behaviour.more = ("EXPIRE 0",)
    fake_scene.place.deliver(mails)
    assert here.sync().new == 3
    assert fake_scene.place.left() == []
    assert here.held() == mails
    here.quiet()


def test_a_mail_that_is_too_large_is_left_there(fake_scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    from eilbote.net import pop3 as net
    from eilbote.protocols.pop3.limits import Limits

    here = fake_scene.here
    opened = net.Pop3Session.open
    small = Limits(mail=5000)
    monkeypatch.setattr(
        net.Pop3Session, "open", lambda *args, **more: opened(*args, **{**more, "limits": small})
    )
    mails = [*letters([1]), *letters([2], size=9000), *letters([3])]
    fake_scene.place.deliver(mails)
    here.choose(AT_ONCE)
    report = here.report()
    assert report.failed is None
    assert [problem.code for _, problem in report.problems] == ["sync.too_large"]
    assert here.held() == [mails[0], mails[2]]
    assert fake_scene.place.left() == [mails[1]]


# --- set-up, previews, other mailboxes --------------------------------------------------------------------


def test_an_account_with_pop3_alone_is_added_and_tested(fake_scene: Scene) -> None:
    app, place = fake_scene.here.app, fake_scene.place
    server = f"127.0.0.1:{place.port}"
    wanted = setup.Wanted("neu@example.de", user=place.user, pop3=server, security="none")
    planned = setup.planned_account(app, wanted)
    assert (planned.imap, planned.pop3) == (None, place.server)
    good = asyncio.run(setup.add_account(app, planned, Secret(PASSWORD)))
    assert (good.error, good.account.state) == (None, AccountState.NEW)
    bad = asyncio.run(setup.change_account(app, "neu@example.de", wanted, Secret("falsch")))
    assert isinstance(bad.error, Refused)
    assert bad.account.state is AccountState.FAILING
    with pytest.raises(Misused) as misused:
        local = setup.planned_account(app, setup.Wanted("hier@example.de", local=True))
        asyncio.run(setup.add_account(app, local, Secret("")))
        setup.keep_on_server(app, "hier@example.de", MIRROR)
    assert misused.value.problem.code == "account.no_pop3"


def test_a_preview_changes_nothing(fake_scene: Scene) -> None:
    here = fake_scene.here
    fake_scene.place.deliver(letters(range(1, 4)))
    (preview,) = asyncio.run(preview_accounts(here.app, [here.account]))
    (fetch,) = preview.steps
    assert isinstance(fetch, Fetch) and str(fetch.uids) == "1:3"
    assert here.held() == []
    here.sync()
    here.choose(AT_ONCE)
    (preview,) = asyncio.run(preview_accounts(here.app, [here.account]))
    (push,) = preview.steps
    assert isinstance(push, Push) and (push.kind, str(push.uids)) == ("delete", "1:3")
    assert len(fake_scene.place.left()) == 3
    assert here.verify()["INBOX"].pending == 3


def test_only_the_inbox_collects(fake_scene: Scene) -> None:
    from eilbote.engine.owner import sync_accounts

    here = fake_scene.here
    fake_scene.place.deliver(letters([1]))
    here.sync()
    act.archive(here.app, here.ids())
    fake_scene.place.deliver(letters([2]))
    (report,) = asyncio.run(sync_accounts(here.app, mailbox="Archive"))
    assert (report.new, report.failed) == (0, None)
    (report,) = asyncio.run(sync_accounts(here.app, mailbox="Gibtsnicht"))
    assert report.failed is not None and report.failed.code == "mailbox.unknown"
    (report,) = asyncio.run(sync_accounts(here.app, mailbox="inbox"))
    assert report.new == 1


def test_content_that_differs_is_found(fake_scene: Scene) -> None:
    here, mails = fake_scene.here, letters([1, 2])
    fake_scene.place.deliver(mails)
    here.sync()
    fake_scene.fake.maildrop.mails[0].raw = mails[0].replace(b"Text", b"Test")
    assert here.verify(content=False)["INBOX"].ok
    report = here.verify(content=True)["INBOX"]
    assert (report.content_differ, report.examples, report.ok) == (1, (1,), False)


def test_many_mails_in_several_batches(fake_scene: Scene) -> None:
    here, mails = fake_scene.here, letters(range(1, 1201))
    fake_scene.place.deliver(mails)
    assert here.sync().new == 1200
    assert here.held() == mails
    here.quiet()


def test_an_account_that_is_removed_leaves_nothing(fake_scene: Scene) -> None:
    here = fake_scene.here
    fake_scene.place.deliver(letters([1]))
    here.sync()
    store, number = here.app.store, here.account_id
    setup.remove_account(here.app, here.account.address)
    assert store.collected.seen(number) == []
    assert store.collected.next_login(number) == 0.0
    with pytest.raises(Gone):
        store.accounts.get(number)
