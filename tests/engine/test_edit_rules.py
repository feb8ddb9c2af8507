"""The rule book is changed by several at once, on both stores, and never holds what cannot be carried out."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager
from pathlib import Path

import pytest

from eilbote.config import Config
from eilbote.engine import edit_rules as door
from eilbote.engine.app import App, open_app
from eilbote.errors import Gone, Misused, NotAllowed
from eilbote.sieve.rule import Flagging, How, Keep, Mark, Move, OwnScript, Rule, Subject
from eilbote.sieve.rule_text import entry_text


@pytest.fixture(params=["sqlite", "postgres"])
def app(
    request: pytest.FixtureRequest,
    tmp_path: Path,
    fresh_store: Callable[[str], AbstractContextManager[str]],
) -> Iterator[App]:
    with (
        fresh_store(request.param) as url,
        open_app(Config(tmp_path / "home", store=url, key_file=str(tmp_path / "key"))) as opened,
    ):
        yield opened


def rule(name: str, mailbox: str = "A") -> Rule:
    return Rule(name, (Subject(False, (name,)),), (Move(mailbox),), stop=True)


def names(app: App) -> list[str]:
    return [entry.name for entry in door.entries(app)]


def test_rules_are_added_replaced_ordered_switched_and_removed(app: App) -> None:
    added = door.add_entries(app, (rule("Eins"), rule("Zwei"), rule("eins")))
    assert [entry.name for entry in added] == names(app) == ["Eins", "Zwei", "eins (2)"]
    door.add_entries(app, (rule("Drei"), rule("Vier")), 1)
    assert names(app) == ["Eins", "Drei", "Vier", "Zwei", "eins (2)"]
    door.replace_entry(app, "zwei", rule("Zwo", "B"))
    assert door.entry_named(app, "ZWO") == rule("Zwo", "B")
    door.order_entry(app, "Zwo", 0)
    door.switch_entries(app, ("Eins", "Zwo"), False)
    assert [(entry.name, entry.enabled) for entry in door.entries(app) if isinstance(entry, Rule)][:3] == [
        ("Zwo", False), ("Eins", False), ("Drei", True),
    ]  # fmt: skip
    door.switch_entries(app, ("Zwo",), True)
    door.remove_entries(app, ("Drei", "Vier", "eins (2)"))
    assert names(app) == ["Zwo", "Eins"]
    before = door.saved_book(app)
    assert door.switch_entries(app, ("Zwo",), True) == before


def test_of_several_names_one_unknown_changes_nothing(app: App) -> None:
    door.add_entries(app, (rule("Eins"),))
    before = door.saved_book(app)
    for change in (door.remove_entries, lambda app, given: door.switch_entries(app, given, False)):
        with pytest.raises(Gone, match=r"rules\.unknown"):
            change(app, ("Eins", "Nichts"))
    assert door.saved_book(app) == before
    with pytest.raises(Gone, match=r"rules\.unknown"):
        door.entry_named(app, "Nichts")


def test_all_who_change_single_rules_at_once_have_their_way(app: App) -> None:
    with ThreadPoolExecutor(4) as threads:
        list(threads.map(lambda number: door.add_entries(app, (rule(f"Regel {number}"),)), range(4)))
    assert sorted(names(app)) == [f"Regel {number}" for number in range(4)]


def test_a_change_that_never_finds_the_book_at_rest_ends(app: App, monkeypatch: pytest.MonkeyPatch) -> None:
    real = app.store.rule_book.save

    def overtaken(content: str, revision: int, now: float, origin: str = "user") -> object:
        real(f"# {revision}\n", revision, now, origin)
        return real(content, revision, now, origin)

    monkeypatch.setattr(app.store.rule_book, "save", overtaken)
    with pytest.raises(NotAllowed, match=r"rules\.changed_meanwhile"):
        door.add_entries(app, (rule("Eins"),))


def test_of_two_whole_texts_the_second_is_refused(app: App) -> None:
    first = door.save_text(app, "# eins\n", 0)
    with pytest.raises(NotAllowed, match=r"rules\.changed_meanwhile"):
        door.save_text(app, "# zwei\n", 0)
    assert door.saved_book(app) == first


def test_what_is_no_right_sieve_is_not_saved(app: App) -> None:
    bad = Rule("Muster", (Subject(False, ("(",), How.REGEX),), (Keep(),))
    with pytest.raises(Misused, match=r"sieve\.regex_invalid"):
        door.add_entries(app, (bad,))
    with pytest.raises(Misused, match=r"sieve\."):
        door.add_entries(app, (OwnScript("kaputt", "kep;"),))
    assert door.saved_book(app).revision == 0


def test_a_book_that_is_wrong_already_may_be_mended_in_parts(app: App) -> None:
    text = "[[script]]\nname = 'a'\nsieve = 'frob;'\n[[script]]\nname = 'b'\nsieve = 'stop;'\n"
    app.store.rule_book.save(text, 0, app.clock.now(), "user")
    door.switch_entries(app, ["b"], False)
    with pytest.raises(Misused, match="sieve"):
        door.replace_entry(app, "b", OwnScript("b", "frob;"))
    door.remove_entries(app, ["a"])
    assert [(one.name, one.run) for one in door.entries(app) if isinstance(one, OwnScript)] == [("b", False)]


def test_mistakes_in_scripts_have_the_line_of_the_book(app: App) -> None:
    text = (
        '[[rule]]\nname = "Muster"\nif = [{subject = "(", how = "regex"}]\nthen = [{keep = true}]\n\n'
        "[[script]]\nname = 'lang'\nsieve = '''\nkeep;\nkep;\n'''\n\n"
        "[[script]]\nname = 'kurz'\nsieve = 'kep;'\n\n"
        "[[script]]\nname = 'weiter'\nsieve = '''require \"fileinto\";\nfileinto;\n'''\n"
    )
    found = [(wrong.at.line, wrong.problem.code) for wrong in door.judge_text(app, text)]
    assert [line for line, _ in found] == [2, 10, 15, 20]
    assert found[1][1] == found[2][1] == "sieve.unknown_command"


def test_an_answer_in_a_script_for_events_is_refused_at_its_place(app: App) -> None:
    sieve = "sieve = '''\nrequire \"vacation\";\n  vacation \"weg\";\n'''\n"
    text = f"[[script]]\nname = 's'\n{sieve}"
    assert door.judge_text(app, text) == ()
    (wrong,) = door.judge_text(app, f"{text}on = ['flag']\nmailbox = 'Steuer'\n")
    assert (wrong.at.line, wrong.at.column, wrong.problem.code) == (5, 3, "sieve.not_for_events")


def test_rules_that_are_too_much_together_are_not_saved(app: App) -> None:
    words = tuple(f"Überweisung an das Ministerium Nummer {number}" for number in range(150))
    many = "\n".join(
        entry_text(Rule(f"Regel {number}", (Subject(False, words),), (Keep(),))) for number in range(120)
    )
    with pytest.raises(Misused, match=r"sieve\.too_long"):
        door.save_text(app, many, 0)


def test_scripts_include_each_other(app: App) -> None:
    door.add_entries(
        app,
        (
            OwnScript("teil", "keep;", run=False),
            OwnScript("ganz", 'require "include";\ninclude :personal "teil";\n'),
        ),
    )
    with pytest.raises(Misused, match=r"sieve\.include_missing"):
        door.remove_entries(app, ("teil",))
    assert names(app) == ["teil", "ganz"]


def test_sieve_of_one_rule_and_of_an_account(app: App) -> None:
    door.add_entries(
        app,
        (
            rule("Alle"),
            Rule("Anna", (), (Mark(Flagging.READ),), account="anna@example.org"),
            OwnScript("eigenes", "keep;"),
        ),
    )
    assert door.sieve_of(app, door.entry_named(app, "eigenes")) == "keep;"
    assert door.sieve_of(app, door.entry_named(app, "Anna")).splitlines()[-4:] == [
        "# rule:[Anna]", "if true {", '    addflag "\\\\Seen";', "}",
    ]  # fmt: skip
    assert "# rule:[Anna]" in door.sieve_of_account(app, "ANNA@example.org")
    assert "# rule:[Anna]" not in door.sieve_of_account(app, "ben@example.org")
