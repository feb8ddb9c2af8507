"""The one script of ours that an account's server runs: which rules can be in it, what it says, and what of
it lies there.

A server has one active script for all of an account, so that all rules that it carries out are one text. Its
first line seals the rest: who finds it broken knows that another program has changed the script since. Pure:
nothing here speaks to a server.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator, Sequence
from datetime import date
from enum import StrEnum
from hashlib import sha256

from msgspec import Struct
from msgspec.structs import replace

from eilbote.errors import Problem
from eilbote.sieve.build import build_script, required
from eilbote.sieve.parse import parse_script
from eilbote.sieve.read_back import read_back
from eilbote.sieve.rule import FINAL, Delete, Notify, OwnScript, Rule, Where
from eilbote.sieve.rule_check import canonical, here_only
from eilbote.sieve.script import Script, read_script
from eilbote.sieve.tree import Command, Text, TextList, Tree
from eilbote.sieve.values import Position
from eilbote.sieve.write import write_script

Entry = Rule | OwnScript

_SEAL = re.compile(r"# Eilbote \(([0-9a-f]{64})\)[^\n]*\n")
_NAMED = re.compile(r" (?:rule|script):\[(.*)\]")
_ALONE_THERE = re.compile(r"\A# script:\[[^\n]*\]\n")
_ALONE = frozenset({"variables", "encoded-character", "foreverypart"})
"""What changes how other rules in the same script are read."""


class Stay(Struct, frozen=True):
    """A rule that the server does not carry out, and why."""

    name: str
    why: Problem


class Chosen(Struct, frozen=True):
    """What of an account's rules a server can carry out, in order, and what stays here."""

    entries: tuple[Entry, ...] = ()
    stays: tuple[Stay, ...] = ()


class Found(StrEnum):
    """What lies on a server, beside what the book would build. `OLD`: ours, but the book has changed since;
    `FOREIGN`: another program wrote or changed it."""

    SAME = "same"
    OLD = "old"
    FOREIGN = "foreign"
    MISSING = "missing"


def choose(
    entries: Sequence[Entry],
    available: Collection[str],
    methods: Collection[str],
    today: date,
    *,
    wanted: Collection[str] | None = None,
    alone: bool = True,
) -> Chosen:
    """Which of an account's rules and scripts a server with these extensions and methods of notification
    carries out. `wanted`: names in lower case, of which each is to go there if it can; None: as many as
    change nothing for the mail, that is from the first one on, as a server comes before us.

    `alone`: no other account is there, so a rule for all is one for this."""
    active = [one for one in entries if (one.enabled if isinstance(one, Rule) else one.run and not one.on)]
    there = [
        one for one in active if wanted is None or one.name.lower() in wanted or one.where is not Where.HERE
    ]
    known = {name.lower() for name in available}
    can: list[Entry] = []
    stays: list[Stay] = [
        Stay(one.name, Problem("rules.stays.events", {"rule": one.name}))
        for one in entries
        if isinstance(one, OwnScript) and one.on and one.run and one.name.lower() in (wanted or ())
    ]
    for entry in active:
        if entry not in there:
            continue
        why = _cannot(entry, known, {name.lower() for name in methods}, today, few=len(there) == 1)
        if why is None and not entry.account and not alone:
            why = Problem("rules.stays.all_accounts", {"rule": entry.name})
        asked = wanted is not None and entry.name.lower() in wanted
        deletes = isinstance(entry, Rule) and any(isinstance(each, Delete) for each in entry.actions)
        if why is None and deletes and entry.where is Where.HERE and not asked:
            why = Problem("rules.stays.deletes", {"rule": entry.name})
        if why is None:
            can.append(entry)
        else:
            stays.append(Stay(entry.name, why))
    if wanted is None:
        overtaken = [*_out_of_order(active, can)]
        can = [one for one in can if one.name not in {stay.name for stay in overtaken}]
        stays += overtaken
    order = {one.name: number for number, one in enumerate(entries)}
    return Chosen(tuple(can), tuple(sorted(stays, key=lambda stay: order[stay.name])))


def _out_of_order(active: Sequence[Entry], can: Sequence[Entry]) -> Iterator[Stay]:
    """Rules that would overtake one that stays here, or that could not keep a later one from a mail. What is
    on the server already is not called back for it."""
    before: Entry | None = None
    for number, entry in enumerate(active):
        if entry not in can:
            before = before or entry
            continue
        if entry.where is not Where.HERE:
            continue
        left = next((one for one in active[number + 1 :] if one not in can), None)
        if before is not None:
            yield Stay(entry.name, Problem("rules.stays.behind", {"rule": entry.name, "other": before.name}))
        elif left is not None and _keeps_others_away(entry):
            yield Stay(entry.name, Problem("rules.stays.stops", {"rule": entry.name, "other": left.name}))
            before = entry


def _keeps_others_away(entry: Entry) -> bool:
    """Whether it may leave a mail in the inbox that later rules are not to see."""
    if isinstance(entry, Rule):
        return entry.stop and not any(isinstance(each, FINAL) for each in entry.actions)
    return "stop" in {command.name for command in _all_commands(parse_script(entry.sieve)[0].commands)}


def _all_commands(commands: Iterable[Command]) -> Iterator[Command]:
    for command in commands:
        yield command
        yield from _all_commands(command.block or ())


def _cannot(
    entry: Entry, known: Collection[str], methods: Collection[str], today: date, *, few: bool
) -> Problem | None:
    """Why a server cannot carry it out."""
    if isinstance(entry, Rule):
        if reason := here_only(entry):
            return Problem("rules.stays.knows", {"rule": entry.name, "key": reason})
        needs = required((entry,), today, known)
        if "mailto" not in methods and any(isinstance(each, Notify) for each in entry.actions):
            needs = needs | {"enotify"} if "enotify" not in known else needs | {"mailto"}
    else:
        read = read_script(entry.sieve)
        if not isinstance(read, Script):
            # Includes of scripts that lie elsewhere are among what is wrong with it.
            return Problem("rules.stays.wrong", {"rule": entry.name, "line": str(read[0].at.line)})
        if read.runs_here_only:
            return Problem("rules.stays.knows", {"rule": entry.name, "key": "vnd.eilbote"})
        if "include" in read.extensions:
            return Problem("rules.stays.includes", {"rule": entry.name})
        if not few and (hard := sorted(read.extensions & _ALONE)):
            return Problem("rules.stays.alone", {"rule": entry.name, "extensions": ", ".join(hard)})
        needs = read.extensions
    if missing := sorted(need for need in needs if need not in known and need != "comparator-i;octet"):
        return Problem("rules.stays.extensions", {"rule": entry.name, "extensions": ", ".join(missing)})
    return None


def build_for_server(entries: Sequence[Entry], available: Collection[str], today: date) -> str:
    """The script of these rules, which `choose` has found fit for the server, with its seal."""
    if len(entries) == 1 and isinstance(entries[0], OwnScript):
        return sealed(f"# script:[{entries[0].name}]\n{_unix(entries[0].sieve)}")
    commands: list[Command] = []
    needs: set[str] = set()
    known = frozenset(name.lower() for name in available)
    for entry in entries:
        if isinstance(entry, OwnScript):
            tree = parse_script(entry.sieve)[0]
            own = [one for one in tree.commands if one.name != "require"]
            commands += _headed(own, f" script:[{entry.name}]")
        else:
            tree = parse_script(build_script((entry,), today, known))[0]
            commands += [one for one in tree.commands if one.name != "require"]
        needs |= _required_by(tree)
    at = Position(1, 1)
    if needs:
        names = TextList(at, tuple(Text(at, name) for name in sorted(needs)))
        commands.insert(0, Command(at, "require", (names,)))
    return sealed("\n".join(write_script(Tree((command,))) for command in commands))


def _headed(commands: Sequence[Command], comment: str) -> list[Command]:
    """With this comment at the first of them."""
    if not commands:
        return [Command(Position(1, 1), "keep", comments=(comment,))]
    return [replace(commands[0], comments=(comment, *commands[0].comments)), *commands[1:]]


def _required_by(tree: Tree) -> set[str]:
    found: set[str] = set()
    for command in tree.commands:
        if command.name == "require":
            for argument in command.arguments:
                if isinstance(argument, TextList):
                    found |= {item.value for item in argument.items}
                elif isinstance(argument, Text):
                    found.add(argument.value)
    return found


def sealed(script: str) -> str:
    """With a first line that tells whether another program has changed it since."""
    return f"# Eilbote ({_print(script)}): rules.toml, not here, is where to change this.\n{script}"


def unsealed(script: str) -> str:
    """What was sealed, without the name of a script that went there by itself."""
    text = _unix(script)
    seal = _SEAL.match(text)
    return text if seal is None else _ALONE_THERE.sub("", text[seal.end() :], count=1)


def is_ours(script: str) -> bool:
    """Whether it is as it was sealed."""
    text = _unix(script)
    seal = _SEAL.match(text)
    return seal is not None and seal[1] == _print(text[seal.end() :])


def compared(script: str | None, wanted: str) -> Found:
    """What lies on the server, beside what is wanted there."""
    if script is None:
        return Found.MISSING
    if _unix(script).rstrip("\n") == _unix(wanted).rstrip("\n"):
        return Found.SAME
    return Found.OLD if is_ours(script) else Found.FOREIGN


def carries(script: str, entries: Iterable[Entry]) -> frozenset[str]:
    """The names of those of these rules that a script carries out: because one in it does the same, or in
    ours by the name above a command, as the book may have changed since."""
    commands = parse_script(script)[0].commands if _SEAL.match(_unix(script)) else ()
    named = {
        found[1].lower()
        for command in commands
        for comment in command.comments
        if (found := _NAMED.fullmatch(comment))
    }
    said = {_bare(one) for one in read_back(unsealed(script))}
    return frozenset(one.name for one in entries if one.name.lower() in named or _bare(one) in said)


def does_the_same(entry: Entry, other: Entry) -> bool:
    """Whether it does, whatever the two are called and wherever they are carried out."""
    return _bare(entry) == _bare(other)


def _bare(entry: Entry) -> Entry:
    """What it does, whatever it is called and wherever it is carried out."""
    if isinstance(entry, Rule):
        return replace(canonical(entry), name="", account="", where=Where.HERE, enabled=True)
    return OwnScript("", _unix(entry.sieve).strip())


def rule_at(script: str, line: int) -> str:
    """The name of the rule that a line of a script belongs to; empty: none."""
    name = ""
    for command in parse_script(script)[0].commands:
        if command.at.line > line:
            break
        for comment in command.comments:
            if found := _NAMED.fullmatch(comment):
                name = found[1]
    return name


def _print(text: str) -> str:
    return sha256(_unix(text).rstrip("\n").encode("utf-8", "replace")).hexdigest()


def _unix(text: str) -> str:
    return text.replace("\r\n", "\n")
