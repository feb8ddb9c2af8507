"""What a command needs to speak with the person at the terminal, or with a script.

A `Face` knows the language, whether to answer in JSON, and whether a terminal listens. It writes
nothing that was not made harmless, and decides nothing about mail.
"""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, TextIO

from eilbote.catalogue import Catalogue, Sentences, choose_language
from eilbote.cli.terminal import fitted, harmless, harmless_lines, styled, width, wrapped
from eilbote.errors import Problem

if TYPE_CHECKING:
    from eilbote.cli.table import Column, Row
    from eilbote.config import Config

_WIDEST_TEXT = 100
_COMMANDING = re.compile("[\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]")


class Face:
    """One run of the program as its user sees it."""

    def __init__(self, language: str | None = None, *, json: bool = False) -> None:
        self.catalogue = Catalogue(choose_language(language, os.environ))
        self.json = json
        self.home: str | None = None
        self.trace: Path | None = None
        self.warnings = 0
        self.margin = 0
        """Cells that stay empty before every line on standard output."""
        self._wanted_language = language
        self._config: Config | None = None

    def choose(self, name: str, value: object) -> None:
        """Takes one of the general options, wherever on the command line it stood."""
        match name:
            case "home":
                self.home = str(value)
            case "json":
                self.json = True
            case "language":
                self._wanted_language = str(value)
                self.catalogue = Catalogue(choose_language(self._wanted_language, os.environ))
            case "trace":
                self.trace = Path(str(value))
            case _:
                raise ValueError(name)

    @property
    def config(self) -> Config:
        """The settings of this run, read once. Raises Misused where they are wrong."""
        if self._config is None:
            from eilbote.config import load_config  # noqa: PLC0415  # help needs no settings

            self._config = load_config(self.home, language=self._wanted_language)
            if self._config.language and not self._wanted_language:
                self.catalogue = Catalogue(choose_language(self._config.language, os.environ))
        return self._config

    # --- what the terminal is ---

    def is_terminal(self, stream: TextIO | None = None) -> bool:
        """Whether a person reads `stream` (standard output)."""
        stream = stream or sys.stdout
        return stream.isatty() and os.environ.get("TERM") != "dumb"

    def colour(self, stream: TextIO | None = None) -> bool:
        """Whether styles are wanted there (NO_COLOR, no-color.org)."""
        return self.is_terminal(stream) and not os.environ.get("NO_COLOR")

    def cells(self) -> int:
        """Cells of the terminal for a line; 80 where none says."""
        return max(40, _columns()) - self.margin

    # --- speaking ---

    def text(self, english: str, /, **parameters: object) -> str:
        """`english` in the user's language, with its parameters made harmless."""
        return self.catalogue.text(english, **_harmless(parameters))

    def plural(self, one: str, many: str, count: int, /, **parameters: object) -> str:
        """`one` or `many` by `count`."""
        return self.catalogue.plural(one, many, count, **_harmless(parameters))

    def line(self, text: str = "", style: str = "") -> None:
        """One line on standard output, already in the user's language and harmless."""
        margin = " " * self.margin if text else ""
        sys.stdout.write(margin + (styled(text, style) if style and self.colour() else text) + "\n")

    def say(self, english: str, /, **parameters: object) -> None:
        """A sentence for people: not written where JSON is wanted."""
        if not self.json:
            for line in self._broken(self.text(english, **parameters), sys.stdout):
                self.line(line)

    def note(self, english: str, /, **parameters: object) -> None:
        """A sentence beside the result, on standard error."""
        if not self.json:
            self._error_line("\n".join(self._broken(self.text(english, **parameters), sys.stderr)))

    def record(self, value: Mapping[str, object]) -> None:
        """One JSON object on a line of its own."""
        from msgspec.json import encode  # noqa: PLC0415  # only JSON pays for it

        try:
            data = encode(value)
        except UnicodeEncodeError:  # half characters out of a broken mail
            data = encode(_whole(value))
        sys.stdout.write(_escaped(data.decode()) + "\n")

    def hand_on(self) -> None:
        """What was written so far leaves now: somebody follows the output of a command that goes on."""
        sys.stdout.flush()

    def table(self, columns: Sequence[Column], rows: Sequence[Row]) -> None:
        """Aligned columns; their titles are already in the user's language."""
        from eilbote.cli.table import lay_out  # noqa: PLC0415  # help draws no table

        cells = self.cells() if self.is_terminal() else None
        for line in lay_out(columns, rows, cells=cells, colour=self.colour()):
            self.line(line)

    def facts(self, facts: Sequence[tuple[str, str, str]]) -> None:
        """Titles (already in the user's language), values and their styles, one below the other."""
        broadest = max((width(title) for title, _, _ in facts), default=0)
        for title, value, style in facts:
            lead = fitted(title, broadest + 2)
            value = harmless(value)  # noqa: PLW2901  # never shown otherwise
            if self.colour():
                lead, value = styled(lead, "dim"), styled(value, style)  # noqa: PLW2901
            self.line(lead + value)

    def body(self, text: str) -> None:
        """Text of a mail, wrapped to the terminal, as written in a pipe."""
        text = harmless_lines(text)
        lines = wrapped(text, min(self.cells(), _WIDEST_TEXT)) if self.is_terminal() else text.split("\n")
        for line in lines:
            self.line(line, "dim" if line.startswith(">") else "")

    def problem(self, problem: Problem, *, about: str = "", warning: bool = False) -> None:
        """What went wrong, why, and what to do: on standard error, in JSON where that is wanted."""
        said = self.catalogue.problem(Problem(problem.code, self._readable(problem.parameters)))
        if self.json:
            self._error_record(problem, said, about)
            return
        colour = self.colour(sys.stderr)
        lead = self.text("Warning:") if warning else self.text("Error:")
        first, *more = self._broken(
            f"{lead} {harmless(about) + ': ' if about else ''}{said.what}", sys.stderr
        )
        if colour:
            first = styled(lead, "bold yellow" if warning else "bold red") + first[len(lead) :]
        self._error_line("\n".join((first, *more)))
        if said.why:
            self._indented(said.why, "")
        if said.do:
            self._indented(said.do, "→ ")

    def _readable(self, parameters: Mapping[str, object]) -> dict[str, str]:
        """Parameters for people: harmless, and a moment (`since`) as its date."""
        from eilbote.figures import long_date  # noqa: PLC0415  # only a problem needs it

        shown = _harmless(parameters)
        since = shown.get("since", "")
        if since.replace(".", "", 1).isdigit():
            shown["since"] = long_date(float(since), self.catalogue.language)
        return shown

    def _indented(self, text: str, lead: str) -> None:
        cells = self.cells() if self.is_terminal(sys.stderr) else 10_000
        first = lead
        for line in wrapped(text, min(cells, _WIDEST_TEXT) - 2 - len(lead)):
            self._error_line(f"  {first}{line}")
            first = " " * len(lead)

    def _broken(self, text: str, stream: TextIO) -> list[str]:
        """The lines of a sentence: broken at the terminal's width, whole in a pipe."""
        return wrapped(text, min(self.cells(), _WIDEST_TEXT)) if self.is_terminal(stream) else [text]

    def _error_line(self, text: str) -> None:
        with suppress(OSError):  # the result's own stream may be what is broken
            sys.stdout.flush()
        sys.stderr.write(text + "\n")
        sys.stderr.flush()

    def _error_record(self, problem: Problem, said: Sentences, about: str) -> None:
        from msgspec.json import encode  # noqa: PLC0415  # only JSON pays for it

        error = {
            "code": problem.code,
            "about": about,
            "what": said.what,
            "why": said.why,
            "do": said.do,
            "parameters": _harmless(problem.parameters),
        }
        self._error_line(_escaped(encode(_whole({"error": error})).decode()))


def _columns() -> int:
    """As `shutil.get_terminal_size`, whose module loads every compression there is."""
    told = os.environ.get("COLUMNS", "")
    if told.isdecimal() and int(told):
        return int(told)
    try:
        return os.get_terminal_size(sys.__stdout__.fileno()).columns if sys.__stdout__ else 80
    except (OSError, ValueError, AttributeError):
        return 80


def _harmless(parameters: Mapping[str, object]) -> dict[str, str]:
    return {name: harmless(str(value)) for name, value in parameters.items()}


def _escaped(json: str) -> str:
    """The same JSON with every sign that a terminal obeys or that turns text around as `\\uXXXX`: JSON
    escapes those below space only."""
    if json.isascii() and "\x7f" not in json:
        return json
    return _COMMANDING.sub(lambda found: f"\\u{ord(found[0]):04x}", json)


def _whole(value: object) -> object:
    """The same without half characters, which no JSON can hold."""
    match value:
        case str():
            return value.encode("utf-8", "replace").decode()
        case dict():
            return {_whole(name): _whole(inner) for name, inner in value.items()}
        case list() | tuple():
            return [_whole(inner) for inner in value]
        case _:
            return value
