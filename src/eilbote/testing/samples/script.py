"""Reads the sample texts: conversations and notices, with who says what, when and how often.

A text file holds blocks. `== Subject | folder | days ago | options` begins one, `@person` a
message in it (`@me>person` names whom it is for), `%%` another wording for the next time.
"""

from __future__ import annotations

from collections.abc import Iterator
from importlib.resources import files

from msgspec import Struct, field


class Line(Struct, frozen=True):
    """One message of a conversation: who speaks (and to whom), in one or several wordings."""

    speaker: str
    listener: str
    wordings: tuple[str, ...]


class Scene(Struct, frozen=True):
    """One conversation or one kind of notice; `options` as in `every=30 pdf=Rechnung.pdf html`."""

    subject: str
    folder: str
    days_ago: int
    lines: tuple[Line, ...]
    options: dict[str, str] = field(default_factory=dict)

    @property
    def times(self) -> int:
        return int(self.options.get("times", "1"))

    @property
    def every(self) -> int:
        """Days from one time to the next."""
        return int(self.options.get("every", "1"))


def scenes() -> Iterator[Scene]:
    """Every scene of every text file, in a fixed order."""
    folder = files("eilbote.testing.samples") / "texts"
    for file in sorted(folder.iterdir(), key=lambda one: one.name):
        for block in file.read_text(encoding="utf-8").split("== ")[1:]:
            yield _scene(block)


def _scene(block: str) -> Scene:
    first, _, rest = block.partition("\n")
    subject, folder, days, *options = (word.strip() for word in first.split("|"))
    pairs = (option.partition("=") for option in " ".join(options).split())
    lines = []
    for part in ("\n" + rest).split("\n@")[1:]:
        head, _, text = part.partition("\n")
        speaker, _, listener = head.strip().partition(">")
        lines.append(Line(speaker, listener, tuple(wording.strip() for wording in text.split("\n%%\n"))))
    return Scene(subject, folder, int(days), tuple(lines), {name: value for name, _, value in pairs})
