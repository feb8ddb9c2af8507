"""Recorded dialogues of real servers: every response of theirs is read without an error."""

from __future__ import annotations

import json
import re
import tarfile
from pathlib import Path, PurePosixPath

import pytest

from eilbote.errors import EilboteError
from eilbote.protocols.imap.framing import Framer
from eilbote.protocols.imap.limits import Limits
from eilbote.protocols.imap.responses import ResponseReader, Unreadable

pytestmark = pytest.mark.material

_BROKEN = {"gmail/headers.1+unsolicited-info.txt"}
"""Its literal is announced three bytes shorter than it is: no server ever sent that."""


def responses_of(material: Path) -> dict[str, bytes]:
    """The files of IMAP responses by their path."""
    found = {}
    with tarfile.open(material / "dialogues-responses.tar.gz") as archive:
        for member in archive:
            file = archive.extractfile(member) if member.isfile() else None
            if file is not None and "/Imap/" in member.name:
                found[member.name] = file.read()
    return found


def problems_in(wire: bytes) -> list[str]:
    """What of `wire` was not understood; the kinds of errors, never the text."""
    framer, reader = Framer(Limits()), ResponseReader(Limits())
    problems = []
    at = 0
    try:
        while at < len(wire):
            room = framer.room()
            count = min(len(room), len(wire) - at)
            room[:count] = wire[at : at + count]
            framer.filled(count)
            at += count
            while (frame := framer.next_frame()) is not None:
                response = reader.read(frame)
                if isinstance(response, Unreadable):
                    problems.append(response.reason)
    except EilboteError as error:
        problems.append(error.problem.code)
    return problems


def test_responses_of_real_servers_are_understood(material: Path) -> None:
    files = responses_of(material)
    assert len(files) > 100
    wrong = {}
    for name, raw in files.items():
        wire = re.sub(rb"\r?\n", b"\r\n", raw) if b"\r\n" not in raw else raw
        problems = problems_in(wire)
        short = str(PurePosixPath(name).relative_to(PurePosixPath(name).parents[1]))
        if problems and short not in _BROKEN:
            wrong[short] = problems
    assert wrong == {}


def test_the_dialogues_themselves_are_there(material: Path) -> None:
    dialogues = json.loads((material / "dialogues.json").read_text(encoding="utf-8"))
    assert sum(one["proto"] == "imap" for one in dialogues) > 50
