"""Rules that the account's own server carries out: a real Dovecot with Pigeonhole sorts what it delivers, and
nobody sorts it twice."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection, Iterator, Sequence
from datetime import date
from pathlib import Path

import pytest

from eilbote.config import Config
from eilbote.engine import place_rules, settle_rules, setup
from eilbote.engine.act import Origin
from eilbote.engine.app import open_app
from eilbote.engine.owner import sync_accounts
from eilbote.engine.place_rules import activate, name_server, push, take_back
from eilbote.engine.pull_rules import look, pull
from eilbote.engine.push_scripts import OWN_NAME, ServerScripts, open_scripts
from eilbote.engine.rule_scripts import Entry, entries_of
from eilbote.engine.settle_rules import SETTLED_AFTER
from eilbote.errors import Gone, NotAllowed, Refused, Unreachable
from eilbote.secret import Secret
from eilbote.sieve.rule import Rule
from eilbote.sieve.server_script import Found, build_for_server
from eilbote.store.values import Security, Server
from tests.engine.placing import (
    BOOK,
    deliver,
    killed,
    later,
    made,
    on_server,
    passes,
    places,
    pushed,
    save,
    sorted_once,
)
from tests.engine.test_filter import lying
from tests.engine.world import World, world
from tests.servers.cyrus import Cyrus, CyrusOptions
from tests.servers.dovecot import Dovecot
from tests.servers.dovecot_settings import DovecotOptions
from tests.servers.ports import free_ports


@pytest.fixture(params=["sqlite", "postgres"])
def store_url(request: pytest.FixtureRequest) -> str:
    return "" if request.param == "sqlite" else str(request.getfixturevalue("postgres_url"))


@pytest.fixture(scope="module")
def sieving(dovecot_like: Callable[[DovecotOptions], Dovecot]) -> Dovecot:
    """IMAP and ManageSieve on plain lines of this machine."""
    return dovecot_like(DovecotOptions(sieve=True))


@pytest.fixture
def kim(sieving: Dovecot, tmp_path: Path) -> Iterator[World]:
    with made(sieving, tmp_path / "home") as opened:
        yield opened


@pytest.fixture
def both(sieving: Dovecot, tmp_path: Path, store_url: str) -> Iterator[World]:
    """On both stores."""
    with made(sieving, tmp_path / "home", store_url) as opened:
        yield opened


def test_the_server_sorts_and_nobody_does_so_again(both: World) -> None:
    save(both, BOOK)
    done = pushed(both)
    assert (done.there, [stay.name for stay in done.stays]) == (("Kopie", "Rechnungen"), ["Wichtig"])
    assert done.stays[0].why.code == "rules.stays.knows"
    assert places(both) == {"Rechnungen": "server", "Kopie": "server", "Wichtig": "here"}
    text = both.app.store.rule_book.get().text
    assert "# Rechnungen zuerst" in text
    deliver(both, "Rechnung 1", "Kopie 1", "Hallo")
    both.sync()
    both.sync()
    assert lying(both) == {
        "INBOX": ["Hallo", "Kopie 1"],
        "Buchhaltung": ["Rechnung 1 $Bezahlen"],
        "Kopien": ["Kopie 1"],
    }
    assert both.app.store.rule_runs.history() == []
    both.assert_same()


# --- killed at every step ----------------------------------------------------------------------------------


PUSHING = ["save", "push", "activate", "save"]


@pytest.mark.parametrize("after", [False, True])
@pytest.mark.parametrize("at", range(len(PUSHING)))
def test_a_push_killed_at_any_step_leaves_rules_in_one_place(
    kim: World, monkeypatch: pytest.MonkeyPatch, at: int, after: bool
) -> None:
    save(kim, BOOK)
    assert killed(kim, monkeypatch, lambda: pushed(kim), at, after=after) == PUSHING[: at + 1]
    pushed(kim)
    assert set(places(kim).values()) == {"server", "here"}
    deliver(kim, "Rechnung 2", "Kopie 2")
    kim.sync()
    kim.sync()
    sorted_once(kim, 2)


BACK = ["save", "deactivate", "delete", "save"]


@pytest.mark.parametrize("after", [False, True])
@pytest.mark.parametrize("at", range(len(BACK)))
def test_taking_back_killed_at_any_step_leaves_rules_in_one_place(
    kim: World, monkeypatch: pytest.MonkeyPatch, at: int, after: bool
) -> None:
    save(kim, BOOK)
    pushed(kim)

    def back() -> None:
        asyncio.run(take_back(kim.app, kim.account))

    assert killed(kim, monkeypatch, back, at, after=after) == BACK[: at + 1]
    back()
    assert set(places(kim).values()) == {"here"}
    assert on_server(kim) == (None, "")
    deliver(kim, "Rechnung 2", "Kopie 2")
    kim.sync()
    kim.sync()
    sorted_once(kim, 2)


def test_killed_in_the_middle_on_both_stores(both: World, monkeypatch: pytest.MonkeyPatch) -> None:
    save(both, BOOK)
    assert killed(both, monkeypatch, lambda: pushed(both), 2, after=True) == PUSHING[:3]
    assert places(both)["Rechnungen"] == "server"


def test_two_pushes_at_once_are_one(both: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """Another process begins between the look and the edit: one of the two is told to wait."""
    save(both, BOOK)
    put = ServerScripts.push
    codes: list[str] = []

    async def putting(scripts: ServerScripts, *given: object, **options: object) -> object:
        with pytest.raises(NotAllowed) as refused:
            await push(both.app, both.account)
        codes.append(refused.value.problem.code)
        return await put(scripts, *given, **options)  # type: ignore[arg-type]

    monkeypatch.setattr(ServerScripts, "push", putting)
    assert pushed(both).there == ("Kopie", "Rechnungen")
    assert codes == ["rules.push_under_way"]


def test_mail_that_comes_during_a_change_is_sorted_once(both: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """What comes while a script is on its way there or back: before it filters, and while it still does."""
    save(both, BOOK)

    def arriving(name: str, number: int) -> None:
        step = getattr(ServerScripts, name)

        async def doing(*given: object, **options: object) -> object:
            deliver(both, f"Rechnung {number}", f"Kopie {number}")
            return await step(*given, **options)

        monkeypatch.setattr(ServerScripts, name, doing)

    arriving("push", 1)
    arriving("deactivate", 2)
    pushed(both)
    both.sync()
    both.sync()
    sorted_once(both, 1)
    assert len(both.app.store.rule_runs.history()) == 2
    asyncio.run(take_back(both.app, both.account))
    both.sync()
    both.sync()
    sorted_once(both, 2)
    assert len(both.app.store.rule_runs.history()) == 2


@pytest.mark.parametrize("after", [False, True])
def test_a_line_that_breaks_leaves_the_question_to_the_next_pass(
    kim: World, monkeypatch: pytest.MonkeyPatch, after: bool
) -> None:
    save(kim, BOOK)
    step = ServerScripts.activate

    async def breaking(scripts: ServerScripts, *given: object, **options: object) -> None:
        if after:
            await step(scripts, *given, **options)  # type: ignore[arg-type]
        raise Unreachable("net.closed", host="x", port=1)

    with monkeypatch.context() as patch:
        patch.setattr(ServerScripts, "activate", breaking)
        with pytest.raises(Unreachable):
            pushed(kim)
    assert "pending" in places(kim).values()
    deliver(kim, "Rechnung 1", "Kopie 1")
    assert passes(kim) == ["rules.push_under_way"]
    later(monkeypatch, SETTLED_AFTER + 1)
    kim.sync()
    kim.sync()
    assert places(kim)["Kopie"] == ("server" if after else "here")
    sorted_once(kim, 1)


def test_a_server_that_hangs_is_given_up(kim: World, monkeypatch: pytest.MonkeyPatch) -> None:
    save(kim, BOOK)

    async def hanging(*_given: object, **_options: object) -> None:
        await asyncio.Event().wait()

    monkeypatch.setattr(settle_rules, "UNDER_WAY_SECONDS", 0.05)
    monkeypatch.setattr(ServerScripts, "push", hanging)
    with pytest.raises(Unreachable) as unreachable:
        pushed(kim)
    assert unreachable.value.problem.code == "net.timeout"
    assert "pending" in places(kim).values()


# --- what goes wrong ---------------------------------------------------------------------------------------


def test_a_rule_that_the_server_refuses_stays_here(kim: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """Pigeonhole reads a script of its own mind: what it refuses is named, and nothing has changed."""
    save(kim, BOOK)

    def wrong(entries: Sequence[Entry], available: Collection[str], today: date) -> str:
        text = build_for_server(entries, available, today)
        return text.replace('fileinto :copy :create "Kopien"', 'fileinto :nope "Kopien"')

    monkeypatch.setattr(place_rules, "build_for_server", wrong)
    with pytest.raises(Refused) as refused:
        pushed(kim)
    assert refused.value.problem.code == "rules.refused_there"
    assert refused.value.problem.parameters["rule"] == "Kopie"
    assert set(places(kim).values()) == {"here"}
    assert on_server(kim) == (None, "")
    deliver(kim, "Rechnung 1", "Kopie 1")
    kim.sync()
    kim.sync()
    sorted_once(kim, 1)


def test_a_server_without_managesieve(kim: World) -> None:
    save(kim, BOOK)
    (port,) = free_ports(1)
    kim.account = name_server(kim.app, kim.account, Server("127.0.0.1", port, Security.NONE))
    with pytest.raises(Unreachable):
        pushed(kim)
    assert set(places(kim).values()) == {"here"}


def test_a_full_server_changes_nothing(
    dovecot_like: Callable[[DovecotOptions], Dovecot], tmp_path: Path
) -> None:
    with made(dovecot_like(DovecotOptions(sieve=True, most_scripts=1)), tmp_path / "home") as kim:
        save(kim, BOOK)
        asyncio.run(written(kim, "anderes", "keep;", active=False))
        with pytest.raises(Refused) as refused:
            pushed(kim)
        assert refused.value.problem.code in ("managesieve.quota", "managesieve.too_many_scripts")
        assert set(places(kim).values()) == {"here"}


# --- beside other programs ---------------------------------------------------------------------------------


async def written(kim: World, name: str, text: str, *, active: bool = True) -> None:
    """Another program stores a script."""
    async with open_scripts(kim.app, kim.account) as scripts:
        await scripts.push(name, text, overwrite=True)
        if active:
            await scripts.activate(name, replace=True)


ROUNDCUBE = """require ["fileinto", "mailbox"];
# rule:[Liste]
if header :contains "subject" "Liste"
{
\tfileinto :create "Listen";
}
"""


def test_another_script_is_replaced_only_when_told(kim: World) -> None:
    save(kim, BOOK)
    asyncio.run(written(kim, "roundcube", ROUNDCUBE))
    with pytest.raises(NotAllowed) as refused:
        pushed(kim)
    assert refused.value.problem.code == "managesieve.other_active"
    assert set(places(kim).values()) == {"here"}
    assert pushed(kim, replacing=True).there == ("Kopie", "Rechnungen")
    assert on_server(kim)[0] == OWN_NAME


def test_what_another_program_changed_is_told_and_kept(kim: World) -> None:
    save(kim, BOOK)
    pushed(kim)
    assert not pushed(kim).changed
    changed = on_server(kim)[1].replace("Buchhaltung", "Anderswo")
    asyncio.run(written(kim, OWN_NAME, changed))
    (script,) = asyncio.run(look(kim.app, kim.account)).scripts
    assert script.found is Found.FOREIGN
    with pytest.raises(Refused) as refused:
        pushed(kim)
    assert refused.value.problem.code == "managesieve.changed_there"
    assert on_server(kim)[1] == changed
    pushed(kim, replacing=True)
    assert "Buchhaltung" in on_server(kim)[1]


def test_another_program_is_quicker(kim: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """It switches its script on, or changes ours, between our look and our step."""
    save(kim, BOOK)
    activating, pushing = ServerScripts.activate, ServerScripts.push

    async def late(scripts: ServerScripts, name: str, **options: object) -> None:
        await pushing(scripts, "roundcube", ROUNDCUBE)
        await activating(scripts, "roundcube")
        await activating(scripts, name, **options)  # type: ignore[arg-type]

    with monkeypatch.context() as patch, pytest.raises(NotAllowed) as refused:
        patch.setattr(ServerScripts, "activate", late)
        pushed(kim)
    assert refused.value.problem.code == "managesieve.other_active"
    assert on_server(kim)[0] == "roundcube"
    assert set(places(kim).values()) == {"here"}
    pushed(kim, replacing=True)
    save(kim, kim.app.store.rule_book.get().text.replace("Buchhaltung", "Belege"))

    async def changed(scripts: ServerScripts, name: str, text: str, **options: object) -> object:
        await pushing(scripts, OWN_NAME, ROUNDCUBE, overwrite=True)
        return await pushing(scripts, name, text, **options)  # type: ignore[arg-type]

    with monkeypatch.context() as patch, pytest.raises(Refused) as refused_put:
        patch.setattr(ServerScripts, "push", changed)
        pushed(kim)
    assert refused_put.value.problem.code == "managesieve.changed_there"
    assert on_server(kim) == (OWN_NAME, ROUNDCUBE)


def test_a_changed_book_is_told_and_pushed_again(kim: World) -> None:
    save(kim, BOOK)
    pushed(kim)
    save(kim, kim.app.store.rule_book.get().text.replace("Buchhaltung", "Belege"))
    (script,) = asyncio.run(look(kim.app, kim.account)).scripts
    assert script.found is Found.OLD
    assert pushed(kim).changed
    deliver(kim, "Rechnung 1")
    kim.sync()
    assert lying(kim) == {"Belege": ["Rechnung 1 $Bezahlen"]}


def test_whoever_switches_another_script_on_is_told_of_lost_rules(kim: World) -> None:
    save(kim, BOOK)
    pushed(kim)
    asyncio.run(written(kim, "roundcube", ROUNDCUBE))
    found = asyncio.run(look(kim.app, kim.account))
    assert (found.there, found.lost, found.both) == ((), ("Rechnungen", "Kopie"), ())
    asyncio.run(activate(kim.app, kim.account, OWN_NAME, replacing=True))
    assert asyncio.run(look(kim.app, kim.account)).lost == ()


def test_activating_another_script_brings_rules_back_here(kim: World) -> None:
    save(kim, BOOK)
    pushed(kim)
    asyncio.run(written(kim, "roundcube", ROUNDCUBE, active=False))
    with pytest.raises(NotAllowed):
        asyncio.run(activate(kim.app, kim.account, "roundcube"))
    done = asyncio.run(activate(kim.app, kim.account, "roundcube", replacing=True))
    assert done.there == ()
    assert set(places(kim).values()) == {"here"}
    deliver(kim, "Rechnung 1", "Kopie 1", "Liste 1")
    kim.sync()
    kim.sync()
    sorted_once(kim, 1)
    assert lying(kim)["Listen"] == ["Liste 1"]


def test_what_filters_there_is_pulled_as_carried_out_there(both: World) -> None:
    asyncio.run(written(both, "roundcube", ROUNDCUBE))
    pulled = asyncio.run(pull(both.app, both.account))
    assert [one.name for one in pulled.entries] == ["Liste"]
    assert places(both) == {"Liste": "server"}
    again = asyncio.run(pull(both.app, both.account))
    assert (again.entries, again.known) == ((), 1)
    deliver(both, "Liste 1")
    both.sync()
    assert lying(both) == {"Listen": ["Liste 1"]}
    asyncio.run(take_back(both.app, both.account))
    assert places(both) == {"Liste": "here"}
    deliver(both, "Liste 2")
    both.sync()
    both.sync()
    assert lying(both) == {"Listen": ["Liste 1", "Liste 2"]}
    assert len(both.app.store.rule_runs.history()) == 1


def test_what_does_not_filter_is_pulled_switched_off(kim: World) -> None:
    asyncio.run(written(kim, "urlaub", 'require "vacation";\nvacation "Weg";\n', active=False))
    hard = 'require "variables";\nset "a" "b";\nkeep;\n'
    asyncio.run(written(kim, "schwer", hard, active=False))
    for name in ("urlaub", "schwer"):
        assert not asyncio.run(pull(kim.app, kim.account, name)).active
    on = [one.enabled if isinstance(one, Rule) else one.run for one in entries_of(kim.app, kim.account)]
    assert (set(places(kim).values()), on) == ({"here"}, [False, False])
    with pytest.raises(Gone) as gone:
        asyncio.run(pull(kim.app, kim.account))
    assert gone.value.problem.code == "rules.nothing_there"


@pytest.mark.parametrize("name", ["x" * 205, "Büro [1] 'a' \"b\"", "a  b"])
def test_a_script_of_any_name_can_be_pulled(kim: World, name: str) -> None:
    for hard in ('require "variables";\nset "a" "b";\nkeep;\n', "keep;\n# ''' \\u0041\n"):
        asyncio.run(written(kim, name, hard))
        (entry,) = asyncio.run(pull(kim.app, kim.account)).entries
        assert len(entry.name) <= 200
        assert asyncio.run(pull(kim.app, kim.account)).known == 1


def test_a_script_alone_goes_there_as_it_is(kim: World) -> None:
    script = 'require ["fileinto", "variables"];\nset "x" "Ziel";\nfileinto :create "${x}";\n'
    save(kim, f"[[script]]\nname = \"eigenes\"\nsieve = '''\n{script.replace(':create ', '')}'''\n")
    assert pushed(kim).there == ("eigenes",)
    assert asyncio.run(look(kim.app, kim.account)).there == ("eigenes",)
    assert asyncio.run(pull(kim.app, kim.account)).entries == ()


@pytest.mark.parametrize("origin", [Origin.RULE, Origin.ASSISTANT])
def test_only_a_person_says_where_rules_run(kim: World, origin: Origin) -> None:
    save(kim, BOOK)
    for step in (push, take_back, pull):
        with pytest.raises(NotAllowed) as refused:
            asyncio.run(step(kim.app, kim.account, origin=origin))
        assert refused.value.problem.code == "act.not_allowed"


def test_cyrus_takes_them_and_gives_them_back(
    cyrus_like: Callable[[CyrusOptions], Cyrus], tmp_path: Path
) -> None:
    cyrus = cyrus_like(CyrusOptions(sieve=True))
    with world(cyrus, tmp_path / "home") as kim:
        kim.account = name_server(kim.app, kim.account, Server(cyrus.host, cyrus.sieve_port, Security.NONE))
        with cyrus.imap(kim.user):
            pass  # the first login makes the mailboxes, without which Cyrus takes no scripts
        kim.sync()
        save(kim, BOOK)
        assert pushed(kim).there == ("Kopie", "Rechnungen")
        found = asyncio.run(look(kim.app, kim.account))
        assert [(one.name, one.active, one.found) for one in found.scripts] == [(OWN_NAME, True, Found.SAME)]
        assert found.there == ("Rechnungen", "Kopie")
        asyncio.run(take_back(kim.app, kim.account))
        assert set(places(kim).values()) == {"here"}
        assert asyncio.run(look(kim.app, kim.account)).scripts == ()


def test_without_a_server_nothing_stays_on_its_way(tmp_path: Path) -> None:
    """Whoever writes `pending` into the book of a local account would wait for ever."""
    with open_app(Config(home=tmp_path / "home", key_file=str(tmp_path / "key"))) as app:
        planned = setup.planned_account(app, setup.Wanted("kim@example.de", local=True))
        account = asyncio.run(setup.add_account(app, planned, Secret(""))).account
        app.store.rule_book.save(BOOK.replace("[[rule]]\n", '[[rule]]\nwhere = "pending"\n', 1), 0, 1.0)
        asyncio.run(sync_accounts(app))
        assert {one.where.value for one in entries_of(app, account)} == {"here"}
