"""Sentences in German and English: the only place where codes become words.

Two kinds of entries live in one gettext catalogue per language (`locale/LANG/LC_MESSAGES/eilbote.po`):
the program's own texts, whose msgid is the English text, and the three sentences of every `Problem`
code (`net.certificate/what`, `/why`, `/do`). The `.po` files are read as they are, so there is no
compiled file that could be stale. Faces and alarms render here; nothing else makes sentences.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Literal

from eilbote.errors import Problem

Language = Literal["de", "en"]
LANGUAGES: tuple[Language, ...] = ("de", "en")

_FOLDER = Path(__file__).parent / "locale"
_ESCAPES = {"n": "\n", "t": "\t", '"': '"', "\\": "\\"}


@dataclass(frozen=True, slots=True)
class Sentences:
    """What happened, why, and what to do; `why` and `do` may be empty."""

    what: str
    why: str = ""
    do: str = ""


class _Filled(dict[str, str]):
    """Parameters for a sentence: one that was not given shows as an ellipsis, never as an error."""

    def __missing__(self, name: str) -> str:
        return "…"


def mark(text: str) -> str:
    """Names `text` as one for the catalogue; it is translated where it is shown."""
    return text


class Catalogue:
    """All texts in one language."""

    __slots__ = ("_entries", "language")

    def __init__(self, language: Language) -> None:
        self.language: Language = language
        self._entries = _entries(language)

    def text(self, english: str, /, **parameters: object) -> str:
        """`english` in this language, its `{name}` places filled from `parameters`."""
        template = self._entries.get(english, (english,))[0]
        return _fill(template, parameters) if parameters else template

    def plural(self, one: str, many: str, count: int, /, **parameters: object) -> str:
        """`one` or `many` by `count`, which fills `{count}`. German and English share the rule."""
        forms = self._entries.get(one, (one, many))
        template = forms[0] if count == 1 else forms[-1]
        return _fill(template, {"count": count, **parameters})

    def problem(self, problem: Problem) -> Sentences:
        """The sentences of a problem; one with an unknown code still names its code."""
        found = [self._entries.get(f"{problem.code}/{part}", ("",))[0] for part in ("what", "why", "do")]
        if not found[0]:
            return Sentences(self.text("Something went wrong: {problem}.", problem=problem))
        return Sentences(*(_fill(template, problem.parameters) for template in found))

    def problem_on_page(self, problem: Problem) -> Sentences:
        """As `problem`, for who clicks: what to do on the page stands in place of a command."""
        said = self.problem(problem)
        click = self._entries.get(f"{problem.code}/click", ("",))[0]
        return Sentences(said.what, said.why, _fill(click, problem.parameters)) if click else said

    def knows(self, code: str) -> bool:
        """Whether the code has at least the sentence that says what happened."""
        return f"{code}/what" in self._entries


def choose_language(wanted: str | None, environ: Mapping[str, str]) -> Language:
    """`wanted` if it is one of ours, else the first of LC_ALL, LC_MESSAGES, LANG that is set (POSIX
    order); anything but German is English."""
    if wanted in LANGUAGES:
        return wanted
    for name in ("LC_ALL", "LC_MESSAGES", "LANG"):
        if value := environ.get(name):
            return "de" if value.lower().startswith("de") else "en"
    return "en"


def _fill(template: str, parameters: Mapping[str, object]) -> str:
    # Only names are looked up: a value never becomes a template itself.
    return template.format_map(_Filled({name: str(value) for name, value in parameters.items()}))


@cache
def _entries(language: Language) -> Mapping[str, tuple[str, ...]]:
    file = _FOLDER / language / "LC_MESSAGES" / "eilbote.po"
    with file.open(encoding="utf-8") as lines:
        return {key: forms for key, forms in read_po(lines) if forms[0]}


def read_po(lines: Iterable[str]) -> Iterator[tuple[str, tuple[str, ...]]]:
    """Every entry of a gettext `.po` file as (msgid, forms); comments and the header are skipped.

    Raises ValueError at a line that is no `.po` line."""
    texts: dict[str, str] = {}
    keyword = ""
    for number, line in enumerate(lines, 1):
        line = line.strip()  # noqa: PLW2901  # the line without its end is the line
        if not line or line[0] == "#":
            continue
        if line[0] != '"':
            keyword, _, line = line.partition(" ")  # noqa: PLW2901  # the rest of the line
            if keyword == "msgid":
                yield from _entry(texts)
                texts = {}
            elif not keyword.startswith("msgstr") and keyword != "msgid_plural":
                raise ValueError(f"line {number}: {keyword[:20]!r}")
        if len(line) < 2 or line[0] != '"' or line[-1] != '"':
            raise ValueError(f"line {number}: no quoted text")
        text = line[1:-1]
        texts[keyword] = texts.get(keyword, "") + (_unescaped(text) if "\\" in text else text)
    yield from _entry(texts)


def _entry(texts: Mapping[str, str]) -> Iterator[tuple[str, tuple[str, ...]]]:
    if texts.get("msgid"):
        forms = tuple(text for keyword, text in texts.items() if keyword.startswith("msgstr"))
        yield texts["msgid"], forms or ("",)


def _unescaped(text: str) -> str:
    parts = iter(text)
    return "".join(_ESCAPES[next(parts)] if sign == "\\" else sign for sign in parts)
