"""What was read out of a log, as values."""

from __future__ import annotations

from enum import StrEnum

from msgspec import Struct


class Program(StrEnum):
    """Who wrote a line."""

    POSTFIX = "postfix"
    DOVECOT = "dovecot"
    EXIM = "exim"
    EILBOTE = "eilbote"


class Event(Struct, frozen=True):
    """A line that tells of a failure. `text`: what went wrong, in the words of the server; `status`: the
    enhanced status with it (`5.1.1`); `host`: the server it is about; `time` as the line has it; `own`: the
    program speaks of itself and not of what another server said."""

    program: Program
    text: str
    time: str = ""
    status: str = ""
    host: str = ""
    own: bool = False
    protocol: str = "smtp"


class Group(Struct, frozen=True):
    """Failures of one cause with one text. `code`: names its sentences in the message catalogue; `cause`: a
    stable word, a dot, a detail; `example`: a line of it, without whole addresses; `first`, `last` as the
    lines have them."""

    program: Program
    cause: str
    code: str
    text: str
    status: str
    host: str
    count: int
    first: str
    last: str
    example: str
    hosts: int = 1


class Explained(Struct, frozen=True):
    """A whole log. `lines` in all; `failures`: lines that tell of one; `other`: lines of these programs that
    tell of none; `unknown`: lines of nobody we know; `ungrouped`: failures for which there was no room."""

    lines: int
    failures: int
    other: int
    unknown: int
    ungrouped: int
    programs: tuple[Program, ...]
    groups: tuple[Group, ...]
    problem: str = ""
