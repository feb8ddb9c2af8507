"""Templates to pages. Every value is escaped; every text comes from the catalogue."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from eilbote import figures
from eilbote.catalogue import Catalogue, Language
from eilbote.clock import Clock, rfc3339
from eilbote.diagnosis.values import Cause, Finding
from eilbote.errors import Problem
from eilbote.web.occasion import day_of, when

_DAY = re.compile(r"\d{4}-\d\d-\d\d")
_NEXT_STEP = re.compile(r" (?=\d\. )")
_TEMPLATES = Path(__file__).parent / "templates"


class Rendering:
    """The templates of a site. `assets`: the address of each style sheet and script by its name."""

    def __init__(self, assets: Mapping[str, str], clock: Clock) -> None:
        self._clock = clock
        self._environment = Environment(
            loader=FileSystemLoader(_TEMPLATES),
            autoescape=True,
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
            auto_reload=False,
        )
        self._environment.globals["asset"] = assets.__getitem__
        self._environment.globals["check_named"] = _check_named

    def page(self, template: str, language: Language, **shown: object) -> str:
        """The page's HTML."""
        words = _words(language, self._clock.now())
        return self._environment.get_template(template).render(**words, **shown)

    def sentences(self, language: Language, problem: Problem) -> list[str]:
        """What a problem says, for who asks without a page."""
        return _sentences(Catalogue(language), problem)

    def list_date(self, language: Language, seconds: float) -> str:
        """As lists show it."""
        return figures.list_date(seconds, self._clock.now(), language)


def _words(language: Language, now: float) -> dict[str, object]:
    """What a template says things with: `t` and `n` for texts, and dates, sizes and numbers."""
    catalogue = Catalogue(language)
    said: dict[str, Callable[..., object]] = {
        "t": catalogue.text,
        "n": catalogue.plural,
        "list_date": lambda seconds: figures.list_date(seconds, now, language),
        "machine_date": rfc3339_or_nothing,
        "long_date": partial(figures.long_date, language=language),
        "size": partial(figures.size, language=language),
        "when": partial(when, language=language),
        "day_of": partial(day_of, language=language),
        "duration": partial(figures.duration, language=language),
        "number": partial(figures.number, language=language),
        "said": catalogue.problem_on_page,
        "problem_of": partial(_problem_of, language=language),
        "steps_of": _steps,
        "minutes": lambda seconds: max(1, round(seconds / 60)),
        "sentences": lambda problem: _sentences(catalogue, problem),
    }
    return {"language": language, **said}


def _problem_of(told: Cause | Finding, language: Language) -> Problem:
    """What the catalogue says a diagnosis with; its days as the language writes them."""
    return Problem(told.text, {name: _readable(name, one, language) for name, one in told.parameters.items()})


def _readable(name: str, value: str, language: Language) -> str:
    if not _DAY.fullmatch(value):
        return value
    return (figures.month_name if name == "month" else figures.plain_day)(value, language)


def _steps(text: str) -> list[str]:
    """A next step, or several where they are numbered."""
    steps = _NEXT_STEP.split(text)
    return [one.partition(" ")[2] for one in steps] if len(steps) > 1 else steps


def _check_named(check: str) -> Problem:
    """What the catalogue says the title of a check with."""
    return Problem(f"doctor.{check.lower()}")


def rfc3339_or_nothing(seconds: float) -> str:
    """A moment for machines; nothing where no calendar can say it."""
    return rfc3339(seconds) if 0 <= seconds < 253_402_300_800 else ""


def _sentences(catalogue: Catalogue, problem: Problem) -> list[str]:
    said = catalogue.problem_on_page(problem)
    return [sentence for sentence in (said.what, said.why, said.do) if sentence]
