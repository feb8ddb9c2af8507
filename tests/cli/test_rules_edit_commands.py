"""`eilbote rules list|show|add|edit|remove|enable|disable|order|ready-made` in one home."""

from __future__ import annotations

import sys
from pathlib import Path

import click
import pytest

from eilbote.cli.rule_options import _ACTIONS, _CONDITIONS
from eilbote.sieve.rule_reading import ACTIONS, CONDITIONS
from tests.cli.running import Runner
from tests.cli.schema import fits


@pytest.fixture
def run(tmp_path: Path) -> Runner:
    return Runner(tmp_path / "home")


def book(run: Runner) -> str:
    return str(run("rules", "show", "--json").record["text"])


def add(run: Runner, *options: str) -> dict[str, object]:
    result = run("rules", "add", *options, "--json")
    assert result.code == 0, result.err
    fits("rule", result.record)
    return result.record


def test_every_condition_and_action_has_its_option() -> None:
    assert {each.key for each in _CONDITIONS} == set(CONDITIONS)
    assert {each.key for each in _ACTIONS} == set(ACTIONS)


@pytest.mark.parametrize(
    ("options", "conditions"),
    [
        (["--from", "@example.org"], [{"from": "@example.org"}]),
        (["--from", "a@example.org", "--from", "Ben"], [{"from": ["a@example.org", "Ben"]}]),
        (["--not-to", "team"], [{"to": "team", "not": True}]),
        (["--subject", "a", "--subject", "b", "--how", "begins"], [{"subject": ["a", "b"], "how": "begins"}]),
        (["--text", "a"], [{"text": "a"}]),
        (["--field", "X-Loop"], [{"field": "X-Loop"}]),
        (["--field", "X-A: b c", "--not-field", "X-D:e"],
         [{"field": "X-A", "value": "b c"}, {"field": "X-D", "value": "e", "not": True}]),
        (["--field", "X-A:b", "--how", "is"], [{"field": "X-A", "value": "b", "how": "is"}]),
        (["--attachment"], [{"attachment": True}]),
        (["--attachment", "pdf", "--attachment", "image/*"], [{"attachment": ["pdf", "image/*"]}]),
        (["--not-list"], [{"list": True, "not": True}]),
        (["--list", "dev"], [{"list": "dev"}]),
        (["--language", "de"], [{"language": "de"}]),
        (["--priority", "high"], [{"priority": "high"}]),
        (["--larger", "5 MB", "--smaller", "1G"], [{"larger": "5M"}, {"smaller": "1G"}]),
        (["--older", "4w"], [{"older": "28d"}]),
        (["--newer", "30"], [{"newer": "30d"}]),
        (["--before", "2026-01-01"], [{"before": "2026-01-01"}]),
        (["--since", "2026-01-01"], [{"since": "2026-01-01"}]),
        (["--during", "2026-12-20..2027-01-06"], [{"during": ["2026-12-20", "2027-01-06"]}]),
        (["--during", "2026-12-20.."], [{"during": ["2026-12-20", ""]}]),
        (["--contact", "known"], [{"contact": "known"}]),
        (["--importance", "normal"], [{"importance": "normal"}]),
        (["--category", "privat"], [{"category": "privat"}]),
        (["--spam", "80"], [{"spam": 80}]),
        (["--every-mail"], []),
    ],
)  # fmt: skip
def test_conditions(run: Runner, options: list[str], conditions: list[object]) -> None:
    assert add(run, *options, "--keep")["if"] == conditions


@pytest.mark.parametrize(
    ("options", "actions", "stop"),
    [
        (["--move", "A/B"], [{"move": "A/B"}], True),
        (["--move", "A", "--go-on"], [{"move": "A"}], False),
        (["--copy", "A", "--copy", "B"], [{"copy": "A"}, {"copy": "B"}], False),
        (["--archive", "--label", "x"], [{"archive": True}, {"label": "x"}], True),
        (["--mark", "read", "--mark", "flagged"], [{"mark": "read"}, {"mark": "flagged"}], False),
        (["--forward", "a@example.org"], [{"forward": "a@example.org"}], False),
        (["--redirect", "a@example.org"], [{"redirect": "a@example.org"}], True),
        (["--reply", "weg", "--reply-days", "3", "--reply-subject", "Urlaub"],
         [{"reply": "weg", "days": 3, "subject": "Urlaub"}], False),
        (["--notify", "a@example.org", "--notify-text", "da"],
         [{"notify": "a@example.org", "message": "da"}], False),
        (["--reject", "nein"], [{"reject": "nein"}], True),
        (["--delete"], [{"delete": True}], True),
        (["--keep", "--stop"], [{"keep": True}], True),
    ],
)  # fmt: skip
def test_actions(run: Runner, options: list[str], actions: list[object], stop: bool) -> None:
    record = add(run, "--from", "Anna", *options)
    assert (record["then"], record["stop"]) == (actions, stop)


def test_a_rule_is_added_listed_and_shown_in_german(run: Runner) -> None:
    result = run("rules", "add", "--from", "@steuerberater.example", "--move", "Buchhaltung", "--lang", "de")
    assert result.code == 0
    assert result.out == (
        "Hinzugefügt: @steuerberater.example → Buchhaltung\n"
        "  Wenn die Mail von @steuerberater.example kommt, nach „Buchhaltung“ verschieben.\n"
    )
    listed = run("rules", "list", "--lang", "de").out
    assert "@steuerberater.example → Buchhaltung" in listed
    assert "Wenn die Mail von @steuerberater.example kommt, nach „Buchhaltung“ verschieben." in listed
    assert book(run) == (
        '[[rule]]\nname = "@steuerberater.example → Buchhaltung"\n'
        'if = [{from = "@steuerberater.example"}]\nthen = [{move = "Buchhaltung"}]\n'
    )
    assert run("rules", "show", "@STEUERBERATER.example → Buchhaltung", "--sieve").out == (
        'require ["fileinto", "mailbox"];\n\n# rule:[@steuerberater.example → Buchhaltung]\n'
        'if address :domain :is "from" "steuerberater.example" {\n'
        '    fileinto :create "Buchhaltung";\n    stop;\n}\n'
    )


def test_conditions_any_and_none(run: Runner) -> None:
    assert add(run, "--from", "a", "--to", "b", "--any", "--keep")["match"] == "any"
    assert add(run, "--from", "a", "--to", "b", "--none", "--keep")["match"] == "none"
    assert run("rules", "list").out.count("→") == 2


def test_a_second_rule_of_a_name_gets_a_number_and_its_place(run: Runner) -> None:
    add(run, "--from", "a", "--move", "A", "--name", "Eins")
    record = add(run, "--from", "b", "--move", "B", "--name", "eins", "--at", "1", "--off")
    assert (record["name"], record["number"], record["enabled"]) == ("eins (2)", 1, False)


@pytest.mark.parametrize(
    ("options", "code", "place"),
    [
        (["--from", "a@b@c", "--keep"], "rules.bad_value", "--from"),
        (["--not-from", "a@b@c", "--keep"], "rules.bad_value", "--not-from"),
        (["--larger", "viel", "--keep"], "rules.bad_value", "--larger"),
        (["--older", "0d", "--keep"], "rules.bad_value", "--older"),
        (["--during", "bald", "--keep"], "rules.bad_value", "--during"),
        (["--spam", "viel", "--keep"], "rules.bad_value", "--spam"),
        (["--field", "a b", "--keep"], "rules.bad_value", "--field"),
        (["--subject", "", "--keep"], "rules.value_empty", "--subject"),
        (["--from", "Anna", "--forward", "nobody"], "rules.bad_value", "--forward"),
        (["--from", "Anna", "--reply", "a", "--reply-days", "nie"], "rules.bad_value", "--reply"),
        (["--from", "Anna", "--move", "A", "--delete"], "rules.contradiction", "--delete"),
        (["--from", "Anna"], "rules.no_action", "rules add"),
        (["--from", "Anna", "--keep", "--name", " "], "rules.value_empty", "--name"),
        (["--keep"], "rules.which_mail", None),
        (["--keep", "--every-mail", "--from", "Anna"], "rules.which_mail", None),
        (["--subject", "(", "--how", "regex", "--keep"], "sieve.regex_invalid", None),
        (["--from", "Anna", "--keep", "--account", "nobody@example.org"], "account.unknown", None),
        (["--script", "/nowhere.sieve"], "rules.unreadable", None),
        (["--priority", "very", "--from", "a", "--keep"], "cli.not_a_choice", None),
    ],
)
def test_a_wrong_rule_is_one_sentence(run: Runner, options: list[str], code: str, place: str | None) -> None:
    result = run("rules", "add", *options, "--json")
    assert result.code in (2, 64)
    assert result.error["code"] == code
    if place is not None:
        assert result.error["parameters"]["place"] == place
    assert book(run) == ""
    said = run("rules", "add", *options, "--lang", "de")
    assert "Traceback" not in said.err
    assert said.out == ""


def test_scripts_are_added_as_they_are_and_read_back(run: Runner, tmp_path: Path) -> None:
    file = tmp_path / "alt.sieve"
    file.write_text('require "fileinto";\n# rule:[Eins]\nif header :contains "from" "x" { fileinto "X"; }\n')
    whole = run("rules", "add", "--script", str(file), "--json").record
    assert (whole["kind"], whole["name"], whole["sieve"]) == ("script", "alt", file.read_text())
    read = run("rules", "add", "--script", "-", "--read-back", "--json", stdin=file.read_text()).record
    assert (read["kind"], read["name"], read["then"]) == ("rule", "Eins", [{"move": "X"}])
    wrong = run("rules", "add", "--script", "-", "--json", stdin="kep;")
    assert (wrong.code, wrong.error["code"]) == (64, "sieve.unknown_command")


BOOK = """\
# Meine Regeln
[[rule]]
name = "Eins"           # die erste
then = [{move = "A"}]

# Zur zweiten
[[rule]]
name = "Zwei"
then = [{move = "B"}]
"""


def test_a_book_is_taken_from_a_file_and_edited_in_place(run: Runner, tmp_path: Path) -> None:
    file = tmp_path / "rules.toml"
    file.write_text(BOOK)
    saved = run("rules", "edit", str(file), "--json").record
    assert saved == {"revision": 1, "entries": 2, "changed": True}
    assert book(run) == BOOK
    assert run("rules", "edit", "-", "--json", stdin=BOOK).record["changed"] is False
    assert run("rules", "disable", "eins", "Zwei", "--json").records == [{"name": "eins"}, {"name": "Zwei"}]
    assert book(run).count("enabled = false") == 2
    assert run("rules", "enable", "Zwei").code == 0
    assert run("rules", "order", "Zwei", "1", "--json").record["number"] == 1
    assert run("rules", "remove", "Zwei").out == "Zwei is removed.\n"
    assert book(run) == BOOK[: BOOK.index("\n# Zur")].replace("\nthen", "\nthen", 1) + "enabled = false\n"
    missing = run("rules", "remove", "Eins", "Nichts", "--json")
    assert (missing.code, missing.error["code"]) == (2, "rules.unknown")
    assert "Eins" in book(run)


def test_a_book_that_changed_meanwhile_is_not_written_over(run: Runner) -> None:
    assert run("rules", "edit", "-", stdin=BOOK).code == 0
    refused = run("rules", "edit", "-", "--revision", "0", "--json", stdin="# leer\n")
    assert (refused.code, refused.error["code"]) == (2, "rules.changed_meanwhile")
    assert book(run) == BOOK


def test_every_mistake_of_a_book_is_told_with_its_line(run: Runner, tmp_path: Path) -> None:
    file = tmp_path / "rules.toml"
    file.write_text(
        '[[rule]]\nname = "a"\nif = [{larger = "x"}]\nthen = [{mark = "y"}]\n\n'
        "[[script]]\nname = \"b\"\nsieve = '''\nkep;\n'''\n"
    )
    result = run("rules", "edit", str(file))
    assert result.code == 64
    assert f"Error: {file}:3: “x” does not fit “larger”." in result.err
    assert f"Error: {file}:4: “y” does not fit “mark”." in result.err
    file.write_text(file.read_text().replace('"x"', '"1M"').replace('"y"', '"read"'))
    result = run("rules", "edit", str(file))
    assert result.code == 64
    assert f"Error: {file}:9: " in result.err
    assert book(run) == ""
    for text, code in (
        ("\udcff", "rules.not_utf8"),
        ("limit = 3", "rules.unknown_table"),
        ("[[rule]", "rules.syntax"),
    ):
        assert run("rules", "edit", "-", "--json", stdin=text).error["code"] == code


def test_without_a_terminal_no_editor_is_started(run: Runner) -> None:
    result = run("rules", "edit", "--json")
    assert (result.code, result.error["code"]) == (64, "rules.no_editor")


def test_the_editor_is_offered_the_book_again_until_it_is_right(
    run: Runner, monkeypatch: pytest.MonkeyPatch
) -> None:
    texts = iter(["[[rule]]\n", BOOK])
    seen: list[str] = []

    def editor(*, filename: str) -> None:
        seen.append(Path(filename).read_text())
        Path(filename).write_text(next(texts))

    monkeypatch.setattr(click, "edit", editor)
    monkeypatch.setattr(click, "confirm", lambda *_, **__: True)
    monkeypatch.setattr("eilbote.cli.rules_edit.is_terminal", lambda: True)
    result = run("rules", "edit", "--lang", "de")
    assert result.code == 0, result.err
    assert result.out == "Gespeichert: 2 Regeln.\n"
    assert seen[0].startswith("# Regeln laufen von oben nach unten.")
    assert seen[1] == "[[rule]]\n"
    assert not Path(sys.argv[0]).with_suffix(".toml").exists()


def test_who_gives_up_keeps_the_text(run: Runner, monkeypatch: pytest.MonkeyPatch) -> None:
    kept: list[Path] = []

    def editor(*, filename: str) -> None:
        kept.append(Path(filename))
        kept[0].write_text("[[rule]]\n")

    monkeypatch.setattr(click, "edit", editor)
    monkeypatch.setattr(click, "confirm", lambda *_, **__: False)
    monkeypatch.setattr("eilbote.cli.rules_edit.is_terminal", lambda: True)
    result = run("rules", "edit")
    assert result.code == 64
    assert str(kept[0]) in result.err
    assert kept[0].read_text() == "[[rule]]\n"
    kept[0].unlink()


def test_ready_made_rules_are_shown_and_added(run: Runner) -> None:
    offered = run("rules", "ready-made", "--json", "--lang", "de").records
    for record in offered:
        fits("ready-made", record)
    assert [each["key"] for each in offered] == [
        "invoices", "orders", "appointments", "urgent", "business-partners", "newsletters",
    ]  # fmt: skip
    assert "Buchhaltung" in run("rules", "ready-made", "--lang", "de").out
    assert 'then = [{move = "Buchhaltung"}]' in run("rules", "ready-made", "invoices", "--lang", "de").out
    added = run("rules", "ready-made", "invoices", "newsletters", "--add", "--json", "--lang", "de").records
    assert [each["name"] for each in added] == ["Rechnungen", "Rechnungen nach Dateiname", "Newsletter"]
    again = run("rules", "ready-made", "newsletters", "--add", "--json", "--lang", "de").record
    assert again["name"] == "Newsletter (2)"


def test_business_partners_are_named(run: Runner) -> None:
    options = ["ready-made", "business-partners", "--from", "@kunde.example", "--add", "--json"]
    assert run("rules", *options).record["if"] == [{"from": "@kunde.example"}]
    wrong = run("rules", "ready-made", "business-partners", "--from", "a@b@c", "--add", "--json")
    assert (wrong.code, wrong.error["code"]) == (64, "rules.bad_value")


def test_ready_made_rules_must_be_named(run: Runner) -> None:
    assert run("rules", "ready-made", "--add", "--json").error["code"] == "rules.ready_made_unnamed"
    assert run("rules", "ready-made", "partys", "--json").error["code"] == "rules.no_ready_made"


def test_rules_of_one_account(run: Runner) -> None:
    for address in ("anna@example.org", "ben@example.org"):
        made = run("account", "add", address, "--local", "--json")
        assert made.code == 0, made.err
    add(run, "--from", "a", "--move", "A", "--account", "anna@example.org")
    add(run, "--from", "b", "--move", "B")
    listed = run("rules", "list", "--account", "ben@example.org", "--json").records
    assert [each["number"] for each in listed] == [2]
    script = run("rules", "show", "--sieve", "--account", "anna@example.org", "--json").record["sieve"]
    assert "a → A" in script
    assert "b → B" in script
    assert "a → A" not in run("rules", "show", "--sieve", "--account", "ben@example.org").out


def test_an_empty_book_says_how_to_begin(run: Runner) -> None:
    assert "rules ready-made" in run("rules", "list").out
    assert run("rules", "show").out == ""
    assert run("rules", "show", "nichts", "--json").error["code"] == "rules.unknown"
