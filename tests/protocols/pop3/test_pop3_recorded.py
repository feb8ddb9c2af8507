"""Recorded dialogues of real servers: each is read without an exception, and says what a reader of the
recording would take from it. What is expected is read from the recording itself, in other ways."""

from __future__ import annotations

import json
import re
import tarfile
from collections.abc import Mapping
from pathlib import Path

import pytest

from eilbote.protocols.pop3.connection import Greeting, Pop3Connection, Reply
from eilbote.protocols.pop3.encode import Answer, Command, command
from eilbote.protocols.pop3.responses import read_capabilities, read_maildrop, read_stat
from tests.protocols.pop3.lines import feed

pytestmark = pytest.mark.material

_LINES = {"CAPA", "LANG"}
_MAILS = {"RETR", "TOP"}


def _answer_of(line: str) -> Answer:
    words = line.split()
    if words[0] in _MAILS:
        return Answer.MAIL
    if words[0] in _LINES and len(words) == 1:
        return Answer.LINES
    return Answer.LINES if words[0] in ("LIST", "UIDL") and len(words) == 1 else Answer.STATUS


def _wire(raw: bytes) -> bytes:
    return re.sub(rb"\r?\n", b"\r\n", raw)


def _files(material: Path) -> Mapping[str, bytes]:
    """Responses as `server.name.txt`, the way the dialogues name them."""
    found = {}
    with tarfile.open(material / "dialogues-responses.tar.gz") as archive:
        for member in archive:
            file = archive.extractfile(member) if member.isfile() else None
            if file is not None and "/Pop3/" in member.name:
                folder, name = member.name.split("/")[-2:]
                found[f"{folder}.{name}"] = _wire(file.read())
    return found


def _dialogues(material: Path) -> list[dict[str, object]]:
    told = json.loads((material / "dialogues.json").read_text(encoding="utf-8"))
    return [one for one in told if one["proto"] == "pop3"]


def _expected(asked: Command, wire: bytes) -> tuple[bool, tuple[bytes, ...], bytes | None, bytes]:
    """What a reader sees at the beginning of `wire`, by splitting it; and what is left."""
    status, _, rest = wire.partition(b"\r\n")
    if not status.startswith(b"+OK") or asked.answer is Answer.STATUS:
        return status.startswith(b"+OK"), (), None, rest
    body, _, left = (b"\r\n" + rest).partition(b"\r\n.\r\n")
    lines = [line.removeprefix(b".") for line in body.split(b"\r\n")[1:]]
    if asked.answer is Answer.LINES:
        return True, tuple(lines), None, left
    return True, (), b"".join(line + b"\r\n" for line in lines), left


def _replay(steps: list[dict[str, str]], files: Mapping[str, bytes], size: int) -> int:
    """Plays a dialogue through one connection; returns the number of replies compared."""
    connection = Pop3Connection()
    compared = 0
    login: list[bytes] = []  # responses of a login of several lines
    for step in steps:
        wire = files[step["respond_file"]]
        if not step["expect"]:
            (greeting,) = feed(connection, wire, size)
            assert isinstance(greeting, Greeting) and greeting.status.ok == wire.startswith(b"+OK")
            continue
        asked = []
        for line in step["expect"].split("\r\n")[:-1]:
            name = line.split()[0]
            if name == "AUTH":
                login.append(b"")
                asked.append(command("AUTH", line.split()[1], respond=lambda _: b"answer", secret=True))
            elif not login:
                arguments = [int(word) if word.isdigit() else word for word in line.split()[1:]]
                asked.append(command(name, *arguments, answer=_answer_of(line)))
        for one in asked:
            connection.send(one)
        events = feed(connection, wire, size)
        if login:
            assert all(isinstance(event, Reply) and event.status.ok for event in events)
            if events:
                login.clear()
                compared += 1
            continue
        assert len(events) == len(asked)
        for one, event in zip(asked, events, strict=True):
            assert isinstance(event, Reply)
            ok, lines, mail, wire = _expected(one, wire)
            assert (event.status.ok, event.lines, event.mail) == (ok, lines, mail), one.name
            compared += 1
        assert wire == b"", "nothing is left over"
    assert connection.framer.is_empty
    return compared


@pytest.mark.parametrize("size", [1, 1000, 100_000])
def test_dialogues_say_what_a_reader_expects(material: Path, size: int) -> None:
    files = _files(material)
    dialogues = _dialogues(material)
    assert len(dialogues) > 30
    compared = 0
    for one in dialogues:
        steps = one["steps"]
        assert isinstance(steps, list)
        if size == 1 and any("retr" in step["respond_file"] for step in steps):
            continue  # mails byte by byte: below, each once
        compared += _replay(steps, files, size)
    assert compared > 150


def test_recorded_mails_byte_by_byte(material: Path) -> None:
    files = {name: wire for name, wire in _files(material).items() if re.search(r"\.(retr1|top)\.txt", name)}
    assert len(files) >= 3
    for name, wire in files.items():
        asked = command("RETR", 1, answer=Answer.MAIL)
        connection = Pop3Connection()
        feed(connection, b"+OK\r\n", 100)
        connection.send(asked)
        (event,) = feed(connection, wire, 1)
        assert isinstance(event, Reply)
        assert event.mail == _expected(asked, wire)[2], name


def test_listings_and_capabilities_say_what_a_reader_expects(material: Path) -> None:
    files = _files(material)
    listings = {
        name: wire.split(b"\r\n")[1:-2]
        for name, wire in files.items()
        if ".list." in name or ".uidl." in name
    }
    assert len(listings) >= 4
    for name, lines in listings.items():
        pairs = {int(line.split()[0]): line.split()[1].decode() for line in lines}
        if ".list." in name:
            drop = read_maildrop(len(lines), lines, None)
            assert {mail.number: str(mail.size) for mail in drop.mails} == pairs, name
        else:
            drop = read_maildrop(len(lines), [], lines)
            assert {mail.number: mail.uidl for mail in drop.mails} == pairs, name
        assert drop.unreadable == 0
    for name, wire in files.items():
        lines = wire.split(b"\r\n")[1:-2]
        if ".capa" in name:
            told = read_capabilities(lines)
            assert told.names == {line.split()[0].decode() for line in lines}, name
            sasl = next((line.decode().split()[1:] for line in lines if line.startswith(b"SASL")), [])
            assert list(told.mechanisms) == sasl, name
        if ".stat.txt" in name:
            count, size = wire.split()[1:3]
            stat = read_stat(wire.decode()[4:].strip())
            assert (stat.count, stat.size) == (int(count), int(size)), name


def test_broken_answers_cost_no_more_than_their_line(material: Path) -> None:
    files = _files(material)
    broken = {name: wire for name, wire in files.items() if "error" in name and "1-" not in name}
    assert len(broken) >= 8
    for name, wire in broken.items():
        lines = wire.split(b"\r\n")[1:-2]
        if ".list-" in name or ".uidl-" in name:
            drop = read_maildrop(None, lines, None)
            readable = [line for line in lines if re.fullmatch(rb"\d+ \d+", line)]
            assert len([mail for mail in drop.mails if mail.size is not None]) == len(readable), name
        elif ".stat-" in name:
            stat = read_stat(wire.decode()[4:].strip())
            assert None in (stat.count, stat.size), name
