"""Scripts and mails that lie in files: checked, and judged one by one. Needs no account and no home.

Each mail is judged by itself: nothing is remembered from one to the next.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping
from pathlib import Path

from msgspec import Struct

from eilbote.clock import SystemClock
from eilbote.engine.rule_world import offset_at
from eilbote.errors import Misused
from eilbote.sieve.mail import MessageMail
from eilbote.sieve.rule_book import judge_book
from eilbote.sieve.run import run
from eilbote.sieve.script import Script, read_script
from eilbote.sieve.values import Outcome, ScriptProblem, World

_LARGEST_SCRIPT = 4 << 20
_LARGEST_MAIL = 256 << 20


class Envelope(Struct, frozen=True):
    """What a server would know of the mail; None: nothing is known."""

    sender: str | None = None
    recipient: str | None = None


def read_text(name: str) -> str:
    """A script or a book; `-` is standard input. Misused `rules.unreadable`, `rules.not_utf8`."""
    try:
        return _bytes_of(name, _LARGEST_SCRIPT).decode("utf-8-sig")
    except UnicodeDecodeError:
        raise Misused("rules.not_utf8", file=name) from None


def check_text(
    text: str, name: str = "", beside: Mapping[str, str] | None = None
) -> tuple[ScriptProblem, ...]:
    """What is wrong with a script, or with a rule book (a file whose name ends in `.toml`). `beside`: the
    scripts that it may include."""
    if name.endswith(".toml"):
        return judge_book(text)[1]
    found = read_script(text, included=beside)
    return () if isinstance(found, Script) else found


def scripts_beside(name: str) -> dict[str, str]:
    """The scripts in the folder of a file, by their names without `.sieve`: what it may include."""
    if name == "-":
        return {}
    found: dict[str, str] = {}
    for file in sorted(Path(name).resolve().parent.glob("*.sieve"))[:1000]:
        if file.is_file() and file.stat().st_size <= _LARGEST_SCRIPT:
            found[file.stem] = file.read_text("utf-8", "replace")
    return found


def judge_file(script: Script, name: str, envelope: Envelope) -> Outcome:
    """What the script says of the mail in a file; `-` is standard input. Misused `rules.unreadable`."""
    raw = _bytes_of(name, _LARGEST_MAIL)
    now = SystemClock().now()
    own = () if envelope.recipient is None else (envelope.recipient,)
    world = World(
        now=now,
        offset=offset_at(now),
        offset_at=offset_at,
        envelope_from=envelope.sender,
        envelope_to=envelope.recipient,
        own_addresses=own,
        environment={"name": "Eilbote", "location": "MUA", "phase": "post"},
        received=now,
    )
    return run(script, MessageMail(raw), world)


def _bytes_of(name: str, most: int) -> bytes:
    try:
        if name == "-":
            data = sys.stdin.buffer.read(most + 1)
        else:
            with Path(name).open("rb") as stream:
                data = stream.read(most + 1)
    except OSError as problem:
        raise Misused("rules.unreadable", file=name, reason=problem.strerror or "") from None
    if len(data) > most:
        raise Misused("rules.unreadable", file=name, reason=f"> {most >> 20} MB")
    return data
