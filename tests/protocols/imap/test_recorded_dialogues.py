"""Recorded dialogues of real servers, replayed step by step through a connection: no exception, and what
comes out is what an independent reading of the same bytes gives."""

from __future__ import annotations

import json
import re
import tarfile
from collections import Counter
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from eilbote.errors import EilboteError
from eilbote.mail.mailbox import UidSet
from eilbote.protocols.imap.connection import Greeting, ImapConnection, Reply
from eilbote.protocols.imap.encode import Command
from eilbote.protocols.imap.fetch import Fetch
from eilbote.protocols.imap.responses import (
    Capabilities,
    Enabled,
    Exists,
    Expunged,
    FlagsDefined,
    Found,
    Listed,
    Namespaces,
    Quota,
    QuotaRoots,
    Recent,
    ServerId,
    StatusTold,
    Vanished,
)
from tests.protocols.imap.deliveries import feed

pytestmark = pytest.mark.material

EVERY = frozenset({Capabilities, Enabled, Exists, Expunged, FlagsDefined, Fetch, Found, Listed, Namespaces})
EVERY |= {Quota, QuotaRoots, Recent, ServerId, StatusTold, Vanished}
BROKEN = {
    "TestUnexpectedGreeting": "imap.no_greeting",
    "CreateUnicodeRespTextCommands": "imap.syntax",  # of its last answer only the line's end was recorded
    "CreateUnexpectedByeCommands": "imap.bye",
    "CreateUnexpectedByeWithAlertCommands": "imap.bye",
    "CreateUnexpectedByeInSaslAuthenticateCommands": "imap.bye",
}
"""Dialogues made to break the grammar or to end in the middle, and how we say so."""
ANSWERS = {"OK": b"A######## OK done\r\n", "NO": b"A######## NO no\r\n", "Plus": b"+ \r\n"}
TAG = re.compile(rb"^A(?:########|\d{8})(?= )", re.MULTILINE)


@cache
def dialogues(material: Path) -> dict[str, list[dict[str, str]]]:
    """Every IMAP dialogue by its name; a name that comes twice is numbered."""
    found: dict[str, list[dict[str, str]]] = {}
    for one in json.loads((material / "dialogues.json").read_text(encoding="utf-8")):
        if one["proto"] == "imap":
            name = one["test"]
            while name in found:
                name += "'"
            found[name] = one["steps"]
    return found


@cache
def files(material: Path) -> dict[str, bytes]:
    """What servers said, by the names that the dialogues use."""
    found = {}
    with tarfile.open(material / "dialogues-responses.tar.gz") as archive:
        for member in archive:
            file = archive.extractfile(member) if member.isfile() else None
            if file is not None and "/Imap/Resources/" in member.name:
                raw = file.read()
                name = member.name.split("/Imap/Resources/")[1].replace("/", ".")
                found[name] = re.sub(rb"\r?\n", b"\r\n", raw) if b"\r\n" not in raw else raw
    return found


def said(step: dict[str, str], known: dict[str, bytes]) -> bytes:
    """The server's words in one step; numbered files count from 1."""
    name = step.get("respond_file", "").replace("{0}", "1")
    if name:
        return known.get(name, name.encode("utf-8", "surrogateescape"))
    return ANSWERS.get(step.get("respond", ""), b"")


def replay(steps: list[dict[str, str]], known: dict[str, bytes], told: list[tuple[bytes, Reply]]) -> None:
    """Adds to `told` each command's answer as bytes and as read."""
    connection = ImapConnection()
    whole, tag = b"", b""
    for step in steps:
        expect = step.get("expect") or ""
        if "raw" in step or (tag and not expect.strip()):
            continue  # the body of a loop over mails: what it sends is not recorded
        command = re.match(r"(?:A\S{8}|A\{0:D8\}|\{tag\}) ((?:UID )?\S+)(.*)", expect, re.DOTALL)
        if command:
            name = command[1].strip().upper()
            made = Command(name, (b"x",), expects=EVERY, answer=lambda challenge: b"x")
            tag, whole = connection.send(made), b""
        elif expect.strip().upper() == "DONE":
            connection.finish_idle()
        while connection.data_to_send():
            pass
        raw = TAG.sub(tag, said(step, known)) if tag else said(step, known)
        whole += raw
        for event in feed(connection, raw):
            assert not isinstance(event, Greeting) or not tag
            if isinstance(event, Reply):
                told.append((whole, event))


# --- an independent reading -------------------------------------------------------------------------


def lines(wire: bytes) -> list[list[Any]]:
    """Every untagged response as nested lists of bytes, None for NIL; status responses left out."""
    found, at = [], 0
    while at < len(wire):
        values, at = _values(wire, at)
        if values[:1] == [b"*"] and values[1] not in (b"OK", b"NO", b"BAD", b"BYE", b"PREAUTH"):
            found.append(values[1:])
    return found


def _values(wire: bytes, at: int) -> tuple[list[Any], int]:
    """One line's values, and where the next line begins."""
    if wire[at : at + 2] != b"* " or re.match(rb"\* (?:OK|NO|BAD|BYE|PREAUTH)\b", wire[at : at + 10]):
        return [], wire.find(b"\r\n", at) + 2 or len(wire)
    stack: list[list[Any]] = [[]]
    while True:
        if wire[at : at + 2] == b"\r\n" or at >= len(wire):
            return stack[0], at + 2
        mark = wire[at : at + 1]
        if mark == b"(":
            stack.append([])
            at += 1
        elif mark == b")":
            closed = stack.pop()
            stack[-1].append(closed)
            at += 1
        elif mark == b" ":
            at += 1
        elif mark == b'"':
            end = at + 1
            while wire[end : end + 1] != b'"':
                end += 2 if wire[end : end + 1] == b"\\" and wire[end + 1 : end + 2] in b'"\\' else 1
            stack[-1].append(re.sub(rb'\\(["\\])', rb"\1", wire[at + 1 : end]))
            at = end + 1
        elif literal := re.compile(rb"\{(\d+)\}\r\n").match(wire, at):
            stack[-1].append(wire[literal.end() : literal.end() + int(literal[1])])
            at = literal.end() + int(literal[1])
        else:
            atom = re.compile(rb"[A-Za-z0-9.]+\[[^\]]*\](?:<\d+>)?|[^ ()\r\n]+").match(wire, at)
            assert atom is not None
            stack[-1].append(None if atom[0] == b"NIL" else atom[0])
            at = atom.end()


def fetch_of(line: list[Any]) -> dict[str, Any]:
    items = line[2]
    return {items[at].decode().upper(): items[at + 1] for at in range(0, len(items) - 1, 2)}


def text(value: bytes | None) -> str:
    return "" if value is None else value.decode("utf-8", "replace")


# --- comparing --------------------------------------------------------------------------------------


def kinds_read(reply: Reply) -> Counter[str]:
    names = {Fetch: "FETCH", Exists: "EXISTS", Expunged: "EXPUNGE", Recent: "RECENT", StatusTold: "STATUS"}
    names |= {Vanished: "VANISHED", Found: "SEARCH", FlagsDefined: "FLAGS", Listed: "LIST"}
    return Counter(names[type(one)] for one in reply.untagged if type(one) in names)


def kinds_there(told: list[list[Any]]) -> Counter[str]:
    same = {"LSUB": "LIST", "ESEARCH": "SEARCH", "SORT": "SEARCH"}
    wanted = {"FETCH", "EXISTS", "EXPUNGE", "RECENT", "STATUS", "VANISHED", "SEARCH", "FLAGS", "LIST"}
    names = [text(one[1] if one[0].isdigit() else one[0]).upper() for one in told if one and one[0]]
    return Counter(same.get(name, name) for name in names if same.get(name, name) in wanted)


def compare_fetch(read: Fetch, there: dict[str, Any]) -> None:
    assert read.uid == (int(there["UID"]) if "UID" in there else None)
    if "FLAGS" in there:
        shown = {text(flag).lower() for flag in there["FLAGS"]} - {"\\recent"}
        assert {flag.lower() for flag in read.flags or ()} == shown
    else:
        assert read.flags is None
    assert read.size == (int(there["RFC822.SIZE"]) if "RFC822.SIZE" in there else None)
    if there.get("MODSEQ"):
        assert read.modseq == int(there["MODSEQ"][0])
    if "X-GM-MSGID" in there:
        assert read.email_id == text(there["X-GM-MSGID"])
    if "X-GM-LABELS" in there:
        assert len(read.labels) == len(there["X-GM-LABELS"])
    if there.get("ENVELOPE"):
        compare_envelope(read, there["ENVELOPE"])
    bodies = {name[5 : name.index("]")]: body for name, body in there.items() if name.startswith("BODY[")}
    assert {name.upper(): value for name, value in read.sections.items() if not name.startswith("RFC")} == {
        name.upper(): value for name, value in bodies.items()
    }


def compare_envelope(read: Fetch, told: list[Any]) -> None:
    envelope = read.envelope
    assert envelope is not None
    assert (envelope.date or "") == text(told[0])
    assert envelope.message_id.strip("<>") == text(told[9]).strip("<> \t")
    if told[1] is None or b"=?" not in told[1]:
        assert (envelope.subject or "") == text(told[1])
    people = [(text(one[2]), text(one[3])) for one in told[2] or [] if one[2] and one[3]]
    assert [(one.mailbox, one.host) for one in envelope.sender if one.mailbox and one.host] == people


def numbers_there(told: list[list[Any]], name: bytes) -> UidSet:
    found = UidSet()
    for one in told:
        if one[0] == name and name == b"VANISHED":
            found = found | UidSet.parse(one[-1].decode())
        elif one[0] == name:
            found = found | UidSet.of(int(word) for word in one[1:] if isinstance(word, bytes))
    return found


def test_every_dialogue_is_replayed_and_read_as_it_was_written(material: Path) -> None:
    known = files(material)
    compared: Counter[str] = Counter()
    wrong: dict[str, str] = {}
    for name, steps in dialogues(material).items():
        answers: list[tuple[bytes, Reply]] = []
        try:
            replay(steps, known, answers)
        except EilboteError as error:
            wrong[name] = error.problem.code
        for wire, reply in answers:
            told = lines(wire)
            assert kinds_read(reply) == kinds_there(told), (name, reply.command.name)
            compared += kinds_read(reply)
            shown = [fetch_of(one) for one in told if len(one) > 2 and one[1] == b"FETCH"]
            for read, there in zip([f for f in reply.untagged if isinstance(f, Fetch)], shown, strict=True):
                compare_fetch(read, there)
            assert [one.count for one in reply.untagged if isinstance(one, Exists)] == [
                int(one[0]) for one in told if len(one) > 1 and one[1] == b"EXISTS"
            ]
            found = UidSet()
            for one in reply.untagged:
                if isinstance(one, Found) and one.tag is None:
                    found = found | one.numbers
            assert found == numbers_there(told, b"SEARCH") | numbers_there(told, b"SORT")
            gone = UidSet()
            for one in reply.untagged:
                gone = gone | one.uids if isinstance(one, Vanished) else gone
            assert gone == numbers_there(told, b"VANISHED")
            listed = [one for one in reply.untagged if isinstance(one, Listed)]
            lists = [line for line in told if line[0] in (b"LIST", b"LSUB")]
            for one, line in zip(listed, lists, strict=True):
                assert one.wire_name == (line[3] if line[3] is not None else b"NIL")
                assert (one.delimiter or "") == text(line[2])
                assert one.attributes == {text(flag).lower() for flag in line[1]}
    assert wrong == BROKEN
    assert compared["FETCH"] > 500 and compared["LIST"] > 200, compared
    assert all(compared[kind] for kind in ("EXISTS", "EXPUNGE", "STATUS", "SEARCH", "FLAGS", "VANISHED"))
