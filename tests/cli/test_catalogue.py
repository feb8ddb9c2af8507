"""Every code that the program can raise and every text it can say has its German and English words."""

from __future__ import annotations

import ast
import re
import string
from collections.abc import Iterator
from pathlib import Path

import pytest

import eilbote
from eilbote.catalogue import LANGUAGES, Catalogue, Language, choose_language, read_po
from eilbote.cli import steps
from eilbote.errors import Problem
from eilbote.store.values import DebtKind

SOURCE = Path(eilbote.__file__).parent
RULES = Path(__file__).parents[2] / "docs" / "decisions" / "conflicts.md"
PROBLEMS = {"Unreachable", "Refused", "Garbled", "Misused", "NotAllowed", "Gone", "Problem"}
SAYING = {"mark": 1, "text": 1, "say": 1, "note": 1, "plural": 2}


def calls(folder: Path) -> Iterator[tuple[Path, str, ast.Call]]:
    for file in sorted(folder.rglob("*.py")):
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call):
                function = node.func
                name = function.attr if isinstance(function, ast.Attribute) else getattr(function, "id", "")
                yield file, name, node


def raised_codes() -> Iterator[tuple[str, frozenset[str] | None, str]]:
    """Every (code, parameters, place); parameters None where they are not written out."""
    for file, name, call in calls(SOURCE):
        code = text_of(call.args[0]) if call.args else None
        if name not in PROBLEMS or code is None:
            continue
        parameters: set[str] | None = {word.arg for word in call.keywords if word.arg}
        if any(word.arg is None for word in call.keywords):
            parameters = None
        elif name == "Problem" and len(call.args) > 1:
            given = call.args[1]
            names = [text_of(key) for key in given.keys] if isinstance(given, ast.Dict) else [None]
            parameters = None if None in names else {each for each in names if each is not None}
        place = f"{file.name}:{call.lineno}"
        yield code, None if parameters is None else frozenset(parameters - {"retry_after"}), place


def text_of(node: ast.expr | None) -> str | None:
    return node.value if isinstance(node, ast.Constant) and isinstance(node.value, str) else None


def places_in(template: str) -> set[str]:
    return {name for _, name, _, _ in string.Formatter().parse(template) if name}


def entries(language: Language) -> dict[str, tuple[str, ...]]:
    file = SOURCE / "locale" / language / "LC_MESSAGES" / "eilbote.po"
    return dict(read_po(file.read_text(encoding="utf-8").splitlines()))


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_code_has_its_sentence(language: Language) -> None:
    catalogue = Catalogue(language)
    missing = {f"{code} ({place})" for code, _, place in raised_codes() if not catalogue.knows(code)}
    assert not missing


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_rule_that_decides_a_conflict_has_its_sentence(language: Language) -> None:
    catalogue = Catalogue(language)
    rules = set(re.findall(r"`([a-z]+(?:-[a-z]+)+)` \|", RULES.read_text(encoding="utf-8")))
    rules |= set(re.findall(r"^\| `([a-z-]+)` \|", RULES.read_text(encoding="utf-8"), re.MULTILINE))
    assert len(rules) == 10
    assert not {rule for rule in rules if not catalogue.knows(f"conflict.{rule}")}


def test_every_step_of_a_preview_has_its_words() -> None:
    source = (SOURCE / "sync" / "plan.py").read_text(encoding="utf-8")
    reasons = set(re.findall(r'"((?:[a-z]+-)+[a-z]+|arrived|interrupted)"', source)) - {"round-complete"}
    assert len(reasons) == 10
    assert reasons == set(steps._REASONS)
    assert set(DebtKind) == set(steps._KINDS)


@pytest.mark.parametrize("language", LANGUAGES)
def test_sentences_use_only_parameters_that_are_given(language: Language) -> None:
    written = entries(language)
    wrong = []
    for code, parameters, place in raised_codes():
        if parameters is None:
            continue
        for part in ("what", "why", "do", "click"):
            template = written.get(f"{code}/{part}", ("",))[0]
            if not places_in(template) <= parameters:
                wrong.append(f"{code}/{part} ({place}): {sorted(places_in(template) - parameters)}")
    assert not wrong


def test_both_languages_have_the_same_codes_and_parameters() -> None:
    german, english = entries("de"), entries("en")
    codes = {key for key in german if key.rpartition("/")[2] in ("what", "why", "do", "click")}
    assert codes == set(english)
    for key in codes:
        assert places_in(german[key][0]) == places_in(english[key][0]), key
        assert bool(german[key][0]) == bool(english[key][0]), key


# Problems that only a command meets, or only whoever runs Eilbote can put right, in the terminal.
ONLY_IN_TERMINAL = re.compile(
    r"cli\.|mailbox\.not_made|demo\.|import\.|trace\.|provider\.|devices\.|dkim\.|page\.port|config\.|sync\.unreadable"
    r"|attachment\.unwritable|compose\.picture|send\.(?:no_input|not_together|no_image|one_original|two_ways)"
    r"|store\.(?:body_|not_a_home|other_|unreadable)|doctor\.(?:bad_transcript|env12)|account\.oauth"
)


def test_who_clicks_is_told_of_no_command() -> None:
    english = entries("en")
    codes = {key.rpartition("/")[0] for key in english}
    told = {code for code in codes if re.search(r"eilbote |--", english.get(f"{code}/do", ("",))[0])}
    assert len(told) > 50
    assert (
        sorted(code for code in told if f"{code}/click" not in english and not ONLY_IN_TERMINAL.match(code))
        == []
    )
    for code in codes:
        assert not re.search(r"eilbote |--", english.get(f"{code}/click", ("",))[0]), code


def test_every_text_has_its_german() -> None:
    german = entries("de")
    file = SOURCE / "locale" / "de" / "LC_MESSAGES" / "eilbote.po"
    plurals = {
        line for line in file.read_text(encoding="utf-8").splitlines() if line.startswith("msgid_plural")
    }
    missing = []
    for place, name, call in calls(SOURCE / "cli"):
        for argument in call.args[: SAYING.get(name, 0)]:
            english = text_of(argument)
            if english is not None and english not in german and f'msgid_plural "{english}"' not in plurals:
                missing.append(f"{place.name}:{call.lineno} {english!r}")
    assert not missing


def test_every_text_of_a_page_has_its_german() -> None:
    german = entries("de")
    said = re.compile(r"\b(?:t|n)\((\"[^\"]+\"|'[^']+')")
    texts = {
        (file.name, text[1:-1])
        for file in sorted((SOURCE / "web" / "templates").glob("*.html"))
        for text in said.findall(file.read_text(encoding="utf-8"))
    }
    assert len(texts) > 20
    assert not {(name, text) for name, text in texts if text not in german}


def test_german_keeps_every_parameter_of_the_english_text() -> None:
    for english, forms in entries("de").items():
        if "/" in english and " " not in english:
            continue
        for form in forms:
            assert places_in(form) == places_in(english), english


def test_a_sentence_is_filled_and_values_are_no_templates() -> None:
    said = Catalogue("de").problem(Problem("account.unknown", {"name": "{0.__class__}"}))
    assert said.what == "Es gibt kein Konto „{0.__class__}“."


def test_a_missing_parameter_is_no_error() -> None:
    assert "…" in Catalogue("en").problem(Problem("account.unknown")).what


def test_an_unknown_code_is_named() -> None:
    assert "no.such_code" in Catalogue("de").problem(Problem("no.such_code", {"a": "b"})).what


def test_plural_forms() -> None:
    german = Catalogue("de")
    assert german.plural("{count} mail archived.", "{count} mails archived.", 1) == "1 Mail archiviert."
    assert german.plural("{count} mail archived.", "{count} mails archived.", 2) == "2 Mails archiviert."
    english = Catalogue("en")
    assert english.plural("{count} mail archived.", "{count} mails archived.", 0) == "0 mails archived."


@pytest.mark.parametrize(
    ("wanted", "environ", "language"),
    [
        ("de", {"LANG": "en_US.UTF-8"}, "de"),
        (None, {"LC_ALL": "de_AT.UTF-8", "LANG": "en_US"}, "de"),
        (None, {"LC_ALL": "", "LC_MESSAGES": "de_DE", "LANG": "en_US"}, "de"),
        (None, {"LC_ALL": "C", "LANG": "de_DE.UTF-8"}, "en"),
        (None, {"LANG": "de_CH"}, "de"),
        (None, {"LANG": "fr_FR"}, "en"),
        (None, {}, "en"),
        ("", {"LANG": "de_DE"}, "de"),
    ],
)
def test_language_is_chosen(wanted: str | None, environ: dict[str, str], language: str) -> None:
    assert choose_language(wanted, environ) == language


def test_po_is_read() -> None:
    lines = [
        "# comment",
        'msgid ""',
        'msgstr "Header\\n"',
        "",
        'msgid "a \\"quoted\\" \\\\ text"',
        'msgstr ""',
        '"first\\n"',
        '"second"',
        'msgid "one"',
        'msgid_plural "many"',
        'msgstr[0] "eins"',
        'msgstr[1] "viele"',
    ]
    assert dict(read_po(lines)) == {
        'a "quoted" \\ text': ("first\nsecond",),
        "one": ("eins", "viele"),
    }


@pytest.mark.parametrize("line", ["nonsense", 'msgid "open', 'msgctxt "x"'])
def test_a_broken_po_file_is_named(line: str) -> None:
    with pytest.raises(ValueError, match="line 1"):
        list(read_po([line]))
