"""The commands of a block to the actions of a friendly rule that do the same; None where none do."""

from __future__ import annotations

from collections.abc import Iterator
from urllib.parse import unquote

from msgspec import Struct

from eilbote.mail.address import is_address
from eilbote.sieve.build import FLAGS, mailto
from eilbote.sieve.read_conditions import plain, texts_of
from eilbote.sieve.rule import (
    AnyAction,
    Archive,
    Copy,
    Delete,
    Forward,
    Keep,
    Label,
    Mark,
    Move,
    Notify,
    Redirect,
    Reject,
    Reply,
)
from eilbote.sieve.tree import Command, Tag, Test

_MARKS = {flag.lower(): mark for mark, flag in FLAGS.items()}
_WITH_VALUE = frozenset({"flags", "specialuse", "days", "subject", "addresses", "message"})
_PLACING = (Move, Archive, Redirect)
ACTIONS = frozenset(
    {
        "keep",
        "discard",
        "fileinto",
        "redirect",
        "reject",
        "ereject",
        "vacation",
        "notify",
        "addflag",
        "setflag",
        "stop",
    }
)
"""Commands that may be actions of a friendly rule."""


class Done(Struct, frozen=True):
    """What a block does. `sets_flags`: it says which flags there are, whatever was there before."""

    actions: tuple[AnyAction, ...]
    stop: bool
    sets_flags: bool = False


class _Odd(Exception):
    """A command that no friendly action does."""


def read_actions(block: tuple[Command, ...], unanswered: Test | None = None) -> Done | None:
    """The actions of a block, None where something in it is more than a friendly rule can say. An answer may
    stand behind `unanswered`, the test that no earlier rule has answered (`build.unanswered`)."""
    block = tuple(_answer(command, unanswered) for command in block)
    stop = bool(block) and block[-1].name == "stop"
    commands = block[:-1] if stop else block
    try:
        found = [action for command in commands for action in _actions(command)]
    except _Odd:
        return None
    flagging = [isinstance(each, (Mark, Label)) for each in found]
    own = any(isinstance(each, Tag) and each.name == "flags" for c in commands for each in c.arguments)
    if (own or sorted(flagging, reverse=True) != flagging) and not _flags_of_one_place(commands, stop):
        return None  # flags that not all of the places get
    flagged = [command.name for command in commands if command.name in ("addflag", "setflag")]
    if "setflag" in flagged[1:]:
        return None  # it forgets those before
    sets = own or "setflag" in flagged
    return Done(tuple(_one_place(found)), stop, sets)


def _answer(command: Command, unanswered: Test | None) -> Command:
    """The answer behind the test that none was given before."""
    match command.block:
        case (Command(name="vacation") as answer,) if command.name == "if" and unanswered is not None:
            return answer if plain(command.tests[0]) == unanswered else command
        case _:
            return command


def _flags_of_one_place(commands: tuple[Command, ...], stop: bool) -> bool:
    """`fileinto :flags` of one mailbox, and nothing comes after: flags set before do the same."""
    placing = [command for command in commands if command.name in ("fileinto", "keep")]
    return stop and len(placing) == 1 and not any(c.name in ("addflag", "setflag") for c in commands)


def _one_place(found: list[AnyAction]) -> Iterator[AnyAction]:
    """A mail that goes to several places has copies in all but the last; a `discard` beside them only says
    once more that it does not stay."""
    places = [each for each in found if isinstance(each, _PLACING)]
    for action in found:
        if isinstance(action, _PLACING) and action is not places[-1]:
            match action:
                case Move():
                    yield Copy(action.mailbox)
                case Redirect():
                    yield Forward(action.address)
                case _:
                    yield action
        elif not (isinstance(action, Delete) and places):
            yield action


def _actions(command: Command) -> Iterator[AnyAction]:
    if command.block is not None or command.tests or command.name not in ACTIONS:
        raise _Odd
    tags, rest = _parts(command)
    match command.name, rest:
        case "keep", []:
            _only(tags, "flags")
            yield from _flags(tags.get("flags", ()))
            yield Keep()
        case "discard", []:
            _only(tags)
            yield Delete()
        case "fileinto", [[mailbox]]:
            yield from _fileinto(tags, mailbox)
        case "redirect", [[address]]:
            _only(tags, "copy")
            yield Forward(address) if "copy" in tags else Redirect(address)
        case "reject" | "ereject", [[reason]]:
            _only(tags)
            yield Reject(_unix(reason))
        case "vacation", [[reason]]:
            yield _reply(tags, reason)
        case "notify", [[method]]:
            _only(tags, "message")
            address = unquote(method[len("mailto:") :])
            if not is_address(address) or mailto(address) != method:
                raise _Odd
            yield Notify(address, _unix("".join(tags.get("message", ()))))
        case "addflag" | "setflag", [flags]:
            _only(tags)
            yield from _flags(flags)
        case _:
            raise _Odd


def _fileinto(tags: dict[str, tuple[str, ...]], mailbox: str) -> Iterator[AnyAction]:
    _only(tags, "copy", "create", "flags", "specialuse")
    yield from _flags(tags.get("flags", ()))
    role = tags.get("specialuse")
    if role is None:
        yield Copy(mailbox) if "copy" in tags else Move(mailbox)
    elif role[0].lower() == "\\archive" and "copy" not in tags:
        yield Archive()
    else:
        raise _Odd


def _reply(tags: dict[str, tuple[str, ...]], reason: str) -> Reply:
    _only(tags, "days", "subject", "addresses")
    days = int("".join(tags.get("days", ("7",))))
    return Reply(_unix(reason), days, "".join(tags.get("subject", ())), tags.get("addresses", ()))


def _flags(flags: tuple[str, ...] | list[str]) -> Iterator[AnyAction]:
    for flag in (name for each in flags for name in each.split()):
        if flag.lower() in _MARKS:
            yield Mark(_MARKS[flag.lower()])
        elif flag.startswith("\\"):
            raise _Odd
        else:
            yield Label((flag,))


def _only(tags: dict[str, tuple[str, ...]], *allowed: str) -> None:
    if not tags.keys() <= {*allowed}:
        raise _Odd


def _parts(command: Command) -> tuple[dict[str, tuple[str, ...]], list[list[str]]]:
    tags: dict[str, tuple[str, ...]] = {}
    rest: list[list[str]] = []
    waiting = ""
    for argument in command.arguments:
        if isinstance(argument, Tag):
            tags[argument.name] = ()
            waiting = argument.name if argument.name in _WITH_VALUE else ""
        elif waiting:
            tags[waiting] = texts_of(argument)
            waiting = ""
        else:
            rest.append([*texts_of(argument)])
    return tags, rest


def _unix(text: str) -> str:
    return text.replace("\r\n", "\n")
