"""The one door for changes: every act by every origin, contradictions, undo, and mail without a number."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from eilbote.engine import act
from eilbote.engine.act import Act, Origin
from eilbote.engine.mailboxes import create_mailbox, remove_mailbox, rename_mailbox, subscribe
from eilbote.errors import Gone, Misused, NotAllowed
from eilbote.mail.mailbox import FLAGGED, SEEN
from tests.engine.world import Options, RealServer, World, mail, world
from tests.servers.cyrus import CyrusOptions
from tests.servers.dovecot_settings import DovecotOptions

BARE = frozenset({"QRESYNC", "CONDSTORE", "MOVE", "UIDPLUS"})
KINDS: dict[str, Options] = {
    "full": DovecotOptions(),
    "bare": DovecotOptions(hidden=BARE),
    "cyrus": CyrusOptions(),
    "cyrus bare": CyrusOptions(hidden=BARE | {"OBJECTID"}),
}
CASES = [("full", "sqlite"), ("full", "postgres"), ("bare", "sqlite"), ("bare", "postgres")]
CASES += [("cyrus", "sqlite"), ("cyrus bare", "sqlite")]


@pytest.fixture(params=[("full", "sqlite"), ("full", "postgres"), ("cyrus", "sqlite")], ids="-".join)
def here(
    request: pytest.FixtureRequest, server_like: Callable[[Options], RealServer], tmp_path: Path
) -> Iterator[World]:
    """Two mails in the inbox, in step with a server that can all."""
    kind, store = request.param
    url = "" if store == "sqlite" else str(request.getfixturevalue("postgres_url"))
    with world(server_like(KINDS[kind]), tmp_path / "home", url) as made:
        made.server.append(made.user, [mail(1), mail(2)])
        made.sync()
        yield made


def settled(here: World) -> None:
    here.assert_same()
    again = here.sync()
    assert (again.new, again.changed, again.deleted, again.pushed) == (0, 0, 0, 0)
    assert not here.app.store.journal.open_debts(here.account.id)


# --- who may do what --------------------------------------------------------------------------------


@pytest.mark.parametrize("origin", list(Origin))
@pytest.mark.parametrize("deed", list(Act))
def test_each_origin_may_do_what_the_table_says(origin: Origin, deed: Act) -> None:
    if deed in act.ALLOWED[origin]:
        act.check_allowed(origin, deed)
        return
    with pytest.raises(NotAllowed) as refused:
        act.check_allowed(origin, deed)
    assert refused.value.problem.parameters == {"origin": origin.value, "act": deed.value}


def test_the_door_is_shut_for_every_act_that_the_assistant_may_not_do(here: World) -> None:
    (first, *_) = here.ids().values()
    shut: list[Callable[[], object]] = [
        lambda: act.copy(here.app, [first], "Archive", origin=Origin.ASSISTANT),
        lambda: act.delete(here.app, [first], origin=Origin.ASSISTANT),
        lambda: act.append(here.app, here.account, "INBOX", mail(9), origin=Origin.ASSISTANT),
        lambda: create_mailbox(here.app, here.account, "Neu", origin=Origin.ASSISTANT),
        lambda: rename_mailbox(here.app, here.account, "Archive", "Neu", origin=Origin.ASSISTANT),
        lambda: remove_mailbox(here.app, here.account, "Archive", origin=Origin.ASSISTANT),
        lambda: subscribe(here.app, here.account, "Archive", False, origin=Origin.ASSISTANT),
    ]
    for attempt in shut:
        with pytest.raises(NotAllowed):
            attempt()
    assert not here.app.store.journal.open_debts(here.account.id), "nothing was done"


def test_the_journal_names_who_did_it(here: World) -> None:
    (first, second) = here.ids().values()
    act.change_flags(here.app, [first], add=[SEEN], origin=Origin.RULE)
    act.archive(here.app, [second], origin=Origin.ASSISTANT)
    origins = [debt.origin for debt in here.app.store.journal.open_debts(here.account.id)]
    assert origins == ["rule", "assistant"]


# --- what makes no sense ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("add", "remove"), [([], []), (["wort"], ["wort"]), (["\\seen"], ["\\SEEN"]), (["a", "b"], ["b"])]
)
def test_contradictions_are_refused(here: World, add: list[str], remove: list[str]) -> None:
    with pytest.raises(Misused) as misused:
        act.change_flags(here.app, list(here.ids().values()), add, remove)
    assert misused.value.problem.code == "flag.contradiction"


@pytest.mark.parametrize(
    "flag", ["", "\\", "\\Recent", "a b", "a\r\nX", "a\0", "ä", "(", "]", "x" * 101, "a*", '"']
)
def test_flags_that_imap_has_no_words_for(here: World, flag: str) -> None:
    with pytest.raises(Misused) as misused:
        act.change_flags(here.app, list(here.ids().values()), add=[flag])
    assert misused.value.problem.code == "flag.invalid"
    assert not here.app.store.journal.open_debts(here.account.id)


def test_mails_and_mailboxes_that_are_not_there(here: World) -> None:
    (first, *_) = here.ids().values()
    nowhere: list[tuple[Callable[[], object], str]] = [
        (lambda: act.change_flags(here.app, [10**9], add=[SEEN]), "message.unknown"),
        (lambda: act.move(here.app, [first], "Gibtsnicht"), "mailbox.unknown"),
        (lambda: act.move(here.app, [first], "Archive", source="Junk"), "message.not_there"),
        (lambda: act.undo(here.app, [first]), "undo.nothing"),
        (lambda: act.append(here.app, here.account, "Gibtsnicht", mail(9)), "mailbox.unknown"),
    ]
    for attempt, code in nowhere:
        with pytest.raises(Gone) as gone:
            attempt()
        assert gone.value.problem.code == code
    assert not here.app.store.journal.open_debts(here.account.id)


@pytest.mark.parametrize(
    "name", ["", "  ", "INBOX", "inbox", "a\nb", "a\0b", "x" * 1001, "/", "/a", "a/", "a//b", "a/ /b"]
)
def test_mailbox_names_that_cannot_be(here: World, name: str) -> None:
    with pytest.raises(Misused) as misused:
        create_mailbox(here.app, here.account, name)
    assert misused.value.problem.code == "mailbox.bad_name"


@pytest.mark.parametrize("new", ["Archive", "Archive/2026"])
def test_a_mailbox_cannot_be_renamed_into_itself(here: World, new: str) -> None:
    with pytest.raises(Misused) as misused:
        rename_mailbox(here.app, here.account, "Archive", new)
    assert misused.value.problem.code == "mailbox.into_itself"


def test_the_inbox_stays(here: World) -> None:
    with pytest.raises(Misused):
        remove_mailbox(here.app, here.account, "INBOX")
    with pytest.raises(Misused):
        rename_mailbox(here.app, here.account, "INBOX", "Anders")


# --- every act reaches the server -------------------------------------------------------------------


def test_junk_archive_and_a_move_by_role(here: World) -> None:
    here.server.append(here.user, [mail(3)])
    here.sync()
    ids = here.ids()
    act.junk(here.app, [ids[1]])
    act.archive(here.app, [ids[2]])
    act.move(here.app, [ids[3]], "trash")
    here.sync()
    assert {box: len(mails) for box, mails in here.truth().items()} == {"Junk": 1, "Archive": 1, "Trash": 1}
    settled(here)


def test_a_move_to_where_it_lies_is_nothing(here: World) -> None:
    assert act.move(here.app, list(here.ids().values()), "INBOX") == []


def test_a_copy_beside_the_original(here: World) -> None:
    act.copy(here.app, [here.ids()[1]], "INBOX")
    here.sync()
    assert sorted(raw for _, raw in here.truth()["INBOX"].values()) == sorted([mail(1), mail(1), mail(2)])
    settled(here)


def test_subscriptions(here: World) -> None:
    create_mailbox(here.app, here.account, "Neu")
    here.sync()
    subscribe(here.app, here.account, "Neu", False)
    here.sync()
    with here.server.imap(here.user) as client:
        assert b"Neu" not in b" ".join(row for row in client.lsub()[1] if isinstance(row, bytes))
    subscribe(here.app, here.account, "Neu", True)
    here.sync()
    with here.server.imap(here.user) as client:
        assert b"Neu" in b" ".join(row for row in client.lsub()[1] if isinstance(row, bytes))


# --- undo -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("between", [False, True], ids=["before it left", "after it left"])
def test_undo_of_several_in_a_row(here: World, between: bool) -> None:
    """Flag, flag, move, move: taken back one by one, in the opposite order."""
    chosen = here.ids()[1]
    deeds: list[Callable[[], object]] = [
        lambda: act.change_flags(here.app, [chosen], add=[FLAGGED]),
        lambda: act.change_flags(here.app, [chosen], add=["wort"], remove=[FLAGGED]),
        lambda: act.archive(here.app, [chosen]),
        lambda: act.move(here.app, [chosen], "Junk"),
    ]

    def shown() -> tuple[str, frozenset[str]]:
        (place,) = here.app.store.messages.get(chosen)
        return place.mailbox, place.flags

    states = [shown()]
    for deed in deeds:
        deed()
        states.append(shown())
        if between:
            here.sync()
    for before in reversed(states[:-1]):
        act.undo(here.app, [chosen])
        assert shown() == before
        if between:
            here.sync()
    here.sync()
    assert sorted(raw for _, raw in here.truth()["INBOX"].values()) == sorted([mail(1), mail(2)])
    settled(here)
    with pytest.raises(Gone):
        act.undo(here.app, [chosen])


@pytest.mark.parametrize("between", [False, True], ids=["before it left", "after it left"])
@pytest.mark.parametrize("deed", ["append", "copy", "delete"])
def test_undo_of_what_made_or_ended_a_mail(here: World, deed: str, between: bool) -> None:
    chosen = here.ids()[1]
    if deed == "append":
        chosen, _ = act.append(here.app, here.account, "Archive", mail(5))
    elif deed == "copy":
        act.copy(here.app, [chosen], "Archive")
        chosen = next(iter(here.ids("Archive").values()))
    else:
        act.delete(here.app, [chosen], for_good=True)
    if between:
        here.sync()
    act.undo(here.app, [chosen])
    here.sync()
    here.sync()
    assert sorted(raw for _, raw in here.truth()["INBOX"].values()) == sorted([mail(1), mail(2)])
    assert "Archive" not in here.truth()
    settled(here)


# --- mail that waits for its number -----------------------------------------------------------------


@pytest.mark.parametrize(("kind", "store"), CASES, ids=map("-".join, CASES))
@pytest.mark.parametrize("deed", ["flag", "move", "copy", "delete", "move twice"])
def test_acting_on_a_mail_that_waits_for_its_number(
    deed: str,
    kind: str,
    store: str,
    server_like: Callable[[Options], RealServer],
    tmp_path: Path,
    request: pytest.FixtureRequest,
) -> None:
    url = "" if store == "sqlite" else str(request.getfixturevalue("postgres_url"))
    with world(server_like(KINDS[kind]), tmp_path / "home", url) as here:
        here.sync()
        chosen, _ = act.append(here.app, here.account, "INBOX", mail(7))
        if deed == "flag":
            act.change_flags(here.app, [chosen], add=[FLAGGED])
        elif deed == "copy":
            act.copy(here.app, [chosen], "Archive")
        elif deed == "delete":
            act.delete(here.app, [chosen], for_good=True)
        else:
            act.move(here.app, [chosen], "Archive")
            if deed == "move twice":
                act.move(here.app, [chosen], "Junk")
        for _ in range(4):
            here.sync()
        lying = {
            "flag": {"INBOX": 1},
            "move": {"Archive": 1},
            "copy": {"INBOX": 1, "Archive": 1},
            "delete": {},
            "move twice": {"Junk": 1},
        }
        with here.server.imap(here.user) as client:
            found = {}
            for box in ("INBOX", "Archive", "Junk"):
                client.select(box)
                count = len(client.uid("SEARCH", "UNDELETED")[1][0].split())
                if count:
                    found[box] = count
        assert found == lying[deed]
        assert not here.app.store.journal.open_debts(here.account.id)
        here.assert_same()


# --- many at once -----------------------------------------------------------------------------------


def test_an_act_on_several_mails_is_done_for_all_or_for_none(here: World) -> None:
    known = list(here.ids().values())
    attempts: list[Callable[[], object]] = [
        lambda: act.change_flags(here.app, [*known, 10**9], add=[SEEN]),
        lambda: act.archive(here.app, [*known, 10**9]),
        lambda: act.copy(here.app, [*known, 10**9], "Archive"),
        lambda: act.delete(here.app, [*known, 10**9]),
    ]
    for attempt in attempts:
        with pytest.raises(Gone):
            attempt()
    assert not here.app.store.journal.open_debts(here.account.id)
    here.assert_same()
