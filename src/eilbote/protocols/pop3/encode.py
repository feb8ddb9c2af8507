"""The one encoder of POP3 commands (RFC 1939 section 3, RFC 2449 section 4).

Every word that leaves for a server is made here, so that no text of a user, a mail or another server
can begin a line of its own: NUL, CR and LF are refused (Misused `pop3.argument`) everywhere.
"""

from __future__ import annotations

from collections.abc import Callable
from enum import Enum, auto

from msgspec import Struct

from eilbote.errors import Misused

_LONGEST = 16 * 1024


class Answer(Enum):
    """What follows a positive status line: nothing, a listing of lines, or a mail."""

    STATUS = auto()
    LINES = auto()
    MAIL = auto()


class Command(Struct, frozen=True):
    """One command line without its CRLF.

    `respond` gives the reply to each challenge (SASL). `alone`: nothing may be sent before its reply.
    `secret`: its arguments never reach a trace.
    """

    name: str
    line: bytes
    answer: Answer = Answer.STATUS
    respond: Callable[[bytes], bytes] | None = None
    alone: bool = False
    secret: bool = False


def command(
    name: str,
    *arguments: str | int,
    answer: Answer = Answer.STATUS,
    respond: Callable[[bytes], bytes] | None = None,
    alone: bool = False,
    secret: bool = False,
) -> Command:
    """A command of `name` (our own words) and arguments, a space between. Spaces inside an argument
    are refused, but for the last of a secret command: passwords may hold them (RFC 1939 section 7)."""
    words = [name.encode("ascii")]
    for at, argument in enumerate(arguments):
        last = secret and at == len(arguments) - 1
        words.append(_word(name, argument, spaces=last))
    line = b" ".join(words)
    if len(line) > _LONGEST:
        raise Misused("pop3.argument", command=name)
    return Command(name, line, answer, respond, alone, secret)


def _word(name: str, argument: str | int, *, spaces: bool) -> bytes:
    if isinstance(argument, int):
        if argument < 0:
            raise Misused("pop3.argument", command=name)
        return b"%d" % argument
    try:
        word = argument.encode()
    except UnicodeEncodeError:
        raise Misused("pop3.argument", command=name) from None
    forbidden = b"\0\r\n" if spaces else b"\0\r\n \t"
    if not word or any(byte in forbidden for byte in word):
        raise Misused("pop3.argument", command=name)
    return word


def retr(number: int) -> Command:
    """The whole mail."""
    return command("RETR", number, answer=Answer.MAIL)


def top(number: int) -> Command:
    """The header alone, with the empty line after it."""
    return command("TOP", number, 0, answer=Answer.MAIL)


def dele(number: int) -> Command:
    """Marks a mail for deletion at QUIT."""
    return command("DELE", number)


CAPA = command("CAPA", answer=Answer.LINES, alone=True)
STAT = command("STAT")
LIST = command("LIST", answer=Answer.LINES)
UIDL = command("UIDL", answer=Answer.LINES)
NOOP = command("NOOP")
RSET = command("RSET")
QUIT = command("QUIT", alone=True)
STLS = command("STLS", alone=True)
UTF8 = command("UTF8", alone=True)
